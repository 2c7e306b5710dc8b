"""Variables: values that DAGs and tasks look up by key, from the same sources as connections."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tradewind.errors import BrokenVariable, SecretsError, UsageError, VariableNotFound
from tradewind.secrets import (
    MASK,
    VARIABLES,
    check_name,
    find,
    is_secret_name,
    mask_secret,
    parse_variables_file,
    redact,
    source_named,
    survey,
    variable_name,
)

log = logging.getLogger(__name__)

#: The source that variables are written to.
STORE = "metastore"

#: Forms that `dump_variables` writes.
EXPORT_FORMATS = ("json", "yaml", "env")

_NOT_GIVEN: Any = object()


@dataclass(frozen=True)
class VariableRow:
    """One place that defines a variable."""

    key: str  #: "" for a source that cannot be asked at all
    value: str | None  #: in clear; `masked` is for showing
    source: str
    where: str
    shadows: tuple[str, ...] = ()  #: places that this one hides
    shadowed_by: str | None = None  #: the place that is used instead
    error: str | None = None

    @property
    def masked(self) -> str:
        if self.value is None:
            return ""
        return MASK if is_secret_name(self.key) else redact(self.value)


class Variable:
    """Read and write variables. Call these methods on the class: `Variable.get("key")`."""

    @staticmethod
    def get(
        key: str, default: Any = _NOT_GIVEN, deserialize_json: bool = False, *, default_var: Any = _NOT_GIVEN
    ) -> Any:
        """The value, from the first source that has it; `default` only if none has.

        With `deserialize_json` the value is read as JSON; one that is not JSON is an error, whatever the default.
        """
        default = default if default_var is _NOT_GIVEN else default_var
        try:
            found = find(VARIABLES, key)
        except VariableNotFound:
            if default is _NOT_GIVEN:
                raise
            return default
        value = _from_json(found.value, key, found.where) if deserialize_json else found.value
        mask_secret(value, key)
        if is_secret_name(key):
            mask_secret(found.value)
        return value

    @staticmethod
    def set(key: str, value: Any, description: str | None = None, serialize_json: bool = False) -> None:
        """Store a variable. Logs a warning if another source shadows it."""
        check_name(VARIABLES, key)
        text = _to_json(value, key) if serialize_json else value if isinstance(value, str) else str(value)
        mask_secret(text, key)
        source_named(STORE).set_variable(key, text, description)
        shadow = next((row.shadowed_by for row in survey(VARIABLES) if row.name == key and row.source == STORE), None)
        if shadow:
            log.warning("The variable %r is stored, but %s is used instead of it.", key, shadow)

    @staticmethod
    def setdefault(key: str, default: Any, description: str | None = None, deserialize_json: bool = False) -> Any:
        """The value; if no source has it, `default` is stored first."""
        try:
            return Variable.get(key, deserialize_json=deserialize_json)
        except VariableNotFound:
            Variable.set(key, default, description, serialize_json=deserialize_json)
            return default

    @staticmethod
    def delete(key: str) -> bool:
        """Delete a stored variable. True if it was there."""
        check_name(VARIABLES, key)
        return source_named(STORE).delete_variable(key)

    @staticmethod
    def keys(prefix: str | None = None) -> list[str]:
        """Keys of the variables of every source that can list them."""
        names = {row.key for row in list_variables() if row.key}
        return sorted(name for name in names if prefix is None or name.startswith(prefix))


def list_variables() -> list[VariableRow]:
    """Every variable of every source that can list, shadowed and broken ones too, sorted by key."""
    return [
        VariableRow(row.name, row.value, row.source, row.where, row.shadows, row.shadowed_by, row.error)
        for row in survey(VARIABLES)
    ]


def dump_variables(variables: Mapping[str, str], form: str) -> str:
    """Variables as text, in clear: `json`, `yaml`, or `env` lines. `parse_variables_file` reads each again."""
    if form == "json":
        return json.dumps(dict(variables), indent=2, ensure_ascii=False) + "\n"
    if form == "yaml":
        try:
            import yaml
        except ImportError:
            raise SecretsError("YAML needs PyYAML: `pip install pyyaml`, or choose the form json.") from None
        return str(yaml.safe_dump(dict(variables), allow_unicode=True, sort_keys=False))
    if form == "env":
        return "".join(f"{variable_name(key, 'VAR_')}={_env_quoted(value)}\n" for key, value in variables.items())
    raise UsageError(f"There is no form {form!r}; choose one of {', '.join(EXPORT_FORMATS)}.")


def _env_quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return '"' + escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + '"'


def _from_json(text: str, key: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply, or has too long a number"
        if isinstance(error, json.JSONDecodeError):
            reason = f"{error.msg} (line {error.lineno}, column {error.colno})"
        message = f"The variable {key!r} in {where} is not JSON, as deserialize_json asks: {reason}."
        raise BrokenVariable(message) from None


def _to_json(value: Any, key: str) -> str:
    try:
        return json.dumps(value, indent=2)
    except (TypeError, ValueError) as error:
        raise BrokenVariable(f"The variable {key!r} cannot be written as JSON: {error}.") from None


__all__ = ["EXPORT_FORMATS", "Variable", "VariableRow", "dump_variables", "list_variables", "parse_variables_file"]
