"""The error tree. Everything tradewind raises on purpose is one of these.

    TradewindError
    ├── UsageError                   a command, setting or argument that cannot be right
    │   └── SettingError
    ├── ConnectionFault              anything about one named connection
    │   ├── ConnectionNotFound
    │   └── BrokenConnection         it is there, and cannot be read
    ├── VariableError
    │   ├── VariableNotFound
    │   └── BrokenVariable
    ├── SecretsError                 a source of connections failed, or a stored secret cannot be decrypted
    ├── DagError                     a DAG that cannot be built
    │   ├── DagCycle
    │   ├── DuplicateTask
    │   ├── UnknownArgument
    │   └── MissingArgument
    ├── ScheduleError
    ├── ParamError                   run parameters that break their schema
    ├── TemplateError
    ├── UnknownContextKey            a name that the context of a task does not have
    ├── XComError
    ├── TransferError                rows cannot be moved from a source to a sink
    ├── PluginError
    ├── SandboxError                 a throw-away server cannot be had, or did not start
    │   └── SandboxMissing           there is nothing on this machine that could be started
    ├── LogStoreError                a log store refused or is out of reach
    ├── NotFound                     a DAG, run, task or log that is not in the metadata database
    ├── StoreError                   the metadata database refused or is out of reach
    ├── ProcessError                 a helper process cannot be started, or died
    └── TaskSignal                   raised by task code to say how the task ends
        ├── TaskSkipped
        ├── TaskFailed               fails at once, whatever retries are left
        ├── TaskTimeout
        ├── SensorTimeout
        └── TaskRescheduled

A message says what happened, to which DAG, task, connection or provider by name, and what to do next. The command
line prints it as one line; secrets never appear in it.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable


def sentence(told: object) -> str:
    """What an error says, with a full stop unless it ends as a sentence does already."""
    text = str(told).rstrip()
    return text if text.endswith((".", "?", "!")) else f"{text}."


class TradewindError(Exception):
    """Base of every error raised on purpose."""


class UsageError(TradewindError):
    """A command, option or argument cannot be right."""


class SettingError(UsageError):
    """A setting has a value that cannot be used. The message names its source."""


class ConnectionFault(TradewindError):
    """Something is wrong with one connection."""


class ConnectionNotFound(ConnectionFault):
    """No source knows the connection. The message lists the sources that were asked."""


class BrokenConnection(ConnectionFault):
    """The connection exists and cannot be read: never reported as missing, never skipped for a later source."""


class VariableError(TradewindError):
    """Something is wrong with one variable."""


class VariableNotFound(VariableError, KeyError):
    """No source knows the variable."""

    def __str__(self) -> str:  # KeyError would print the repr of the message
        return str(self.args[0]) if self.args else ""


class BrokenVariable(VariableError):
    """The variable exists and cannot be read, for instance because it is not the JSON it was asked to be."""


class SecretsError(TradewindError):
    """A source of connections failed, or a stored secret cannot be decrypted with the keys at hand."""


class DagError(TradewindError):
    """A DAG cannot be built as written."""


class DagCycle(DagError):
    """Tasks wait for each other in a circle."""


class DuplicateTask(DagError):
    """Two tasks, or two groups, of one DAG have the same id."""


class UnknownArgument(DagError, TypeError):
    """An operator or DAG was given a keyword that it does not take. The message offers the nearest one."""


class MissingArgument(DagError, TypeError):
    """An operator or DAG was made without a keyword that it cannot do without."""


class ScheduleError(DagError):
    """A schedule cannot be read, names an unknown time zone, or never fires."""


class ParamError(TradewindError):
    """A run's parameters break the schema that the DAG declares."""


class TemplateError(TradewindError):
    """A template cannot be rendered. The message names task and field."""


class UnknownContextKey(TradewindError, KeyError):
    """The context of a task has no such name. The message offers the nearest one."""

    def __str__(self) -> str:  # KeyError would print the repr of the message
        return str(self.args[0]) if self.args else ""


class XComError(TradewindError):
    """A value cannot be passed between tasks."""


class TransferError(TradewindError):
    """Rows cannot be moved from a source to a sink, which is as it was. The message never shows values of rows."""


class PluginError(TradewindError):
    """A plugin cannot be loaded, or a name that plugins register cannot be resolved."""


class SandboxError(TradewindError):
    """A throw-away server cannot be had, or did not start. The message ends with what it said last."""


class SandboxMissing(SandboxError):
    """There is no such server on this machine. The message says what to install."""


class LogStoreError(TradewindError):
    """A log store refused, is out of reach, or holds what cannot be read. The message names its URL."""


class NotFound(TradewindError):
    """A DAG, run, task or log is not in the metadata database."""


class StoreError(TradewindError):
    """The metadata database refused, is locked, is out of reach, or has another schema version."""


class ProcessError(TradewindError):
    """A process that tradewind starts for its own work cannot be started, or died."""


class TaskSignal(TradewindError):
    """Raised by task code to say how the task ends."""


class TaskSkipped(TaskSignal):
    """The task is skipped: neither a success nor a failure."""


class TaskFailed(TaskSignal):
    """The task fails at once, whatever retries are left."""


class TaskTimeout(TaskSignal):
    """The task ran longer than its `execution_timeout`. Retries apply."""


class SensorTimeout(TaskSignal):
    """What the sensor waits for did not come within its `timeout`. Retries do not apply."""


class TaskRescheduled(TaskSignal):
    """A sensor gives its place back and asks to be looked at again later."""

    def __init__(self, at: datetime.datetime) -> None:
        super().__init__(f"to be looked at again at {at.isoformat()}")
        self.at = at  #: aware datetime of the next look


def nearest(name: str, known: Iterable[str], otherwise: str) -> str:
    """Ends a message about a name that nothing has: the known one that is most like it, or else `otherwise`."""
    import difflib

    close = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {close[0]!r}?" if close else otherwise
