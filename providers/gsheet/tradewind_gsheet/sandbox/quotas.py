"""How many requests a minute Google allows, and what it answers to one more."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

from tradewind_gsheet.sandbox.refusals import Refused, error_info

#: What Google allows by default: requests a minute of one user, and of all users of a project.
READS_PER_USER = WRITES_PER_USER = 60
PER_PROJECT = 300


@dataclass
class Quotas:
    """Limits of the Sheets API. None is no limit, which is the default: a test must not depend on how fast it is.

    `minute` is how long a minute lasts, in seconds.
    """

    read: int | None = None  #: a minute and user
    write: int | None = None
    project: int | None = None  #: reads, and writes, of all users
    minute: float = 60.0
    _seen: dict[tuple[str, str], deque[float]] = field(default_factory=dict)

    def set(self, *, read: int | None, write: int | None, project: int | None, minute: float) -> None:
        """New limits, and nothing is used up."""
        self.read, self.write, self.project, self.minute = read, write, project, minute
        self._seen.clear()

    def take(self, kind: str, email: str, number: str) -> None:
        """Count a request of the kind "read" or "write". Raises Refused if it is one too many."""
        now = time.monotonic()
        limits = {(kind, email): self.read if kind == "read" else self.write, (kind, ""): self.project}
        for key, limit in limits.items():
            seen = self._seen.setdefault(key, deque())
            while seen and seen[0] <= now - self.minute:
                seen.popleft()
            if limit is not None and len(seen) >= limit:
                raise exceeded(kind, limit, number, of_user=bool(key[1]))
        for key, limit in limits.items():
            if limit is not None:
                self._seen[key].append(now)


def exceeded(kind: str, limit: int, number: str, *, of_user: bool = True) -> Refused:
    """What Google answers to a request of the kind "read" or "write" that is one too many."""
    metric = f"{kind.title()} requests"
    name = f"{metric} per minute" + (" per user" if of_user else "")
    word = f"{kind.title()}RequestsPerMinute" + ("PerUser" if of_user else "PerProject")
    info = error_info(
        "RATE_LIMIT_EXCEEDED",
        consumer=f"projects/{number}",
        service="sheets.googleapis.com",
        quota_metric=f"sheets.googleapis.com/{kind}_requests",
        quota_limit=word,
        quota_limit_value=str(limit),
        quota_location="global",
    )
    links = {
        "@type": "type.googleapis.com/google.rpc.Help",
        "links": [
            {
                "description": "Request a higher quota limit.",
                "url": "https://cloud.google.com/docs/quotas/help/request_increase",
            }
        ],
    }
    told = (
        f"Quota exceeded for quota metric '{metric}' and limit '{name}' of service 'sheets.googleapis.com' "
        f"for consumer 'project_number:{number}'."
    )
    return Refused(told, 429, details=[info, links])
