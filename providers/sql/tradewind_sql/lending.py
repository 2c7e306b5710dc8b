"""How a hook opens its database connections, lends them to its calls, stops what runs on them, and closes them.

Each call of a hook gets a connection of its own, unless it is inside `session()` or `transaction()`: then all calls
of the same thread share one. Whatever happens, what was opened here is closed here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Any, ClassVar, TypeVar

from tradewind.errors import TaskSignal, TaskTimeout
from tradewind_sql.access import DatabaseAccess
from tradewind_sql.errors import SqlError, StatementCancelled, StatementTimeout
from tradewind_sql.waiting import call_in_thread

T = TypeVar("T")


class Shared:
    """The one connection of a `session()` or `transaction()`."""

    def __init__(self, conn: Any) -> None:
        self.conn = conn
        self.in_transaction = False  #: nothing is committed before the block's end
        self.failed = False  #: a call in the transaction failed
        self.users = 0  #: calls that use it right now, each inside the one before
        self.streaming = False  #: a query's rows are being read from it


class LendingHook(DatabaseAccess):
    """The part of `DbApiHook` that looks after connections."""

    #: The driver waits in C code, where Python runs no signal handlers: statements are waited for from another thread.
    blocks_signals: ClassVar[bool] = False

    # Opening

    @contextmanager
    def session(self) -> Generator[Any, None, None]:
        """One connection for all calls of this hook in the block, given to it, and closed at its end.

        Each call still commits what it did. Temporary tables and settings of the session live till the end. While
        rows of `get_records_by_chunks` are being read the connection is busy: another call raises SqlError.
        """
        if (shared := self._shared) is not None:
            yield shared.conn
            return
        thread = threading.get_ident()
        with self._opened() as conn:
            self._sessions[thread] = Shared(conn)
            try:
                yield conn
            finally:
                del self._sessions[thread]

    @contextmanager
    def transaction(self) -> Generator[Any, None, None]:
        """As `session`, with all calls in the block in one transaction: its end commits it, a failure undoes it.

        When a call has failed nothing more can be done in the transaction, whichever database it is. An inner
        `transaction()` is part of the outer one.
        """
        with self.session() as conn:
            shared = self._shared
            assert shared is not None
            if shared.in_transaction:
                yield conn
                return
            if shared.users:
                raise self._busy(shared, "transaction()")
            self._switch_autocommit(conn, False)
            shared.in_transaction, shared.failed = True, False
            try:
                with self._undone_if_it_fails(conn):
                    yield conn
                    self._refuse_failed(shared)
                    self._commit_now(conn)
                self.get_db_log_messages(conn)
            finally:
                shared.in_transaction = False

    @property
    def _shared(self) -> Shared | None:
        """The connection that the calls of this thread share, if they do."""
        return self._sessions.get(threading.get_ident())

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        """A new connection, closed at the end."""
        conn = self._open()
        try:
            yield conn
        except BaseException:
            with suppress(Exception):  # it may be broken, and the first error is the one to tell
                conn.close()
            raise
        conn.close()

    def _open(self) -> Any:
        """`get_conn`, with the hook's statement timeout."""
        conn = self.get_conn()
        seconds = self.statement_timeout
        if seconds:
            try:
                self._set_statement_timeout(conn, seconds)
            except BaseException:
                conn.close()
                raise
        return conn

    def _set_statement_timeout(self, conn: Any, seconds: float) -> None:
        """Have the server give up any statement of `conn` that takes longer; override it where it can."""
        raise SqlError(
            f"Connection {self.get_conn_id()!r}: {type(self).__name__} cannot limit how long a statement takes; leave "
            "statement_timeout out. A task's execution_timeout works everywhere."
        )

    def _timed_out(self, conn: Any, error: Exception) -> bool:
        """Whether a driver's error means that a statement took longer than `statement_timeout`."""
        return False

    # Lending

    @contextmanager
    def _create_autocommit_connection(
        self, autocommit: bool = False, *, streaming: bool = False
    ) -> Generator[Any, None, None]:
        """A connection for one call: rolled back if it fails, and within reach of `cancel`.

        `streaming`: its rows are read while the caller does other things.
        """
        shared = self._shared
        if shared is None:
            with self._opened() as conn, self._undone_if_it_fails(conn):
                self._switch_autocommit(conn, autocommit)
                with self._running_on(conn):
                    yield conn
            return
        self._refuse_failed(shared)
        if shared.streaming or (streaming and shared.users):
            raise self._busy(shared, "another call")
        with self._in_turn(shared, autocommit), self._running_on(shared.conn):
            shared.streaming = streaming
            try:
                yield shared.conn
            finally:
                shared.streaming = False

    @contextmanager
    def _in_turn(self, shared: Shared, autocommit: bool) -> Iterator[None]:
        """One call's use of a shared connection."""
        if autocommit and (shared.in_transaction or shared.users):
            raise SqlError(f"Connection {self.get_conn_id()!r}: autocommit=True is not possible inside a transaction.")
        shared.users += 1
        try:
            if shared.in_transaction or shared.users > 1:  # this call does not end the transaction
                yield
            else:
                with self._undone_if_it_fails(shared.conn):
                    self._switch_autocommit(shared.conn, autocommit)
                    yield
        except GeneratorExit:  # somebody has read enough rows
            raise
        except BaseException:
            shared.failed = shared.in_transaction
            raise
        finally:
            shared.users -= 1

    @contextmanager
    def _running_on(self, conn: Any) -> Iterator[None]:
        self._running.append(conn)
        try:
            yield
        except TaskSignal:
            raise
        except Exception as error:
            self._refuse_cancelled(conn, error)
            if self._timed_out(conn, error):
                raise _with_notes(self._timeout_error(), error) from error
            raise
        finally:
            self._running.remove(conn)
            if conn not in self._running:
                self._cancelled = [other for other in self._cancelled if other is not conn]

    @contextmanager
    def _undone_if_it_fails(self, conn: Any) -> Iterator[None]:
        try:
            yield
        except BaseException:
            with suppress(Exception):  # the connection may be gone: the first error is the one to tell
                conn.rollback()
            raise

    def _refuse_failed(self, shared: Shared) -> None:
        if shared.in_transaction and shared.failed:
            raise SqlError(
                f"Connection {self.get_conn_id()!r}: something in this transaction() failed, so that all of it is "
                "undone. Let the error end the block, and begin a new transaction."
            )

    def _busy(self, shared: Shared, wanted: str) -> SqlError:
        return SqlError(
            f"Connection {self.get_conn_id()!r} is busy with an earlier call, so that {wanted} cannot use it: read "
            "that call's rows to their end or close it first, or use another hook."
        )

    # Errors

    @contextmanager
    def _explained(self, statement: str) -> Iterator[None]:
        """Add to the driver's error which connection and statement it is about, and take values out of its message."""
        try:
            yield
        except Exception as error:
            self._hide_values(error, statement)
            error.add_note(f"On connection {self.get_conn_id()!r}" + (f": {statement}" if self.log_sql else "."))
            raise

    def _hide_values(self, error: Exception, statement: str) -> None:
        """Take out of a driver's message what its server quotes of rows and parameters; override it where one does.

        Messages end in logs and alerts. What stands in `statement` itself may stay.
        """

    # Transactions

    def _commit(self, conn: Any) -> bool:
        """Commit what a call did; False if that is not for this call to decide."""
        shared = self._shared
        if shared is not None and shared.conn is conn and (shared.in_transaction or shared.users > 1):
            return False
        if not self.get_autocommit(conn):
            self._commit_now(conn)
        return True

    def _commit_now(self, conn: Any) -> None:
        with self._explained("COMMIT"):  # keys and conditions may be looked at only now
            self._attended(conn, conn.commit)

    def _switch_autocommit(self, conn: Any, autocommit: bool) -> None:
        if self.supports_autocommit or autocommit:
            self.set_autocommit(conn, autocommit)

    def set_autocommit(self, conn: Any, autocommit: bool) -> None:
        """Whether each statement on `conn` commits itself."""
        if not self.supports_autocommit and autocommit:
            self.log.warning("Connection %r does not support autocommit; it commits at the end.", self.get_conn_id())
            return
        conn.autocommit = autocommit

    def get_autocommit(self, conn: Any) -> bool:
        return self.supports_autocommit and bool(getattr(conn, "autocommit", False))

    def get_db_log_messages(self, conn: Any) -> None:
        """Log what the server had to say; for databases that send notices."""

    # Stopping

    def cancel(self) -> None:
        """Stop on the server what this hook executes right now, in whichever threads; they get StatementCancelled.

        May be called from any thread, and from a signal handler. What cannot be stopped is logged.
        """
        for conn in list(self._running):
            self._stop(conn)

    def _cancel(self, conn: Any) -> None:
        """Stop the statement that `conn` executes; override it where the driver has neither of these methods."""
        stop = getattr(conn, "cancel", None) or getattr(conn, "interrupt", None)
        if stop is None:
            raise SqlError(f"{type(self).__name__} cannot stop a statement on the server.")
        stop()

    def _stop_once(self, conn: Any) -> None:
        if not self._is_cancelled(conn):
            self._stop(conn)

    def _stop(self, conn: Any) -> None:
        self._cancelled.append(conn)
        try:
            self._cancel(conn)
        except Exception as error:  # whoever stops a statement is on the way out, and shall get there
            self.log.warning("Connection %r: its statement could not be stopped: %s", self.get_conn_id(), error)

    def _attended(self, conn: Any, call: Callable[[], T]) -> T:
        """Call the driver for something that may take long, and stop it on the server if a signal breaks it off.

        Everything that waits for the server belongs in here: `self._attended(conn, lambda: cursor.execute(...))`.
        """
        self._refuse_cancelled(conn)
        try:
            if self.blocks_signals and threading.current_thread() is threading.main_thread():
                return call_in_thread(call, lambda: self._stop_once(conn))
            return call()
        except BaseException as error:
            if not isinstance(error, Exception) or isinstance(error, TaskTimeout):  # raised by a signal handler
                self._stop_once(conn)
            raise

    def _refuse_cancelled(self, conn: Any, cause: Exception | None = None) -> None:
        if self._is_cancelled(conn):
            error = StatementCancelled(f"Connection {self.get_conn_id()!r}: the statement was cancelled.")
            raise _with_notes(error, cause) from cause

    def _is_cancelled(self, conn: Any) -> bool:
        return any(cancelled is conn for cancelled in self._cancelled)

    def _timeout_error(self) -> StatementTimeout:
        return StatementTimeout(
            f"Connection {self.get_conn_id()!r}: a statement took longer than the statement_timeout of "
            f"{self.statement_timeout:g} s."
        )


def _with_notes(error: SqlError, cause: Exception | None) -> SqlError:
    """`error`, which also tells what the driver's error was told to be about."""
    for note in getattr(cause, "__notes__", ()):
        error.add_note(note)
    return error
