"""Operator classes for `@task.<name>` whose function gives the value of one field, such as `@task.bash`.

An operator that takes a `python_callable` needs nothing of this. Of any other one a subclass is made: when it runs, it
calls the function, puts what it returned into the field, renders it, and goes on as the operator does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from tradewind.errors import DagError, TradewindError
from tradewind.operator import BaseOperator
from tradewind.operator.arguments import accepted, own_parameters
from tradewind.operator.call import call, name_of


@lru_cache(maxsize=256)
def operator_for_functions(operator_class: type[BaseOperator]) -> type[BaseOperator]:
    """The class itself if it takes a `python_callable`, else a subclass that does."""
    if "python_callable" in accepted(operator_class):
        return operator_class
    field = operator_class.function_field or _only_required(operator_class)
    if field is None:
        raise DagError(
            f"{operator_class.__name__} cannot be made of a function: it takes no python_callable and has no "
            "function_field, which names the field that the function returns the value of."
        )
    return _with_function(operator_class, field)


def _only_required(operator_class: type[BaseOperator]) -> str | None:
    """The one template field that the class cannot do without."""
    init = operator_class.__dict__.get("__init__")
    required = own_parameters(init)[1] if init is not None else frozenset()
    found = [name for name in operator_class.template_fields if name in required]
    return found[0] if len(found) == 1 else None


def _with_function(operator_class: Any, field: str) -> type[BaseOperator]:
    """A subclass under the same name; the field itself stays empty until the task runs."""

    class WithFunction(operator_class):  # type: ignore[misc]  # the class is known only when this is called
        __doc__ = operator_class.__doc__
        template_fields = (*operator_class.template_fields, "op_args", "op_kwargs")

        def __init__(
            self,
            *,
            python_callable: Callable[..., Any],
            op_args: Sequence[Any] = (),
            op_kwargs: Mapping[str, Any] | None = None,
            **kwargs: Any,
        ) -> None:
            super().__init__(**{field: "", **kwargs})
            self.python_callable = python_callable
            self.op_args = op_args
            self.op_kwargs = op_kwargs or {}

        def execute(self, context: Any) -> Any:
            value = call(self.python_callable, self.op_args, self.op_kwargs, context)
            if value is None:
                raise TradewindError(
                    f"Task {self.task_id!r}: {name_of(self.python_callable)} returned nothing; it must return the "
                    f"{field} of {operator_class.__name__}."
                )
            setattr(self, field, self.render_template(value, context))
            return super().execute(context)

    WithFunction.__name__ = operator_class.__name__
    WithFunction.__qualname__ = operator_class.__qualname__
    WithFunction.__module__ = operator_class.__module__
    return WithFunction
