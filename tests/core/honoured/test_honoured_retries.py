"""Retries, delays, and retry policies."""

import datetime
import logging

import pytest

from tradewind import DAG, ExceptionRetryPolicy, RetryAction, RetryDecision, RetryPolicy, RetryRule, TaskFailed
from tradewind.errors import DagError, SensorTimeout
from tradewind.operators.python import PythonOperator
from tradewind.sensors.python import PythonSensor
from tradewind.states import TaskState

MINUTE = datetime.timedelta(minutes=1)


class Flaky:
    """Fails so many times, with each of these errors in turn."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.calls = 0

    def __call__(self):
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)


def run(function, **arguments):
    """The task instance as it ended in an in-process run."""
    with DAG("d") as dag:
        PythonOperator(task_id="t", python_callable=function, **arguments)
    return dag.test().get_task_instance("t")


def test_retries_are_so_many_tries_more():
    flaky = Flaky(ValueError(), ValueError())
    ended = run(flaky, retries=2, retry_delay=3600)  # an in-process run tries again at once
    assert (ended.state, ended.try_number, flaky.calls) == (TaskState.SUCCESS, 3, 3)
    flaky = Flaky(ValueError(), ValueError())
    ended = run(flaky, retries=1)
    assert (ended.state, ended.try_number, flaky.calls) == (TaskState.FAILED, 2, 2)


def test_retry_delay_is_waited_for(played):
    with DAG("d") as dag:
        PythonOperator(task_id="t", python_callable=print, retries=1, retry_delay=MINUTE)
    played.add(dag)
    run = played.trigger(dag)
    played.end("t", state=TaskState.FAILED)
    assert played.states(run) == {"t": "up_for_retry"}
    played.turn(seconds=59)
    assert played.held() == []
    played.turn(seconds=1)
    assert [key.try_number for key in played.executor.held] == [2]


def test_retry_delays_grow_by_the_factor_up_to_the_longest(played):
    with DAG("d") as dag:
        PythonOperator(
            task_id="t",
            python_callable=print,
            retries=9,
            retry_delay=60,
            retry_exponential_backoff=3,
            max_retry_delay=500,
        )
    played.add(dag)
    run = played.trigger(dag)
    delays = []
    for _ in range(4):
        played.end("t", state=TaskState.FAILED)
        delays.append((played.store.task(run.id, "t").next_at - played.now).total_seconds())
        played.turn(seconds=delays[-1])
    for delay, least in zip(delays, (60, 180, 500, 500)):
        assert least <= delay <= min(least * 1.1, 500)


# -- policies ---------------------------------------------------------------------------------------------------------


def test_retry_policy_may_end_the_tries():
    policy = ExceptionRetryPolicy(
        [RetryRule(LookupError, action=RetryAction.FAIL, reason="no such row"), RetryRule(ValueError)]
    )
    flaky = Flaky(ValueError("once"), KeyError("k"), ValueError("never reached"))
    ended = run(flaky, retries=5, retry_policy=policy)
    assert (ended.state, flaky.calls) == (TaskState.FAILED, 2)
    assert ended.reason == "KeyError: 'k' (retry policy: no such row)"


def test_retry_policy_adds_no_tries():
    flaky = Flaky(*[ValueError() for _ in range(9)])
    ended = run(flaky, retries=1, retry_policy=ExceptionRetryPolicy([RetryRule(ValueError)]))
    assert (ended.state, flaky.calls) == (TaskState.FAILED, 2)


def test_what_no_rule_is_about_goes_by_retries_or_the_default():
    rules = [RetryRule(KeyError, action="fail")]
    assert run(Flaky(ValueError()), retries=1, retry_policy=ExceptionRetryPolicy(rules)).state is TaskState.SUCCESS
    strict = ExceptionRetryPolicy(rules, default=RetryAction.FAIL)
    assert run(Flaky(ValueError()), retries=1, retry_policy=strict).state is TaskState.FAILED


@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        (RetryRule(OSError), True),
        (RetryRule("builtins.OSError"), True),
        (RetryRule("OSError"), True),
        (RetryRule(["json.JSONDecodeError", ConnectionError]), True),
        (RetryRule(OSError, match_subclasses=False), False),
        (RetryRule(ConnectionResetError, match_subclasses=False), True),
        (RetryRule("json.decoder.JSONDecodeError"), False),
    ],
)
def test_rules_match_classes_names_and_lists(rule, matches):
    assert rule.matches(ConnectionResetError()) is matches


def test_a_rule_about_a_name_that_is_not_there_says_so(caplog):
    assert not RetryRule("requests_of_mine.HTTPError").matches(ValueError())
    assert "requests_of_mine.HTTPError, which is not there" in caplog.text


@pytest.mark.parametrize("exception", ["not a name", 7, int, ["builtins.ValueError", None]])
def test_a_rule_is_about_exceptions(exception):
    with pytest.raises(ValueError, match="class or its dotted name"):
        RetryRule(exception)


def test_a_policy_is_an_object_that_evaluates():
    for wrong in (ExceptionRetryPolicy, "retry", 3):
        with pytest.raises(DagError, match="'retry_policy': a RetryPolicy is wanted"):
            PythonOperator(task_id="t", python_callable=print, retry_policy=wrong)


class Own(RetryPolicy):
    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    def evaluate(self, exception, try_number, max_tries, context=None):
        self.asked.append((exception, try_number, max_tries, context["ti"].task_id))
        return self.answer() if callable(self.answer) else self.answer


def test_a_policy_of_ones_own_sees_error_try_and_context():
    policy, error = Own(RetryDecision.fail("enough")), ValueError()
    assert run(Flaky(error), retries=3, retry_policy=policy).state is TaskState.FAILED
    assert policy.asked == [(error, 1, 3, "t")]


@pytest.mark.parametrize("answer", [None, "fail", lambda: 1 / 0, lambda: RetryDecision.retry(-5)])
def test_a_policy_that_fails_itself_is_logged_and_changes_nothing(answer, caplog):
    with caplog.at_level(logging.ERROR):
        assert run(Flaky(ValueError()), retries=1, retry_policy=Own(answer)).state is TaskState.SUCCESS
    assert "The retry policy Own failed" in caplog.text


def test_a_policy_is_not_asked_where_there_is_nothing_to_decide():
    policy = Own(RetryDecision.retry())
    assert run(Flaky(TaskFailed("no")), retries=3, retry_policy=policy).state is TaskState.FAILED
    with DAG("d") as dag:
        PythonSensor(task_id="s", python_callable=lambda: False, timeout=0, retries=3, retry_policy=policy)
    ended = dag.test().get_task_instance("s")
    assert (ended.state, ended.try_number) == (TaskState.FAILED, 1)
    assert ended.reason.startswith(SensorTimeout.__name__)
    assert policy.asked == []
