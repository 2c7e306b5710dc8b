"""The classic first DAG: three shell commands, the last two after the first, with templates.

python examples/dags/tutorial.py
"""

from __future__ import annotations

import datetime
import textwrap

from tradewind import DAG
from tradewind.operators.bash import BashOperator

with DAG(
    "tutorial",
    description="A simple tutorial DAG",
    schedule=datetime.timedelta(days=1),
    start_date=datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC),
    catchup=False,
    default_args={
        "depends_on_past": False,
        "retries": 1,
        "retry_delay": datetime.timedelta(minutes=5),
    },
    params={"greeting": "Ahoy"},
    tags=["example"],
) as dag:
    t1 = BashOperator(task_id="print_date", bash_command="date")

    t2 = BashOperator(task_id="sleep", depends_on_past=False, bash_command="sleep 1", retries=3)

    t3 = BashOperator(
        task_id="templated",
        depends_on_past=False,
        bash_command=textwrap.dedent(
            """
            {% for i in range(5) %}
                echo "{{ ds }}"
                echo "{{ macros.ds_add(ds, 7) }}"
            {% endfor %}
            echo "{{ params.greeting }} from {{ task.task_id }}"
            """
        ),
    )
    t3.doc_md = "Prints the logical date and the day a week later, five times over."

    t1 >> [t2, t3]

if __name__ == "__main__":
    dag.test()
