"""HttpNotifier, as a callback of runs in this process, against a service."""

from __future__ import annotations

import datetime
import logging

import pytest

from tradewind import DAG, TaskFailed
from tradewind.operators.python import PythonOperator
from tradewind.states import RunState
from tradewind_http import HttpNotifier


def fail():
    raise TaskFailed("no such file")


def dag_with(notifier):
    with DAG("sales", start_date=datetime.datetime(2026, 1, 1), schedule=None, on_failure_callback=notifier) as dag:
        PythonOperator(task_id="load", python_callable=fail, on_failure_callback=notifier)
    return dag


def test_each_callback_is_a_request(service, get):
    told = HttpNotifier(
        http_conn_id="shop",
        endpoint="alerts/{{ dag.dag_id }}",
        json={"run": "{{ run_id }}", "of": "{{ ti.task_id if ti is defined else 'the run' }}"},
    )
    run = dag_with(told).test().run
    assert get.run("alerts/sales").json() == [
        {"run": run.run_id, "of": "load"},
        {"run": run.run_id, "of": "the run"},
    ]


@pytest.mark.parametrize("status", [400, 503])
def test_a_service_that_refuses_changes_nothing_and_is_logged(service, control, caplog, status):
    control.fault("status", status=status, times=99)
    run = dag_with(HttpNotifier(http_conn_id="shop", endpoint="alerts")).test()
    assert run.state is RunState.FAILED
    errors = [record for record in caplog.records if "HttpNotifier failed" in record.getMessage()]
    assert len(errors) == 2
    assert {record.levelno for record in errors} == {logging.ERROR}
    assert f"answered with {status}" in caplog.text
