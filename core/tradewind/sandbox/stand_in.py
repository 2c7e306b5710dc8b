"""`StandIn`: a sandbox for a service on the web; `Control`: what a test does behind its back."""

from __future__ import annotations

import http.client
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from tradewind.connection import Connection
from tradewind.errors import SandboxError
from tradewind.sandbox.faults import Call, Fault, Kind
from tradewind.sandbox.server import ServerSandbox
from tradewind.sandbox.serving import CONTROL, KEY_FILE

#: Code of the server's interpreter; it finds what this process finds.
_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv.pop()); from tradewind.sandbox import serving; serving.main()"
)

_ANSWER_TIMEOUT = 30.0  # seconds


class StandIn(ServerSandbox):
    """A faithful local server for a service on the web: an `Application` in a process of its own.

        class WeatherSandbox(StandIn):
            conn_type = "weather"
            label = "Weather"
            application = "tradewind_weather.service:WeatherService"

    Each sandbox is a tenant of a server. `TRADEWIND_SANDBOX_<TYPE>_URL` may lead to one that runs: its `server`.
    """

    #: "module:Class" of the `Application`.
    application: ClassVar[str]

    def __init__(self, url: str | None = None, *, folder: str | Path | None = None) -> None:
        """What is in `folder` is there again when the next sandbox is started with it; by default all is lost."""
        super().__init__(url)
        self._data = Path(folder).absolute() if folder is not None else None

    def find(self) -> None:
        """Nothing but Python is needed. A subclass that needs more raises SandboxMissing, saying what to install."""

    def prepare(self, folder: Path, password: str) -> Sequence[Sequence[str | Path]]:
        key = folder / KEY_FILE
        key.touch(0o600)
        key.write_text(password, encoding="ascii")
        if self._data is not None:
            self._data.mkdir(parents=True, exist_ok=True)
        return []

    def command(self, folder: Path, port: int) -> Sequence[str | Path]:
        path = json.dumps([entry or str(Path.cwd()) for entry in sys.path])
        return [sys.executable, "-c", _BOOT, self.application, str(port), folder, self._data or folder, path]

    def ask_version(self, server: Connection) -> str:
        return str(_ask(server, "GET", "version"))

    def create_database(self, server: Connection, name: str) -> None:
        """A new tenant."""
        self._tenant(server, name)

    def drop_database(self, server: Connection, name: str) -> None:
        _ask(server, "DELETE", f"tenants/{quote(name)}")

    def in_database(self, server: Connection, name: str) -> Connection:
        """The connection that the application gives to this tenant."""
        told = self._tenant(server, name)
        fields = {"host": server.host, "port": server.port, **told}
        return Connection(conn_id=server.conn_id, conn_type=self.conn_type, where=server.where, **fields)

    def _tenant(self, server: Connection, name: str) -> dict[str, Any]:
        told: dict[str, Any] = _ask(server, "PUT", f"tenants/{quote(name)}", {"conn_type": self.conn_type})
        return told


class Control:
    """Faults of a stand-in, and what it was asked, for the tenant that a connection belongs to.

    control = Control(connection)
    control.fault("status", status=429, times=3, headers={"Retry-After": "1"}, path="chat.postMessage")
    ...
    assert [call.status for call in control.calls()] == [429, 429, 429, 200]
    """

    def __init__(self, connection: Connection, *, address: tuple[str, int] | None = None) -> None:
        """`address` is host and port of the server, if the connection does not tell them."""
        self._connection = connection
        self._address = address or (connection.host or "127.0.0.1", connection.port or 0)

    def fault(
        self,
        kind: Kind,
        *,
        times: int = 1,
        after: int = 0,
        method: str = "",
        path: str = "",
        status: int = 503,
        headers: Mapping[str, str] | None = None,
        bytes_per_second: int = 1000,
    ) -> None:
        """The next `times` requests, but for the first `after`, get this fault; see `tradewind.sandbox.faults.Kind`.

        `method` and `path` (a regular expression, found in path and query) say which requests are meant.
        """
        told = Fault(kind, times, after, method, path, status, dict(headers or {}), bytes_per_second)
        self._ask("fault", fault=asdict(told))

    def clear(self) -> None:
        """Forget the faults that have not come, and the calls."""
        self._ask("clear")

    def calls(self, path: str = "") -> list[Call]:
        """Requests of this tenant since the last `clear`, in the order of their answers, with `path` in the target."""
        return [Call(**told) for told in self._ask("calls") if path in told["target"]]

    def act(self, action: str, **arguments: Any) -> Any:
        """Something that only the service can do, as its sandbox describes: `control.act("expire_tokens")`."""
        return self._ask("act", action=action, arguments=arguments)

    def _ask(self, verb: str, **told: Any) -> Any:
        one = self._connection
        fields = {"login": one.login, "password": one.password, "schema": one.schema, "extra": dict(one.extra_dejson)}
        return _call(*self._address, "POST", verb, {"connection": fields, **told}, {})


def _ask(server: Connection, method: str, verb: str, data: Any = None) -> Any:
    """Ask with the key of the server."""
    headers = {"Authorization": f"Bearer {server.password}"}
    return _call(server.host or "127.0.0.1", server.port or 0, method, verb, data, headers)


def _call(host: str, port: int, method: str, verb: str, data: Any, headers: dict[str, str]) -> Any:
    body = None if data is None else json.dumps(data)
    conn = http.client.HTTPConnection(host, port, timeout=_ANSWER_TIMEOUT)
    try:
        conn.request(method, CONTROL + verb, body, headers)
        answer = conn.getresponse()
        told = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise SandboxError(f"No stand-in answers on {host}:{port}: {error}") from error
    finally:
        conn.close()
    try:
        found = json.loads(told)
    except ValueError:
        raise SandboxError(
            f"What answers on {host}:{port} is no stand-in of tradewind (status {answer.status})."
        ) from None
    if answer.status != http.client.OK:
        raise SandboxError(f"The stand-in on {host}:{port} refuses: {found.get('error', answer.status)}")
    return found
