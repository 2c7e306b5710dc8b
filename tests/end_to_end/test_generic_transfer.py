"""GenericTransfer between databases of different kinds: values arrive as they were, and nothing is left half done."""

import datetime
import decimal

import pytest

from tradewind.testing import run_task
from tradewind_mysql import MySqlHook
from tradewind_postgres import PostgresHook
from tradewind_sql import GenericTransfer, SqlError, SqliteHook

ROWS = [
    (1, decimal.Decimal("12345678901234567.89"), datetime.date(2024, 5, 1), "ä € 漢 \N{GRINNING FACE}", None),
    (2, None, None, "", datetime.datetime(2024, 5, 1, 12, 30, 15)),
    (3, decimal.Decimal("-0.10"), datetime.date(1999, 12, 31), "tab\tline\nback\\slash 'quote' \"100%\"", None),
]
COLUMNS = "id bigint primary key, amount decimal(20, 2), day date, name varchar(100), at {} null"


@pytest.fixture
def databases(sandbox, monkeypatch, tmp_path):
    """The connections `pg`, `my` and `lite`, each with an empty table `t`."""
    monkeypatch.setenv("AIRFLOW_CONN_PG", sandbox("postgres").get_uri())
    monkeypatch.setenv("AIRFLOW_CONN_MY", sandbox("mysql").get_uri())
    monkeypatch.setenv("AIRFLOW_CONN_LITE", f"sqlite:///{tmp_path}/lite.db")
    hooks = {"pg": PostgresHook("pg"), "my": MySqlHook("my"), "lite": SqliteHook("lite")}
    for name, hook in hooks.items():
        hook.run(f"create table t ({COLUMNS.format('timestamp' if name == 'pg' else 'datetime')})")
    return hooks


def copy(source, destination, sql="select * from t order by id", **options):
    task = GenericTransfer(
        task_id="copy",
        source_conn_id=source,
        destination_conn_id=destination,
        destination_table="t",
        sql=sql,
        preoperator="delete from t",
        **options,
    )
    return run_task(task).result


def rows_of(hook):
    return hook.get_records("select * from t order by id")


def test_values_arrive_as_they_were(databases):
    databases["pg"].insert_rows("t", ROWS)
    assert copy("pg", "my") == {"rows_read": 3, "rows_written": 3}
    assert rows_of(databases["my"]) == ROWS
    databases["pg"].run("truncate t")
    assert copy("my", "pg", page_size=2) == {"rows_read": 3, "rows_written": 3}
    assert rows_of(databases["pg"]) == ROWS
    assert copy("pg", "lite", sql="select id, amount, day, name, at from t where id = 1")["rows_written"] == 1
    assert rows_of(databases["lite"]) == [(1, 1.2345678901234568e16, "2024-05-01", ROWS[0][3], None)]


def test_a_row_that_does_not_fit_leaves_the_target_as_it_was(databases):
    databases["pg"].insert_rows("t", ROWS)
    databases["my"].insert_rows("t", [(9, 1, None, "old", None)])
    with pytest.raises(SqlError, match="Task 'copy' failed from 'pg' to 'my'"):
        copy("pg", "my", sql="select n, null, null, repeat('x', n / 50), null from generate_series(1, 6000) n")
    assert [row[0] for row in rows_of(databases["my"])] == [9]


def test_many_rows_pass_through_in_one_transaction(databases):
    number = 50_000
    sql = f"select n, n * 0.01, date '2024-01-01' + n % 366, 'name ' || n, null from generate_series(1, {number}) n"
    assert copy("pg", "my", sql=sql) == {"rows_read": number, "rows_written": number}
    found = databases["my"].get_first("select count(*), sum(amount), min(day), max(name) from t")
    assert found == (number, decimal.Decimal("12500250.00"), datetime.date(2024, 1, 1), "name 9999")
