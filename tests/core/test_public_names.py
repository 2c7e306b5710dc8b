"""What `import tradewind` offers, and what it costs."""

from __future__ import annotations

import ast
import importlib
import os
import pathlib
import subprocess
import sys

import pytest

import tradewind

HEAVY = ("sqlalchemy", "alembic", "jinja2", "click", "rich", "cryptography")


def fresh(code, cwd):
    """What a new interpreter prints, in an empty folder that is also its home."""
    env = {**os.environ, "HOME": str(cwd), "TRADEWIND_HOME": str(cwd / "home")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=cwd, env=env)
    return done.stdout.strip()


@pytest.mark.parametrize("name", tradewind.__all__)
def test_every_public_name_is_there(name):
    assert getattr(tradewind, name) is not None
    assert name in dir(tradewind)


def test_the_table_the_list_and_the_imports_for_type_checkers_agree():
    tree = ast.parse(pathlib.Path(tradewind.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    imported = {
        alias.asname or alias.name: f"{node.module.removeprefix('tradewind.')}:{alias.name}"
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imported == tradewind._PLACES
    assert set(tradewind.__all__) == {*imported, "__version__"}


def test_airflows_names_mean_ours():
    assert tradewind.AirflowSkipException is tradewind.TaskSkipped
    assert tradewind.AirflowFailException is tradewind.TaskFailed
    assert tradewind.AirflowException is tradewind.TradewindError
    assert tradewind.BaseSensorOperator is tradewind.BaseSensor


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'tradewind' has no attribute 'Dag'"):
        _ = tradewind.Dag


def test_the_version_is_that_of_the_distribution():
    assert tradewind.__version__ == importlib.metadata.version("tradewind")


def test_the_decorator_dag_and_the_submodule_dag_keep_apart(tmp_path):
    code = (
        "import tradewind.dag\n"
        "from tradewind.dag import DAG\n"
        "from tradewind import dag\n"
        "import importlib, sys\n"
        "print(dag is importlib.import_module('tradewind.taskflow').dag, tradewind.dag is dag,"
        " importlib.import_module('tradewind.dag').DAG is DAG is tradewind.DAG)"
    )
    assert fresh(code, tmp_path) == "True True True"


def test_importing_costs_next_to_nothing(tmp_path):
    code = f"import sys, tradewind; print(len(sys.modules), [name for name in {HEAVY} if name in sys.modules])"
    count, _, heavy = fresh(code, tmp_path).partition(" ")
    assert heavy == "[]"
    assert int(count) <= 150


def test_writing_a_dag_loads_nothing_heavy_and_writes_nothing(tmp_path):
    code = (
        "import sys\n"
        "from tradewind import DAG, BaseOperator, Param, dag, task, task_group\n"
        "@dag(schedule='@daily', start_date='2024-01-01')\n"
        "def d():\n"
        "    task(lambda ds: 1, task_id='a')() >> task.bash(lambda: 'x', task_id='b')()\n"
        "d().spec()\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    assert fresh(code, tmp_path) == "[]"
    assert list(tmp_path.iterdir()) == []
