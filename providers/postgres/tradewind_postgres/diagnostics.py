"""What the server says of an error. Its texts quote values of rows and parameters, which are taken out.

The driver puts parameters into the text of a statement, so that the line which the server shows may be full of them,
passwords included. Messages may be in any language: only quotes, brackets and colons are relied on.
"""

from __future__ import annotations

import re
from typing import Any

#: Class of errors in values, which the messages quote: `... for type integer: "x"`, `value "x" is out of range`.
_DATA = "22"
_FORM = "22P04"  #: of them, what is wrong with the form of a file: it quotes names of columns only
_QUOTED = re.compile(r'["“„»«].*["”“«»]', re.DOTALL)

#: Class of broken keys and conditions: `Key (id)=(5) already exists.`, `Failing row contains (5, x).`
_INTEGRITY = "23"
_KEY = re.compile(r"=\s*\(.*\)", re.DOTALL)
_ROW = re.compile(r"\(.*\)", re.DOTALL)

#: `LINE 1: select ...`, and the mark below it.
_SHOWN = re.compile(r"^\w+ \d+: (.*)\n *\^$", re.MULTILINE)


def without_values(error: Any, statement: str) -> str:
    """The message of a psycopg2 error with `...` for each value; a line of `statement` itself stays."""
    said = error.diag
    lines = [_quotes_none(said.message_primary, said.sqlstate)]
    shown = _SHOWN.search(str(error))
    if shown and shown[1].removeprefix("...").removesuffix("...") in statement.replace("\t", " "):
        lines.append(shown[0])
    if said.message_detail:
        lines.append(f"DETAIL:  {_quotes_none(said.message_detail, said.sqlstate)}")
    if said.message_hint:
        lines.append(f"HINT:  {said.message_hint}")
    if said.context:
        lines.append("CONTEXT:  " + "\n".join(line.partition(": ")[0] for line in said.context.splitlines()))
    return "\n".join(lines)


def _quotes_none(text: str, code: str) -> str:
    if code.startswith(_DATA) and code != _FORM:
        return _QUOTED.sub("...", text)
    if code.startswith(_INTEGRITY):
        return _KEY.sub("=(...)", text) if _KEY.search(text) else _ROW.sub("(...)", text)
    return text
