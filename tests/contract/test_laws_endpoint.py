"""Each law of an endpoint fails on an endpoint that breaks it."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import pytest

from tradewind.testing import EndpointContract, LawBroken
from tradewind.testing.endpoint import COLUMNS
from tradewind.transfer import RowReader, RowWriter, Sink, Source

#: What lies in the place that endpoints lead to.
PLACE: list[tuple] = []


class Reader(RowReader):
    columns = COLUMNS

    def __enter__(self):
        return self

    def __exit__(self, *error): ...

    def rows(self):
        yield list(PLACE)


@dataclass(frozen=True)
class Good(Source, Sink):
    """A table in memory, whose values have types."""

    modes = ("replace", "append", "upsert")

    mode: str | None = None
    keys: tuple = ()
    partition: dict | None = None

    def reader(self):
        return Reader()

    def writer(self):
        return Writer(self)

    def keep(self, row):
        """The row as it is stored."""
        if row[3] is None:
            raise ValueError("day cannot be NULL")
        return row

    def merge(self, rows):
        """What the place holds when these rows are written."""
        if self.mode == "replace":
            return rows
        if self.mode == "upsert":
            return list({row[0]: row for row in [*PLACE, *rows]}.values())
        days = set((self.partition or {}).values())
        return [row for row in PLACE if str(row[3]) not in days] + rows


class Writer(RowWriter):
    columns = COLUMNS

    def __init__(self, sink):
        self.sink = sink

    def __enter__(self):
        return self

    def __exit__(self, *error): ...

    def begin(self, columns):
        self.names = [column.name for column in columns]
        self.taken = []

    def rows(self, batches):
        for batch in batches:
            self.taken += [
                self.sink.keep(tuple(row[self.names.index(column.name)] for column in COLUMNS)) for row in batch
            ]
        return len(self.taken)

    def commit(self):
        PLACE[:] = self.sink.merge(self.taken)


class Locked(Good):
    def __getstate__(self):
        return threading.Lock()


class Forgetful(Good):
    def __reduce__(self):
        return Forgetful, ()


class Templated(Good):
    template_fields = ("table",)


class Modest(Good):
    modes = ("replace",)


class Empty(Good):
    def keep(self, row):
        return (row[0], row[1] or None, *row[2:])


class Floating(Good):
    def keep(self, row):
        return (*row[:2], row[2] and float(row[2]), *row[3:])


class Careless(Good):
    def merge(self, rows):
        return super().merge(rows)[:4000]


class Adding(Good):
    def merge(self, rows):
        return PLACE + rows


class Clearing(Good):
    def merge(self, rows):
        return rows if self.mode == "append" and not self.partition else super().merge(rows)


class Unpartitioned(Good):
    def merge(self, rows):
        return PLACE + rows if self.partition else super().merge(rows)


class Inserting(Good):
    def merge(self, rows):
        return PLACE + rows if self.mode == "upsert" else super().merge(rows)


class Eager(Good):
    """Writes each row at once."""

    def keep(self, row):
        row = super().keep(row)
        PLACE.append(row)
        return row

    def merge(self, rows):
        found = [row for row in PLACE if row not in rows]
        PLACE[:] = found
        return super().merge(rows)


class Lax(Good):
    def keep(self, row):
        return row


class Wiping(Good):
    def keep(self, row):
        try:
            return super().keep(row)
        except ValueError:
            PLACE.clear()
            raise


CASES = [
    ("it_only_says_what_is_meant", Templated, "has the template field 'table', and no attribute"),
    ("it_only_says_what_is_meant", Locked, "It cannot be pickled"),
    ("it_only_says_what_is_meant", Forgetful, "after pickling"),
    ("its_modes_are_those_that_it_claims", Modest, "Its modes are replace, and the test class claims"),
    ("rows_come_back_as_they_were", Empty, "name '' of row 2 is read as None"),
    ("rows_come_back_as_they_were", Floating, "amount Decimal('10.50') of row 1 is read as"),
    ("many_rows_are_counted", Careless, "5000 rows were written, and 4000 are read"),
    ("replacing_twice_is_replacing_once", Adding, "After a replace that was done twice it has 3 rows"),
    ("append_adds", Clearing, "After two appends it has 2 rows"),
    ("appending_a_partition_twice_is_appending_it_once", Unpartitioned, "that was appended three times it has"),
    ("upserting_twice_is_upserting_once", Inserting, "After an upsert that was done twice it has"),
    ("a_source_that_fails_leaves_it_as_it_was", Eager, "After a source that failed, with {'mode': 'upsert'"),
    ("a_write_that_fails_leaves_it_as_it_was", Lax, "It takes NULL for a column that is not nullable"),
    (
        "a_write_that_fails_leaves_it_as_it_was",
        Wiping,
        "After a write that failed, with {'mode': 'upsert', 'keys': ['id']} it has 0 rows",
    ),
]


class Case(EndpointContract):
    __test__ = False
    appends = upserts = has_partitions = True


@pytest.fixture(autouse=True)
def empty_place():
    PLACE.clear()


@pytest.mark.parametrize(("law", "kind", "told"), CASES, ids=[f"{law}-{kind.__name__}" for law, kind, _ in CASES])
def test_a_law_is_broken(law, kind, told):
    with pytest.raises(LawBroken) as raised:
        getattr(Case(), f"test_{law}")(kind)
    assert told in str(raised.value)


def test_every_law_is_broken_here():
    assert {f"test_{law}" for law, _, _ in CASES} == set(EndpointContract.laws())


@pytest.mark.parametrize("law", EndpointContract.laws())
def test_a_good_endpoint_keeps_it(law):
    getattr(Case(), law)(Good)
