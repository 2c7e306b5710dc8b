"""Whatever there is to tell, the message keeps to what Slack takes, and shows it as it is."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.notifier import RunReport, TaskLine
from tradewind.sandbox import Control
from tradewind.states import RunState, TaskState
from tradewind_slack import SlackHook
from tradewind_slack.run_blocks import blocks_of, code, code_block, escaped

AT = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)


def report(lines: tuple[TaskLine, ...] = (), **more: Any) -> RunReport:
    values = {
        "dag_id": "sales",
        "run_id": "r",
        "logical_date": AT,
        "state": RunState.FAILED,
        "reason": "",
        "ended_at": AT,
        "lines": lines,
        "more": 0,
        "failed": len(lines),
        "not_run": 0,
        "tasks": len(lines),
        "rerun": "tradewind tasks clear sales",
    }
    return RunReport(**{**values, **more})


def texts(blocks: list[dict[str, Any]]) -> list[str]:
    return [one["text"] for block in blocks for one in [block.get("text"), *block.get("elements", [])] if one]


@pytest.mark.parametrize("letter", ["x", "&", "<", "`", "*", "é", "😀"])
def test_slack_takes_the_largest_report_there_can_be(letter: str, sandbox: Any) -> None:
    lines = tuple(
        TaskLine(letter * 250, TaskState.FAILED, 1, 3, letter * 140, letter * 1200 if number < 3 else "")
        for number in range(20)
    )
    blocks = blocks_of(report(lines, run_id=letter * 250, reason=letter * 140, more=180), text=letter * 5000)
    connection = sandbox("slack")
    with SlackHook("slack") as hook:
        hook.use_connection("slack", connection)
        posted = hook.call("chat.postMessage", json={"channel": "#general", "text": "t", "blocks": blocks})
        hook.call("chat.update", json={"channel": posted["channel"], "ts": posted["ts"], "text": "t", "blocks": blocks})
    (message,) = Control(connection).act("messages", channel="general")
    told = texts(blocks)
    assert texts(message["blocks"]) == told
    shown = sum(text.count(":x:") for text in told)
    assert any(f"... and {200 - shown} more" in text for text in told)


@given(st.text(), st.integers(20, 3000))
def test_a_block_of_code_fits_and_ends_where_the_text_ends(text: str, longest: int) -> None:
    block = code_block(text, longest)
    assert len(block) <= longest
    assert block.startswith("```")
    assert block.endswith("```")
    inside = block[3:-3]
    assert "```" not in inside
    assert escaped(text.replace("```", "'''").rstrip("`").strip("\n")).endswith(inside)


def test_nothing_that_a_task_says_is_a_mention_or_formatted() -> None:
    line = TaskLine("t", TaskState.FAILED, 1, 1, "<!channel> `a` *b* <@U1>", "``` <!here>")
    told = "\n".join(texts(blocks_of(report((line,)))))
    assert "<" not in told
    assert code("a `b` <c>") == "`a 'b' &lt;c&gt;`"
    assert "`&lt;!channel&gt; 'a' *b* &lt;@U1&gt;`" in told
    assert "```''' &lt;!here&gt;```" in told


def test_what_stands_how() -> None:
    lines = (
        TaskLine("a", TaskState.UP_FOR_RETRY, 1, 3, "E: x", ""),
        TaskLine("b", TaskState.SUCCESS, 2, 3, "", ""),
        TaskLine("c", TaskState.RUNNING, 2, 3, "", ""),
        TaskLine("d", None, 2, 3, "cleared", ""),
        TaskLine("e", TaskState.UPSTREAM_FAILED, 0, 1, "needs a", ""),
    )
    told = texts(blocks_of(report(lines, state=RunState.RUNNING, failed=0, ended_at=None, rerun="", not_run=1)))
    listed = (
        ":repeat: `a` failed, try 1 of 3, and is tried again: `E: x`",
        ":white_check_mark: `b` succeeded, try 2 of 3",
        ":hourglass_flowing_sand: `c` is running, try 2 of 3",
        ":hourglass_flowing_sand: `d` is to run again",
        ":hourglass_flowing_sand: `e` did not run, since it needs something that failed",
    )
    assert told == [
        ":large_yellow_circle: *sales, run r: running*\n1 task did not run: what it needs failed.",
        "\n".join(listed),
        "Logical date 2026-03-01 00:00 UTC",
    ]
