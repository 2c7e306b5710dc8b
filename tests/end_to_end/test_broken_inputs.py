"""Whatever is wrong with a file, a value or the machine: one clear error, nothing lost, everything else goes on."""

import sqlite3
import threading
from pathlib import Path

import pytest

GOOD = """
    from datetime import datetime
    from tradewind import DAG
    from tradewind.operators.python import PythonOperator

    with DAG("good", start_date=datetime(2020, 1, 1), schedule=None):
        PythonOperator(task_id="a", python_callable=lambda: 1)
"""

HEAD = (
    "from tradewind import DAG\nfrom datetime import datetime\nfrom tradewind.operators.bash import BashOperator as B\n"
)


def dag(body, **keywords):
    given = "".join(f", {name}={value!r}" for name, value in keywords.items())
    return f"{HEAD}with DAG('bad', start_date=datetime(2020, 1, 1){given}):\n    {body}\n"


BROKEN = {
    "syntax": ("from tradewind import DAG\ndef f(:\n", ["SyntaxError", "line 2"]),
    "import": ("import tradewind\nimport no_such_dag_library\n", ["No module named 'no_such_dag_library'", "line 2"]),
    "cycle": (
        dag("a = B(task_id='a', bash_command='x'); b = B(task_id='b', bash_command='x'); a >> b >> a", schedule=None),
        ["a >> b >> a"],
    ),
    "duplicate": (
        dag("B(task_id='a', bash_command='x'); B(task_id='a', bash_command='x')", schedule=None),
        ["'a'", "'bad'"],
    ),
    "keyword": (dag("B(task_id='a', bash_comand='x')", schedule=None), ["bash_comand", "bash_command"]),
    "endless": ("from tradewind import DAG\nwhile True: pass\n", ["2 s", "line 2"]),
    "memory": ("from tradewind import DAG\nblock = bytearray(2 * 1024**3)\n", ["MemoryError", "line 2"]),
    "exit": ("from tradewind import DAG\nimport sys\nsys.exit(3)\n", ["SystemExit", "line 3"]),
    "hard_exit": ("from tradewind import DAG\nimport os\nos._exit(3)\n", ["exit"]),
    "zone": (dag("B(task_id='a', bash_command='x')", schedule="@daily").replace(
        "with DAG", "from zoneinfo import ZoneInfo\nwith DAG").replace("2020, 1, 1", "2020, 1, 1, tzinfo=ZoneInfo('Europe/Berlim')"),
        ["Europe/Berlim"]),
    "never": (dag("B(task_id='a', bash_command='x')", schedule="0 0 31 2 *"), ["0 0 31 2 *", "never"]),
    "cron": (dag("B(task_id='a', bash_command='x')", schedule="61 * * * *"), ["61 * * * *"]),
}  # fmt: skip


@pytest.fixture
def running(deploy):
    here = deploy(TRADEWIND_PARSE_TIMEOUT="2")
    here.write("good.py", GOOD)
    here.start()
    here.dag("good")
    return here


def test_every_broken_file_is_reported_and_the_others_go_on(running):
    for name, (code, _) in BROKEN.items():
        running.write(f"{name}_dag.py", code)
    failures = running.until(lambda: len(found := running.store.failures()) == len(BROKEN) and found)
    by_name = {Path(failure.path).stem.removesuffix("_dag"): failure for failure in failures}
    for name, (_, told) in BROKEN.items():
        failure = by_name[name]
        text = f"{failure.error} line {failure.line}\n{failure.traceback}"
        for word in told:
            assert word in text, f"{name}: {text}"
    assert str(running.ended(running.trigger("good")).state) == "success"
    shown = running.cli("dags", "errors").stdout
    assert all(f"{name}_dag.py" in shown for name in BROKEN)


def test_a_broken_edit_keeps_the_last_good_version(running):
    path = running.write("good.py", GOOD + "\n    this is not python\n")
    running.until(running.store.failures)
    run = running.ended(running.trigger("good"))
    assert str(run.state) == "success"
    path.write_text(path.read_text().replace("this is not python\n", ""))
    running.until(lambda: not running.store.failures())


def test_a_value_that_cannot_be_passed_on_fails_its_task(running):
    running.write(
        "value.py",
        """
        from datetime import datetime
        from tradewind import DAG
        from tradewind.operators.python import PythonOperator

        with DAG("value", start_date=datetime(2020, 1, 1), schedule=None):
            PythonOperator(task_id="a", python_callable=lambda: {"rows": [object()]})
        """,
    )
    run = running.ended(running.trigger("value"))
    assert str(run.state) == "failed"
    reason = running.store.task(run.id, "a").reason
    assert "XComError" in reason
    assert "rows" in reason


def test_a_locked_database_delays_and_loses_nothing(running):
    holder = sqlite3.connect(running.store.place, isolation_level=None, check_same_thread=False)
    runs = [running.trigger("good") for _ in range(3)]
    holder.execute("BEGIN IMMEDIATE")
    release = threading.Timer(2.0, lambda: holder.execute("COMMIT"))
    release.start()
    for run in runs:
        assert str(running.ended(run).state) == "success"
    release.join()
    holder.close()
    assert "locked" not in running.scheduler_log()


def test_a_full_disk_under_the_logs_does_not_fail_the_task(deploy, tmp_path):
    """/dev/full answers every write with "no space left on device"."""
    here = deploy()
    here.write("good.py", GOOD)
    folder = Path(here.settings.logs_folder) / "good" / "full" / "a"
    folder.mkdir(parents=True)
    (folder / "1.log").symlink_to("/dev/full")
    here.start()
    run = here.ended(here.trigger("good", name="full"))
    assert str(run.state) == "success"


def test_corrupt_settings_are_refused_with_their_source(deploy):
    here = deploy()
    (here.home / "tradewind.toml").write_text("parallelism = 'many'\n")
    done = here.cli("scheduler", check=False)
    assert done.returncode == 2
    assert "tradewind.toml" in done.stderr
    assert "parallelism" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_corrupt_database_is_named(deploy):
    here = deploy()
    here.store.close()
    for name in ("tradewind.db", "tradewind.db-wal", "tradewind.db-shm"):
        (here.home / name).unlink(missing_ok=True)
    (here.home / "tradewind.db").write_bytes(b"this is not a database, it is a text file\n" * 100)
    done = here.cli("dags", "list", check=False)
    assert done.returncode == 2
    assert "tradewind.db" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_broken_connection_fails_its_task_with_the_reason_and_without_the_secret(deploy):
    here = deploy(AIRFLOW_CONN_SHOP="postgres://user:s3cr3t#x@h:notaport/db")
    here.write(
        "shop.py",
        """
        from datetime import datetime
        from tradewind import DAG, BaseHook
        from tradewind.operators.python import PythonOperator

        with DAG("shop", start_date=datetime(2020, 1, 1), schedule=None):
            PythonOperator(task_id="a", python_callable=lambda: BaseHook.get_connection("shop"))
        """,
    )
    here.start()
    run = here.ended(here.trigger("shop"))
    assert str(run.state) == "failed"
    text = here.store.task(run.id, "a").reason + here.log(run, "a").read_text()
    assert "AIRFLOW_CONN_SHOP" in text
    assert "s3cr3t" not in text
    assert "not defined" not in text


def test_a_change_in_an_imported_file_is_noticed(running):
    running.write("tables.py", "NAMES = ['a']\n")
    running.write(
        "uses.py",
        """
        from datetime import datetime
        from tables import NAMES
        from tradewind import DAG
        from tradewind.operators.empty import EmptyOperator

        with DAG("uses", start_date=datetime(2020, 1, 1), schedule=None):
            for name in NAMES:
                EmptyOperator(task_id=name)
        """,
    )
    running.dag("uses")
    running.write("tables.py", "NAMES = ['a', 'b']\n")
    running.until(lambda: len(running.store.dag("uses").spec.tasks) == 2)


def test_a_deleted_file_takes_its_dags_along_and_leaves_their_history(running):
    run = running.ended(running.trigger("good"))
    (Path(running.settings.dags_folder) / "good.py").unlink()
    running.until(lambda: not running.store.dags())
    assert running.store.run("good", run.run_id).state == "success"


def test_the_second_of_two_dags_with_one_id_waits_for_the_first_to_go(running):
    path = running.write("zwilling.py", GOOD)
    (failure,) = running.until(running.store.failures)
    assert failure.path == str(path)
    assert "good.py" in failure.error
    (Path(running.settings.dags_folder) / "good.py").unlink()
    running.until(lambda: running.store.dags() and running.store.dag("good").path == str(path))
    assert not running.store.failures()
