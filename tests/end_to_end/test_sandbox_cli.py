"""`tradewind sandbox`, `run --sandbox`, `dags test --sandbox` and `standalone --sandbox`, on real servers."""

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tradewind.connection import Connection
from tradewind.runner.identity import identity, session_members

DAG_FILE = """
    import datetime
    from tradewind import DAG, task
    from tradewind_postgres import PostgresHook
    from tradewind_sql import SQLExecuteQueryOperator

    with DAG("sales", schedule=None, start_date=datetime.datetime(2025, 1, 1)) as dag:
        load = SQLExecuteQueryOperator(
            task_id="load", conn_id="warehouse", sql="CREATE TABLE sales AS SELECT 41 + 1 AS amount"
        )

        @task
        def show():
            hook = PostgresHook("warehouse")
            print("found", hook.get_first("SELECT amount FROM sales"), "on", hook.connection.host)

        load >> show()
"""


@pytest.fixture(autouse=True)
def needs_a_server(sandboxes, monkeypatch):
    """Skips where there is no PostgreSQL; servers that are there already are not used."""
    sandboxes.open("postgres")
    for name in ("POSTGRES", "MYSQL"):
        monkeypatch.delenv(f"TRADEWIND_SANDBOX_{name}_URL", raising=False)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The temporary folder of everything that a test starts. Nothing may be left in it."""
    found = tmp_path / "temporary files"
    found.mkdir()
    monkeypatch.setenv("TMPDIR", str(found))
    yield found
    until(lambda: not sandboxes_in(found))


def sandboxes_in(folder):
    return list(folder.glob("tradewind-sandbox-*"))


def until(what, timeout=60.0):
    end = time.monotonic() + timeout
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def command(*words):
    return [sys.executable, "-W", "error", "-m", "tradewind", *words]


def tradewind(*words, **environ):
    return subprocess.run(
        command(*words), env={**os.environ, **environ}, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture
def start():
    """Start `tradewind` with these words, and read its standard output."""
    running = []

    def begin(*words, **environ):
        process = subprocess.Popen(
            command(*words),
            env={**os.environ, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def dag_file(tmp_path):
    path = tmp_path / "sales.py"
    path.write_text(textwrap.dedent(DAG_FILE))
    return path


def told(process):
    """The connection in the next line of the form `export AIRFLOW_CONN_X='...'`."""
    name, value = re.fullmatch(r"export (\w+)='?([^']*)'?\n", process.stdout.readline()).groups()
    return name, Connection.from_uri(value)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_the_variables_and_waits(start, folder, number):
    process = start("sandbox", "start", "postgres", "shop=postgres", TRADEWIND_CONN_SHOP="postgres://real.example")
    assert process.stdout.readline() == "unset TRADEWIND_CONN_SHOP\n"
    (default, one), (shop, two) = told(process), told(process)
    assert (default, shop) == ("AIRFLOW_CONN_POSTGRES_DEFAULT", "AIRFLOW_CONN_SHOP")
    assert one.test_connection()[0]
    assert two.test_connection()[0]
    assert (one.host, one.port) != (two.host, two.port)
    process.send_signal(number)
    rest, messages = process.communicate(timeout=60)
    assert (rest, process.returncode) == ("", 0), messages
    assert "sandbox  shop  PostgreSQL" in messages
    assert one.password not in messages
    assert not sandboxes_in(folder)


def test_kill_9_leaves_nothing(start, folder):
    process = start("sandbox", "start", "postgres")
    _, connection = told(process)
    process.kill()
    until(lambda: not sandboxes_in(folder) and not connection.test_connection()[0])


def test_kill_9_of_the_guard_too_is_cleared_up_by_the_next(start, folder):
    process = start("sandbox", "start", "postgres")
    _, connection = told(process)
    (guard,) = children_of(process.pid)
    os.kill(guard, signal.SIGKILL)
    process.kill()
    process.wait()
    assert connection.test_connection()[0]
    (left,) = sandboxes_in(folder)
    done = tradewind("sandbox", "start", "postgres", "--", "true")
    assert done.returncode == 0, done.stderr
    assert not left.exists()
    assert not connection.test_connection()[0]
    assert session_members(guard) == []


def children_of(pid):
    """The guards that a process has started: each leads a session."""
    shown = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,sess="], capture_output=True, text=True, check=True).stdout
    rows = [tuple(map(int, line.split())) for line in shown.splitlines()]
    return [child for child, parent, session in rows if parent == pid and session == child]


def test_a_command_runs_with_the_variables_and_its_exit_code_is_the_answer(folder):
    code = "import os, sys; print(os.environ['AIRFLOW_CONN_DB']); sys.exit(7)"
    done = tradewind("sandbox", "start", "db=postgres", "--", sys.executable, "-c", code, AIRFLOW_CONN_DB="x://real")
    assert done.returncode == 7
    assert done.stdout.startswith("postgres://sandbox:")
    assert not sandboxes_in(folder)


def test_a_command_that_is_told_to_stop(start, folder):
    code = "import time; print('ready', flush=True); time.sleep(1000)"
    process = start("sandbox", "start", "postgres", "--", sys.executable, "-c", code)
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert not sandboxes_in(folder)


def test_ctrl_c_while_a_command_runs_is_for_the_command(start, folder):
    code = "import signal; print('ready', flush=True); signal.sigwait({signal.SIGINT}); print('asked', flush=True)"
    blocked = f"import signal; signal.pthread_sigmask(signal.SIG_BLOCK, {{signal.SIGINT}}); {code}"
    process = start("sandbox", "start", "postgres", "--", sys.executable, "-c", blocked)
    assert process.stdout.readline() == "ready\n"
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    assert process.communicate(timeout=60)[0] == "asked\n"
    assert process.returncode == 0
    assert not sandboxes_in(folder)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["oracle"], "There is no sandbox for the connection type 'oracle'. There are: aws, google_cloud_platform, "),
        (["postgres", "postgresql"], "'postgres_default' is asked for twice: write ID=TYPE"),
        (["=postgres"], "'=postgres' names no connection"),
        (["postgres", "--quick"], "There is no option '--quick' here"),
        (["postgres", "--", "no-such-command"], "There is no command 'no-such-command'."),
        ([], "Missing argument"),
    ],
)
def test_what_cannot_be_started(words, message, folder):
    done = tradewind("sandbox", "start", *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""


def test_the_list_says_what_can_be_started(tmp_path):
    done = tradewind("sandbox", "list")
    assert re.search(r"^postgres +PostgreSQL +postgres +yes$", done.stdout, re.MULTILINE)
    broken = tradewind("sandbox", "list", "-o", "json", TRADEWIND_PLUGINS="")
    assert broken.stdout.strip() == "[]"


# -- DAGs


def test_a_dag_runs_on_a_sandbox_and_never_on_the_real_thing(dag_file, folder):
    real = "postgres://u:pw-7f3a@real.invalid/x"
    done = tradewind("run", "--sandbox", str(dag_file), AIRFLOW_CONN_WAREHOUSE=real, TRADEWIND_CONN_WAREHOUSE=real)
    assert done.returncode == 0, done.stderr
    assert "found (42,) on 127.0.0.1" in done.stdout
    assert re.search(r"^sandbox  warehouse  PostgreSQL [\d.]+ on 127\.0\.0\.1:\d+$", done.stderr, re.MULTILINE)
    assert "pw-7f3a" not in done.stdout + done.stderr
    assert not sandboxes_in(folder)


def test_an_id_of_an_unknown_type_is_asked_for(dag_file, folder):
    dag_file.write_text(dag_file.read_text().replace('PostgresHook("warehouse")', "None"))
    done = tradewind("run", "--sandbox", str(dag_file))
    assert done.returncode == 2
    assert "--sandbox-type warehouse=TYPE" in done.stderr
    assert "sales.py, line 8" in done.stderr
    done = tradewind("run", "--sandbox", "--sandbox-type", "warehouse=postgres", str(dag_file))
    assert "✓ load" in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--sandbox-type", "a=postgres"], "--sandbox-type goes with --sandbox."),
        (["--sandbox", "--sandbox-type", "postgres"], "should be ID=TYPE"),
        (["--sandbox", "--sandbox-type", "a=oracle"], "There is no sandbox for the connection type 'oracle'"),
    ],
)
def test_types_that_cannot_be(dag_file, words, message):
    done = tradewind("run", *words, str(dag_file))
    assert done.returncode == 2
    assert message in done.stderr


def test_what_has_no_sandbox_stays_real_and_is_told(dag_file, folder, tmp_path):
    real = {"AIRFLOW_CONN_LANDING": f"fs://?path={tmp_path}"}
    dag_file.write_text(
        dag_file.read_text() + "\nfrom tradewind.operators.filesystem import FSHook\nFSHook('landing')\n"
    )
    done = tradewind("run", "--sandbox", str(dag_file), **real)
    assert done.returncode == 0, done.stderr
    assert "real     landing  fs: there is no sandbox for this type, so the real connection is used" in done.stderr


def test_an_id_that_nothing_shows_is_refused_if_it_is_real(dag_file, folder):
    hidden = dag_file.read_text().replace('PostgresHook("warehouse")', 'PostgresHook("ware" + "house2")')
    dag_file.write_text(hidden)
    real = "postgres://u:pw-7f3a@real.invalid/x"
    done = tradewind(
        "run", "--sandbox", "--sandbox-type", "warehouse=postgres", str(dag_file), AIRFLOW_CONN_WAREHOUSE2=real
    )
    assert done.returncode == 1
    assert "--sandbox-type warehouse2=postgres" in done.stderr
    assert "pw-7f3a" not in done.stdout + done.stderr


def test_dags_test_takes_the_dag_folder(folder, deploy):
    deployment = deploy()
    deployment.write("sales.py", DAG_FILE)
    done = deployment.cli("dags", "test", "--sandbox", "sales")
    assert "found (42,) on 127.0.0.1" in done.stdout


def test_standalone_lets_sandboxes_stand_in_for_all_dags(folder, deploy):
    deployment = deploy(AIRFLOW_CONN_WAREHOUSE="postgres://real.invalid/x")
    deployment.write("sales.py", DAG_FILE)
    with (deployment.home / "scheduler.log").open("a") as log:
        deployment.process = subprocess.Popen(
            [sys.executable, "-m", "tradewind", "standalone", "--sandbox"],
            env=deployment.environ,
            stdout=log,
            stderr=log,
        )
    run = deployment.ended(deployment.trigger("sales"), timeout=120)
    assert run.state == "success", deployment.scheduler_log()
    assert "found (42,) on 127.0.0.1" in deployment.log(run, "show").read_text()
    (server,) = sandboxes_in(folder)
    assert deployment.stop() == 0
    assert not server.exists()


def test_a_scheduler_that_is_killed_leaves_no_server(folder, deploy):
    deployment = deploy()
    deployment.write("sales.py", DAG_FILE)
    deployment.process = subprocess.Popen(
        [sys.executable, "-m", "tradewind", "standalone", "--sandbox"],
        env=deployment.environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deployment.dag("sales")
    assert sandboxes_in(folder)
    (guard,) = [pid for pid in children_of(deployment.process.pid) if "guard_process" in words_of(pid)]
    deployment.kill()
    until(lambda: not sandboxes_in(folder) and identity(guard) is None)


def words_of(pid):
    return subprocess.run(
        ["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout


def test_two_users_at_once_do_not_meet(folder):
    code = "import os; print(os.environ['AIRFLOW_CONN_POSTGRES_DEFAULT'])"
    running = [
        subprocess.Popen(
            command("sandbox", "start", "postgres", "--", sys.executable, "-c", code), stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    uris = {process.communicate(timeout=120)[0].strip() for process in running}
    assert len(uris) == 3
    assert all(process.returncode == 0 for process in running)
    assert not sandboxes_in(Path(folder))
