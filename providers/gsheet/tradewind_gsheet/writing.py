"""Writes a table so that it is there all at once, or not at all, and so that doing it twice does it once.

The rows go into a tab of their own first, hidden and as large as they need. One request then takes them over: it clears
what they replace, copies them, and removes that tab; Google carries out all of it or nothing. The tab is what tells
whether it was done: if the answer is lost, and the tab is gone, it was. A table that is replaced keeps its place, its
formats and protections, and formulas elsewhere that refer to it see the new values.
"""

from __future__ import annotations

import datetime
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tradewind.errors import TransferError
from tradewind.transfer import Column
from tradewind.transfer.types import ANY
from tradewind_gsheet import updates
from tradewind_gsheet.a1 import MAX_COLUMNS, Place
from tradewind_gsheet.book import Book, Tab
from tradewind_gsheet.cells import TEMPORAL, Cell, temporal_type, to_cell
from tradewind_gsheet.errors import GSheetsError, OutcomeUnknown
from tradewind_gsheet.existing import Existing, Key, canonical, guessed_type, runs
from tradewind_gsheet.spool import Spool
from tradewind_gsheet.transport import Stopped

#: Beginning of the titles of tabs that rows wait in; the moment follows, and something that nobody guesses.
STAGING = "tradewind "

#: A tab that rows wait in is left over from a killed process when it is so old.
LEFT_OVER = datetime.timedelta(hours=24)

_STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, kw_only=True)
class How:
    """How a table is written. See the endpoint `Sheet` for what each means."""

    mode: str = "replace"
    keys: Sequence[str] = ()
    partition: Mapping[str, Any] | None = None
    header: bool = True
    create: bool = False
    value_input_option: str = "RAW"
    dates: str = "text"
    format_header: bool = False


class TableWrite:
    """One write of a table: `begin`, `add` as often as there are rows, `commit`; `close` in any case."""

    def __init__(self, book: Book, place: Place, how: How) -> None:
        """Look at what is there. Raises BadRange if the tab is not, and is not to be made."""
        self.book = book
        self.place = place
        self.how = how
        self.tab: Tab | None = book.find(place.tab) if how.create else book.require(place.tab)
        self.old = Existing(book, self.tab, place, header=how.header, whole=how.mode != "replace")
        self._spool = Spool()
        self._staging: int | None = None  #: id of the tab that the rows wait in
        self._offset = 0, 0  #: row and column that the rows begin at in the tab where they wait
        self._gone: list[int] = []  #: rows of the table that are taken out
        self._keys: dict[Key, int] = {}  #: key -> number of the last row that has it

    def close(self) -> None:
        """Take back what was not committed."""
        self._spool.close()
        staging, self._staging = self._staging, None
        if staging is not None:
            try:
                self._send([updates.delete_tab(staging)], "remove a tab that is not needed any more")
            except GSheetsError as error:
                # It is hidden, and goes with the first write after a day.
                self.book.client.log.warning("A hidden tab is left in the spreadsheet %r: %s", self.book.title, error)

    # The rows

    def begin(self, columns: Sequence[Column]) -> None:
        """What will come, in this order. Raises TransferError if it does not fit the table."""
        self._incoming = [column.name for column in columns]
        self._types = {column.name: column.type for column in columns}
        partition = self.how.partition or {}
        fixed = {name: value for name, value in partition.items() if name not in self._incoming}
        self._names = self.old.names if self.how.mode != "replace" and self.old.names else [*self._incoming, *fixed]
        self._check_names()
        self._fixed = [to_cell(value) for value in fixed.values()]
        arrived = [*self._incoming, *fixed]
        self._order = [arrived.index(name) if name in arrived else None for name in self._names]
        self._reorders = self._order != list(range(len(self._names)))
        self._checks = bool(self.how.keys or partition)
        self._untyped = {place for place, name in enumerate(self._incoming) if self._types[name] == ANY}
        self._key_places = [(self._incoming.index(name), name) for name in self.how.keys]
        self._partition_places = [
            (self._incoming.index(name), name, value) for name, value in partition.items() if name in self._incoming
        ]

    def add(self, rows: Iterable[Sequence[Any]]) -> int:
        """Take some rows; returns how many."""
        number = len(self._spool)
        ready: list[list[Cell]] = []
        for row in rows:
            if self._untyped:
                self._find_types(row)
            cells = self._cells(row, number + len(ready))
            if self._checks:
                self._check_row(cells, number + len(ready))
            cells += self._fixed
            ready.append(["" if place is None else cells[place] for place in self._order] if self._reorders else cells)
        self._spool.add(ready)
        return len(ready)

    def _find_types(self, row: Sequence[Any]) -> None:
        """Note which columns have dates, where the source does not say: they are compared, and look, as such."""
        for place in list(self._untyped):
            if row[place] is not None:
                self._untyped.discard(place)
                self._types[self._incoming[place]] = temporal_type(row[place]) or ANY

    def _cells(self, row: Sequence[Any], number: int) -> list[Cell]:
        serial = self.how.dates == "serial"
        try:
            return [to_cell(value, dates_as_serials=serial) for value in row]
        except ValueError:
            for name, value in zip(self._incoming, row):
                try:
                    to_cell(value, dates_as_serials=serial)
                except ValueError as error:
                    raise TransferError(f"Row {number + 1}: column {name!r} has {error}.") from None
            raise

    def _check_row(self, cells: list[Cell], number: int) -> None:
        if self._key_places:
            if self.how.value_input_option == "USER_ENTERED":
                self._check_formulas(cells, number)
            key = tuple(canonical(cells[place], self._types[name]) for place, name in self._key_places)
            if not all(key):
                raise TransferError(f"Row {number + 1}: one of the keys {list(self.how.keys)} is empty.")
            self._keys[key] = number
        for place, name, value in self._partition_places:
            known = self._types[name]
            kind = guessed_type(value) if known == ANY else known
            if canonical(cells[place], kind) != canonical(to_cell(value), kind):
                raise TransferError(f"Row {number + 1} does not belong to the partition: its {name!r} is another.")

    def _check_formulas(self, cells: list[Cell], number: int) -> None:
        found = next(
            (place for place, cell in enumerate(cells) if isinstance(cell, str) and cell.startswith("=")), None
        )
        if found is not None:
            raise TransferError(
                f"Row {number + 1}: column {self._incoming[found]!r} has a formula, which cannot be upserted: what it "
                "refers to would depend on where its row stands. Leave the column out, and let it be in the table."
            )

    def _check_names(self) -> None:
        if self._writes_header and self.how.mode != "replace" and self.old.is_filled:
            raise TransferError(
                f"{self.old.where} has rows, and no header in row {self.place.row + 1}. Write the names of the columns "
                "there, or say where the table begins: Tab!B3."
            )
        for what, wanted in (("keys", self.how.keys), ("partition", self.how.partition or ())):
            known = self._incoming if what == "keys" else self._names
            lost = [name for name in wanted if name not in known or name not in self._names]
            if lost:
                raise TransferError(f"{what}= names {lost[0]!r}, which is no column of {self.old.where}: {known}.")
        width = len(self._names)
        room = MAX_COLUMNS if self.place.end_column is None else self.place.end_column
        if self.place.column + width > room:
            raise TransferError(f"{self.old.where}: {width} columns do not fit into {self.place}.")

    # The commit

    def commit(self, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Write everything. Raises, and leaves the table as it was, if it cannot or `cancelled()` is true."""
        order, targets = self._targets()
        before = [list(self._names)] if self._writes_header else []
        count = len(before) + len(order)
        end = max([stop for _, stop in targets], default=self.place.row)
        if self.place.end_row is not None and end > self.place.end_row:
            raise TransferError(f"{self.old.where}: {count} rows do not fit into {self.place}.")
        self._find_offset(targets)
        self._check_room(count, end)
        self._stage(before, order, count)
        if cancelled():
            raise TransferError(f"{self.old.where} is left as it was: the transfer was told to stop.")
        self._take_over(targets, end)

    @property
    def _writes_header(self) -> bool:
        return self.how.header and (self.how.mode == "replace" or not self.old.names)

    def _targets(self) -> tuple[Sequence[int], list[tuple[int, int]]]:
        """Which rows are staged, in which order, and the runs of rows of the table that they go to."""
        first = self.place.row
        if self.how.mode == "replace":
            count = len(self._spool) + (1 if self._writes_header else 0)
            return range(len(self._spool)), [(first, first + count)] if count else []
        if self.how.mode == "append":
            self._gone = (
                self.old.rows_of(self.how.partition, self._types) if self.how.partition and self.old.names else []
            )
            begin = (first if self._writes_header else self.old.end) - len(self._gone)
            count = len(self._spool) + (1 if self._writes_header else 0)
            return range(len(self._spool)), [(begin, begin + count)] if count else []
        return self._upsert_targets()

    def _upsert_targets(self) -> tuple[Sequence[int], list[tuple[int, int]]]:
        known = self.old.keys(self.how.keys, self._types) if self.old.names else {}
        changed = sorted((known[key], number) for key, number in self._keys.items() if key in known)
        added = sorted(number for key, number in self._keys.items() if key not in known)
        begin = self.place.row if self._writes_header else self.old.end
        count = len(added) + (1 if self._writes_header else 0)
        targets = runs([row for row, _ in changed]) + ([(begin, begin + count)] if count else [])
        return [number for _, number in changed] + added, targets

    def _find_offset(self, targets: list[tuple[int, int]]) -> None:
        """Where in their tab the rows wait: where they go to, if that tab is to be the table, or formulas may come.

        A formula that is copied to another place refers to other cells.
        """
        if self.tab is None:
            self._offset = self.place.row, self.place.column
        elif self.how.value_input_option == "USER_ENTERED" and targets:
            self._offset = targets[0][0], self.place.column

    def _check_room(self, count: int, end: int) -> None:
        """All at once must fit: the table as it will be, and the tab that its rows wait in."""
        width = len(self._names)
        tab = self.tab
        grown = 0
        if tab is not None:
            rows, columns = max(end, tab.rows), max(self.place.column + width, tab.columns)
            grown = rows * columns - tab.rows * tab.columns
        waiting = (self._offset[0] + count) * (self._offset[1] + width) if count else 0
        self.book.check_room(waiting + grown, f"writing {count:,} rows of {width} columns (and a copy for a while)")

    def _stage(self, before: list[list[str]], order: Sequence[int], count: int) -> None:
        if self.tab is not None and not count and not self._gone:
            return  # nothing to copy, and nothing that must not be done twice
        staging = secrets.randbelow(2**31 - 1) + 1
        title = f"{STAGING}{datetime.datetime.now(datetime.UTC):{_STAMP}} {secrets.token_hex(4)}"
        down, right = self._offset
        rows, columns = down + max(count, 1), right + len(self._names)
        requests = [*self._sweep(), updates.add_tab(staging, title, rows, columns, hidden=True)]
        self._staging = staging
        try:
            self._surely(requests, "add a tab", lambda: self.book.by_id(staging) is not None)
        except GSheetsError as error:
            if not isinstance(error, OutcomeUnknown):
                self._staging = None  # it was not added
            raise
        for first, number, body in self._spool.bodies(before, order):
            place = Place(title, down + first, right, down + first + number, columns)
            self.book.client.put_values(self.book.spreadsheet_id, str(place), body, self.how.value_input_option)

    def _take_over(self, targets: list[tuple[int, int]], end: int) -> None:
        staging, tab = self._staging, self.tab
        if tab is None:
            assert staging is not None
            properties = {"sheetId": staging, "title": self.place.tab, "hidden": False}
            rename = {"updateSheetProperties": {"properties": properties, "fields": "title,hidden"}}
            made = [rename, *self._formats(staging, targets)]
            self._surely(made, f"make the tab {self.place.tab!r}", lambda: self._is_named(staging))
        else:
            requests = [
                *updates.grow(tab, end, self.place.column + len(self._names)),
                *self._clearing(tab),
                *self._pastes(tab, targets),
                *self._formats(tab.sheet_id, targets),
            ]
            if staging is not None:
                requests.append(updates.delete_tab(staging))
            self._surely(requests, f"write the tab {self.place.tab!r}", lambda: self._is_gone(staging))
        self._staging = None

    def _clearing(self, tab: Tab) -> list[updates.Request]:
        place = self.place.within(tab.rows, tab.columns)
        if self.how.mode == "replace":
            width = max(self.old.width, len(self._names))
            area = Place(tab.title, place.row, place.column, place.end_row, place.column + width)
            return [updates.clear(tab.sheet_id, area.within(tab.rows, tab.columns))] if place.row < tab.rows else []
        if self.how.mode == "append":
            behind = place.column + len(self._names)
            areas = [Place(tab.title, first, place.column, last, behind) for first, last in runs(self._gone)]
            return [updates.delete_rows(tab.sheet_id, area) for area in reversed(areas)]
        return []

    def _pastes(self, tab: Tab, targets: list[tuple[int, int]]) -> list[updates.Request]:
        """A copy for each run of rows and of columns. What no column of the source is for is left as it is."""
        covered = runs([number for number, place in enumerate(self._order) if place is not None])
        formulas = self.how.value_input_option == "USER_ENTERED"
        assert not targets or self._staging is not None
        found: list[updates.Request] = []
        row, column = self._offset
        for first, last in targets:
            for left, right in covered:
                source = Place("", row, column + left, row + last - first, column + right)
                target = Place("", first, self.place.column + left, last, self.place.column + right)
                found.append(updates.paste(self._staging or 0, source, tab.sheet_id, target, formulas=formulas))
            row += last - first
        return found

    def _formats(self, sheet_id: int, targets: list[tuple[int, int]]) -> list[updates.Request]:
        """Formats of numbers that are dates, and of a new header."""
        found = []
        header = 1 if self._writes_header else 0
        if self.how.dates == "serial":
            for name, known in self._types.items():
                if known.kind in TEMPORAL:
                    place = self.place.column + self._names.index(name)
                    _, kind, pattern = TEMPORAL[known.kind]
                    areas = [Place("", first, place, last, place + 1) for first, last in targets]
                    found += [updates.number_format(sheet_id, area, kind, pattern) for area in areas]
        if self.how.format_header and header:
            row, column_ = self.place.row, self.place.column
            area = Place("", row, column_, row + 1, column_ + len(self._names))
            found += updates.format_header(sheet_id, area, background=None, bold=True, freeze=row == 0)
        return found

    # Requests

    def _surely(self, requests: list[updates.Request], what: str, done: Callable[[], bool]) -> None:
        """Send requests that must be carried out once. `done` looks whether they were, after `refresh`."""
        if not requests:
            return
        tries = 0
        while True:
            try:
                self._send(requests, what)
                return
            except Stopped:
                raise
            except GSheetsError as error:
                self.book.refresh()
                if done():
                    return
                if not isinstance(error, OutcomeUnknown) or tries >= self.book.client.settings.num_retries:
                    raise
            self.book.client.pace.pause(tries)
            tries += 1

    def _send(self, requests: list[updates.Request], what: str) -> None:
        self.book.client.batch_update(self.book.spreadsheet_id, requests, what)

    def _is_gone(self, staging: int | None) -> bool:
        return staging is not None and self.book.by_id(staging) is None

    def _is_named(self, staging: int | None) -> bool:
        found = self.book.by_id(staging) if staging is not None else None
        return found is not None and found.title == self.place.tab

    def _sweep(self) -> list[updates.Request]:
        """Remove tabs that rows waited in for a process that was killed."""
        oldest = datetime.datetime.now(datetime.UTC) - LEFT_OVER
        return [updates.delete_tab(tab.sheet_id) for tab in self.book.tabs if _is_left_over(tab.title, oldest)]


def _is_left_over(title: str, oldest: datetime.datetime) -> bool:
    stamp = title.removeprefix(STAGING).partition(" ")[0] if title.startswith(STAGING) else ""
    try:
        made = datetime.datetime.strptime(stamp, _STAMP).replace(tzinfo=datetime.UTC)
    except ValueError:
        return False
    return made < oldest
