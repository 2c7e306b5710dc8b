"""`EndpointContract`: what is true of every endpoint that is read and written, in each mode that it has."""

from __future__ import annotations

import datetime
import pickle
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from tradewind.testing.laws import Contract, fixture, needs, require
from tradewind.testing.memory import Collected, Rows, SourceFailed
from tradewind.testing.runs import run_task
from tradewind.transfer import Column, Transfer, Type

#: Makes the endpoint under test; keywords are those of sinks: `mode`, `keys`, `partition`.
MakeEndpoint = Callable[..., Any]
Row = tuple[Any, ...]

COLUMNS = (
    Column("id", Type("int"), nullable=False),
    Column("name", Type("text")),
    Column("amount", Type("decimal", 12, 2)),
    Column("day", Type("date"), nullable=False),
    Column("seen", Type("timestamp")),
)

_DAY, _NEXT = datetime.date(2025, 11, 21), datetime.date(2025, 11, 22)
_SEEN = datetime.datetime(2025, 11, 21, 23, 59, 59)  # a timestamp without zone is meant

#: Rows with what has been lost somewhere before.
ROWS: list[Row] = [
    (1, "plain", Decimal("10.50"), _DAY, _SEEN),
    (2, "", Decimal("0.00"), _DAY, _SEEN),
    (3, None, None, _DAY, None),
    (4, "naïve 日本 \U0001f600", Decimal("-0.01"), _DAY, _SEEN),
    (5, 'a "quoted", comma;\ttab\nline\r\nend', Decimal("9999999999.99"), _DAY, _SEEN),
    (6, "\\N", Decimal("1.00"), _DAY, _SEEN),
    (7, " spaces ", Decimal("1.00"), _DAY, _SEEN),
    (8, "NULL", Decimal("1.00"), _DAY, _SEEN),
    (9, "long " * 2000, Decimal("1.00"), _DAY, _SEEN),
]

_MANY = 5000


class EndpointContract(Contract, contract=True):
    """Laws of an endpoint that is a source and a sink.

        class TestPostgresTable(EndpointContract):
            appends = upserts = has_partitions = True

            @pytest.fixture
            def endpoint(self, hook):
                hook.run("create table contract (id int primary key, name text, ..., day date not null, ...)")
                return lambda **given: PostgresTable("contract", conn_id="warehouse", **given)

    Whatever the fixture makes leads to the same place, which is empty when the test begins. Where columns have types it
    has those of `COLUMNS`; `id` is its primary key.
    """

    #: It has the mode append.
    appends: ClassVar[bool] = False
    #: `append` takes a partition.
    has_partitions: ClassVar[bool] = False
    #: It has the mode upsert.
    upserts: ClassVar[bool] = False
    #: It refuses values that its columns do not take, such as NULL where they are not nullable.
    checks_values: ClassVar[bool] = True
    #: It keeps an empty text apart from NULL.
    keeps_empty_text: ClassVar[bool] = True

    @fixture
    def endpoint(self) -> Any:
        """A function that makes an endpoint."""
        raise NotImplementedError(f"{type(self).__name__} needs a fixture endpoint")

    # -- what it is ----------------------------------------------------------------------------------------------------

    def test_it_only_says_what_is_meant(self, endpoint: MakeEndpoint) -> None:
        """An endpoint is data: it can be pickled, and its template fields are attributes."""
        made = endpoint(mode="replace")
        for field in made.template_fields:
            require(hasattr(made, field), f"It has the template field {field!r}, and no attribute of that name.")
        try:
            again = pickle.loads(pickle.dumps(made))
        except Exception as error:
            require(False, f"It cannot be pickled ({error}); open what it needs in reader() and writer().")
        require(repr(again) == repr(made), f"It is {made!r}, and {again!r} after pickling.")

    def test_its_modes_are_those_that_it_claims(self, endpoint: MakeEndpoint) -> None:
        """`modes` names the modes that it has."""
        wanted = {"replace"} | ({"append"} if self.appends else set()) | ({"upsert"} if self.upserts else set())
        got = set(endpoint(mode="replace").modes)
        require(got == wanted, f"Its modes are {', '.join(sorted(got))}, and the test class claims {sorted(wanted)}.")

    # -- rows ----------------------------------------------------------------------------------------------------------

    def test_rows_come_back_as_they_were(self, endpoint: MakeEndpoint) -> None:
        """What is written is read: NULL and empty text, every character, decimals, dates, long texts."""
        wanted = [row for row in ROWS if row[1] != "" or self.keeps_empty_text]
        self._write(endpoint(mode="replace"), wanted)
        got = self._read(endpoint)
        for before, after in zip(wanted, got):
            for column, given, read in zip(COLUMNS, before, after):
                told = f"{column.name} {_short(given)} of row {before[0]} is read as {_short(read)}."
                require(given == read and type(given) is type(read), told)
        require(len(got) == len(wanted), f"{len(wanted)} rows were written, and {len(got)} are read.")

    def test_many_rows_are_counted(self, endpoint: MakeEndpoint) -> None:
        """Of many rows none is lost, and their number is told."""
        rows = [(number, str(number), None, _DAY, None) for number in range(_MANY)]
        told = self._write(endpoint(mode="replace"), rows)
        require(told == _MANY, f"{_MANY} rows were written, and {told} told.")
        got = self._read(endpoint)
        require(got == rows, f"{_MANY} rows were written, and {len(got)} are read, or others.")

    # -- modes ---------------------------------------------------------------------------------------------------------

    def test_replacing_twice_is_replacing_once(self, endpoint: MakeEndpoint) -> None:
        """`replace` leaves the rows of the last source and no others, none of them twice; an empty source none."""
        self._write(endpoint(mode="replace"), ROWS[3:5])
        for _ in range(2):
            self._write(endpoint(mode="replace"), ROWS[:1])
            self._holds(endpoint, ROWS[:1], "a replace that was done twice")
        self._write(endpoint(mode="replace"), [])
        self._holds(endpoint, [], "a replace by an empty source")

    @needs("appends")
    def test_append_adds(self, endpoint: MakeEndpoint) -> None:
        """`append` without a partition adds rows to those that are there."""
        self._write(endpoint(mode="append"), ROWS[:1])
        self._write(endpoint(mode="append"), ROWS[3:5])
        self._holds(endpoint, [ROWS[0], *ROWS[3:5]], "two appends")

    @needs("has_partitions")
    def test_appending_a_partition_twice_is_appending_it_once(self, endpoint: MakeEndpoint) -> None:
        """`append` with a partition replaces the rows of that partition, and leaves the others."""
        other = [(*row[:3], _NEXT, row[4]) for row in ROWS[3:5]]
        self._write(endpoint(mode="append", partition={"day": _NEXT.isoformat()}), other)
        for rows in (ROWS[:2], ROWS[:1], ROWS[:1]):
            self._write(endpoint(mode="append", partition={"day": _DAY.isoformat()}), rows)
        self._holds(endpoint, [ROWS[0], *other], "a partition that was appended three times")

    @needs("upserts")
    def test_upserting_twice_is_upserting_once(self, endpoint: MakeEndpoint) -> None:
        """`upsert` puts a row in the place of the one with its keys, and leaves the others."""
        changed = (1, "changed", None, _NEXT, None)
        self._write(endpoint(mode="upsert", keys=["id"]), [ROWS[0], ROWS[3]])
        for _ in range(2):
            self._write(endpoint(mode="upsert", keys=["id"]), [changed, ROWS[4]])
        self._holds(endpoint, [changed, ROWS[3], ROWS[4]], "an upsert that was done twice")

    # -- failures ------------------------------------------------------------------------------------------------------

    def test_a_source_that_fails_leaves_it_as_it_was(self, endpoint: MakeEndpoint) -> None:
        """When the source fails half-way nothing has changed, in any mode, and a second try is right."""
        self._write(endpoint(**self._sinks()[0]), ROWS[:1])
        rows = [(number, "new", None, _NEXT, None) for number in range(10, 2 * _MANY)]
        for given in self._sinks():
            try:
                self._write(endpoint(**given), rows, fails_after=_MANY)
            except SourceFailed:
                self._holds(endpoint, ROWS[:1], f"a source that failed, with {given}")
            else:
                require(False, f"The source failed half-way, and the transfer with {given} did not.")
        self._write(endpoint(mode="replace"), rows)
        self._holds(endpoint, rows, "a second try")

    @needs("checks_values")
    def test_a_write_that_fails_leaves_it_as_it_was(self, endpoint: MakeEndpoint) -> None:
        """When a row is refused nothing has changed, in any mode."""
        self._write(endpoint(**self._sinks()[0]), ROWS[:1])
        rows = [*((number, "new", None, _NEXT, None) for number in range(10, 300)), (300, "no day", None, None, None)]
        for given in self._sinks():
            try:
                self._write(endpoint(**given), rows)
            except Exception as error:
                require(str(error).strip(), "A write that fails says nothing; say what is wrong.")
            else:
                require(False, f"It takes NULL for a column that is not nullable, with {given}.")
            self._holds(endpoint, ROWS[:1], f"a write that failed, with {given}")

    # -- how -----------------------------------------------------------------------------------------------------------

    def _sinks(self) -> list[dict[str, Any]]:
        """Every way of writing; the first makes a place that the others can write to as well."""
        claimed: list[tuple[bool, dict[str, Any]]] = [
            (self.upserts, {"mode": "upsert", "keys": ["id"]}),
            (True, {"mode": "replace"}),
            (self.appends, {"mode": "append"}),
            (self.has_partitions, {"mode": "append", "partition": {"day": _NEXT.isoformat()}}),
        ]
        return [given for has_it, given in claimed if has_it]

    def _write(self, sink: Any, rows: Sequence[Row], fails_after: int | None = None) -> int:
        source = Rows(COLUMNS, rows, fails_after)
        done = run_task(Transfer(task_id="write", source=source, sink=sink))
        return int(done.result["rows"])

    def _read(self, endpoint: MakeEndpoint) -> list[Row]:
        """The rows that it has, by their id."""
        found = Collected(COLUMNS)
        run_task(Transfer(task_id="read", source=endpoint(), sink=found))
        return sorted(found.rows, key=lambda row: int(row[0]))

    def _holds(self, endpoint: MakeEndpoint, rows: Sequence[Row], after: str) -> None:
        got = [row[0] for row in self._read(endpoint)]
        wanted = [row[0] for row in rows]
        told = f"After {after} it has {len(got)} rows ({_short(got)}), not {len(wanted)} ({_short(wanted)})."
        require(got == wanted, told)
        require(
            self._read(endpoint) == sorted(rows, key=lambda row: int(row[0])), f"After {after} it has other values."
        )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 60 else f"{text[:57]}..."
