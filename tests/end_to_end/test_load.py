"""Much at once, for a while: nothing leaks, and the scheduler's work per task does not grow with what else there is."""

import datetime
import os
from pathlib import Path

import pytest

from tradewind.records import NewRun
from tradewind.runner.identity import identity
from tradewind.states import RunState, RunType

pytestmark = pytest.mark.slow

TICK = os.sysconf("SC_CLK_TCK")

WIDE = """
    from datetime import datetime
    from tradewind import DAG
    from tradewind.operators.python import PythonOperator

    with DAG("wide", start_date=datetime(2026, 1, 1), schedule=None, max_active_tasks=8):
        for n in range({size}):
            PythonOperator(task_id=f"t{{n:04}}", python_callable=int)
"""

SMALL = """
    from datetime import datetime
    from tradewind import DAG
    from tradewind.operators.python import PythonOperator

    with DAG("small{number}", start_date=datetime(2026, 1, 1), schedule="@hourly", max_active_runs=2):
        PythonOperator(task_id="t", python_callable=int)
"""


def cpu(pid):
    """Seconds of processor time that the process itself has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def descriptors(pid):
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def below(pid):
    """Pids of all that the process started, directly or not."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def test_hundreds_of_attempts_leave_nothing_behind(deploy):
    here = deploy(TRADEWIND_PARALLELISM="8")
    here.write("wide.py", WIDE.format(size=300))
    here.start()
    first = here.trigger("wide", name="first")
    pid = here.process.pid
    here.until(lambda: list(here.states(first).values()).count("success") > 50)
    before = descriptors(pid)
    assert str(here.ended(first).state) == "success"
    here.ended(here.trigger("wide", name="second"))
    assert descriptors(pid) <= before + 2
    helpers = below(pid)
    assert len(helpers) <= 6, "zygotes and warm processes only"
    zombies = [one for one in helpers if Path(f"/proc/{one}").exists() and identity(one) is None]
    assert not zombies
    assert all(descriptors(one) < 25 for one in helpers)
    assert here.stop() == 0
    here_until_gone(helpers)


def here_until_gone(pids, seconds=60):
    end = datetime.datetime.now() + datetime.timedelta(seconds=seconds)
    while left := [pid for pid in pids if identity(pid)]:
        assert datetime.datetime.now() < end, f"left behind: {left}"


def test_a_task_costs_the_scheduler_no_more_beside_many_dags_and_queued_runs(deploy):
    """120 DAGs that are due every hour, 400 queued runs of one of them, and a DAG of 150 tasks."""
    here = deploy(TRADEWIND_PARALLELISM="8")
    here.write("wide.py", WIDE.format(size=150))
    here.start()
    here.ended(here.trigger("wide", name="warm-up"))
    alone = cost(here, "alone")

    for number in range(120):
        here.write(f"small{number}.py", SMALL.format(number=number))
    here.until(lambda: len(here.store.dags()) == 121)
    here.store.set_paused("small0", True)
    for number in range(400):
        at = datetime.datetime(2026, 2, 1, tzinfo=datetime.UTC) + datetime.timedelta(minutes=number)
        here.store.create_run(NewRun("small0", f"queued{number}", RunType.MANUAL, at, at, at), at)
    # A run of small0 that was let in just before the scheduler read of the pause stays running, and costs nothing.
    here.until(lambda: {run.dag_id for run in here.store.runs(state=RunState.RUNNING)} <= {"small0"})
    here.until(lambda: here.store.run("small0", "queued399").owner)
    among = cost(here, "among")
    assert among < 2.5 * alone + 0.001, f"{1000 * alone:.2f} ms per task alone, {1000 * among:.2f} ms among many"


def cost(here, name):
    """Processor time of the scheduler process per task."""
    began = cpu(here.process.pid)
    here.ended(here.trigger("wide", name=name))
    return (cpu(here.process.pid) - began) / 150
