"""What notes on running Airflow in production do: summaries by configuration, settings, sheets, backups, DAGs that wait.

DAGs that start and wait for each other do so through the command line, as `docs/concepts.md` says, as long as there are
no operators for it.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import gspread
import pytest

from tradewind import DAG, Connection, Variable, task
from tradewind.cli import main
from tradewind.operators.bash import BashOperator
from tradewind.operators.python import PythonOperator
from tradewind.schedule import Bounds
from tradewind.store import Store
from tradewind.transfer import Transfer
from tradewind_aws import S3Hook
from tradewind_gsheet import Numbers, Sheet, SQLToGoogleSheetsOperator, in_place_of_google
from tradewind_postgres import PostgresHook, PostgresTable
from tradewind_postgres.sandbox import find_programs

START = datetime(2023, 2, 7)

#: A module beside the DAG files that makes a task for each configured table.
PLUGIN = """
    from ast import literal_eval
    from pathlib import Path

    from tradewind import AirflowException
    from tradewind.operators.python import PythonOperator
    from tradewind_postgres import PostgresHook

    def summaries(folder, dag, tables, conn_id):
        configs = {path.stem: literal_eval(path.read_text()) for path in Path(folder, "config").glob("*.py")}
        before = None
        for table in tables:
            summary = SummaryOperator(task_id=f"summary__{table}", conn_id=conn_id, table=table, dag=dag, **configs[table])
            before = before >> summary if before else summary

    def load(**context):
        params = context["params"]
        PostgresHook(postgres_conn_id=params["conn_id"]).run(params["sql"], True)

    class SummaryOperator(PythonOperator):
        def __init__(self, schema, table, conn_id, input_check, main_sql, output_check, params={}, *args, **kwargs):
            self.schema, self.table, self.conn_id = schema, table, conn_id
            self.input_check, self.output_check = input_check, output_check
            sql = f"DROP TABLE IF EXISTS {schema}.temp_{table};CREATE TABLE {schema}.temp_{table} AS {main_sql}"
            params = {**params, "sql": sql, "conn_id": conn_id}
            super(SummaryOperator, self).__init__(
                python_callable=load, params=params, provide_context=True, *args, **kwargs
            )

        def check(self, checks):
            for one in checks:
                (count,) = self.hook.get_first(one["sql"].format(schema=self.schema, table=self.table))
                if count < one["count"]:
                    raise AirflowException(f"{count} rows, {one['count']} wanted: {one['sql']}")

        def execute(self, context):
            self.hook = PostgresHook(postgres_conn_id=self.conn_id)
            self.check(self.input_check)
            super(SummaryOperator, self).execute(context)
            self.check(self.output_check)
            swap = '''BEGIN;
                DROP TABLE IF EXISTS {schema}.{table} CASCADE;
                ALTER TABLE {schema}.temp_{table} RENAME TO {table};
                END
            '''
            self.hook.run(swap.format(schema=self.schema, table=self.table), True)
"""

#: The score by day. The casts are PostgreSQL's; Redshift does without them.
CONFIG = '''
    {
        "schema": "survey",
        "main_sql": """SELECT LEFT(created_at::text, 10) AS date,
                ROUND((SUM(CASE WHEN score >= 9 THEN 1 WHEN score <= 6 THEN -1 END)::float * 100 / COUNT(1))::numeric, 2)
            FROM survey.nps GROUP BY 1 ORDER BY 1;""",
        "input_check": [{"sql": "SELECT COUNT(1) FROM survey.nps", "count": 5}],
        "output_check": [{"sql": "SELECT COUNT(1) FROM {schema}.temp_{table}", "count": 2}],
    }
'''

SUMMARY = """
    import os
    from datetime import datetime, timedelta

    from tradewind import DAG
    from plugins import summary

    with DAG(
        dag_id="build_summary",
        schedule_interval="25 13 * * *",
        max_active_runs=1,
        concurrency=1,
        catchup=False,
        start_date=datetime(2021, 9, 17),
    ) as dag:
        summary.summaries(os.path.dirname(os.path.abspath(__file__)), dag, ["nps_summary"], "warehouse")
"""


@pytest.fixture
def warehouse(sandbox, connection):
    connection("warehouse", sandbox("postgres"))
    hook = PostgresHook("warehouse")
    hook.run(["create schema survey", "create table survey.nps (id int, created_at timestamp, score int)"])
    scores = [(1, "2023-01-01 08:00", 10), (2, "2023-01-01 09:00", 9), (3, "2023-01-01 10:00", 3)]
    hook.insert_rows("survey.nps", [*scores, (4, "2023-01-02 08:00", 6)])
    return hook


def test_a_summary_by_configuration(warehouse, deploy):
    """The plugin and the configuration lie beside the DAG file, and disturb nobody who reads the folder."""
    here = deploy()
    for name, code in (("plugins/summary.py", PLUGIN), ("config/nps_summary.py", CONFIG), ("summaries.py", SUMMARY)):
        here.write(name, code)
    here.start()
    early = here.trigger("build_summary", name="early")
    assert str(here.ended(early).state) == "failed"
    assert "4 rows, 5 wanted: SELECT COUNT(1) FROM survey.nps" in here.log(early, "summary__nps_summary").read_text()
    assert here.store.failures() == []
    warehouse.run("insert into survey.nps values (5, '2023-01-02 09:00', 8)")
    for name in ("first", "again"):
        assert str(here.ended(here.trigger("build_summary", name=name)).state) == "success", here.failures(
            "build_summary"
        )
    rows = [(day, float(score)) for day, score in warehouse.get_records("select * from survey.nps_summary")]
    assert rows == [("2023-01-01", 33.33), ("2023-01-02", -50.0)]


def test_the_settings_of_airflow_cfg_as_variables(sandbox, monkeypatch, tmp_path, capsys):
    server = sandbox("postgres")
    url = f"postgresql+psycopg2://{server.login}:{server.password}@{server.host}:{server.port}/{server.schema}"
    monkeypatch.setenv("AIRFLOW__CORE__SQL_ALCHEMY_CONN", url)
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "LocalExecutor")
    monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(tmp_path / "dags"))
    monkeypatch.setenv("AIRFLOW__LOGGING__BASE_LOG_FOLDER", str(tmp_path / "logs"))
    assert main(["db", "init"]) == 0
    assert main(["config", "list", "-o", "json"]) == 0
    told = capsys.readouterr().out
    assert server.password not in told
    found = {one["name"]: one["value"] for one in json.loads(told[told.index("[") :])}
    assert (found["executor"], found["dags_folder"], found["logs_folder"]) == (
        "local",
        f"{tmp_path}/dags",
        f"{tmp_path}/logs",
    )
    assert main(["config", "get-value", "core", "dags_folder"]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/dags\n"
    server_tables = PostgresHook(connection=server).get_records(
        "select tablename from pg_tables where schemaname = 'public'"
    )
    assert ("dags",) in server_tables


def test_nine_o_clock_is_that_of_the_default_time_zone(monkeypatch):
    """Dates without a zone are those of the setting; dates of runs, in logs and in the database, are UTC."""
    monkeypatch.setenv("AIRFLOW__CORE__DEFAULT_TIMEZONE", "Asia/Seoul")
    with DAG("nine", schedule_interval="0 9 * * *", start_date=START, catchup=True) as dag:
        BashOperator(task_id="say", bash_command="date")
    spec = dag.spec()
    now = datetime.fromisoformat("2023-02-09T12:00Z")
    run = spec.schedule.next_run(None, now, Bounds(start=spec.start_date, catchup=True))
    assert run.logical_date == datetime.fromisoformat("2023-02-07T00:00Z")


def test_variables_and_connections_are_exported_and_come_back(monkeypatch, tmp_path, home):
    monkeypatch.chdir(tmp_path)
    Variable.set("mode", "prod")
    Variable.set("limits", {"rows": 150_000}, serialize_json=True)
    assert main(["connections", "add", "warehouse", "--conn-uri", "postgres://etl:pa/ss@db.example:5432/dw"]) == 0
    assert main(["variables", "export", "variables.json"]) == 0
    assert main(["connections", "export", "connections.json"]) == 0
    monkeypatch.setenv("TRADEWIND_HOME", str(tmp_path / "restored"))
    assert main(["db", "upgrade"]) == 0
    assert main(["variables", "import", "variables.json"]) == 0
    assert main(["connections", "import", "connections.json"]) == 0
    assert Variable.get("mode") == "prod"
    assert Variable.get("limits", deserialize_json=True) == {"rows": 150_000}
    assert Connection.get("warehouse").password == "pa/ss"


@pytest.fixture
def key_file(sandbox):
    """This process finds the stand-in where Google is; the answer is what Google's console downloads for an account."""
    with in_place_of_google(sandbox("gsheet")) as path:
        yield path


@pytest.fixture
def spreadsheet(key_file):
    made = gspread.service_account(key_file).create("Targets")
    made.sheet1.update([["region", "target"], ["north", "1,200"], ["south", "900"]], "A1")
    made.add_worksheet("Summary", 10, 5)
    return made


DOUBLED = "select region, target * 2 as twice from survey.targets order by 1"


def test_a_sheet_to_a_table_and_back_with_gspread(spreadsheet, key_file, warehouse, run_dag):
    """The key is a variable, from which each task makes a client of its own."""
    Variable.set("google_sheet_access_token", key_file.read_text())

    def client():
        return gspread.service_account_from_dict(Variable.get("google_sheet_access_token", deserialize_json=True))

    @task
    def load(url, tab, table):
        header, *rows = client().open_by_url(url).worksheet(tab).get_all_values()
        with warehouse.transaction():
            warehouse.run([f"create table if not exists {table} (region text, target int)", f"delete from {table}"])
            warehouse.insert_rows(table, [[region, target.replace(",", "")] for region, target in rows], header)

    @task
    def publish(title, tab, sql):
        frame = warehouse.get_pandas_df(sql).fillna("")
        book = client().open(title)
        book.worksheet(tab).clear()
        values = [list(frame.columns), *frame.values.tolist()]
        book.values_update(f"{tab}!A1", params={"valueInputOption": "RAW"}, body={"values": values})

    with DAG("sheets", start_date=START, schedule="0 9 * * *", max_active_runs=1, catchup=False) as dag:
        load(spreadsheet.url, "Sheet1", "survey.targets") >> publish("Targets", "Summary", DOUBLED)
    for _ in range(2):
        run_dag(dag)
    assert warehouse.get_records("select * from survey.targets order by 1") == [("north", 1200), ("south", 900)]
    assert spreadsheet.worksheet("Summary").get_all_values() == [
        ["region", "twice"],
        ["north", "2400"],
        ["south", "1800"],
    ]


def test_the_same_with_the_key_as_a_connection(spreadsheet, key_file, warehouse, run_dag, capsys):
    assert main(["connections", "add", "sheets", "--conn-json", key_file.read_text()]) == 0
    assert "BEGIN" not in capsys.readouterr().out
    with DAG("sheets", start_date=START, schedule=None) as dag:
        load = Transfer(
            task_id="load",
            source=Sheet(
                spreadsheet.url, "Sheet1", conn_id="sheets", types={"target": "int"}, numbers=Numbers(thousands=",")
            ),
            sink=PostgresTable("survey.targets", conn_id="warehouse", mode="replace", create=True),
        )
        load >> SQLToGoogleSheetsOperator(
            task_id="publish",
            sql=DOUBLED,
            sql_conn_id="warehouse",
            spreadsheet_id="Targets",
            spreadsheet_range="Summary",
            gcp_conn_id="sheets",
        )
    run_dag(dag)
    assert spreadsheet.worksheet("Summary").get_all_values() == [
        ["region", "twice"],
        ["north", "2400"],
        ["south", "1800"],
    ]


def test_old_logs_are_cleared_away_and_the_metadata_is_backed_up(sandbox, connection, run_dag, tmp_path, monkeypatch):
    server = sandbox("postgres")
    with Store(server.get_uri()) as store:
        store.upgrade()
    connection("backups", sandbox("aws"))
    monkeypatch.setenv("AIRFLOW_VAR_BACKUP_BUCKET", "backups")
    logs, dumped = tmp_path / "logs", tmp_path / "metadata.sql"
    for name, days in (("old", 40), ("new", 1)):
        path = logs / "some_dag" / name / "1.log"
        path.parent.mkdir(parents=True)
        path.write_text("said\n")
        os.utime(path, (path.stat().st_mtime - days * 86400,) * 2)

    def keep(ds, **_):
        with S3Hook("backups") as hook:
            bucket = Variable.get("backup_bucket")
            hook.load_file(filename=dumped, key=f"{ds}/metadata.sql", bucket_name=bucket, replace=True)

    with DAG("keeping_house", start_date=START, schedule=None, params={"days": 30}) as dag:
        BashOperator(task_id="clear", bash_command=f"find {logs} -name '*.log' -mtime +{{{{ params.days }}}} -delete")
        dump = BashOperator(
            task_id="dump",
            bash_command=f'pg_dump "$WHAT" > {dumped}',
            env={"WHAT": server.dsn, "PATH": f"{find_programs()}:{os.environ['PATH']}"},
        )
        dump >> PythonOperator(task_id="keep", python_callable=keep)
    with S3Hook("backups") as hook:
        hook.create_bucket("backups")
        for _ in range(2):
            run_dag(dag, logical_date=datetime(2023, 2, 8, tzinfo=UTC))
        assert "CREATE TABLE public.dag_versions" in hook.read_key("2023-02-08/metadata.sql", "backups")
    assert [path.parent.name for path in logs.rglob("*.log")] == ["new"]


DEPENDENT = """
    from datetime import datetime

    from tradewind import DAG, Variable
    from tradewind.operators.bash import BashOperator
    from tradewind.operators.empty import EmptyOperator
    from tradewind.operators.python import BranchPythonOperator, PythonOperator
    from tradewind.sensors.bash import BashSensor

    START = datetime(2023, 2, 7)

    def skip_or_go_on():
        return [] if Variable.get("mode", "dev") == "dev" else ["trigger_b"]

    with DAG("dag_a", start_date=START, schedule_interval=None) as a:
        branching = BranchPythonOperator(task_id="branching", python_callable=skip_or_go_on)
        trigger = BashOperator(
            task_id="trigger_b",
            bash_command='''
                tradewind dags trigger dag_b --logical-date {{ ts }} --conf '{"path": "/opt/conf"}' ||
                tradewind tasks clear dag_b --run {{ ts }} --yes
            ''',
        )
        branching >> trigger >> EmptyOperator(task_id="end")

    def show(**kwargs):
        print("the callable has", kwargs["dag_run"].conf.get("path"))

    with DAG("dag_b", start_date=START, schedule_interval=None) as b:
        waiting = BashSensor(
            task_id="waiting_for_the_end_of_a",
            bash_command='test "$(tradewind tasks state dag_a end {{ ts }})" = success',
            timeout=5 * 60,
            poke_interval=0.5,
            mode="reschedule",
        )
        waiting >> BashOperator(task_id="shell", bash_command='echo the template has {{ dag_run.conf["path"] }}')
        waiting >> PythonOperator(task_id="function", python_callable=show)
"""


def test_dags_that_start_and_wait_for_each_other(deploy, monkeypatch):
    here = deploy(PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("TRADEWIND_HOME", str(here.home))
    here.write("dependent.py", DEPENDENT)
    here.start()
    run = here.ended(here.trigger("dag_a", name="dev"))
    assert here.states(run) == {"branching": "success", "trigger_b": "skipped", "end": "skipped"}
    assert here.store.runs("dag_b") == []

    Variable.set("mode", "prod")
    run = here.ended(here.trigger("dag_a", name="prod"), timeout=60)
    assert here.states(run) == {"branching": "success", "trigger_b": "success", "end": "success"}
    (other,) = here.store.runs("dag_b")
    assert other.logical_date == run.logical_date
    other = here.ended(other, timeout=60)
    assert set(here.states(other).values()) == {"success"}
    assert "the template has /opt/conf" in here.log(other, "shell").read_text()
    assert "the callable has /opt/conf" in here.log(other, "function").read_text()

    assert main(["tasks", "clear", "dag_a", "--run", "prod", "--task-regex", "trigger_b", "--yes"]) == 0
    here.until(lambda: {one.try_number for one in here.store.tasks(other.id)} == {2}, timeout=60)
    assert set(here.states(here.ended(other, timeout=60)).values()) == {"success"}
