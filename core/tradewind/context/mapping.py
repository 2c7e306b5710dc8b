"""The context itself: a dictionary in which some values are made when they are first asked for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from tradewind.errors import UnknownContextKey, nearest

log = logging.getLogger("tradewind.task")


class Context(MutableMapping[str, Any]):
    """What a task sees. Works like a dictionary: `context["ti"]`, `context.get("reason")`, `f(**context)`.

    `lazy` values are made once, on first use. Names in `removed` are those that Airflow 3 took away: they work, and the
    first use of each is noted in the log with what to write instead.
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        *,
        lazy: Mapping[str, Callable[[], Any]] | None = None,
        removed: Mapping[str, str] | None = None,
    ) -> None:
        self._values = dict(values)
        self._lazy = {key: make for key, make in (lazy or {}).items() if key not in self._values}
        self._removed = dict(removed or {})

    def __getitem__(self, key: str) -> Any:
        value = self._known(key)
        if key in self._removed:
            replacement = self._removed.pop(key)
            log.warning("The context key %r is gone in Airflow 3; write %s instead.", key, replacement)
        return value

    def _known(self, key: str) -> Any:
        if key in self._values:
            return self._values[key]
        if key in self._lazy:
            value = self._values[key] = self._lazy.pop(key)()
            return value
        hint = nearest(str(key), self, f"there are: {', '.join(sorted(self))}.")
        raise UnknownContextKey(f"The context has no {key!r}; {hint}")

    def __setitem__(self, key: str, value: Any) -> None:
        self._lazy.pop(key, None)
        self._removed.pop(key, None)
        self._values[key] = value

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise UnknownContextKey(f"The context has no {key!r}")
        self._lazy.pop(key, None)
        self._values.pop(key, None)

    def __contains__(self, key: object) -> bool:
        return key in self._values or key in self._lazy

    def __iter__(self) -> Iterator[str]:
        return iter([*self._values, *self._lazy])

    def __len__(self) -> int:
        return len(self._values) + len(self._lazy)

    def __repr__(self) -> str:
        return f"<Context of {self._values.get('task_instance_key_str') or self._values.get('run_id')}>"

    def add_lazy(self, key: str, make: Callable[[], Any]) -> None:
        """Add a value that is made when it is first asked for."""
        self._values.pop(key, None)
        self._lazy[key] = make

    def copy(self) -> Context:
        """A context that can be changed without changing this one."""
        clone = Context(self._values, lazy=self._lazy, removed=self._removed)
        return clone

    __copy__ = copy

    def __or__(self, other: Mapping[str, Any]) -> Context:
        merged = self.copy()
        merged.update(other)
        return merged

    def as_keywords(self) -> dict[str, Any]:
        """All of it as a plain dictionary, for `f(**kwargs)`: names that Airflow 3 took away are not noted."""
        return {key: self._known(key) for key in self}
