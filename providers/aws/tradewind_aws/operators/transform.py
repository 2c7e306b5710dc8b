"""S3FileTransformOperator: an object through a program of yours, into another object."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tradewind.errors import TradewindError
from tradewind.operator import BaseOperator
from tradewind.operator.command import Command, Finished
from tradewind.secrets import redact
from tradewind_aws.hook import AwsBaseHook
from tradewind_aws.operators.aws_task import named
from tradewind_aws.s3.hook import S3Hook


class S3FileTransformOperator(BaseOperator):
    """Reads an object into a file, runs a program on it, and writes the file that it makes to another object.

        S3FileTransformOperator(task_id="clean", source_s3_key="s3://in/a.csv", dest_s3_key="s3://out/a.csv",
                                transform_script="/opt/clean.py")

    - `transform_script`: the program, which is called with the paths of both files and `script_args`.
    - `source_s3_key`, `dest_s3_key`: whole addresses, or keys in the buckets of their connections.
    - `source_aws_conn_id`, `source_verify`, `dest_aws_conn_id`, `dest_verify`: the two connections.
    - `replace`: False: an object that is there is an error.

    When the program fails nothing is written; when the task is stopped, the program is, with all that it started.
    """

    template_fields: Sequence[str] = (
        "source_s3_key",
        "dest_s3_key",
        "script_args",
        "source_aws_conn_id",
        "dest_aws_conn_id",
    )
    ui_color = "#f9c915"

    def __init__(
        self,
        *,
        source_s3_key: str,
        dest_s3_key: str,
        transform_script: str,
        script_args: Sequence[str] | None = None,
        source_aws_conn_id: str | None = AwsBaseHook.default_conn_name,
        source_verify: bool | str | None = None,
        dest_aws_conn_id: str | None = AwsBaseHook.default_conn_name,
        dest_verify: bool | str | None = None,
        replace: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.source_s3_key = source_s3_key
        self.dest_s3_key = dest_s3_key
        self.transform_script = transform_script
        self.script_args = script_args or []
        self.source_aws_conn_id = source_aws_conn_id
        self.source_verify = source_verify
        self.dest_aws_conn_id = dest_aws_conn_id
        self.dest_verify = dest_verify
        self.replace = replace
        self._command: Command | None = None

    def execute(self, context: Any) -> None:
        source, dest = named(self, "source_s3_key"), named(self, "dest_s3_key")
        with tempfile.TemporaryDirectory(prefix="tradewind-") as folder:
            read, written = Path(folder, "source"), Path(folder, "dest")
            with S3Hook(self.source_aws_conn_id, verify=self.source_verify) as hook, read.open("xb") as file:
                hook._download(*hook._bucket_and_key(source, None), file)
            self._transform(read, written)
            with S3Hook(self.dest_aws_conn_id, verify=self.dest_verify) as hook:
                hook.load_file(written, dest, replace=self.replace)
        self.log.info("Wrote %s", dest)

    def _transform(self, read: Path, written: Path) -> None:
        argv = [self.transform_script, str(read), str(written), *map(str, self.script_args)]
        self.log.info("Running %s", self.transform_script)
        self._command = Command(argv, on_line=lambda line: self.log.info("%s", line))
        done: Finished = self._command.run()
        self._command = None
        who = f"Task {self.task_id!r}: the program {self.transform_script}"
        if done.exit_code != 0:
            said = f"; the last line of its output: {redact(done.last_line)[:500]!r}" if done.last_line else ""
            raise TradewindError(f"{who} {done.told}{said}. Nothing was written.")
        if not written.is_file():
            raise TradewindError(f"{who} did not write the file that its second argument names. Nothing was written.")

    def on_kill(self) -> None:
        if self._command is not None:
            self._command.stop()
