"""Which runs the schedules call for. Pure, but for the creation itself."""

from __future__ import annotations

import datetime
import heapq
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from tradewind.errors import TradewindError
from tradewind.records import DagInfo, NewRun
from tradewind.schedule import Bounds, Interval, Never, PlannedRun
from tradewind.states import RunType

log = logging.getLogger("tradewind.scheduler")


@dataclass
class Planner:
    """The next scheduled run of every DAG that has one."""

    dags: dict[str, DagInfo] = field(default_factory=dict)
    plans: dict[str, PlannedRun] = field(default_factory=dict)
    _moments: list[tuple[datetime.datetime, str]] = field(default_factory=list)  #: heap of plans; some are outdated
    _waiting: set[str] = field(default_factory=set)  #: DAGs whose plan fell due, and was not carried out yet

    def set_dags(self, dags: list[DagInfo], now: datetime.datetime) -> None:
        """Replace what is known of the DAGs and plan the changed ones anew."""
        known = self.dags
        self.dags = {dag.dag_id: dag for dag in dags}
        for dag_id in known.keys() - self.dags.keys():
            self.plans.pop(dag_id, None)
        for dag in dags:
            if dag is not known.get(dag.dag_id) and dag != known.get(dag.dag_id):
                self.plan(dag, now)

    def plan(self, dag: DagInfo, now: datetime.datetime) -> None:
        """Work out the next run of one DAG."""
        self.dags[dag.dag_id] = dag
        self.plans.pop(dag.dag_id, None)
        planned = None
        try:
            planned = next_scheduled(dag, now) if dag.active and not dag.paused else None
        except (TradewindError, OverflowError) as error:  # a time zone that this machine lacks; the others go on
            log.error("%s cannot be scheduled: %s", dag.dag_id, error)
        if planned is not None:
            self.plans[dag.dag_id] = planned
            self._remember(dag.dag_id, planned)

    def due(self, now: datetime.datetime, room: Callable[[DagInfo], bool] = lambda dag: True) -> list[DagInfo]:
        """The DAGs whose next run may be created now and that have room for one, in the order in which they fell due.

        Without catchup a plan is worked out again when it falls due: a later interval may have ended by now.
        """
        while (moment := self.next_due()) is not None and moment <= now:
            self._waiting.add(heapq.heappop(self._moments)[1])
        for dag_id in list(self._waiting):
            planned = self.plans.get(dag_id)
            if planned is None or planned.run_after > now:
                self._waiting.discard(dag_id)
                if planned is not None:  # it has a new plan, or the clock was put back
                    self._remember(dag_id, planned)
        due = [dag for dag in map(self.dags.__getitem__, self._waiting) if room(dag)]
        for dag in due:
            if not dag.spec.catchup:
                self.plan(dag, now)
        return sorted((dag for dag in due if dag.dag_id in self.plans), key=self._order)

    def _order(self, dag: DagInfo) -> tuple[datetime.datetime, str]:
        return self.plans[dag.dag_id].run_after, dag.dag_id

    def next_due(self) -> datetime.datetime | None:
        """When the next plan falls due. Those that have fallen due already wait for something else than time."""
        while self._moments:
            moment, dag_id = self._moments[0]
            planned = self.plans.get(dag_id)
            if planned is not None and planned.run_after == moment:
                return moment
            heapq.heappop(self._moments)
        return None

    def _remember(self, dag_id: str, planned: PlannedRun) -> None:
        if len(self._moments) > 2 * len(self.plans) + 100:  # mostly outdated
            self._moments = [(plan.run_after, name) for name, plan in self.plans.items()]
            heapq.heapify(self._moments)
        heapq.heappush(self._moments, (planned.run_after, dag_id))


def next_scheduled(dag: DagInfo, now: datetime.datetime) -> PlannedRun | None:
    """The run that the DAG's schedule calls for next; it may lie in the future."""
    spec = dag.spec
    allowed = not spec.allowed_run_types or RunType.SCHEDULED in spec.allowed_run_types
    if isinstance(spec.schedule, Never) or not allowed:
        return None
    last = None
    if dag.last_logical_date is not None and dag.last_interval_end is not None:
        last = Interval(dag.last_logical_date, dag.last_interval_end)
    bounds = Bounds(start=spec.start_date, end=spec.end_date, catchup=spec.catchup)
    return spec.schedule.next_run(last, now, bounds)


def scheduled_run(dag_id: str, planned: PlannedRun) -> NewRun:
    """The run to create for a plan. Its id is made of the logical date, so that no plan is carried out twice."""
    return NewRun(
        dag_id=dag_id,
        run_id=run_id(RunType.SCHEDULED, planned.logical_date),
        type=RunType.SCHEDULED,
        logical_date=planned.logical_date,
        data_interval_start=planned.interval_start,
        data_interval_end=planned.interval_end,
    )


def run_id(kind: RunType, moment: datetime.datetime) -> str:
    """`scheduled__2026-01-31T00:00:00+00:00`"""
    return f"{kind.value}__{moment.isoformat()}"


def triggered_run(
    dag: DagInfo,
    now: datetime.datetime,
    *,
    logical_date: datetime.datetime | None = None,
    conf: dict[str, object] | None = None,
    name: str | None = None,
) -> NewRun:
    """The run that a person asks for: `logical_date` now unless given, the data interval as the schedule says."""
    moment = logical_date or now
    interval = dag.spec.schedule.manual_interval(moment)
    return NewRun(
        dag_id=dag.dag_id,
        run_id=name or run_id(RunType.MANUAL, moment),
        type=RunType.MANUAL,
        logical_date=moment,
        data_interval_start=interval.start,
        data_interval_end=interval.end,
        conf=conf or {},
    )
