"""Who may start: every limit by itself, and all of them against random crowds."""

import datetime

from hypothesis import given
from hypothesis import strategies as st

from tradewind.records import Run, TaskSpec
from tradewind.scheduler.admit import Candidate, Limits, Line, Usage, hindrance
from tradewind.states import RunState, RunType

DAY = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
LIMITS = Limits(parallelism=100, pools={"default_pool": 100, "small": 2})


def run(number=1, dag_id="d", day=0):
    date = DAY + datetime.timedelta(days=day)
    return Run(number, dag_id, f"r{number}", RunType.MANUAL, RunState.RUNNING, date, date, date, "v", queued_at=DAY)


def candidate(task_id="t", run=run(), position=0, max_active_tasks=16, **fields):
    return Candidate(run, TaskSpec(task_id, "Op", **fields), -1, max_active_tasks, position)


def names(admitted):
    return [one.task.task_id for one in admitted]


def admit(candidates, usage, limits):
    return Line(candidates).admit(usage, limits, closed=lambda dag_id: False, barred=lambda candidate: False)


def test_priority_then_age_then_place_in_the_dag():
    crowd = [
        candidate("late", run(2, day=1)),
        candidate("second", position=1),
        candidate("first", position=0),
        candidate("urgent", run(3, day=9), priority=5),
    ]
    assert names(admit(crowd, Usage(), LIMITS)) == ["urgent", "first", "second", "late"]


def test_parallelism():
    crowd = [candidate(f"t{n}", position=n) for n in range(5)]
    usage = Usage()
    assert names(admit(crowd, usage, Limits(3, LIMITS.pools))) == ["t0", "t1", "t2"]
    assert usage.total == 3
    assert "parallelism" in hindrance(crowd[3], usage, Limits(3, LIMITS.pools))


def test_a_full_pool_holds_back_only_its_own():
    crowd = [
        candidate("a", pool="small", position=0),
        candidate("b", pool="small", pool_slots=2, position=1),
        candidate("c", position=2),
        candidate("d", pool="small", position=3),
    ]
    usage = Usage()
    assert names(admit(crowd, usage, LIMITS)) == ["a", "c", "d"]
    assert "is full: 2 of 2" in hindrance(crowd[1], usage, LIMITS)


def test_a_pool_that_does_not_exist_is_named():
    assert "tradewind pools set lost" in hindrance(candidate(pool="lost"), Usage(), LIMITS)


def test_more_slots_than_the_pool_has_is_said_plainly():
    assert "has only 2" in hindrance(candidate(pool="small", pool_slots=3), Usage(), LIMITS)


def test_max_active_tasks_is_per_run():
    crowd = [candidate("a", run(1), max_active_tasks=1), candidate("b", run(1), max_active_tasks=1, position=1)]
    crowd.append(candidate("c", run(2), max_active_tasks=1))
    assert names(admit(crowd, Usage(), LIMITS)) == ["a", "c"]


def test_caps_per_task():
    crowd = [candidate("t", run(n), max_active_tis_per_dag=2) for n in range(3)]
    assert len(admit(crowd, Usage(), LIMITS)) == 2
    one_run = [candidate("t", run(1), max_active_tis_per_dagrun=1), candidate("t", run(1), max_active_tis_per_dagrun=1)]
    assert len(admit(one_run, Usage(), LIMITS)) == 1


def test_what_is_given_back_can_be_taken_again():
    usage = Usage()
    one = candidate(pool="small", pool_slots=2)
    assert admit([one], usage, LIMITS)
    assert not admit([one], usage, LIMITS)
    usage.give(one.run, one.task)
    assert admit([one], usage, LIMITS)


def one_by_one(candidates, usage, limits):
    """What `Line` does in lanes, written down as what it means."""
    admitted = []
    for one in sorted(candidates, key=lambda one: one.order):
        if not hindrance(one, usage, limits):
            usage.take(one.run, one.task)
            admitted.append(one)
    return admitted


@given(
    st.lists(
        st.builds(
            lambda task, number, pool, slots, cap: candidate(
                f"t{task}",
                run(number),
                position=task,
                pool=pool,
                pool_slots=slots,
                max_active_tis_per_dag=cap,
                max_active_tasks=3,
            ),
            st.integers(0, 9),
            st.integers(1, 4),
            st.sampled_from(["default_pool", "small"]),
            st.integers(1, 3),
            st.sampled_from([None, 1, 2]),
        ),
        unique_by=lambda one: one.order,  # no two candidates are of one task instance
    ),
    st.integers(1, 8),
)
def test_no_crowd_breaks_a_limit(crowd, parallelism):
    usage, limits = Usage(), Limits(parallelism, {"default_pool": 5, "small": 2})
    admitted = admit(crowd, usage, limits)
    assert len(admitted) == usage.total <= parallelism
    assert all(usage.pools[pool] <= slots for pool, slots in limits.pools.items())
    assert all(count <= 3 for count in usage.runs.values())
    assert admitted == one_by_one(crowd, Usage(), limits)
    for one in crowd:  # nobody who could still start was left behind
        assert one in admitted or hindrance(one, usage, limits)
