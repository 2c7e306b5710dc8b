"""BashSensor: waits until a bash command succeeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tradewind.errors import TaskFailed, TradewindError
from tradewind.operator import BaseSensor
from tradewind.operator.command import Command, bash, task_environment, working_folder


class BashSensor(BaseSensor):
    """Waits until a bash command ends with exit code 0.

        BashSensor(task_id="wait", bash_command="test -s /in/{{ ds }}.csv", poke_interval=30)

    - `bash_command`: the command, or the name of a template file ending in `.sh` or `.bash`.
    - `env`: environment variables, in place of those of the worker.
    - `output_encoding`: of the output.
    - `retry_exit_code`: the exit code that means "not yet"; any other one then fails the task at once. None: all but 0
      mean "not yet".
    """

    template_fields = ("bash_command", "env")
    template_fields_renderers = {"bash_command": "bash", "env": "json"}  # noqa: RUF012
    template_ext = (".sh", ".bash")
    function_field = "bash_command"

    def __init__(
        self,
        *,
        bash_command: str,
        env: Mapping[str, str] | None = None,
        output_encoding: str = "utf-8",
        retry_exit_code: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.bash_command = bash_command
        self.env = env
        self.output_encoding = output_encoding
        self.retry_exit_code = retry_exit_code
        self._command: Command | None = None

    def poke(self, context: Any) -> bool:
        if not isinstance(self.bash_command, str) or not self.bash_command.strip():
            raise TradewindError(f"Task {self.task_id!r}: bash_command must be a command, not {self.bash_command!r}.")
        env = task_environment(context, self.env, append=False)
        with working_folder(None) as folder, bash(self.bash_command) as argv:
            self._command = Command(
                argv,
                on_line=lambda line: self.log.info("%s", line),
                env=env,
                cwd=folder,
                encoding=self.output_encoding,
            )
            done = self._command.run()
        self._command = None
        if done.exit_code == 0:
            return True
        self.log.info("The command %s", done.told)
        if self.retry_exit_code is not None and done.exit_code != self.retry_exit_code:
            raise TaskFailed(
                f"The bash command of sensor {self.task_id!r} {done.told}; "
                f"only {self.retry_exit_code} means that it has to wait."
            )
        return False

    def on_kill(self) -> None:
        if self._command is not None:
            self._command.stop()
