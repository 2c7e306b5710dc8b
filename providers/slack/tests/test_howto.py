"""docs/howto/slack.md says what is so: its blocks are run in order against workspaces of the sandbox."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

from tradewind.sandbox import Control
from tradewind_slack.extras import SLACK
from tradewind_slack.sandbox.actions import ACTIONS
from tradewind_slack.sandbox.calls import METHODS
from tradewind_slack.sandbox.service import SlackService

PATH = Path(__file__).parents[3] / "docs" / "howto" / "slack.md"
PAGE = PATH.read_text(encoding="utf-8")


def test_the_blocks_run(workspace, webhook, control, run_page, tmp_path):
    runs = "from tradewind.testing import run_dag\nfor one in (dag, report, files): run_dag(one)\n"
    (tmp_path / "scores.csv").write_text("city,score\nBergen,1\n")
    with sqlite3.connect(tmp_path / "warehouse.db") as opened:
        opened.execute("create table scores (city text, score real)")
        opened.execute("insert into scores values ('Oslo', 9.5), ('Bergen', 8)")
    opened.close()
    shown_by_blocks = run_page(
        PATH,
        runs,
        AIRFLOW_CONN_SLACK=workspace.get_uri(),
        AIRFLOW_CONN_ALERTS=webhook.get_uri(),
        AIRFLOW_CONN_WAREHOUSE=f"sqlite:///{tmp_path}/warehouse.db",
    )
    printed = [
        line.strip() for line in re.search(r"^( {4}Connection 'slack': .*\n)( .*\n)", PAGE, re.MULTILINE).groups()
    ]
    assert " ".join(printed) in shown_by_blocks
    assert (tmp_path / "back.csv").read_text() == "city,score\nBergen,1\n"
    shown = control.act("messages", channel="alerts")
    assert shown[0]["text"] == "Loaded *7* rows"
    assert shown[1]["text"].endswith(" begins")
    assert shown[1]["replies"][0]["files"][0]["name"].startswith("scores-")
    names = [file["name"].rpartition(".")[2] for one in shown[2:] for file in one.get("files", ())]
    assert names == ["xlsx", "csv"]
    assert any("Oslo      9.5\nBergen    8.0\n```" in one["text"] for one in shown[2:])
    assert Control(webhook).act("messages", channel="general")[0]["text"].endswith(" is done")


def test_every_extra_and_action_is_told_of():
    def told(head):
        table = PAGE.partition(head)[2].partition("\n\n")[0]
        rows = [line.split("|")[1] for line in table.splitlines() if line.count("|") > 2]
        return {name for row in rows for name in re.findall(r"`([a-z_]+)", row)}

    assert told("| extra | what it does |") == {extra.name for extra in SLACK}
    assert told("| action | what happens |") == set(ACTIONS)


def test_every_method_of_the_sandbox_is_told_of():
    assert SlackService.version
    text = PAGE.partition("**What it does as Slack does.**")[2].partition("uploads and")[0]
    family, found = "", set()
    for name in re.findall(r"`([\w.]+)`", text):
        before, dot, last = name.rpartition(".")
        family = before if dot else family
        found.add(f"{family}.{last}")
    assert found == {*METHODS, "api.test"}
