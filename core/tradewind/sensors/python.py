"""PythonSensor: waits until a function says yes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tradewind.errors import DagError
from tradewind.operator import BaseSensor, PokeReturnValue
from tradewind.operator.call import call


class PythonSensor(BaseSensor):
    """Waits until a function returns something true.

        PythonSensor(task_id="wait", python_callable=lambda ds: exists(f"/in/{ds}.csv"), poke_interval=30)

    The function is called like that of a `PythonOperator`: with `op_args`, `op_kwargs`, and what it names of the
    context. It may return `PokeReturnValue(is_done, xcom_value)` in order to pass a value on.
    """

    template_fields = ("templates_dict", "op_args", "op_kwargs")
    template_fields_renderers = {"templates_dict": "json", "op_args": "py", "op_kwargs": "py"}  # noqa: RUF012

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: Sequence[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        templates_dict: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not callable(python_callable):
            raise DagError(f"Task {self.task_id!r}: python_callable must be a function, not {python_callable!r}.")
        self.python_callable = python_callable
        self.op_args = () if op_args is None else op_args
        self.op_kwargs = {} if op_kwargs is None else op_kwargs
        self.templates_dict = templates_dict

    def poke(self, context: Any) -> PokeReturnValue:
        if self.templates_dict is not None:
            context["templates_dict"] = self.templates_dict
        result = call(self.python_callable, self.op_args, self.op_kwargs, context)
        return result if isinstance(result, PokeReturnValue) else PokeReturnValue(bool(result))
