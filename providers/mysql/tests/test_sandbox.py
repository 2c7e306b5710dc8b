"""MySqlSandbox starts a real MariaDB or MySQL, wherever the temporary folder is."""

from __future__ import annotations

import os
import socket
import tempfile
import time
from contextlib import closing
from pathlib import Path

import pymysql
import pytest

from tradewind.errors import SandboxError, SandboxMissing
from tradewind.sandbox import server as servers
from tradewind.testing import SandboxContract
from tradewind_mysql import MySqlSandbox
from tradewind_mysql import sandbox as module

VARIABLE = "TRADEWIND_SANDBOX_MYSQL_URL"


def opened(connection):
    conn = pymysql.connect(
        host=connection.host,
        port=connection.port,
        user=connection.login,
        password=connection.password,
        database=connection.schema,
        charset="utf8mb4",
        local_infile=True,
    )
    return closing(conn)


def asked(connection, sql):
    with opened(connection) as conn, conn.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


@pytest.fixture
def own(sandboxes, monkeypatch):
    """A sandbox with a server of its own, whatever the environment says; skips where there is none."""
    sandboxes.open("mysql")
    monkeypatch.delenv(VARIABLE, raising=False)
    sandbox = MySqlSandbox()
    yield sandbox
    sandbox.stop()


class TestContract(SandboxContract):
    conn_type = "mysql"

    @pytest.fixture(autouse=True)
    def server(self, own):
        """Skip where there is no server, and use none that is there already."""


def test_a_test_gets_an_empty_database_of_its_own(sandbox):
    one, two = sandbox("mysql"), sandbox("mariadb")
    assert one.schema != two.schema
    with opened(one) as conn, conn.cursor() as cursor:
        cursor.execute("CREATE TABLE kept (id int)")
    count = "SELECT count(*) FROM information_schema.tables WHERE table_schema = database()"
    assert asked(one, count) == 1
    assert asked(two, count) == 0


def test_a_connection_that_ends_by_itself_is_no_hindrance_when_its_database_is_dropped(sandbox):
    server = sandbox("mysql")
    with closing(
        pymysql.connect(host=server.host, port=server.port, user=server.login, password=server.password)
    ) as one:
        pid = one.thread_id()
    deadline = time.monotonic() + 60
    while module._rows(server, "SELECT 1 FROM information_schema.processlist WHERE id = %s", pid):
        assert time.monotonic() < deadline
    module._kill(server, pid)


def test_the_password_is_checked(sandbox):
    connection = sandbox("mysql")
    connection.password = "wrong"
    with pytest.raises(pymysql.err.OperationalError, match="Access denied"), opened(connection):
        pass


@pytest.mark.parametrize("login", ["root", ""])
def test_nobody_gets_in_without_a_password(sandbox, login):
    connection = sandbox("mysql")
    connection.login, connection.password = login, ""
    with pytest.raises(pymysql.err.OperationalError, match="Access denied"), opened(connection):
        pass


def test_rows_may_be_loaded_from_a_file_of_the_client(sandbox, tmp_path):
    (tmp_path / "rows.csv").write_text("1,é\n2,\U0001f600\n", encoding="utf-8")
    with opened(sandbox("mysql")) as conn, conn.cursor() as cursor:
        cursor.execute("CREATE TABLE rows_ (id int, name text)")
        cursor.execute(
            f"LOAD DATA LOCAL INFILE '{tmp_path}/rows.csv' INTO TABLE rows_ "
            "CHARACTER SET utf8mb4 FIELDS TERMINATED BY ','"
        )
        cursor.execute("SELECT * FROM rows_ ORDER BY id")
        assert cursor.fetchall() == ((1, "é"), (2, "\U0001f600"))


def test_it_says_what_it_is(own):
    connection = own.start()
    assert own.start() is connection
    family, number = own.version.split()
    told = asked(connection, "SELECT VERSION()")
    assert told.startswith(number)
    assert (family == "MariaDB") == ("MariaDB" in told)
    assert connection.conn_id == "sandbox_mysql"
    assert asked(connection, "SELECT @@character_set_database") == "utf8mb4"


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
    monkeypatch.setitem(module._SETTINGS, "no-such-setting", "1")
    with pytest.raises(SandboxError) as caught:
        own.start()
    told = str(caught.value)
    assert told.startswith("The MySQL sandbox did not start: it ended with exit code ")
    assert "unknown variable 'no-such-setting=1'" in told
    assert list(tmp_path.iterdir()) == []


def test_no_server_on_this_machine(monkeypatch):
    monkeypatch.setattr(module, "_INSTALLED", ())
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(SandboxMissing) as caught:
        MySqlSandbox().start()
    assert "apt-get install mariadb-server-core mariadb-client-core" in str(caught.value)


def test_a_server_without_the_program_that_makes_its_data(own, tmp_path, monkeypatch):
    """Debian has it in the package of the client."""
    server, is_mariadb = module.find_server()
    if not is_mariadb:
        pytest.skip("MariaDB: only MySQL is installed")
    (tmp_path / "mariadbd").symlink_to(server)
    monkeypatch.setattr(module, "_INSTALLED", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxMissing, match="not mariadb-install-db or my_print_defaults") as caught:
        MySqlSandbox().start()
    assert "mariadb-client-core" in str(caught.value)


# -- a server that is there already


def test_an_existing_server_lends_a_database(sandbox, monkeypatch):
    existing = sandbox("mysql")
    monkeypatch.setenv(VARIABLE, existing.get_uri())
    lent = MySqlSandbox()
    connection = lent.start()
    assert (connection.host, connection.port) == (existing.host, existing.port)
    assert connection.schema != existing.schema
    assert lent.version.split()[0] in ("MariaDB", "MySQL")
    with opened(connection) as conn, conn.cursor() as cursor:
        cursor.execute("CREATE TABLE held (id int)")
        cursor.execute("START TRANSACTION")
        cursor.execute("SELECT * FROM held")  # holds a lock on the table
        lent.stop()
        lent.stop()
        with pytest.raises(pymysql.err.OperationalError):
            cursor.execute("SELECT 1")
    count = f"SELECT count(*) FROM information_schema.schemata WHERE schema_name = '{connection.schema}'"
    assert asked(existing, count) == 0


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgres://u:pw-7f3a@127.0.0.1/x", "the sandbox needs one of the type 'mysql'"),
        ("nonsense pw-7f3a", "is broken"),
        ("mysql://u:pw-7f3a@127.0.0.1:1/x", "Nothing listens there"),
    ],
)
def test_an_url_that_cannot_be_used(monkeypatch, url, told):
    monkeypatch.setenv(VARIABLE, url)
    with pytest.raises(SandboxError) as caught:
        MySqlSandbox().start()
    assert VARIABLE in str(caught.value)
    assert told in str(caught.value)
    assert "pw-7f3a" not in str(caught.value)


def test_an_url_with_a_wrong_password(sandbox, monkeypatch):
    existing = sandbox("mysql")
    existing.password = "pw-7f3a"
    monkeypatch.setenv(VARIABLE, existing.get_uri())
    with pytest.raises(SandboxError, match="Access denied") as caught:
        MySqlSandbox().start()
    assert "pw-7f3a" not in str(caught.value)


# -- MySQL, which may not be on this machine: the commands that it would get


def test_the_commands_of_mysql(tmp_path, monkeypatch):
    (tmp_path / "mysqld").write_text("#!/bin/sh\necho 'mysqld  Ver 8.4.3 for Linux on x86_64'\n")
    (tmp_path / "mysqld").chmod(0o755)
    monkeypatch.setattr(module, "_INSTALLED", ())
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    sandbox = MySqlSandbox()
    sandbox.find()
    ((program, *initialize),) = sandbox.prepare(tmp_path, "secret")
    assert program == tmp_path / "mysqld"
    assert "--initialize-insecure" in initialize
    start = [str(word) for word in sandbox.command(tmp_path, 3307)]
    assert {"--loose-mysqlx=OFF", "--port=3307", "--bind-address=127.0.0.1"} <= set(start)
    assert ("--user=root" in start) == (os.geteuid() == 0)
    assert (Path(tmp_path) / "init.sql").stat().st_mode & 0o777 == 0o600
    assert "secret" not in " ".join(start)


def test_its_temporary_tables_are_in_its_own_folder(monkeypatch):
    """A server that starts removes the temporary tables of every other one that shares the folder for them."""
    monkeypatch.delenv(VARIABLE, raising=False)
    with MySqlSandbox() as connection:
        folder = Path(asked(connection, "SELECT @@tmpdir"))
    assert folder.parent == Path(tempfile.gettempdir())
    assert not folder.exists()
