"""The DAG file of the soak. It is copied into the DAG folder, now and then anew."""

import os
from datetime import datetime, timedelta

from tests.soak.journal import called, third_look, work
from tradewind import DAG, chain
from tradewind.operators.bash import BashOperator
from tradewind.operators.python import BranchPythonOperator, PythonOperator
from tradewind.sensors.python import PythonSensor

START = datetime.fromisoformat(os.environ["SOAK_START"])
CALLBACKS = {f"on_{what}_callback": called(what) for what in ("success", "failure")}
OPTIONS = {
    "start_date": START,
    **CALLBACKS,
    # What is killed is tried again, as often as it takes.
    "default_args": {
        "retries": 200,
        "retry_delay": timedelta(seconds=0.2),
        **CALLBACKS,
        "on_retry_callback": called("retry"),
    },
}


def task(task_id, rule="all_success", fails=0.0, **options):
    return PythonOperator(task_id=task_id, python_callable=work(fails), trigger_rule=rule, **options)


with DAG("graph", schedule=None, max_active_runs=4, max_active_tasks=4, **OPTIONS):
    start, join, left, right = (task(name) for name in ("start", "join", "left", "right"))
    pooled = [task(f"pooled{number}", pool="narrow") for number in range(3)]
    sensor = PythonSensor(task_id="sensor", python_callable=third_look, mode="reschedule", poke_interval=0.3)
    bash = BashOperator(task_id="bash", bash_command="sleep 0.1")
    branch = BranchPythonOperator(task_id="branch", python_callable=lambda: "left")
    end = task("end", "none_failed_min_one_success")
    start >> [*pooled, task("flaky", fails=0.5), sensor, bash] >> join >> branch >> [left, right] >> end
    doomed = task("doomed", fails=1.0, retries=1)
    start >> doomed >> [task("after_doom", "all_done"), task("alarm", "one_failed"), task("never")]

with DAG("ticks", schedule=timedelta(seconds=4), catchup=True, max_active_runs=2, **OPTIONS):
    task("a", depends_on_past=True) >> task("b", fails=0.3, pool="narrow")

with DAG("serial", schedule=None, max_active_runs=1, **OPTIONS):
    chain(*[task(f"t{number}") for number in range(4)])
