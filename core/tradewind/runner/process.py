"""The process of one attempt: claims it in the store, gives signs of life, obeys signals, logs, and records the end."""

from __future__ import annotations

import datetime
import faulthandler
import logging
import os
import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from tradewind import settings as settings_module
from tradewind.logs import attempt_log, attempt_log_name
from tradewind.records import DagVersion, Outcome, Run, TaskInstance, TaskKey, TaskSpec
from tradewind.runner import arguments, callback_process, loading
from tradewind.runner.arguments import Arguments
from tradewind.runner.execution import execute_task
from tradewind.runner.heartbeat import Heartbeat
from tradewind.runner.identity import host, identity
from tradewind.runner.interrupts import AttemptStopped, Interrupts
from tradewind.runner.output import LogFile, Output
from tradewind.runner.outside import note_log, task_api
from tradewind.runner.patience import patiently
from tradewind.runner.retries import after_failure
from tradewind.runner.tracebacks import describe, format_error
from tradewind.secrets import redact
from tradewind.settings import Settings
from tradewind.states import TaskState
from tradewind.store import Store

log = logging.getLogger("tradewind.runner")


def main(argv: Sequence[str]) -> int:
    """Carry out what the command line says. Exit code 0: the end is recorded, or nothing was to be done."""
    wanted = arguments.read(argv)
    settings = settings_module.read()
    if wanted.kind == "callback":
        return callback_process.run(wanted, settings)
    store = loading.store()
    store.after_fork()
    now = datetime.datetime.now(datetime.UTC)
    started = store.start_attempt(wanted.key, now, host(), os.getpid(), identity() or "")
    if started is None:
        return 0
    return _Process(wanted, settings, store, *started).run()


class _Process:
    def __init__(
        self,
        wanted: Arguments,
        settings: Settings,
        store: Store,
        run: Run,
        instance: TaskInstance,
        version: DagVersion,
    ) -> None:
        self._wanted = wanted
        self._key = wanted.key
        self._settings = settings
        self._store = store
        self._run = run
        self._instance = instance
        specs = {spec.task_id: spec for spec in version.spec.tasks}
        self._spec = specs.get(wanted.key.task_id) or TaskSpec(wanted.key.task_id, operator="")
        self._began = time.monotonic()
        path = Path(wanted.log) if wanted.log else _attempt_log(settings, wanted)
        trouble = note_log(settings, path, attempt_log_name(*_named(wanted.key)))
        self._log = LogFile(path)
        self._output = Output(self._log, settings.log_level)
        if self._log.fileno() >= 0:
            faulthandler.enable(self._log.fileno())
        if trouble:
            self._log.line("WARNING", trouble)
        self._interrupts = Interrupts(settings.kill_grace, watchdog_fd=max(self._log.fileno(), 2))
        self._heartbeat = Heartbeat(store, wanted.key, self._interrupts, settings.heartbeat_interval, self._end_now)
        self._outcome: Outcome | None = None
        self._recorded = False

    def run(self) -> int:
        self._interrupts.install()
        file = f"{self._wanted.path} ({self._wanted.file_hash})"
        tries = self._instance.max_tries + 1
        self._log.line("INFO", redact(f"{self._key} of {tries}, on {host()} as process {os.getpid()}, from {file}."))
        self._heartbeat.start()
        try:
            self._execute()
        except KeyboardInterrupt:
            log.error("The attempt was interrupted.")
        return self._close()

    def _execute(self) -> None:
        try:
            limit = self._settings.parse_timeout
            with self._interrupts.watch(f"loading {self._wanted.path}", timeout=limit, timeout_name="parse_timeout"):
                dag = loading.dag(self._key.dag_id, self._wanted.path, self._wanted.file_hash)
                task = dag.get_task(self._key.task_id)
        except BaseException as error:
            self._could_not_load(error)
            return
        execute_task(
            *(dag, task, self._run, self._instance, task_api(self._store, self._settings, self._run)),
            record=self._record,
            interrupts=self._interrupts,
            end_process=self._end_now,
        )

    def _could_not_load(self, error: BaseException) -> None:
        log.error("%s could not be loaded.\n%s", self._wanted.path, format_error(error))
        now = datetime.datetime.now(datetime.UTC)
        state, next_at = after_failure(self._spec, self._instance.try_number, self._instance.max_tries, now)
        told = (
            str(error) if isinstance(error, AttemptStopped) else f"its DAG file could not be loaded: {describe(error)}"
        )
        self._record(Outcome(state, now, next_at=next_at, reason=told))

    def _record(self, outcome: Outcome) -> bool:
        """Record how the attempt ended, however long the metadata database takes. False: it had been given up."""
        self._heartbeat.stop()
        if self._log.trouble:
            outcome = replace(outcome, reason="; ".join(filter(None, (outcome.reason, self._log.trouble))))
        self._outcome = outcome
        record = partial(self._store.finish_attempt, self._key, outcome)
        self._recorded = patiently(record, "The outcome could not be recorded yet")
        return self._recorded

    def _end_now(self) -> None:
        """End the process at once. The warm process, or whoever watches, kills what it leaves behind."""
        os._exit(self._close())

    def _close(self) -> int:
        seconds = time.monotonic() - self._began
        level, told = _closing_words(self._outcome, self._recorded)
        self._output.close()
        self._log.line(level, redact(f"{self._key}: {told}, after {seconds:.2f} s."))
        code = 0 if self._outcome is not None else 1
        if any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
            os._exit(code)  # threads that the task left behind would keep the interpreter from ending
        return code


def _closing_words(outcome: Outcome | None, recorded: bool) -> tuple[str, str]:
    if outcome is None:
        return "ERROR", "ended without an outcome"
    if not recorded:
        return "WARNING", f"would have been {outcome.state}, but had been given up"
    told = str(outcome.state)
    if outcome.next_at is not None:
        told += f", next at {outcome.next_at:%Y-%m-%d %H:%M:%S}Z"
    if outcome.reason:
        told += f" ({outcome.reason})"
    return "ERROR" if outcome.state in (TaskState.FAILED, TaskState.UP_FOR_RETRY) else "INFO", told


def _attempt_log(settings: Settings, wanted: Arguments) -> Path:
    return attempt_log(settings.logs_folder, *_named(wanted.key))


def _named(key: TaskKey) -> tuple[str, str, str, int, int]:
    return key.dag_id, key.run_id, key.task_id, key.map_index, key.try_number
