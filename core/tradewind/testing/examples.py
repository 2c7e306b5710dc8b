"""Connections to try a connection type with: made from what it declares, the same ones each time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from tradewind.connection import Connection
from tradewind.records import ConnectionType, Extra

#: Stands for a password wherever it must not be seen.
SECRET = "Zq7-never-to-be-seen"

#: Values that have gone wrong somewhere before, by the type of the extra.
_VALUES: dict[type, tuple[Any, ...]] = {
    str: ("plain", "", "a b&c=d?e/f#g%h+i", "naïve 日本", "true", "007", '{"a": 1}', "a,b;c", "'\"\\"),
    bool: (True, False),
    int: (0, 7, -1, 2**40),
    float: (0.5, 2.0, -1e-9, 1e300),
    dict: ({"a": {"b": [1, None, "x&y"]}}, {"": ""}, {"true": True}),
    list: ([1, "a b", None], [[]], [{"a": "="}]),
}

#: How people write a value in a query.
_TEXTS: dict[type, tuple[tuple[str, Any], ...]] = {
    str: (("false", "false"), ("12", "12")),
    bool: (("false", False), ("False", False), ("0", False), ("no", False), ("true", True), ("1", True)),
    int: (("12", 12),),
    float: (("2", 2.0), ("0.5", 0.5)),
    dict: (('{"a": 1}', {"a": 1}),),
    list: (('["a", 1]', ["a", 1]),),
}


def connections(declared: ConnectionType) -> Iterator[Connection]:
    """Connections of a type: with each extra by itself, and with all of them; with an awkward password."""
    yield _connection(declared, {})
    for extra in declared.extras:
        for value in values(extra):
            yield _connection(declared, {extra.name: value})
    yield _connection(declared, {extra.name: values(extra)[0] for extra in declared.extras})


def values(extra: Extra) -> tuple[Any, ...]:
    """Values that the extra may have."""
    return tuple(map(extra.type, extra.choices)) or _VALUES[extra.type]


def texts(extra: Extra) -> tuple[tuple[str, Any], ...]:
    """Text as in a query, and the value that it means."""
    return tuple((choice, extra.type(choice)) for choice in extra.choices) or _TEXTS[extra.type]


def secret_connections(declared: ConnectionType) -> Iterator[tuple[Connection, str]]:
    """Connections that have a secret, and where."""
    yield _connection(declared, {}, password=SECRET), "the password"
    for extra in declared.extras:
        if extra.secret and extra.type is str and not extra.choices:
            yield _connection(declared, {extra.name: SECRET}), f"the extra {extra.name!r}"


def differences(given: Connection, again: Connection) -> str:
    """What is not the same in both, in words; empty if nothing."""
    wrong = [
        f"{name} {getattr(given, name)!r} is read as {getattr(again, name)!r}"
        for name in ("conn_type", "login", "password", "host", "port", "schema")
        if getattr(given, name) != getattr(again, name)
    ]
    before, after = given.extra_dejson, again.extra_dejson
    wrong += [
        f"the extra {name!r}, {before.get(name)!r}, is read as {after.get(name)!r}"
        for name in {**before, **after}
        if json.dumps(before.get(name)) != json.dumps(after.get(name))
    ]
    return "; ".join(wrong)


def quoted(text: str) -> str:
    return quote(text, safe="")


def _connection(declared: ConnectionType, extra: dict[str, Any], password: str = "p@ss/w:rd%?#") -> Connection:
    return Connection(
        "example",
        declared.name,
        host="db.example.com",
        login="user@corp",
        password=password,
        schema="schema",
        port=declared.default_port or 1234,
        extra=extra,
    )
