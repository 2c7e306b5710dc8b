"""The APIs as Google describes them: which method a request is for, and whether what it says is possible.

The descriptions are those that come with google-api-python-client.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote

from tradewind_gsheet.sandbox import fields
from tradewind_gsheet.sandbox.refusals import Refused, violations

Schema = Mapping[str, Any]
Problems = list[tuple[str, str]]

#: Names of types in messages.
_TYPES = {
    "string": "TYPE_STRING",
    "boolean": "TYPE_BOOL",
    "number": "TYPE_DOUBLE",
    "integer": "TYPE_INT32",
}

#: What the body of a method is called in messages, where it is not the request itself.
_BODIES = {
    "sheets.spreadsheets.create": "spreadsheet",
    "sheets.spreadsheets.values.update": "data",
    "sheets.spreadsheets.values.append": "data",
}


@dataclass(frozen=True)
class Method:
    """A method of an API."""

    api: str  #: "sheets" or "drive"
    id: str
    http: str
    path: re.Pattern[str]  #: of the quoted path, with a group for each parameter in it
    parameters: Mapping[str, Schema]
    scopes: frozenset[str]
    request: str  #: name of the schema of the body, or empty
    response: str

    @property
    def reads(self) -> bool:
        return self.http == "GET"


class Api:
    """One API."""

    def __init__(self, name: str, version: str, base: str) -> None:
        """`base` is the path below which it is served."""
        self.name = name
        described = _document(name, version)
        self.schemas: Mapping[str, Schema] = described["schemas"]
        self.common: Mapping[str, Schema] = described["parameters"]
        self.methods = [self._method(one, base) for one in _methods(described)]

    def _method(self, told: Mapping[str, Any], base: str) -> Method:
        path = base + str(told.get("flatPath") or told["path"])
        pattern = "".join(
            f"(?P<{part[1:-1]}>[^/]+?)" if part.startswith("{") else re.escape(part)
            for part in re.split(r"(\{\w+\})", path)
        )
        return Method(
            self.name,
            told["id"],
            told["httpMethod"],
            re.compile(pattern),
            told.get("parameters", {}),
            frozenset(told.get("scopes", ())),
            told.get("request", {}).get("$ref", ""),
            told.get("response", {}).get("$ref", ""),
        )

    def find(self, http: str, path: str) -> tuple[Method, dict[str, str]] | None:
        """The method for a quoted path, and the parameters in it, unquoted."""
        for method in self.methods:
            found = method.path.fullmatch(path) if method.http == http else None
            if found:
                return method, {name: unquote(value) for name, value in found.groupdict().items()}
        return None

    @property
    def is_strict(self) -> bool:
        """Drive overlooks what it does not know."""
        return self.name == "sheets"

    # -- parameters ---------------------------------------------------------------------------------------------------

    def parameters(self, method: Method, given: Iterable[tuple[str, str]]) -> dict[str, Any]:
        """Parameters of the query, as their types are. Raises Refused."""
        found: dict[str, Any] = {}
        problems: Problems = []
        for given_name, text in given:
            name = (
                given_name if given_name in method.parameters or given_name in self.common else fields.camel(given_name)
            )
            schema = method.parameters.get(name) or self.common.get(name)
            if schema is None:
                if self.is_strict:
                    problems.append(("", _unknown_parameter(given_name)))
                continue
            if schema.get("location") == "path":
                continue
            value = self._parameter(schema, text, snake(name), problems)
            if schema.get("repeated"):
                found.setdefault(name, []).append(value)
            else:
                found[name] = value
        if problems:
            raise violations(problems)
        return found

    def _parameter(self, schema: Schema, text: str, path: str, problems: Problems) -> Any:
        kind = schema["type"]
        if "enum" in schema and text not in schema["enum"]:
            problems.append((path, f"Invalid value at '{path}' ({_enum_type(path)}), \"{text}\""))
        elif kind == "boolean" and text.lower() not in ("true", "false", "1", "0"):
            problems.append((path, f"Invalid value at '{path}' (TYPE_BOOL), \"{text}\""))
        elif kind == "integer" and not re.fullmatch(r"-?\d+", text):
            problems.append((path, f"Invalid value at '{path}' (TYPE_INT32), \"{text}\""))
        elif kind == "boolean":
            return text.lower() in ("true", "1")
        elif kind == "integer":
            return int(text)
        return text

    # -- bodies -------------------------------------------------------------------------------------------------------

    def body(self, method: Method, data: Any) -> dict[str, Any]:
        """The body as the API understands it: names in camel case, numbers as numbers, no nulls. Raises Refused."""
        if not method.request:
            return {}
        if data is None:
            return {}
        if not isinstance(data, dict):
            raise violations([("", "Invalid JSON payload received. Root element must be a message.")])
        problems: Problems = []
        checked: dict[str, Any] = self._object(self.schemas[method.request], data, _BODIES.get(method.id, ""), problems)
        if problems:
            raise violations(problems)
        return checked

    def _value(self, schema: Schema, value: Any, path: str, problems: Problems) -> Any:
        if "$ref" in schema:
            schema = self.schemas[schema["$ref"]]
        kind = schema.get("type")
        if kind == "any":
            return value
        if kind == "array":
            return self._array(schema["items"], value, path, problems)
        if isinstance(value, list):
            name = path.rpartition(".")[2]
            where = f" at '{path.rpartition('.')[0]}'" if "." in path else ""
            told = f'Invalid JSON payload received. Unknown name "{fields.camel(name)}"{where}: '
            problems.append((path, told + "Proto field is not repeating, cannot start list."))
            return None
        if kind == "object":
            if not isinstance(value, dict):
                message = f"type.googleapis.com/google.apps.{self.name}.v4.{schema.get('id', 'Struct')}"
                problems.append((path, f"Invalid value at '{path}' ({message}), {_quoted(value)}"))
                return None
            return self._object(schema, value, path, problems)
        return self._scalar(schema, value, path, problems)

    def _array(self, items: Schema, value: Any, path: str, problems: Problems) -> list[Any]:
        if items.get("type") == "array":  # rows of values
            rows = value if isinstance(value, list) else [value]
            for number, row in enumerate(rows):
                if not isinstance(row, list):
                    place = f"{path}[{number}]" if isinstance(value, list) else path
                    told = f"Invalid value at '{place}' (type.googleapis.com/google.protobuf.ListValue), {_quoted(row)}"
                    problems.append((place, told))
            return rows
        entries = value if isinstance(value, list) else [value]
        return [self._value(items, one, f"{path}[{number}]", problems) for number, one in enumerate(entries)]

    def _object(self, schema: Schema, value: dict[str, Any], path: str, problems: Problems) -> Any:
        properties = schema.get("properties", {})
        free = schema.get("additionalProperties")
        made = {}
        for given, one in value.items():
            name = given if given in properties else fields.camel(given)
            below = f"{path}.{snake(name)}" if path else snake(name)
            if name in properties:
                if one is not None:
                    made[name] = self._value(properties[name], one, below, problems)
            elif free is not None:
                made[given] = self._value(free, one, below, problems)
            elif self.is_strict:
                where = f" at '{path}'" if path else ""
                told = f'Invalid JSON payload received. Unknown name "{given}"{where}: Cannot find field.'
                problems.append((path, told))
        return made

    def _scalar(self, schema: Schema, value: Any, path: str, problems: Problems) -> Any:
        kind = str(schema.get("type"))
        if "enum" in schema:
            if value in schema["enum"]:
                return value
            problems.append((path, f"Invalid value at '{path}' ({_enum_type(path)}), {_quoted(value)}"))
            return None
        read = _READERS[kind](value)
        if read is None:
            word = {"int64": "TYPE_INT64", "float": "TYPE_FLOAT"}.get(schema.get("format", ""), _TYPES[kind])
            problems.append((path, f"Invalid value at '{path}' ({word}), {_quoted(value)}"))
        return read

    # -- masks --------------------------------------------------------------------------------------------------------

    def response_mask(self, method: Method, text: str) -> fields.Mask:
        """The mask of the parameter `fields`. Raises Refused for one that names what there is not."""
        try:
            mask = fields.parse(text if self.is_strict else text.replace(" ", ""))
        except ValueError:
            raise self._bad_mask(text) from None
        wrong = self.unknown(mask, method.response)
        if wrong:
            raise self._bad_mask(wrong)
        return mask

    def _bad_mask(self, path: str) -> Refused:
        if not self.is_strict:
            return Refused(f"Invalid field selection {path}", reason="invalidParameter", location="fields")
        told = f"Error expanding 'fields' parameter. Cannot find matching fields for path '{path}'."
        details = [
            {
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": [{"field": path, "description": told}],
            }
        ]
        return Refused("Request contains an invalid argument.", details=details)

    def unknown(self, mask: fields.Mask, schema: str | Schema) -> str:
        """The first path of a mask that a schema does not have; empty if there is none."""
        found = self._resolved(schema)
        if found is None:
            return ""
        properties = found.get("properties", {})
        for name, below in mask.items():
            if name == "*" or found.get("additionalProperties"):
                continue
            if name not in properties:
                return name
            wrong = self.unknown(below, properties[name]) if below else ""
            if wrong:
                return f"{name}.{wrong}"
        return ""

    def _resolved(self, schema: str | Schema) -> Schema | None:
        """The message that a schema is, or is a list of."""
        if isinstance(schema, str):
            return self.schemas.get(schema)
        found = schema
        while found.get("type") == "array":
            found = found["items"]
        return self.schemas[found["$ref"]] if "$ref" in found else found


def _document(name: str, version: str) -> dict[str, Any]:
    from importlib.resources import files

    place = files("googleapiclient.discovery_cache.documents") / f"{name}.{version}.json"
    document: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
    return document


def _methods(resource: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from resource.get("methods", {}).values()
    for below in resource.get("resources", {}).values():
        yield from _methods(below)


def _unknown_parameter(name: str) -> str:
    return (
        f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter. '
        f"Field '{name}' could not be found in request message."
    )


def snake(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", lambda found: "_" + found[1].lower(), name)


def _enum_type(path: str) -> str:
    name = re.sub(r"\[\d+\]", "", path).rpartition(".")[2]
    if name.endswith("dimension"):
        name = "dimension"
    for word in ("value_input_option", "value_render_option", "date_time_render_option"):
        if name.endswith(word):
            name = word
    return "type.googleapis.com/google.apps.sheets.v4." + "".join(word.title() for word in name.split("_"))


def _quoted(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return json.dumps(value) if not isinstance(value, float) else f"{value:g}"


def _integer(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and re.fullmatch(r"-?\d+", value):
        return int(value)
    return int(value) if isinstance(value, int | float) and float(value).is_integer() else None


def _number(value: Any) -> float | int | None:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _boolean(value: Any) -> bool | None:
    return (
        value
        if isinstance(value, bool)
        else {"true": True, "false": False}.get(value if isinstance(value, str) else "")
    )


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "string": _string,
}


@cache
def sheets() -> Api:
    return Api("sheets", "v4", "/")


@cache
def drive() -> Api:
    return Api("drive", "v3", "/drive/v3/")
