"""A task that a real PostgreSQL works for: whatever ends the task ends the statement on the server."""

from contextlib import closing

import psycopg2
import pytest

DAG_FILE = """
    from datetime import datetime, timedelta
    from tradewind import DAG
    from tradewind_postgres import PostgresOperator

    with DAG("sleeping", start_date=datetime(2026, 1, 1), schedule=None):
        PostgresOperator(
            task_id="sleep",
            sql="select pg_sleep(600)",
            postgres_conn_id="warehouse",
            execution_timeout={limit},
        )
"""


@pytest.fixture
def warehouse(sandbox):
    return sandbox("postgres")


@pytest.fixture
def asleep(warehouse):
    """How many statements sleep on the server."""
    with closing(psycopg2.connect(warehouse.dsn)) as conn:
        conn.autocommit = True

        def count():
            with conn.cursor() as cursor:
                cursor.execute(
                    "select count(*) from pg_stat_activity "
                    "where query = 'select pg_sleep(600)' and datname = current_database()"
                )
                return cursor.fetchone()[0]

        yield count


def test_a_task_that_is_marked_sleeps_no_more(deploy, warehouse, asleep):
    here = deploy(AIRFLOW_CONN_WAREHOUSE=warehouse.get_uri())
    here.write("sleeping.py", DAG_FILE.format(limit="None"))
    here.start()
    run = here.trigger("sleeping")
    here.until(asleep)
    here.store.add_request("set_task_state", "sleeping", run.run_id, {"task_ids": ["sleep"], "state": "failed"})
    here.until(lambda: not asleep())


def test_a_task_whose_time_is_up_sleeps_no_more(deploy, warehouse, asleep):
    here = deploy(AIRFLOW_CONN_WAREHOUSE=warehouse.get_uri())
    here.write("sleeping.py", DAG_FILE.format(limit="timedelta(seconds=3)"))
    here.start()
    run = here.trigger("sleeping")
    here.until(asleep)
    here.until(lambda: not asleep())
    here.until(lambda: here.store.run("sleeping", run.run_id).state.is_finished)
