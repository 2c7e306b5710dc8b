"""What every metadata database can do, whichever it is: transactions, news, and being carried over a fork.

There are two kinds of write transactions. Most verbs are alone: while they write, nobody else does, so that they may
look first and write afterwards. The verbs that are called all the time, for each attempt, are not: each of them changes
rows of one run only, and compares what is there in the same statement that writes. SQLite has one writer at a time
anyhow.
"""

from __future__ import annotations

import functools
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import ParamSpec, TypeVar

from sqlalchemy import Connection

from tradewind.errors import StoreError

P = ParamSpec("P")
R = TypeVar("R")

#: How long a transaction waits for others to finish theirs.
LOCK_TIMEOUT = 30.0  # seconds

#: How often a verb is done at most, when transactions of others get in its way.
CONFLICT_TRIES = 8
CONFLICT_PAUSE = 0.01  # seconds, times the number of the try


#: The number that tells of news starts again after this.
MOST_NEWS = 2**31 - 2


class Conflict(StoreError):
    """The database undid a transaction in favour of another one; nothing was written, and it may be done again."""


def replayed(verb: Callable[P, R]) -> Callable[P, R]:
    """A verb that is one transaction, done again where the database undid it in favour of another one."""

    @functools.wraps(verb)
    def patient(*args: P.args, **kwargs: P.kwargs) -> R:
        for number in range(1, CONFLICT_TRIES):
            try:
                return verb(*args, **kwargs)
            except Conflict:
                time.sleep(random.uniform(0, CONFLICT_PAUSE * number))
        return verb(*args, **kwargs)

    return patient


class Database(ABC):
    """Connections to one metadata database, opened on first use and kept. `read` and `write` are the only ways in."""

    #: Which database it is, in words that may be shown.
    place: str

    #: Whether a second scheduler is to be refused while one is at work.
    takes_one_scheduler = True

    #: Whether a transaction that fails undoes changes of the schema too.
    undoes_ddl = True

    @abstractmethod
    def read(self) -> AbstractContextManager[Connection]:
        """A transaction that sees the database as it was at one moment, and waits for nobody."""

    @abstractmethod
    def write(self, *, news: bool = False, alone: bool = True) -> AbstractContextManager[Connection]:
        """A transaction that may write; it is undone if the block raises.

        `news`: schedulers should look at what it changes; see `change_marker`. Such a transaction must be alone.
        `alone`: no other may write meanwhile. Without it, others that are not alone may.
        """

    @abstractmethod
    def migrating(self) -> AbstractContextManager[Connection]:
        """A connection to change the schema with, for one process at a time; others wait here."""

    @abstractmethod
    def change_marker(self) -> int:
        """A number that differs from the last one if news was committed since, by whomever."""

    def listening(self, wake: Callable[[], None]) -> AbstractContextManager[None]:
        """Within the block `wake` may be called, from another thread, when there is news.

        Where the database tells of news by itself, `change_marker` costs nothing then, and may lag behind till `wake`
        is called; elsewhere nothing is different.
        """
        return nullcontext()

    @abstractmethod
    def warm_up(self, rehearse: Callable[[], None]) -> None:
        """Do ahead what each new process would have to do, and leave no connection open.

        `rehearse` calls the verbs that matter; it may be called where they lead to a database that is thrown away.
        """

    @abstractmethod
    def is_missing(self) -> bool:
        """Whether there surely is no database yet, told without connecting."""

    @abstractmethod
    def create(self) -> None:
        """Make the database, where that is ours to do and it is not there."""

    @abstractmethod
    def close(self) -> None:
        """Close every connection that is not in use. The next verb opens a new one."""

    @abstractmethod
    def after_fork(self) -> None:
        """Forget the parent's connections without closing them; what was compiled is kept."""
