"""What the formulas of a spreadsheet come to."""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable, Mapping
from typing import Any

from tradewind_gsheet.sandbox.cells import Cell, CellError, Result, Stored, full, serial
from tradewind_gsheet.sandbox.entering import entered
from tradewind_gsheet.sandbox.formulas import Node, NoFormula, parsed
from tradewind_gsheet.sandbox.functions import (
    FUNCTIONS,
    TEXT_FUNCTIONS,
    Argument,
    Block,
    Failed,
    block,
    clean,
    compare,
    number,
    single,
    text,
    truth,
)
from tradewind_gsheet.sandbox.sheet import Sheet
from tradewind_gsheet.sandbox.showing import formatted
from tradewind_gsheet.sandbox.spreadsheet import Spreadsheet, reference

Key = tuple[int, int, int]

#: Formulas that are worked out within one another; what lies deeper is worked out first.
_DEEPEST = 40

_CIRCULAR = CellError("#REF!", "Circular dependency detected.")

_DAY = {"type": "DATE"}
_FORMATS: Mapping[str, Mapping[str, str]] = {"DATE": _DAY, "TODAY": _DAY, "NOW": {"type": "DATE_TIME"}}

_LAZY = ("IF", "IFERROR", "IFNA")
_VOLATILE = ("TODAY", "NOW", "RAND")
_PLACES = ("ROW", "COLUMN")
_CONVERTING = ("TEXT", "VALUE", "DATEVALUE", "TIMEVALUE")

#: What the format of a result is taken from.
_LIKE_ARGUMENTS = ("SUM", "MIN", "MAX", "AVERAGE", "IF", "IFERROR", "ROUND", "ABS", "INDEX", "VLOOKUP")


class _Deeper(Exception):
    """The result of another cell is needed first."""

    def __init__(self, key: Key) -> None:
        super().__init__(key)
        self.key = key


class Calculation:
    """Results of the formulas of a spreadsheet as it is now; each is worked out once, when it is asked for."""

    def __init__(self, spreadsheet: Spreadsheet, now: datetime.datetime) -> None:
        self._spreadsheet = spreadsheet
        self._locale = spreadsheet.locale
        self._now = now
        self._results: dict[Key, Result] = {}
        self._open: list[Key] = []

    def result(self, sheet: Sheet, row: int, column: int, stored: Stored) -> Result:
        """The value of a cell, which `stored` is."""
        if not isinstance(stored, Cell):
            return stored
        if not stored.formula:
            return stored.value
        key = sheet.id, row, column
        if key in self._results:
            return self._results[key]
        if not self._open:
            return self._first(key)
        if key in self._open:
            return _CIRCULAR
        if len(self._open) >= _DEEPEST:
            raise _Deeper(key)
        self._results[key] = result = self._work_out(key)
        return result

    def _first(self, key: Key) -> Result:
        """The result of a cell, after those of the cells that it needs and that lie deep."""
        waiting = [key]
        while waiting:
            try:
                self._results[waiting[-1]] = self._work_out(waiting[-1])
                waiting.pop()
            except _Deeper as deeper:
                if deeper.key in waiting:
                    self._results[deeper.key] = _CIRCULAR
                else:
                    waiting.append(deeper.key)
        return self._results[key]

    def number_format(self, sheet: Sheet, row: int, column: int, stored: Stored) -> Mapping[str, Any] | None:
        """The `numberFormat` of a cell: its own, else that which its formula gives it."""
        if not isinstance(stored, Cell):
            return None
        own = (stored.format or {}).get("numberFormat")
        if own or not stored.formula:
            return own
        try:
            return self._format_of(sheet, parsed(stored.formula, self._locale.decimal), 0)
        except NoFormula:
            return None

    def _work_out(self, key: Key) -> Result:
        sheet = self._spreadsheet.sheet(key[0])
        assert sheet is not None
        formula = full(sheet.get(key[1], key[2])).formula
        self._open.append(key)
        try:
            value = self._value(sheet, parsed(formula, self._locale.decimal))
            one: Result = single(value)
            if one is None:
                return 0  # a reference to an empty cell
            return clean(one) if isinstance(one, int | float) and not isinstance(one, bool) else one
        except NoFormula:
            return CellError("#ERROR!", "Formula parse error.")
        except Failed as failed:
            return failed.error
        except TypeError:
            return CellError("#N/A", "Wrong number of arguments.")
        except (ArithmeticError, ValueError, IndexError):
            return CellError("#VALUE!")
        finally:
            self._open.pop()

    # -- nodes --------------------------------------------------------------------------------------------------------

    def _value(self, sheet: Sheet, node: Node) -> Argument:
        if node.kind == "value":
            return node.value
        if node.kind in ("range", "name"):
            return self._range(sheet, node)
        if node.kind == "call":
            return self._call(sheet, str(node.value), node.parts)
        if node.kind == "minus":
            return -number(self._value(sheet, node.parts[0]))
        if node.kind == "percent":
            return number(self._value(sheet, node.parts[0])) / 100
        left, right = (self._value(sheet, part) for part in node.parts)
        return self._sign(str(node.value), left, right)

    def _sign(self, sign: str, left: Argument, right: Argument) -> Argument:
        if sign == "&":
            return text(left, self._locale) + text(right, self._locale)
        if sign in ("=", "<>", "<", ">", "<=", ">="):
            return compare(sign, single(left), single(right))
        one, other = number(left), number(right)
        if sign == "/":
            if not other:
                raise Failed("#DIV/0!", "Function DIVIDE parameter 2 cannot be zero.")
            return one / other
        if sign == "^":
            power = one**other
            if isinstance(power, complex):
                raise Failed("#NUM!")
            return float(power) if isinstance(power, float) else int(power)
        return one + other if sign == "+" else one - other if sign == "-" else one * other

    def _place(self, sheet: Sheet, node: Node) -> tuple[Sheet, Any]:
        """The sheet and the reference of a range, or of a name."""
        if node.kind == "name":
            for named in self._spreadsheet.named_ranges:
                if named["name"].casefold() == str(node.value).casefold():
                    found = self._spreadsheet.sheet(named["range"].get("sheetId", 0))
                    if found is not None:
                        return found, reference(named["range"])
            raise Failed("#NAME?", f"Unknown range name: '{str(node.value).upper()}'.")
        where = sheet if node.title is None else self._spreadsheet.titled(node.title)
        if where is None:
            raise Failed("#REF!", f"Unresolved sheet name '{node.title}'.")
        return where, node.range

    def _range(self, sheet: Sheet, node: Node) -> Argument:
        where, cells = self._place(sheet, node)
        area = cells.on(where.row_count, where.column_count)
        if cells.is_cell:
            return self.result(where, area.top, area.left, where.get(area.top, area.left))
        rows: Block = []
        for row in range(area.top, min(area.bottom, max(len(where.rows), area.top + 1))):
            found = [
                self.result(where, row, column, stored)
                for column, stored in enumerate(where.row(row, area.left, area.right), area.left)
            ]
            rows.append(found + [None] * (min(area.right, where.column_count) - area.left - len(found)))
        missing = min(area.bottom, where.row_count) - area.top - len(rows)
        return rows + [[None] * len(rows[0])] * missing if rows else rows

    def _call(self, sheet: Sheet, name: str, parts: tuple[Node, ...]) -> Argument:
        if name in _LAZY or name in _IS:
            return self._lazy(sheet, name, parts)
        if name in _VOLATILE:
            return self._volatile(name)
        if name in _PLACES:
            key = self._open[-1]
            area = self._place(sheet, parts[0])[1].on(0, 0) if parts else None
            if name == "ROW":
                return (area.top if area else key[1]) + 1
            return (area.left if area else key[2]) + 1
        if name in FUNCTIONS:
            return FUNCTIONS[name](*(self._value(sheet, part) for part in parts))
        if name in TEXT_FUNCTIONS:
            return TEXT_FUNCTIONS[name](self._locale, *(self._value(sheet, part) for part in parts))
        if name in _CONVERTING:
            return self._converted(name, [self._value(sheet, part) for part in parts])
        raise Failed("#NAME?", f"Unknown function: '{name}'.")

    def _lazy(self, sheet: Sheet, name: str, parts: tuple[Node, ...]) -> Argument:
        """Functions that do not look at all of their arguments, or look at errors."""
        if name == "IF":
            if len(parts) not in (2, 3):
                raise Failed("#N/A", f"Wrong number of arguments to IF. Expected between 2 and 3, got {len(parts)}.")
            chosen = parts[1:2] if truth(self._value(sheet, parts[0])) else parts[2:3]
            return self._value(sheet, chosen[0]) if chosen else False
        value = self._caught(sheet, parts[0])
        one = block(value)[0][0] if block(value) and block(value)[0] else None
        if name in ("IFERROR", "IFNA"):
            wrong = isinstance(one, CellError) and (name == "IFERROR" or one.name == "#N/A")
            return value if not wrong else self._value(sheet, parts[1]) if len(parts) > 1 else ""
        return _IS[name](one)

    def _caught(self, sheet: Sheet, node: Node) -> Argument:
        try:
            return self._value(sheet, node)
        except Failed as failed:
            return failed.error

    def _volatile(self, name: str) -> float | int:
        if name == "RAND":
            return random.random()
        now = serial(self._now)
        return int(now) if name == "TODAY" else now

    def _converted(self, name: str, given: list[Argument]) -> Argument:
        one = single(given[0])
        if name == "TEXT":
            return one if isinstance(one, str) else formatted(number(one), text(given[1], self._locale), self._locale)
        if not isinstance(one, str):
            return one
        meant = entered(one, self._locale, self._now.date()).value
        if isinstance(meant, str | bool | None):
            raise Failed("#VALUE!", f"{name} parameter '{one}' cannot be parsed.")
        return meant

    # -- formats ------------------------------------------------------------------------------------------------------

    def _format_of(self, sheet: Sheet, node: Node, depth: int) -> Mapping[str, Any] | None:
        if depth > _DEEPEST:
            return None
        if node.kind in ("range", "name"):
            try:
                where, cells = self._place(sheet, node)
            except Failed:
                return None
            row, column = cells.top or 0, cells.left or 0
            stored = where.get(row, column)
            own = (full(stored).format or {}).get("numberFormat")
            if own or not (isinstance(stored, Cell) and stored.formula) or depth:
                return own
            return self.number_format(where, row, column, stored) if (where.id, row, column) not in self._open else None
        if node.kind == "call":
            if node.value in _FORMATS:
                return _FORMATS[str(node.value)]
            if node.value not in _LIKE_ARGUMENTS:
                return None
        elif node.kind == "sign" and node.value not in ("+", "-"):
            return None
        formats = (self._format_of(sheet, part, depth + 1) for part in node.parts)
        return next((found for found in formats if found), None)


#: Tests of values, errors among them.
_IS: Mapping[str, Callable[[Result], bool]] = {
    "ISERROR": lambda one: isinstance(one, CellError),
    "ISNUMBER": lambda one: isinstance(one, int | float) and not isinstance(one, bool),
    "ISTEXT": lambda one: isinstance(one, str),
    "ISBLANK": lambda one: one is None,
    "ISLOGICAL": lambda one: isinstance(one, bool),
}

#: Every function that there is.
FUNCTION_NAMES = {*FUNCTIONS, *TEXT_FUNCTIONS, *_IS, *_LAZY, *_VOLATILE, *_PLACES, *_CONVERTING}
