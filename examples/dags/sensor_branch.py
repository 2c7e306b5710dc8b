"""A sensor waits for a file; a branch then chooses between the way of workdays and that of the weekend.

python examples/dags/sensor_branch.py
"""

from __future__ import annotations

import datetime
import tempfile
from pathlib import Path
from typing import Any

from tradewind import DAG, Label, task
from tradewind.operators.bash import BashOperator
from tradewind.operators.empty import EmptyOperator
from tradewind.operators.python import BranchPythonOperator
from tradewind.sensors.python import PythonSensor


def flag(run_id: str) -> Path:
    return Path(tempfile.gettempdir()) / f"tradewind-{run_id.replace(':', '')}.flag"


def choose(logical_date: datetime.datetime, **_: Any) -> str:
    return "weekend" if logical_date.isoweekday() > 5 else "workday"


with DAG(
    "sensor_branch",
    description="Waits for a file, then takes one of two ways",
    schedule=None,
    start_date=datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC),
    tags=["example"],
) as dag:

    @task
    def raise_flag(run_id: str | None = None) -> None:
        flag(run_id or "").touch()

    wait_for_flag = PythonSensor(
        task_id="wait_for_flag",
        python_callable=lambda run_id, **_: flag(run_id).exists(),
        poke_interval=0.2,
        timeout=60,
    )
    branch = BranchPythonOperator(task_id="branch", python_callable=choose)
    workday = BashOperator(task_id="workday", bash_command="echo off to work on {{ ds }}")
    weekend = BashOperator(task_id="weekend", bash_command="echo stay in bed on {{ ds }}")
    join = EmptyOperator(task_id="join", trigger_rule="none_failed_min_one_success")

    @task
    def lower_flag(run_id: str | None = None) -> None:
        flag(run_id or "").unlink(missing_ok=True)

    raise_flag() >> wait_for_flag >> branch
    branch >> Label("Monday to Friday") >> workday >> join
    branch >> Label("Saturday and Sunday") >> weekend >> join
    join >> lower_flag()

if __name__ == "__main__":
    dag.test()
