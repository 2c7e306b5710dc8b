"""The fixture `sandbox`: one server for a whole session, a database for each test, a skip where there is no server."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

#: Every test writes down the port and the database that it got; each file may run in another worker.
USING = """
    import os, pathlib, pytest

    @pytest.mark.parametrize("number", range(3))
    def test_one(sandbox, number, worker_id):
        connection = sandbox("postgres")
        assert connection.get_hook().get_first("SELECT 1") == (1,)
        (pathlib.Path(__file__).parent / f"used-{os.urandom(4).hex()}").write_text(
            f"{worker_id} {connection.port} {connection.schema}"
        )
"""

LACKING = """
    from tradewind_postgres import sandbox
    sandbox._candidates = lambda: iter(())
"""


@pytest.fixture
def session(tmp_path, sandboxes, monkeypatch):
    """Run these files in a pytest session of their own."""
    sandboxes.open("postgres")
    folder = tmp_path / "temporary"
    folder.mkdir()

    def run(*words, environ=None, **files):
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(textwrap.dedent(text))
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("TRADEWIND_", "CI"))}
        options = ("-q", "-rs", "-W", "error", "-p", "no:cacheprovider", f"--rootdir={tmp_path}")
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *words],
            cwd=tmp_path,
            env={**inherited, "TMPDIR": str(folder), "COLUMNS": "400", **(environ or {})},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        left = [path for path in folder.iterdir() if path.name.startswith("tradewind-sandbox")]
        assert left == []
        return done, [path.read_text().split() for path in tmp_path.glob("used-*")]

    return run


@pytest.mark.parametrize("workers", [0, 2])
def test_all_tests_share_a_server_and_no_database(session, workers):
    done, used = session("-n", str(workers), "--dist", "loadfile", test_a=USING, test_b=USING)
    assert done.returncode == 0, done.stdout
    assert len({port for _, port, _ in used}) == 1
    assert len({database for _, _, database in used}) == 6
    assert len({worker for worker, _, _ in used}) == max(1, workers)


@pytest.mark.parametrize("workers", [0, 2])
def test_without_a_server_tests_are_skipped_and_say_what_to_install(session, workers):
    done, _ = session("-n", str(workers), conftest=LACKING, test_a=USING)
    assert done.returncode == 0, done.stdout
    assert "3 skipped" in done.stdout
    assert "The PostgreSQL sandbox needs a PostgreSQL server" in done.stdout
    assert "apt-get install postgresql" in done.stdout


@pytest.mark.parametrize("workers", [0, 2])
def test_without_a_server_ci_fails(session, workers):
    done, _ = session("-n", str(workers), environ={"CI": "true"}, conftest=LACKING, test_a=USING)
    assert done.returncode == 1
    assert "3 errors" in done.stdout or "3 failed" in done.stdout
    assert "SandboxMissing" in done.stdout


def test_a_server_that_fails_is_no_reason_to_skip(session):
    nowhere = {"TRADEWIND_SANDBOX_POSTGRES_URL": "postgres://u@127.0.0.1:1/x"}
    done, _ = session("-n", "2", environ=nowhere, test_a=USING)
    assert done.returncode == 1
    assert "skipped" not in done.stdout
    assert "TRADEWIND_SANDBOX_POSTGRES_URL" in done.stdout


def test_a_stranger_at_the_port_of_the_controller_does_no_harm(session):
    knocking = """
        import socket

        def pytest_configure(config):
            if hasattr(config, "workerinput"):
                host, port, _ = config.workerinput["tradewind_sandboxes"]
                with socket.create_connection((host, port)) as knock:
                    knock.sendall(b"hello")
    """
    done, used = session("-n", "2", conftest=knocking, test_a=USING)
    assert done.returncode == 0, done.stdout
    assert len(used) == 3


def test_the_plugin_costs_next_to_nothing_to_load():
    code = (
        "import pytest, sys; before = set(sys.modules); "
        "import tradewind.testing.plugin; print(*set(sys.modules) - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    loaded = {name for name in done.stdout.split() if not name.startswith("collections")}
    assert loaded <= {"tradewind", "tradewind.lazy", "tradewind.testing", "tradewind.testing.plugin"}
