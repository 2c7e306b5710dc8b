"""What tasks that use AWS share: the connection, and which bucket and key a task means."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from tradewind.errors import UsageError
from tradewind.operator import BaseOperator, BaseSensor
from tradewind_aws.hook import AwsBaseHook
from tradewind_aws.s3.hook import S3Hook

#: Template fields of every task that uses AWS.
FIELDS = ("aws_conn_id", "region_name", "verify")


class UsesAws(BaseOperator):
    """A task with an AWS connection.

    - `aws_conn_id`: the connection; None: what boto3 finds by itself.
    - `region_name`, `verify`, `botocore_config`: take the place of what the connection says.
    """

    aws_hook_class: ClassVar[type[AwsBaseHook]] = S3Hook
    template_fields: Sequence[str] = FIELDS

    def __init__(
        self,
        *,
        aws_conn_id: str | None = AwsBaseHook.default_conn_name,
        region_name: str | None = None,
        verify: bool | str | None = None,
        botocore_config: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name
        self.verify = verify
        self.botocore_config = botocore_config

    @cached_property
    def hook(self) -> Any:
        """The hook, of `aws_hook_class`. It can be used again after it was closed."""
        return self.aws_hook_class(
            self.aws_conn_id, region_name=self.region_name, verify=self.verify, config=self.botocore_config
        )


class AwsBaseOperator(UsesAws):
    """An operator that uses AWS: subclasses define `work`, after which the hook is closed. See `UsesAws`."""

    ui_color = "#f9e4b7"

    def execute(self, context: Any) -> Any:
        with self.hook:
            return self.work(context)

    @abstractmethod
    def work(self, context: Any) -> Any:
        """Do it; gives the task's XCom."""


class AwsBaseSensor(BaseSensor, UsesAws):
    """A sensor that uses AWS: subclasses define `look`, after which the hook is closed. See `UsesAws`.

    `deferrable` is the same as `mode="reschedule"`: no process waits in between.
    """

    ui_color = "#f9e4b7"

    def __init__(self, *, deferrable: bool = False, **kwargs: Any) -> None:
        super().__init__(**({"mode": "reschedule"} if deferrable else {}) | kwargs)
        self.deferrable = deferrable

    def poke(self, context: Any) -> bool:
        with self.hook:
            return self.look(context)

    @abstractmethod
    def look(self, context: Any) -> bool:
        """Whether the wait is over."""


def named(task: BaseOperator, field: str) -> str:
    """The text in a field that must not be empty: no other bucket takes the place of one that came out as nothing."""
    value = getattr(task, field)
    if not isinstance(value, str) or not value:
        raise UsageError(f"Task {task.task_id!r}: {field} is {value!r}; name one. Does its template give nothing?")
    return value


def place(task: BaseOperator, hook: S3Hook, bucket_field: str, key_field: str) -> tuple[str, str]:
    """Bucket and key that a task means by two of its fields.

    The key may be a whole address. A bucket that was left out (None) is the one that the key or the connection names.
    """
    bucket = None if getattr(task, bucket_field) is None else named(task, bucket_field)
    return hook._bucket_and_key(named(task, key_field), bucket)
