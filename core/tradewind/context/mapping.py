"""The context itself: a dictionary in which some values are made when they are first asked for."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from tradewind import plugins
from tradewind.errors import UnknownContextKey

log = logging.getLogger("tradewind.task")


class Context(MutableMapping[str, Any]):
    """What a task sees. Works like a dictionary: `context["ti"]`, `context.get("reason")`, `f(**context)`.

    `lazy` values are made once, on first use. Names in `removed` are those that Airflow 3 took away: they work, and the
    first use of each is noted in the log with what to write instead. Plugins' names (`template_context`) come last.
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
        self._plugins_asked = False

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
        if not self._plugins_asked:
            self._ask_plugins()
            return self._known(key)
        close = difflib.get_close_matches(str(key), list(self), n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(sorted(self))}."
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
        if key in self._values or key in self._lazy:
            return True
        self._ask_plugins()
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        self._ask_plugins()
        return iter([*self._values, *self._lazy])

    def __len__(self) -> int:
        self._ask_plugins()
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
        clone._plugins_asked = self._plugins_asked
        return clone

    __copy__ = copy

    def __or__(self, other: Mapping[str, Any]) -> Context:
        merged = self.copy()
        merged.update(other)
        return merged

    def as_keywords(self) -> dict[str, Any]:
        """All of it as a plain dictionary, for `f(**kwargs)`: names that Airflow 3 took away are not noted."""
        return {key: self._known(key) for key in self}

    def _ask_plugins(self) -> None:
        """Take in the names that plugins add. They never replace one of ours, and one that fails stops no other."""
        if self._plugins_asked:
            return
        self._plugins_asked = True
        for implementation in plugins.current().manager.hook.template_context.get_hookimpls():
            try:
                names: Any = implementation.function(**({"context": self} if implementation.argnames else {}))
            except Exception as error:
                log.warning("The plugin %s cannot add to the context: %s", implementation.plugin_name, error)
                continue
            for name, value in dict(names or {}).items():
                if name not in self._lazy:
                    self._values.setdefault(name, value)
