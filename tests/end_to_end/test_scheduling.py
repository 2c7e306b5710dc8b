"""Scheduling seen from outside: DAG files in a folder, a scheduler process, and what the database says afterwards."""

import datetime
import json
import signal
import time
from pathlib import Path

import pytest

DAY = datetime.timedelta(days=1)


def days_ago(number):
    today = datetime.datetime.now(datetime.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - number * DAY


def runs_of(here, dag_id):
    return here.store.runs(dag_id, newest_first=False)


def test_catchup_makes_up_for_every_missed_day(deploy):
    here = deploy()
    start = days_ago(7)
    here.write(
        "daily.py",
        f"""
        from datetime import datetime
        from tradewind import DAG
        from tradewind.operators.bash import BashOperator

        with DAG("daily", start_date=datetime.fromisoformat("{start.isoformat()}"), schedule="@daily",
                 catchup=True, max_active_runs=2) as dag:
            BashOperator(task_id="say", bash_command="echo {{{{ ds }}}} {{{{ data_interval_end | ds }}}}")
        """,
    )
    here.start()
    runs = here.until(
        lambda: [run for run in runs_of(here, "daily") if run.state.is_finished and len(runs_of(here, "daily")) == 7]
    )
    runs = here.until(lambda: len(found := [r for r in runs_of(here, "daily") if r.state.is_finished]) == 7 and found)
    assert [run.logical_date for run in runs] == [start + number * DAY for number in range(7)]
    assert {str(run.state) for run in runs} == {"success"}
    text = here.log(runs[0], "say").read_text()
    assert f"{start:%Y-%m-%d} {start + DAY:%Y-%m-%d}" in text


def test_without_catchup_only_the_latest_interval_runs(deploy):
    here = deploy()
    here.write(
        "latest.py",
        """
        from datetime import datetime
        from tradewind import DAG
        from tradewind.operators.empty import EmptyOperator

        with DAG("latest", start_date=datetime(2020, 1, 1), schedule="@daily") as dag:
            EmptyOperator(task_id="nothing")
        """,
    )
    here.start()
    (run,) = here.until(lambda: [run for run in runs_of(here, "latest") if run.state.is_finished])
    assert run.logical_date == days_ago(1)


def test_once_and_continuous(deploy):
    here = deploy()
    here.write(
        "two.py",
        """
        from datetime import datetime
        from tradewind import DAG
        from tradewind.operators.empty import EmptyOperator

        with DAG("once", start_date=datetime(2020, 1, 1), schedule="@once"):
            EmptyOperator(task_id="nothing")
        with DAG("ever", start_date=datetime(2020, 1, 1), schedule="@continuous", max_active_runs=1):
            EmptyOperator(task_id="nothing")
        """,
    )
    here.start()
    here.until(lambda: len(runs_of(here, "ever")) >= 4)
    assert len(runs_of(here, "once")) == 1
    assert all(run.state.is_finished for run in runs_of(here, "ever")[:-1])


RETRY = """
    from datetime import datetime
    from pathlib import Path
    from tradewind import DAG, AirflowFailException, AirflowSkipException
    from tradewind.operators.python import PythonOperator

    NOTES = Path({notes!r})

    def note(word):
        def write(context):
            with NOTES.open("a") as file:
                file.write(f"{{word}} {{context['ti'].task_id}} {{context['ti'].try_number}}\\n")
        return write

    def flaky(ti):
        if ti.try_number < 3:
            raise ValueError(f"not yet: {{ti.try_number}}")
        return "at last"

    def give_up():
        raise AirflowFailException("no use")

    def skip():
        raise AirflowSkipException("not today")

    with DAG("tries", start_date=datetime(2020, 1, 1), schedule=None,
             on_failure_callback=lambda context: NOTES.open("a").write(f"dag failed {{context['run_id']}}\\n"),
             default_args=dict(retries=3, retry_delay=0.05, on_retry_callback=note("retry"),
                               on_failure_callback=[note("failure"), note("again")], on_success_callback=note("success"),
                               on_execute_callback=note("execute"), on_skipped_callback=note("skipped"))):
        PythonOperator(task_id="flaky", python_callable=flaky)
        PythonOperator(task_id="give_up", python_callable=give_up)
        PythonOperator(task_id="skip", python_callable=skip)
"""


def test_retries_signals_and_callbacks(deploy, tmp_path):
    here = deploy()
    notes = tmp_path / "notes"
    here.write("tries.py", RETRY.format(notes=str(notes)))
    here.start()
    run = here.ended(here.trigger("tries", name="r1"))
    assert str(run.state) == "failed"
    assert here.states(run) == {"flaky": "success", "give_up": "failed", "skip": "skipped"}
    told = sorted(notes.read_text().splitlines())
    assert told == sorted(
        [
            "execute flaky 1", "retry flaky 1", "execute flaky 2", "retry flaky 2", "execute flaky 3", "success flaky 3",
            "execute give_up 1", "failure give_up 1", "again give_up 1",
            "execute skip 1", "skipped skip 1",
            "dag failed r1",
        ]
    )  # fmt: skip
    assert [str(one.state) for one in here.store.attempts(run.id, "flaky")] == [
        "up_for_retry",
        "up_for_retry",
        "success",
    ]
    assert "not yet: 1" in here.log(run, "flaky", 1).read_text()
    assert "at last" not in here.log(run, "flaky", 1).read_text()
    assert here.store.task(run.id, "give_up").reason.endswith("no use")


def test_execution_timeout_and_dagrun_timeout(deploy):
    here = deploy()
    here.write(
        "slow.py",
        """
        import time
        from datetime import datetime, timedelta
        from tradewind import DAG
        from tradewind.operators.bash import BashOperator
        from tradewind.operators.python import PythonOperator

        with DAG("slow", start_date=datetime(2020, 1, 1), schedule=None):
            PythonOperator(task_id="python", python_callable=lambda: time.sleep(60), execution_timeout=timedelta(seconds=0.3))
            BashOperator(task_id="bash", bash_command="sleep 60", execution_timeout=timedelta(seconds=0.3))
        with DAG("long", start_date=datetime(2020, 1, 1), schedule=None, dagrun_timeout=timedelta(seconds=2)):
            BashOperator(task_id="a", bash_command="sleep 60") >> BashOperator(task_id="b", bash_command="true")
        """,
    )
    here.start()
    slow = here.ended(here.trigger("slow"))
    assert here.states(slow) == {"python": "failed", "bash": "failed"}
    assert "execution_timeout" in here.store.task(slow.id, "python").reason
    long = here.ended(here.trigger("long"))  # its file is loaded by now, so that its task begins at once
    assert here.states(long) == {"a": "failed", "b": "skipped"}
    assert "dagrun_timeout" in long.reason
    here.until(lambda: not here.held())


def test_a_branch_and_a_short_circuit(deploy):
    here = deploy()
    here.write(
        "choose.py",
        """
        from datetime import datetime
        from tradewind import dag, task

        @dag(start_date=datetime(2020, 1, 1), schedule=None)
        def choose():
            @task.branch
            def which():
                return "left"
            @task
            def left(): return 1
            @task
            def right(): return 2
            @task(trigger_rule="none_failed_min_one_success")
            def join(): return 3
            @task.short_circuit
            def stop(): return False
            @task
            def never(): ...
            @task(trigger_rule="all_done")
            def not_even_this(): ...
            which() >> [left(), right()] >> join()
            stop() >> never() >> not_even_this()
        choose()
        """,
    )
    here.start()
    run = here.ended(here.trigger("choose"))
    assert here.states(run) == {
        "which": "success", "left": "success", "right": "skipped", "join": "success",
        "stop": "success", "never": "skipped", "not_even_this": "skipped",
    }  # fmt: skip


def test_xcom_and_params_travel(deploy):
    here = deploy()
    here.write(
        "values.py",
        """
        from datetime import datetime
        from tradewind import dag, task, Param

        @dag(start_date=datetime(2020, 1, 1), schedule=None, params={"number": Param(3, type="integer", minimum=1)})
        def values():
            @task(multiple_outputs=True)
            def make(params=None):
                return {"number": params["number"], "when": datetime(2026, 1, 1)}
            @task
            def use(number, when):
                assert when == datetime(2026, 1, 1)
                return number * 2
            made = make()
            use(made["number"], made["when"])
        values()
        """,
    )
    here.start()
    run = here.ended(here.trigger("values", conf={"number": 21}))
    assert here.states(run) == {"make": "success", "use": "success"}
    assert json.loads(here.store.task_api().xcom_get("values", run.run_id, "use", "return_value")) == 42


def test_a_sensor_in_reschedule_mode_gives_its_place_back(deploy, tmp_path):
    here = deploy(TRADEWIND_PARALLELISM="1")
    flag = tmp_path / "flag"
    here.write(
        "sense.py",
        f"""
        from datetime import datetime
        from tradewind import DAG
        from tradewind.operators.bash import BashOperator
        from tradewind.sensors.filesystem import FileSensor

        with DAG("sense", start_date=datetime(2020, 1, 1), schedule=None):
            FileSensor(task_id="a_wait", filepath="{flag}", mode="reschedule", poke_interval=0.2)
            BashOperator(task_id="make", bash_command="sleep 0.5; touch {flag}")
        """,
    )
    here.start()
    run = here.ended(here.trigger("sense"))
    assert here.states(run) == {"a_wait": "success", "make": "success"}
    waited = here.store.task(run.id, "a_wait")
    assert waited.try_number == 1
    assert waited.dispatch > 1


def test_clearing_runs_again_with_the_mended_file(deploy):
    here = deploy()
    code = """
        from datetime import datetime
        from tradewind import DAG
        from tradewind.operators.python import PythonOperator

        def work():
            {body}

        with DAG("mend", start_date=datetime(2020, 1, 1), schedule=None):
            PythonOperator(task_id="a", python_callable=print) >> PythonOperator(
                task_id="b", python_callable=work) >> PythonOperator(task_id="c", python_callable=print)
        """
    here.write("mend.py", code.format(body="raise ValueError('wrong')"))
    here.start()
    run = here.ended(here.trigger("mend", name="r1"))
    assert here.states(run) == {"a": "success", "b": "failed", "c": "upstream_failed"}
    before = here.store.dag("mend").file_hash
    here.write("mend.py", code.format(body="return 'right'"))
    here.until(lambda: here.store.dag("mend").file_hash != before)
    here.cli("tasks", "clear", "mend", "--only-failed", "--downstream", "--yes")
    here.until(lambda: here.states(run) == {"a": "success", "b": "success", "c": "success"})
    assert str(here.ended(run).state) == "success"
    assert here.store.task(run.id, "a").try_number == 1
    assert here.store.task(run.id, "b").try_number == 2


def test_clearing_a_running_task_stops_it_first(deploy, tmp_path):
    here = deploy()
    here.write(
        "again.py",
        f"""
        from datetime import datetime
        from tradewind import DAG
        from tradewind.operators.bash import BashOperator

        with DAG("again", start_date=datetime(2020, 1, 1), schedule=None):
            BashOperator(task_id="a", bash_command="echo x >> {tmp_path}/tries; [ $(wc -l < {tmp_path}/tries) = 2 ] || sleep 60")
        """,
    )
    here.start()
    run = here.trigger("again")
    here.until(lambda: (tmp_path / "tries").exists())
    here.store.add_request("clear", "again", run.run_id, {"task_ids": ["a"]})
    assert str(here.ended(run).state) == "success"
    assert here.store.task(run.id, "a").try_number == 2


def test_a_command_waits_for_the_scheduler_that_carries_it_out(deploy):
    """What is asked for after `tasks clear` shows the clear, and where it would not the command says so."""
    here = deploy()
    here.write(
        "quick.py",
        """
        from datetime import datetime
        from tradewind import DAG
        from tradewind.operators.python import PythonOperator

        with DAG("quick", start_date=datetime(2020, 1, 1), schedule=None):
            PythonOperator(task_id="a", python_callable=print)
        """,
    )
    here.start()
    run = here.ended(here.trigger("quick"))
    assert "the scheduler has dealt with it" in here.cli("tasks", "clear", "quick", "--yes").stdout
    assert not here.store.requests()
    here.until(lambda: here.store.task(run.id, "a").try_number == 2)
    here.ended(run)
    here.process.send_signal(signal.SIGSTOP)
    assert "has not dealt with it yet" in here.cli("tasks", "clear", "quick", "--yes").stdout
    here.process.send_signal(signal.SIGCONT)
    here.until(lambda: here.store.task(run.id, "a").try_number == 3)


def test_a_paused_dag_starts_nothing(deploy):
    here = deploy(TRADEWIND_DAGS_ARE_PAUSED_AT_CREATION="true")
    here.write(
        "quiet.py",
        """
        from datetime import datetime
        from tradewind import DAG
        from tradewind.operators.empty import EmptyOperator

        with DAG("quiet", start_date=datetime(2020, 1, 1), schedule="@daily"):
            EmptyOperator(task_id="nothing")
        """,
    )
    here.start()
    run = here.trigger("quiet")
    time.sleep(0.5)
    assert [str(run.state) for run in here.store.runs("quiet")] == ["queued"]
    assert "the DAG is paused" in here.cli("tasks", "why", "quiet", "nothing", run.run_id).stdout
    here.cli("dags", "unpause", "quiet")
    here.until(
        lambda: len(runs_of(here, "quiet")) == 2 and all(run.state.is_finished for run in runs_of(here, "quiet"))
    )


def test_max_active_runs_and_depends_on_past(deploy):
    here = deploy()
    start = days_ago(4)
    here.write(
        "past.py",
        f"""
        import time
        from datetime import datetime
        from tradewind import DAG
        from tradewind.operators.python import PythonOperator

        def work(logical_date):
            if logical_date.isoformat() == "{(start + DAY).isoformat()}":
                raise ValueError("the second day is bad")

        with DAG("past", start_date=datetime.fromisoformat("{start.isoformat()}"), schedule="@daily", catchup=True):
            PythonOperator(task_id="a", python_callable=work, depends_on_past=True)
        """,
    )
    here.start()
    here.until(lambda: [str(run.state) for run in runs_of(here, "past")] == ["success", "failed", "running", "running"])
    third = runs_of(here, "past")[2]
    assert "depends on its past" in here.cli("tasks", "why", "past", "a", third.run_id).stdout
    second = runs_of(here, "past")[1]
    here.store.add_request("set_task_state", "past", second.run_id, {"task_ids": ["a"], "state": "success"})
    here.until(lambda: [str(run.state) for run in runs_of(here, "past")] == ["success"] * 4)


def test_a_new_version_leaves_running_runs_alone(deploy, tmp_path):
    here = deploy()
    go = tmp_path / "go"
    code = """
        import os, time
        from datetime import datetime
        from tradewind import DAG
        from tradewind.operators.python import PythonOperator

        def wait():
            while not os.path.exists({go!r}):
                time.sleep(0.02)

        with DAG("version", start_date=datetime(2020, 1, 1), schedule=None):
            PythonOperator(task_id="a", python_callable=wait) >> PythonOperator(
                task_id="{second}", python_callable=lambda: print("{second} it is"))
        """
    here.write("version.py", code.format(go=str(go), second="old"))
    here.start()
    first = here.trigger("version", name="first")
    here.until(lambda: here.states(first)["a"] == "running")
    before = here.store.dag("version").version
    here.write("version.py", code.format(go=str(go), second="new"))
    here.until(lambda: here.store.dag("version").version != before)
    go.touch()
    assert here.states(here.ended(first)) == {"a": "success", "old": "success"}
    assert here.states(here.ended(here.trigger("version", name="second"))) == {"a": "success", "new": "success"}


def test_logs_can_be_followed_while_a_task_runs(deploy, tmp_path):
    here = deploy()
    here.write(
        "talk.py",
        f"""
        from datetime import datetime
        from tradewind import DAG
        from tradewind.operators.bash import BashOperator

        with DAG("talk", start_date=datetime(2020, 1, 1), schedule=None):
            BashOperator(task_id="a", bash_command="echo first; while [ ! -e {tmp_path}/go ]; do sleep 0.05; done; echo last")
        """,
    )
    here.start()
    run = here.trigger("talk")
    here.until(lambda: here.log(run, "a").exists() and "first" in here.log(run, "a").read_text())
    import subprocess
    import sys

    follow = subprocess.Popen(
        [sys.executable, "-m", "tradewind", "tasks", "logs", "talk", "a", run.run_id, "--follow"],
        env=here.environ,
        stdout=subprocess.PIPE,
        text=True,
    )
    (Path(tmp_path) / "go").touch()
    out, _ = follow.communicate(timeout=60)
    assert "first" in out
    assert "last" in out


@pytest.mark.parametrize("name", ["fork", "spawn"])
def test_both_ways_of_starting_processes(deploy, name):
    here = deploy(TRADEWIND_PROCESS_START=name)
    here.write(
        "plain.py",
        """
        from datetime import datetime
        from tradewind import DAG
        from tradewind.operators.python import PythonOperator

        with DAG("plain", start_date=datetime(2020, 1, 1), schedule=None):
            PythonOperator(task_id="a", python_callable=lambda: 1) >> PythonOperator(task_id="b", python_callable=lambda: 2)
        """,
    )
    here.start()
    assert str(here.ended(here.trigger("plain")).state) == "success"


def test_a_dag_whose_file_went_while_no_scheduler_ran_is_retired(deploy):
    here = deploy()
    code = """
        from datetime import datetime
        from tradewind import DAG
        from tradewind.operators.empty import EmptyOperator

        with DAG({name!r}, start_date=datetime(2020, 1, 1), schedule=None):
            EmptyOperator(task_id="nothing")
        """
    gone = here.write("gone.py", code.format(name="gone"))
    here.write("kept.py", code.format(name="kept"))
    here.start()
    here.until(lambda: len(here.store.dags()) == 2)
    here.stop()
    gone.unlink()
    here.start()
    here.until(lambda: [dag.dag_id for dag in here.store.dags()] == ["kept"])
    assert [dag.dag_id for dag in here.store.dags(active_only=False)] == ["gone", "kept"]
