"""What every test shares: a home folder of its own, a clean environment, and the list of real servers used."""

import os
import sqlite3
from pathlib import Path

import pytest

#: Settings and connections of whoever runs the tests must not leak into them.
_OURS = ("TRADEWIND_", "AIRFLOW")
_KEPT = ("TRADEWIND_SIMULATION_SEEDS", "TRADEWIND_TEST_SERVERS")


def pytest_configure(config):
    for name in list(os.environ):
        if name.startswith(_OURS) and name not in _KEPT:
            del os.environ[name]
    if "TRADEWIND_TEST_SERVERS" not in os.environ:  # the workers of xdist inherit it
        path = Path(config.rootpath) / ".pytest_servers"
        path.unlink(missing_ok=True)
        os.environ["TRADEWIND_TEST_SERVERS"] = str(path)
        config.servers_path = path
    used_server(f"SQLite {sqlite3.sqlite_version} (embedded)")


def used_server(name):
    """Note that a test used a real server; named at the end of the session."""
    with Path(os.environ["TRADEWIND_TEST_SERVERS"]).open("a", encoding="utf-8") as notes:
        notes.write(name + "\n")


def pytest_unconfigure(config):
    path = getattr(config, "servers_path", None)
    if path is not None and path.exists():
        servers = sorted(set(path.read_text(encoding="utf-8").splitlines()))
        path.unlink()
        print(f"\nReal servers used: {', '.join(servers)}. Left out: nothing.")


@pytest.fixture(scope="session")
def note_server():
    """`used_server`, for tests that start a server themselves."""
    return used_server


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    """A home folder that exists only for this test, and is made only if something is written to it."""
    folder = tmp_path_factory.mktemp("tradewind") / "home"
    monkeypatch.setenv("TRADEWIND_HOME", str(folder))
    return folder
