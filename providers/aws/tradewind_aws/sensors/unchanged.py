"""S3KeysUnchangedSensor: waits until no more objects come."""

from __future__ import annotations

import datetime
import json
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from tradewind.errors import DagError, TaskFailed
from tradewind_aws.operators.aws_task import FIELDS, AwsBaseSensor, named

#: XCom under which a sensor that gives its place back keeps what it saw.
SEEN = "seen"


@dataclass
class Seen:
    """What the last look found, and how long that has been so."""

    keys: set[str]
    since: datetime.datetime  #: aware


class S3KeysUnchangedSensor(AwsBaseSensor):
    """Waits until the objects under a prefix have been the same for some time: whoever writes them has ended.

        S3KeysUnchangedSensor(task_id="wait", bucket_name="in", prefix="{{ ds }}/", inactivity_period=600)

    - `bucket_name`, `prefix`: where to look.
    - `inactivity_period`: seconds in which no object came or went.
    - `min_objects`: so many must be there.
    - `previous_objects`: keys that were there before the first look.
    - `allow_delete`: False: an object that goes fails the task at once; True: it begins the period anew.

    An object that is replaced by one of the same key is no change. In mode "reschedule" what was seen is kept from look
    to look, compressed, within the setting max_xcom_bytes: that of some hundred thousand objects.
    """

    template_fields: Sequence[str] = ("bucket_name", "prefix", *FIELDS)

    def __init__(
        self,
        *,
        bucket_name: str,
        prefix: str,
        inactivity_period: float = 3600.0,
        min_objects: int = 1,
        previous_objects: Collection[str] | None = None,
        allow_delete: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if inactivity_period < 0:
            raise DagError(f"Task {self.task_id!r}: inactivity_period={inactivity_period!r} cannot be negative.")
        self.bucket_name = bucket_name
        self.prefix = prefix
        self.inactivity_period = inactivity_period
        self.min_objects = min_objects
        self.previous_objects = previous_objects
        self.allow_delete = allow_delete
        self._seen: Seen | None = None

    def look(self, context: Any) -> bool:
        current = set(self.hook.iter_keys(named(self, "bucket_name"), self.prefix))
        now = datetime.datetime.now(datetime.UTC)
        seen = self._recall(context)
        before = self.previous_objects if seen is None else seen.keys
        if self._changed(before, current) or seen is None:
            seen = Seen(current, now)
            self._remember(context, seen)
        quiet = (now - seen.since).total_seconds()
        self.log.info("%d objects in %s, the same for %.0f s", len(current), self._where, quiet)
        if quiet < self.inactivity_period:
            return False
        if len(current) < self.min_objects:
            self.log.info("min_objects is %d: it goes on waiting", self.min_objects)
            return False
        return True

    def _changed(self, before: Collection[str] | None, current: set[str]) -> bool:
        if before is None:
            return True
        gone = set(before) - current
        if gone and not self.allow_delete:
            shown = ", ".join(sorted(gone)[:3]) + (" ..." if len(gone) > 3 else "")
            raise TaskFailed(
                f"Sensor {self.task_id!r}: {len(gone)} objects of {self._where} were deleted while it waited: {shown}."
            )
        if gone:
            self.log.info("%d objects of %s were deleted", len(gone), self._where)
        return set(before) != current

    @property
    def _where(self) -> str:
        return f"s3://{self.bucket_name}/{self.prefix}"

    # What was seen, which must outlive this process where the sensor gives its place back

    def _recall(self, context: Any) -> Seen | None:
        if self._seen is None and self.reschedule:
            ti = context["ti"]
            found = ti.xcom_pull(task_ids=ti.task_id, key=SEEN, map_indexes=ti.map_index)
            if found is not None:
                self._seen = Seen(set(json.loads(zlib.decompress(found["keys"]))), found["since"])
        return self._seen

    def _remember(self, context: Any, seen: Seen) -> None:
        self._seen = seen
        if self.reschedule:
            keys = zlib.compress(json.dumps(sorted(seen.keys)).encode())
            context["ti"].xcom_push(SEEN, {"keys": keys, "since": seen.since})
