"""What every test of this repository shares: a clean environment, and the list of real servers used.

Nothing of this is needed to pass: a provider's tests also run outside of this repository, with what it installs.
"""

import contextlib
import itertools
import logging
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

#: Settings and connections of whoever runs the tests must not leak into them.
_OURS = ("TRADEWIND_", "AIRFLOW")
_KEPT = ("TRADEWIND_SIMULATION_SEEDS", "TRADEWIND_TEST_SERVERS", "TRADEWIND_SANDBOX_")


def pytest_configure(config):
    for name in list(os.environ):
        if name.startswith(_OURS) and not name.startswith(_KEPT):
            del os.environ[name]
    # Whatever a shell starts in the background ignores Ctrl-C, and so would all that the tests start and interrupt.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if "TRADEWIND_TEST_SERVERS" not in os.environ:  # the workers of xdist inherit it
        handle, path = tempfile.mkstemp(prefix="tradewind-servers-")
        os.close(handle)
        os.environ["TRADEWIND_TEST_SERVERS"] = path
        config.pluginmanager.register(LastWord(Path(path)))
    used_server(f"SQLite {sqlite3.sqlite_version} (embedded)")
    with contextlib.suppress(ImportError):
        import hypothesis

        # How long an example takes says more about the other processes of the machine than about us.
        hypothesis.settings.register_profile("tradewind", deadline=None)
        hypothesis.settings.load_profile("tradewind")


def used_server(name):
    """Note that a test used a real server; named at the end of the session."""
    with Path(os.environ["TRADEWIND_TEST_SERVERS"]).open("a", encoding="utf-8") as notes:
        notes.write(name + "\n")


def pytest_tradewind_server_used(name):
    """Called by the fixture `sandbox`."""
    used_server(name)


class LastWord:
    """Ends the session with the servers that were used and what was left out.

    A test that lacks its server, or a library, skips itself: `pytest.skip("PostgreSQL: ...")`. With CI=true that fails
    the session. What is marked with `skipif`, because this system cannot have it, does not.
    """

    def __init__(self, path):
        self.path = path
        self.left_out = set()
        self.missing = False

    def pytest_runtest_logreport(self, report):
        if report.skipped and not hasattr(report, "wasxfail"):
            self.left_out.add(report.longrepr[2].removeprefix("Skipped: "))
            self.missing = self.missing or "skipif" not in report.keywords

    def pytest_sessionfinish(self, session, exitstatus):
        if self.missing and exitstatus == pytest.ExitCode.OK and os.environ.get("CI") == "true":
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_unconfigure(self):
        del os.environ["TRADEWIND_TEST_SERVERS"]
        servers = sorted(set(self.path.read_text(encoding="utf-8").splitlines()))
        self.path.unlink()
        left_out = "; ".join(sorted(self.left_out)) or "nothing"
        print(f"\nReal servers used: {', '.join(servers)}. Left out: {left_out}.")
        if self.missing and os.environ.get("CI") == "true":
            print("With CI=true nothing that a test needs may be missing: the session has failed.")


@pytest.fixture(scope="session")
def note_server():
    """`used_server`, for tests that start a server themselves."""
    return used_server


@pytest.fixture
def run_page(tmp_path):
    """Runs the Python blocks of a page of the documentation, one after the other, in an empty folder: `tmp_path`.

    `run_page(page, AIRFLOW_CONN_SHOP=...)` gives them these variables, and no others of tradewind; `more` is code that
    runs behind them. Returns what they printed.
    """

    def run(page, more="", **variables):
        blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
        assert blocks
        (tmp_path / "blocks.py").write_text("\n".join([*blocks, more]), encoding="utf-8")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        done = subprocess.run(
            [sys.executable, "-W", "error", "blocks.py"],
            cwd=tmp_path,
            env={**kept, "HOME": str(tmp_path), **variables},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def kept_databases(sandboxes):
    """`kept_databases("postgres")` is the URL of a metadata database that is emptied for each test that has it."""
    with MigratedDatabases(sandboxes) as kept:
        yield kept.emptied


class MigratedDatabases:
    """One metadata database on each server that is asked for."""

    def __init__(self, sandboxes):
        self._sandboxes = sandboxes
        self._opened = contextlib.ExitStack()
        self._stores = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._opened.close()

    def emptied(self, kind):
        from tradewind.tables import metadata

        url, store = self._stores.get(kind) or self._migrated(kind)
        with store.database.write(news=True) as connection:
            for table in reversed(metadata.sorted_tables):
                if table.name != "news":
                    connection.execute(table.delete())
        store.close()
        return url

    def _migrated(self, kind):
        """The URL of a new database, and the store on it: what it has compiled serves the next test too."""
        from tradewind.store import Store

        url = self._opened.enter_context(self._sandboxes.open(kind)).get_uri()
        store = Store(url)
        store.upgrade()
        self._stores[kind] = url, store
        return url, store


@pytest.fixture(params=["sqlite", "postgres", "mysql"])
def database_url(request, tmp_path):
    """A metadata database of its own for each test: a new SQLite file, and an empty one on each server."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/tradewind.db"
    return request.getfixturevalue("kept_databases")(request.param)


@pytest.fixture(params=["sqlite", "postgres", "mysql"])
def new_database_url(request, tmp_path):
    """As `database_url`, but with nothing in it at all."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/tradewind.db"
    return request.getfixturevalue("sandbox")(request.param).get_uri()


@pytest.fixture(scope="session")
def homes(tmp_path_factory):
    """Paths in one folder: to make a numbered one with pytest takes as long as there are others, ten thousand here."""
    folder = tmp_path_factory.mktemp("homes")
    return (folder / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def home(homes, monkeypatch):
    """A home folder that exists only for this test, and is made only if something is written to it."""
    folder = next(homes)
    monkeypatch.setenv("TRADEWIND_HOME", str(folder))
    return folder


@pytest.fixture(autouse=True)
def nothing_masked():
    """The password `x` of one test must not hide the connection `x` of the next."""
    from tradewind import secrets

    secrets.forget_secrets()


@pytest.fixture(autouse=True)
def quiet_logging():
    """A run in this process may set logging up, for a stream that is closed when the test ends."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
