"""What lecture notes on pipelines teach: the order of tasks, full and incremental copies, summaries, checks, two hellos.

Each of their pipelines is run more than once: "the same input gives the same table" is what they ask for most.
"""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest

from tradewind import DAG, task
from tradewind.operators.bash import BashOperator
from tradewind.operators.empty import EmptyOperator
from tradewind.operators.python import PythonOperator
from tradewind.schedule import Bounds
from tradewind.transfer import Transfer
from tradewind_mysql import MySqlHook, MySqlTable
from tradewind_postgres import PostgresHook, PostgresQuery, PostgresTable
from tradewind_sql import SQLColumnCheckOperator, SQLTableCheckOperator

START = datetime(2023, 3, 1)
DEFAULTS = {"owner": "crew", "email": ["crew@example.com"], "retries": 1, "retry_delay": timedelta(minutes=3)}


def test_two_ways_to_say_which_task_comes_first(tmp_path, run_dag):
    made = []
    for tie in ("shift", "set_upstream"):
        with DAG(
            f"order_by_{tie}", schedule="0 9 * * *", start_date=START, tags=["test"], default_args=DEFAULTS
        ) as dag:
            today = BashOperator(task_id="today", bash_command="date", dag=dag)
            nap = BashOperator(task_id="nap", bash_command="sleep 0.1", dag=dag)
            names = BashOperator(task_id="names", bash_command=f"ls {tmp_path}", dag=dag)
        if tie == "shift":
            today >> [nap, names]
        else:
            nap.set_upstream(today)
            names.set_upstream(today)
        made.append([(one.task_id, one.upstream) for one in dag.spec().tasks])
    assert made[0] == made[1]
    assert next(iter(run_dag(dag).instances)) == "today"


def test_a_start_and_an_end_that_do_nothing(tmp_path, run_dag):
    """They take the arguments of every task, also as the empty ones of a function around them."""
    args, kwargs = (), {}
    dag = DAG("ends", schedule=None, start_date=START, default_args=DEFAULTS)
    start = EmptyOperator(dag=dag, task_id="start", *args, **kwargs)  # noqa: B026
    lists = [BashOperator(task_id=f"ls{n}", bash_command=f"ls {tmp_path}", retries=3, dag=dag) for n in (1, 2)]
    end = EmptyOperator(dag=dag, task_id="end", *args, **kwargs)  # noqa: B026
    start >> lists >> end
    finished = run_dag(dag)
    first, *_, last = finished.instances
    assert (first, last) == ("start", "end")


@pytest.mark.parametrize(
    ("cron", "logical_date", "starts"),
    [
        ("0 * * * *", "2023-03-01 00:00", "2023-03-01 01:00"),
        ("0 12 * * *", "2023-03-01 12:00", "2023-03-02 12:00"),
        ("30 6 * * 0", "2023-03-05 06:30", "2023-03-12 06:30"),
    ],
)
def test_hourly_daily_and_weekly(cron, logical_date, starts):
    """A run starts when its interval is over."""
    with DAG("by_cron", schedule=cron, start_date=START) as dag:
        EmptyOperator(task_id="nothing")
    spec = dag.spec()
    now = datetime(2023, 9, 1, tzinfo=UTC)
    first = spec.schedule.next_run(None, now, Bounds(start=spec.start_date, catchup=True))
    assert (f"{first.logical_date:%Y-%m-%d %H:%M}", f"{first.run_after:%Y-%m-%d %H:%M}") == (logical_date, starts)


def hello():
    print("hello!")
    return "hello!"


def goodbye():
    print("goodbye!")
    return "goodbye!"


def test_two_hellos(run_dag, capsys):
    classic = DAG("hello", start_date=datetime(2022, 5, 5), catchup=False, tags=["example"], schedule="0 2 * * *")
    first = PythonOperator(task_id="print_hello", python_callable=hello, dag=classic)
    first >> PythonOperator(task_id="print_goodbye", python_callable=goodbye, dag=classic)
    with DAG(
        "hello_v2", start_date=datetime(2022, 5, 5), catchup=False, tags=["example"], schedule="0 2 * * *"
    ) as modern:
        task(hello)() >> task(goodbye)()
    for dag in (classic, modern):
        run_dag(dag)
        assert capsys.readouterr().out == "hello!\ngoodbye!\n"


@pytest.fixture
def shop(sandbox, connection):
    """Production, on MySQL, and the warehouse, on PostgreSQL."""
    connection("production", sandbox("mysql"))
    connection("warehouse", sandbox("postgres"))
    production, warehouse = MySqlHook("production"), PostgresHook("warehouse")
    production.run("create table reviews (id int primary key, course int, student int, rating int, ts datetime)")
    ratings = [(1, 1, 7, 5, "2023-03-01 10:00"), (2, 1, 8, 2, "2023-03-02 10:00"), (3, 2, 7, 4, "2023-03-02 11:00")]
    production.insert_rows("reviews", ratings)
    warehouse.run("create table reviews (id int primary key, course int, student int, rating int, ts timestamp)")
    return production, warehouse


def test_an_incremental_copy_reads_the_day_of_its_run(shop, run_dag):
    """Not yesterday by the clock: so a day that came wrong is run again, and no other is touched."""
    production, warehouse = shop

    def copy(**context):
        day = f"{context['execution_date']:%Y-%m-%d}"
        assert day == context["ds"]
        rows = production.get_records(f"SELECT * FROM reviews WHERE DATE(ts) = '{day}'")
        with warehouse.transaction():
            warehouse.run("DELETE FROM reviews WHERE ts::date = %s", parameters=[day])
            warehouse.insert_rows("reviews", rows)

    dag = DAG("incremental", schedule="@daily", start_date=START, catchup=True, default_args=DEFAULTS)
    PythonOperator(task_id="copy", python_callable=copy, dag=dag)
    days = [datetime(2023, 3, day, tzinfo=UTC) for day in (1, 2)]
    for day in [*days, *days]:
        run_dag(dag, logical_date=day)
    assert warehouse.get_records("select id, rating from reviews order by 1") == [(1, 5), (2, 2), (3, 4)]
    production.run("update reviews set rating = 3")
    run_dag(dag, logical_date=days[1])
    assert warehouse.get_records("select id, rating from reviews order by 1") == [(1, 5), (2, 3), (3, 3)]


def test_a_full_refresh_is_all_or_nothing(shop):
    """The header is no record, a second run doubles nothing, and a load that breaks off leaves what was there."""
    _, warehouse = shop
    warehouse.run("create table people (name text primary key, age int)")

    def load(text):
        rows = list(csv.reader(io.StringIO(text)))[1:]
        with warehouse.get_conn() as conn, conn.cursor() as cursor:
            cursor.execute("BEGIN;")
            try:
                cursor.execute("DELETE FROM people;")
                for name, age in rows:
                    cursor.execute("INSERT INTO people VALUES (%s, %s)", (name, age))
                cursor.execute("COMMIT;")
            except Exception:
                cursor.execute("ROLLBACK;")
                raise
        conn.close()

    for _ in range(2):
        load("name,age\nAnn,30\nBen,40\n")
    with pytest.raises(Exception, match="invalid input syntax"):
        load("name,age\nCid,50\nDot,unknown\n")
    assert warehouse.get_records("select * from people order by 1") == [("Ann", 30), ("Ben", 40)]


def test_a_summary_that_production_looks_up(shop, run_dag):
    """Counts and ratings of courses are worked out in the warehouse, with headings that are no ASCII, and checked."""
    summary = PostgresQuery(
        """
        SELECT course, COUNT(DISTINCT student) AS "학생 수", COUNT(*) AS "리뷰", ROUND(AVG(rating), 1) AS "평균"
        FROM reviews GROUP BY course
        """,
        conn_id="warehouse",
    )
    table = MySqlTable("course_summary", conn_id="production", mode="replace", create=True)
    with DAG("summary", schedule=None, start_date=START) as dag:
        rows = PostgresTable("reviews", conn_id="warehouse", mode="replace")
        copy = Transfer(task_id="copy", source=MySqlTable("reviews", conn_id="production"), sink=rows)
        enough = SQLTableCheckOperator(
            task_id="enough",
            conn_id="warehouse",
            table="reviews",
            checks={"enough": {"check_statement": "COUNT(*) >= 3"}},
        )
        push = Transfer(task_id="push", source=summary, sink=table)
        unique = SQLColumnCheckOperator(
            task_id="unique",
            conn_id="production",
            table="course_summary",
            column_mapping={"course": {"unique_check": {"equal_to": 0}}},
        )
        copy >> enough >> push >> unique
    for _ in range(2):
        run_dag(dag)
    found = MySqlHook("production").get_records(
        "SELECT course, `학생 수`, `리뷰`, `평균` FROM course_summary ORDER BY 1"
    )
    assert [(*rest, float(rating)) for *rest, rating in found] == [(1, 2, 2, 3.5), (2, 1, 1, 4.0)]
