"""Formulas as text: their words, their tree, and what becomes of the references in them when cells move."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

from tradewind_gsheet.sandbox.a1 import Reference, column_name, column_number, parse_cells
from tradewind_gsheet.sandbox.cells import CellError

_CELL = r"\$?[A-Za-z]{1,3}\$?[1-9][0-9]*"
_WORDS = re.compile(
    rf"""
    (?P<space>\s+)
    | (?P<text>"(?:[^"]|"")*")
    | (?P<error>\#(?:REF!|N/A|DIV/0!|VALUE!|NAME\?|NUM!|NULL!|ERROR!))
    | (?P<range>(?P<sheet>(?:'(?:[^']|'')+'|[A-Za-z_]\w*)!)?
        (?P<cells>{_CELL}:{_CELL}|{_CELL}:\$?[A-Za-z]{{1,3}}(?![\w(])|\$?[A-Za-z]{{1,3}}:\$?[A-Za-z]{{1,3}}(?![\w(])|
            \$?[1-9][0-9]*:\$?[1-9][0-9]*(?![\w.])|{_CELL}(?![\w(])))
    | (?P<function>[A-Za-z_][A-Za-z0-9_.]*)(?=\s*\()
    | (?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)
    | (?P<name>[A-Za-z_]\w*)
    | (?P<sign><=|>=|<>|[-+*/^&=<>%(),;{{}}])
    """,
    re.VERBOSE,
)

#: Operators of two sides, from the loosest to the tightest.
_LEVELS = (("=", "<>", "<", ">", "<=", ">="), ("&",), ("+", "-"), ("*", "/"), ("^",))


@dataclass(frozen=True, slots=True)
class Node:
    """A part of a formula. `kind` is `value`, `range`, `name`, `call`, `sign` (two sides), `minus` or `percent`."""

    kind: str
    value: str | float | bool | CellError | None = None  #: the value, the name of a range or function, the sign
    parts: tuple[Node, ...] = ()
    title: str | None = None  #: of the sheet of a range
    range: Reference | None = None


class NoFormula(ValueError):
    """A text that cannot be read as a formula: shown as #ERROR!."""


@lru_cache(maxsize=10_000)
def parsed(formula: str, decimal: str = ".") -> Node:
    """The tree of a formula with its "=". With a comma as the decimal sign, `;` separates. Raises NoFormula."""
    text = formula[1:]
    words = [word for word in _split(_with_points(text) if decimal == "," else text) if word.lastgroup != "space"]
    parser = _Parser(words)
    tree = parser.expression(0)
    if parser.words:
        raise NoFormula(formula)
    return tree


def _split(text: str) -> list[re.Match[str]]:
    words, place = [], 0
    while place < len(text):
        found = _WORDS.match(text, place)
        if not found:
            raise NoFormula(text)
        words.append(found)
        place = found.end()
    return words


def _with_points(text: str) -> str:
    """Numbers with a comma as they are elsewhere; what is in quotes stays."""
    parts = re.split(r'("(?:[^"]|"")*")', text)
    return "".join(part if part.startswith('"') else re.sub(r"(?<=\d),(?=\d)", ".", part) for part in parts)


class _Parser:
    def __init__(self, words: list[re.Match[str]]) -> None:
        self.words = words[::-1]

    def _next(self) -> re.Match[str]:
        if not self.words:
            raise NoFormula("it ends too early")
        return self.words.pop()

    def _is(self, *signs: str) -> bool:
        return bool(self.words) and self.words[-1]["sign"] in signs

    def expression(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self.unary()
        left = self.expression(level + 1)
        while self._is(*_LEVELS[level]):
            sign = self._next()["sign"]
            left = Node("sign", sign, (left, self.expression(level + 1)))
        return left

    def unary(self) -> Node:
        if self._is("-", "+"):
            sign = self._next()["sign"]
            inner = self.unary()
            return Node("minus", None, (inner,)) if sign == "-" else inner
        node = self.atom()
        while self._is("%"):
            self._next()
            node = Node("percent", None, (node,))
        return node

    def atom(self) -> Node:
        word = self._next()
        kind = word.lastgroup
        if word["range"]:
            title = _title(word["sheet"])
            return Node("range", word["range"], title=title, range=parse_cells(word["cells"]))
        if kind == "text":
            return Node("value", word["text"][1:-1].replace('""', '"'))
        if kind == "number":
            number = float(word["number"])
            return Node("value", int(number) if number.is_integer() and abs(number) < 1e15 else number)
        if kind == "error":
            return Node("value", CellError(word["error"]))
        if kind == "function":
            return self._call(word["function"].upper())
        if kind == "name":
            constant = {"TRUE": True, "FALSE": False}.get(word["name"].upper())
            return Node("name", word["name"]) if constant is None else Node("value", constant)
        if word["sign"] == "(":
            inner = self.expression(0)
            if not self._is(")"):
                raise NoFormula("a bracket is not closed")
            self._next()
            return inner
        raise NoFormula(word[0])

    def _call(self, name: str) -> Node:
        self._next()  # the bracket
        parts: list[Node] = []
        if self._is(")"):
            self._next()
            return Node("call", name)
        while True:
            parts.append(Node("value") if self._is(",", ";", ")") else self.expression(0))
            sign = self._next()["sign"]
            if sign == ")":
                return Node("call", name, tuple(parts))
            if sign not in (",", ";"):
                raise NoFormula("a separator is missing")


def _title(text: str | None) -> str | None:
    if text is None:
        return None
    bare = text[:-1]
    return bare[1:-1].replace("''", "'") if bare.startswith("'") else bare


# -- references that move ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Corner:
    """`$B$2`: a column and a row, of which one may be missing, and whether each is fixed."""

    column: int | None
    row: int | None
    column_fixed: bool
    row_fixed: bool

    def __str__(self) -> str:
        column = "" if self.column is None else ("$" if self.column_fixed else "") + column_name(self.column)
        return column + ("" if self.row is None else ("$" if self.row_fixed else "") + str(self.row + 1))


#: Says where the corners of a range go; None if the range is lost. It is told the title of the sheet.
Moving = Callable[[str | None, list[Corner]], list[Corner] | None]


def rewritten(formula: str, moving: Moving) -> str:
    """The formula with its references moved. What is no formula stays as it is."""
    try:
        words = _split(formula[1:])
    except NoFormula:
        return formula
    return "=" + "".join(_moved_word(word, moving) for word in words)


def _moved_word(word: re.Match[str], moving: Moving) -> str:
    if not word["range"]:
        return word[0]
    corners = moving(_title(word["sheet"]), [_corner(part) for part in word["cells"].split(":")])
    return "#REF!" if corners is None else (word["sheet"] or "") + ":".join(str(corner) for corner in corners)


def retitled(formula: str, before: str, quoted: str) -> str:
    """The formula with another title of a sheet, as it stands before the `!`."""
    try:
        words = _split(formula[1:])
    except NoFormula:
        return formula
    return "=" + "".join(
        f"{quoted}!{word['cells']}" if (_title(word["sheet"]) or "").casefold() == before.casefold() else word[0]
        for word in words
    )


def _corner(text: str) -> Corner:
    found = re.fullmatch(r"(\$?)([A-Za-z]*)(\$?)(\d*)", text)
    assert found
    fixed_first, letters, fixed_second, digits = found.groups()
    row_fixed = bool(fixed_second) or (not letters and bool(fixed_first))
    return Corner(
        column_number(letters) if letters else None, int(digits) - 1 if digits else None, bool(fixed_first), row_fixed
    )


def shifted(formula: str, rows: int, columns: int) -> str:
    """The formula as it is when it is copied so many cells down and to the right."""

    def moving(_: str | None, corners: list[Corner]) -> list[Corner] | None:
        moved = [
            replace(
                corner,
                row=corner.row if corner.row is None or corner.row_fixed else corner.row + rows,
                column=corner.column if corner.column is None or corner.column_fixed else corner.column + columns,
            )
            for corner in corners
        ]
        lost = any((corner.row or 0) < 0 or (corner.column or 0) < 0 for corner in moved)
        return None if lost else moved

    return rewritten(formula, moving) if rows or columns else formula
