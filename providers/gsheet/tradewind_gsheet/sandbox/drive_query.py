"""The query language of `files.list`: `name = 'a' and mimeType != 'b' and (trashed = false or 'ann@x' in owners)`."""

from __future__ import annotations

import re
from collections.abc import Callable

from tradewind_gsheet.sandbox.project import File
from tradewind_gsheet.sandbox.refusals import Refused

Test = Callable[[File], bool]

_WORDS = re.compile(
    r"""\s*(?:(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?P<sign><=|>=|!=|=|<|>|\(|\))|(?P<word>[A-Za-z]+))""",
    re.DOTALL,
)

#: What a file is compared by: as text, and times are compared as they are written.
_FIELDS: dict[str, Callable[[File], str]] = {
    "name": lambda file: file.name,
    "mimeType": lambda file: file.mime_type,
    "modifiedTime": lambda file: file.modified,
    "createdTime": lambda file: file.created,
}
_FLAGS: dict[str, Callable[[File], bool]] = {
    "trashed": lambda file: file.trashed,
    "starred": lambda file: bool(file.more.get("starred")),
    "sharedWithMe": lambda file: len(file.permissions) > 1,
}
_LISTS: dict[str, Callable[[File], list[str]]] = {
    "parents": lambda file: file.parents or ["root"],
    "owners": lambda file: _addresses(file, ("owner",)),
    "writers": lambda file: _addresses(file, ("writer", "owner")),
    "readers": lambda file: _addresses(file, ("reader", "commenter", "writer", "owner")),
}
_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "=": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


def _addresses(file: File, roles: tuple[str, ...]) -> list[str]:
    return [one["emailAddress"] for one in file.permissions if one["role"] in roles and "emailAddress" in one]


def query(text: str) -> Test:
    """The test that a query means. Raises Refused, as Drive does, for what cannot be read."""
    words, place = [], 0
    while text[place:].strip():
        found = _WORDS.match(text, place)
        if not found:
            raise _invalid()
        words.append(found)
        place = found.end()
    parser = _Parser(words)
    test = parser.either()
    if parser.words:
        raise _invalid()
    return test


def _invalid() -> Refused:
    return Refused("Invalid Value", reason="invalid", location="q")


class _Parser:
    def __init__(self, words: list[re.Match[str]]) -> None:
        self.words = words[::-1]

    def _next(self) -> re.Match[str]:
        if not self.words:
            raise _invalid()
        return self.words.pop()

    def _is(self, word: str) -> bool:
        return bool(self.words) and (self.words[-1]["word"] or self.words[-1]["sign"] or "").lower() == word

    def either(self) -> Test:
        test = self.both()
        while self._is("or"):
            self._next()
            test = _either(test, self.both())
        return test

    def both(self) -> Test:
        test = self.one()
        while self._is("and"):
            self._next()
            test = _both(test, self.one())
        return test

    def one(self) -> Test:
        if self._is("not"):
            self._next()
            inner = self.one()
            return lambda file: not inner(file)
        if self._is("("):
            self._next()
            inner = self.either()
            if not self._is(")"):
                raise _invalid()
            self._next()
            return inner
        return self.term()

    def term(self) -> Test:
        first = self._next()
        if first["text"]:
            if not self._is("in"):
                raise _invalid()
            self._next()
            return _member(_LISTS.get(self._next()["word"] or ""), _unquoted(first["text"]))
        name = first["word"] or ""
        if name in _FLAGS and not (self.words and self.words[-1]["sign"] in ("=", "!=")):
            return _FLAGS[name]
        sign = self._next()
        value = self._next()
        if name in _FLAGS:
            wanted = (value["word"] or "").lower() == ("true" if sign["sign"] == "=" else "false")
            return lambda file: _FLAGS[name](file) == wanted
        text = _unquoted(value["text"])
        if name in _LISTS:  # `parents in "id"`, as gspread writes it
            return _member(_LISTS[name], text)
        return _comparison(name, sign["sign"] or sign["word"] or "", text)


def _either(left: Test, right: Test) -> Test:
    return lambda file: left(file) or right(file)


def _both(left: Test, right: Test) -> Test:
    return lambda file: left(file) and right(file)


def _member(values: Callable[[File], list[str]] | None, text: str) -> Test:
    if values is None:
        raise _invalid()
    return lambda file: text in values(file)


def _comparison(name: str, sign: str, text: str) -> Test:
    if name == "fullText" and sign == "contains":
        name = "name"
    value = _FIELDS.get(name)
    if value is None:
        raise _invalid()
    if sign == "contains":
        return lambda file: any(word.startswith(text.lower()) for word in _tails(value(file).lower()))
    if sign not in _COMPARISONS:
        raise _invalid()
    compare = _COMPARISONS[sign]
    return lambda file: compare(value(file), text)


def _tails(name: str) -> list[str]:
    """Where a search by words may begin: `contains` finds beginnings of words only."""
    return [name[found.start() :] for found in re.finditer(r"\b\w|^", name)]


def _unquoted(text: str | None) -> str:
    if text is None:
        raise _invalid()
    return re.sub(r"\\(.)", r"\1", text[1:-1])
