"""Rows of a query as a message shows them: an aligned table in a code block, cut where Slack would cut or refuse it."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Number
from typing import Any

from tradewind.transfer.values import text_of

#: Slack shows messages of up to 4,000 characters in one piece, and edits none that is longer. Some are left for words.
LONGEST = 3_500

#: A section of blocks holds 3,000 characters.
WIDEST_CELL = 60
_FENCE = "```"
_GAP = "  "


@dataclass(frozen=True)
class Table:
    """What a query gave: in a template `{{ results_df }}` is the table, `{{ results_df.rows[0][1] }}` one value.

    `more`: there were more rows than these.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    more: bool = False

    def __len__(self) -> int:
        return len(self.rows)

    def __bool__(self) -> bool:
        return bool(self.rows)

    @property
    def empty(self) -> bool:
        return not self.rows

    @property
    def records(self) -> list[Mapping[str, Any]]:
        """The rows as mappings."""
        return [dict(zip(self.columns, row)) for row in self.rows]

    def __str__(self) -> str:
        return self.text()

    def text(self, longest: int = LONGEST) -> str:
        """The table in a code block, with a note below if rows or columns had to be left out."""
        cells = [[_cell(value) for value in row] for row in self.rows]
        names = [_cell(name) for name in self.columns]
        widths = [max([_width(name), *(_width(row[at]) for row in cells)]) for at, name in enumerate(names)]
        shown = _columns_that_fit(widths, longest // 8)
        right = [all(_is_number(row[at]) for row in self.rows) and bool(self.rows) for at in range(shown)]
        head = [_line(names, widths[:shown], right), _line(["-" * width for width in widths], widths[:shown], right)]
        lines = [_line(row, widths[:shown], right) for row in cells]
        fitting = _lines_that_fit(head, lines, longest)
        body = "\n".join([*head, *lines[:fitting]])
        note = self._note(fitting, shown)
        return f"{_FENCE}\n{body}\n{_FENCE}" + (f"\n_{note}_" if note else "")

    def _note(self, rows: int, columns: int) -> str:
        left = len(self.rows) - rows
        parts = []
        if self.more:
            parts.append(f"the first {rows:,} rows of more")
        elif left:
            parts.append(f"the first {rows:,} of {len(self.rows):,} rows")
        if columns < len(self.columns):
            parts.append(f"the first {columns} of {len(self.columns)} columns")
        return "; ".join(parts)


def _cell(value: Any) -> str:
    """One line of text, as Slack takes it: its three special characters escaped, and no end of the code block."""
    if value is None:
        return ""
    try:
        text = text_of(value)
    except ValueError:
        text = str(value)
    text = " ".join(text.split()).replace(_FENCE, "'''")
    return text if len(text) <= WIDEST_CELL else text[: WIDEST_CELL - 1] + "…"


def escaped(text: str) -> str:
    """Text as it must stand in a message: `&`, `<` and `>` are how Slack marks up links and mentions."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, Number) and not isinstance(value, bool))


def _width(text: str) -> int:
    """Columns that it takes where every letter is as wide: two for those of East Asia."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF") for char in text)


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    parts = []
    for cell, width, to_the_right in zip(cells, widths, right):
        space = " " * (width - _width(cell))
        parts.append(space + cell if to_the_right else cell + space)
    return escaped(_GAP.join(parts).rstrip())


def _columns_that_fit(widths: Sequence[int], longest: int) -> int:
    total = 0
    for number, width in enumerate(widths):
        total += width + len(_GAP)
        if total > longest:
            return max(1, number)
    return len(widths)


def _lines_that_fit(head: Sequence[str], lines: Sequence[str], longest: int) -> int:
    left = longest - sum(len(line) + 1 for line in head) - 2 * len(_FENCE) - 80  # the note
    for number, line in enumerate(lines):
        left -= len(line) + 1
        if left < 0:
            return number
    return len(lines)
