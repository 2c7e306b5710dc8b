"""Extras of a connection: read from a query, typed by what the connection type declares, written as a query again."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tradewind.connection.uri import UriError, decode
from tradewind.errors import BrokenConnection, nearest
from tradewind.settings import parse_bool

if TYPE_CHECKING:
    from tradewind.records import ConnectionType, Extra

#: The key whose value is JSON for extras that a flat query cannot hold.
WHOLE = "__extra__"

_KINDS = {bool: "true or false", int: "a whole number", float: "a number", dict: "a JSON object", list: "a JSON list"}


class ExtraError(ValueError):
    """Why the extras cannot be read. The message is a clause that names the extra."""


def parse_json(text: str) -> Any:
    """Strict JSON: no NaN, no key twice. Raises ExtraError, with the place and without the content."""

    def constant(name: str) -> None:
        raise ExtraError(f"{name} is not JSON")

    try:
        return json.loads(text, parse_constant=constant, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise ExtraError(f"it is not valid JSON: {error.msg} ({place})") from None
    except (ValueError, RecursionError) as error:
        reason = error if isinstance(error, ExtraError) else "a number is too long, or it is nested too deeply"
        raise ExtraError(f"it is not valid JSON: {reason}") from None


def dump_json(value: Any) -> str:
    """JSON text. Raises ExtraError for what JSON does not have."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (TypeError, ValueError, RecursionError):
        raise ExtraError("the extras hold something that JSON does not have") from None
    return text


def extras_from_query(query: str, declared: ConnectionType | None, offset: int = 0) -> dict[str, Any]:
    """The extras that a query holds, as text but for what is nested or JSON.

    `a.b=1` is `{"a": {"b": "1"}}`, unless the type declares an extra `a.b`. `__extra__` holds JSON; what stands beside
    it joins it. Of a repeated key the last one counts. `offset` is the place of the query in its URI. Raises
    ExtraError or UriError.
    """
    names = {extra.name for extra in declared.extras} if declared else set()
    flat: dict[str, str] = {}
    for piece in query.split("&"):
        if piece:
            name, _, value = piece.replace("+", " ").partition("=")
            flat[decode(name, offset)] = decode(value, offset + len(name) + 1)
        offset += len(piece) + 1
    whole = flat.pop(WHOLE, "")
    found = _object(whole, f"the extra {WHOLE}") if whole.strip() else {}
    for name, value in flat.items():
        path = [name] if name in names or not all(name.split(".")) else name.split(".")
        _put(found, path, value)
    return found


def query_from_extras(extras: Mapping[str, Any], declared: ConnectionType | None, safe: str = "") -> str | None:
    """The query that reads as exactly these extras, flat where that can be, else with `__extra__`.

    Characters in `safe` are not encoded in a flat one's values.
    """
    if not extras:
        return None
    flat = "&".join(f"{quote(name, safe='')}={quote(_as_text(value), safe=safe)}" for name, value in extras.items())
    try:
        if dump_json(typed(extras_from_query(flat, declared), declared)) == dump_json(extras):
            return flat
    except (ExtraError, UriError):
        pass
    return f"{WHOLE}={quote(dump_json(extras), safe='')}"


def read_extra(extra: str | Mapping[str, Any] | None, declared: ConnectionType | None) -> dict[str, Any]:
    """Extras given as a mapping or as JSON text, typed. Raises ExtraError."""
    if extra is None or (isinstance(extra, str) and not extra.strip()):
        return {}
    if isinstance(extra, str):
        return typed(_object(extra, "extra"), declared)
    if not isinstance(extra, Mapping):
        raise ExtraError(f"extra must be a JSON object, not {type(extra).__name__}")
    return typed(_object(dump_json(dict(extra)), "extra"), declared)


def typed(extras: dict[str, Any], declared: ConnectionType | None) -> dict[str, Any]:
    """The same extras, text converted to what the connection type declares. Raises ExtraError."""
    if declared is None:
        return extras
    known = {extra.name: extra for extra in declared.extras}
    return {name: _typed(value, known[name]) if name in known else value for name, value in extras.items()}


def checked(extras: dict[str, Any], declared: ConnectionType, who: str) -> dict[str, Any]:
    """The extras as a hook takes them: typed, and none that its type does not declare; a misspelt one would be lost.

    Raises BrokenConnection, which begins with `who`.
    """
    known = [extra.name for extra in declared.extras]
    for name in extras:
        if name not in known:
            hint = nearest(name, known, f"the extras are {', '.join(known)}.")
            raise BrokenConnection(f"{who} has an extra {name!r}, which {declared.name} connections do not; {hint}")
    try:
        return typed(extras, declared)
    except ExtraError as error:
        raise BrokenConnection(f"{who}: {error}.") from None


def _typed(value: Any, extra: Extra) -> Any:
    if isinstance(value, str) and extra.type is not str:
        value = _convert(value, extra)
    if extra.choices and value is not None and str(value) not in extra.choices:
        shown = "" if extra.secret else f", not {value!r}"
        raise ExtraError(f"the extra {extra.name!r} must be one of {', '.join(extra.choices)}{shown}")
    return value


def _convert(text: str, extra: Extra) -> Any:
    try:
        if extra.type is bool:
            return parse_bool(text)
        if extra.type is int:
            return int(text)
        if extra.type is float:
            number = float(text)
            if math.isfinite(number):
                return number
        if extra.type in (dict, list):
            value = parse_json(text)
            if isinstance(value, extra.type):
                return value
    except ValueError:
        pass
    shown = "" if extra.secret else f", not {text!r}"
    raise ExtraError(f"the extra {extra.name!r} must be {_KINDS.get(extra.type, 'text')}{shown}")


def _object(text: str, what: str) -> dict[str, Any]:
    try:
        value = parse_json(text)
    except ExtraError as error:
        raise ExtraError(f"{what}: {error}") from None
    if not isinstance(value, dict):
        raise ExtraError(f"{what} must be a JSON object, {{...}}")
    return value


def _put(extras: dict[str, Any], path: list[str], value: str) -> None:
    for name in path[:-1]:
        extras = extras.setdefault(name, {})
        if not isinstance(extras, dict):
            raise ExtraError(f"the extra {'.'.join(path)!r} is inside {name!r}, which has a value of its own")
    if path[-1] in extras:
        raise ExtraError(f"the extra {'.'.join(path)!r} is there twice")
    extras[path[-1]] = value


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else dump_json(value)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ExtraError(f"{next(name for name in names if names.count(name) > 1)!r} is there twice")
    return found
