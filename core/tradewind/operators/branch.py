"""Choosing among the tasks downstream: the mix-in that branching operators share, and those that go by the date."""

from __future__ import annotations

import datetime
import difflib
from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from tradewind.context import TaskInstanceContext
from tradewind.errors import DagError, TradewindError
from tradewind.operator import BaseOperator
from tradewind.operator.clock import in_zone, within
from tradewind.operator.weekday import WeekDay, read_days

Branches = str | Collection[str] | None

#: The mix-ins are written as parts of an operator, but derive from nothing: `class Own(BaseOperator, SkipMixin)` works,
#: and so does the other order.
if TYPE_CHECKING:
    _Operator = BaseOperator
else:
    _Operator = object


class SkipMixin(_Operator):
    """Lets an operator skip tasks downstream: `self.skip(ti, tasks)`, `self.skip_all_except(ti, task_ids)`."""

    def skip(self, ti: TaskInstanceContext, tasks: Iterable[BaseOperator]) -> None:
        """Have tasks of this run skipped once this one has succeeded. Teardowns are left to clean up."""
        task_ids = [task.task_id for task in tasks if not task.is_teardown]
        self.log.info("Skipped: %s", ", ".join(task_ids) or "no task")
        ti.skip(task_ids)

    def skip_all_except(self, ti: TaskInstanceContext, branch_task_ids: Branches) -> None:
        """Skip the tasks directly downstream that are neither chosen nor reached from a chosen one."""
        chosen = self._chosen(branch_task_ids)
        followed = {task_id for task in chosen for task_id in (task.task_id, *task.get_flat_relative_ids())}
        self._check_reachable(chosen)
        self.log.info("Followed: %s", ", ".join(task.task_id for task in chosen) or "no task")
        self.skip(ti, [task for task in self.downstream_list if task.task_id not in followed])

    def _chosen(self, branches: Branches) -> list[BaseOperator]:
        if branches is None:
            return []
        if isinstance(branches, str):
            return self._tasks(branches)
        if isinstance(branches, (list, tuple, set, frozenset)):
            return [task for branch in branches for task in self._tasks(branch)]
        raise TradewindError(
            f"Branch {self.task_id!r} must choose a task id, a list of them or None, not {type(branches).__name__} "
            f"({branches!r})."
        )

    def _tasks(self, name: Any) -> list[BaseOperator]:
        """The task called so, or the first tasks of the task group called so."""
        dag = self.dag
        if name in dag.task_dict:
            return [dag.task_dict[name]]
        groups = dag.task_group_dict
        if name in groups:
            return list(groups[name].roots)
        close = difflib.get_close_matches(str(name), [*dag.task_dict, *groups], n=1, cutoff=0.5)
        known = ", ".join(sorted(self.downstream_task_ids)) or "nothing"
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise TradewindError(
            f"Branch {self.task_id!r} chose {name!r}, which is not a task or task group of DAG {self.dag_id!r}; "
            f"{hint}Directly downstream of it: {known}."
        )

    def _check_reachable(self, chosen: list[BaseOperator]) -> None:
        """A chosen task that is not directly downstream would be skipped itself, with what leads to it."""
        direct = self.downstream_task_ids
        reached = {relative for task in chosen if task.task_id in direct for relative in task.get_flat_relative_ids()}
        lost = [task.task_id for task in chosen if task.task_id not in direct and task.task_id not in reached]
        if lost:
            known = ", ".join(sorted(direct)) or "nothing"
            raise TradewindError(
                f"Branch {self.task_id!r} chose {', '.join(map(repr, lost))}, which it does not lead to directly. "
                f"Directly downstream of it: {known}."
            )


class BranchMixin(SkipMixin):
    """Lets an operator choose among the tasks downstream: `return self.do_branch(context, task_ids)`."""

    def do_branch(self, context: Mapping[str, Any], branches_to_execute: Branches) -> Branches:
        """Skip what is not chosen; gives the choice back, to be the task's XCom."""
        self.skip_all_except(context["ti"], branches_to_execute)
        return branches_to_execute


#: As Airflow spells it.
BranchMixIn = BranchMixin


class BaseBranchOperator(BranchMixin, BaseOperator):
    """Base of operators that choose among the tasks downstream: define `choose_branch(context)`.

    It returns a task id, a task group's id, a list of them, or None for "none at all".
    """

    inherits_from_skipmixin = True

    @abstractmethod
    def choose_branch(self, context: Mapping[str, Any]) -> Branches:
        """The branches to follow."""

    def execute(self, context: Any) -> Any:
        return self.do_branch(context, self.choose_branch(context))


class BranchDateTimeOperator(BaseBranchOperator):
    """Follows one branch inside a span of time, and another one outside of it.

        BranchDateTimeOperator(
            task_id="at_night", follow_task_ids_if_true="cheap", follow_task_ids_if_false="dear",
            target_lower=datetime.time(22), target_upper=datetime.time(6),
        )

    - `target_lower`, `target_upper`: both ends, included, as datetimes or as times of the day; one may be None. Times
      of the day whose upper end is earlier than the lower one mean a span over midnight. Those without a time zone are
      in that of the DAG.
    - `use_task_logical_date`: compare the run's logical date instead of the present moment.
    """

    def __init__(
        self,
        *,
        follow_task_ids_if_true: str | Iterable[str],
        follow_task_ids_if_false: str | Iterable[str],
        target_lower: datetime.datetime | datetime.time | None,
        target_upper: datetime.datetime | datetime.time | None,
        use_task_logical_date: bool = False,
        use_task_execution_date: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        ends = [end for end in (target_lower, target_upper) if end is not None]
        if not ends:
            raise DagError(f"Task {self.task_id!r}: at least one of target_lower and target_upper is needed.")
        if len({isinstance(end, datetime.time) for end in ends}) > 1:
            raise DagError(f"Task {self.task_id!r}: target_lower and target_upper must be of the same kind.")
        self.target_lower = target_lower
        self.target_upper = target_upper
        self.follow_task_ids_if_true = follow_task_ids_if_true
        self.follow_task_ids_if_false = follow_task_ids_if_false
        self.use_task_logical_date = use_task_logical_date or use_task_execution_date

    def choose_branch(self, context: Mapping[str, Any]) -> Branches:
        moment = _moment(self, context, self.use_task_logical_date)
        inside = within(moment, self.target_lower, self.target_upper)
        return _listed(self.follow_task_ids_if_true if inside else self.follow_task_ids_if_false)


class BranchDayOfWeekOperator(BaseBranchOperator):
    """Follows one branch on some days of the week, and another one on the others.

        BranchDayOfWeekOperator(
            task_id="weekend", week_day=["Saturday", WeekDay.SUNDAY],
            follow_task_ids_if_true="rest", follow_task_ids_if_false="work",
        )

    The day is today's in the DAG's time zone, or, with `use_task_logical_date`, that of the run's logical date there.
    """

    def __init__(
        self,
        *,
        follow_task_ids_if_true: str | Iterable[str],
        follow_task_ids_if_false: str | Iterable[str],
        week_day: str | WeekDay | Iterable[str | WeekDay],
        use_task_logical_date: bool = False,
        use_task_execution_day: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.follow_task_ids_if_true = follow_task_ids_if_true
        self.follow_task_ids_if_false = follow_task_ids_if_false
        self.week_day = read_days(week_day)
        self.use_task_logical_date = use_task_logical_date or use_task_execution_day

    def choose_branch(self, context: Mapping[str, Any]) -> Branches:
        hit = WeekDay.of(_moment(self, context, self.use_task_logical_date)) in self.week_day
        return _listed(self.follow_task_ids_if_true if hit else self.follow_task_ids_if_false)


def _moment(task: BaseOperator, context: Mapping[str, Any], logical: bool) -> datetime.datetime:
    """Now, or the logical date, on the clocks of the DAG's time zone."""
    moment = context["logical_date"] if logical else datetime.datetime.now(datetime.UTC)
    return in_zone(task, moment)


def _listed(value: str | Iterable[str]) -> Branches:
    return value if isinstance(value, str) else list(value)
