"""The report of a run as a message: blocks of Slack, within what Slack takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tradewind.notifier import RunReport, TaskLine
from tradewind.states import RunState, TaskState

#: Characters of a section's text; Slack takes 3,000.
_SECTION = 2900

#: Sections that the list of tasks may fill; what does not go in is counted.
_LIST_SECTIONS = 2

_MARKS = {
    TaskState.FAILED: ":x:",
    TaskState.UP_FOR_RETRY: ":repeat:",
    TaskState.SUCCESS: ":white_check_mark:",
    TaskState.SKIPPED: ":fast_forward:",
}
_WAITING = ":hourglass_flowing_sand:"

_RUN_MARKS = {RunState.SUCCESS: ":large_green_circle:", RunState.FAILED: ":red_circle:"}
_RUNNING = ":large_yellow_circle:"


def blocks_of(report: RunReport, text: str | None = None) -> list[dict[str, Any]]:
    """The message, with `text`, which may have Slack's formatting, on top."""
    head = f"{_RUN_MARKS.get(report.state, _RUNNING)} *{escaped(report.title)}*"
    told = [head, *_summary(report)]
    blocks = [_section(text[:_SECTION])] if text else []
    blocks.append(_section(_fitted("\n".join(told))))
    blocks += [_section(part) for part in _list(report)]
    for line in report.lines:
        if line.log_end:
            title = f"End of the log of {code(line.name)}:\n"
            blocks.append(_section(title + code_block(line.log_end, _SECTION - len(title))))
    if report.rerun:
        title = "To run what failed, and what waited for it, again:\n"
        blocks.append(_section(title + code_block(report.rerun, _SECTION - len(title))))
    return [*blocks, _context(report)]


def escaped(text: str) -> str:
    """Text as Slack wants it, so that nothing in it is a link or a mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def code(text: str) -> str:
    """In the type of code, in a line; nothing in it is formatted."""
    return f"`{escaped(text.replace('`', chr(39)))}`"


def code_block(text: str, longest: int) -> str:
    """As a block of code of at most so many characters: its end, if it is longer."""
    inside = text.replace("```", "'''").rstrip("`").strip("\n")
    shown = escaped(inside)
    while len(shown) > longest - 6:
        inside = inside[-max(1, len(inside) - max(16, (len(shown) - longest) // 5)) :]
        shown = escaped(inside)
    return f"```{shown}```"


def _summary(report: RunReport) -> Iterator[str]:
    if report.not_run:
        needs = (
            "1 task did not run: what it needs"
            if report.not_run == 1
            else (f"{report.not_run} tasks did not run: what they need")
        )
        yield f"{needs} failed."
    if report.reason:
        yield escaped(f"The run ended since {report.reason}.")


def _list(report: RunReport) -> list[str]:
    """The tasks, a line each, in as many texts as they need."""
    parts = [""]
    shown = 0
    for line in (_line(line) for line in report.lines):
        if len(parts[-1]) + len(line) > _SECTION:
            if len(parts) == _LIST_SECTIONS:
                break
            parts.append("")
        parts[-1] += line
        shown += 1
    more = report.more + len(report.lines) - shown
    if more:
        parts[-1] += f"... and {more} more"
    return [part.rstrip("\n") for part in parts if part]


def _line(line: TaskLine) -> str:
    mark = _MARKS.get(line.state) if line.state else None
    reason = f": {code(line.reason)}" if mark and line.reason else ""
    return f"{mark or _WAITING} {code(line.name)} {line.told}{reason}\n"


def _context(report: RunReport) -> dict[str, Any]:
    told = f"Logical date {report.logical_date:%Y-%m-%d %H:%M} UTC"
    if report.ended_at is not None:
        told += f", ended {report.ended_at:%Y-%m-%d %H:%M:%S} UTC"
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": told}]}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _fitted(text: str) -> str:
    return text if len(text) <= _SECTION else text[: _SECTION - 3] + "..."
