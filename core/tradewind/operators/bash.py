"""BashOperator: runs a bash command."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Collection, Mapping
from typing import Any

from tradewind import settings
from tradewind.errors import DagError, TaskSkipped, TradewindError, XComError
from tradewind.operator import BaseOperator
from tradewind.operator.command import Command, Finished, bash, task_environment, working_folder
from tradewind.secrets import redact


class BashOperator(BaseOperator):
    """Runs a bash command. The last line of its output is the task's XCom.

        BashOperator(task_id="count", bash_command="wc -l < {{ params.file }}", cwd="/data")

    - `bash_command`: the command, several lines of them, or the name of a template file ending in `.sh` or `.bash`,
      which is looked for beside the DAG file and in `template_searchpath`. Only the exit code of the whole counts:
      begin with `set -e` to stop at the first error.
    - `env`: environment variables. They replace the environment of the worker, or, with `append_env=True`, are added
      to it. `TRADEWIND_CTX_DAG_ID`, `..._TASK_ID`, `..._DAG_RUN_ID`, `..._TRY_NUMBER`, `..._LOGICAL_DATE` (and the same
      with `AIRFLOW_CTX_`) are always there.
    - `output_encoding`: of the output; what does not fit is shown as `\\xNN`.
    - `skip_on_exit_code`: exit code, or several, that mean "skipped"; None: none does.
    - `cwd`: folder to run in; default: an empty one, removed afterwards.
    - `output_processor`: function that makes the XCom out of the last line, for instance `json.loads`.

    Any other exit code than 0 fails the task. When the task is stopped, the command and all that it started are asked
    to end, and killed after `settings.kill_grace` seconds.
    """

    template_fields = ("bash_command", "env", "cwd")
    template_fields_renderers = {"bash_command": "bash", "env": "json"}  # noqa: RUF012 - as BaseOperator declares it
    template_ext = (".sh", ".bash")
    ui_color = "#f0ede4"
    function_field = "bash_command"

    def __init__(
        self,
        *,
        bash_command: str,
        env: Mapping[str, str] | None = None,
        append_env: bool = False,
        output_encoding: str = "utf-8",
        skip_on_exit_code: int | Collection[int] | None = 99,
        cwd: str | None = None,
        output_processor: Callable[[str], Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.bash_command = bash_command
        self.env = env
        self.append_env = append_env
        self.output_encoding = _encoding(self.task_id, output_encoding)
        self.skip_on_exit_code = _codes(skip_on_exit_code)  #: exit codes that mean "skipped"
        self.cwd = cwd
        self.output_processor = output_processor
        self._command: Command | None = None

    def execute(self, context: Any) -> Any:
        if not isinstance(self.bash_command, str) or not self.bash_command.strip():
            raise TradewindError(f"Task {self.task_id!r}: bash_command must be a command, not {self.bash_command!r}.")
        env = task_environment(context, self.env, append=self.append_env)
        with working_folder(self.cwd) as folder, bash(self.bash_command) as argv:
            self.log.info("Running %s", self.bash_command)
            self._command = Command(
                argv,
                on_line=lambda line: self.log.info("%s", line),
                env=env,
                cwd=folder,
                encoding=self.output_encoding,
                longest_line=settings.read().max_xcom_bytes,
            )
            done = self._command.run()
        self._command = None
        return self._result(done)

    def _result(self, done: Finished) -> Any:
        if done.exit_code in self.skip_on_exit_code:
            raise TaskSkipped(f"The bash command of task {self.task_id!r} {done.told}, which means: skip.")
        if done.exit_code != 0:
            said = f"; the last line of its output: {redact(done.last_line)[:500]!r}" if done.last_line else ""
            raise TradewindError(f"The bash command of task {self.task_id!r} {done.told}{said}.")
        self.log.info("The command ended with exit code 0")
        if done.cut and self.do_xcom_push:
            raise XComError(
                f"The last line of the output of task {self.task_id!r} is too long to be passed on (setting "
                "max_xcom_bytes). End with a short line, or set do_xcom_push=False."
            )
        return done.last_line if self.output_processor is None else self.output_processor(done.last_line)

    def on_kill(self) -> None:
        if self._command is not None:
            self._command.stop()


def _encoding(task_id: str, name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError:
        raise DagError(f"Task {task_id!r}: there is no encoding {name!r}; utf-8 and latin-1 are common ones.") from None


def _codes(value: int | Collection[int] | None) -> frozenset[int]:
    if value is None:
        return frozenset()
    return frozenset([value]) if isinstance(value, int) else frozenset(value)
