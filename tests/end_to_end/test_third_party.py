"""A provider from outside of the workspace, built and installed as its users would, at work in a scheduled DAG."""

import json
from pathlib import Path

import pytest

DAG = """
import datetime
from tradewind import DAG, task
from acme_ledger import LedgerBookOperator, LedgerHook

with DAG("books", schedule="@daily", start_date=datetime.datetime(2025, 1, 1), end_date=datetime.datetime(2025, 1, 2),
         catchup=True, is_paused_upon_creation=False, max_active_runs=1):
    first = LedgerBookOperator(task_id="first", amount="{{ macros.ds_format(ds, '%Y-%m-%d', '%d') }}.125", ledger_id="books")

    @task.book(ledger_id="books")
    def second():
        return 7

    first >> second()
"""


@pytest.fixture(scope="module")
def acme(environment, wheel_of):
    """An environment with the wheel of the core, and that of the stranger."""
    return environment(wheel_of(Path(__file__).parent / "acme_ledger"))


def test_it_is_found(acme):
    listed = json.loads(acme.python("-m", "tradewind", "providers", "list", "-o", "json").stdout)
    (row,) = [row for row in listed if row["name"] == "ledger"]
    assert (row["version"], row["state"], row["summary"]) == ("2.5", "loaded", "ACME's ledger for tradewind.")
    assert row["brings"] == "connection types: ledger; task decorators: book"
    shown = json.loads(acme.python("-m", "tradewind", "providers", "show", "ledger", "-o", "json").stdout)
    assert shown["package"] == "acme-ledger"
    assert shown["url"] == "https://ledger.example.com"
    checked = acme.python("-m", "tradewind", "providers", "check", "ledger", "--sandbox")  # there is no pytest here
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "✗" not in checked.stdout


def test_a_scheduled_dag_uses_it(acme, deploy, tmp_path):
    file = tmp_path / "books.txt"
    file.touch()
    uri = f"acme-ledger://host/{file.relative_to('/')}?strict=false&digits=3&seal=wax"
    deployment = deploy(python=acme.executable, AIRFLOW_CONN_BOOKS=uri)
    deployment.write("books.py", DAG)
    deployment.start()
    runs = deployment.until(lambda: both_ended(deployment), timeout=90)
    for run in runs:
        log = deployment.log(run, "first")
        assert str(run.state) == "success", log.read_text() if log.exists() else deployment.scheduler_log()
    amounts = [line.split()[0] for line in file.read_text().splitlines()]
    assert amounts == ["1.125", "7.000", "2.125", "7.000"]

    shown = deployment.cli("ledger", "books").stdout
    assert shown.split()[::2] == amounts
    tested = deployment.cli("connections", "test", "books").stdout
    assert "is there" in tested
    assert "wax" not in deployment.cli("connections", "get", "books").stdout


def both_ended(deployment):
    runs = sorted(deployment.store.runs("books"), key=lambda run: run.logical_date)
    return runs if len(runs) == 2 and all(run.state.is_finished for run in runs) else None
