"""What the provider registers, and how lightly its names load."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import tradewind_mysql
from tradewind import plugins
from tradewind.connection import Connection
from tradewind_mysql import MySqlHook, MySqlSandbox, extras

MODULES = sorted(path.stem for path in Path(tradewind_mysql.__file__).parent.glob("*.py"))

#: Libraries that are loaded when a connection is opened, and not before.
HEAVY = ("pymysql", "sqlalchemy", "boto3", "cryptography", "jinja2", "click", "ssl", "tempfile")


def test_the_plugin_brings_the_connection_type_and_its_sandbox() -> None:
    loaded = plugins.load(strict=True)
    declared = loaded.connection_type("mysql")
    assert declared == loaded.connection_type("mariadb") == extras.CONNECTION_TYPE
    assert declared.hook is not None
    assert plugins.load_object(declared.hook) is MySqlHook
    assert loaded.resolve("register_sandboxes", "mysql") is MySqlSandbox


def test_extras_are_typed_and_survive_the_uri() -> None:
    uri = "mysql://u:p@h:3306/db?connect_timeout=2.5&local_infile=false&iam=false&ssl.ca=/ca.pem&ssl_mode=VERIFY_CA"
    conn = Connection.from_uri(uri, conn_id="c")
    expected = {
        "connect_timeout": 2.5,
        "local_infile": False,
        "iam": False,
        "ssl": {"ca": "/ca.pem"},
        "ssl_mode": "VERIFY_CA",
    }
    assert conn.extra_dejson == expected
    assert Connection.from_uri(conn.get_uri(), conn_id="c") == conn


def test_every_public_name_is_there() -> None:
    for name in tradewind_mysql.__all__:
        assert getattr(tradewind_mysql, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'PostgresHook'"):
        tradewind_mysql.PostgresHook  # noqa: B018  # asking is the point


@pytest.mark.parametrize("module", MODULES)
def test_every_module_imports_alone(module: str) -> None:
    importlib.import_module("tradewind_mysql" if module == "__init__" else f"tradewind_mysql.{module}")


def test_the_hook_loads_next_to_nothing() -> None:
    """In a fresh process: none of the heavy libraries, and few modules more than the hook that it is made of."""
    script = (
        "import sys; from tradewind_sql import DbApiHook; before = len(sys.modules);"
        "from tradewind_mysql import MySqlHook;"
        f"print([name for name in {HEAVY} if name in sys.modules], len(sys.modules) - before)"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=True)
    loaded, _, more = done.stdout.strip().rpartition(" ")
    assert loaded == "[]"
    assert int(more) < 25
