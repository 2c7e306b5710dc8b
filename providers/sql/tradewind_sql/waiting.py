"""Waiting for a driver that does not come back to Python while it waits for the server."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class _Call(Generic[T]):
    """One call in a thread of its own, with what it returned or raised."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._results: list[T] = []
        self._error: BaseException | None = None
        self.ended = threading.Event()

    def run(self) -> None:
        try:
            self._results.append(self._call())
        except BaseException as error:  # it is raised again in the thread that waits
            self._error = error
        finally:
            self.ended.set()

    def result(self) -> T:
        error, self._error = self._error, None  # else the error, its traceback and this object would hold each other
        if error is not None:
            raise error
        return self._results[0]


def call_in_thread(call: Callable[[], T], stop: Callable[[], None]) -> T:
    """Call in another thread and wait for it, so that signal handlers run in this one meanwhile.

    When a handler raises (a task's timeout, Ctrl-C), `stop` is called, and has to make `call` end; then the handler's
    exception goes on its way.
    """
    attended = _Call(call)
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(attended.run,), name="sql-statement", daemon=True)
    try:
        thread.start()
        attended.ended.wait()
    except BaseException:
        if thread.ident is not None:
            stop()
            attended.ended.wait()  # the connection is for one thread at a time
        raise
    thread.join()
    return attended.result()
