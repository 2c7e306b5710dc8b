"""What the operators of Redshift share: both connections, and how a statement is executed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from tradewind.errors import TradewindError, UsageError
from tradewind.operator import BaseOperator
from tradewind_aws.databases import database_hook
from tradewind_aws.errors import RedshiftError
from tradewind_aws.hook import AwsBaseHook
from tradewind_aws.redshift.access import Access, access
from tradewind_aws.redshift.words import Literals
from tradewind_aws.s3.hook import S3Hook

#: Template fields of both.
FIELDS = ("s3_bucket", "s3_key", "schema", "table", "redshift_conn_id", "aws_conn_id", "iam_role")

#: Methods that the hook of the Redshift connection must have.
_METHODS = ("run", "get_first", "get_records", "session", "transaction", "cancel")


class RedshiftTask(BaseOperator):
    """A task between Redshift and S3.

    - `redshift_conn_id`: connection of type `postgres`, for Redshift speaks PostgreSQL's protocol:
      `postgres://login:password@cluster.abc.eu-west-1.redshift.amazonaws.com:5439/dev?redshift=true`.
    - `iam_role`: role with which Redshift reaches S3: an ARN, several with commas between, or "default".
    - `aws_conn_id`, `verify`: without `iam_role`, the role of this connection (`role_arn`), else its credentials, which
      no log and no error shows. If the connection names a region, it is the bucket's.
    """

    ui_color = "#99e699"

    def __init__(
        self,
        *,
        redshift_conn_id: str = "redshift_default",
        aws_conn_id: str | None = AwsBaseHook.default_conn_name,
        verify: bool | str | None = None,
        iam_role: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.redshift_conn_id = redshift_conn_id
        self.aws_conn_id = aws_conn_id
        self.verify = verify
        self.iam_role = iam_role
        self._hook: Any = None

    def open(self) -> Any:
        """The hook of the Redshift connection, within reach of `on_kill`. It logs no statements, and so no secrets."""
        self._hook = database_hook(self, "redshift_conn_id", None, *_METHODS)
        self._hook.log_sql = False
        return self._hook

    def on_kill(self) -> None:
        """Cancel the statement that is being executed."""
        if self._hook is not None:
            self._hook.cancel()

    def literals(self) -> Literals:
        hook = self._hook
        return Literals(lambda sql: hook.get_first(sql))

    def access(self, literal: Literals, options: Sequence[str]) -> tuple[Access, list[str]]:
        """What lets Redshift reach S3, and the options with the region, unless they name one."""
        with S3Hook(self.aws_conn_id, verify=self.verify) as s3:
            found = access(s3, self.iam_role, literal)
            region = s3.region_name
        if region is None or any(re.match(r"\s*REGION\b", option, re.IGNORECASE) for option in options):
            return found, [*options]
        return found, [f"REGION {literal(region)}", *options]

    def run(self, sql: str, *, autocommit: bool = False) -> None:
        """Execute a statement that has no secret in it."""
        nothing = Access("", "")
        self.run_with(nothing, lambda _: sql, autocommit=autocommit)

    def run_with(self, granted: Access, make: Callable[[str], str], *, autocommit: bool = False) -> None:
        """Execute the statement that `make(clause)` gives. Raises RedshiftError, without the server's own error.

        That quotes the statement, and whoever shows a traceback would show it.
        """
        self.log.info("Running: %s", make(granted.shown))
        told = ""
        try:
            self._hook.run(make(granted.clause), autocommit=autocommit)
        except TradewindError:
            raise
        except Exception as error:
            told = f"{type(error).__name__}: {granted.told(error)}"
        if told:
            raise RedshiftError(f"Task {self.task_id!r} failed on connection {self.redshift_conn_id!r}: {told}")


def options_of(task: BaseOperator, field: str) -> list[str]:
    """A field with options, which are SQL as it is."""
    given = getattr(task, field)
    options = [given] if isinstance(given, str) else [*(given or ())]
    if not all(isinstance(option, str) for option in options):
        raise UsageError(f"Task {task.task_id!r}: {field} is {given!r}; it must be a list of options in SQL.")
    return [option.strip() for option in options if option.strip()]
