"""docs/howto/notifications.md says what is so: its blocks are run in order against the sandbox."""

from __future__ import annotations

import re
from pathlib import Path

from tradewind.sandbox import Control

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "notifications.md"


def test_the_blocks_run(sandbox, run_page):
    slack, hook = sandbox("slack"), sandbox("slackwebhook")
    printed = run_page(PAGE, TRADEWIND_CONN_SLACK=slack.get_uri(), TRADEWIND_CONN_HOOK=hook.get_uri())
    assert printed.split() == ["failed", "success", "load", "is", "done"]
    sales, greets, explained, talks = Control(slack).act("messages", channel="general")
    assert "failed, 1 of 2 tasks failed" in sales["text"]
    assert greets["text"].endswith(": success")
    assert [reply["text"] for reply in explained["replies"]] == ["The supplier was told."]
    assert re.fullmatch(r"load of .* is success", talks["text"])
    (by_webhook,) = Control(hook).act("messages", channel="general")
    assert "failed, 1 of 1 task failed" in by_webhook["text"]
