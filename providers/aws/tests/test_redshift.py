"""COPY and UNLOAD, executed as Redshift would: a real PostgreSQL takes all of SQL but these two statements, which are
carried out on a real S3 server, with the very credentials, names and texts that they have in them, as PostgreSQL itself
reads these.
"""

from __future__ import annotations

import logging
import re
import traceback
from contextlib import closing

import boto3
import psycopg2
import pytest

from tradewind.connection import Connection
from tradewind.errors import MissingArgument, TaskTimeout, UsageError
from tradewind.states import TaskState
from tradewind.testing.runs import run_task
from tradewind_aws.errors import RedshiftError
from tradewind_aws.redshift import RedshiftToS3Operator, S3ToRedshiftOperator
from tradewind_aws.redshift.words import Literals, name_parts, quoted_column, quoted_name
from tradewind_postgres import PostgresHook

BUCKET = "sandbox"
ROLE = "arn:aws:iam::123456789012:role/loader"

_TEXT = r"'(?:[^']|'')*'"
_COPY = re.compile(rf"COPY (?P<into>.+)\nFROM (?P<place>{_TEXT})\n(?P<rest>.*)", re.DOTALL)
_UNLOAD = re.compile(rf"UNLOAD \((?P<query>{_TEXT})\)\nTO (?P<place>{_TEXT})\n(?P<rest>.*)", re.DOTALL)
_WORD = re.compile(rf"(IAM_ROLE|ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|REGION) ({_TEXT}|default)")


class Redshift:
    """Carries out COPY and UNLOAD, and notes all statements."""

    def __init__(self, store: Connection) -> None:
        self.store = store
        self.statements: list[str] = []
        self.words: dict[str, str] = {}

    def __call__(self, hook, cursor, sql, parameters):
        self.statements.append(sql)
        if found := _COPY.fullmatch(sql):
            self.copy(cursor, found)
        elif found := _UNLOAD.fullmatch(sql):
            self.unload(cursor, found)
        else:
            cursor.execute(sql, parameters)

    def read(self, cursor, literal):
        cursor.execute(f"select {literal}")
        return cursor.fetchone()[0]

    def client(self, cursor, rest):
        self.words = {
            word: text if text == "default" else self.read(cursor, text) for word, text in _WORD.findall(rest)
        }
        return boto3.client(
            "s3",
            endpoint_url=f"http://{self.store.host}:{self.store.port}",
            aws_access_key_id=self.words.get("ACCESS_KEY_ID", self.store.login),
            aws_secret_access_key=self.words.get("SECRET_ACCESS_KEY", self.store.password),
            aws_session_token=self.words.get("SESSION_TOKEN"),
            region_name="us-east-1",
        )

    def copy(self, cursor, found):
        bucket, _, prefix = self.read(cursor, found["place"]).removeprefix("s3://").partition("/")
        header = ", HEADER" if "IGNOREHEADER 1" in found["rest"] else ""
        with closing(self.client(cursor, found["rest"])) as client:
            rows = client.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", ())
            if not rows:
                raise psycopg2.errors.InternalError_("The specified S3 prefix does not exist")
            for row in rows:
                with closing(client.get_object(Bucket=bucket, Key=row["Key"])["Body"]) as body:
                    cursor.copy_expert(f"COPY {found['into']} FROM STDIN (FORMAT csv{header})", body)

    def unload(self, cursor, found):
        import io

        bucket, _, prefix = self.read(cursor, found["place"]).removeprefix("s3://").partition("/")
        file = io.BytesIO()
        header = ", HEADER" if re.search(r"^HEADER$", found["rest"], re.MULTILINE) else ""
        cursor.copy_expert(f"COPY ({self.read(cursor, found['query'])}) TO STDOUT (FORMAT csv{header})", file)
        with closing(self.client(cursor, found["rest"])) as client:
            client.put_object(Bucket=bucket, Key=f"{prefix}000", Body=file.getvalue())


@pytest.fixture
def database(sandbox, monkeypatch):
    connection = sandbox("postgres")
    monkeypatch.setenv("AIRFLOW_CONN_REDSHIFT_DEFAULT", connection.get_uri())
    return connection


@pytest.fixture
def ask(database):
    with closing(psycopg2.connect(database.dsn)) as conn:
        conn.autocommit = True

        def ask(sql, values=None):
            with conn.cursor() as cursor:
                cursor.execute(sql, values)
                return cursor.fetchall() if cursor.description else []

        yield ask


@pytest.fixture
def keys(server, monkeypatch):
    """The connection `keys`, to AWS, with keys that the S3 server knows."""
    connection = Connection("keys", "aws", login=server.login, password=server.password)
    monkeypatch.setenv("AIRFLOW_CONN_KEYS", connection.get_uri())
    return connection


@pytest.fixture
def redshift(server, database, keys, monkeypatch):
    redshift = Redshift(server)
    monkeypatch.setattr(PostgresHook, "_run_command", lambda hook, *given: redshift(hook, *given))
    return redshift


@pytest.fixture
def orders(ask, hook):
    ask("create table orders (id int primary key, name text default 'none')")
    ask("insert into orders values (1, 'one'), (2, 'two')")
    hook.load_string("2,TWO\n3,THREE\n", "in/orders.csv")


def load(table="orders", s3_key="in/orders", **given):
    usual = {"s3_bucket": BUCKET, "aws_conn_id": "keys", "copy_options": ["CSV"]}
    return run_task(S3ToRedshiftOperator(task_id="t", table=table, s3_key=s3_key, **{**usual, **given}))


def unload(s3_key="out", **given):
    usual = {"s3_bucket": BUCKET, "aws_conn_id": "keys"}
    return run_task(RedshiftToS3Operator(task_id="t", s3_key=s3_key, **{**usual, **given}))


def rows(ask, table="orders"):
    return ask(f"select * from {table} order by 1, 2")


# Loading


def test_append(redshift, orders, ask, hook):
    hook.load_string("4,four\n", "in/orders-more.csv")
    ask("alter table orders drop constraint orders_pkey")
    load()
    assert rows(ask) == [(1, "one"), (2, "TWO"), (2, "two"), (3, "THREE"), (4, "four")]


def test_replace(redshift, orders, ask):
    load(method="REPLACE")
    assert rows(ask) == [(2, "TWO"), (3, "THREE")]


@pytest.mark.parametrize("keys_given", [None, ["id"], ['"id"'], "id"])
def test_upsert_again_and_again(redshift, orders, ask, keys_given):
    for _ in range(2):
        load(method="UPSERT", upsert_keys=keys_given)
        assert rows(ask) == [(1, "one"), (2, "TWO"), (3, "THREE")]


@pytest.mark.parametrize("method", ["REPLACE", "UPSERT"])
@pytest.mark.parametrize("autocommit", [False, True])
def test_a_failure_leaves_the_table_as_it_was(redshift, orders, ask, hook, method, autocommit):
    before = rows(ask)
    hook.load_string("4,four\nwrong,x\n", "in/orders-more.csv")
    with pytest.raises(RedshiftError, match="invalid input syntax for type integer"):
        load(method=method, autocommit=autocommit)
    with pytest.raises(RedshiftError, match="prefix does not exist"):
        load(method=method, s3_key="nowhere", autocommit=autocommit)
    assert rows(ask) == before


def test_keys_that_are_there_twice_or_not_at_all(redshift, orders, ask, hook):
    """Redshift enforces no keys: each run would add such rows once more."""
    ask("alter table orders drop constraint orders_pkey; alter table orders alter id drop not null")
    before = rows(ask)
    hook.load_string("2,again\n,nobody\n", "in/orders-more.csv")
    with pytest.raises(RedshiftError, match=r'1 keys \("id"\) with several rows, and 1 rows without a key'):
        load(method="UPSERT", upsert_keys=["id"])
    assert rows(ask) == before


def test_columns_that_do_not_come_have_their_defaults(redshift, orders, ask, hook):
    hook.load_string("id\n7\n", "in/ids.csv")
    given = {"s3_key": "in/ids.csv", "column_list": ["id"], "copy_options": ["CSV", "IGNOREHEADER 1"]}
    load(**given)
    assert rows(ask)[-1] == (7, "none")
    load(**given, method="UPSERT")
    assert rows(ask)[-1] == (7, "none")


def test_names_and_keys_with_anything_in_them(redshift, ask, hook):
    ask('create schema "s.1"; create table "s.1"."my ""x"" t" ("a b" int, "select" text, primary key ("a b"))')
    key = "in/it's 100%/x;--.csv"
    hook.load_string("1,x\n", key)
    for method in ("APPEND", "REPLACE", "UPSERT"):
        load(
            '"my ""x"" t"',
            key,
            schema='"s.1"',
            column_list=["a b", "select"],
            method=method,
            upsert_keys=["a b"] if method == "UPSERT" else None,
        )
        assert rows(ask, '"s.1"."my ""x"" t"') == [(1, "x")]
    load('"s.1"."my ""x"" t"', key, method="UPSERT")


def test_templates(redshift, orders, ask):
    params = {"t": "orders", "k": "in/o", "m": "REPLACE"}
    load("{{ params.t }}", "{{ params.k }}", method="{{ params.m }}", params=params)
    assert rows(ask) == [(2, "TWO"), (3, "THREE")]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"method": "MERGE"}, "method is 'MERGE'; it must be one of APPEND, UPSERT, REPLACE"),
        ({"s3_key": "{{ '' }}"}, "s3_key is ''"),
        ({"s3_bucket": ""}, "s3_bucket is ''"),
        ({"table": ""}, "table is ''"),
        ({"table": "a; drop table b--.."}, "cannot be a name in SQL"),
        ({"schema": "{{ '' }}"}, "'' cannot be a name in SQL"),
        ({"copy_options": [1]}, "must be a list of options"),
        ({"table": "nokey", "method": "UPSERT"}, "has no primary key"),
        ({"aws_conn_id": "lake"}, "leads to a store that is not AWS"),
        ({"redshift_conn_id": "lake"}, "S3Hook, which has no run"),
        ({"redshift_conn_id": ""}, "pass redshift_conn_id="),
    ],
)
def test_what_cannot_be_right(redshift, orders, ask, given, told):
    ask("create table nokey (id int)")
    before = rows(ask)
    with pytest.raises(UsageError, match=told):
        load(**given)
    assert rows(ask) == before


# Access


def test_a_role_is_preferred(redshift, orders, monkeypatch):
    monkeypatch.setenv(
        "AIRFLOW_CONN_KEYS", Connection("keys", "aws", extra={"role_arn": ROLE, "region_name": "eu-west-1"}).get_uri()
    )
    load(method="REPLACE")
    assert redshift.words == {"IAM_ROLE": ROLE, "REGION": "eu-west-1"}
    load(method="REPLACE", iam_role=f"{ROLE}2", copy_options="CSV")
    assert redshift.words == {"IAM_ROLE": f"{ROLE}2", "REGION": "eu-west-1"}
    load(method="REPLACE", iam_role="default", copy_options=["CSV", "region 'us-west-2'"])
    assert redshift.words == {"IAM_ROLE": "default"}


def test_credentials_work_and_are_nowhere_to_be_seen(redshift, orders, keys, caplog):
    caplog.set_level(logging.DEBUG)
    task = S3ToRedshiftOperator(
        task_id="t",
        table="orders",
        s3_bucket=BUCKET,
        s3_key="in/orders",
        aws_conn_id="keys",
        copy_options=["CSV"],
        method="REPLACE",
    )
    run_task(task)
    assert redshift.words["SECRET_ACCESS_KEY"] == keys.password
    own = [record for record in caplog.records if record.name.startswith("tradewind")]
    assert any("SECRET_ACCESS_KEY '***'" in record.getMessage() for record in own)
    assert keys.password not in " ".join(record.getMessage() for record in own)
    assert keys.password not in repr(vars(task))


def test_keys_that_are_wrong_fail(redshift, orders, ask, keys, monkeypatch):
    wrong = Connection("keys", "aws", login=keys.login, password="wrong/secret+of-some-length")
    monkeypatch.setenv("AIRFLOW_CONN_KEYS", wrong.get_uri())
    with pytest.raises(RedshiftError, match="SignatureDoesNotMatch"):
        load(method="REPLACE")
    assert len(rows(ask)) == 2


@pytest.mark.parametrize("token", ["", "FwoGZXIvYXdzEXAMPLE'TOKEN//////////short"])
def test_what_the_server_says_shows_no_credentials(database, ask, monkeypatch, caplog, token):
    """A real PostgreSQL refuses COPY FROM 's3://', and quotes the line of the statement that it does not know."""
    caplog.set_level(logging.DEBUG)
    secret = "wJalrXUtnFEMI/K7MDENG'bPxRfiCYEXAMPLEKEY"
    extra = {"aws_session_token": token} if token else {}
    connection = Connection("keys", "aws", login="AKIAIOSFODNN7EXAMPLE", password=secret, extra=extra)
    monkeypatch.setenv("AIRFLOW_CONN_KEYS", connection.get_uri())
    ask("create table orders (id int primary key)")
    said = []
    for method in ("APPEND", "REPLACE", "UPSERT"):
        with pytest.raises(RedshiftError, match=r"'t' failed on connection 'redshift_default': .*syntax error") as it:
            load(method=method)
        said += traceback.format_exception(it.value)
    with pytest.raises(RedshiftError, match="syntax error at or near") as it:
        unload(table="orders")
    said += [*traceback.format_exception(it.value), *(record.getMessage() for record in caplog.records)]
    told = "".join(line for line in said if "boto" not in line)
    for hidden in filter(None, (secret, token, "AKIAIOSFODNN7EXAMPLE")):
        assert not any(hidden[place : place + 8] in told for place in range(len(hidden) - 7))
    assert it.value.__cause__ is None
    assert it.value.__context__ is None


# Unloading


def test_a_table(redshift, orders, hook):
    unload("out/{{ params.x }}/", table="orders", params={"x": 1})
    assert hook.list_keys(prefix="out") == ["out/1/orders_000"]
    assert hook.read_key("out/1/orders_000") == "1,one\n2,two\n"
    unload("", table="orders", schema="public")
    assert hook.check_for_key("orders_000")
    unload("there", table="orders", table_as_file_name=False, include_header=True)
    assert hook.read_key("there000") == "id,name\n1,one\n2,two\n"


def test_a_query_with_quotes_in_it(redshift, orders, hook):
    unload(select_query="select 'it''s ''' || name as \"a \"\"b\", '' as x from orders where name = 'one';")
    assert hook.read_key("out000") == "it's 'one,\"\"\n"
    unload(select_query=r"select '\d', 'a\\', E'\'', '100%' where 'x' ~ '^\w$'")
    assert hook.read_key("out000") == "\\d,a\\\\,',100%\n"


@pytest.mark.parametrize("values", [{"name": "o'ne\\"}, ["o'ne\\"]])
def test_parameters_of_a_query(redshift, orders, ask, hook, values):
    ask("insert into orders values (9, %s)", ("o'ne\\",))
    place = "%(name)s" if isinstance(values, dict) else "%s"
    unload(select_query=f"select id, '%%' from orders where name = {place}", parameters=values)
    assert hook.read_key("out000") == "9,%\n"


def test_the_header_is_asked_for_once(redshift, orders):
    unload(table="orders", include_header=True, unload_options=["header", "PARALLEL OFF"])
    assert redshift.statements[-1].upper().count("HEADER") == 1


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "needs table= or select_query="),
        ({"select_query": "{{ '' }}"}, "select_query is ''"),
        ({"select_query": "select 1", "s3_key": ""}, "s3_key is ''"),
        ({"table": "orders", "s3_bucket": ""}, "s3_bucket is ''"),
    ],
)
def test_what_cannot_be_unloaded(redshift, given, told):
    with pytest.raises(UsageError, match=told):
        unload(**given)


# Words


def test_names():
    assert quoted_name("sales", "orders") == '"sales"."orders"'
    assert quoted_name(None, 'dev.sales."my ""x"" t"') == '"dev"."sales"."my ""x"" t"'
    assert name_parts('a."b.c"') == ["a", "b.c"]
    assert quoted_column('a"b.c') == '"a""b.c"'
    assert quoted_column('"a b"') == '"a b"'
    for text in ("", ".", "a.", ".a", "a..b", 'a"b', '"a', '""', " ", "a. ", "a\0"):
        with pytest.raises(UsageError, match="cannot be a name"):
            name_parts(text)


@pytest.mark.parametrize("standard", ["on", "off"])
def test_texts_come_back_whatever_a_backslash_means(database, standard):
    """In Redshift it escapes the next character, as in a PostgreSQL that is told so."""
    texts = ["", "it's", "''", "\\", "\\'", "a\\' or 1=1 --", "\\\\''\\", "x\ny", "naïve 日本", "$$", "%s {0}"]
    with closing(psycopg2.connect(database.dsn)) as conn, conn.cursor() as cursor:
        cursor.execute(f"set standard_conforming_strings = {standard}")

        def ask(sql):
            cursor.execute(sql)
            return cursor.fetchone()

        literal = Literals(ask)
        assert [ask(f"select {literal(text)}")[0] for text in texts] == texts
        nested = literal(f"select {literal('it' + chr(39) + 's ' + chr(92))}")
        assert ask(ask(f"select {nested}")[0])[0] == "it's \\"
        with pytest.raises(UsageError, match="NUL"):
            literal("\0")


def test_a_server_is_asked_about_backslashes_only_where_there_is_one():
    assert Literals(lambda sql: pytest.fail("asked"))("it's") == "'it''s'"


# Its end


def test_a_time_limit_stops_what_the_server_does(redshift, ask, monkeypatch):
    def run_command(hook, cursor, sql, parameters):
        sql = "select pg_sleep(300)" if sql.startswith("UNLOAD") else sql
        hook._attended(cursor.connection, lambda: cursor.execute(sql, parameters))

    monkeypatch.setattr(PostgresHook, "_run_command", run_command)
    task = RedshiftToS3Operator(
        task_id="t", select_query="select 1", s3_bucket=BUCKET, s3_key="k", aws_conn_id="keys", execution_timeout=1
    )
    ended = run_task(task, check=False)
    assert ended.state is TaskState.FAILED
    assert isinstance(ended.error, TaskTimeout)
    sleeping = "select count(*) from pg_stat_activity where query like 'select pg_sleep%' and state = 'active'"
    assert ask(sleeping) == [(0,)]


def test_the_data_api_is_not_there():
    with pytest.raises(TypeError, match="redshift_data_api_kwargs"):
        S3ToRedshiftOperator(task_id="t", table="t", s3_bucket="b", s3_key="k", redshift_data_api_kwargs={"sql": "x"})
    with pytest.raises(MissingArgument, match="s3_bucket"):
        RedshiftToS3Operator(task_id="t", s3_key="k")
