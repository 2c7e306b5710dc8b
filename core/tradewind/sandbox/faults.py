"""Faults that a stand-in shows when it is told to, and the record of what it was asked."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from tradewind.sandbox.web import Request

#: What a fault does:
#: `status` answers with a status instead of doing anything; `drop` closes the connection instead; `lost` does what was
#: asked, and closes the connection without an answer; `cut` does it, and breaks off in the middle of the answer;
#: `slow` does it, and answers at so many bytes a second; `twice` does it two times and answers once, as if the request
#: had been delivered twice.
Kind = Literal["status", "drop", "lost", "cut", "slow", "twice"]

#: Calls that are remembered for each tenant.
MOST_CALLS = 100_000


@dataclass(frozen=True)
class Fault:
    """A fault for the next requests that match."""

    kind: Kind
    times: int = 1  #: how many requests get it
    after: int = 0  #: how many that match are left alone before
    method: str = ""  #: empty: any
    path: str = ""  #: regular expression that is found in the path with its query; empty: any
    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)  #: of the answer, such as Retry-After
    bytes_per_second: int = 1000

    def matches(self, request: Request) -> bool:
        return self.method in ("", request.method) and re.search(self.path, request.target) is not None


@dataclass(frozen=True)
class Call:
    """A request that was answered, or was not."""

    method: str
    target: str  #: path and query, quoted
    status: int  #: 0 if it got no answer
    fault: str = ""  #: the kind of fault that it got


class Ledger:
    """Faults to come, and calls that were, of each tenant. Any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: dict[str, list[Fault]] = {}
        self._seen: dict[tuple[str, int], int] = {}
        self._calls: dict[str, list[Call]] = {}

    def add(self, tenant: str, fault: Fault) -> None:
        re.compile(fault.path)
        with self._lock:
            self._faults.setdefault(tenant, []).append(fault)

    def clear(self, tenant: str) -> None:
        """No more faults, and no calls any more."""
        with self._lock:
            self._faults.pop(tenant, None)
            self._calls.pop(tenant, None)
            self._seen = {key: count for key, count in self._seen.items() if key[0] != tenant}

    def take(self, tenant: str, request: Request) -> Fault | None:
        """The fault that this request gets: the first that was told, matches, and is not used up."""
        with self._lock:
            for number, fault in enumerate(self._faults.get(tenant, ())):
                if fault.matches(request):
                    seen = self._seen.get((tenant, number), 0)
                    if seen >= fault.after + fault.times:
                        continue
                    self._seen[tenant, number] = seen + 1
                    if seen >= fault.after:
                        return fault
        return None

    def note(self, tenant: str, call: Call) -> None:
        with self._lock:
            calls = self._calls.setdefault(tenant, [])
            if len(calls) < MOST_CALLS:
                calls.append(call)

    def calls(self, tenant: str) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(call) for call in self._calls.get(tenant, ())]
