"""What a first chapter on Airflow has its readers do and told them: make the database, and see how a run comes about."""

from __future__ import annotations

from tradewind.cli import main

KINDS = """
    import sqlite3
    from datetime import datetime
    from pathlib import Path

    from tradewind import DAG
    from tradewind.operators.bash import BashOperator
    from tradewind.sensors.filesystem import FileSensor
    from tradewind.transfer import LocalFile, Transfer
    from tradewind_sql import SqliteTable

    with DAG("kinds", schedule=None, start_date=datetime(2022, 1, 1)):
        wait = FileSensor(task_id="wait", filepath="{folder}/users.csv", poke_interval=0.1, mode="reschedule")
        move = Transfer(
            task_id="move",
            source=LocalFile("{folder}/users.csv", types={{"id": "int"}}),
            sink=SqliteTable("users", conn_id="users", mode="replace", create=True),
        )
        act = BashOperator(task_id="act", bash_command="echo {{{{ ti.xcom_pull('move')['rows'] }}}} users")
        wait >> move >> act
"""


def test_the_command_without_anything_shows_its_commands(capsys):
    assert main(["-h"]) == 0
    told = capsys.readouterr().out
    assert all(f"\n  {name} " in told for name in ("dags", "tasks", "db", "connections", "scheduler"))


def test_the_database_is_made_in_the_home_folder(home):
    assert main(["db", "init"]) == 0
    assert (home / "tradewind.db").exists()


def test_what_is_not_there_is_told_with_what_is(capsys):
    assert main(["webserver", "-p", "8080"]) == 2
    assert main(["users", "create", "--role", "Admin", "--username", "admin", "--password", "admin"]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert "`tradewind standalone` runs everything" in first
    assert "nobody logs in" in second
    assert "admin" not in second


def test_a_file_becomes_a_dag_a_run_and_its_task_instances(deploy, tmp_path, monkeypatch, capsys):
    """One task of each kind (action, transfer, sensor), and each of them seen on its way from the command line."""
    here = deploy(AIRFLOW_CONN_USERS=f"sqlite:///{tmp_path}/users.db")
    monkeypatch.setenv("TRADEWIND_HOME", str(here.home))
    here.write("kinds.py", KINDS.format(folder=tmp_path))
    here.start()
    here.dag("kinds")
    assert main(["dags", "trigger", "kinds", "--run-id", "first"]) == 0
    run = here.store.run("kinds", "first")
    here.until(lambda: here.states(run)["wait"] == "up_for_reschedule")
    capsys.readouterr()
    assert main(["dags", "state", "kinds"]) == 0
    assert main(["tasks", "why", "kinds", "act"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("running\n")
    assert "move" in told
    (tmp_path / "users.csv").write_text("id,name\n1,Ann\n2,Ben\n")
    assert str(here.ended(run).state) == "success", here.failures("kinds")
    assert main(["tasks", "states", "kinds", "first"]) == 0
    assert capsys.readouterr().out.count("success") == 3
    assert "2 users" in here.log(run, "act").read_text()
