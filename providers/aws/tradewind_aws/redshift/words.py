"""Names and texts as they stand in SQL for Redshift, whatever is in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property

from tradewind.errors import UsageError

_PART = re.compile(r'"((?:[^"]|"")+)"|([^".]+)')

#: Has two characters where a backslash is one like others, and one where it escapes the next.
_HOW_LONG = r"SELECT length('\\')"


def name_parts(name: str) -> list[str]:
    """The parts of a name: `sales.orders`, `sales."my table"`. Raises UsageError for what can be none."""
    parts, place = [], 0
    while found := _PART.match(name, place):
        parts.append(found[2] if found[1] is None else found[1].replace('""', '"'))
        place = found.end() + 1
        if name[found.end() : place] != ".":
            break
    if not parts or place != len(name) + 1 or any("\0" in part or not part.strip() for part in parts):
        raise UsageError(f"{name!r} cannot be a name in SQL.")
    return parts


def quoted_name(*names: str | None) -> str:
    """A name in quotes, made of one or several that may have parts: `"sales"."orders"`."""
    return ".".join(quoted(part) for name in names if name is not None for part in name_parts(name))


def quoted(part: str) -> str:
    """One part of a name in quotes, whatever is in it."""
    return '"' + part.replace('"', '""') + '"'


def quoted_column(name: str) -> str:
    """A column, whose name has no parts, in quotes; it may be in quotes already."""
    found = _PART.fullmatch(name)
    return name if found is not None and found[1] is not None else quoted(name)


class Literals:
    """Texts in quotes. What a backslash means in them depends on the server, who is asked where there is one."""

    def __init__(self, ask: Callable[[str], Sequence[int]]) -> None:
        """`ask(sql)` gives the only row of a query."""
        self._ask = ask

    def __call__(self, text: str) -> str:
        """The text as a literal. Raises UsageError for one that cannot be in SQL."""
        if "\0" in text:
            raise UsageError("A text for Redshift has the character NUL (0x00), which cannot be.")
        quoted = text.replace("'", "''")
        if "\\" in quoted and self._backslash_escapes:
            quoted = quoted.replace("\\", "\\\\")
        return f"'{quoted}'"

    @cached_property
    def _backslash_escapes(self) -> bool:
        return self._ask(_HOW_LONG)[0] == 1
