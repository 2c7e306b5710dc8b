"""The process that calls callbacks which no attempt can call: those of a run, and those of an attempt that was lost."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tradewind.context import build_context, build_run_context, set_current_context
from tradewind.errors import NotFound, TradewindError
from tradewind.logs import attempt_log, attempt_log_name, run_log, run_log_name
from tradewind.records import Attempt, Run, TaskInstance
from tradewind.runner import callbacks, loading
from tradewind.runner.arguments import Arguments
from tradewind.runner.identity import host
from tradewind.runner.output import LogFile, Output
from tradewind.runner.outside import note_log, task_api
from tradewind.runner.patience import patiently
from tradewind.runner.tracebacks import format_error
from tradewind.secrets import redact
from tradewind.settings import Settings
from tradewind.states import RunState
from tradewind.store import Store

log = logging.getLogger("tradewind.runner")


#: What a process says while the metadata database is away; it calls the callbacks once that is back.
AWAY = "Callbacks wait for the metadata database"


def run(wanted: Arguments, settings: Settings) -> int:
    """Call them. Exit code 1: one of them failed, or they could not be loaded."""
    store = patiently(loading.store, AWAY)
    store.after_fork()
    if wanted.key.task_id:
        return _of_lost_attempt(wanted, settings, store)
    return _of_run(wanted, settings, store)


def _of_run(wanted: Arguments, settings: Settings, store: Store) -> int:
    """The DAG-level callbacks of an ended run."""
    key = wanted.key
    run = patiently(lambda: store.run(key.dag_id, key.run_id), AWAY)
    if not run.callback_due:
        return 0
    name = "on_success_callback" if run.state is RunState.SUCCESS else "on_failure_callback"

    def call() -> bool:
        dag = _dag(wanted)
        context = build_run_context(dag, run, task_api(store, settings, run), reason=run.reason or None)
        return callbacks.call(getattr(dag, name, None), context, name)

    path = run_log(settings.logs_folder, key.dag_id, key.run_id)
    log_name = run_log_name(key.dag_id, key.run_id)
    what = f"{name} of {key.dag_id}, run {key.run_id}"
    return _logged(
        wanted, settings, (path, log_name), what, call, lambda: patiently(lambda: store.callback_done(run), AWAY)
    )


def _of_lost_attempt(wanted: Arguments, settings: Settings, store: Store) -> int:
    """What the task's own process would have called, had it been there at the end of its attempt."""
    key = wanted.key
    run = patiently(lambda: store.run(key.dag_id, key.run_id), AWAY)
    ended = patiently(lambda: _ended_try(wanted, run, store), AWAY)
    max_tries = patiently(lambda: store.task(run.id, key.task_id, key.map_index), AWAY).max_tries

    def call() -> bool:
        task = _dag(wanted).get_task(key.task_id).prepare_for_execution()
        error = TradewindError(f"{key} was lost: {ended.reason}")
        instance = TaskInstance(
            key.task_id,
            map_index=key.map_index,
            state=ended.state,
            try_number=key.try_number,
            max_tries=max_tries,
            dispatch=key.dispatch,
            started_at=ended.started_at,
            ended_at=ended.ended_at,
            host=ended.host,
            pid=ended.pid,
            reason=ended.reason,
        )
        api = task_api(store, settings, run)
        context = build_context(task.dag, task, run, instance, api, exception=error, reason=ended.reason)
        with set_current_context(context):
            return ended.state is not None and callbacks.tell(task, ended.state, context)

    named = key.dag_id, key.run_id, key.task_id, key.map_index, key.try_number
    where = attempt_log(settings.logs_folder, *named), attempt_log_name(*named)
    return _logged(wanted, settings, where, f"Callbacks of {key}, which was lost ({ended.reason})", call)


def _dag(wanted: Arguments) -> Any:
    return patiently(lambda: loading.dag(wanted.key.dag_id, wanted.path, wanted.file_hash), AWAY)


def _ended_try(wanted: Arguments, run: Run, store: Store) -> Attempt:
    """How the attempt was recorded by the scheduler that found it lost."""
    key = wanted.key
    tries = store.attempts(run.id, key.task_id, key.map_index)
    found = next((ended for ended in reversed(tries) if ended.try_number == key.try_number), None)
    if found is None:
        raise NotFound(f"{key} has not ended, so that its callbacks are not called.")
    return found


def _logged(
    wanted: Arguments,
    settings: Settings,
    where: tuple[Path, str],
    what: str,
    call: Callable[[], bool],
    finish: Callable[[], object] = lambda: None,
) -> int:
    """Call with this process's output going to a log, `where` a path and a name say; the exit code."""
    path = Path(wanted.log) if wanted.log else where[0]
    trouble = note_log(settings, path, where[1])
    log_file = LogFile(path)
    output = Output(log_file, settings.log_level)
    if trouble:
        log_file.line("WARNING", trouble)
    log_file.line("INFO", redact(f"{what}, on {host()} as process {os.getpid()}."))
    good = False
    try:
        good = call()
    except (Exception, SystemExit) as error:
        log.error("The callbacks could not be called.\n%s", format_error(error))
    finish()
    output.close()
    log_file.line("INFO" if good else "ERROR", redact(f"{what}: {'done' if good else 'failed'}."))
    return 0 if good else 1
