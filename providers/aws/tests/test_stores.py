"""Logs and large XComs on S3: the contracts, outages and storms, and a scheduler that uploads there."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tradewind import settings
from tradewind.errors import LogStoreError, SettingError, XComError
from tradewind.remote import RemoteLog, StoreUrl, open_log_store
from tradewind.sandbox import Control
from tradewind.store import open_store
from tradewind.testing import LogStoreContract, XComStoreContract
from tradewind.testing.faults import LOOPBACK, closed_port
from tradewind_aws.log_store import S3LogStore
from tradewind_aws.xcom_store import S3XComStore

CHUNK = "20251121000000123-0123abcd.000000000000000-000000000000010"

#: The connection's own options count more than those of the stores.
IMPATIENT = "config_kwargs.retries.total_max_attempts=1"


class TestLogs(LogStoreContract):
    kind = S3LogStore
    many = 1001  # S3 lists a thousand at once

    @pytest.fixture
    def open_store(self, server):
        return lambda: opened(self.kind, "s3://lake@sandbox/a b/logs?encrypt=true")

    @pytest.fixture
    def unreachable(self, monkeypatch):
        monkeypatch.setenv("AIRFLOW_CONN_NOBODY", f"s3://key:hush@{LOOPBACK}:{closed_port()}/?tls=false&{IMPATIENT}")
        return opened(self.kind, "s3://nobody@bucket/logs")


class TestValues(XComStoreContract):
    kind = S3XComStore
    many = 1001
    open_store = TestLogs.open_store
    unreachable = TestLogs.unreachable


def opened(kind, url):
    return kind(StoreUrl.parse(url, "logs_url"))


# -- what they say -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("s3://bucket?encrypt=perhaps", "encrypt='perhaps'; write true or false"),
        ("s3://bucket?storage=cold", "unknown option 'storage'"),
    ],
)
def test_a_url_that_cannot_be_right(url, told):
    with pytest.raises(SettingError, match=told):
        opened(S3LogStore, url)


def test_the_bucket_may_be_the_connections_own(server, hook):
    opened(S3LogStore, "s3:///logs?conn_id=lake").put("d/r/t/1.log", CHUNK, b"hello\n")
    assert hook.list_keys() == [f"logs/d/r/t/1.log/{CHUNK}"]


def test_objects_are_encrypted_as_told(server, hook):
    opened(S3LogStore, "s3://lake@sandbox?encrypt=true").put("a.log", CHUNK, b"x")
    opened(S3XComStore, "s3://lake@sandbox?kms_key_id=mine").put("b", b"x")
    opened(S3XComStore, "s3://lake@sandbox").put("c", b"x")
    assert hook.head_object(f"a.log/{CHUNK}")["ServerSideEncryption"] == "AES256"
    assert hook.head_object("b")["SSEKMSKeyId"] == "mine"
    assert "SSEKMSKeyId" not in hook.head_object("c")


def test_a_connection_that_is_not_there_is_named():
    with pytest.raises(LogStoreError, match=r"s3://bucket takes no log: .*'nowhere'"):
        opened(S3LogStore, "s3://nowhere@bucket").put("a.log", CHUNK, b"x")


def test_a_bucket_that_is_not_there_is_named(server):
    with pytest.raises(XComError, match="the bucket 'elsewhere' does not exist"):
        opened(S3XComStore, "s3://lake@elsewhere").get("a")


def test_a_secret_key_that_is_refused_is_not_shown(server, monkeypatch):
    wrong = server.get_uri().replace(server.password, "hush-hush-hush")
    monkeypatch.setenv("AIRFLOW_CONN_WRONG", wrong)
    with pytest.raises(LogStoreError) as raised:
        opened(S3LogStore, "s3://wrong@sandbox").put("a.log", CHUNK, b"x")
    assert "hush" not in str(raised.value)
    assert "s3://sandbox takes no log" in str(raised.value)


def test_short_storms_are_sat_out_and_long_ones_are_errors(server):
    store = opened(S3LogStore, "s3://lake@sandbox")
    control = Control(server)
    for kind in ("status", "drop", "lost"):
        control.fault(kind, method="PUT")
        store.put("a.log", CHUNK, b"x")
    control.fault("status", status=503, times=100)
    began = time.monotonic()
    with pytest.raises(LogStoreError, match=r"s3://sandbox takes no log"):
        store.put("a.log", CHUNK, b"x")
    assert time.monotonic() - began < 60
    control.clear()
    assert store.get("a.log", CHUNK) == b"x"


ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("page", ["remote-logs", "large-xcoms"])
def test_the_url_that_a_page_shows_is_one(page, server, monkeypatch):
    """docs/howto/remote-logs.md and large-xcoms.md: what is exported there opens a store that works."""
    Control(server).act("create_bucket", name="my-bucket")
    monkeypatch.setenv("TRADEWIND_CONN_AWS_LOGS", server.get_uri())
    text = (ROOT / "docs" / "howto" / f"{page}.md").read_text(encoding="utf-8")
    (url,) = re.findall(r"^\$ export TRADEWIND_\w+_URL='(s3://.*)'$", text, re.MULTILINE)
    if page == "remote-logs":
        store = opened(S3LogStore, url)
        store.put("a.log", CHUNK, b"x")
        assert store.chunks("a.log") == [CHUNK]
    else:
        opened(S3XComStore, url).put("a", b"x")
        assert opened(S3XComStore, url).get("a") == b"x"


# -- a scheduler that uploads there ------------------------------------------------------------------------------------

DAG = """
import time
from tradewind import DAG, task

with DAG("talk", schedule=None):

    @task
    def talk():
        for number in range(10_000):
            print("tick", number, flush=True)
            time.sleep(0.02)

    @task
    def make():
        return list(range(50_000))

    @task
    def use(rows):
        assert sum(rows) == sum(range(50_000))

    talk()
    use(make())
"""


class Deployment:
    """A scheduler process that keeps logs and values on S3."""

    def __init__(self, folder):
        self.environ = {
            **os.environ,
            "TRADEWIND_HOME": str(folder),
            "TRADEWIND_LOGS_URL": "s3://sandbox/logs?conn_id=lake",
            "TRADEWIND_LOGS_UPLOAD_INTERVAL": "0.2",
            "TRADEWIND_XCOM_STORE_URL": "s3://sandbox/values?conn_id=lake",
            "TRADEWIND_XCOM_STORE_THRESHOLD": "1000",
            "TRADEWIND_DAGS_REFRESH_INTERVAL": "0.2",
        }
        self.settings = settings.read(self.environ)
        (folder / "dags").mkdir(parents=True)
        (folder / "dags" / "talk.py").write_text(DAG)
        self.folder = folder
        self.log = (folder / "scheduler.log").open("w")
        open_store(self.settings, create=True).close()
        command = [sys.executable, "-m", "tradewind", "scheduler"]
        self.process = subprocess.Popen(command, env=self.environ, stdout=self.log, stderr=self.log)

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.log.close()

    def cli(self, *words, **more):
        command = [sys.executable, "-m", "tradewind", *words]
        done = subprocess.run(command, env={**self.environ, **more}, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def until(self, what, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := what():
                return found
            time.sleep(0.05)
        raise AssertionError((self.folder / "scheduler.log").read_text())

    def remote(self, run_id, task_id):
        log = RemoteLog(open_log_store(self.settings), f"talk/{run_id}/{task_id}/1.log")
        return b"".join(log.read()).decode(), log.ended

    def local(self, run_id, task_id):
        return (self.folder / "logs" / "talk" / run_id / task_id / "1.log").read_text()


@pytest.fixture
def deployment(server, tmp_path):
    found = Deployment(tmp_path / "home")
    yield found
    found.close()


def test_a_killed_task_in_a_storm(deployment, server, hook, tmp_path):
    """Read from elsewhere while it runs; S3 fails for a while; the task is killed; nothing is lost but time."""
    here, control = deployment, Control(server)
    with open_store(here.settings) as store:
        here.until(store.dags)
        here.cli("dags", "trigger", "talk", "--run-id", "r")
        here.until(lambda: "tick 3" in here.remote("r", "talk")[0])
        elsewhere = here.cli("tasks", "logs", "talk", "talk", TRADEWIND_LOGS_FOLDER=str(tmp_path / "elsewhere"))
        assert "tick 3" in elsewhere
        run = store.run("talk", "r")
        here.until(lambda: str(store.task(run.id, "use").state) == "success")
        assert len(hook.list_keys(prefix="values/")) == 1

        control.fault("status", status=503, method="PUT", times=1000)
        here.until(lambda: "WARNING This log cannot be uploaded to s3://sandbox/logs" in here.local("r", "talk"))
        os.kill(store.task(run.id, "talk").pid, signal.SIGKILL)
        here.until(lambda: store.run("talk", "r").state.is_finished)
        assert "Logs cannot be uploaded to s3://sandbox/logs" in (here.folder / "scheduler.log").read_text()
        control.clear()
        here.until(lambda: here.remote("r", "talk")[1])
        assert here.remote("r", "talk")[0] == here.local("r", "talk")
        assert "killed by SIGKILL" in here.local("r", "talk")
        assert server.password not in here.local("r", "talk") + (here.folder / "scheduler.log").read_text()

        here.cli("runs", "delete", "talk", "r", "--yes")
        here.until(lambda: hook.list_keys(prefix="values/") == [])
        assert len(hook.list_keys(prefix="logs/")) > 3, "logs are kept"
