"""The joined pipeline, and the demo, which is a week of it: under a real scheduler, on sandboxes."""

from __future__ import annotations

import importlib.util
import os
import pty
import re
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from tradewind import Connection
from tradewind.sandbox import Control
from tradewind.states import RunState
from tradewind_aws import S3Hook
from tradewind_gsheet import GSheetsHook
from tradewind_mysql import MySqlHook
from tradewind_postgres import PostgresHook

EXAMPLES = Path(__file__).parents[2] / "examples"
CONNECTIONS = {
    "survey": "mysql",
    "warehouse": "postgres",
    "lake": "s3",
    "sheets": "google_cloud_platform",
    "chat": "slack",
}


@pytest.fixture(scope="module")
def sample():
    spec = importlib.util.spec_from_file_location("nps_sample", EXAMPLES / "nps_sample.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def here(deploy, sandbox, connection):
    """A scheduler with the pipeline for two days in its DAG folder, on sandboxes."""
    for conn_id, conn_type in CONNECTIONS.items():
        connection(conn_id, sandbox(conn_type))
    made = deploy()
    folder = Path(made.settings.dags_folder)
    shutil.copytree(EXAMPLES / "sql", folder / "sql")
    for name in ("nps_sample.py", ".tradewindignore"):
        shutil.copy(EXAMPLES / name, folder)
    text = (EXAMPLES / "nps_pipeline.py").read_text(encoding="utf-8")
    for before, after in (
        ("datetime(2025, 11, 3,", "datetime(2025, 11, 5,"),
        ("datetime(2025, 11, 9,", "datetime(2025, 11, 6,"),
    ):
        assert text.count(before) == 1
        text = text.replace(before, after)
    made.write("nps_pipeline.py", text)
    return made


def summary_of(sample, day):
    """The row that a day should have, worked out without any database."""
    last = {answer.response_id: answer.score for answer in sample.answers(day)}
    scores = [score for score in last.values() if score is not None]
    promoters, detractors = sum(score >= 9 for score in scores), sum(score <= 6 for score in scores)
    nps = round(Decimal(100 * (promoters - detractors)) / len(scores), 1)
    target = max((since, target) for since, target in sample.TARGETS if since <= day)[1]
    passives = len(scores) - promoters - detractors
    blank = len(last) - len(scores)
    return (day, len(scores), promoters, passives, detractors, blank, nps, Decimal(target), nps >= target)


def everything(slack):
    """What the pipeline leaves in every place."""
    with GSheetsHook("sheets") as sheets:
        sheet = sheets.get_values(sheets.resolve("NPS by day"), "Summary")
    warehouse, lake = PostgresHook("warehouse"), S3Hook("lake")
    keys = lake.list_keys("surveys")
    return {
        "summary": warehouse.get_records("SELECT * FROM nps.by_day ORDER BY day"),
        "answers": warehouse.get_first("SELECT count(*), sum(score), max(received_at) FROM nps.answers"),
        "files": [(key, lake.head_object(key, "surveys")["ETag"]) for key in keys],
        "sheet": sheet,
        "threads": [(one["text"], [reply["text"] for reply in one["replies"]]) for one in messages(slack)],
    }


def messages(slack):
    return slack.act("messages", channel="#nps")


def states(here):
    """Day -> state of its run, once both have ended."""

    def ended():
        if here.store.requests():
            return False
        runs = here.store.runs("nps")
        return len(runs) == 2 and all(run.state.is_finished and not run.callback_due for run in runs)

    here.until(ended, timeout=120)
    return {run.logical_date.day: run.state for run in here.store.runs("nps")}


def test_a_day_that_fails_is_told_of_cleared_and_right_and_doing_it_again_changes_nothing(here, sample):
    here.start()
    assert states(here) == {5: RunState.SUCCESS, 6: RunState.FAILED}
    slack = Control(Connection.get("chat"))
    (late,) = [one for one in messages(slack) if "2025-11-06" in one["text"]]
    assert "failed, 1 of 12 tasks failed" in late["text"]
    assert "--run scheduled__2025-11-06T00:00:00+00:00 --only-failed" in str(late["blocks"])
    assert not late.get("replies")

    assert sample.deliver_late(MySqlHook("survey")) > 20_000
    here.cli("tasks", "clear", "nps", "--run", "scheduled__2025-11-06T00:00:00+00:00", "-t", "land", "-d", "-y")
    assert states(here) == {5: RunState.SUCCESS, 6: RunState.SUCCESS}, here.failures("nps")
    first = everything(slack)
    days = [sample.LATE_DAY.replace(day=5), sample.LATE_DAY]
    assert first["summary"] == [summary_of(sample, day) for day in days]
    assert [row[0] for row in first["sheet"]] == ["day", "2025-11-05", "2025-11-06"]
    assert [row[6] for row in first["sheet"][1:]] == [str(summary_of(sample, day)[6]) for day in days]
    assert [key for key, _ in first["files"]] == [f"answers/day={day}/answers.csv.gz" for day in days]
    assert [len(replies) for _, replies in first["threads"]] == [1, 1]
    assert [text.partition(": ")[2] for text, _ in first["threads"]] == ["success", "success, after tasks had failed"]

    here.cli("tasks", "clear", "nps", "-s", "2025-11-05", "-e", "2025-11-06", "-y")
    assert states(here) == {5: RunState.SUCCESS, 6: RunState.SUCCESS}, here.failures("nps")
    assert everything(slack) == first


@pytest.fixture
def environ(tmp_path):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TRADEWIND_", "AIRFLOW_"))}
    return {**kept, "HOME": str(tmp_path), "TRADEWIND_HOME": str(tmp_path / "home")}


def run_on_terminal(command, environ):
    """Exit code, and everything that was shown."""
    ours, theirs = pty.openpty()
    environ = {**environ, "TERM": "xterm", "COLUMNS": "140"}
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environ) as process:
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 4096):
                shown += chunk
        except OSError:
            pass  # Linux says so when the other end is closed
        code = process.wait(timeout=240)
    os.close(ours)
    return code, shown.decode()


def run_in_pipe(command, environ):
    done = subprocess.run(command, capture_output=True, text=True, env=environ, timeout=280)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("run", [run_on_terminal, run_in_pipe])
def test_the_demo_ends_by_itself_with_the_right_summary(environ, sample, run, sandbox):
    for conn_type in CONNECTIONS.values():
        sandbox(conn_type)  # skips the test where a server is missing
    code, shown = run([sys.executable, str(EXAMPLES / "demo.py")], environ)
    assert code == 0, shown
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)
    home = Path(environ["TRADEWIND_HOME"])
    sheet = (home / "sheet.html").read_text(encoding="utf-8")
    channel = (home / "channel.html").read_text(encoding="utf-8")
    for day in sample.days():
        _, answers, promoters, passives, detractors, blank, nps, target, reached = summary_of(sample, day)
        numbers = (f"{number:,}" for number in (answers, promoters, passives, detractors, blank))
        cells = [str(day), *numbers, str(nps), f"{target:.1f}", "yes" if reached else "no"]
        assert re.search(r"\W+".join(map(re.escape, cells)), text), cells
        assert f">{nps}<" in sheet
        assert f"{answers:,} answers" in channel
        assert f"run scheduled__{day}T00:00:00+00:00: success" in channel
    assert f"{sample.LATE_DAY} failed, as it should" in text
    assert "❌ `enough` failed, try 1 of 1" in text
    assert channel.count("1 reply") == sample.DAYS
    for name in ("sheet.html", "channel.html"):
        assert (home / name).as_uri() in text
    links = re.findall("""href=["']?([^"'> ]*)""", sheet + channel)
    assert links
    assert all(link.startswith(("#", "data:")) for link in links), links
    assert "</nav>" in channel
