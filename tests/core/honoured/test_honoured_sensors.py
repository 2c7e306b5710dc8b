"""What sensors take beside the keywords of every operator."""

import datetime
import logging
import time

import pytest

from tradewind import DAG, BaseSensor, PokeReturnValue
from tradewind.errors import DagError
from tradewind.states import TaskState


class Looks(BaseSensor):
    """Answers each look with the next of these; errors are raised."""

    def __init__(self, answers, **kwargs):
        super().__init__(**kwargs)
        self.answers = answers  # shared by the copies that are executed
        self.times = []

    def poke(self, context):
        self.times.append(time.monotonic())
        answer = self.answers.pop(0) if self.answers else False
        if isinstance(answer, Exception):
            raise answer
        return answer


def look(*answers, **arguments):
    with DAG("d") as dag:
        sensor = Looks(task_id="s", answers=list(answers), **arguments)
    ended = dag.test()
    return ended.get_task_instance("s"), sensor, ended


def test_poke_interval_lies_between_two_looks():
    ended, sensor, _ = look(False, False, True, poke_interval=0.05)
    assert ended.state is TaskState.SUCCESS
    assert [later - earlier >= 0.05 for earlier, later in zip(sensor.times, sensor.times[1:])] == [True, True]


def test_timeout_fails_at_once_whatever_retries_are_left():
    ended, _, _ = look(poke_interval=0.01, timeout=datetime.timedelta(seconds=0.05), retries=3)
    assert (ended.state, ended.try_number) == (TaskState.FAILED, 1)
    assert ended.reason.startswith("SensorTimeout")


def test_mode_reschedule_gives_the_place_back_and_looks_again():
    ended, sensor, _ = look(False, False, True, poke_interval=0.02, mode="reschedule")
    assert (ended.state, ended.try_number, ended.dispatch, len(sensor.times)) == (TaskState.SUCCESS, 1, 3, 3)
    assert look(False, True, poke_interval=0.01)[0].dispatch == 1
    with pytest.raises(DagError, match="no mode 'rescheduled'"):
        Looks(task_id="s", answers=[], mode="rescheduled")


def test_mode_reschedule_holds_no_place_while_it_waits(played):
    with DAG("d", max_active_tasks=1) as dag:
        Looks(task_id="a", answers=[], mode="reschedule", priority_weight=9)
        Looks(task_id="b", answers=[])
    played.add(dag)
    run = played.trigger(dag)
    assert played.held(run) == ["a"]
    key = played.key("a", run)
    played.store.start_attempt(key, played.now, "here", 1, "")
    from tradewind.records import Outcome

    again = played.now + datetime.timedelta(seconds=60)
    played.store.finish_attempt(key, Outcome(TaskState.UP_FOR_RESCHEDULE, played.now, next_at=again))
    played.over(key, 0)
    assert played.held(run) == ["b"]


def test_soft_fail_skips_at_the_timeout():
    assert look(timeout=0, soft_fail=True)[0].state is TaskState.SKIPPED
    assert look(ValueError("broken"), soft_fail=True)[0].state is TaskState.FAILED


def test_never_fail_skips_whatever_goes_wrong():
    assert look(timeout=0, never_fail=True)[0].state is TaskState.SKIPPED
    assert look(ValueError("broken"), never_fail=True)[0].state is TaskState.SKIPPED


def test_silent_fail_goes_on_after_an_error(caplog):
    with caplog.at_level(logging.ERROR):
        ended, sensor, _ = look(ValueError("broken"), True, silent_fail=True, poke_interval=0.01)
    assert (ended.state, len(sensor.times)) == (TaskState.SUCCESS, 2)
    assert "broken" in caplog.text
    assert look(ValueError("broken"), True)[0].state is TaskState.FAILED


def test_exponential_backoff_and_max_wait():
    ended, sensor, _ = look(
        *[False] * 4, True, poke_interval=0.02, exponential_backoff=True, max_wait=datetime.timedelta(seconds=0.05)
    )
    assert ended.state is TaskState.SUCCESS
    waits = [later - earlier for earlier, later in zip(sensor.times, sensor.times[1:])]
    assert waits[0] >= 0.02
    assert all(wait >= 0.04 for wait in waits[1:])
    assert sensor.next_wait(elapsed=1000) == 0.05


def test_poke_may_return_a_value():
    _, _, ended = look(PokeReturnValue(False, "no"), PokeReturnValue(True, "found"), poke_interval=0.01)
    assert ended.xcom("s") == "found"
