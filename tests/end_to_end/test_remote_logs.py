"""Logs in a shared folder: readable from another machine while tasks run, after kill -9, and when the store was down."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tradewind import settings
from tradewind.errors import SettingError
from tradewind.remote import RemoteLog, open_log_store
from tradewind.scheduler.courier import CourierProcess

DAG = """
    import os, time
    from pathlib import Path
    from tradewind import DAG
    from tradewind.operators.python import PythonOperator

    FLAGS = Path({flags!r})

    def work():
        for number in range(10_000):
            print("tick", number, flush=True)
            if (FLAGS / "go").exists():
                return
            time.sleep(0.02)

    with DAG("talk", schedule=None, on_success_callback=lambda context: print("all is well")):
        PythonOperator(task_id="t", python_callable=work)
"""

ENVIRON = {"TRADEWIND_LOGS_UPLOAD_INTERVAL": "0.1", "TRADEWIND_HEARTBEAT_INTERVAL": "0.2"}


class Place:
    """A deployment that uploads its logs to a shared folder, and another machine that reads there."""

    def __init__(self, deploy, tmp_path, **more):
        self.shared = tmp_path / "shared"
        self.flags = tmp_path / "flags"
        self.flags.mkdir()
        self.here = deploy(TRADEWIND_LOGS_URL=self.shared.as_uri(), **ENVIRON, **more)
        self.here.write("talk.py", DAG.format(flags=str(self.flags)))
        self.elsewhere = {**self.here.environ, "TRADEWIND_LOGS_FOLDER": str(tmp_path / "elsewhere")}

    def begin(self):
        self.here.start()
        self.run = self.here.trigger("talk", name="r")
        self.until_remote("tick 3")
        return self.run

    def remote(self, name="t/1.log"):
        log = RemoteLog(open_log_store(self.here.settings), f"talk/{self.run.run_id}/{name}")
        return b"".join(log.read()).decode(), log.ended

    def until_remote(self, word):
        self.here.until(lambda: word in self.remote()[0])

    def local(self):
        return self.here.log(self.run, "t").read_text()

    def go(self):
        (self.flags / "go").touch()

    def read_elsewhere(self, *options, **how):
        command = [sys.executable, "-m", "tradewind", "tasks", "logs", "talk", "t", *options]
        return subprocess.Popen(
            command, env=self.elsewhere, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how
        )


@pytest.fixture
def place(deploy, tmp_path):
    return Place(deploy, tmp_path)


def test_a_log_is_read_elsewhere_while_the_task_runs(place):
    run = place.begin()
    with place.read_elsewhere() as reader:
        told, errors = reader.communicate(timeout=60)
    assert "tick 3" in told
    assert errors == ""
    with place.read_elsewhere("--follow") as follower:
        assert "try 1 of 1" in follower.stdout.readline()
        place.go()
        place.here.ended(run)
        rest, errors = follower.communicate(timeout=60)
    assert "success, after" in rest.splitlines()[-1]
    assert errors == ""
    place.here.until(lambda: place.remote()[1])
    assert place.remote()[0] == place.local()
    place.here.until(lambda: "all is well" in place.remote("run.log")[0])
    with place.read_elsewhere("--try", "7") as reader:
        _, errors = reader.communicate(timeout=60)
    assert reader.returncode == 2
    assert "has had 1 try so far, and no try 7" in errors
    for file in [path for path in place.shared.rglob("*") if path.is_file()]:
        file.unlink()
    with place.read_elsewhere() as reader:
        _, errors = reader.communicate(timeout=60)
    assert reader.returncode == 2
    assert "no log of try 1: there is no file" in errors
    assert f"nothing of it in the log store {place.shared.as_uri()}" in errors


RETRIED = """
    from pathlib import Path
    from tradewind import DAG, task

    with DAG("talk", schedule=None):

        @task(retries=1, retry_delay=0.3)
        def t(ti=None):
            while not Path({flags!r}, "go").exists():
                pass
            print("tick 3, at the end of try", ti.try_number)
            if ti.try_number == 1:
                raise ValueError("once more")

        t()
"""


def test_tries_are_followed_from_elsewhere_to_the_end_of_each(place):
    place.here.write("talk.py", RETRIED.format(flags=str(place.flags)))
    place.here.start()
    place.run = place.here.trigger("talk", name="r")
    place.until_remote("try 1 of 2")
    with place.read_elsewhere("--follow") as follower:
        assert "try 1 of 2" in follower.stdout.readline()
        place.go()
        told, errors = follower.communicate(timeout=60)
    ends = re.findall(r"at the end of try \d|try \d: \w+", told)
    assert ends == ["at the end of try 1", "try 1: up_for_retry", "at the end of try 2", "try 2: success"]
    assert errors == ""


def test_a_task_that_is_killed_loses_nothing(place):
    run = place.begin()
    pid = place.here.store.task(run.id, "t").pid
    os.kill(pid, signal.SIGKILL)
    ended = place.here.ended(run)
    assert str(ended.state) == "failed"
    place.here.until(lambda: "killed by SIGKILL" in place.remote()[0])
    place.here.until(lambda: place.remote()[1])
    assert place.remote()[0] == place.local()


def test_a_machine_that_is_killed_loses_seconds(place):
    """Everything is killed at once, and the local disk is gone: what was uploaded is there."""
    run = place.begin()
    courier = courier_of(place.here.process.pid)
    pid = place.here.store.task(run.id, "t").pid
    place.here.kill()
    for one in (courier, pid):
        os.kill(one, signal.SIGKILL)
    last = [line for line in place.local().splitlines() if "tick" in line][-1]
    seen = [line for line in place.remote()[0].splitlines() if "tick" in line][-1]
    assert int(last.split()[-1]) - int(seen.split()[-1]) < 500, "less than ten seconds of ticks are missing"
    place.here.start()  # it was not the disk after all
    place.here.ended(run)
    place.here.until(lambda: place.remote()[1] and place.remote()[0] == place.local())


def test_logs_are_uploaded_though_the_scheduler_was_killed(place):
    run = place.begin()
    place.here.kill()
    place.until_remote("tick 60")
    place.go()
    place.until_remote("success, after")
    assert place.here.store.task(run.id, "t").state == "success"


def test_a_courier_that_is_killed_is_started_again(place):
    place.begin()
    os.kill(courier_of(place.here.process.pid), signal.SIGKILL)
    place.here.until(lambda: "The courier ended with exit code -9" in place.here.scheduler_log())
    size = len(place.remote()[0])
    place.here.until(lambda: len(place.remote()[0]) > size)
    place.go()
    place.here.ended(place.run)


@pytest.mark.parametrize("moment", ["at the start", "at the end"])
def test_a_store_that_is_down_fails_and_slows_nothing(place, moment):
    """A file where the folder should be; it is away again later."""
    aside = place.shared.with_name("aside")
    if moment == "at the start":
        place.shared.touch()
        place.here.start()
        place.run = place.here.trigger("talk", name="r")
        place.here.until(lambda: place.here.log(place.run, "t").exists() and "tick 3" in place.local())
    else:
        place.begin()
        place.shared.rename(aside)
        place.shared.touch()
    place.here.until(lambda: "WARNING This log cannot be uploaded to file://" in place.local())
    place.here.until(lambda: "Logs cannot be uploaded to file://" in place.here.scheduler_log())
    place.go()
    assert str(place.here.ended(place.run).state) == "success"
    assert place.here.stop() == 0
    place.shared.unlink()
    if aside.exists():
        aside.rename(place.shared)
    place.here.start()  # the next scheduler uploads what is left
    place.here.until(lambda: place.shared.exists() and place.remote()[1])
    assert place.remote()[0] == place.local()


def test_local_logs_may_go_when_they_are_uploaded(deploy, tmp_path):
    place = Place(deploy, tmp_path, TRADEWIND_LOGS_DELETE_LOCAL="true")
    place.begin()
    place.go()
    place.here.ended(place.run)
    place.here.until(lambda: not place.here.log(place.run, "t").exists())
    assert "success, after" in place.here.cli("tasks", "logs", "talk", "t").stdout


def test_a_store_that_cannot_be_right_stops_the_scheduler_at_once(home, monkeypatch):
    monkeypatch.setenv("TRADEWIND_LOGS_URL", "s3://key:hush@bucket")
    with pytest.raises(SettingError, match="logs_url holds credentials") as raised:
        CourierProcess(settings.read())
    assert "hush" not in str(raised.value)


def courier_of(scheduler):
    """The pid of a scheduler's courier."""
    for pid in Path(f"/proc/{scheduler}/task/{scheduler}/children").read_text().split():
        if b"tradewind.runner.courier" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return int(pid)
    raise AssertionError("there is no courier")
