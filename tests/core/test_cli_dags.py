"""`tradewind dags`, `tasks`, `runs`, `db` and `run` on a real database, with a real scheduler where one is needed."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, event, insert, select

from tradewind import settings, tables
from tradewind.cli import main
from tradewind.cli.tree import draw
from tradewind.parser import parse_file
from tradewind.records import DagSpec, NewRun, TaskSpec
from tradewind.scheduler.service import Service, ensure_folders
from tradewind.states import RunType
from tradewind.store import open_store

DAG_FILE = '''
"""Two DAGs for the command line to look at."""

import datetime

from tradewind import DAG, Label, task
from tradewind.operators.bash import BashOperator

START = datetime.datetime(2025, 3, 3, tzinfo=datetime.UTC)

with DAG("daily", schedule="@daily", start_date=START, end_date=START + datetime.timedelta(days=1), catchup=True,
         tags=["nightly"], params={"word": "hello"}, description="Says a word") as daily:
    first = BashOperator(task_id="first", bash_command="echo {{ params.word }} on {{ ds }}")
    second = BashOperator(task_id="second", bash_command="echo second")
    third = BashOperator(task_id="third", bash_command="false")
    last = BashOperator(task_id="last", bash_command="echo last")
    first >> Label("left") >> second >> last
    first >> third >> last

with DAG("by_hand", schedule=None, start_date=START, params={"n": 1}) as by_hand:

    @task
    def shout(params=None, ds=None):
        print("the number is", params["n"], "on", ds)
        return params["n"]

    shout()
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A home whose scheduler has run what was due: `daily` failed twice, on its third task."""
    home = tmp_path_factory.mktemp("home")
    (home / "dags").mkdir()
    (home / "dags" / "two.py").write_text(DAG_FILE)
    (home / "dags" / "broken.py").write_text("from tradewind import DAG\n\nDAG('x', shedule=None)\n")
    environ = {"TRADEWIND_HOME": str(home), "PATH": os.environ["PATH"]}
    in_force = settings.read(environ)
    with pytest.MonkeyPatch.context() as patch, open_store(in_force, create=True) as store:
        patch.setenv("TRADEWIND_HOME", str(home))
        now = datetime.datetime.now(datetime.UTC)
        for name in ("two.py", "broken.py"):
            store.save_parsed(parse_file(home / "dags" / name, timeout=30, memory_mb=1024), now)
        ensure_folders(in_force)
        deadline = time.monotonic() + 60
        Service(store, in_force, watch=False).run(
            until=lambda: time.monotonic() > deadline or [run.state for run in store.runs("daily")] == ["failed"] * 2
        )
    return home


@pytest.fixture
def home(folder, monkeypatch):
    monkeypatch.setenv("TRADEWIND_HOME", str(folder))
    return folder


@pytest.fixture
def own_home(tmp_path, monkeypatch):
    """A home of its own, with the two DAGs read and nothing run."""
    home = tmp_path / "home"
    (home / "dags").mkdir(parents=True)
    (home / "dags" / "two.py").write_text(DAG_FILE)
    monkeypatch.setenv("TRADEWIND_HOME", str(home))
    with open_store(settings.read(), create=True) as store:
        parsed = parse_file(home / "dags" / "two.py", timeout=30, memory_mb=1024)
        store.save_parsed(parsed, datetime.datetime.now(datetime.UTC))
    return home


@pytest.fixture
def tell(capsys):
    def run(*arguments: str, code: int = 0) -> str:
        assert main(list(arguments)) == code, capsys.readouterr().err
        return capsys.readouterr().out

    return run


@pytest.fixture
def fail(capsys):
    def run(*arguments: str) -> str:
        assert main(list(arguments)) == 2
        printed = capsys.readouterr()
        assert len(printed.err.splitlines()) == 1, printed.err
        return printed.err

    return run


def test_dags_are_listed(home, tell, capsys):
    rows = {row["dag_id"]: row for row in json.loads(tell("dags", "list", "-o", "json"))}
    assert sorted(rows) == ["by_hand", "daily"]
    assert rows["daily"]["schedule"] == "0 0 * * *"
    assert rows["daily"]["next_run"] is None
    assert rows["daily"]["last_run"] == "2025-03-04T00:00:00Z"
    assert [row["dag_id"] for row in json.loads(tell("dags", "list", "--tag", "nightly", "-o", "json"))] == ["daily"]
    main(["dags", "list"])
    assert "tradewind dags errors" in capsys.readouterr().err


def test_a_dag_is_shown_with_its_tree(home, tell):
    shown = tell("dags", "show", "daily")
    assert "Says a word" in shown
    assert [line.strip() for line in shown.splitlines()][-5:] == [
        "tasks             first <BashOperator>",
        "├─ [left] second <BashOperator>",
        "│  └─ last <BashOperator> ...",
        "└─ third <BashOperator>",
        "└─ last <BashOperator>",
    ]
    assert json.loads(tell("dags", "show", "daily", "-o", "json"))["params"] == {"word": "hello"}


def test_an_unknown_dag_is_an_error_with_the_nearest_name(home, fail):
    for command in ("show", "pause", "trigger", "state", "next"):
        assert "did you mean 'daily'?" in fail("dags", command, "dayly")
    assert "did you mean 'daily'?" in fail("runs", "list", "dayly")
    assert "did you mean 'daily'?" in fail("tasks", "why", "dayly", "first")
    assert "`tradewind dags errors` the 1 file(s) that cannot be read" in fail("dags", "show", "x")


def test_files_that_cannot_be_read_are_listed_with_line_and_reason(home, tell):
    (row,) = json.loads(tell("dags", "errors", "-o", "json"))
    assert row["file"].endswith("broken.py")
    assert row["line"] == 3
    assert "did you mean 'schedule'" in row["error"]
    assert "DAG('x', shedule=None)" in row["traceback"]


def test_runs_are_listed_newest_first(home, tell):
    rows = json.loads(tell("runs", "list", "daily", "-o", "json"))
    assert [(row["state"], row["logical_date"]) for row in rows] == [
        ("failed", "2025-03-04T00:00:00Z"),
        ("failed", "2025-03-03T00:00:00Z"),
    ]
    assert json.loads(tell("runs", "list", "daily", "--state", "success", "-o", "json")) == []
    assert len(json.loads(tell("runs", "list", "-d", "daily", "-n", "1", "-o", "json"))) == 1


def test_a_run_is_found_by_its_id_its_date_or_as_the_newest(home, tell, fail):
    for name in ([], ["2025-03-03"], ["2025-03-03T01:00:00+01:00"], ["scheduled__2025-03-03T00:00:00+00:00"]):
        assert tell("dags", "state", "daily", *name) == "failed\n"
    assert "called '2025-03-09'; `tradewind runs list daily` shows" in fail("dags", "state", "daily", "2025-03-09")
    assert "has no run yet" in fail("dags", "state", "by_hand")


def test_states_of_tasks(home, tell, capsys):
    assert tell("tasks", "state", "daily", "third") == "failed\n"
    rows = json.loads(tell("tasks", "states", "daily", "2025-03-03", "-o", "json"))
    assert {row["task_id"]: (row["state"], row["tries"]) for row in rows} == {
        "first": ("success", 1),
        "second": ("success", 1),
        "third": ("failed", 1),
        "last": ("upstream_failed", 0),
    }
    assert main(["tasks", "states", "daily"]) == 0
    assert capsys.readouterr().err == "scheduled__2025-03-04T00:00:00+00:00: failed\n"


def test_the_log_of_a_task_is_printed(home, tell, fail):
    assert "hello on 2025-03-03" in tell("tasks", "logs", "daily", "first", "2025-03-03")
    assert "hello on 2025-03-04" in tell("tasks", "logs", "daily", "first", "--follow")
    assert "has not been started" in fail("tasks", "logs", "daily", "last")
    assert "has had 1 try so far, and no try 7" in fail("tasks", "logs", "daily", "first", "--try", "7")


def test_why_says_what_happened(home, tell):
    assert "as upstream_failed: it needs third, which failed\n" in tell("tasks", "why", "daily", "last")


@pytest.mark.parametrize("arguments", [["tasks", "list", "daily"], ["tasks", "list", "daily", "--tree"]])
def test_tasks_are_listed(home, tell, arguments):
    shown = tell(*arguments)
    assert [name for name in ("first", "second", "third", "last") if name in shown] == [
        *("first", "second", "third", "last")
    ]


def test_tasks_of_a_file_need_no_database(tmp_path, monkeypatch, tell):
    monkeypatch.setenv("TRADEWIND_HOME", str(tmp_path / "nothing"))
    path = tmp_path / "two.py"
    path.write_text(DAG_FILE)
    assert "shout <" in tell("tasks", "list", "by_hand", "--tree", "--file", str(path))
    assert not (tmp_path / "nothing").exists()


def test_next_runs_follow_the_schedule(own_home, tell, capsys):
    rows = json.loads(tell("dags", "next", "daily", "-n", "9", "-o", "json"))
    assert [row["logical_date"] for row in rows] == ["2025-03-03T00:00:00Z", "2025-03-04T00:00:00Z"]
    main(["dags", "next", "by_hand"])
    assert capsys.readouterr().err == "by_hand has no schedule: it runs when it is triggered.\n"


def test_pause_and_unpause(own_home, tell):
    def paused():
        return {row["dag_id"]: row["paused"] for row in json.loads(tell("dags", "list", "-o", "json"))}

    tell("dags", "pause", "daily")
    assert paused() == {"by_hand": False, "daily": True}
    tell("dags", "unpause", "daily")
    assert paused() == {"by_hand": False, "daily": False}


def test_a_run_is_triggered_with_parameters(own_home, tell, fail):
    made = json.loads(
        tell("dags", "trigger", "by_hand", "-c", '{"n": 5}', "-r", "mine", "-e", "2025-03-05", "-o", "json")
    )
    assert made == {"dag_id": "by_hand", "run_id": "mine", "state": "queued", "logical_date": "2025-03-05T00:00:00Z"}
    assert "has a run 'mine' already" in fail("dags", "trigger", "by_hand", "-r", "mine")
    tell("dags", "trigger", "by_hand")
    assert len(json.loads(tell("runs", "list", "by_hand", "-o", "json"))) == 2
    with open_store(settings.read()) as store:
        assert store.run("by_hand", "mine").conf == {"n": 5}


def test_without_a_scheduler_why_says_so(own_home, tell):
    tell("dags", "trigger", "by_hand")
    assert "no scheduler is at work" in tell("tasks", "why", "by_hand", "shout")


def test_what_nobody_will_start_is_told_when_it_is_asked_for(own_home, tell, capsys):
    for arguments in (["dags", "trigger", "by_hand", "-r", "one"], ["tasks", "clear", "by_hand", "-r", "one", "-y"]):
        tell("runs", "mark", "by_hand", "one", "success") if arguments[0] == "tasks" else None
        assert main(arguments) == 0
        assert "No scheduler is at work" in capsys.readouterr().err


def test_a_misspelt_param_is_told_and_any_other_key_is_not(own_home, capsys):
    for command in (["dags", "trigger", "by_hand"], ["dags", "test", "by_hand"], ["tasks", "test", "by_hand", "shout"]):
        assert main([*command, "-c", '{"N": 5, "nn": 1, "unrelated": 2}']) == 0
        told = capsys.readouterr().err
        assert "by_hand has no param 'nn'; did you mean 'n'?" in told
        assert "unrelated" not in told


def test_marking_and_deleting_runs_needs_no_scheduler(own_home, tell):
    tell("dags", "trigger", "by_hand", "-r", "one")
    tell("runs", "mark", "by_hand", "one", "failed")
    assert tell("dags", "state", "by_hand", "one") == "failed\n"
    tell("tasks", "mark", "by_hand", "shout", "success", "one")
    assert tell("tasks", "state", "by_hand", "shout", "one") == "success\n"
    tell("runs", "delete", "by_hand", "one", "-y")
    assert json.loads(tell("runs", "list", "by_hand", "-o", "json")) == []


def test_clear_shows_what_it_would_do_and_asks(own_home, tell, fail, capsys):
    tell("dags", "trigger", "daily", "-r", "one")
    tell("runs", "mark", "daily", "one", "success")
    rows = json.loads(tell("tasks", "clear", "daily", "-t", "second", "-d", "--dry-run", "-o", "json"))
    assert [row["task_id"] for row in rows] == ["second", "last"]
    rows = json.loads(tell("tasks", "clear", "daily", "-t", "s.*|th.*", "-u", "--dry-run", "-o", "json"))
    assert sorted(row["task_id"] for row in rows) == ["first", "second", "third"]
    assert main(["tasks", "clear", "daily", "-t", "second"]) == 2
    assert "--yes" in capsys.readouterr().err
    tell("tasks", "clear", "daily", "-t", "second", "-y")
    assert tell("tasks", "state", "daily", "second") == "none\n"
    assert tell("tasks", "state", "daily", "first") == "success\n"


@pytest.mark.parametrize(
    "command",
    [
        ["tasks", "state", "by_hand", "shout", "2025-03-05"],
        ["tasks", "clear", "by_hand", "-s", "2025-03-05", "-e", "2025-03-05", "--dry-run"],
    ],
)
def test_a_run_is_found_by_its_date_without_reading_the_others(own_home, tell, command):
    at = datetime.datetime(2025, 3, 5, tzinfo=datetime.UTC)
    with open_store(settings.read()) as store:
        assert store.create_run(NewRun("by_hand", "first", RunType.MANUAL, at, at, at), at)
    engine = create_engine(f"sqlite:///{own_home / 'tradewind.db'}")
    with engine.begin() as connection:
        first = dict(connection.execute(select(tables.runs)).mappings().one())
        rows = [first | {"id": number, "run_id": f"run{number}"} for number in range(2, 10_000)]
        for row in rows:
            row["logical_date"] += datetime.timedelta(minutes=row["id"])
        connection.execute(insert(tables.runs), rows)
    engine.dispose()
    steps = 0

    def count():
        nonlocal steps
        steps += 1

    def watch(connection, record):
        connection.set_progress_handler(count, 1)

    event.listen(Engine, "connect", watch)
    try:
        tell(*command)
    finally:
        event.remove(Engine, "connect", watch)
    assert 0 < steps < 10_000  # of SQLite's virtual machine, which takes several for each row


def test_clear_takes_dates_or_one_run(own_home, tell, fail):
    for day in ("2025-03-05", "2025-03-06", "2025-03-07"):
        tell("dags", "trigger", "by_hand", "-e", day, "-r", day)
        tell("runs", "mark", "by_hand", day, "failed")
    rows = json.loads(
        tell("tasks", "clear", "by_hand", "-s", "2025-03-05", "-e", "2025-03-06", "--dry-run", "-o", "json")
    )
    assert [row["run_id"] for row in rows] == ["2025-03-05", "2025-03-06"]
    assert "not both" in fail("tasks", "clear", "by_hand", "-s", "2025-03-05", "-r", "2025-03-06")
    assert "no run between" in fail("tasks", "clear", "by_hand", "-s", "2031-01-01")
    assert "regular expression" in fail("tasks", "clear", "by_hand", "-t", "(")
    assert "No task of by_hand matches 'nonsense'; `tradewind tasks list by_hand` shows them." in fail(
        "tasks", "clear", "by_hand", "-t", "nonsense"
    )


def test_deleting_a_dag_forgets_its_runs(own_home, tell, fail):
    tell("dags", "trigger", "by_hand")
    assert "--yes" in fail("dags", "delete", "by_hand")
    tell("dags", "delete", "by_hand", "--yes")
    assert "There is no DAG 'by_hand'" in fail("dags", "show", "by_hand")


def test_a_task_is_tested_without_its_upstream(home, tell):
    shown = tell("tasks", "test", "by_hand", "shout", "2025-03-03", "-c", '{"n": 7}')
    assert "the number is 7 on 2025-03-03" in shown
    assert "returned 7" in shown
    assert "shout: success" in shown
    assert "third: failed" in tell("tasks", "test", "daily", "third", code=1)


def test_templates_are_rendered_and_masked(home, tell, monkeypatch):
    assert "echo hello on 2025-03-03" in tell("tasks", "render", "daily", "first", "2025-03-03")
    monkeypatch.setenv("TRADEWIND_CONN_DB", "generic://me:geheim123@host")
    secret = home / "dags" / "secret.py"
    secret.write_text(
        "from tradewind import DAG\n"
        "from tradewind.operators.bash import BashOperator\n"
        "with DAG('secret'):\n"
        "    BashOperator(task_id='leak', bash_command='psql {{ conn.db.get_uri() }}', env={'X': 'geheim123'})\n"
    )
    shown = tell("tasks", "render", "secret", "leak", "-o", "json")
    assert "***" in shown
    assert "geheim123" not in shown
    secret.unlink()


def test_a_dag_of_the_folder_is_tested_by_its_id(home, tell, fail, capsys):
    assert "the number is 1" in tell("dags", "test", "by_hand")
    assert main(["dags", "test", "daily", "2025-03-03"]) == 1
    printed = capsys.readouterr().err
    assert "✗ third  failed" in printed
    assert "daily: failed after" in printed
    assert "did you mean 'daily'?" in fail("dags", "test", "dayly")


def test_a_file_is_run_in_this_process(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TRADEWIND_HOME", str(tmp_path / "nothing"))
    path = tmp_path / "two.py"
    path.write_text(DAG_FILE)
    assert main(["run", str(path), "--dag", "by_hand", "--logical-date", "2025-03-03", "--conf", '{"n": 3}']) == 0
    printed = capsys.readouterr()
    assert printed.out == "the number is 3 on 2025-03-03\n"
    assert "✓ shout  success" in printed.err
    assert "by_hand: success after" in printed.err
    assert not (tmp_path / "nothing").exists()


def test_a_run_that_is_interrupted_says_of_each_task_how_it_ended(tmp_path, capsys):
    path = tmp_path / "file.py"
    path.write_text(
        "from tradewind import DAG\n"
        "from tradewind.operators.bash import BashOperator\n"
        "with DAG('stopped') as dag:\n"
        f"    stop = BashOperator(task_id='stop', bash_command='kill -INT {os.getpid()}; sleep 60')\n"
        "    stop >> BashOperator(task_id='after', bash_command='true')\n"
    )
    assert main(["run", str(path)]) == 130
    told = capsys.readouterr().err
    assert "✗ stop  failed" in told
    assert "- after  skipped  interrupted\n" in told
    assert "Traceback" not in told  # all of its frames are those of tradewind and of Python
    assert told.endswith("Interrupted.\n")


def test_a_breakpoint_stops_the_live_line_and_opens_a_debugger(tmp_path):
    path = tmp_path / "stop.py"
    path.write_text(
        "from tradewind import DAG, task\n"
        "with DAG('stop'):\n"
        "    @task\n"
        "    def stop():\n"
        "        x = 41\n"
        "        breakpoint()\n"
        "        print('went on with', x)\n"
        "    stop()\n"
    )
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "tradewind", "run", str(path)]
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONBREAKPOINT"}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environ) as process:
        os.close(theirs)
        shown = b""
        os.write(ours, b"p 'x is', x + 1\nx = 7\nc\n")
        with contextlib.suppress(OSError):
            while chunk := os.read(ours, 4096):
                shown += chunk
        assert process.wait(timeout=60) == 0
    os.close(ours)
    assert "('x is', 42)" in shown.decode()
    assert "went on with" in shown.decode()


def test_what_a_file_prints_is_masked(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TRADEWIND_HOME", str(tmp_path / "nothing"))
    monkeypatch.setenv("TRADEWIND_CONN_DB", "generic://me:geheim123@host")
    path = tmp_path / "leak.py"
    path.write_text(
        "from tradewind import DAG, BaseHook, task\n"
        "with DAG('leak'):\n"
        "    @task\n"
        "    def leak():\n"
        "        password = BaseHook.get_connection('db').password\n"
        "        print('printed', password)\n"
        "        raise ValueError('raised ' + password)\n"
        "    leak()\n"
    )
    assert main(["run", str(path)]) == 1
    printed = capsys.readouterr()
    assert printed.out == "printed ***\n"
    assert "raised ***" in printed.err
    assert "geheim123" not in printed.err


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("x = 1\n", "makes no DAG"),
        (DAG_FILE, "has the DAGs by_hand, daily: name one of them with --dag"),
        (
            "import nonsense_that_is_not_there\n",
            "line 1: ModuleNotFoundError: No module named 'nonsense_that_is_not_there'\n",
        ),
        ("x = 1\n(\n", "line 2: SyntaxError"),
        ("import sys\nsys.exit(3)\n", "line 2: SystemExit"),
        ("from tradewind import DAG\nDAG('x', shedule=1)\n", "did you mean 'schedule'"),
    ],
)
def test_a_file_that_cannot_be_run_is_one_red_line(source, told, tmp_path, fail):
    path = tmp_path / "file.py"
    path.write_text(source)
    assert told in fail("run", str(path))


def test_a_dag_that_its_file_does_not_have_is_told_with_those_it_has(tmp_path, fail):
    path = tmp_path / "file.py"
    path.write_text(DAG_FILE)
    told = f"{path} has no DAG 'dayly', but: by_hand, daily.\n"
    assert fail("run", str(path), "--dag", "dayly") == fail("dags", "test", "dayly", "-f", str(path)) == told


def test_a_parameter_that_breaks_its_schema_is_an_error(own_home, fail):
    path = own_home / "dags" / "strict.py"
    path.write_text(
        "from tradewind import DAG, Param\n"
        "from tradewind.operators.empty import EmptyOperator\n"
        "with DAG('strict', params={'n': Param(1, type='integer')}):\n"
        "    EmptyOperator(task_id='only')\n"
    )
    assert "'n'" in fail("run", str(path), "-c", '{"n": "many"}')
    with open_store(settings.read()) as store:
        parsed = parse_file(path, timeout=30, memory_mb=1024)
        store.save_parsed(parsed, datetime.datetime.now(datetime.UTC))
    assert "'n'" in fail("dags", "trigger", "strict", "-c", '{"n": "many"}')


def test_a_broken_file_is_named_with_its_line_wherever_one_stands(tmp_path, monkeypatch, fail):
    (tmp_path / "broken.py").write_text("from tradewind import DAG\n\nDAG('x', nonsense=1)\n")
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    for place in ("../broken.py", str(tmp_path / "broken.py")):
        assert f"{tmp_path}/broken.py, line 3: " in fail("run", place)


def test_the_database_is_checked_cleaned_and_reset(own_home, tell, fail):
    assert "is in order" in tell("db", "check")
    tell("dags", "trigger", "by_hand", "-r", "old", "-e", "2025-03-05")
    tell("dags", "trigger", "by_hand", "-r", "new", "-e", "2025-03-06")
    for run in ("old", "new"):
        tell("runs", "mark", "by_hand", run, "failed")
    counts = json.loads(tell("db", "clean", "--before", "2100-01-01", "--dry-run", "-o", "json"))
    assert {row["table"]: row["rows"] for row in counts}["runs"] == 1
    assert "--yes" in fail("db", "clean", "--before", "2100-01-01")
    tell("db", "clean", "--before", "2100-01-01", "-y")
    assert [row["run_id"] for row in json.loads(tell("runs", "list", "-o", "json"))] == ["new"]
    assert "--yes" in fail("db", "reset")
    tell("db", "reset", "-y")
    assert json.loads(tell("dags", "list", "-o", "json")) == []


def test_pools_are_kept(own_home, tell, fail):
    tell("pools", "set", "narrow", "2", "calls to the shop")
    tell("pools", "set", "narrow", "3")
    narrow = {"pool": "narrow", "slots": 3, "description": "calls to the shop"}
    assert json.loads(tell("pools", "list", "-o", "json"))[-1] == narrow
    assert json.loads(tell("pools", "get", "narrow", "-o", "json")) == narrow
    assert "no pool 'wide'" in fail("pools", "get", "wide")
    tell("pools", "delete", "narrow", "-y")
    assert "narrow" in fail("pools", "delete", "narrow", "-y")


def test_pools_are_exported_and_imported(own_home, tell, fail, tmp_path):
    file = tmp_path / "pools.json"
    api = '{"slots": 2, "description": "größe", "include_deferred": false}'
    file.write_text(f'{{"api": {api}, "db": {{"slots": 0}}}}', encoding="utf-8")
    tell("pools", "import", str(file))
    tell("pools", "export", str(tmp_path / "all.json"))
    assert json.loads((tmp_path / "all.json").read_text(encoding="utf-8")) == {
        "api": {"slots": 2, "description": "größe"},
        "db": {"slots": 0, "description": ""},
        "default_pool": {"slots": 128, "description": ""},
    }
    for wrong in ('{"new": {"slots": 1}, "api": {}}', '{"new": {"slots": 1}, "api": {"slots": -1}}', "[]", "{"):
        file.write_text(wrong)
        assert "Nothing was stored" in fail("pools", "import", str(file))
    assert "new" not in tell("pools", "list")


def test_info_tells_of_a_database_that_is_not_there(tmp_path, monkeypatch, tell):
    monkeypatch.setenv("TRADEWIND_HOME", str(tmp_path / "nothing"))
    monkeypatch.setenv("TRADEWIND_DATABASE_URL", f"sqlite:///{tmp_path}/nothing/x.db")
    shown = json.loads(tell("info", "-o", "json"))
    assert "There is no metadata database" in shown["database_state"]
    assert not (tmp_path / "nothing").exists()


def wait_for(condition, what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def test_standalone_runs_what_is_triggered_follows_its_log_and_stops_on_ctrl_c(tmp_path, monkeypatch, tell, capsys):
    home = tmp_path / "home"
    monkeypatch.setenv("TRADEWIND_HOME", str(home))
    command = [sys.executable, "-m", "tradewind", "standalone"]
    with running(command) as process:
        wait_for(lambda: (home / "tradewind.db").exists(), "standalone makes the database")
        flag = tmp_path / "flag"
        (home / "dags" / "slow.py").write_text(
            "from tradewind import DAG\n"
            "from tradewind.operators.bash import BashOperator\n"
            "with DAG('slow'):\n"
            f"    BashOperator(task_id='wait', bash_command='echo begun; while [ ! -e {flag} ]; do sleep 0.05; done')\n"
        )
        wait_for(lambda: main(["dags", "trigger", "slow", "-r", "one"]) == 0, "standalone reads the new DAG file")
        assert "No scheduler" not in capsys.readouterr().err
        (home / "dags" / "broken.py").write_text("from tradewind import DAG\nDAG(\n")
        (home / "dags" / "twin.py").write_text("from tradewind import DAG\ndag = DAG('slow')\n")
        release = threading.Timer(1.0, flag.touch)
        release.start()
        followed = tell("tasks", "logs", "slow", "wait", "-f")
        assert flag.exists()
        assert "begun" in followed
        assert "success" in followed
        wait_for(lambda: tell("dags", "state", "slow") == "success\n", "the run ends")
        wait_for(lambda: "broken.py" in tell("dags", "errors"), "standalone reads the broken file")
        wait_for(lambda: "twin.py" in tell("dags", "errors"), "standalone reads the file with a DAG id that is taken")
        shown = json.loads(tell("info", "-o", "json"))
        assert f"process {process.pid}, at work" in shown["schedulers"][0]
        assert main(["db", "reset", "-y"]) == 2
        assert (
            f"A scheduler is at work on sqlite:///{home}/tradewind.db (process {process.pid}" in capsys.readouterr().err
        )
        assert f"A scheduler (process {process.pid}" in subprocess.run(command, capture_output=True, text=True).stderr
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert str(home) in out
    assert f"{home}/dags/broken.py, line 2 cannot be read: SyntaxError" in err
    assert f"{home}/dags/twin.py: Duplicate DAG id: the DAG 'slow' is in {home}/dags/slow.py already." in err
    assert "Traceback" not in err
    assert err.endswith("Stopped.\n")


@contextlib.contextmanager
def running(command: list[str]):
    """A process that does not outlive the block, however that ends."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_examples_of_paths_are_printed_by_info(home, tell):
    shown = json.loads(tell("info", "-o", "json"))
    assert Path(shown["home"]) == home
    assert (shown["dags"], shown["import_failures"], shown["schedulers"]) == (2, 1, [])


def test_a_very_long_chain_can_be_drawn():
    chain = tuple(TaskSpec(f"t{at}", "Op", upstream=(f"t{at - 1}",) if at else ()) for at in range(3000))
    lines = draw(DagSpec("long", chain)).splitlines()
    assert len(lines) == 3000
    assert lines[2999].endswith("└─ t2999 <Op>")


def test_a_task_that_needs_several_is_drawn_out_once():
    spec = DagSpec("d", (TaskSpec("a", "Op"), TaskSpec("b", "Op"), TaskSpec("c", "Op", upstream=("a", "b"))))
    assert draw(spec).splitlines() == ["a <Op>", "└─ c <Op> ...", "b <Op>", "└─ c <Op>"]


def complete(line):
    """What is offered for the last word of a line."""
    words = {"_TRADEWIND_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    command = [sys.executable, "-m", "tradewind"]
    done = subprocess.run(command, env={**os.environ, **words}, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    return [one.removeprefix("plain,") for one in done.stdout.split()]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("tradewind dags pause d", ["daily"]),
        ("tradewind tasks logs daily ", ["first", "last", "second", "third"]),
        ("tradewind tasks logs daily s", ["second"]),
        ("tradewind tasks logs no_such_dag ", []),
        ("tradewind tasks state daily first ", [f"scheduled__2025-03-0{day}T00:00:00+00:00" for day in (4, 3)]),
        ("tradewind tasks clear daily --run scheduled__2025-03-04", ["scheduled__2025-03-04T00:00:00+00:00"]),
        ("tradewind connections get ware", ["warehouse"]),
        ("tradewind sql ware", ["warehouse"]),
    ],
)
def test_the_shell_completes_ids(home, monkeypatch, line, offered):
    monkeypatch.setenv("TRADEWIND_CONN_WAREHOUSE", "this is not a connection")
    assert sorted(complete(line)) == sorted(offered)


def test_completing_says_nothing_where_nothing_works(tmp_path, monkeypatch):
    monkeypatch.setenv("TRADEWIND_HOME", str(tmp_path / "nowhere"))
    monkeypatch.setenv("TRADEWIND_DATABASE_URL", "nonsense")
    monkeypatch.setenv("TRADEWIND_CONN_WAREHOUSE", "sqlite:///w.db")
    assert complete("tradewind dags pause d") == []
    assert complete("tradewind connections get w") == ["warehouse"]
