"""Large values between real attempts, in a shared folder: used, replaced, deleted with their run."""

from __future__ import annotations

import subprocess

import pytest

from tradewind.remote import unwanted

DAG = """
    from tradewind import DAG, task
    from tradewind.operators.bash import BashOperator

    with DAG("flow", schedule=None):

        @task(retries=1, retry_delay=0.05)
        def make(ti=None):
            ti.xcom_push("parts", {"rows": [ti.try_number] * 50_000})
            if ti.try_number == 1:
                raise ValueError("once more")
            return list(range(50_000))

        @task
        def use(rows, ti=None):
            assert rows == list(range(50_000))
            assert ti.xcom_pull("make", key="parts")["rows"][0] == ti.xcom_pull("make", key="parts")["rows"][-1] > 1
            return len(rows)

        made = make()
        use(made)
        made >> BashOperator(task_id="template", bash_command="test {{ ti.xcom_pull('make')[-1] }} = 49999")
"""


@pytest.fixture
def here(deploy, tmp_path):
    found = deploy(
        TRADEWIND_XCOM_STORE_URL=(tmp_path / "values").as_uri(),
        TRADEWIND_XCOM_STORE_THRESHOLD="1000",
        TRADEWIND_XCOM_STORE_COMPRESSION="gzip",
        TRADEWIND_LOGS_UPLOAD_INTERVAL="0.1",
    )
    found.write("flow.py", DAG)
    return found


def kept(tmp_path):
    return sorted(path.name for path in (tmp_path / "values").rglob("*.json*"))


def test_large_values_are_passed_replaced_and_deleted(here, tmp_path):
    here.start()
    run = here.trigger("flow", name="r")
    assert str(here.ended(run).state) == "success", here.log(run, "use").read_text()
    assert len(kept(tmp_path)) == 2, "what the first try kept is gone"
    api = here.store.task_api()
    text = api.xcom_get("flow", "r", "make", "return_value")
    assert len(text) < 500
    assert api.xcom_get("flow", "r", "use", "return_value") == "50000"
    assert read_elsewhere(here) == sum(range(50_000))

    before = kept(tmp_path)
    here.cli("tasks", "clear", "flow", "--run", "r", "--yes")
    here.until(lambda: str(here.store.run("flow", "r").state) == "success" and kept(tmp_path) not in (before, []))
    assert len(kept(tmp_path)) == 2
    assert not set(kept(tmp_path)) & set(before)

    here.cli("runs", "delete", "flow", "r", "--yes")
    here.until(lambda: here.store.find_run("flow", "r") is None)
    here.until(lambda: kept(tmp_path) == [])
    here.until(lambda: unwanted.notes(here.settings.home) == [])


def test_without_a_scheduler_the_command_line_deletes_them(here, tmp_path, monkeypatch):
    here.start()
    runs = [here.trigger("flow", name=name) for name in ("r1", "r2", "r3")]
    for run in runs:
        here.ended(run)
    here.stop()
    assert len(kept(tmp_path)) == 6
    here.cli("runs", "delete", "flow", "r1", "--yes")
    assert len(kept(tmp_path)) == 4
    here.cli("db", "clean", "--before", "2100-01-01", "--yes")  # the newest run stays
    assert len(kept(tmp_path)) == 2
    (tmp_path / "values").rename(tmp_path / "away")
    (tmp_path / "values").touch()
    told = here.cli("dags", "delete", "flow", "--yes").stderr
    assert "are not deleted yet; the next scheduler does that" in told
    (tmp_path / "values").unlink()
    (tmp_path / "away").rename(tmp_path / "values")
    here.start()
    here.until(lambda: kept(tmp_path) == [])


def test_a_value_that_is_gone_fails_the_task_that_needs_it_and_says_which(here, tmp_path):
    here.start()
    run = here.trigger("flow", name="r")
    here.ended(run)
    for path in (tmp_path / "values").rglob("*return_value*"):
        path.unlink()
    here.cli("tasks", "clear", "flow", "--task-regex", "use", "--run", "r", "--yes")
    here.until(lambda: here.states(run)["use"] == "failed")
    (reason,) = [task.reason for task in here.store.tasks(run.id) if task.task_id == "use"]
    assert "The XCom 'return_value' of flow.make of r, try 2 is gone" in reason


def test_a_store_that_is_down_fails_the_task_that_cannot_keep_its_value(here, tmp_path):
    (tmp_path / "values").touch()
    here.start()
    run = here.trigger("flow", name="r")
    assert str(here.ended(run).state) == "failed"
    (reason,) = [task.reason for task in here.store.tasks(run.id) if task.task_id == "make"]
    assert "The XCom 'parts' of flow.make of r, try 2 cannot be kept: The XCom store file://" in reason


def read_elsewhere(here):
    """What any program reads through `tradewind.xcom`."""
    code = (
        "from tradewind import settings, xcom; from tradewind.store import open_store\n"
        "with open_store(settings.read()) as store:\n"
        "    print(sum(xcom.loads(store.task_api().xcom_get('flow', 'r', 'make', 'return_value'))))"
    )
    done = subprocess.run([here.python, "-c", code], env=here.environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)
