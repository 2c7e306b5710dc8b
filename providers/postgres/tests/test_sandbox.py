"""PostgresSandbox starts a real PostgreSQL, as root and as an ordinary user, wherever the temporary folder is."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

import tradewind
import tradewind_postgres
import tradewind_sql
from tradewind.errors import SandboxError, SandboxMissing
from tradewind.sandbox import server as servers
from tradewind.testing import SandboxContract
from tradewind_postgres import PostgresSandbox
from tradewind_postgres import sandbox as module

VARIABLE = "TRADEWIND_SANDBOX_POSTGRES_URL"


def asked(connection, sql):
    with closing(psycopg2.connect(connection.dsn)) as conn, conn.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


@pytest.fixture
def own(sandboxes, monkeypatch):
    """A sandbox with a server of its own, whatever the environment says; skips where there is none."""
    sandboxes.open("postgres")
    monkeypatch.delenv(VARIABLE, raising=False)
    sandbox = PostgresSandbox()
    yield sandbox
    sandbox.stop()


class TestContract(SandboxContract):
    conn_type = "postgres"

    @pytest.fixture(autouse=True)
    def server(self, own):
        """Skip where there is no server, and use none that is there already."""


def test_a_test_gets_an_empty_database_of_its_own(sandbox):
    one, two = sandbox("postgres"), sandbox("postgresql")
    assert one.schema != two.schema
    with closing(psycopg2.connect(one.dsn)) as conn, conn.cursor() as cursor:
        cursor.execute("CREATE TABLE kept (id int)")
        conn.commit()
    assert asked(one, "SELECT current_database()") == one.schema
    assert asked(one, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 1
    assert asked(two, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0


def test_the_password_is_checked(sandbox):
    connection = sandbox("postgres")
    connection.password = "wrong"
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(connection.dsn)


def test_it_says_what_it_is(own):
    connection = own.start()
    assert own.start() is connection
    assert own.version == f"PostgreSQL {asked(connection, 'SHOW server_version').split()[0]}"
    assert connection.conn_id == "sandbox_postgres"
    assert asked(connection, "SHOW server_encoding") == "UTF8"
    assert asked(connection, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is True


def test_a_temporary_folder_with_spaces_and_a_long_path(own, tmp_path, monkeypatch):
    folder = tmp_path / "a folder of temporary files" / ("long" * 30)
    folder.mkdir(parents=True)
    monkeypatch.setenv("TMPDIR", str(folder))
    with own as connection:
        assert len(list(folder.iterdir())) == 1
        assert asked(connection, "SELECT 1") == 1
    assert list(folder.iterdir()) == []


def test_a_port_that_is_taken_meanwhile(own, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = iter([taken.getsockname()[1], servers.free_port()])
        monkeypatch.setattr(servers, "free_port", lambda: next(ports))
        with own as connection:
            assert connection.port != taken.getsockname()[1]
            assert asked(connection, "SELECT 1") == 1


def test_a_server_that_does_not_start_shows_the_end_of_its_log(own, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setitem(module._SETTINGS, "max_connections", "many")
    with pytest.raises(SandboxError) as caught:
        own.start()
    told = str(caught.value)
    assert told.startswith("The PostgreSQL sandbox did not start: it ended with exit code 1. Its log ends with:\n")
    assert 'invalid value for parameter "max_connections": "many"' in told
    assert list(tmp_path.iterdir()) == []


def test_preparations_that_fail_show_the_end_of_their_log(own, tmp_path, monkeypatch):
    for name in ("initdb", "postgres"):
        (tmp_path / name).write_text("#!/bin/sh\necho this is $(basename $0), out of order\nexit 3\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(SandboxError, match="initdb ended with exit code 3") as caught:
        own.start()
    assert "this is initdb, out of order" in str(caught.value)


def test_no_server_on_this_machine(monkeypatch):
    monkeypatch.setattr(module, "_candidates", lambda: iter([Path("/no/such/folder")]))
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(SandboxMissing) as caught:
        PostgresSandbox().start()
    assert 'pip install "tradewind-postgres[sandbox]"' in str(caught.value)
    assert "apt-get install postgresql" in str(caught.value)


def test_the_newest_server_is_taken(tmp_path, monkeypatch):
    for version in ("9.6", "15", "16"):
        folder = tmp_path / version / "bin"
        folder.mkdir(parents=True)
        for name in ("initdb", "postgres") if version != "16" else ("postgres",):
            (folder / name).touch(0o755)
    monkeypatch.setattr(module, "_INSTALLED", (f"{tmp_path}/*/bin",))
    monkeypatch.setenv("PATH", "")
    assert module.find_programs() == tmp_path / "15" / "bin"


# -- a server that is there already


def test_an_existing_server_lends_a_database(sandbox, monkeypatch):
    existing = sandbox("postgres")
    monkeypatch.setenv(VARIABLE, existing.get_uri())
    lent = PostgresSandbox()
    connection = lent.start()
    assert (connection.host, connection.port) == (existing.host, existing.port)
    assert connection.schema not in (existing.schema, "postgres")
    assert lent.version.startswith("PostgreSQL ")
    open_one = psycopg2.connect(connection.dsn)
    lent.stop()  # whoever is connected
    lent.stop()
    with closing(open_one), pytest.raises(psycopg2.Error):
        open_one.cursor().execute("SELECT 1")
    assert asked(existing, f"SELECT count(*) FROM pg_database WHERE datname = '{connection.schema}'") == 0


def test_a_database_is_dropped_when_its_user_ends(sandbox):
    existing = sandbox("postgres")
    code = "from tradewind_postgres import PostgresSandbox; print(PostgresSandbox().start().schema)"
    environ = {**os.environ, VARIABLE: existing.get_uri()}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env=environ, capture_output=True, text=True, timeout=120
    )
    assert done.stderr == ""
    assert done.stdout.startswith("tradewind_")
    assert asked(existing, f"SELECT count(*) FROM pg_database WHERE datname = '{done.stdout.strip()}'") == 0


def test_an_existing_server_without_a_database_in_the_url(sandbox, monkeypatch):
    existing = sandbox("postgres")
    existing.schema = None
    monkeypatch.setenv(VARIABLE, existing.get_uri())
    with PostgresSandbox() as connection:
        assert asked(connection, "SELECT current_database()") == connection.schema


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("mysql://u:pw-7f3a@127.0.0.1/x", "the sandbox needs one of the type 'postgres'"),
        ("nonsense pw-7f3a", "is broken"),
        ("postgresql://u:pw-7f3a@127.0.0.1:1/x", "Connection refused"),
    ],
)
def test_an_url_that_cannot_be_used(monkeypatch, url, told):
    monkeypatch.setenv(VARIABLE, url)
    with pytest.raises(SandboxError) as caught:
        PostgresSandbox().start()
    assert VARIABLE in str(caught.value)
    assert told in str(caught.value)
    assert "pw-7f3a" not in str(caught.value)


def test_an_url_with_a_wrong_password(sandbox, monkeypatch):
    existing = sandbox("postgres")
    existing.password = "pw-7f3a"
    monkeypatch.setenv(VARIABLE, existing.get_uri())
    with pytest.raises(SandboxError, match="password authentication failed") as caught:
        PostgresSandbox().start()
    assert "pw-7f3a" not in str(caught.value)


# -- as somebody else

_SHOW = """
import os
from tradewind_postgres import PostgresHook, PostgresSandbox
with PostgresSandbox() as connection:
    print(os.geteuid(), PostgresHook(connection=connection).get_first("SELECT 1"))
"""


def python_for_everybody():
    """An interpreter of this version that an ordinary user may run, and the path of what is installed here."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for found in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        code = "import psycopg2, subprocess, sys; subprocess.run([sys.executable, '-c', ''], check=True)"
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", found, "-c", code]
        try:
            done = subprocess.run(command, env={**os.environ, "PYTHONPATH": _path()}, capture_output=True, check=False)
        except OSError:
            continue
        if done.returncode == 0:
            return found
    return None


def _path():
    places = [Path(one.__file__).parents[1] for one in (tradewind, tradewind_postgres, tradewind_sql, psycopg2)]
    return os.pathsep.join(map(str, places))


@pytest.mark.skipif(
    os.geteuid() != 0 or python_for_everybody() is None, reason="not root, or no Python that others may run"
)
def test_as_an_ordinary_user(own):
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", python_for_everybody(), "-c", _SHOW]
    environ = {"PATH": os.environ["PATH"], "HOME": "/", "PYTHONPATH": _path(), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=environ, cwd="/", capture_output=True, text=True, timeout=120)
    assert done.stdout == "65534 (1,)\n", done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_as_root_where_namespaces_are_forbidden(own, tmp_path, monkeypatch):
    (tmp_path / "unshare").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "unshare").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    tmp_path.chmod(0o700)  # closed to others
    with own as connection:
        folder = Path(asked(connection, "SHOW data_directory"))
        assert folder.stat().st_uid != 0
        assert folder.stat().st_mode & 0o77 == 0
        assert folder.parent.stat().st_uid == 0
    assert not folder.parent.exists()
