"""What an article on building a workflow for analyses shows: connections, logs on S3, databases and S3 in a DAG."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime

import pytest

from tradewind import DAG, Connection
from tradewind.cli import main
from tradewind.operators.python import PythonOperator
from tradewind_aws import S3Hook
from tradewind_postgres import PostgresHook, PostgresOperator

TALK = """
    from tradewind import DAG
    from tradewind.operators.bash import BashOperator

    with DAG("talk", schedule=None):
        BashOperator(task_id="say", bash_command="echo words of the task")
"""


def test_a_connection_prints_the_uri_for_the_environment(monkeypatch, capsys):
    made = Connection(conn_id="bucket_logs", conn_type="aws", login="some_key", password="some_secret")
    assert made.get_uri() == "aws://some_key:some_secret@"
    monkeypatch.setenv("AIRFLOW_CONN_BUCKET_LOGS", made.get_uri())
    found = Connection.get("bucket_logs")
    assert found == made
    assert found.host is None
    assert main(["connections", "list"]) == 0
    assert "AIRFLOW_CONN_BUCKET_LOGS" in capsys.readouterr().out


def test_a_connection_is_stored_by_the_command_line_and_tested(sandbox, capsys):
    server = sandbox("postgres")
    words = ["connections", "add", "analyses", "--conn-type", "postgres", "--conn-host", server.host]
    words += ["--conn-port", str(server.port), "--conn-login", server.login, "--conn-password", server.password]
    assert main([*words, "--conn-schema", server.schema]) == 0
    assert main(["connections", "test", "analyses"]) == 0
    assert server.password not in capsys.readouterr().out
    assert PostgresHook("analyses").get_first("select 1") == (1,)


@pytest.fixture
def analyses(sandbox, connection):
    connection("analyses", sandbox("postgres"))
    PostgresHook("analyses").run(
        "create table visits as select n as id, 'page ' || n as page from generate_series(1, 20) n"
    )


def test_a_query_as_a_task_and_a_query_by_a_hook(analyses, run_dag, capsys):
    dag = DAG("analyses", start_date=datetime(2021, 4, 26), schedule_interval=None)

    def show():
        for hook in (PostgresHook(postgres_conn_id="analyses"), PostgresHook("analyses")):
            for row in hook.get_records("SELECT * FROM visits ORDER BY id LIMIT 3;"):
                print(row)

    query = PostgresOperator(
        task_id="query", postgres_conn_id="analyses", sql="SELECT * FROM visits ORDER BY id LIMIT 10;", dag=dag
    )
    query >> PythonOperator(task_id="show", python_callable=show, dag=dag)
    finished = run_dag(dag)
    assert len(finished.xcom("query")) == 10
    assert capsys.readouterr().out == "(1, 'page 1')\n(2, 'page 2')\n(3, 'page 3')\n" * 2


def test_a_hook_in_a_script_of_three_lines(analyses, tmp_path):
    code = "from tradewind_postgres import PostgresHook\nprint(PostgresHook('analyses').get_first('select count(*) from visits'))"
    environ = {**os.environ, "HOME": str(tmp_path), "TRADEWIND_HOME": str(tmp_path / "home")}
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=tmp_path, env=environ, capture_output=True)
    assert done.stdout == b"(20,)\n"
    assert list(tmp_path.iterdir()) == []


def test_the_objects_of_a_bucket(sandbox, connection, run_dag, capsys):
    connection("aws_default", sandbox("aws"))
    with S3Hook() as hook:
        hook.create_bucket("visits")
        for day in ("2021-04-25", "2021-04-26"):
            hook.load_string("id,page\n", f"logs/{day}.csv", "visits")
    dag = DAG("objects", start_date=datetime(2021, 4, 26), schedule_interval=None)

    def show():
        hook = S3Hook(aws_conn_id="aws_default")
        for key in hook.list_keys("visits"):
            found = hook.get_key(key, "visits")
            print(found.bucket_name, found.key)

    PythonOperator(task_id="show", python_callable=show, dag=dag)
    run_dag(dag)
    assert capsys.readouterr().out == "visits logs/2021-04-25.csv\nvisits logs/2021-04-26.csv\n"


def test_logs_go_to_s3_as_airflow_is_told_to(deploy, sandbox, connection):
    """The three variables of Airflow are enough; the log is then read on a machine that has not got the file."""
    connection("bucket_logs", sandbox("aws"))
    with S3Hook("bucket_logs") as hook:
        hook.create_bucket("workflow-logs")
        here = deploy(
            AIRFLOW__LOGGING__REMOTE_LOGGING="True",
            AIRFLOW__LOGGING__REMOTE_LOG_CONN_ID="bucket_logs",
            AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER="s3://workflow-logs",
            TRADEWIND_LOGS_UPLOAD_INTERVAL="0.1",
        )
        here.write("talk.py", TALK)
        here.start()
        run = here.trigger("talk", name="first")
        assert str(here.ended(run).state) == "success"
        here.until(lambda: [key for key in hook.list_keys("workflow-logs") if key.endswith(".last")])
    here.environ["TRADEWIND_LOGS_FOLDER"] = str(here.home / "elsewhere")
    assert "words of the task" in here.cli("tasks", "logs", "talk", "say", "first").stdout
