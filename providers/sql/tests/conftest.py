"""A SQLite database file per test, reached through a connection in the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradewind_sql import SqliteHook


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file behind the connection `warehouse`; it is made by the first write."""
    path = tmp_path / "warehouse.db"
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", f"sqlite:///{path}")
    return path


@pytest.fixture
def hook(database: Path) -> SqliteHook:
    return SqliteHook("warehouse")
