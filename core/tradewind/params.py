"""Run parameters: values with a JSON schema that a DAG declares and that whoever starts a run may change.

`Param` declares one; `ParamsDict` holds those of a DAG or task and reads like a dict of plain values; `resolve` makes
the values of one run out of the declared schemas and the run's `conf`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from functools import lru_cache
from typing import Any, Final

from tradewind.errors import ParamError


class _NotSet:
    """Stands for a default that was not given: None is a value like any other."""

    def __repr__(self) -> str:
        return "NOTSET"

    def __copy__(self) -> _NotSet:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> _NotSet:
        return self


NOTSET: Final = _NotSet()


class Param:
    """One parameter: `Param(7, type="integer", minimum=1, description="days to look back")`.

    Every keyword but `default` and `description` is a word of JSON schema. Without a default, each run must give a
    value.
    """

    def __init__(self, default: Any = NOTSET, description: str | None = None, **schema: Any) -> None:
        self.value = default
        self.description = description
        declared = schema.pop("schema", None) or {}
        self.schema: dict[str, Any] = {**declared, **schema}

    def __repr__(self) -> str:
        words = "".join(f", {name}={value!r}" for name, value in self.schema.items())
        return f"Param({self.value!r}{words})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Param) and self.as_schema("") == other.as_schema("")

    __hash__ = None  # type: ignore[assignment]

    @property
    def has_value(self) -> bool:
        return self.value is not NOTSET

    def resolve(self, value: Any = NOTSET, *, name: str = "?", dag_id: str = "?") -> Any:
        """`value`, or else the default, checked against the schema. Raises ParamError."""
        chosen = self.value if value is NOTSET else value
        return check(chosen, self.as_schema(name), name, dag_id)

    def as_schema(self, name: str) -> dict[str, Any]:
        """JSON schema with "default" (left out if there is none) and "description", as the DAG's spec keeps it."""
        found = dict(self.schema)
        if self.description is not None:
            found["description"] = self.description
        if self.has_value:
            found["default"] = self.value
        try:
            plain: dict[str, Any] = json.loads(json.dumps(found, allow_nan=False))
        except (TypeError, ValueError) as error:
            raise ParamError(
                f"The param {name!r} is not JSON: {error}. Use text, numbers, true, false, None, lists and dicts."
            ) from error
        return plain


class ParamsDict(MutableMapping[str, Any]):
    """The params of a DAG or task. Reads like a dict of values; `get_param` gives the declaration."""

    def __init__(self, params: Mapping[str, Any] | None = None) -> None:
        self._params: dict[str, Param] = {}
        if isinstance(params, ParamsDict):
            self._params.update(params._params)
        elif params:
            for name, value in params.items():
                self._params[_param_name(name)] = value if isinstance(value, Param) else Param(value)

    def __getitem__(self, name: str) -> Any:
        param = self._params[name]
        return param.value if param.has_value else None

    def __setitem__(self, name: str, value: Any) -> None:
        known = self._params.get(name)
        if isinstance(value, Param):
            self._params[_param_name(name)] = value
        elif known is not None:
            self._params[name] = Param(value, known.description, **known.schema)
        else:
            self._params[_param_name(name)] = Param(value)

    def __delitem__(self, name: str) -> None:
        del self._params[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._params)

    def __len__(self) -> int:
        return len(self._params)

    def __repr__(self) -> str:
        return f"ParamsDict({self.dump()!r})"

    def get_param(self, name: str) -> Param:
        return self._params[name]

    def dump(self) -> dict[str, Any]:
        """Plain dict of the values."""
        return {name: self[name] for name in self._params}

    def merged(self, more: ParamsDict) -> ParamsDict:
        """A new ParamsDict with the declarations of both; those of `more` win."""
        both = ParamsDict(self)
        both._params.update(more._params)
        return both

    def schemas(self) -> dict[str, Any]:
        """Name -> JSON schema, as `DagSpec.params` keeps it and `resolve` takes it."""
        return {name: param.as_schema(name) for name, param in self._params.items()}

    def validate(self, dag_id: str = "?") -> dict[str, Any]:
        """The values, each checked against its schema. Raises ParamError."""
        return resolve(self.schemas(), {}, dag_id)


def resolve(schemas: Mapping[str, Any], conf: Mapping[str, Any] | None, dag_id: str) -> dict[str, Any]:
    """The params of one run: declared defaults, overridden by `conf`; keys of `conf` that no schema knows are added.

    Raises ParamError naming the DAG, the param and what its schema wants.
    """
    given = dict(conf or {})
    values = {
        name: check(given.pop(name, schema.get("default", NOTSET)), schema, name, dag_id)
        for name, schema in schemas.items()
    }
    return {**values, **given}


def check(value: Any, schema: Mapping[str, Any], name: str, dag_id: str) -> Any:
    """`value` if `schema` allows it; raises ParamError otherwise."""
    if value is NOTSET:
        raise ParamError(f"DAG {dag_id!r} needs a value for the param {name!r}; give one in the run's conf.")
    rules = {word: rule for word, rule in schema.items() if word not in ("default", "description")}
    if not rules:
        return value
    # Imported here: only DAGs whose params have a schema pay for the compiler.
    from fastjsonschema import JsonSchemaValueException

    validate = _compiled(json.dumps(rules, sort_keys=True), name, dag_id)
    try:
        validate(value)
    except JsonSchemaValueException as error:
        told = str(error.message).replace("data", repr(name), 1)
        raise ParamError(f"DAG {dag_id!r} cannot take {value!r} for the param {name!r}: {told}.") from error
    return value


@lru_cache(maxsize=512)
def _compiled(rules: str, name: str, dag_id: str) -> Callable[[Any], Any]:
    import fastjsonschema

    try:
        found: Callable[[Any], Any] = fastjsonschema.compile(json.loads(rules), use_default=False)
    except (fastjsonschema.JsonSchemaDefinitionException, AttributeError, TypeError, ValueError) as error:
        raise ParamError(f"The JSON schema of the param {name!r} of DAG {dag_id!r} is not valid: {error}.") from error
    return found


def _param_name(name: Any) -> str:
    if not isinstance(name, str):
        raise ParamError(f"The name of a param must be text, not {name!r}.")
    return name
