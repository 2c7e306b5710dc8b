"""`XComArg`: the result of a task that will have run, used as an argument of another one.

It stands for the value while the DAG is written, makes the order of the tasks known, and is replaced by the value when
the other task runs (`resolve`). `result["a"]` is a part of the result.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tradewind.errors import XComError
from tradewind.operator.relations import Node
from tradewind.operator.scope import TaskLike
from tradewind.template import Resolvable
from tradewind.xcom import RETURN_KEY

_MISSING: Final = object()


class XComArg(Node, Resolvable):
    """What `operator` pushes under `key`, or the part of it that `path` leads to."""

    def __init__(self, operator: Any, key: str = RETURN_KEY, path: tuple[Any, ...] = ()) -> None:
        self.operator: Any = operator  #: the task that makes the value
        self.key = key
        self.path = path

    def __repr__(self) -> str:
        parts = "".join(f"[{part!r}]" for part in self.path)
        key = "" if self.key == RETURN_KEY else f", {self.key!r}"
        return f"XComArg({self.operator.task_id!r}{key}){parts}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, XComArg) and (self.operator, self.key, self.path) == (
            other.operator,
            other.key,
            other.path,
        )

    def __hash__(self) -> int:
        return hash((id(self.operator), self.key, self.path))

    def __getitem__(self, item: Any) -> XComArg:
        if not isinstance(item, (str, int)):
            raise TypeError(f"{self!r} is known only when the task has run; take parts of it by name or number")
        return XComArg(self.operator, self.key, (*self.path, item))

    def __iter__(self) -> Iterator[Any]:
        raise TypeError(
            f"{self!r} is known only when the task has run, so it cannot be looped over here; do it inside a task"
        )

    def __bool__(self) -> bool:
        return True

    def __str__(self) -> str:
        """A template that pulls the value, so that results can be put into f-strings."""
        task = self.operator
        dag = f", dag_id={task.dag_id!r}" if task.has_dag() else ""
        parts = "".join(f"[{part!r}]" for part in self.path)
        pull = f"task_instance.xcom_pull(task_ids={task.task_id!r}{dag}, key={self.key!r})"
        return "{{ " + pull + parts + " }}"

    @property
    def roots(self) -> Sequence[TaskLike]:
        return [self.operator]

    @property
    def leaves(self) -> Sequence[TaskLike]:
        return [self.operator]

    def as_setup(self) -> XComArg:
        self.operator.as_setup()
        return self

    def as_teardown(self, *, setups: Any = None, on_failure_fail_dagrun: bool = False) -> XComArg:
        self.operator.as_teardown(setups=setups, on_failure_fail_dagrun=on_failure_fail_dagrun)
        return self

    def __enter__(self) -> XComArg:
        self.operator.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.operator.__exit__(*error)

    def resolve(self, context: Mapping[str, Any]) -> Any:
        """The value, in the context of the task that uses it. Raises XComError if the wanted part is not there."""
        if not self.path:
            value = self._pull(context, self.key)
            if value is not _MISSING:
                return value
            if self.key == RETURN_KEY:
                return None  # a task that returned None pushed nothing
            raise XComError(f"Task {self.operator.task_id!r} pushed nothing under the key {self.key!r}.")
        first, rest = self.path[0], self.path[1:]
        value = self._pull(context, first) if self.key == RETURN_KEY and isinstance(first, str) else _MISSING
        if value is _MISSING:
            value, rest = self._pull(context, self.key), self.path
        return self._part(value, rest)

    def _pull(self, context: Mapping[str, Any], key: str) -> Any:
        task = self.operator
        return context["ti"].xcom_pull(
            task_ids=task.task_id, dag_id=task.dag_id if task.has_dag() else None, key=key, default=_MISSING
        )

    def _part(self, value: Any, path: tuple[Any, ...]) -> Any:
        task_id = self.operator.task_id
        if value is _MISSING:
            raise XComError(f"Task {task_id!r} returned nothing, so {self!r} has no value.")
        for part in path:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError) as error:
                there = (
                    f"it has {', '.join(map(repr, value))}"
                    if isinstance(value, dict)
                    else f"it is a {type(value).__name__}"
                )
                raise XComError(f"The result of task {task_id!r} has no item {part!r}: {there}.") from error
        return value

    @staticmethod
    def iter_xcom_args(value: Any) -> Iterator[XComArg]:
        """Every XComArg inside a value: in lists, dicts, and the template fields of objects."""
        if isinstance(value, XComArg):
            yield value
        elif isinstance(value, (str, bytes, int, float)) or value is None:
            return
        elif isinstance(value, (list, tuple, set, frozenset)):
            for item in value:
                yield from XComArg.iter_xcom_args(item)
        elif isinstance(value, dict):
            for key, item in value.items():
                yield from XComArg.iter_xcom_args(key)
                yield from XComArg.iter_xcom_args(item)
        elif isinstance(getattr(value, "template_fields", None), (list, tuple)) and not isinstance(value, Node):
            for field in value.template_fields:
                yield from XComArg.iter_xcom_args(getattr(value, field, None))
