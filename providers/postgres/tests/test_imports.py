"""Importing the hook costs next to nothing, and loads neither the driver nor anything else that is not used yet."""

from __future__ import annotations

import subprocess
import sys

import pytest

#: What is loaded only by what uses it.
LATER = (
    "psycopg2", "sqlalchemy", "boto3", "pandas", "polars", "pyarrow", "jinja2", "click", "msgspec", "pluggy", "logging",
    "decimal", "json", "uuid", "pathlib", "dataclasses", "inspect", "ipaddress", "tradewind.connection",
    "tradewind.plugins",
)  # fmt: skip


def modules(code):
    """Names of the modules that a fresh interpreter has after some code."""
    told = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return set(told.stdout.split())


def test_what_the_import_loads():
    plain = modules("import tradewind")
    found = modules("from tradewind_postgres import PostgresHook") - plain
    assert {name for name in LATER if name in found} == set()
    assert len([name for name in found if name.startswith("tradewind")]) <= 16
    assert len(found) <= 24


def test_it_imports_without_the_driver():
    code = "import sys; sys.modules['psycopg2'] = None; from tradewind_postgres import {}; print({}.__name__)"
    for name in ("PostgresHook", "PostgresOperator"):
        done = subprocess.run([sys.executable, "-c", code.format(name, name)], capture_output=True, text=True)
        assert done.stdout == f"{name}\n", done.stderr


def test_the_driver_is_loaded_by_the_first_connection():
    code = "from tradewind_postgres import PostgresHook\nPostgresHook('x').connection_settings"
    with pytest.MonkeyPatch.context() as environ:
        environ.setenv("AIRFLOW_CONN_X", "postgres://db/d")
        assert "psycopg2" not in modules(code)


def test_a_script_writes_nothing(server, tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from tradewind_postgres import PostgresHook; print(PostgresHook('x').get_first('select 1'))",
        ],
        env={"AIRFLOW_CONN_X": server.get_uri(), "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "(1,)\n", done.stderr
    assert done.stderr == ""
    assert list(tmp_path.rglob("*")) == []
