"""The runs that a scheduler holds a lease on: claims them, loads them, lets go of them."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Iterator

from tradewind.errors import NotFound
from tradewind.records import DagVersion, Run
from tradewind.scheduler.decide import Past
from tradewind.scheduler.live import Graph, LiveRun, build_graph
from tradewind.states import TaskState
from tradewind.store import Store

log = logging.getLogger("tradewind.scheduler")

#: So many runs are claimed in one transaction.
MOST_CLAIMS = 1000

#: Graphs of DAG versions kept in memory; that of another version is built again.
KEPT_GRAPHS = 512


class _Earlier:
    """The tasks of an earlier run, each looked up when it is asked for: few of them matter to one decision."""

    def __init__(self, store: Store, run: int, held: LiveRun | None) -> None:
        self._store = store
        self._run = run
        self._held = held

    def get(self, task_id: str, default: TaskState | None) -> TaskState | None:
        if self._held is None:
            return self._store.states(self._run, [task_id]).get(task_id, default)
        instance = self._held.instances.get(task_id)
        return default if instance is None else instance.state


class Leases:
    """Reads runs from the store under the name of one scheduler."""

    def __init__(self, store: Store, name: str) -> None:
        self.store = store
        self.name = name
        self._graphs: dict[tuple[str, str], Graph] = {}
        self._unread: list[Run] = []  #: claimed, but not read yet: an error of the store came between

    def claim(self, now: datetime.datetime, dead: list[str]) -> Iterator[LiveRun]:
        """Take the lease of the runs that nobody holds, or that one of the schedulers `dead` held."""
        while True:
            claimed = self.store.claim_runs(self.name, now, dead, limit=MOST_CLAIMS)
            self._unread += claimed
            while self._unread:
                live = self.load(self._unread[0])
                del self._unread[0]
                if live is not None:
                    yield live
            if len(claimed) < MOST_CLAIMS:
                return

    def reload(self, live: LiveRun) -> LiveRun | None:
        """The run as the store has it now; None if the lease is lost or the run is gone."""
        try:
            run = self.store.run(live.run.dag_id, live.run.run_id)
        except NotFound:
            return None
        if run.owner != self.name or run.epoch != live.run.epoch:
            return None
        return self.load(run)

    def past(self, live: LiveRun, board: dict[int, LiveRun]) -> Past:
        """The states in the run before this one, if a task of the DAG asks for them."""
        if not live.graph.uses_past:
            return None
        before = self.store.previous_run(live.run.dag_id, live.run.logical_date)
        if before is None:
            return None
        return _Earlier(self.store, before.id, board.get(before.id))

    def release(self, live: LiveRun) -> None:
        self.store.release_run(live.run)

    def load(self, run: Run) -> LiveRun | None:
        """The run with its task instances; None (and a line in the log) if its DAG version is gone."""
        try:
            version = self.store.version(run.dag_id, run.version)
        except NotFound as error:
            log.error("%s of %s cannot go on: %s", run.run_id, run.dag_id, error)
            return None
        live = LiveRun.build(run, version.spec, self.store.tasks(run.id), self._graph(version))
        live.path, live.file_hash = version.path, version.file_hash
        return live

    def _graph(self, version: DagVersion) -> Graph:
        key = (version.dag_id, version.version)
        if key not in self._graphs:
            if len(self._graphs) >= KEPT_GRAPHS:
                self._graphs.clear()
            self._graphs[key] = build_graph(version.spec)
        return self._graphs[key]
