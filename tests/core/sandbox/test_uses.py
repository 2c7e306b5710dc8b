"""Which connections a DAG file uses is seen without running its tasks."""

from __future__ import annotations

import dataclasses
import textwrap

import msgspec
import pytest

from tradewind import DAG
from tradewind.operator import BaseOperator
from tradewind.sandbox.uses import Use, uses_in_text, uses_of, uses_of_task
from tradewind.secrets import forget_sources


def ids(text):
    return sorted({use.conn_id for use in uses_in_text(textwrap.dedent(text), "etl.py")})


@pytest.mark.parametrize(
    "text",
    [
        "PostgresHook('a')",
        "PostgresHook(postgres_conn_id='a')",
        "tradewind_postgres.PostgresHook('a').get_records('select 1')",
        "Operator(task_id='t', conn_id='a')",
        "DAG('d', default_args={'mysql_conn_id': 'a'})",
        "BaseHook.get_connection('a')",
        "PostgresHook.get_connection('a')",
        "BaseHook.get_hook('a')",
        "Connection.get('a')",
        "await Connection.async_get('a')",
        "def f():\n  def g():\n    return MyOwnHook('a')",
        "Bash(bash_command='psql {{ conn.a.host }}')",
        """Bash(bash_command="psql {{ conn.get('a').host }}")""",
        """Bash(bash_command="{% if conn['a'].host %}x{% endif %}")""",
    ],
)
def test_ids_in_the_text(text):
    assert ids(text) == ["a"]


@pytest.mark.parametrize(
    "text",
    [
        "PostgresHook(name)",
        "PostgresHook()",
        "PostgresHook('{{ params.db }}')",
        "PostgresHook(f'{x}')",
        "Operator(conn_id=None)",
        "settings.get('a')",
        "Webhook.get('a')",
        "print('conn.a')",
        "conn_id = 'a'",
        "PostgresHook('a'",
        "\0",
    ],
)
def test_what_is_no_id(text):
    assert ids(text) == []


def test_what_a_use_says_of_the_type():
    uses = uses_in_text(
        "from x import PostgresHook as Pg\nPg('a')\nPg.get_connection('b')\nOperator(mysql_conn_id='c')", "dags/etl.py"
    )
    assert {use.conn_id: (use.hook, use.field, use.where) for use in uses} == {
        "a": ("PostgresHook", "", "etl.py, line 2"),
        "b": ("PostgresHook", "", "etl.py, line 3"),
        "c": ("", "mysql_conn_id", "etl.py, line 4"),
    }


@dataclasses.dataclass(frozen=True)
class Table:
    name: str
    conn_id: str = "mysql_default"
    template_fields = ("name", "conn_id")


class Query(msgspec.Struct, frozen=True):
    sql: str
    conn_id: str = "shop"
    template_fields = ("sql",)
    conn_type = "mysql"


class Logged(BaseOperator):
    def __init__(self, *, log_conn_id: str = "postgres_default", **kwargs):
        super().__init__(**kwargs)
        self.log_conn_id = log_conn_id


class Move(Logged):
    def __init__(self, *, source, sinks, **kwargs):
        super().__init__(**kwargs)
        self.source = source
        self.sinks = sinks
        self.again = self.source  # nothing is looked at twice


def test_ids_in_the_fields_of_a_task_and_in_what_it_holds():
    with DAG("d", schedule=None):
        task = Move(task_id="move", source=Query("select 1"), sinks={"new": [Table("a"), Table("b", "{{ x }}")]})
    assert sorted(uses_of_task(task), key=lambda use: use.conn_id) == [
        Use("mysql_default", "task 'move'", field="conn_id", default="mysql_default"),
        Use("postgres_default", "task 'move'", field="log_conn_id", default="postgres_default"),
        Use("shop", "task 'move'", field="conn_id", default="shop", conn_type="mysql"),
    ]


def test_a_file_is_read_and_its_dags_are_loaded(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("AIRFLOW_CONN_REAL", "postgres://real.example/db")
    forget_sources()
    good, hungry, broken = tmp_path / "good.py", tmp_path / "hungry.py", tmp_path / "broken.py"
    good.write_text(
        textwrap.dedent("""\
            print("noise")
            from tradewind import DAG
            from tradewind_sql import SQLExecuteQueryOperator
            with DAG("good", schedule=None) as dag:
                for name in ("a", "b"):
                    SQLExecuteQueryOperator(task_id=name, conn_id="computed_" + name, sql="select 1")
        """)
    )
    hungry.write_text(
        textwrap.dedent(f"""\
            from pathlib import Path
            from tradewind import DAG
            from tradewind.connection import Connection
            name = "real"
            try:
                Connection.get(name)
            except Exception as error:
                Path({str(tmp_path / "said")!r}).write_text(str(error))
            with DAG("hungry", schedule=None) as dag: ...
        """)
    )
    broken.write_text("from tradewind import DAG\nPostgresHook('c')\nraise SystemExit(1)\n")
    latin = tmp_path / "latin.py"
    latin.write_bytes("from tradewind import DAG  # é\n".encode("latin-1"))
    found = uses_of(map(str, (latin, tmp_path / "gone.py", good, hungry, broken)))
    assert sorted(use.conn_id for use in found) == ["c", "computed_a", "computed_b"]
    assert "is not used with --sandbox" in (tmp_path / "said").read_text()
    assert "noise" not in "".join(capfd.readouterr())


def test_a_file_that_hangs_is_given_up(tmp_path, monkeypatch):
    from tradewind.sandbox import uses as module

    monkeypatch.setenv("TRADEWIND_PARSE_TIMEOUT", "0.5")
    monkeypatch.setattr(module, "_SLACK", 0.5)
    path = tmp_path / "hangs.py"
    path.write_text("PostgresHook = print\nPostgresHook('a')\nimport time; time.sleep(1000)\n")
    assert [use.conn_id for use in uses_of([str(path)])] == ["a"]
