"""What the two ends of a transfer are: sources, which are read, and sinks, which are written.

An endpoint only says what is meant: making one opens nothing. `source.reader()` and `sink.writer()` are what is opened,
for one transfer. The `Transfer` operator enters each in a thread of its own, uses and closes it there; only `cancel` is
called from elsewhere.

A reader gives rows (`RowReader`) or text in one fixed form of CSV (`CsvReader`, see `csvtext`), or either; a writer
takes rows (`RowWriter`), CSV (`CsvWriter`), or either. Where both ends can do CSV, bytes are passed on as they are;
everywhere else the operator translates between the two. So an endpoint need do but one of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Any, ClassVar, Self

from tradewind.transfer.types import Type

#: Some rows, each with a value for every column.
Batch = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a source or a sink."""

    name: str
    type: Type
    nullable: bool = True  #: of a sink: takes NULL
    optional: bool = False  #: of a sink: filled by the database itself where no value comes (a default, a serial)


class Endpoint:
    """One end of a transfer. Its `template_fields` are rendered as those of the operator that it is given to.

    Derive from `Source`, from `Sink`, or from both. Frozen dataclasses suit: they compare, and they show what is meant.
    """

    template_fields: ClassVar[Sequence[str]] = ()

    def __repr__(self) -> str:
        """What was given, as far as fields are shown (`field(repr=False)`): for the log."""
        found = sorted(getattr(self, "__dataclass_fields__", {}).values(), key=lambda one: bool(one.kw_only))
        given = [(one.name, getattr(self, one.name), one.default) for one in found if one.repr]
        parts = [f"{name}={value!r}" for name, value, default in given if value != default]
        return f"{type(self).__name__}({', '.join(parts)})"


class Source(Endpoint, ABC):
    """Something that rows can be read from."""

    @abstractmethod
    def reader(self) -> Reader:
        """A new reader, not open yet."""


class Sink(Endpoint, ABC):
    """Something that rows can be written to, in one or more of `modes`."""

    #: Which of replace, append and upsert it can do.
    modes: ClassVar[tuple[str, ...]] = ("replace",)

    @abstractmethod
    def writer(self) -> Writer:
        """A new writer, not open yet."""

    def check_sink(self) -> None:
        """Raise DagError if it lacks something that writing needs. Called when the DAG is read."""


class _Opened(ABC):
    """What readers and writers share: `with`, and being told to stop."""

    cancelled: bool = False  #: it was told to stop

    @abstractmethod
    def __enter__(self) -> Self:
        """Open it."""

    @abstractmethod
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it, also after a failure; a writer takes back what was not committed."""

    def cancel(self) -> None:
        """Stop what it does, on its server too. Called from another thread, perhaps more than once, perhaps for
        nothing; what is executed then fails. Extend it, and leave the rest to whoever called.
        """
        self.cancelled = True


class Reader(_Opened):
    """An open source. Implement `RowReader` or `CsvReader`, not this."""

    columns: tuple[Column, ...] = ()  #: known once it is entered

    def narrow(self, names: Sequence[str]) -> bool:
        """Give only these columns from now on, in this order, and say True; False if it cannot (the operator does it).

        Called at most once, before anything is read.
        """
        return False


class RowReader(Reader):
    """Gives rows. Values are those that `types.KINDS` says for each column's type."""

    @abstractmethod
    def rows(self) -> Iterator[Batch]:
        """All rows, a few hundred or thousand at a time: they are in memory together."""


class CsvReader(Reader):
    """Gives CSV, as `csvtext` describes it: UTF-8, no header, a comma, `\\n`; an empty value is NULL, `""` is empty."""

    gives_csv: bool = True  #: False once it is entered: this time it does not, and it is a RowReader too

    @abstractmethod
    def csv(self, out: IO[bytes]) -> None:
        """Write everything into `out`, in pieces of any size. It blocks while the sink has enough."""

    def place(self, line: int) -> str:
        """How an error about that line of the CSV says where it is, for instance `line 8 of orders.csv`."""
        return f"row {line}"


class Writer(_Opened):
    """An open sink. Implement `RowWriter` or `CsvWriter`, not this.

    The order of calls: `__enter__`, perhaps `adopt`, `begin`, `rows` or `csv` once, `commit`, `__exit__`. Nothing of it
    can be seen by others before `commit`; without a commit the target stays as it was.
    """

    columns: tuple[Column, ...] | None = None  #: known once it is entered; None: takes whatever comes

    def adopt(self, columns: Sequence[Column]) -> Sequence[Column]:
        """The columns that it will have, for these of the source: the same names, types that it can keep.

        Called before `begin`, if it has no columns yet.
        """
        return columns

    @abstractmethod
    def begin(self, columns: Sequence[Column]) -> None:
        """What will come: some of its own columns, or those of `adopt` where it had none, in this order."""

    @abstractmethod
    def commit(self) -> None:
        """Make it final, all at once. Must raise, and change nothing, if `cancelled` is true."""


class RowWriter(Writer):
    """Takes rows. Values are those that `types.KINDS` says for the types of the columns given to `begin`."""

    @abstractmethod
    def rows(self, batches: Iterable[Batch]) -> int:
        """Write all of them; returns how many rows the target took."""


class CsvWriter(Writer):
    """Takes CSV, as `csvtext` describes it."""

    takes_csv: bool = True  #: False once it is entered: this time it does not, and it is a RowWriter too

    @abstractmethod
    def csv(self, stream: IO[bytes]) -> int:
        """Write what `stream.read(size)` gives until it is empty; returns how many rows the target took.

        An error may tell the line that it is about in an attribute `csv_line`, counted from 1.
        """
