"""docs/howto/notifications.md says what is so: its blocks are run in order against the sandbox."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tradewind.sandbox import Control

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "notifications.md"


def test_the_blocks_run(sandbox, tmp_path):
    slack, hook = sandbox("slack"), sandbox("slackwebhook")
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert len(blocks) > 6
    (tmp_path / "blocks.py").write_text("\n".join(blocks), encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TRADEWIND_", "AIRFLOW_"))}
    connections = {"TRADEWIND_CONN_SLACK": slack.get_uri(), "TRADEWIND_CONN_HOOK": hook.get_uri()}
    done = subprocess.run(
        [sys.executable, "-W", "error", "blocks.py"],
        cwd=tmp_path,
        env={**kept, "HOME": str(tmp_path), **connections},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["failed", "success", "load", "is", "done"]
    sales, greets, explained, talks = Control(slack).act("messages", channel="general")
    assert "failed, 1 of 2 tasks failed" in sales["text"]
    assert greets["text"].endswith(": success")
    assert [reply["text"] for reply in explained["replies"]] == ["The supplier was told."]
    assert re.fullmatch(r"load of .* is success", talks["text"])
    (by_webhook,) = Control(hook).act("messages", channel="general")
    assert "failed, 1 of 1 task failed" in by_webhook["text"]
