"""What reaches a scheduler from others: DAG files that the watch has read, changes in the metadata database, requests.

The loop turns to the desk once per turn. Most turns find nothing new, which costs one look at a number.
"""

from __future__ import annotations

import datetime
import logging
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tradewind.errors import StoreError, TradewindError
from tradewind.records import Moves, ParsedFile, Request, Run
from tradewind.scheduler import decide as decisions
from tradewind.scheduler import requests
from tradewind.scheduler.live import LiveRun

if TYPE_CHECKING:
    from tradewind.scheduler.loop import Loop

log = logging.getLogger("tradewind.scheduler")

#: What could not be done for an error of the store is tried again after this long.
AGAIN = datetime.timedelta(seconds=1)


class Desk:
    """Takes in what is new, and carries out what people ask of runs."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.store = loop.store
        self.asked: set[tuple[str, str]] = set()  #: (dag_id, run_id) that requests in hand are about
        self.leaving: set[int] = set()  #: Run.id of runs that are being deleted
        self.waiting = False  #: some request could not be carried out yet, and is tried again
        self._marker: int | None = None
        self._looked: datetime.datetime | None = None
        self._pause = datetime.timedelta(0)  #: look again after this long, even if nothing seems to be new
        self._unsaved: dict[str, ParsedFile | str] = {}  #: path -> what could not be saved: what was read, or the path
        self._save_at: datetime.datetime | None = None  #: when to try that again

    # -- files -----------------------------------------------------------------------------------------------------

    def take_in_files(self) -> None:
        """Save what the watch has read. What the store refuses is tried again later, and holds up nothing else."""
        watch, now = self.loop.watch, self.loop.clock()
        if watch is None:
            return
        found = {one if isinstance(one, str) else one.path: one for one in watch.take()}
        if self._save_at is not None and not self._save_at - AGAIN <= now < self._save_at:
            found, self._unsaved, self._save_at = {**self._unsaved, **found}, {}, None
        changed: list[str] = []
        for path, one in found.items():
            try:
                changed += self.store.remove_file(one) if isinstance(one, str) else self.store.save_parsed(one, now)
                self._unsaved.pop(path, None)
            except StoreError as error:
                log.error("What %s holds could not be saved; trying again: %s", path, error)
                self._unsaved[path] = one
                self._save_at = now + AGAIN
        if changed:
            self._read_again_what_is_wanted()

    def _read_again_what_is_wanted(self) -> None:
        """Files of which a DAG was refused, since another file had one of that name, or was deleted by hand."""
        watch = self.loop.watch
        if watch is None:
            return
        for path, file_hash in self.store.files().items():
            if not file_hash:
                watch.read_again(path)

    # -- the database ----------------------------------------------------------------------------------------------

    def take_in_changes(self) -> None:
        """Look for what people and other processes changed in the metadata database, if anything is new at all."""
        now = self.loop.clock()
        marker = self.store.change_marker()
        recently = self._looked is not None and abs(now - self._looked) < self._pause
        if marker == self._marker and recently:
            return
        self.read_dags()
        asked = self.store.requests()
        self._marker, self._looked = marker, now
        self._pause = datetime.timedelta(seconds=self.loop.settings.heartbeat_interval)
        self.waiting = False
        self.asked = {(request.dag_id, request.run_id) for request in asked}
        try:
            self.loop.claim()  # takes runs that something is asked of, ended ones too
            for request in asked:
                self._try(request)
        except StoreError:
            self._try_again()
            raise
        finally:
            self.asked = set()
        for request in asked:
            live = self.loop.board.find(request.dag_id, request.run_id)
            if live is not None:
                self.loop.safely(live, self.loop.forget_if_over, live)

    def read_dags(self) -> None:
        """Read pools and DAGs anew, and let go of runs of DAGs that were deleted."""
        loop = self.loop
        loop.dispatcher.pools = self.store.pools()
        if not self.store.takes_one_scheduler:
            loop.dispatcher.beside = any(info.id != loop.leases.name for info in self.store.schedulers())
        before = loop.planner.dags.keys()
        loop.planner.set_dags(self.store.dags(active_only=False), loop.clock())
        if before - loop.planner.dags.keys():
            self._read_again_what_is_wanted()
        for dag_id in loop.board.dags.keys() - loop.planner.dags.keys():
            for live in list(loop.board.of_dag(dag_id).runs.values()):
                loop.safely(live, loop.read_again, live)

    # -- requests --------------------------------------------------------------------------------------------------

    def _try(self, request: Request) -> None:
        try:
            self.on_request(request)
        except StoreError as error:
            log.error("%s of %s is tried again: %s", request.kind, request.run_id, error)
            self._try_again()
            live = self.loop.board.find(request.dag_id, request.run_id)
            if live is not None:  # it may have been half done
                self.loop.read_later(live)

    def _try_again(self) -> None:
        self.waiting, self._pause = True, AGAIN

    def on_request(self, request: Request) -> None:
        """Carry out what a person asked of a run. A request that cannot be carried out is logged and dropped."""
        live = self.loop.board.find(request.dag_id, request.run_id) or self._missing(request)
        if live is None:
            return
        try:
            if not self._carry_out(live, request):
                self._try_again()
                return
        except StoreError:
            raise
        except (TradewindError, KeyError, TypeError) as error:
            log.error("%s of %s cannot be carried out: %s", request.kind, request.run_id, error)
        self.store.delete_requests([request.id])

    def _missing(self, request: Request) -> LiveRun | None:
        """A run that is not on the board: it was deleted, another scheduler has it, or an error lost sight of it."""
        run = self.store.find_run(request.dag_id, request.run_id)
        if run is None:
            self.store.delete_requests([request.id])
        elif run.owner == self.loop.leases.name:
            return self._found(run)
        return None

    def _found(self, run: Run) -> LiveRun | None:
        live = self.loop.leases.load(run)
        if live is not None:
            self.loop.take_up(live)
        return live

    def _carry_out(self, live: LiveRun, request: Request) -> bool:
        """False: it goes on later."""
        if request.kind == "delete_run":
            return self._delete(live)
        if request.kind == "clear" and live.run.state.is_finished and not request.arguments.get("keep_version"):
            live = self._renew(live, request)
        self.loop.decree(live, lambda: requests.moves_of(request, live, self.loop.clock()), request)
        return True

    def _delete(self, live: LiveRun) -> bool:
        """End a run and then delete it, when nothing of it is at work any more: its name may be used again at once.

        Nobody is called back: nothing is left to tell of.
        """
        loop = self.loop
        self.leaving.add(live.run.id)
        try:
            loop.decree(live, lambda: self._quiet_end(live))
            if loop.board.runs.get(live.run.id) is not live:
                return False  # another scheduler's by now
            if loop.dispatcher.busy(live):
                loop.dispatcher.cancel_all(live)
                return False
            self.store.delete_run(live.run.dag_id, live.run.run_id)
        finally:
            self.leaving.discard(live.run.id)
        loop.board.drop(live.run.id)
        loop.nudge_after(live, live.graph.tasks)
        return True

    def _quiet_end(self, live: LiveRun) -> Moves:
        run = live.run
        if run.state.is_finished and not run.callback_due:
            return Moves()
        moves = decisions.give_up(live, self.loop.clock(), "the run is deleted")
        assert moves.run is not None
        return replace(moves, run=replace(moves.run, after=replace(moves.run.after, callback_due=False)))

    def _renew(self, live: LiveRun, request: Request) -> LiveRun:
        """Move an ended run that is cleared to the newest version of its DAG, so that a mended file takes effect.

        A request that clears nothing leaves the run as it is: it does not run again, so new tasks would stay undecided.
        """
        newest = self.store.dag(live.run.dag_id)
        same = (newest.version, newest.file_hash) == (live.run.version, live.file_hash)
        if same or not newest.spec.rerun_with_latest_version:
            return live
        preview = self.loop.leases.load(replace(live.run, version=newest.version))
        if preview is None or not requests.moves_of(request, preview, self.loop.clock()):
            return live
        self.store.renew_run(live.run)
        renewed = self.loop.leases.reload(live)
        if renewed is None:
            raise StoreError(f"{live.run.run_id} of {live.run.dag_id} was taken over by another scheduler.")
        self.loop.board.add(renewed)
        return renewed
