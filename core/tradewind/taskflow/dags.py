"""`@dag`: functions whose calls are DAGs."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from tradewind.dag import DAG
from tradewind.errors import DagError, UnknownArgument
from tradewind.params import NOTSET


class DagFunction:
    """A decorated function. Calling it makes the DAG out of the tasks that it makes.

    Parameters of the function are params of the DAG: what it gets for them stands for the value of each run.
    """

    def __init__(self, function: Callable[..., Any], positional: tuple[Any, ...], arguments: Mapping[str, Any]) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.positional = positional or (function.__name__,)  #: dag_id, and what may follow it
        self.arguments = {"doc_md": inspect.cleandoc(function.__doc__) if function.__doc__ else None, **arguments}

    def __repr__(self) -> str:
        return f"<@dag {self.function.__name__}>"

    def __call__(self, *args: Any, **kwargs: Any) -> DAG:
        signature = inspect.signature(self.function)
        try:
            bound = signature.bind_partial(*args, **kwargs)
        except TypeError as error:
            raise UnknownArgument(f"The DAG function {self.function.__name__!r}: {error}.") from error
        bound.apply_defaults()
        with DAG(*self.positional, **self.arguments) as made:
            for name, parameter in signature.parameters.items():
                if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                    continue
                bound.arguments[name] = made.param(name, bound.arguments.get(name, NOTSET))
            self.function(*bound.args, **bound.kwargs)
        return made


def dag(*positional: Any, **arguments: Any) -> Any:
    """`@dag`, or with the arguments of DAG: `@dag("report", schedule="@daily", start_date=...)`.

    Without a `dag_id`, the DAG is called like the function. Calling the function makes the DAG.
    """
    if len(positional) == 1 and not arguments and callable(positional[0]):
        return DagFunction(positional[0], (), {})
    if "dag_id" in arguments:
        positional = (arguments.pop("dag_id"), *positional)

    def decorate(function: Callable[..., Any]) -> DagFunction:
        if not callable(function):
            raise DagError("@dag decorates functions.")
        return DagFunction(function, positional, arguments)

    return decorate
