"""Errors in logs: the user's frames, no frames of ours, every cause."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from tradewind.errors import TaskFailed, XComError
from tradewind.runner.tracebacks import LONGEST_REASON, describe, format_error
from tradewind.xcom import dumps


def caught(action: object) -> BaseException:
    try:
        action()  # type: ignore[operator]
    except BaseException as error:
        return error
    raise AssertionError


def test_an_error_of_ours_that_came_from_our_own_code_needs_no_frames() -> None:
    def action() -> None:
        raise XComError("cannot travel")

    # Raised below tradewind's own frames alone: this test's frame is taken away by hand.
    error = caught(lambda: dumps(object()))
    assert error.__traceback__ is not None
    inner = error.with_traceback(error.__traceback__.tb_next and error.__traceback__.tb_next.tb_next)
    shown = format_error(inner)
    assert "Traceback" not in shown
    assert shown.startswith("tradewind.errors.XComError: ")
    assert "in action" in format_error(caught(action))


def test_an_error_of_ours_shows_how_the_users_code_came_to_it_and_not_the_way_through_libraries() -> None:
    for error, shows_library in ((TaskFailed("stop"), False), (ValueError("wrong"), True)):
        future: Future[None] = Future()
        future.set_exception(error)
        shown = format_error(caught(future.result))
        assert "in caught" in shown
        assert ("in result" in shown) is shows_library


def test_causes_and_members_of_groups_are_shown() -> None:
    def action() -> None:
        try:
            raise KeyError("first")
        except KeyError as error:
            raise ExceptionGroup("several", [ValueError("one"), TaskFailed("two")]) from error

    shown = format_error(caught(action))
    for word in (
        "KeyError: 'first'",
        "direct cause",
        "several (2 sub-exceptions)",
        "ValueError: one",
        "TaskFailed: two",
    ):
        assert word in shown


def test_errors_that_refer_to_each_other_are_shown_once() -> None:
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    assert format_error(one).count("ValueError: other") == 1


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError(), "ValueError"),
        (ValueError("two\n  lines"), "ValueError: two lines"),
        (TaskFailed("x" * 1000), "TaskFailed: " + "x" * (LONGEST_REASON - 15) + "..."),
    ],
)
def test_an_error_in_one_line(error: BaseException, told: str) -> None:
    assert describe(error) == told
