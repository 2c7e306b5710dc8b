"""Reads SQL text just far enough to split it into statements and to tell what each one is.

It knows strings, quoted names, comments, dollar quotes and the blocks of triggers and routines. It never judges
whether the SQL is right: that is the database's business, whose message is better.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple


class Syntax(NamedTuple):
    """What differs between databases when text is cut into statements."""

    backslash_escapes: bool = False  #: `\'` in a string is a quote (MySQL); `E'...'` always knows it
    hash_comments: bool = False  #: `#` starts a comment (MySQL)
    spaced_dashes: bool = False  #: `--` starts a comment only before a blank; `5--1` is a difference (MySQL)
    nested_comments: bool = False  #: `/* /* */ */` is one comment (PostgreSQL)
    bracket_names: bool = False  #: `[a name]` (SQLite, SQL Server)


#: What most databases agree on.
STANDARD = Syntax()

SQLITE = Syntax(bracket_names=True)

_PLAIN_STRING = r"'[^']*(?:'|\Z)"  # a doubled quote reads as two strings side by side, which is as good here
_ESCAPED_STRING = r"'[^'\\]*(?:\\.[^'\\]*)*(?:'|\\?\Z)"
_DOUBLE_QUOTED = r'"[^"]*(?:"|\Z)'


@lru_cache
def _scanner(syntax: Syntax) -> re.Pattern[str]:
    dashes = r"--(?=\s|\Z)" if syntax.spaced_dashes else "--"
    line_comment = rf"{dashes}[^\n]*" + (r"|\#[^\n]*" if syntax.hash_comments else "")
    quoted = [
        rf"(?<![\w$])[eE]{_ESCAPED_STRING}",
        _ESCAPED_STRING if syntax.backslash_escapes else _PLAIN_STRING,
        _ESCAPED_STRING.replace("'", '"') if syntax.backslash_escapes else _DOUBLE_QUOTED,
        r"`[^`]*(?:`|\Z)",
        r"(?<![\w$])(?P<tag>\$(?:[^\W\d]\w*)?\$).*?(?P=tag)",
    ]
    if syntax.bracket_names:
        quoted.append(r"\[[^\]]*(?:\]|\Z)")
    return re.compile(
        rf"""
        (?P<space>\s+)
        |(?P<line_comment>{line_comment})
        |(?P<comment>/\*)
        |(?P<quoted>{"|".join(quoted)})
        |(?P<semicolon>;)
        |(?P<word>(?<![.@$])[^\W\d][\w$]*)
        |(?P<other>[\w$]+|[^\w\s;'"`\[$/\#-]+|.)
        """,
        re.VERBOSE | re.DOTALL,
    )


_COMMENT_MARK = re.compile(r"/\*|\*/")


def _comment_end(sql: str, start: int, nested: bool) -> int:
    if not nested:
        end = sql.find("*/", start + 2)
        return len(sql) if end < 0 else end + 2
    depth = 0
    for mark in _COMMENT_MARK.finditer(sql, start):
        depth += 1 if mark.group() == "/*" else -1
        if depth == 0:
            return mark.end()
    return len(sql)


def _scan(sql: str, syntax: Syntax) -> Iterator[tuple[str, str]]:
    """Pairs of (kind, text). Kinds: space, line_comment, comment, quoted, semicolon, word, other."""
    scanner = _scanner(syntax)
    position = 0
    while position < len(sql):
        found = scanner.match(sql, position)
        assert found is not None  # `other` takes any character
        kind, end = str(found.lastgroup), found.end()
        if kind == "comment":
            end = _comment_end(sql, position, syntax.nested_comments)
            if sql[position + 2 : position + 3] in ("+", "!"):  # hints and MySQL's version comments have an effect
                kind = "other"
        yield kind, sql[position:end]
        position = end


_ROUTINES = frozenset({"TRIGGER", "PROCEDURE", "FUNCTION", "EVENT", "PACKAGE"})
_BEFORE_ROUTINE = frozenset(
    {"OR", "REPLACE", "TEMP", "TEMPORARY", "CONSTRAINT", "AGGREGATE", "EDITIONABLE", "NONEDITIONABLE", "DEFINER"}
)
_AFTER_END = frozenset({"IF", "LOOP", "WHILE", "REPEAT", "FOR"})


class _Blocks:
    """Follows one statement: whether it is inside a BEGIN ... END whose semicolons are not its end.

    Only `CREATE TRIGGER` and its like have such blocks: everywhere else BEGIN starts a transaction.
    """

    def __init__(self) -> None:
        self.depth = 0
        self._routine: bool | None = None  # not known yet
        self._first = True
        self._definer = False
        self._previous = ""

    def word(self, text: str) -> None:
        word = text.upper()
        if self._routine is None:
            self._decide(word)
        elif self._routine:
            self._follow(word)
        self._previous = word

    def _decide(self, word: str) -> None:
        if self._first:
            self._first = False
            self._routine = None if word == "CREATE" else False
        elif word in _ROUTINES:
            self._routine = True
        elif word == "DEFINER":
            self._definer = True
        elif word not in _BEFORE_ROUTINE and not self._definer:
            self._routine = False

    def _follow(self, word: str) -> None:
        if self._previous == "END" and word in _AFTER_END:
            self.depth += 1  # END IF closes an IF, which was not counted
        elif word == "BEGIN" or (word == "CASE" and self._previous != "END"):
            self.depth += 1
        elif word == "END":
            self.depth = max(0, self.depth - 1)

    def other(self) -> None:
        self._previous = ""


def split(sql: str, syntax: Syntax = STANDARD, *, strip_semicolon: bool = False) -> list[str]:
    """The statements of `sql`, without comments and without empty ones."""
    statements: list[str] = []
    text: list[str] = []
    blocks = _Blocks()
    filled = False

    def finish(end: str) -> None:
        if filled:
            statements.append("".join(text).strip() + end)

    for kind, token in _scan(sql, syntax):
        if kind == "semicolon" and blocks.depth == 0:
            finish("" if strip_semicolon else ";")
            text, blocks, filled = [], _Blocks(), False
            continue
        if kind in ("comment", "line_comment"):
            text.append(" " if kind == "comment" else "")
            continue
        text.append(token)
        if kind == "word":
            blocks.word(token)
        elif kind != "space":
            blocks.other()
        filled = filled or kind != "space"
    finish("")
    return statements


def verb(sql: str, syntax: Syntax = STANDARD) -> str:
    """What a statement does, in upper case: its first word, or behind the tables of a WITH; empty if it has no word."""
    is_with = False
    depth = 0
    for kind, token in _scan(sql, syntax):
        word = token.upper() if kind == "word" else ""
        if kind == "other":
            depth += token.count("(") - token.count(")")
        elif word == "WITH" and not is_with:
            is_with, depth = True, 0
        elif word and (not is_with or (depth == 0 and word in _WITH_VERBS)):
            return word
    return "WITH" if is_with else ""


_WITH_VERBS = frozenset({"SELECT", "VALUES", "INSERT", "REPLACE", "UPDATE", "DELETE", "MERGE"})


def is_empty(sql: str, syntax: Syntax = STANDARD) -> bool:
    """Whether there is nothing to execute: blanks, comments and semicolons only."""
    return all(kind in ("space", "comment", "line_comment", "semicolon") for kind, _ in _scan(sql, syntax))
