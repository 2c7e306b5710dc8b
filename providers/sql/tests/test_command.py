"""`tradewind sql`, from the outside."""

import json
import os
import subprocess
import sys

import pytest


@pytest.fixture
def sql(tmp_path):
    environ = {
        **os.environ,
        "AIRFLOW_CONN_SHOP": f"sqlite:///{tmp_path}/shop.db",
        "AIRFLOW_CONN_FOLDER": "fs://",
        "TRADEWIND_HOME": str(tmp_path / "home"),
    }

    def run(*words, stdin=None):
        command = [sys.executable, "-m", "tradewind", "sql", *words]
        return subprocess.run(command, env=environ, input=stdin, capture_output=True, text=True, timeout=60)

    return run


def test_a_statement_and_a_query(sql):
    assert sql("shop", "create table t (a integer, b text)").stderr == "Done.\n"
    sql("shop", "insert into t values (1, 'x'), (2, null)")
    done = sql("shop", "select a, b, a from t order by a", "-o", "json")
    assert json.loads(done.stdout) == [{"a": 1, "b": "x", "a:2": 1}, {"a": 2, "b": None, "a:2": 2}]
    assert sql("shop", "select a from t where a > 9").stderr == "No rows.\n"


def test_standard_input_and_the_limit(sql):
    done = sql("shop", "--limit", "2", stdin="select 1 as n union select 2 union select 3")
    assert done.stdout.split() == ["n", "1", "2"]
    assert "--limit 0" in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nowhere", "select 1"], "nowhere"),
        (["folder", "select 1"], "runs no SQL"),
        (["shop", "selec 1"], "syntax error"),
    ],
)
def test_errors_are_one_line(sql, words, told):
    done = sql(*words)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
