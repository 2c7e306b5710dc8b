"""kill -9 of anything at any moment: every run ends, nothing is lost, nothing runs twice at once."""

import os
import random
import signal
import time
from pathlib import Path

import pytest

from tradewind.runner.identity import identity, session_members

SEED = 20260101
RUNS = 100
ENVIRON = {"TRADEWIND_PARALLELISM": "6", "TRADEWIND_HEARTBEAT_INTERVAL": "1"}

DAG = """
    import os, random, time
    from datetime import datetime
    from pathlib import Path

    from tradewind import DAG
    from tradewind.operators.python import PythonOperator
    from tradewind.runner.identity import identity

    FOLDER = Path({folder!r})

    def work(ti, run_id):
        '''Hold a lock for the while, and complain if somebody else who is alive holds it.'''
        name = f"{{run_id}}.{{ti.task_id}}"
        lock = FOLDER / "locks" / name
        mine = f"{{os.getpid()}} {{identity()}}"
        while True:
            try:
                with open(lock, "x") as file:
                    file.write(mine)
                break
            except FileExistsError:
                holder = lock.read_text().partition(" ")
                if holder[0] and identity(int(holder[0])) == holder[2]:
                    (FOLDER / "double").open("a").write(f"{{name}}: {{mine}} while {{holder}}\\n")
                lock.unlink(missing_ok=True)
        time.sleep(random.uniform(0.01, 0.08))
        if lock.read_text() != mine:
            (FOLDER / "double").open("a").write(f"{{name}}: lock lost\\n")
        lock.unlink()
        with open(FOLDER / "done" / name, "a") as file:
            file.write("done\\n")

    with DAG("work", start_date=datetime(2026, 1, 1), schedule=None, max_active_runs=8, max_active_tasks=4,
             default_args={{"retries": 30, "retry_delay": 0.05}}) as dag:
        first, left, right, last = (
            PythonOperator(task_id=name, python_callable=work) for name in ("first", "left", "right", "last")
        )
        first >> [left, right] >> last
"""


@pytest.mark.slow
def test_fifty_kills_during_a_hundred_runs(deploy, tmp_path):
    kill_all_kinds(deploy(**ENVIRON), tmp_path, {"scheduler": 14, "attempt": 26, "helper": 10}, RUNS)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["postgres", "mysql"])
def test_kills_on_a_server(kind, sandbox, deploy, tmp_path):
    """The connections of what is killed are cut in the middle of whatever they were doing."""
    here = deploy(**ENVIRON, TRADEWIND_DATABASE_URL=sandbox(kind).get_uri())
    kill_all_kinds(here, tmp_path, {"scheduler": 4, "attempt": 10, "helper": 3}, 25)


def kill_all_kinds(here, tmp_path, victims, count):
    """Kill so many of each kind while so many runs go on; each of them must end well, and nothing run twice at once."""
    dice = random.Random(SEED)
    for name in ("locks", "done"):
        (tmp_path / "effects" / name).mkdir(parents=True)
    here.write("work.py", DAG.format(folder=str(tmp_path / "effects")))
    here.start()
    runs = [here.trigger("work", name=f"run{number}") for number in range(count)]

    order = [victim for victim, times in victims.items() for _ in range(times)]
    dice.shuffle(order)
    for victim in order:
        time.sleep(dice.uniform(0.02, 0.3))
        here.until(lambda victim=victim: kill_one(here, victim, dice, runs), timeout=120)
    if here.process.poll() is not None:  # the last victim may have been the scheduler
        here.start()

    for run in runs:
        ended = here.ended(run, timeout=120)
        assert (str(ended.state), here.states(run)) == (
            "success",
            dict.fromkeys(("first", "left", "right", "last"), "success"),
        )
    assert not (tmp_path / "effects" / "double").exists(), (tmp_path / "effects" / "double").read_text()
    assert len(list((tmp_path / "effects" / "done").iterdir())) == 4 * len(runs)
    assert here.held() == []


def kill_one(here, victim, dice, runs):
    """Try to kill one; before that see to it that a scheduler is at work, and that it has something to do."""
    if here.process.poll() is not None:
        here.start()
    if all(here.store.run("work", run.run_id).state.is_finished for run in runs[-3:]):
        runs.append(here.trigger("work", name=f"run{len(runs)}"))
    return kill(here, victim, dice)


def kill(here, victim, dice):
    """Kill -9 one process of that kind; False if there was none."""
    if victim == "scheduler":
        here.kill()
        return True
    if victim == "attempt":
        pids = [task.pid for task in here.held() if task.pid and identity(task.pid)]
    else:
        pids = children(here.process.pid)
    if not pids:
        return False
    try:
        os.kill(dice.choice(pids), signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def children(pid):
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(path.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def test_a_killed_tasks_children_die_with_it(deploy):
    """What a task started must not go on while its retry runs."""
    here = deploy()
    here.write(
        "family.py",
        """
        from datetime import datetime
        from tradewind import DAG
        from tradewind.operators.bash import BashOperator

        with DAG("family", start_date=datetime(2026, 1, 1), schedule=None) as dag:
            BashOperator(task_id="parent", bash_command="sleep 300 & sleep 301 & wait")
        """,
    )
    here.start()
    run = here.trigger("family")
    (held,) = here.until(lambda: [task for task in here.held() if task.pid])
    here.until(lambda: len(session_members(held.pid)) >= 4)
    os.kill(held.pid, signal.SIGKILL)
    assert str(here.ended(run).state) == "failed"
    here.until(lambda: not session_members(held.pid))
    (task,) = here.store.tasks(run.id)
    assert "signal 9" in task.reason or "SIGKILL" in task.reason


def test_a_task_outlives_its_scheduler_and_is_adopted(deploy, tmp_path):
    here = deploy()
    go = tmp_path / "go"
    here.write(
        "long.py",
        f"""
        import os, time
        from datetime import datetime
        from tradewind import DAG
        from tradewind.operators.python import PythonOperator

        def wait():
            while not os.path.exists({str(go)!r}):
                time.sleep(0.02)

        with DAG("long", start_date=datetime(2026, 1, 1), schedule=None) as dag:
            PythonOperator(task_id="a", python_callable=wait) >> PythonOperator(task_id="b", python_callable=print)
        """,
    )
    here.start()
    run = here.trigger("long")
    (held,) = here.until(lambda: [task for task in here.held() if task.pid])
    here.kill()
    assert identity(held.pid), "the task must go on without its scheduler"
    here.start()
    here.until(lambda: here.store.run("long", run.run_id).epoch > 1)
    go.touch()
    assert str(here.ended(run).state) == "success"
    first = here.store.task(run.id, "a")
    assert (first.try_number, first.dispatch, first.pid) == (1, 1, held.pid)


def test_a_second_scheduler_on_one_sqlite_file_is_refused(deploy):
    here = deploy()
    here.write("empty.py", "")
    here.start()
    here.until(lambda: here.store.schedulers())
    done = here.cli("scheduler", check=False)
    assert done.returncode == 2
    assert "works on this database already" in done.stderr


def test_stopping_waits_for_running_tasks(deploy, tmp_path):
    here = deploy()
    here.write(
        "short.py",
        """
        import time
        from datetime import datetime
        from tradewind import DAG
        from tradewind.operators.python import PythonOperator

        with DAG("short", start_date=datetime(2026, 1, 1), schedule=None) as dag:
            PythonOperator(task_id="a", python_callable=lambda: time.sleep(1)) >> PythonOperator(
                task_id="b", python_callable=print)
        """,
    )
    here.start()
    run = here.trigger("short")
    here.until(lambda: [task for task in here.held() if task.pid])
    assert here.stop() == 0
    assert here.states(run)["a"] == "success"
    assert here.states(run)["b"] != "running"
    assert here.store.schedulers() == []
    here.start()
    assert str(here.ended(run).state) == "success"
