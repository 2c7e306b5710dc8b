"""Errors of the SQL provider."""

from __future__ import annotations

from tradewind.errors import TradewindError


class SqlError(TradewindError):
    """Something could not be done with a database. The message names the connection and, in a task, the task."""


class EmptySql(SqlError, ValueError):
    """There is no SQL to execute: nothing at all, or only blanks and comments."""


class InvalidName(SqlError, ValueError):
    """A text cannot be the name of a table or column."""


class RowError(SqlError, ValueError):
    """A row cannot be inserted as it is. The message tells its place, never its values."""


class CheckFailed(SqlError):
    """The data is not as a check wants it."""


class StatementCancelled(SqlError):
    """Somebody called `cancel` on the hook that executed the statement."""


class StatementTimeout(SqlError, TimeoutError):
    """A statement took longer than the `statement_timeout` of its hook or connection."""
