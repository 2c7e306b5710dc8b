"""Rows of databases to S3 and back, on real servers: PostgreSQL, MariaDB, SQLite and S3."""

from __future__ import annotations

import csv
import datetime
import gzip
import io
import json
import tracemalloc
from contextlib import closing
from decimal import Decimal

import psycopg2
import pytest

from tradewind.connection import Connection
from tradewind.errors import DagError, TransferError, UsageError
from tradewind.testing.runs import run_task
from tradewind_aws.errors import KeyExists, NoSuchKey
from tradewind_aws.transfers import S3ToSqlOperator, SqlToS3Operator
from tradewind_aws.transfers.formats import split_key

BUCKET = "sandbox"
DAY = datetime.date(2024, 5, 17)


@pytest.fixture
def ask(sandbox, monkeypatch):
    """Executes SQL on the PostgreSQL behind the connection `warehouse`."""
    connection = sandbox("postgres")
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", connection.get_uri())
    with closing(psycopg2.connect(connection.dsn)) as conn:
        conn.autocommit = True

        def ask(sql, values=None):
            with conn.cursor() as cursor:
                cursor.execute(sql, values)
                return cursor.fetchall() if cursor.description else []

        yield ask


@pytest.fixture
def orders(ask):
    ask("create table orders (id int primary key, country text, amount numeric(10, 2), day date)")
    ask("insert into orders values (1, 'no', 1.50, '2024-05-17'), (2, 'se', null, '2024-05-17'), (3, null, 2, null)")


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """The connection `shop`, to a database of SQLite."""
    from tradewind_sql.sqlite import SqliteHook

    monkeypatch.setenv("AIRFLOW_CONN_SHOP", Connection("shop", "sqlite", host=str(tmp_path / "shop.db")).get_uri())
    return SqliteHook("shop")


def out(query="select * from orders order by id", key="out/orders.csv", **given):
    usual = {"sql_conn_id": "warehouse", "s3_bucket": BUCKET, "aws_conn_id": "lake"}
    return run_task(SqlToS3Operator(task_id="t", query=query, s3_key=key, **{**usual, **given})).result


def load(key, table, **given):
    usual = {"sql_conn_id": "warehouse", "s3_bucket": BUCKET, "aws_conn_id": "lake"}
    return run_task(S3ToSqlOperator(task_id="t", s3_key=key, table=table, **{**usual, **given})).result


# Out


def test_rows_to_csv(hook, orders):
    done = out(
        "select * from orders where day = '{{ params.day }}' order by id",
        "o/{{ params.day }}.csv",
        params={"day": "2024-05-17"},
    )
    assert done == {"rows": 2, "files": ["s3://sandbox/o/2024-05-17.csv"]}
    assert hook.read_key("o/2024-05-17.csv") == "id,country,amount,day\n1,no,1.50,2024-05-17\n2,se,,2024-05-17\n"


def test_parameters(hook, orders):
    assert out("select id from orders where country = %(c)s", parameters={"c": "se"})["rows"] == 1
    assert hook.read_key("out/orders.csv") == "id\n2\n"


@pytest.mark.parametrize("key", ["x", "x.txt", "dir.d/x", "x.csv.txt"])
def test_the_key_stays_as_it_is(hook, orders, key):
    out(key=key)
    assert hook.list_keys() == [key]
    assert hook.read_key(key).startswith("id,country")


def test_what_is_there_is_not_replaced_unless_told(hook, orders):
    out()
    with pytest.raises(KeyExists, match="is there already"):
        out("select pg_sleep(300)")  # which is not even asked
    out("select 1 as one", replace=True)
    assert hook.read_key("out/orders.csv") == "one\n1\n"


def test_json_has_an_object_per_line(hook, orders):
    out(key="o.json")
    rows = [json.loads(line) for line in hook.read_key("o.json").splitlines()]
    assert rows[0] == {"id": 1, "country": "no", "amount": 1.5, "day": "2024-05-17"}
    assert rows[2] == {"id": 3, "country": None, "amount": 2.0, "day": None}


def test_parquet_keeps_types(hook, orders):
    parquet = pytest.importorskip("pyarrow.parquet")
    out(key="o.parquet")
    table = parquet.read_table(io.BytesIO(hook.read_bytes("o.parquet")))
    assert table.column("amount").to_pylist() == [Decimal("1.50"), None, Decimal("2.00")]
    assert table.column("day").to_pylist() == [DAY, DAY, None]


def test_compression_and_the_form_of_csv(hook, orders):
    out(key="o.csv.gz")
    assert gzip.decompress(hook.read_bytes("o.csv.gz")).startswith(b"id,country")
    out(key="p.csv", df_kwargs={"sep": ";", "header": False, "index": False, "compression": "gzip"})
    assert gzip.decompress(hook.read_bytes("p.csv")).startswith(b"1;no;1.50")


def test_a_key_and_a_format_that_exclude_each_other(hook, orders):
    with pytest.raises(UsageError, match="says that the file is parquet, and file_format says csv"):
        out(key="o.parquet", file_format="csv")
    assert hook.list_keys() == []


def test_so_many_rows_per_file(hook, orders):
    done = out(max_rows_per_file=2, key="o/part.csv.gz")
    assert done == {"rows": 3, "files": ["s3://sandbox/o/part_0.csv.gz", "s3://sandbox/o/part_1.csv.gz"]}
    texts = [gzip.decompress(hook.read_bytes(key)).decode() for key in hook.list_keys()]
    assert [text.count("\n") for text in texts] == [3, 2]
    assert all(text.startswith("id,country") for text in texts)
    with pytest.raises(KeyExists, match="part_0"):
        out(max_rows_per_file=2, key="o/part.csv.gz")


def test_exactly_so_many_rows_make_no_empty_file(hook, orders):
    assert len(out(max_rows_per_file=3)["files"]) == 1
    assert len(out("select 1 where false", "none.csv", max_rows_per_file=3)["files"]) == 1


def test_a_file_per_group(hook, orders):
    """NULL is a group like others: pandas would lose its rows."""
    done = out(groupby_kwargs={"by": "country"}, key="by/country.csv")
    assert done["rows"] == 3
    assert hook.list_keys() == ["by/country_no.csv", "by/country_null.csv", "by/country_se.csv"]
    assert hook.read_key("by/country_null.csv") == "id,country,amount,day\n3,,2.00,\n"
    done = out(groupby_kwargs={"by": ["country", "day"]}, key="two.csv")
    assert hook.list_keys(prefix="two") == ["two_no_2024-05-17.csv", "two_null_null.csv", "two_se_2024-05-17.csv"]


def test_groups_whose_files_would_be_one(hook, ask):
    with pytest.raises(TransferError, match="Two groups of a, b would be in one file, 'x_y_z'"):
        out(
            "values ('x_y', 'z'), ('x', 'y_z')".join(["select * from (", ") as t (a, b)"]),
            groupby_kwargs={"by": ["a", "b"]},
        )
    with pytest.raises(TransferError, match="groupby_kwargs names the column 'c'"):
        out("select 1 as a", groupby_kwargs={"by": "c"})
    assert hook.list_keys() == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"file_format": "xlsx"}, "no file_format 'xlsx'"),
        ({"read_kwargs": {"dtype_backend": "pyarrow"}}, "read_kwargs"),
        ({"max_rows_per_file": 2, "groupby_kwargs": {"by": "a"}}, "excludes groupby_kwargs"),
        ({"groupby_kwargs": {"by": "a", "dropna": True}}, "groupby_kwargs is"),
        ({"df_kwargs": {"index": True}}, "There is no index"),
        ({"df_kwargs": {"float_format": "%.2f"}}, "float_format"),
        ({"df_kwargs": {"compression": "bz2"}}, "gzip, zstd"),
        ({"df_kwargs": {"orient": "split"}}, "an object per line"),
    ],
)
def test_what_cannot_be_done_is_refused_when_the_dag_is_read(given, told):
    with pytest.raises(DagError, match=told):
        SqlToS3Operator(task_id="t", query="select 1", s3_bucket="b", s3_key="k", sql_conn_id="c", **given)


def test_a_query_that_fails_writes_nothing(hook, orders):
    with pytest.raises(psycopg2.Error, match="division by zero"):
        out("select 1 / (2 - id) from orders")
    with pytest.raises(UsageError, match="query is empty"):
        out(" ")
    assert hook.list_keys() == []


def test_other_databases(hook, shop, sandbox, monkeypatch):
    shop.run("create table orders (id integer, name text)")
    shop.insert_rows("orders", [(1, "a,b"), (2, None)])
    assert out("select * from orders order by id", "s.csv", sql_conn_id="shop")["rows"] == 2
    assert hook.read_key("s.csv") == 'id,name\n1,"a,b"\n2,\n'
    monkeypatch.setenv("AIRFLOW_CONN_MARIA", sandbox("mysql").get_uri())
    pytest.importorskip("pyarrow")
    out("select 1 as id, date '2024-05-17' as day", "m.parquet", sql_conn_id="maria")
    import pyarrow.parquet as parquet

    assert parquet.read_table(io.BytesIO(hook.read_bytes("m.parquet"))).to_pylist() == [{"id": 1, "day": DAY}]


def test_a_connection_that_runs_no_sql(server):
    with pytest.raises(UsageError, match="sql_conn_id='lake' is a connection for S3Hook, which has no query_reader"):
        out(sql_conn_id="lake")
    with pytest.raises(UsageError, match="S3Hook, which has no insert_rows"):
        load("k.csv", "t", sql_conn_id="lake")


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        ("a/b.csv", ("a/b", ".csv")),
        ("a/b.2024.csv.gz", ("a/b.2024", ".csv.gz")),
        ("a.d/b", ("a.d/b", "")),
        ("a/.hidden", ("a/.hidden", "")),
        ("b.zst", ("b", ".zst")),
    ],
)
def test_where_a_number_stands_in_a_key(key, parts):
    assert split_key(key) == parts


# In


def test_a_csv_file_with_a_header(hook, orders, ask):
    hook.load_string('day,id,country\n2024-05-18,7,"a,b"\n,8,\n', "in.csv")
    assert load("in.csv", "orders") == 2
    assert ask("select id, country, amount, day from orders where id > 6 order by id") == [
        (7, "a,b", None, datetime.date(2024, 5, 18)),
        (8, None, None, None),
    ]


def test_the_schema_is_that_of_the_table(hook, ask):
    """Upstream it reaches `insert_rows`, where generic hooks ignore it, and rows go into another table."""
    ask("create table t (id int); create schema sales; create table sales.t (id int)")
    hook.load_string("id\n1\n", "in.csv")
    load("in.csv", "t", schema="sales")
    assert ask("select count(*) from t") == [(0,)]
    assert ask("select id from sales.t") == [(1,)]
    load("in.csv", "sales.t")
    assert ask("select count(*) from sales.t") == [(2,)]
    with pytest.raises(UsageError, match="schema is ''"):
        load("in.csv", "t", schema="{{ '' }}")


def test_a_parser_of_ones_own(hook, orders, ask):
    def parse(path):
        with open(path, newline="") as file:  # noqa: PTH123 - as users write it
            yield from csv.reader(file, delimiter=";")

    hook.load_string("7;no\n8;se\n", "in.txt")
    assert load("in.txt", "orders", parser=parse, column_list=["id", "country"]) == 2
    assert ask("select country from orders where id = 8") == [("se",)]


def test_columns_are_told_by_place(hook, orders, ask):
    hook.load_string("a,b\nno,7\n", "in.csv")
    load("in.csv", "orders", column_list=["country", "id"])
    assert ask("select country from orders where id = 7") == [("no",)]
    with pytest.raises(UsageError, match=r"column_list is \['id'\], and the file has \['a', 'b'\]"):
        load("in.csv", "orders", column_list=["id"])


@pytest.mark.parametrize("key", ["r.csv.gz", "r.json", "r.jsonl", "r.parquet"])
def test_what_goes_out_comes_back(hook, orders, ask, key):
    if key.endswith("parquet"):
        pytest.importorskip("pyarrow")
    out(key=key)
    ask("create table copied (like orders)")
    assert load(key, "copied") == 3
    assert ask("select * from copied order by id") == ask("select * from orders order by id")


def test_a_failure_leaves_the_table_as_it_was(hook, orders, ask):
    hook.load_string("id\n" + "".join(f"{number}\n" for number in range(10, 3000)) + "wrong\n", "in.csv")
    with pytest.raises(psycopg2.Error) as caught:
        load("in.csv", "orders")
    assert any("Task 't' inserted into 'orders' on connection 'warehouse'" in note for note in caught.value.__notes__)
    assert ask("select count(*) from orders") == [(3,)]


def test_what_is_not_there_or_has_no_format(hook, orders):
    with pytest.raises(NoSuchKey):
        load("nope.csv", "orders")
    hook.load_string("x", "in.txt")
    with pytest.raises(UsageError, match="does not tell its format"):
        load("in.txt", "orders")
    hook.load_bytes(b"no gzip", "in.csv.gz")
    with pytest.raises(TransferError, match=r"s3://sandbox/in\.csv\.gz cannot be read"):
        load("in.csv.gz", "orders")


def test_into_sqlite(hook, shop):
    shop.run("create table orders (id integer, name text)")
    hook.load_string('id,name\n1,"a,b"\n2,\n', "in.csv")
    assert load("in.csv", "orders", sql_conn_id="shop") == 2
    assert shop.get_records("select * from orders order by id") == [(1, "a,b"), (2, None)]


def test_few_rows_are_in_memory_at_once(hook, shop):
    """As a list these rows would take some 20 MB."""
    shop.run(
        "create table numbers as with recursive n(i) as (select 1000 union all select i + 1 from n where i < 61000) "
        "select i, i % 3 as third, 'text of row ' || i as text, i * 1.5 as more from n"
    )
    shop.run("create table copied as select * from numbers where false")
    given = {"sql_conn_id": "shop", "groupby_kwargs": {"by": "third"}}

    def peak(limit):
        tracemalloc.start()
        try:
            out(f"select * from numbers limit {limit}", f"{limit}.csv", **given)
            load(f"{limit}_0.csv", "copied", sql_conn_id="shop")
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(3)
    assert peak(60_000) < 8_000_000
    assert shop.get_first("select count(*) from copied") == (20_001,)
