"""Which runs the schedules call for. Pure, but for the creation itself."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass, field

from tradewind.records import DagInfo, NewRun
from tradewind.schedule import Interval, Never, PlannedRun
from tradewind.states import RunType


@dataclass
class Planner:
    """The next scheduled run of every DAG that has one."""

    dags: dict[str, DagInfo] = field(default_factory=dict)
    plans: dict[str, PlannedRun] = field(default_factory=dict)

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
        planned = next_scheduled(dag, now) if dag.active and not dag.paused else None
        if planned is not None:
            self.plans[dag.dag_id] = planned

    def due(self, now: datetime.datetime, room: Callable[[DagInfo], bool] = lambda dag: True) -> list[DagInfo]:
        """The DAGs whose next run may be created now and that have room for one, in the order in which they fell due.

        Without catchup a plan is worked out again when it falls due: a later interval may have ended by now.
        """
        due = [self.dags[dag_id] for dag_id, planned in self.plans.items() if planned.run_after <= now]
        due = [dag for dag in due if room(dag)]
        for dag in due:
            if not dag.spec.catchup:
                self.plan(dag, now)
        return sorted((dag for dag in due if dag.dag_id in self.plans), key=self._order)

    def _order(self, dag: DagInfo) -> tuple[datetime.datetime, str]:
        return self.plans[dag.dag_id].run_after, dag.dag_id

    def next_due(self, now: datetime.datetime) -> datetime.datetime | None:
        """When the next plan falls due. Those that are due already wait for something else than time."""
        return min((planned.run_after for planned in self.plans.values() if planned.run_after > now), default=None)


def next_scheduled(dag: DagInfo, now: datetime.datetime) -> PlannedRun | None:
    """The run that the DAG's schedule calls for next; it may lie in the future."""
    spec = dag.spec
    allowed = not spec.allowed_run_types or RunType.SCHEDULED in spec.allowed_run_types
    if isinstance(spec.schedule, Never) or not allowed:
        return None
    last = None
    if dag.last_logical_date is not None and dag.last_interval_end is not None:
        last = Interval(dag.last_logical_date, dag.last_interval_end)
    return spec.schedule.next_run(last, start=spec.start_date, end=spec.end_date, now=now, catchup=spec.catchup)


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
