"""Every keyword that `BaseOperator` takes, how each is read, and what is said about one that nobody takes.

`OperatorArguments` is the list that editors and type checkers see; `READERS` turns what users write into the form that
operators keep. Both are checked against each other by a test.
"""

from __future__ import annotations

import datetime
import difflib
import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Required, TypedDict

from tradewind.errors import MissingArgument, UnknownArgument
from tradewind.operator import values

Callback = Callable[..., Any]
Callbacks = Callback | Sequence[Callback]
Seconds = datetime.timedelta | float
Moment = datetime.datetime | datetime.date | str


class OperatorArguments(TypedDict, total=False):
    """Keywords of every operator. Annotate your own `**kwargs` with `Unpack[OperatorArguments]`."""

    task_id: Required[str]
    dag: Any  #: DAG it belongs to; default: the one whose `with` block is open
    task_group: Any  #: group it belongs to; default: the one whose `with` block is open
    default_args: dict[str, Any] | None  #: used for keywords that are not given

    owner: str
    task_display_name: str
    doc: str
    doc_md: str
    doc_json: str
    doc_yaml: str
    doc_rst: str

    retries: int | None
    retry_delay: Seconds
    retry_exponential_backoff: bool | float  #: factor between delays; True: 2
    max_retry_delay: Seconds | None
    retry_policy: Any  #: a RetryPolicy

    start_date: Moment | None
    end_date: Moment | None
    execution_timeout: Seconds | None

    depends_on_past: bool
    ignore_first_depends_on_past: bool
    wait_for_downstream: bool
    wait_for_past_depends_before_skipping: bool

    priority_weight: int
    weight_rule: Any  #: a WeightRule, or an object with get_weight(ti), which is asked when the DAG is read
    trigger_rule: str

    pool: str | None
    pool_slots: int
    max_active_tis_per_dag: int | None
    max_active_tis_per_dagrun: int | None
    task_concurrency: int | None  #: old name of max_active_tis_per_dag
    queue: str
    executor: str | None
    executor_config: dict[str, Any] | None
    resources: dict[str, Any] | None
    run_as_user: str | None

    on_execute_callback: Callbacks | None
    on_success_callback: Callbacks | None
    on_failure_callback: Callbacks | None
    on_retry_callback: Callbacks | None
    on_skipped_callback: Callbacks | None
    pre_execute: Callback | None
    post_execute: Callback | None

    email: str | Sequence[str] | None
    email_on_retry: bool
    email_on_failure: bool
    sla: Any  #: accepted and ignored

    params: Mapping[str, Any] | None
    do_xcom_push: bool
    multiple_outputs: bool
    inlets: Any
    outlets: Any
    map_index_template: str | None
    render_template_as_native_obj: bool | None
    template_fields: Sequence[str]
    template_ext: Sequence[str]
    template_fields_renderers: dict[str, str]

    logger_name: str | None
    allow_nested_operators: bool
    start_from_trigger: bool
    start_trigger_args: Any
    ui_color: str
    ui_fgcolor: str
    operator_extra_links: Any
    provide_context: bool  #: accepted and ignored: the context is always provided


def _as_it_is(value: Any) -> Any:
    return value


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple, set)) else [value]


#: keyword -> what reads its value (None is never read: it means the default). Values that depend on the DAG, and
#: those that are only passed on, are read as they are.
READERS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(set(OperatorArguments.__annotations__), _as_it_is),
    **dict.fromkeys(("retry_delay", "max_retry_delay", "execution_timeout"), values.duration),
    **dict.fromkeys(("max_active_tis_per_dag", "max_active_tis_per_dagrun", "pool_slots"), values.whole_number(1)),
    **dict.fromkeys(
        (
            "on_execute_callback",
            "on_success_callback",
            "on_failure_callback",
            "on_retry_callback",
            "on_skipped_callback",
        ),
        values.callbacks,
    ),
    **dict.fromkeys(
        (
            "depends_on_past",
            "ignore_first_depends_on_past",
            "wait_for_downstream",
            "wait_for_past_depends_before_skipping",
            "allow_nested_operators",
            "email_on_retry",
            "email_on_failure",
            "do_xcom_push",
            "multiple_outputs",
        ),
        bool,
    ),
    **dict.fromkeys(
        (
            "owner",
            "task_display_name",
            "doc",
            "doc_md",
            "doc_json",
            "doc_yaml",
            "doc_rst",
            "pool",
            "queue",
            "executor",
            "run_as_user",
            "logger_name",
            "map_index_template",
        ),
        values.text,
    ),
    "retries": values.whole_number(0),
    "priority_weight": values.whole_number(-(2**31)),
    "retry_exponential_backoff": values.backoff,
    "trigger_rule": values.trigger_rule,
    "weight_rule": values.weight_rule,
    "retry_policy": values.retry_policy,
    "email": values.names,
    "inlets": _listed,
    "outlets": _listed,
}

#: Keywords that older Airflow took: what is kept instead (None: nothing is), and what the warning says.
OLD_NAMES: dict[str, tuple[str | None, str]] = {
    "task_concurrency": ("max_active_tis_per_dag", "it is called max_active_tis_per_dag now"),
    "provide_context": (None, "the context is always provided"),
    "sla": (None, "it has no effect; use execution_timeout or the DAG's dagrun_timeout"),
}

#: Keywords that are taken and do nothing yet, and what is so instead: told once for each DAG.
WITHOUT_EFFECT = {
    "run_as_user": "every task runs as the user of the scheduler",
    "resources": "no executor limits what a task takes",
    "start_from_trigger": "the task starts in a process, as others do",
}


@lru_cache(maxsize=512)
def own_parameters(init: Callable[..., Any]) -> tuple[tuple[str, ...], frozenset[str], bool]:
    """Named parameters of an `__init__`, those among them without a default, and whether it takes any other."""
    parameters = list(inspect.signature(init).parameters.values())[1:]
    named = [item for item in parameters if item.kind in (item.POSITIONAL_OR_KEYWORD, item.KEYWORD_ONLY)]
    required = frozenset(item.name for item in named if item.default is item.empty)
    takes_any = any(item.kind is item.VAR_KEYWORD for item in parameters)
    return tuple(item.name for item in named), required, takes_any


@lru_cache(maxsize=512)
def accepted(operator_class: type) -> frozenset[str]:
    """Every keyword that a class takes, itself or through the classes it is made of."""
    found: set[str] = set()
    for cls in operator_class.__mro__:
        init = cls.__dict__.get("__init__")
        if init is None or cls is object:
            continue
        named, _, takes_any = own_parameters(init)
        found.update(named)
        if not takes_any:
            return frozenset(found)
    return frozenset(found | READERS.keys())


def unknown_argument(operator_class: type, task_id: Any, unknown: Sequence[str]) -> UnknownArgument:
    """The error for keywords that neither the operator nor BaseOperator takes."""
    hints = [f"{name!r}{values.nearest(name, accepted(operator_class)).rstrip('.')}" for name in sorted(unknown)]
    return UnknownArgument(f"{operator_class.__name__} {task_id!r} takes no argument {', '.join(hints)}")


def missing_argument(operator_class: type, given: Mapping[str, Any], missing: Sequence[str]) -> MissingArgument:
    """The error for required keywords that are not among the `given` ones, of which one may be a misspelt one."""
    listed = ", ".join(repr(name) for name in sorted(missing))
    strange = given.keys() - accepted(operator_class)
    misspelt = next((name for wanted in missing for name in difflib.get_close_matches(wanted, strange, n=1)), None)
    hint = f"is {misspelt!r} meant to be it?" if misspelt else "give it there or in default_args."
    return MissingArgument(f"{operator_class.__name__} {given.get('task_id')!r} needs the argument {listed}; {hint}")


def positional_arguments(operator_class: type, given: Sequence[Any]) -> TypeError:
    return UnknownArgument(
        f"{operator_class.__name__} takes keywords only, as in {operator_class.__name__}(task_id=...), "
        f"not {', '.join(map(repr, given))}."
    )
