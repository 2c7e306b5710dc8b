"""Finds one connection or variable in the sources, and lists all of them with what shadows what."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tradewind.errors import ConnectionNotFound, TradewindError, UsageError, VariableNotFound
from tradewind.secrets.chain import asked, iterate_sources, sources
from tradewind.secrets.environment import variable_name
from tradewind.secrets.source import SecretsSource

_NAME = re.compile(r"[\w#!()\-.:/\\ ]{1,250}")


@dataclass(frozen=True)
class Kind:
    """What is looked for, and the methods of a source that answer for it."""

    word: str
    value: str
    names: str
    places: str
    describe: str
    explain: str
    prefix: str
    add: str
    not_found: type[TradewindError]


CONNECTIONS = Kind(
    "connection",
    "get_conn_value",
    "conn_ids",
    "conn_places",
    "describe_conn",
    "explain_missing_conn",
    "CONN_",
    "tradewind connections add",
    ConnectionNotFound,
)
VARIABLES = Kind(
    "variable",
    "get_variable",
    "variable_keys",
    "variable_places",
    "describe_variable",
    "explain_missing_variable",
    "VAR_",
    "tradewind variables set",
    VariableNotFound,
)


@dataclass(frozen=True)
class Found:
    """A value as it was written, and where."""

    name: str
    value: str
    source: str  #: name of the source
    where: str  #: exactly: the variable, file and line, or row


@dataclass(frozen=True)
class Listed:
    """One place that defines a name, for lists. `value` is None where `error` says why."""

    name: str  #: "" for a source that cannot be asked at all
    value: str | None
    source: str
    where: str
    error: str | None = None
    shadows: tuple[str, ...] = ()  #: places that this one hides
    shadowed_by: str | None = None  #: the place that is used instead


def find(kind: Kind, name: str) -> Found:
    """The value from the first source that has it.

    Raises ConnectionNotFound or VariableNotFound with what each source said; whatever a source raises goes through,
    named, and no later source is asked.
    """
    check_name(kind, name)
    said = []
    for source in iterate_sources():
        value = _ask(source, kind.value, kind, name)
        if value is not None:
            where = _ask(source, kind.describe, kind, name)
            return Found(name, value, source.name, where)
        said.append(f"{source.name} ({_ask(source, kind.explain, kind, name)})")
    raise kind.not_found(_not_found(kind, name, said))


def check_name(kind: Kind, name: str) -> None:
    """Raise UsageError for what cannot be an id or key."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        shown = f"{name!r} cannot be" if isinstance(name, str) and len(name) <= 250 else "that cannot be"
        raise UsageError(
            f"{shown} the name of a {kind.word}: up to 250 letters, digits and characters of '_-.:/\\#!()' are."
        )


def survey(kind: Kind) -> list[Listed]:
    """Everything that every source lists, sorted by name, then in the order in which the sources are asked."""
    rows: dict[tuple[str, str], Listed] = {}  # (source, where) -> row
    hidden: dict[tuple[str, str], list[str]] = {}
    asked_so_far: list[SecretsSource] = []
    for source in _all_sources(rows):
        asked_so_far.append(source)
        try:
            names = asked(source, f"all {kind.word}s", getattr(source, kind.names))
        except TradewindError as error:
            rows[source.name, ""] = Listed("", None, source.name, "", str(error))
            continue
        for name in names or ():
            for row in _places(source, kind, name):
                winner = _first_place(asked_so_far, kind, name)
                if winner and winner != (row.source, row.where):
                    row = replace(row, shadowed_by=f"{winner[0]}: {winner[1]}")
                    hidden.setdefault(winner, []).append(f"{row.source}: {row.where}")
                rows[row.source, row.where] = row
    order = {source.name: index for index, source in enumerate(asked_so_far)}
    listed = [replace(row, shadows=tuple(hidden.get(key, ()))) for key, row in rows.items()]
    return sorted(listed, key=lambda row: (row.name.lower(), order.get(row.source, 0), row.shadowed_by is not None))


def unlisted_sources(kind: Kind) -> list[str]:
    """Names of the sources that hold more than `survey` shows, since they cannot list what they have."""
    return [source.name for source in sources() if asked(source, "a list", getattr(source, kind.names)) is None]


def _all_sources(rows: dict[tuple[str, str], Listed]) -> list[SecretsSource]:
    """The sources; if one of them cannot even be made, those before it, and a row that says so."""
    found = []
    try:
        for source in iterate_sources():
            found.append(source)  # noqa: PERF402  # those before a failure are kept
    except TradewindError as error:
        rows["", ""] = Listed("", None, "", "", str(error))
    return found


def _places(source: SecretsSource, kind: Kind, name: str) -> list[Listed]:
    try:
        places: dict[str, str | TradewindError] = _ask(source, kind.places, kind, name)
    except TradewindError as error:
        return [Listed(name, None, source.name, getattr(source, kind.describe)(name), str(error))]
    return [
        Listed(name, value, source.name, place)
        if isinstance(value, str)
        else Listed(name, None, source.name, place, str(value))
        for place, value in places.items()
    ]


def _first_place(among: list[SecretsSource], kind: Kind, name: str) -> tuple[str, str] | None:
    """Source and place that `find` would use."""
    for source in among:
        try:
            if _ask(source, kind.value, kind, name) is None:
                continue
        except TradewindError:
            pass  # it fails, and so is where the search ends
        return source.name, str(getattr(source, kind.describe)(name))
    return None


def _ask(source: SecretsSource, method: str, kind: Kind, name: str) -> Any:
    function: Callable[[str], Any] = getattr(source, method)
    return asked(source, f"the {kind.word} {name!r}", lambda: function(name))


def _not_found(kind: Kind, name: str, said: list[str]) -> str:
    import difflib

    known: set[str] = set()
    for source in (source for source in iterate_sources() if not source.slow):
        try:
            known.update(getattr(source, kind.names)() or ())
        except Exception:  # only a hint is at stake
            continue
    close = difflib.get_close_matches(name, sorted(known), n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    variable = variable_name(name, kind.prefix, "TRADEWIND_")
    return (
        f"The {kind.word} {name!r} is not defined. Asked: {'; '.join(said) or 'no source, secrets_sources is empty'}."
        f"{hint} Set {variable}, or run `{kind.add} {name}`."
    )
