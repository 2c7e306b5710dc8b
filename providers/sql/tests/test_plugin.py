"""What the provider registers, and how lightly its names load."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import tradewind_sql
from tradewind import plugins
from tradewind.connection import Connection
from tradewind.hook import BaseHook
from tradewind_sql import SqliteHook, extras

MODULES = sorted(path.stem for path in Path(tradewind_sql.__file__).parent.glob("*.py"))


def test_the_plugin_is_found_and_brings_the_connection_type() -> None:
    loaded = plugins.load(strict=True)
    assert "sql" in [plugin.name for plugin in loaded.plugins]
    declared = loaded.connection_type("sqlite")
    assert declared is not None
    assert declared.hook is not None
    assert plugins.load_object(declared.hook) is SqliteHook


def test_a_connection_gives_its_hook(database: Path) -> None:
    hook = BaseHook.get_hook("warehouse")
    assert type(hook) is SqliteHook
    assert hook.get_records("select 1") == [(1,)]
    quiet = Connection.get("warehouse").get_hook(hook_params={"log_sql": False})
    assert quiet.log_sql is False
    assert Connection.get("warehouse").test_connection() == (True, "Connection successfully tested")


def test_extras_are_typed(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/x.db?timeout=2.5&foreign_keys=false&immutable=true&cached_statements=7&mode=ro"
    conn = Connection.from_uri(uri, conn_id="c")
    expected = {"timeout": 2.5, "foreign_keys": False, "immutable": True, "cached_statements": 7, "mode": "ro"}
    assert conn.extra_dejson == expected
    again = Connection.from_uri(conn.get_uri(), conn_id="c")
    assert (again.host, again.schema, again.extra_dejson) == (conn.host, conn.schema, expected)


def test_every_extra_is_described_once() -> None:
    names = [extra.name for extra in extras.SQLITE]
    assert len(names) == len(set(names))
    assert all(extra.help for extra in extras.SQLITE)


def test_every_public_name_is_there() -> None:
    for name in tradewind_sql.__all__:
        assert getattr(tradewind_sql, name).__name__ == name
    assert set(tradewind_sql.__all__) <= set(dir(tradewind_sql))
    with pytest.raises(AttributeError, match="no attribute 'PostgresHook'"):
        tradewind_sql.PostgresHook  # noqa: B018  # asking is the point


@pytest.mark.parametrize("module", MODULES)
def test_every_module_imports_alone(module: str) -> None:
    name = "tradewind_sql" if module == "__init__" else f"tradewind_sql.{module}"
    importlib.import_module(name)
    script = f"import {name}, sys; sys.exit('sqlalchemy' in sys.modules or 'jinja2' in sys.modules)"
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True)
