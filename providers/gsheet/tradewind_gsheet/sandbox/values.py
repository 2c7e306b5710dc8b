"""Reading and writing the values of cells: `spreadsheets.values`."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tradewind_gsheet.sandbox import a1
from tradewind_gsheet.sandbox.a1 import Area, Reference
from tradewind_gsheet.sandbox.calculation import Calculation
from tradewind_gsheet.sandbox.cells import Cell, CellError, Result, Stored, is_empty, with_content
from tradewind_gsheet.sandbox.entering import Entered, entered
from tradewind_gsheet.sandbox.refusals import Refused
from tradewind_gsheet.sandbox.sheet import Sheet
from tradewind_gsheet.sandbox.showing import DATES, is_date, pattern_of, shown
from tradewind_gsheet.sandbox.spreadsheet import MOST_CHARACTERS, Spreadsheet, beyond, inside, range_name

ValueRange = dict[str, Any]

#: Numbers are floating-point numbers of 64 bits: beyond this one the last digits of whole numbers are lost.
LARGEST_WHOLE = 2**53

_TOO_LONG = f"Your input contains more than the maximum of {MOST_CHARACTERS} characters in a single cell."


# -- reading ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rendering:
    """How values are asked for: `valueRenderOption` and `dateTimeRenderOption`."""

    values: str = "FORMATTED_VALUE"
    dates: str = "SERIAL_NUMBER"


#: As people see them.
FORMATTED = Rendering()


class Reader:
    """Reads values of a spreadsheet as it is now."""

    def __init__(self, spreadsheet: Spreadsheet, now: datetime.datetime, how: Rendering = FORMATTED) -> None:
        self._spreadsheet = spreadsheet
        self._calculation = Calculation(spreadsheet, now)
        self._locale = spreadsheet.locale
        self._how = how

    def read(self, sheet: Sheet, reference: Reference, major: str = "ROWS") -> ValueRange:
        """A `ValueRange`, without what is empty at its ends. Raises Refused for what is beyond the grid."""
        area = reference.on(sheet.row_count, sheet.column_count)
        if area.top >= sheet.row_count or area.left >= sheet.column_count:
            raise beyond(sheet, area)
        area = area.within(sheet.area)
        told: ValueRange = {
            "range": range_name(sheet, area),
            "majorDimension": "COLUMNS" if major == "COLUMNS" else "ROWS",
        }
        rows = self.rows(sheet, area)
        found = _columns(rows) if major == "COLUMNS" else rows
        return {**told, "values": found} if found else told

    def rows(self, sheet: Sheet, area: Area) -> list[list[Any]]:
        """Rows of values, without what is empty at the end of each and after the last."""
        rows = []
        for number in range(area.top, min(area.bottom, len(sheet.rows))):
            cells = sheet.row(number, area.left, area.right)
            found = [self.value(sheet, number, column, cell) for column, cell in enumerate(cells, area.left)]
            while found and found[-1] == "":
                found.pop()
            rows.append(found)
        while rows and not rows[-1]:
            rows.pop()
        return rows

    def value(self, sheet: Sheet, row: int, column: int, stored: Stored) -> Any:
        """One value as JSON has it; an empty text for nothing."""
        if stored is None:
            return ""
        if isinstance(stored, str):
            return stored
        if self._how.values == "FORMULA" and isinstance(stored, Cell) and stored.formula:
            return stored.formula
        result = self._calculation.result(sheet, row, column, stored)
        if self._how.values == "FORMATTED_VALUE":
            return shown(result, self._calculation.number_format(sheet, row, column, stored), self._locale)
        if self._how.dates == "FORMATTED_STRING" and not isinstance(result, bool | str | CellError | None):
            format = self._calculation.number_format(sheet, row, column, stored)
            if format and (format.get("type") in DATES or is_date(pattern_of(format, self._locale))):
                return shown(result, format, self._locale)
        return _plain(result)

    def result(self, sheet: Sheet, row: int, column: int, stored: Stored) -> Result:
        return self._calculation.result(sheet, row, column, stored)


def _plain(result: Result) -> Any:
    if result is None:
        return ""
    return result.name if isinstance(result, CellError) else result


def _columns(rows: list[list[Any]]) -> list[list[Any]]:
    width = max(map(len, rows), default=0)
    columns = [[row[place] if place < len(row) else "" for row in rows] for place in range(width)]
    for column in columns:
        while column and column[-1] == "":
            column.pop()
    return columns


# -- writing ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Written:
    """What a write has changed."""

    sheet: Sheet
    area: Area
    cells: int
    rows: int
    columns: frozenset[int]

    def told(self, spreadsheet: Spreadsheet) -> dict[str, Any]:
        """`UpdateValuesResponse`."""
        told: dict[str, Any] = {"spreadsheetId": spreadsheet.id, "updatedRange": range_name(self.sheet, self.area)}
        counts = {"updatedRows": self.rows, "updatedColumns": len(self.columns), "updatedCells": self.cells}
        return {**told, **{name: count for name, count in counts.items() if count}}


class Writer:
    """Writes values into a spreadsheet. `allowed` raises Refused for an area that the caller may not change."""

    def __init__(
        self, spreadsheet: Spreadsheet, option: str, today: datetime.date, allowed: Callable[[Sheet, Area], None]
    ) -> None:
        self._spreadsheet = spreadsheet
        self._locale = spreadsheet.locale
        self._parses = option == "USER_ENTERED"
        self._today = today
        self._allowed = allowed

    def update(self, sheet: Sheet, reference: Reference, values: Sequence[Sequence[Any]], major: str) -> Written:
        """Write values from the top left cell of a range on. Raises Refused if they do not fit into it."""
        rows = rows_of(values, major)
        area = inside(sheet, reference.on(sheet.row_count, sheet.column_count))
        width = max(map(len, rows), default=0)
        if not reference.is_cell:
            _check_fits(sheet, area, len(rows), width)
        target = Area(area.top, area.left, area.top + max(1, len(rows)), area.left + max(1, width))
        return self.write(sheet, inside(sheet, target), rows)

    def write(self, sheet: Sheet, area: Area, rows: Sequence[Sequence[Any]]) -> Written:
        """Write rows of values into an area of the grid."""
        if any(map(len, rows)):
            self._allowed(sheet, area)
        columns: frozenset[int] = frozenset()
        count = changed_rows = 0
        for number, values in enumerate(rows):
            row = area.top + number
            given = [place for place, value in enumerate(values) if value is not None]
            if not given:
                continue
            before = sheet.row(row, area.left, area.left + len(values))
            padded = (*before, *(None,) * (len(values) - len(before)))
            after = [
                self._stored(old, new, number, place)
                for place, (old, new) in enumerate(zip(padded, values, strict=True))
            ]
            sheet.put(row, area.left, after)
            columns |= {area.left + place for place in given}
            count += len(given)
            changed_rows += 1
        return Written(sheet, area, count, changed_rows, columns)

    def _stored(self, old: Stored, value: Any, row: int, column: int) -> Stored:
        if value is None:
            return old
        if isinstance(value, str):
            if len(value) > MOST_CHARACTERS:
                raise Refused(_TOO_LONG)
            return self._text(old, value)
        if isinstance(value, int) and abs(value) > LARGEST_WHOLE:
            value = float(value)
        if isinstance(value, bool | int | float):
            return with_content(old, value)
        raise Refused(f"Invalid values[{row}][{column}]: {_protocol(value)}")

    def _text(self, old: Stored, value: str) -> Stored:
        is_text = isinstance(old, Cell) and ((old.format or {}).get("numberFormat") or {}).get("type") == "TEXT"
        if not self._parses or is_text:
            return with_content(old, value or None)
        found: Entered = entered(value, self._locale, self._today)
        format = {"numberFormat": {"type": found.type, "pattern": found.pattern}} if found.type else None
        return with_content(old, found.value, found.formula, format)


def rows_of(values: Sequence[Sequence[Any]], major: str) -> list[Sequence[Any]]:
    """Values as rows, whichever dimension they came in."""
    if major != "COLUMNS":
        return list(values)
    height = max(map(len, values), default=0)
    return [[column[place] if place < len(column) else None for column in values] for place in range(height)]


def _check_fits(sheet: Sheet, area: Area, height: int, width: int) -> None:
    name = f"{a1.quoted_title(sheet.title)}!{a1.area_name(area)}"
    if height > area.height:
        place = f"row [{area.bottom + 1}]"
    elif width > area.width:
        place = f"column [{a1.column_name(area.right)}]"
    else:
        return
    raise Refused(f"Requested writing within range [{name}], but tried writing to {place}")


def _protocol(value: Any) -> str:
    """A list or an object as the message of Google shows it."""
    if isinstance(value, dict):
        fields = "".join(
            f"  fields {{\n    key: {json.dumps(name)}\n    value {{\n      {_protocol(one)}\n    }}\n  }}\n"
            for name, one in value.items()
        )
        return f"struct_value {{\n{fields}}}\n"
    if isinstance(value, list):
        entries = "".join(f"  values {{\n    {_protocol(one)}\n  }}\n" for one in value)
        return f"list_value {{\n{entries}}}\n"
    if value is None:
        return "null_value: NULL_VALUE"
    if isinstance(value, bool):
        return f"bool_value: {str(value).lower()}"
    return f"string_value: {json.dumps(value)}" if isinstance(value, str) else f"number_value: {value}"


def clear(sheet: Sheet, reference: Reference, allowed: Callable[[Sheet, Area], None]) -> Area:
    """Remove the values of a range, and leave formats and notes. Answers the area."""
    area = reference.on(sheet.row_count, sheet.column_count)
    if area.top >= sheet.row_count or area.left >= sheet.column_count:
        raise beyond(sheet, area)
    area = area.within(sheet.area)
    allowed(sheet, area)
    for number in range(area.top, min(area.bottom, len(sheet.rows))):
        before = sheet.row(number, area.left, area.right)
        if any(not is_empty(cell) for cell in before):
            sheet.put(number, area.left, [with_content(cell, None) for cell in before])
    return area


# -- appending --------------------------------------------------------------------------------------------------------


def table_in(sheet: Sheet, area: Area) -> Area | None:
    """The last table in an area: around its last cell with content, as far as cells with content touch each other."""
    last = None
    for number in range(min(area.bottom, len(sheet.rows)) - 1, area.top - 1, -1):
        cells = sheet.row(number, area.left, area.right)
        last = next((place for place in range(len(cells) - 1, -1, -1) if not is_empty(cells[place])), None)
        if last is not None:
            break
    if last is None:
        return None
    found = Area(number, area.left + last, number + 1, area.left + last + 1)
    while True:
        grown = _grown(sheet, found)
        if grown == found:
            return found
        found = grown


def _grown(sheet: Sheet, area: Area) -> Area:
    """The area with the rows and columns around it that have content next to it."""
    top, left, bottom, right = area.top, area.left, area.bottom, area.right
    while top > 0 and _has_content(sheet, Area(top - 1, max(0, left - 1), top, right + 1)):
        top -= 1
    while bottom < len(sheet.rows) and _has_content(sheet, Area(bottom, max(0, left - 1), bottom + 1, right + 1)):
        bottom += 1
    rows = Area(max(0, top - 1), 0, bottom + 1, 0)
    while left > 0 and _has_content(sheet, Area(rows.top, left - 1, rows.bottom, left)):
        left -= 1
    while right < sheet.column_count and _has_content(sheet, Area(rows.top, right, rows.bottom, right + 1)):
        right += 1
    return Area(top, left, bottom, right)


def _has_content(sheet: Sheet, area: Area) -> bool:
    return next(sheet.filled(area), None) is not None


def append(
    writer: Writer, sheet: Sheet, reference: Reference, values: Sequence[Sequence[Any]], major: str, *, insert: bool
) -> tuple[Area | None, Written]:
    """Write below the last table in a range; the grid grows as needed. Answers the table, and what was written."""
    rows = rows_of(values, major)
    area = reference.on(sheet.row_count, sheet.column_count)
    if area.top >= sheet.row_count or area.left >= sheet.column_count:
        raise beyond(sheet, area)
    area = area.within(sheet.area)
    table = table_in(sheet, _with_neighbours(sheet, area) if reference.is_cell else area)
    if reference.is_cell and table is not None and not table.holds(area.top, area.left):
        table = None
    top, left = (table.bottom, table.left) if table else (area.top, area.left)
    width = max(map(len, rows), default=0)
    target = Area(top, left, top + max(1, len(rows)), left + max(1, width))
    if insert and rows and top < sheet.row_count:
        sheet.insert("ROWS", top, len(rows))
    sheet.resize(max(sheet.row_count, target.bottom), max(sheet.column_count, target.right))
    return table, writer.write(sheet, target, rows)


def _with_neighbours(sheet: Sheet, area: Area) -> Area:
    """A cell with those around it: a table holds its empty cells too."""
    return Area(max(0, area.top - 1), max(0, area.left - 1), area.bottom + 1, area.right + 1).within(sheet.area)
