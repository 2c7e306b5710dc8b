"""`HookContract`: what is true of every hook that has a server, tried on a real one."""

from __future__ import annotations

import contextlib
import copy
import gc
import logging
import pickle
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from tradewind.connection import Connection
from tradewind.testing import faults
from tradewind.testing.laws import Contract, fixture, needs, require
from tradewind.testing.resources import open_descriptors, opened_since

#: A password that no server has.
_WRONG = "Zq7-a-wrong-password"


class HookContract(Contract, contract=True):
    """Laws of a hook with a server behind it. By default the server is the sandbox of `conn_type`.

        class TestHook(HookContract):
            conn_type = "weather"
            impatient = {"timeout": 1}

    A fixture `server` that returns a Connection takes the place of the sandbox.
    """

    #: Connection type.
    conn_type: ClassVar[str]
    #: What the hook is told beside its connection, where it has no client without.
    hook_params: ClassVar[dict[str, Any]] = {}
    #: The connection leads to a host and port.
    has_network: ClassVar[bool] = True
    #: The server refuses a wrong password.
    checks_password: ClassVar[bool] = True
    #: What `get_conn` returns is closed by who asked for it, as in DB-API, and not by the hook's `close`.
    caller_closes: ClassVar[bool] = False
    #: A hook survives pickling, as long as no client is open.
    picklable: ClassVar[bool] = True
    #: Extras of the connection that make the hook give up soon on a server that does not answer.
    impatient: ClassVar[dict[str, Any]] = {}
    #: Seconds within which it has given up then.
    patience: ClassVar[float] = 20.0

    @fixture
    def server(self, sandbox: Any) -> Any:
        """A connection to a real server, which nobody else uses."""
        return sandbox(self.conn_type)

    # -- a server that is there ----------------------------------------------------------------------------------------

    def test_a_connection_gives_its_hook(self, server: Connection) -> None:
        """The connection's `get_hook` gives a hook of its type."""
        require(server.conn_type == self.conn_type, f"The server's connection is of type {server.conn_type!r}.")
        hook = self._hook(server)
        told = f"{type(hook).__name__}.conn_type is {hook.conn_type!r} and not {self.conn_type!r}."
        require(hook.conn_type == self.conn_type, told)

    def test_a_server_that_works(self, server: Connection) -> None:
        """`test_connection` is true on a server that works, and says so without a secret."""
        works, told = self._hook(server).test_connection()
        require(works is True, f"test_connection answers {works!r} on a server that works: {told}")
        require(told, "test_connection has nothing to say on a server that works; answer (True, '...').")
        _no_secret(server, told)

    def test_it_closes_what_it_opens(self, server: Connection) -> None:
        """Nothing that the hook opened is open after `close`."""
        with _nothing_left("a hook that was used and closed", lambda: self._use(server)):
            self._use(server)

    @needs("has_network")
    def test_it_closes_what_failed(self, server: Connection) -> None:
        """Nothing is left open by a client that could not be opened."""
        broken = _changed(server, port=faults.closed_port())
        with _nothing_left("a client that could not be opened", lambda: self._hook(broken).test_connection()):
            self._hook(broken).test_connection()

    def test_it_closes_twice(self, server: Connection) -> None:
        """`close` may be called before anything was opened, and again."""
        hook = self._hook(server)
        try:
            hook.close()
            self._close(hook, hook.get_conn())
            hook.close()
        except Exception as error:
            require(False, f"close fails where nothing is open: {type(error).__name__}: {error}")

    def test_it_is_made_without_the_server(self) -> None:
        """A hook is made without looking its connection up, for DAG files make hooks when they are read."""
        kind = Connection(conn_type=self.conn_type).get_hook().__class__
        try:
            kind(**{kind.conn_name_attr: "no_such_connection"})
        except Exception as error:
            name = kind.__name__
            require(False, f"{name}.__init__ fails for an unknown connection ({error}); look it up in get_conn.")

    @needs("picklable")
    def test_it_survives_pickling(self) -> None:
        """A hook can be pickled, as operators that keep one are."""
        kind = Connection(conn_type=self.conn_type).get_hook().__class__
        hook = kind(**{kind.conn_name_attr: "somewhere"})
        try:
            again = pickle.loads(pickle.dumps(hook))
        except Exception as error:
            require(False, f"{kind.__name__} cannot be pickled ({error}); open clients in get_conn, not in __init__.")
        same = getattr(again, kind.conn_name_attr) == "somewhere"
        require(same, f"{kind.__name__} loses its connection id when it is pickled; keep it as an attribute.")

    # -- a server that is not there ------------------------------------------------------------------------------------

    @needs("has_network", "checks_password")
    def test_a_wrong_password(self, server: Connection) -> None:
        """`test_connection` is false on a wrong password, says why, and does not say the password."""
        self._refused(_changed(server, password=_WRONG), "a wrong password", names=())

    @needs("has_network")
    def test_a_wrong_host(self, server: Connection) -> None:
        """`test_connection` is false on a host that does not exist, and names it."""
        self._refused(_changed(server, host=faults.UNKNOWN_HOST), "a wrong host", names=(faults.UNKNOWN_HOST,))

    @needs("has_network")
    def test_a_closed_port(self, server: Connection) -> None:
        """`test_connection` is false on a port where nobody listens, and names the place."""
        port = faults.closed_port()
        changed = _changed(server, host=faults.LOOPBACK, port=port)
        self._refused(changed, "a closed port", names=(str(port), faults.LOOPBACK))

    @needs("has_network")
    def test_a_server_that_does_not_answer(self, server: Connection) -> None:
        """`test_connection` is false on a server that never answers, before long."""
        with faults.silent_server() as silent:
            extra = {**server.extra_dejson, **self.impatient}
            changed = _changed(server, host=faults.LOOPBACK, port=silent.port, extra=extra)
            started = time.monotonic()
            answer = faults.within(self.patience, lambda: self._answer(changed), silent.close)
            took = time.monotonic() - started
        require(
            answer is not None,
            f"test_connection has not given up {took:.0f} s after it met a server that does not answer; set a time-out "
            "for connecting and for reading, and let an extra change it (name it in `impatient`).",
        )
        assert answer is not None
        _check_refusal(
            changed, answer, "a server that does not answer", names=(faults.LOOPBACK, str(changed.port), "time")
        )

    # -- how -----------------------------------------------------------------------------------------------------------

    def _hook(self, connection: Connection) -> Any:
        return connection.get_hook(hook_params=self.hook_params)

    def _use(self, server: Connection) -> None:
        hook = self._hook(server)
        self._close(hook, hook.get_conn())
        hook.test_connection()
        hook.close()

    def _close(self, hook: Any, client: Any) -> None:
        if self.caller_closes:
            client.close()
        hook.close()

    def _refused(self, changed: Connection, what: str, names: tuple[str, ...]) -> None:
        with _logged() as records:
            answer = self._answer(changed)
        _check_refusal(changed, answer, what, names)
        for record in records:
            leaks = changed.password and changed.password in record.getMessage()
            require(not leaks, f"The log of {record.name} shows the password when test_connection meets {what}.")

    def _answer(self, changed: Connection) -> tuple[bool, str]:
        try:
            hook = self._hook(changed)
            try:
                works, told = hook.test_connection()
            finally:
                hook.close()
        except Exception as error:
            return True, f"(it raises {type(error).__name__}: {error})"
        return works, str(told)


def _changed(server: Connection, **fields: Any) -> Connection:
    changed = copy.copy(server)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _check_refusal(changed: Connection, answer: tuple[bool, str], what: str, names: tuple[str, ...]) -> None:
    works, told = answer
    require(works is False, f"test_connection does not answer False on {what}: {told}. Answer (False, why).")
    helpful = len(told.split()) >= 2 and "Traceback" not in told
    require(helpful, f"On {what} test_connection says {told!r}; say what is wrong, in words.")
    if names:
        known = any(name in told for name in names)
        require(known, f"On {what} test_connection says {told!r}; name the place that was tried ({names[0]}).")
    _no_secret(changed, told)


def _no_secret(server: Connection, told: str) -> None:
    hidden = {"the password": server.password} if server.password else {}
    declared = server.type
    for extra in declared.extras if declared else ():
        value = server.extra_dejson.get(extra.name)
        if extra.secret and value and isinstance(value, str):
            hidden[f"the extra {extra.name!r}"] = value
    for what, secret in hidden.items():
        require(secret not in told, f"test_connection shows {what}; take it out of the message.")


@contextlib.contextmanager
def _nothing_left(by: str, first: Callable[[], object]) -> Iterator[None]:
    """Nothing that the block opened is open after it. `first` does the same: what is kept for good is opened then."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        first()
        gc.collect()
    before = open_descriptors()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", ResourceWarning)
        yield
        left = opened_since(before)
        gc.collect()
    require(not left, f"Left open by {by}: {', '.join(left)}. Close it in close(), and where opening fails half-way.")
    told = [str(warning.message) for warning in warned if issubclass(warning.category, ResourceWarning)]
    require(not told, f"Not closed, but dropped, by {by}: {told[:1]}. Close it in close().")


@contextlib.contextmanager
def _logged() -> Iterator[list[logging.LogRecord]]:
    """Every record that is logged in the block."""
    records: list[logging.LogRecord] = []
    handler = logging.Handler(logging.NOTSET)
    handler.emit = records.append  # type: ignore[method-assign, assignment]
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield records
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
