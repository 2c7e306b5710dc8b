"""`MySqlSandbox`: a real MariaDB or MySQL for a while, from what the machine has."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from tradewind.connection import Connection
from tradewind.errors import SandboxMissing
from tradewind.sandbox import ServerSandbox

#: Folders of servers that are not on everybody's PATH.
_INSTALLED = ("/usr/sbin", "/usr/libexec", "/usr/local/mysql/bin", "/opt/homebrew/bin")

#: Nothing of a sandbox has to survive a crash of the machine. Both families know all of these.
_SETTINGS = {
    "datadir": "./data",
    "bind-address": "127.0.0.1",
    "socket": "server.sock",  # in the data folder: a path as long as that of the folder may be too long for a socket
    "pid-file": "server.pid",
    "character-set-server": "utf8mb4",
    "innodb-buffer-pool-size": "64M",
    "innodb-flush-log-at-trx-commit": "0",
    "innodb-flush-method": "nosync",
    "local-infile": "ON",
    "skip-log-bin": None,
    "skip-name-resolve": None,
}

#: For the server that makes the data of MariaDB, which would write 100 MB otherwise.
_MAKING_DATA = ["--skip-test-db", "--skip-name-resolve", "--innodb-log-file-size=8M", "--innodb-buffer-pool-size=32M"]

#: A server that answers at all answers within this time, in seconds; dropping a database may take longer.
_ANSWER_TIMEOUT, _TIMEOUT = 5, 60

_WHAT_TO_INSTALL = (
    "On Debian and Ubuntu: `sudo apt-get install mariadb-server-core mariadb-client-core`, which starts no server by "
    "itself; no package of pip brings one. With TRADEWIND_SANDBOX_MYSQL_URL an existing server is used."
)


class MySqlSandbox(ServerSandbox):
    """A throw-away MariaDB or MySQL server, whichever is on this machine; its login may do everything on it.

    `mariadbd`, then `mysqld`, is looked for on the PATH, then where distributions put them. LOAD DATA LOCAL is allowed.
    """

    conn_type = "mysql"
    label = "MySQL"

    def find(self) -> None:
        self._server, self._is_mariadb = find_server()
        self._maker = _install_program(self._server) if self._is_mariadb else self._server

    def prepare(self, folder: Path, password: str) -> Sequence[Sequence[str | Path]]:
        init = folder / "init.sql"
        init.touch(0o600)
        init.write_text(_first_statements(self.login, password), encoding="utf-8")
        as_root = ["--user=root"] if os.geteuid() == 0 else []
        if not self._is_mariadb:
            return [[self._maker, "--no-defaults", "--initialize-insecure", "--datadir=./data", *as_root]]
        words: list[str | Path] = [self._maker, "--no-defaults", "--datadir=./data", *as_root]
        return [[*words, "--auth-root-authentication-method=normal", *_MAKING_DATA]]

    def command(self, folder: Path, port: int) -> Sequence[str | Path]:
        settings = [f"--{name}" if value is None else f"--{name}={value}" for name, value in _SETTINGS.items()]
        more = ["--innodb-log-file-size=8M"] if self._is_mariadb else ["--loose-mysqlx=OFF"]
        as_root = ["--user=root"] if os.geteuid() == 0 else []
        start = f"--init-file={folder / 'init.sql'}"
        return [self._server, "--no-defaults", *settings, f"--port={port}", start, *more, *as_root]

    def ask_version(self, server: Connection) -> str:
        told = str(_ask(server, "SELECT VERSION()", timeout=_ANSWER_TIMEOUT))
        family = "MariaDB" if "mariadb" in told.lower() else "MySQL"
        return f"{family} {told.partition('-')[0]}"

    def create_database(self, server: Connection, name: str) -> None:
        _ask(server, f"CREATE DATABASE {_quoted(name)} CHARACTER SET utf8mb4")

    def drop_database(self, server: Connection, name: str) -> None:
        for (pid,) in _rows(server, "SELECT id FROM information_schema.processlist WHERE db = %s", name):
            _kill(server, pid)
        _ask(server, f"DROP DATABASE IF EXISTS {_quoted(name)}")


def find_server() -> tuple[Path, bool]:
    """The server's program, and whether it is MariaDB's. Raises SandboxMissing, saying what to install."""
    for name in ("mariadbd", "mysqld"):
        found = _find(name)
        if found is not None:
            told = subprocess.run([found, "--no-defaults", "--version"], capture_output=True, text=True, check=False)
            return found, "mariadb" in told.stdout.lower()
    raise SandboxMissing(
        f"The MySQL sandbox needs a MariaDB or MySQL server, and there is none on this machine. {_WHAT_TO_INSTALL}"
    )


def _install_program(server: Path) -> Path:
    """MariaDB's own script that makes the data of a new server."""
    for name in ("mariadb-install-db", "mysql_install_db"):
        found = _find(name, server.parent, server.parent.parent / "scripts")
        if found is not None:
            if _find("my_print_defaults", server.parent) is None:
                break
            return found
    raise SandboxMissing(
        f"The MySQL sandbox found {server}, but not mariadb-install-db or my_print_defaults, which make the data of a "
        f"new server. {_WHAT_TO_INSTALL}"
    )


def _find(name: str, *nearby: Path) -> Path | None:
    beside = str(Path(sys.executable).parent)  # a virtual environment may have programs that are on nobody's PATH
    path = os.pathsep.join([*map(str, nearby), os.environ.get("PATH", os.defpath), *_INSTALLED, beside])
    found = shutil.which(name, path=path)
    return Path(found).absolute() if found else None


def _first_statements(login: str, password: str) -> str:
    """What the server runs when it starts, one statement a line. Of a root without a password nothing is left."""
    account = f"'{login}'@'%'"
    return (
        f"CREATE USER IF NOT EXISTS {account} IDENTIFIED BY '{password}';\n"
        f"GRANT ALL PRIVILEGES ON *.* TO {account} WITH GRANT OPTION;\n"
        "DROP USER IF EXISTS 'root'@'localhost', 'root'@'127.0.0.1', 'root'@'::1';\n"
    )


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _rows(server: Connection, sql: str, *values: Any, timeout: int = _TIMEOUT) -> Sequence[Sequence[Any]]:
    """The rows of one statement. Connects as the hook does; PyMySQL by itself reads 20 ms of certificates each time."""
    from tradewind_mysql import connecting

    name = server.conn_id or "mysql"
    options = connecting.settings(server, conn_id=name)
    options |= {"autocommit": True, "connect_timeout": timeout, "read_timeout": timeout}  # it may be no server at all
    with closing(connecting.connect(options, name)) as conn, conn.cursor() as cursor:
        cursor.execute(sql, values or None)
        found: Sequence[Sequence[Any]] = cursor.fetchall()
        return found


def _kill(server: Connection, pid: int) -> None:
    """End a connection, which may have ended by itself meanwhile."""
    import pymysql
    from pymysql.constants import ER

    try:
        _ask(server, "KILL %s", pid)
    except pymysql.MySQLError as error:
        if error.args[0] != ER.NO_SUCH_THREAD:
            raise


def _ask(server: Connection, sql: str, *values: Any, timeout: int = _TIMEOUT) -> Any:
    """Run one statement; answers the first value of its result, if it has one."""
    found = _rows(server, sql, *values, timeout=timeout)
    return found[0][0] if found else None
