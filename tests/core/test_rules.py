"""Trigger rules against a table written out by hand, and laws over every mix of upstream states."""

import itertools
from collections import Counter

import pytest

from tradewind.scheduler.rules import Upstream, Verdict, judge
from tradewind.states import TaskState, TriggerRule

S, F, U, K, R = (
    TaskState.SUCCESS,
    TaskState.FAILED,
    TaskState.UPSTREAM_FAILED,
    TaskState.SKIPPED,
    TaskState.REMOVED,
)
WAITING = None

RUN, WAIT, SKIP, FAIL = Verdict.RUN, Verdict.WAIT, Verdict.SKIP, Verdict.UPSTREAM_FAILED

TABLE = {
    TriggerRule.ALL_SUCCESS: [
        ((S, S), RUN), ((S, None), WAIT), ((S, F), FAIL), ((F, None), FAIL), ((S, K), SKIP), ((K, None), SKIP),
        ((S, U), FAIL), ((K, F), FAIL), ((S, R), RUN), ((K, K), SKIP),
    ],
    TriggerRule.ALL_FAILED: [
        ((F, F), RUN), ((F, U), RUN), ((F, None), WAIT), ((F, S), SKIP), ((S, None), SKIP), ((K, F), SKIP),
    ],
    TriggerRule.ALL_DONE: [((S, F), RUN), ((K, U), RUN), ((S, None), WAIT), ((R, S), RUN)],
    TriggerRule.ALL_DONE_MIN_ONE_SUCCESS: [
        ((S, F), RUN), ((S, None), WAIT), ((F, None), WAIT), ((F, K), FAIL), ((K, K), SKIP), ((S, K), RUN),
    ],
    TriggerRule.ONE_SUCCESS: [
        ((S, None), RUN), ((None, None), WAIT), ((F, None), WAIT), ((F, F), FAIL), ((K, K), SKIP), ((F, K), FAIL),
    ],
    TriggerRule.ONE_FAILED: [
        ((F, None), RUN), ((U, None), RUN), ((S, None), WAIT), ((S, S), SKIP), ((S, K), SKIP),
    ],
    TriggerRule.ONE_DONE: [
        ((S, None), RUN), ((F, None), RUN), ((K, None), WAIT), ((K, K), SKIP), ((U, U), SKIP), ((U, F), RUN),
    ],
    TriggerRule.NONE_FAILED: [
        ((S, S), RUN), ((S, K), RUN), ((K, K), RUN), ((F, None), FAIL), ((U, S), FAIL), ((S, None), WAIT),
    ],
    TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS: [
        ((S, K), RUN), ((K, K), SKIP), ((F, None), FAIL), ((S, None), WAIT), ((K, None), WAIT),
    ],
    TriggerRule.NONE_SKIPPED: [((S, F), RUN), ((K, None), SKIP), ((S, None), WAIT), ((U, F), RUN)],
    TriggerRule.ALL_SKIPPED: [((K, K), RUN), ((K, None), WAIT), ((S, None), SKIP), ((F, K), SKIP)],
    TriggerRule.ALL_DONE_SETUP_SUCCESS: [((S, F), RUN), ((S, None), WAIT), ((K, S), RUN)],
    TriggerRule.ALWAYS: [((None, None), RUN), ((F, K), RUN)],
}  # fmt: skip


def upstream(states):
    return Upstream.of(len(states), Counter(state for state in states if state is not None))


@pytest.mark.parametrize(
    ("rule", "states", "verdict"), [(rule, *row) for rule, rows in TABLE.items() for row in rows], ids=str
)
def test_the_table(rule, states, verdict):
    assert judge(rule, upstream(states)) is verdict


def test_the_table_has_every_rule():
    assert set(TABLE) == set(TriggerRule)
    assert len(TriggerRule) == 13


@pytest.mark.parametrize("rule", TriggerRule)
def test_nothing_upstream_means_run(rule):
    assert judge(rule, upstream(())) is RUN


@pytest.mark.parametrize("rule", TriggerRule)
@pytest.mark.parametrize("states", list(itertools.product((S, F, U, K, R), repeat=3)), ids=str)
def test_no_rule_waits_once_everything_upstream_has_ended(rule, states):
    assert judge(rule, upstream(states)) is not WAIT


@pytest.mark.parametrize("rule", TriggerRule)
def test_a_verdict_before_the_end_is_not_taken_back(rule):
    """If a rule decides while tasks upstream still run, their end does not change what it says."""
    for early in itertools.product((S, F, U, K, None), repeat=2):
        if judge(rule, upstream((*early, None))) is WAIT:
            continue
        for last in (S, F, U, K):
            filled = tuple(last if state is None else state for state in (*early, None))
            first, second = judge(rule, upstream((*early, None))), judge(rule, upstream(filled))
            if first is SKIP and second is FAIL:
                continue  # a skip may come before a failure upstream was known: Airflow decides at once, too
            assert first is second, (rule, early, last)


def test_a_teardown_follows_its_setups():
    def verdict(**setups):
        return judge(TriggerRule.ALL_DONE_SETUP_SUCCESS, Upstream(2, 1, 1, 0, 0, 1, **setups))

    assert verdict() is RUN
    assert verdict(setups_failed=1) is FAIL
    assert verdict(setups_skipped=1) is SKIP
