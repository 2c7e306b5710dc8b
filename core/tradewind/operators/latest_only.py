"""LatestOnlyOperator: keeps old runs from doing what only makes sense now."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from tradewind.operators.branch import BaseBranchOperator, Branches
from tradewind.schedule import Bounds, Interval
from tradewind.states import RunType


class LatestOnlyOperator(BaseBranchOperator):
    """Skips what is directly downstream, unless the run is the latest that the schedule calls for.

        LatestOnlyOperator(task_id="latest_only") >> send_report

    A run is the latest as long as the data interval after its own is not over. Runs triggered by hand always count as
    the latest, those of a DAG without a schedule too.
    """

    ui_color = "#e9ffdb"

    def choose_branch(self, context: Mapping[str, Any]) -> Branches:
        following = list(self.downstream_task_ids)
        run = context["dag_run"]
        if run.run_type not in (RunType.SCHEDULED, RunType.BACKFILL):
            self.log.info("The run was triggered by hand: it counts as the latest")
            return following
        now = datetime.datetime.now(datetime.UTC)
        own = Interval(run.data_interval_start, run.data_interval_end)
        after = self.dag.schedule.next_run(own, now, Bounds(catchup=True))
        if after is None or now <= after.run_after:
            return following
        self.log.info("The next run was due at %s: this one is not the latest", after.run_after.isoformat())
        return []
