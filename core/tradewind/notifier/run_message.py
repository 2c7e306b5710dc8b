"""One message per run, kept by many processes: who sends it now, what was sent, and what is still to be sent.

All of it is one memo of the run. A callback notes that there is news (`wanted` grows), and then sends unless another
process is at it: that one looks again when it is done, and sends once more if there was news meanwhile. So any number
of callbacks at the same moment make a message and an edit or two.

The one who sends holds a lease, renewed while it works. If it is killed, the lease runs out, and the next callback
sends what is missing; the callback of the killed process itself, when it is called again, need not wait for that.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tradewind.context import Memos
from tradewind.errors import TradewindError
from tradewind.secrets import redact

log = logging.getLogger("tradewind.notifier")

#: How long a lease lasts without being renewed. Clocks of different machines may differ by less than this.
LEASE = 20.0  # seconds

#: After a message could not be sent, callbacks of tasks do not try again for so long.
PAUSE = 15.0  # seconds

#: One who has sent, and finds that there is more to send, first waits for what else comes.
GATHER = 1.0  # seconds

#: How often somebody who waits looks.
_LOOK = 0.1  # seconds

#: How many tasks are remembered to have been told of.
MOST_TOLD = 50

_EMPTY: dict[str, Any] = {
    "told": [],  # names of tasks
    "wanted": 0,  # raised by each news
    "sent": 0,  # what `wanted` was when the message was last sent
    "message": None,  # where the message is, as the service says it; null: none yet
    "post_id": None,  # what the first message is posted with, so that it can be recognised
    "digest": None,  # of the content sent last
    "end": None,  # of the run, that was told of in a message of its own
    "lease": None,  # of the one who sends: {by, id, until}
    "trouble": None,  # why sending failed last: {until, error}
}


class MessageGone(TradewindError):
    """The message that was to be edited is not there any more: somebody deleted it."""


class RunMessage:
    """One message of one run. `by` names the callback that this process is calling."""

    def __init__(self, memos: Memos, key: str, by: str, *, now: Callable[[], float] = time.time) -> None:
        self._memos = memos
        self._key = key
        self._by = by
        self._now = now
        self._id = uuid.uuid4().hex

    def read(self) -> dict[str, Any]:
        """The memo as it stands."""
        return {**_EMPTY, **(self._memos.get(self._key) or {})}

    def note(self, name: str | None) -> None:
        """There is news; of the task `name`, if it is about one."""

        def change(memo: dict[str, Any]) -> None:
            memo["wanted"] += 1
            if name is not None and name not in memo["told"] and len(memo["told"]) < MOST_TOLD:
                memo["told"].append(name)

        self._change(change)

    def deliver(self, send: Callable[[dict[str, Any]], dict[str, Any]], *, patient: bool = False) -> None:
        """Send what is wanted, unless somebody else does. `send` gets the memo, and answers what to note in it.

        `patient`: wait for one who is sending, lest it is killed, and try even if sending has just failed.
        Raises what `send` raises; what is wanted then stays so, for the next one.
        """
        give_up = time.monotonic() + 2 * LEASE
        while True:
            memo = self._take(patient)
            if self._is_mine(memo):
                self._send(memo, send)
                if self._is_behind():
                    time.sleep(GATHER)
                continue
            done = memo["sent"] >= memo["wanted"]
            if not (done or patient or self._is_held(memo) or memo["trouble"] is None):
                log.warning("Not sent now, since that has just failed: %s", memo["trouble"]["error"])
            if done or not patient or time.monotonic() > give_up:
                return
            time.sleep(_LOOK)

    def _take(self, patient: bool) -> dict[str, Any]:
        post_id = str(uuid.uuid4())

        def change(memo: dict[str, Any]) -> None:
            if memo["sent"] >= memo["wanted"]:
                if self._is_mine(memo):
                    memo["lease"] = None
                return
            trouble = memo["trouble"]
            paused = trouble is not None and trouble["until"] > self._now() and not patient
            if self._is_mine(memo) or not (self._is_held(memo) or paused):
                memo["lease"] = {"by": self._by, "id": self._id, "until": self._now() + LEASE}
                memo["post_id"] = memo["post_id"] or post_id

        return self._change(change)

    def _send(self, memo: dict[str, Any], send: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        try:
            with self._renewing():
                noted = self._send_or_post_anew(memo, send)
        except BaseException as error:
            trouble = {"until": self._now() + PAUSE, "error": str(redact(f"{type(error).__name__}: {error}"))[:500]}
            self._change(lambda now: self._release(now, trouble))
            raise

        def change(now: dict[str, Any]) -> None:
            if self._is_mine(now):
                now.update(noted, sent=memo["wanted"], trouble=None)
            else:  # taken for dead: what we sent may stand where something newer stood
                now.update(wanted=now["wanted"] + 1, digest=None)

        self._change(change)

    def _is_behind(self) -> bool:
        memo = self.read()
        return self._is_mine(memo) and memo["sent"] < memo["wanted"]

    def _send_or_post_anew(
        self, memo: dict[str, Any], send: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> dict[str, Any]:
        try:
            return send(memo)
        except MessageGone:
            fresh = self._change(lambda now: now.update(message=None, digest=None, post_id=str(uuid.uuid4())))
            return send(fresh)

    def _release(self, memo: dict[str, Any], trouble: dict[str, Any]) -> None:
        if self._is_mine(memo):
            memo.update(lease=None, trouble=trouble)

    def _is_mine(self, memo: dict[str, Any]) -> bool:
        return memo["lease"] is not None and memo["lease"]["id"] == self._id

    def _is_held(self, memo: dict[str, Any]) -> bool:
        """Whether another process is sending, as far as can be told. One that had our callback to call is dead."""
        lease = memo["lease"]
        return lease is not None and lease["until"] > self._now() and lease["by"] != self._by

    @contextmanager
    def _renewing(self) -> Iterator[None]:
        """Within the block the lease does not run out."""
        done = threading.Event()

        def renew(memo: dict[str, Any]) -> None:
            if self._is_mine(memo):
                memo["lease"]["until"] = self._now() + LEASE

        def work() -> None:
            while not done.wait(LEASE / 4):
                try:
                    self._change(renew)
                except TradewindError as error:
                    log.warning("The lease of a message could not be renewed: %s", error)

        thread = threading.Thread(target=work, name="tradewind-notifier-lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _change(self, change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        def changed(before: dict[str, Any] | None) -> dict[str, Any]:
            memo = {**_EMPTY, "told": [], **(before or {})}
            change(memo)
            return memo

        found: dict[str, Any] = self._memos.change(self._key, changed)
        return found
