"""Every keyword that `DAG` and `@dag` take, and how each is read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypedDict

from tradewind.operator import values
from tradewind.operator.arguments import Callbacks, Moment, Seconds
from tradewind.states import RunType


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
    allowed_run_types: Any  #: one RunType or several; others are refused

    on_success_callback: Callbacks | None
    on_failure_callback: Callbacks | None
    sla_miss_callback: Any  #: accepted, without effect

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


def _run_types(value: Any) -> list[RunType]:
    try:
        return sorted({RunType(name) for name in ([value] if isinstance(value, str) else value)})
    except ValueError as error:
        raise ValueError(f"{error}; there are {', '.join(RunType)}") from None


def _links(value: Any) -> dict[str, str]:
    for owner, link in dict(value).items():
        if not isinstance(link, str) or not link.startswith(("https://", "http://", "mailto:")):
            raise ValueError(f"the link of {owner!r} must begin with https://, http:// or mailto:, not be {link!r}")
    return dict(value)


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
    "allowed_run_types": _run_types,
    "owner_links": _links,
    "rerun_with_latest_version": bool,
}

#: Keywords that older Airflow had, and what they are called now.
OLD_NAMES = {"concurrency": "max_active_tasks", "fail_stop": "fail_fast"}

#: Keywords that older Airflow had, and that no longer mean anything.
MEANINGLESS = frozenset({"default_view", "orientation", "full_filepath"})

#: Keywords that are taken and do nothing yet, and what is so instead: each is told when it is used.
WITHOUT_EFFECT = {
    "deadline": "no run is watched for lateness; dagrun_timeout ends one that takes too long",
    "access_control": "whoever reaches the metadata database may do everything",
    "disable_bundle_versioning": "there are no bundles; a run keeps the version of its DAG that it was made with",
    "sla_miss_callback": "Airflow 3 took it away; dagrun_timeout ends a run that takes too long",
}

#: Ways to say when the DAG runs.
SCHEDULE_WORDS = ("schedule", "schedule_interval", "timetable")
