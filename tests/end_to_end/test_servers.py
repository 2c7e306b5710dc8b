"""The metadata database on a server: the same runs, a server that goes away and comes back, several schedulers."""

import signal
import threading
import time
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from tradewind import settings
from tradewind.connection.uri import build_uri, split_uri
from tradewind.scheduler.planner import triggered_run
from tradewind.scheduler.service import Service, ensure_folders
from tradewind.store import Store, open_store

EVERYTHING = """
    from datetime import datetime, timedelta
    from tradewind import DAG, task
    from tradewind.operators.bash import BashOperator
    from tradewind.operators.python import PythonOperator
    from tradewind.sensors.python import PythonSensor

    with DAG("all", start_date=datetime(2020, 1, 1), schedule=None,
             default_args={"retries": 1, "retry_delay": timedelta(seconds=0.1)}) as dag:
        def flaky(ti):
            if ti.try_number == 1:
                raise ValueError("nöt yet \\N{SNOWMAN} \\0 %s {} '\\"")
            return {"größe": [1, None, "x" * 100_000, "\\0"]}
        def check(ti):
            assert ti.xcom_pull(task_ids="flaky") == {"größe": [1, None, "x" * 100_000, "\\0"]}
        def third_look():
            with open("{FOLDER}/looks", "a+") as file:
                file.write("x")
                file.seek(0)
                return len(file.read()) >= 3
        wait = PythonSensor(task_id="wait", python_callable=third_look, mode="reschedule", poke_interval=0.1)
        wait >> PythonOperator(task_id="flaky", python_callable=flaky) >> PythonOperator(
            task_id="check", python_callable=check) >> BashOperator(task_id="say", bash_command="echo {{ run_id }}")
        PythonOperator(task_id="fails", python_callable=lambda: 1 / 0)
"""


@pytest.fixture(params=["postgres", "mysql"])
def server(request, sandbox):
    return sandbox(request.param)


@pytest.fixture
def here(server, deploy):
    return deploy(TRADEWIND_DATABASE_URL=server.get_uri(), TRADEWIND_HEARTBEAT_INTERVAL="1")


def test_runs_go_as_they_do_on_sqlite(here, tmp_path):
    here.write("all.py", EVERYTHING.replace("{FOLDER}", str(tmp_path)))
    here.start()
    run = here.trigger("all", name="größe/1")
    assert str(here.ended(run).state) == "failed"
    assert here.states(run) == {
        "wait": "success",
        "flaky": "success",
        "check": "success",
        "say": "success",
        "fails": "failed",
    }
    tries = here.store.attempts(run.id, "flaky")
    assert [str(one.state) for one in tries] == ["up_for_retry", "success"]
    assert "nöt yet ☃" in tries[0].reason
    assert "division by zero" in here.store.task(run.id, "fails").reason
    here.cli("tasks", "clear", "all", "--yes", "--only-failed")
    here.until(lambda: len(here.store.attempts(run.id, "fails")) == 4)
    assert str(here.ended(run).state) == "failed"
    here.cli("runs", "delete", "all", run.run_id, "--yes")
    here.until(lambda: not here.store.runs("all"))
    assert here.stop() == 0
    assert here.store.schedulers() == []
    assert "Traceback" not in here.scheduler_log()


def test_the_commands_for_the_database(here, server):
    told = here.cli("db", "check").stdout + here.cli("info").stdout + here.cli("config", "list").stdout
    assert server.schema in told
    assert server.password not in told
    here.cli("variables", "set", "limit", "10")
    assert here.cli("variables", "get", "limit").stdout.strip() == "10"
    here.cli("connections", "add", "warehouse", "--conn-uri", "postgres://ann:s3cr3t@db/sales")
    assert "warehouse" in here.cli("connections", "list").stdout
    assert '"runs"' in here.cli("db", "clean", "--before", "2020-01-01", "--yes", "-o", "json").stdout
    here.cli("db", "reset", "--yes")
    assert here.cli("variables", "get", "limit", check=False).returncode != 0
    wrong = split_uri(server.get_uri())
    here.environ["TRADEWIND_DATABASE_URL"] = build_uri(replace_password(wrong))
    refused = here.cli("--debug", "db", "check", check=False)
    assert refused.returncode == 2
    assert "refuses the login" in refused.stderr
    assert "wr/ng p@ss" not in refused.stderr + refused.stdout


def replace_password(parts):
    import dataclasses

    return dataclasses.replace(parts, password="wr/ng p@ss:?#%")


POOLED = """
    import os, time
    from datetime import datetime
    from pathlib import Path
    from tradewind import DAG
    from tradewind.operators.python import PythonOperator

    FOLDER = Path("{FOLDER}")

    def work(run_id, ti):
        mine = FOLDER / "at_work" / f"{ti.dag_id} {run_id} {ti.task_id}"
        mine.touch(exist_ok=False)
        count = len(list((FOLDER / "at_work").iterdir()))
        (FOLDER / "counts").open("a").write(f"{count}\\n")
        while not (FOLDER / "go").exists():
            time.sleep(0.02)
        time.sleep(0.05)
        mine.unlink()

    for number in range(6):
        with DAG(f"dag{number}", start_date=datetime(2026, 1, 1), schedule=None, max_active_runs=2) as dag:
            options = {"python_callable": work, "pool": "narrow"}
            PythonOperator(task_id="a", **options) >> PythonOperator(task_id="b", **options)
"""


def test_two_schedulers_side_by_side_and_one_is_killed(here, tmp_path):
    (tmp_path / "at_work").mkdir()
    here.store.set_pool("narrow", 3)
    here.write("pooled.py", POOLED.replace("{FOLDER}", str(tmp_path)))
    first = here.start()
    runs = [here.trigger(f"dag{number}", name=f"r{number}{turn}") for number in range(3) for turn in range(2)]
    here.until(lambda: all(run.owner for run in here.store.runs()))
    second = here.start()
    try:
        here.until(lambda: len(here.store.schedulers()) == 2)
        first.send_signal(signal.SIGSTOP)
        runs += [here.trigger(f"dag{number}", name=f"r{number}{turn}") for number in range(3, 6) for turn in range(2)]
        here.until(lambda: len({run.owner for run in here.store.runs() if run.owner}) == 2)
        first.send_signal(signal.SIGCONT)
        here.until(lambda: (tmp_path / "counts").exists() and len((tmp_path / "counts").read_text().split()) >= 3)
        (tmp_path / "go").touch()
        here.until(lambda: any(run.state.is_finished for run in here.store.runs()))
        first.kill()
        first.wait()
        for run in runs:
            assert str(here.ended(run).state) == "success"
    finally:
        first.kill()
        first.wait()
    assert second.poll() is None
    counts = [int(count) for count in (tmp_path / "counts").read_text().split()]
    assert len(counts) == 2 * len(runs), "something ran twice"
    assert max(counts) == 3
    here.until(lambda: len(here.store.schedulers()) == 1)


LONG = """
    import time
    from datetime import datetime
    from pathlib import Path
    from tradewind import DAG
    from tradewind.operators.python import PythonOperator

    FOLDER = Path("{FOLDER}")

    def wait(ti):
        with open(FOLDER / "ran", "a") as file:
            file.write(f"{{ti.task_id}} {{ti.try_number}}\\n")
        while not (FOLDER / "go").exists():
            time.sleep(0.02)

    with DAG("long", start_date=datetime(2026, 1, 1), schedule=None) as dag:
        PythonOperator(task_id="a", python_callable=wait) >> PythonOperator(task_id="b", python_callable=wait)
"""


def test_a_server_that_goes_away_for_a_while_loses_nothing(here, server, tmp_path):
    """A task ends while its outcome cannot be recorded, and the scheduler cannot read a thing."""
    here.write("long.py", LONG.replace("{FOLDER}", str(tmp_path)).replace("{{", "{").replace("}}", "}"))
    here.start()
    run = here.trigger("long")
    here.until(lambda: (tmp_path / "ran").exists())
    with away(server):
        (tmp_path / "go").touch()
        here.until(lambda: "does not answer; trying again" in here.scheduler_log())
        here.until(lambda: "could not be recorded yet" in here.log(run, "a").read_text())
        assert here.process.poll() is None
    assert str(here.ended(run).state) == "success"
    assert sorted((tmp_path / "ran").read_text().split("\n")) == ["", "a 1", "b 1"]
    assert server.password not in here.scheduler_log() + here.log(run, "a").read_text()


class away:
    """Within the block the server knows nobody but its administrator, and has hung up on everybody."""

    def __init__(self, server):
        self.server = server

    def __enter__(self):
        name = self.server.schema
        if self.server.conn_type == "postgres":
            self.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            self.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        else:
            self.execute(f"RENAME TABLE `{name}`.news TO `{name}`.gone, `{name}`.task_instances TO `{name}`.gone_too")
            for (number,) in self.execute(f"SELECT id FROM information_schema.processlist WHERE db = '{name}'"):
                self.execute(f"KILL {number}", maybe=True)

    def __exit__(self, *_):
        name = self.server.schema
        if self.server.conn_type == "postgres":
            self.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        else:
            self.execute(f"RENAME TABLE `{name}`.gone TO `{name}`.news, `{name}`.gone_too TO `{name}`.task_instances")

    def execute(self, statement, maybe=False):
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []
        except Exception:
            if not maybe:
                raise
        finally:
            connection.close()

    def connect(self):
        server = self.server
        if server.conn_type == "postgres":
            import psycopg2

            connection = psycopg2.connect(
                host=server.host, port=server.port, user=server.login, password=server.password, dbname="postgres"
            )
            connection.autocommit = True
            return connection
        import pymysql

        return pymysql.connect(host=server.host, port=server.port, user=server.login, password=server.password)


def test_news_wakes_a_scheduler_on_postgresql(sandbox, tmp_path, monkeypatch):
    """It does not even look for news by itself here: it would be late."""
    monkeypatch.setenv("TRADEWIND_DATABASE_URL", sandbox("postgres").get_uri())
    monkeypatch.setenv("TRADEWIND_POLL_INTERVAL", "60")
    found = settings.read()
    ensure_folders(found)
    with open_store(found, create=True) as store, Store(settings=found) as outside:
        service = Service(store, found, watch=False)
        thread = threading.Thread(target=service.run)
        thread.start()
        try:
            until(lambda: outside.schedulers())
            until(lambda: listens(outside))
            outside.save_parsed(parsed(), datetime.now(UTC))
            began = time.monotonic()
            run = outside.create_run(triggered_run(outside.dag("empty"), datetime.now(UTC)), datetime.now(UTC))
            until(lambda: outside.run("empty", run.run_id).state.is_finished)
            assert time.monotonic() - began < 50
        finally:
            service.stop()
            thread.join()


def listens(store):
    with store.database.read() as connection:
        return connection.execute(
            text("SELECT pid FROM pg_stat_activity WHERE query LIKE 'NOTIFY%' OR query LIKE 'LISTEN%'")
        ).first()


def parsed():
    from tradewind.records import DagSpec, ParsedFile, TaskSpec

    return ParsedFile("/dags/empty.py", "h" * 16, "", (DagSpec("empty", (TaskSpec("t", "E", empty=True),)),))


def until(what, seconds=60.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.02)
    raise AssertionError("waited in vain")
