"""The courier: logs of live, ended, killed and foreign processes, and stores that fail, hang, or storm."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time

import pytest

from tradewind import settings
from tradewind.errors import LogStoreError
from tradewind.remote import LogStore, RemoteLog, StoreUrl, unsent
from tradewind.remote.chunks import parse
from tradewind.remote.unsent import Writer
from tradewind.runner import courier
from tradewind.runner.courier import LogCourier
from tradewind.runner.identity import host, identity
from tradewind.runner.output import LogFile

NAME = "d/r/t/1.log"


class Store(LogStore):
    """In memory; `trouble` is raised by every verb, `gate` holds writers up."""

    def __init__(self):
        super().__init__(StoreUrl.parse("memory://here", "logs_url"))
        self.kept = {}
        self.puts = []
        self.trouble = None
        self.refused = set()
        self.gate = threading.Event()
        self.gate.set()
        self.largest = 0

    def put(self, log, chunk, data):
        self.puts.append(chunk)
        self.gate.wait(30)
        if self.trouble is not None:
            raise self.trouble
        if log in self.refused:
            raise LogStoreError(f"refuses {log}")
        self.kept[log, chunk] = data
        self.largest = max(self.largest, len(data))

    def chunks(self, log, after=""):
        if self.trouble is not None:
            raise self.trouble
        return sorted(chunk for name, chunk in self.kept if name == log and chunk > after)

    def get(self, log, chunk):
        return self.kept[log, chunk]

    def text(self, name=NAME):
        log = RemoteLog(self, name)
        return b"".join(log.read()), log.ended


class Bench:
    """A log folder, a store, and processes that write."""

    def __init__(self, settings):
        self.settings = settings
        self.store = Store()
        self.courier = LogCourier(settings, self.store)
        self.path = self.log_of(NAME)
        self.processes = []

    def log_of(self, name):
        return self.path_of(name)

    def path_of(self, name):
        from pathlib import Path

        return Path(self.settings.logs_folder) / name

    def writer(self):
        """A process that lives till it is killed."""
        process = subprocess.Popen(["sleep", "600"])
        self.processes.append(process)
        return process, Writer(host(), process.pid, identity(process.pid))

    def note(self, writer, name=NAME):
        assert unsent.write(self.settings.logs_folder, self.path_of(name), name, writer) == ""

    def line(self, text, name=NAME):
        log = LogFile(self.path_of(name))
        log.line("OUT", text)
        log.close()

    def left(self):
        return unsent.notes(self.settings.logs_folder)

    def kill(self, process):
        process.kill()
        process.wait()


@pytest.fixture
def make(tmp_path):
    made = []

    def bench(**environ):
        home = {"TRADEWIND_HOME": str(tmp_path), "TRADEWIND_LOGS_UPLOAD_INTERVAL": "0.05"}
        found = Bench(settings.read({**home, **environ}))
        made.append(found)
        return found

    yield bench
    for one in made:
        for process in one.processes:
            one.kill(process)


@pytest.fixture
def here(make):
    return make()


def test_a_log_is_uploaded_while_it_grows_and_nothing_twice(here):
    process, writer = here.writer()
    here.note(writer)
    for number in range(3):
        here.line(f"line {number}")
        assert here.courier.turn() is True
        assert here.store.text() == (here.path.read_bytes(), False)
    here.courier.turn()
    assert len(here.store.puts) == 3, "only what is new is uploaded"
    assert sum(len(data) for data in here.store.kept.values()) == here.path.stat().st_size
    here.line("the last one")
    here.kill(process)
    assert here.courier.turn() is False
    assert here.store.text() == (here.path.read_bytes(), True)
    assert here.left() == []


def test_a_line_that_is_not_complete_waits(here):
    process, writer = here.writer()
    here.note(writer)
    here.line("complete")
    with here.path.open("a") as file:
        file.write("half a li")
    here.courier.turn()
    assert here.store.text()[0].endswith(b"complete\n")
    here.kill(process)
    here.courier.turn()
    assert here.store.text() == (here.path.read_bytes(), True)


def test_the_end_of_a_lost_attempt_is_added_later(here):
    """The courier may be quicker than whoever writes in the log how its process ended."""
    process, writer = here.writer()
    here.note(writer)
    here.line("at work")
    here.kill(process)
    here.courier.turn()
    here.line("killed by SIGKILL")
    here.note(Writer(host()))
    here.courier.turn()
    assert here.store.text() == (here.path.read_bytes(), True)
    assert len(here.store.kept) == 2, "what was uploaded is not uploaded again"


def test_a_courier_that_was_killed_is_followed_by_another(here):
    process, writer = here.writer()
    here.note(writer)
    here.line("one")
    here.courier.turn()
    (file,) = here.left()
    with unsent.hold(file) as note:  # it was killed before it could note that the chunk had arrived
        note.advance(0)
    here.line("two")
    LogCourier(here.settings, here.store).turn()
    here.kill(process)
    LogCourier(here.settings, here.store).turn()
    assert here.store.text() == (here.path.read_bytes(), True)


def test_two_couriers_do_not_work_on_one_log_at_once(here):
    _, writer = here.writer()
    here.note(writer)
    here.line("one")
    (file,) = here.left()
    with unsent.hold(file) as note:
        assert note is not None
        here.courier.turn()
        assert here.store.puts == []
    here.courier.turn()
    assert len(here.store.puts) == 1


def test_large_logs_go_in_chunks_and_other_logs_have_their_turn(here, monkeypatch):
    monkeypatch.setattr(courier, "LARGEST", 1000)
    process, writer = here.writer()
    here.note(writer)
    for number in range(2000):
        here.line(f"line {number}")
    here.courier.turn()
    assert len(here.store.puts) == courier.CHUNKS_AT_ONCE
    here.kill(process)
    while here.left():
        here.courier.turn()
    assert here.store.text() == (here.path.read_bytes(), True)
    assert here.store.largest <= 1000


def test_a_store_that_is_down_is_told_of_and_tried_again(make, caplog):
    here = make(TRADEWIND_LOGS_UPLOAD_INTERVAL="20")
    process, writer = here.writer()
    names = [f"d/r/t{number}/1.log" for number in range(20)]
    for name in names:
        here.note(writer, name)
        here.line("hello", name)
    here.store.trouble = LogStoreError("memory://here answers 503")
    here.courier.turn()
    assert 1 <= len(here.store.puts) <= courier.FAILURES + courier.THREADS, "a few failures are enough to know"
    few = len(here.store.puts)
    (told,) = [record.getMessage() for record in caplog.records]
    assert "cannot be uploaded to memory://here" in told
    assert "answers 503" in told
    here.courier.turn()
    assert len(here.store.puts) == few, "it is left alone for a while"
    here.courier.turn(force=True)
    assert len(caplog.records) == 1, "it is told once"
    texts = [here.path_of(name).read_text() for name in names]
    assert any("WARNING This log cannot be uploaded to memory://here now" in text for text in texts)
    assert all(text.count("cannot be uploaded") <= 1 for text in texts)
    here.store.trouble = None
    here.kill(process)
    here.courier.turn(force=True)
    assert caplog.records[-1].getMessage() == "The log store memory://here serves again."
    for name in names:
        assert here.store.text(name) == (here.path_of(name).read_bytes(), True)
    assert here.left() == []


def test_a_log_that_is_refused_holds_up_no_other(here, caplog):
    process, writer = here.writer()
    names = [f"d/r/t{number}/1.log" for number in range(9)]
    here.store.refused = set(names[:8])
    for name in names:
        here.note(writer, name)
        here.line("hello", name)
    for number in range(3):  # till each was tried once
        here.line(f"early {number}", names[8])
        here.courier.turn(force=True)
    here.courier.turn(force=True)  # with nothing new of the one that is served
    for number in range(4):
        here.line(f"line {number}", names[8])
        here.courier.turn()
        assert here.store.text(names[8]) == (here.path_of(names[8]).read_bytes(), False)
    assert len([one for one in caplog.records if "cannot be uploaded" in one.getMessage()]) <= 2
    assert all(here.path_of(name).read_text().count("cannot be uploaded") <= 1 for name in names)
    here.store.refused.clear()
    here.kill(process)
    while here.left():
        here.courier.turn(force=True)
    assert all(here.store.text(name) == (here.path_of(name).read_bytes(), True) for name in names)


def test_pauses_between_tries_grow(here):
    _, writer = here.writer()
    here.note(writer)
    here.line("hello")
    here.store.trouble = ConnectionResetError("of any kind")
    for pause in (0.1, 0.2, 0.4, 0.8):
        began = time.monotonic()
        here.courier.turn(force=True)
        assert began + pause <= here.courier._next <= time.monotonic() + pause


def test_a_slow_store_holds_up_nobody_who_writes(here):
    process, writer = here.writer()
    here.note(writer)
    here.line("one")
    here.store.gate.clear()
    turn = threading.Thread(target=here.courier.turn)
    turn.start()
    while not here.store.puts:
        time.sleep(0.001)
    here.line("two")
    here.kill(process)
    here.store.gate.set()
    turn.join()
    here.courier.turn()
    assert here.store.text() == (here.path.read_bytes(), True)


def test_a_secret_in_what_a_store_says_is_masked(here, caplog):
    from tradewind.secrets import mask_secret

    mask_secret("hush-hush")
    _, writer = here.writer()
    here.note(writer)
    here.line("hello")
    here.store.trouble = LogStoreError("refused hush-hush")
    here.courier.turn()
    assert "hush-hush" not in here.path.read_text() + caplog.text


def test_local_logs_may_be_deleted_when_they_are_uploaded(make):
    here = make(TRADEWIND_LOGS_DELETE_LOCAL="true")
    process, writer = here.writer()
    here.note(writer)
    here.line("one")
    here.courier.turn()
    assert here.path.exists(), "somebody writes it"
    text = here.path.read_bytes()
    here.store.trouble = LogStoreError("down")
    here.kill(process)
    here.courier.turn()
    assert here.path.exists(), "it is not uploaded"
    here.store.trouble = None
    text = here.path.read_bytes()
    here.courier.turn(force=True)
    assert not here.path.exists()
    assert here.store.text() == (text, True)


def test_a_sensor_goes_on_in_a_new_file_if_the_old_one_was_deleted(make):
    here = make(TRADEWIND_LOGS_DELETE_LOCAL="true")
    texts = []
    for number in range(2):
        process, writer = here.writer()
        here.note(writer)
        time.sleep(0.002)  # the time of its first line tells one stream from the next
        here.line(f"look {number}")
        texts.append(here.path.read_bytes())
        here.kill(process)
        here.courier.turn()
    assert here.store.text() == (b"".join(texts), True)
    assert len({parse(chunk).stream for _, chunk in here.store.kept}) == 2


def test_a_writer_on_another_machine_is_left_to_its_own_courier(make):
    here = make(TRADEWIND_LOST_AFTER="100")
    here.note(Writer("elsewhere", 1, "boot-1"))
    here.line("hello")
    assert here.courier.turn() is False
    assert here.store.puts == []
    long_ago = time.time() - 200  # that machine is gone, and the folder is shared
    os.utime(here.path, (long_ago, long_ago))
    here.courier.turn()
    assert here.store.text() == (here.path.read_bytes(), True)


def test_a_log_that_is_not_there_any_more_is_forgotten(here):
    process, writer = here.writer()
    here.note(writer)
    here.courier.turn()
    assert len(here.left()) == 1, "it may still be written"
    here.kill(process)
    here.courier.turn()
    assert here.left() == []
    assert here.store.puts == []


def test_a_note_that_cannot_be_read_stops_no_other(here, caplog):
    process, writer = here.writer()
    here.note(writer)
    here.line("hello")
    (here.left()[0].parent / "nonsense-1-1").write_text("what is this")
    here.kill(process)
    here.courier.turn()
    assert here.store.text() == (here.path.read_bytes(), True)
    assert re.search(r"The note .*nonsense.* cannot be read", caplog.text)


def test_a_note_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "logs").touch()
    told = unsent.write(tmp_path / "logs", tmp_path / "logs" / NAME, NAME, Writer(host()))
    assert told.startswith("this log will not be uploaded: Not a directory")


def test_the_process_ends_when_its_scheduler_and_the_attempts_have(make, tmp_path):
    here = make()
    environ = {
        **os.environ,
        "TRADEWIND_HOME": str(tmp_path),
        "TRADEWIND_LOGS_URL": f"file://{tmp_path}/shared",
        "TRADEWIND_LOGS_UPLOAD_INTERVAL": "0.05",
    }
    process, writer = here.writer()
    here.note(writer)
    here.line("one")
    command = [sys.executable, "-W", "error", "-m", "tradewind.runner.courier"]
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        running.stdin.close()
        while not list(tmp_path.glob(f"shared/{NAME}/*")):
            assert running.poll() is None
            time.sleep(0.01)
        running.terminate()  # a service manager tells all processes alike
        here.line("two")
        here.kill(process)
        assert running.wait(60) == 0
        assert running.stderr.read() == b""
    chunks = sorted((tmp_path / "shared" / NAME).iterdir())
    assert b"".join(chunk.read_bytes() for chunk in chunks) == here.path.read_bytes()
    assert parse(chunks[-1].name).last
