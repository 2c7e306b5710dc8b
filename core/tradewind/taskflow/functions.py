"""`@task` and `@task.<name>`: functions whose calls, in a DAG, are tasks.

The name after the dot is what a plugin registered through `register_task_decorators`; `@task` alone is `@task.python`.
"""

from __future__ import annotations

import datetime
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from tradewind import plugins
from tradewind.context import MemoryTaskApi, build_run_context
from tradewind.errors import DagError, MissingArgument, PluginError, UnknownArgument
from tradewind.operator import BaseOperator, XComArg
from tradewind.operator.call import name_of
from tradewind.operator.scope import effective_scope
from tradewind.records import Run
from tradewind.states import RunState, RunType
from tradewind.taskflow.conditions import Condition, asking
from tradewind.taskflow.field import operator_for_functions
from tradewind.taskflow.outputs import returns_mapping


class TaskFunction:
    """A decorated function. Calling it inside a DAG makes a task and gives its result, an `XComArg`."""

    is_setup = False
    is_teardown = False
    on_failure_fail_dagrun = False

    def __init__(
        self, function: Callable[..., Any], operator_class: type[BaseOperator], arguments: Mapping[str, Any]
    ) -> None:
        functools.update_wrapper(self, function)
        self.function = function  #: the plain function: `f.function(...)` just calls it
        self.operator_class = operator_for_functions(operator_class)
        self.arguments = dict(arguments)  #: keywords of the operator

    def __repr__(self) -> str:
        return f"<@task {self.name}>"

    @property
    def name(self) -> str:
        return str(getattr(self.function, "__name__", type(self.function).__name__))

    @functools.cached_property
    def _returns_mapping(self) -> bool:
        return returns_mapping(self.function)

    @functools.cached_property
    def _signature(self) -> inspect.Signature | None:
        try:
            return inspect.signature(self.function)
        except (ValueError, TypeError):  # a function written in C that does not tell
            return None

    def __call__(self, *args: Any, **kwargs: Any) -> XComArg:
        self._check_call(args, kwargs)
        arguments = dict(self.arguments)
        if arguments.get("multiple_outputs") is None:
            arguments["multiple_outputs"] = self._returns_mapping
        arguments["task_id"] = unique_label(arguments.get("task_id") or self.name, arguments)
        operator: Any = self.operator_class
        task: BaseOperator = operator(python_callable=self.function, op_args=list(args), op_kwargs=kwargs, **arguments)
        if task.doc_md is None and self.function.__doc__:
            task.doc_md = inspect.cleandoc(self.function.__doc__)
        if self.is_setup:
            task.as_setup()
        if self.is_teardown:
            task.as_teardown(on_failure_fail_dagrun=self.on_failure_fail_dagrun)
        return XComArg(task)

    def override(self, **arguments: Any) -> TaskFunction:
        """The same function with other keywords of the operator: `load.override(task_id="again", retries=3)()`."""
        return self._copy({**self.arguments, **arguments})

    def as_setup(self) -> TaskFunction:
        found = self._copy(self.arguments)
        found.is_setup = True
        return found

    def as_teardown(self, *, on_failure_fail_dagrun: bool = False) -> TaskFunction:
        found = self._copy(self.arguments)
        found.is_teardown, found.on_failure_fail_dagrun = True, on_failure_fail_dagrun
        return found

    def _copy(self, arguments: Mapping[str, Any]) -> TaskFunction:
        found = TaskFunction(self.function, self.operator_class, arguments)
        found.is_setup, found.is_teardown = self.is_setup, self.is_teardown
        found.on_failure_fail_dagrun = self.on_failure_fail_dagrun
        return found

    def _check_call(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Find a wrong call when the DAG is written, not when the task runs."""
        signature = self._signature
        if signature is None:
            return
        try:
            bound = signature.bind_partial(*args, **kwargs)
        except TypeError as error:
            raise UnknownArgument(f"The task function {self.name!r} cannot be called like this: {error}.") from error
        missing = [
            name
            for name, item in signature.parameters.items()
            if item.kind not in (item.VAR_POSITIONAL, item.VAR_KEYWORD)
            and item.default is item.empty
            and name not in bound.arguments
        ]
        if missing and not context_names().issuperset(missing):
            listed = ", ".join(repr(name) for name in missing if name not in context_names())
            raise MissingArgument(f"The task function {self.name!r} needs the argument {listed}.")


class TaskDecorator:
    """`@task`, `@task(retries=3)`, `@task.bash`, `@task.sensor(poke_interval=5)`, `@task.<name of a plugin>`."""

    def __call__(self, python_callable: Callable[..., Any] | None = None, **arguments: Any) -> Any:
        return _decorate("python", python_callable, arguments)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            _operator_class(name)
        except PluginError as error:
            raise AttributeError(f"There is no @task.{name}: {error}") from error

        def decorator(python_callable: Callable[..., Any] | None = None, **arguments: Any) -> Any:
            return _decorate(name, python_callable, arguments)

        return decorator

    def run_if(self, condition: Condition, skip_message: str | None = None) -> Callable[[TaskFunction], TaskFunction]:
        """Stands above `@task` or `@task.<name>`: the task is skipped unless `condition(context)` is true.

        The condition may answer `(False, "why")`. It is asked each time the task is about to run, after its templates
        were rendered.
        """
        return _conditional("run_if", condition, skip_message)

    def skip_if(self, condition: Condition, skip_message: str | None = None) -> Callable[[TaskFunction], TaskFunction]:
        """`run_if`, the other way round: the task is skipped if `condition(context)` is true."""
        return _conditional("skip_if", condition, skip_message)

    def __repr__(self) -> str:
        return "task"


task = TaskDecorator()


def _decorate(name: str, function: Any, arguments: dict[str, Any]) -> Any:
    if function is None:
        return functools.partial(_decorate, name, arguments=arguments)
    shown = "task" if name == "python" else f"task.{name}"
    if isinstance(function, TaskFunction):
        raise DagError(f"{function.name!r} is decorated with @task twice; choose one of them.")
    if not callable(function) or inspect.isclass(function):
        raise DagError(f"@{shown} decorates functions and takes keywords only, as in @{shown}(task_id=...).")
    return TaskFunction(function, _operator_class(name), arguments)


def _conditional(word: str, condition: Condition, message: str | None) -> Callable[[TaskFunction], TaskFunction]:
    if not callable(condition):
        raise DagError(f"@task.{word} takes a function of the context, as in @task.{word}(lambda context: ...).")

    def decorator(function: TaskFunction) -> TaskFunction:
        if not isinstance(function, TaskFunction):
            raise DagError(f"@task.{word} stands above a @task decorator, not above {name_of(function)} itself.")
        before = function.arguments.get("pre_execute")
        return function.override(pre_execute=asking(condition, wanted=word == "run_if", message=message, before=before))

    return decorator


def _operator_class(name: str) -> type[BaseOperator]:
    found: type[BaseOperator] = plugins.current().resolve("register_task_decorators", name)
    return found


def unique_label(label: str, arguments: Mapping[str, Any]) -> str:
    """`label`, or `label__1`, `label__2`... if a task of the same DAG and group is called so already."""
    dag, group, _ = effective_scope(arguments)
    if dag is None or group is None or not isinstance(label, str):
        return label
    wanted = group.child_id(label)
    return label + dag.unique_id(wanted).removeprefix(wanted)


@functools.lru_cache(maxsize=1)
def context_names() -> frozenset[str]:
    """Everything that a task's context has: arguments of these names are given when the task runs."""
    moment = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
    run = Run(0, "", "", RunType.MANUAL, RunState.RUNNING, moment, moment, moment, "", moment)
    of_task = {"task", "ti", "task_instance", "task_instance_key_str", "try_number", "inlets", "outlets"}
    return frozenset(build_run_context(None, run, MemoryTaskApi())) | of_task
