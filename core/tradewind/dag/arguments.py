"""Every keyword that `DAG` and `@dag` take, and how each is read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypedDict

from tradewind.operator import values
from tradewind.operator.arguments import Callbacks, Moment, Seconds


class DagArguments(TypedDict, total=False):
    """Keywords of a DAG, beside `dag_id`, `description` and `schedule`."""

    schedule_interval: Any  #: older name of schedule
    timetable: Any  #: older name of schedule
    start_date: Moment | None
    end_date: Moment | None
    catchup: bool | None
    default_args: dict[str, Any] | None
    params: Mapping[str, Any] | None

    max_active_tasks: int | None
    concurrency: int | None  #: older name of max_active_tasks
    max_active_runs: int | None
    max_consecutive_failed_dag_runs: int | None
    dagrun_timeout: Seconds | None
    deadline: Any
    fail_fast: bool
    fail_stop: bool  #: older name of fail_fast
    is_paused_upon_creation: bool | None
    allowed_run_types: Any

    on_success_callback: Callbacks | None
    on_failure_callback: Callbacks | None
    sla_miss_callback: Any  #: accepted and ignored

    template_searchpath: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | None
    template_undefined: Any
    user_defined_macros: dict[str, Any] | None
    user_defined_filters: dict[str, Any] | None
    jinja_environment_kwargs: dict[str, Any] | None
    render_template_as_native_obj: bool

    tags: Iterable[str] | None
    owner_links: dict[str, str] | None
    dag_display_name: str | None
    doc_md: str | None
    access_control: Any
    auto_register: bool
    rerun_with_latest_version: bool | None
    disable_bundle_versioning: bool | None
    default_view: str  #: accepted and ignored
    orientation: str  #: accepted and ignored
    full_filepath: str  #: accepted and ignored


def _as_it_is(value: Any) -> Any:
    return value


def _paths(value: Any) -> list[str]:
    found: Sequence[Any] = [value] if isinstance(value, (str, os.PathLike)) else list(value)
    return [os.fspath(item) for item in found]


#: keyword -> what reads its value; None is never read: it means the default.
READERS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(set(DagArguments.__annotations__), _as_it_is),
    **dict.fromkeys(("on_success_callback", "on_failure_callback"), values.callbacks),
    **dict.fromkeys(("max_active_tasks", "max_active_runs"), values.whole_number(1)),
    **dict.fromkeys(("catchup", "fail_fast", "is_paused_upon_creation", "auto_register"), bool),
    **dict.fromkeys(("description", "dag_display_name", "doc_md"), values.text),
    "max_consecutive_failed_dag_runs": values.whole_number(0),
    "dagrun_timeout": values.duration,
    "template_searchpath": _paths,
    "tags": values.names,
}

#: Keywords that older Airflow had, and what they are called now.
OLD_NAMES = {"concurrency": "max_active_tasks", "fail_stop": "fail_fast"}

#: Keywords that older Airflow had, and that no longer mean anything.
WITHOUT_EFFECT = frozenset({"sla_miss_callback", "default_view", "orientation", "full_filepath"})

#: Ways to say when the DAG runs.
SCHEDULE_WORDS = ("schedule", "schedule_interval", "timetable")
