"""The fixtures of the pytest plugin, and what the plugin costs those who use pytest for something else."""

import datetime
import subprocess
import sys
import textwrap

import pytest

from tradewind import DAG, BaseHook, BaseOperator, Connection, TaskSkipped, task
from tradewind.operators import BashOperator, PythonOperator
from tradewind.states import TaskState


class Greet(BaseOperator):
    template_fields = ("name",)

    def __init__(self, *, name, **kwargs):
        super().__init__(**kwargs)
        self.name = name

    def execute(self, context):
        context["ti"].xcom_push("length", len(self.name))
        return f"hello {self.name}"


def test_a_task_runs_as_the_runner_does_it(run_task):
    done = run_task(Greet(task_id="greet", name="{{ ds }} {{ dag_run.conf.who }}"), conf={"who": "you"})
    assert done.state is TaskState.SUCCESS
    assert done.result == f"hello {done.run.logical_date:%Y-%m-%d} you"
    assert done.xcoms == {"length": 14, "return_value": done.result}
    assert done.ti.task_id == "greet"
    assert done.error is None


def test_when_and_after_what(run_task):
    day = datetime.datetime(2025, 11, 21, tzinfo=datetime.UTC)
    with DAG("sales", schedule="@daily", start_date=day):
        first = BashOperator(task_id="first", bash_command="echo one")
        second = Greet(task_id="second", name="{{ ti.xcom_pull('first') }} {{ ds }}")
        first >> second
    assert run_task(second, logical_date=day, xcoms={"first": "you"}).result == "hello you 2025-11-21"


def test_a_failure_is_raised_unless_it_is_asked_for(run_task):
    failing = PythonOperator(task_id="failing", python_callable=lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        run_task(failing)
    done = run_task(failing, check=False)
    assert done.state is TaskState.FAILED
    assert isinstance(done.error, ZeroDivisionError)
    assert "division" in done.reason
    assert done.result is None
    retried = PythonOperator(task_id="failing", python_callable=lambda: 1 // 0, retries=1)
    assert run_task(retried, check=False).state is TaskState.UP_FOR_RETRY
    assert run_task(retried, check=False, try_number=2).state is TaskState.FAILED


def test_a_skip_is_no_failure(run_task):
    def skip():
        raise TaskSkipped("nothing to do")

    done = run_task(PythonOperator(task_id="skip", python_callable=skip))
    assert done.state is TaskState.SKIPPED
    assert done.reason == "TaskSkipped: nothing to do"


def test_a_time_limit_holds(run_task):
    slow = BashOperator(task_id="slow", bash_command="sleep 60", execution_timeout=datetime.timedelta(seconds=0.5))
    done = run_task(slow, check=False)
    assert done.state is TaskState.FAILED
    assert "execution_timeout" in done.reason


def test_a_whole_dag(run_dag):
    with DAG("sums", schedule=None) as dag:

        @task
        def one():
            return 1

        @task
        def add(number):
            return number + 1

        add(one())
    finished = run_dag(dag)
    assert finished.xcom("add") == 2
    assert str(finished.state) == "success"


def test_a_dag_that_fails_says_which_task_and_why(run_dag):
    with DAG("sums", schedule=None) as dag:
        BashOperator(task_id="broken", bash_command="exit 7") >> BashOperator(task_id="after", bash_command="true")
    with pytest.raises(AssertionError, match=r"The run of DAG 'sums' is failed: broken: .*exit code 7.*after: "):
        run_dag(dag)
    assert run_dag(dag, check=False).task_states["after"] is TaskState.UPSTREAM_FAILED


def test_a_connection_for_one_test(connection):
    given = connection("warehouse", "sqlite:////tmp/x.db?timeout=2")
    assert BaseHook.get_connection("warehouse") == given
    assert given.extra_dejson == {"timeout": 2.0}
    connection("my-mail", Connection(conn_type="smtp", host="h", password="p@ss/word"))
    assert BaseHook.get_connection("my-mail").password == "p@ss/word"
    code = "from tradewind import Connection; print(Connection.get('my-mail').password)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told == "p@ss/word\n"


def test_it_is_gone_after_the_test(monkeypatch, request):
    from tradewind.errors import ConnectionNotFound

    with pytest.raises(ConnectionNotFound):
        BaseHook.get_connection("warehouse")


STRANGE_PROJECT = """
    import sys

    def test_that_knows_nothing_of_tradewind():
        loaded = sorted(name for name in sys.modules if name.startswith("tradewind"))
        assert loaded == ["tradewind", "tradewind.lazy", "tradewind.testing", "tradewind.testing.plugin"]
        assert not {"sqlalchemy", "jinja2", "click", "msgspec", "alembic", "rich"} & set(sys.modules)
"""


def test_the_plugin_costs_other_projects_next_to_nothing(tmp_path):
    """It loads no more than itself, and warns of nothing even where every warning is an error."""
    (tmp_path / "test_strange.py").write_text(textwrap.dedent(STRANGE_PROJECT))
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--strict-config"]
    plain = ["-p", "no:xdist", "-p", "no:hypothesispytest", "-p", "no:timeout"]
    done = subprocess.run(
        [*command, *plain, "test_strange.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
    assert "warning" not in done.stdout
