"""What an introduction to Airflow has its readers do: the first DAG, a backfill, an alarm in Slack.

The commands are typed as they are taught, those of Airflow 1 included, and the DAG files have the same parts.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from tradewind.cli import main
from tradewind.sandbox import Control

FIRST = """
    from datetime import datetime, timedelta

    from tradewind import DAG
    from tradewind.operators.bash import BashOperator

    default_args = {
        "owner": "crew",
        "depends_on_past": False,
        "start_date": datetime(2015, 6, 1),
        "email": ["crew@example.com"],
        "email_on_failure": False,
        "email_on_retry": False,
        "retries": 1,
        "retry_delay": timedelta(minutes=5),
    }
    dag = DAG("first", default_args=default_args, schedule_interval=timedelta(days=1))
    today = BashOperator(task_id="today", bash_command="date +%Y", dag=dag)
    nap = BashOperator(task_id="nap", bash_command="sleep 0.1", retries=3, dag=dag)
    lines = '''
        {% for number in range(3) %}
            echo "{{ ds }} and {{ macros.ds_add(ds, 7) }}"
            echo "{{ params.word }}"
        {% endfor %}
    '''
    written = BashOperator(task_id="written", bash_command=lines, params={"word": "passed in"}, dag=dag)
    nap.set_upstream(today)
    written.set_upstream(today)
"""

#: The callback makes an operator of its own, with a token, and executes it.
ALARM = """
    from datetime import datetime, timedelta

    from tradewind import DAG
    from tradewind.operators.bash import BashOperator
    from tradewind_slack import SlackAPIPostOperator

    def tell(context):
        alarm = SlackAPIPostOperator(
            task_id="tell",
            channel="#alarms",
            token="{token}",
            base_url="{url}",
            text=":red_circle: " + context["ti"].task_id + " failed on " + context["ds"],
            username="watch",
        )
        return alarm.execute(context=context)

    default_args = {{"start_date": datetime(2015, 6, 1), "retries": 0, "retry_delay": timedelta(seconds=30)}}
    dag = DAG(
        "alarm",
        default_args=default_args,
        schedule_interval=timedelta(days=1),
        catchup=True,
        end_date=datetime(2015, 6, 3),
        is_paused_upon_creation=True,
    )
    broken = BashOperator(
        task_id="broken", bash_command="exit 123", provide_context=True, on_failure_callback=tell, dag=dag
    )
    after = BashOperator(task_id="after", bash_command="sleep 5", retries=3, dag=dag)
    after.set_upstream(broken)
"""


@pytest.fixture
def first(home):
    path = home / "dags" / "first.py"
    path.parent.mkdir(parents=True)
    path.write_text(textwrap.dedent(FIRST))
    return path


def test_a_dag_file_that_is_run_by_python_says_nothing(first):
    done = subprocess.run([sys.executable, "-W", "error", first], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_tree_of_the_tasks(first, capsys):
    assert main(["list_tasks", "first", "--tree"]) == 0
    tree = "today <BashOperator>\n├─ nap <BashOperator>\n└─ written <BashOperator>\n"
    assert capsys.readouterr().out == tree


def test_each_task_is_tried_alone(first, capfd):
    for task_id in ("today", "nap", "written"):
        assert main(["test", "first", task_id, "2015-06-01"]) == 0
    told = capfd.readouterr().err
    assert told.count("INFO 2015-06-01 and 2015-06-08\n") == 3
    assert told.count("INFO passed in\n") == 3


def test_a_backfill_of_days_and_each_failure_told_in_slack(deploy, sandbox, monkeypatch, capsys):
    """The first DAG gets its past runs by hand; the second makes up for its dates once it is switched on."""
    slack = sandbox("slack")
    Control(slack).act("channel", name="alarms")
    here = deploy()
    monkeypatch.setenv("TRADEWIND_HOME", str(here.home))
    here.write("first.py", FIRST)
    here.write("alarm.py", ALARM.format(token=slack.password, url=f"http://{slack.host}:{slack.port}/api/"))
    here.start()
    assert here.dag("alarm").paused
    assert not here.dag("first").paused

    days = [f"2015-06-0{number}" for number in range(1, 4)]
    assert main(["dags", "unpause", "alarm"]) == 0
    for day in days:
        assert main(["trigger_dag", "first", "--exec-date", day]) == 0
    runs = here.until(lambda: len(found := _ended(here, "alarm")) == 3 and found)
    assert {(str(run.state), run.reason) for run in runs} == {("failed", "failed: broken")}
    messages = here.until(lambda: len(found := Control(slack).act("messages", channel="alarms")) == 3 and found)
    assert sorted(one["text"] for one in messages) == [f":red_circle: broken failed on {day}" for day in days]
    assert {one["username"] for one in messages} == {"watch"}

    runs = here.until(
        lambda: len(found := [run for run in _ended(here, "first") if run.type == "manual"]) == 3 and found
    )
    assert {str(run.state) for run in runs} == {"success"}
    capsys.readouterr()
    assert main(["tasks", "logs", "first", "written", days[1]]) == 0
    assert "2015-06-02 and 2015-06-09" in capsys.readouterr().out


def _ended(here, dag_id):
    return [run for run in here.store.runs(dag_id) if run.state.is_finished and not run.callback_due]
