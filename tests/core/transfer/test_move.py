"""What happens between the two ends: translation, counting, failures of either side, stopping, memory."""

from __future__ import annotations

import logging
import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from tradewind.errors import TransferError
from tradewind.transfer import Transfer
from tradewind.transfer.channel import Channel, ChannelBroken
from tradewind.transfer.move import Move


def move(source, sink, columns=None, **more):
    found = Move(source, sink, columns, title="Task 't'", log=logging.getLogger("test"), **{"progress": 10.0, **more})
    return found, found.run


def run(source, sink, columns=None, **more):
    return move(source, sink, columns, **more)[1]()


ROWS = [[(1, "a"), (2, None)], [], [(3, "c")]]
TYPES = {"id": "int", "name": "text"}
LINES = [[b"1,a\n", b"2,\n"], [b"3,c\n"]]


def test_rows_go_from_one_thread_to_the_other_and_are_committed_when_the_source_is_closed(memory):
    source, sink = memory.source(TYPES, ROWS), memory.sink(TYPES)
    sink.calls = source.calls
    done = run(source, sink)
    assert sink.rows == [(1, "a"), (2, None), (3, "c")]
    assert source.calls == [
        "open source",
        "open sink",
        "begin id int, name text",
        "close source",
        "commit",
        "close sink",
    ]
    assert (done.rows, done.bytes, done.checksum) == (3, None, None)


def test_csv_is_passed_on_as_it_is_and_counted(memory):
    sink = memory.sink(TYPES, csv=True)
    done = run(memory.source(TYPES, LINES, csv=True), sink)
    assert sink.rows == [b"1,a\n2,\n3,c\n"]
    assert (done.rows, done.bytes) == (3, 11)
    assert done.checksum == "sha256:" + __import__("hashlib").sha256(b"1,a\n2,\n3,c\n").hexdigest()


def test_csv_becomes_rows_and_rows_become_csv(memory):
    rows = memory.sink({"id": "decimal", "name": "text"})
    run(memory.source(TYPES, LINES, csv=True), rows)
    assert repr(rows.rows[0]) == "(Decimal('1'), 'a')"
    csv = memory.sink(TYPES, csv=True)
    run(memory.source({"id": "text", "name": "text"}, [[("7", "")]]), csv)
    assert csv.rows == [b'7,""\n']


def test_csv_is_translated_where_its_texts_mean_something_else(memory):
    sink = memory.sink({"ok": "int"}, csv=True)
    run(memory.source({"ok": "bool"}, [[b"true\n", b"f\n", b"\n"]], csv=True), sink)
    assert sink.rows == [b"1\n0\n\n"]


@pytest.mark.parametrize("csv", [False, True])
def test_columns_are_chosen_and_put_in_order(memory, csv):
    sink = memory.sink({"x": "text", "y": "int"}, csv=csv)
    run(memory.source(TYPES, LINES, csv=True), sink, {"name": "x", "id": "y"})
    assert sink.rows == ([b"a,1\n,2\nc,3\n"] if csv else [("a", 1), (None, 2), ("c", 3)])
    sink = memory.sink({"x": "text", "y": "int"}, csv=csv)
    run(memory.source(TYPES, ROWS), sink, {"name": "x", "id": "y"})
    assert sink.rows == ([b"a,1\n,2\nc,3\n"] if csv else [("a", 1), (None, 2), ("c", 3)])


def test_a_value_that_does_not_fit_is_told_by_row_and_column(memory):
    sink = memory.sink({"id": "int", "name": "int"})
    with pytest.raises(TransferError, match="Row 2: column 'name' has a value that is not of type int") as caught:
        run(memory.source(TYPES, [[(1, "7")], [(2, "secret")]]), sink)
    assert "secret" not in str(caught.value)
    assert sink.rows == ["old"]


@pytest.mark.parametrize("csv", [False, True])
@pytest.mark.parametrize("lie", [1, -1])
def test_another_number_of_rows_than_were_read_is_a_failure(memory, csv, lie):
    sink = memory.sink(TYPES, csv=csv)
    sink.lie = lie
    with pytest.raises(TransferError, match=f"Task 't': 3 rows were read, but the target took {3 + lie}"):
        run(memory.source(TYPES, LINES, csv=True), sink)
    assert sink.rows == ["old"]
    assert "commit" not in sink.calls


def test_columns_that_do_not_fit_are_told_before_anything_is_read_or_written(memory):
    source, sink = memory.source(TYPES, lambda: pytest.fail("it was read")), memory.sink({"id": "int"})
    with pytest.raises(TransferError, match="the sink has no column 'name'"):
        run(source, sink)
    assert (source.calls, sink.calls) == (["open source", "close source"], ["open sink", "close sink"])


# Failures


class Broken(Exception):
    pass


@pytest.mark.parametrize("csv", [False, True])
def test_a_source_that_fails_half_way_is_the_error_and_the_sink_is_as_it_was(memory, csv):
    def batches():
        yield (LINES if csv else ROWS)[0]
        raise Broken("the disk is gone")

    sink = memory.sink(TYPES, csv=csv)
    with pytest.raises(Broken, match="the disk is gone"):
        run(memory.source(TYPES, batches, csv=csv), sink)
    assert sink.rows == ["old"]
    assert sink.calls[-1] == "close sink"


@pytest.mark.parametrize("csv", [False, True])
def test_a_sink_that_fails_ends_a_source_that_has_more(memory, csv):
    def endless():
        while True:
            yield [b"1,a\n" * 1000] if csv else ROWS[0]

    sink = memory.sink(TYPES)

    def take(batch):
        raise Broken("the table is full")

    sink.take = take
    source = memory.source(TYPES, endless, csv=csv)
    with pytest.raises(Broken, match="the table is full"):
        run(source, sink)
    assert source.calls[-1] == "close source"


def test_a_failure_while_the_other_side_waits_on_its_server_cancels_that(memory):
    """A sink may be stuck in a statement, far from the channel: only `cancel` reaches it."""
    sink = memory.sink(TYPES)
    stuck = threading.Event()

    def take(batch):
        stuck.set()
        assert sink.cancelled.wait(memory.wait)
        raise RuntimeError("cancelled on the server")

    def batches():
        yield ROWS[0]
        assert stuck.wait(memory.wait)
        raise Broken("first")

    sink.take = take
    with pytest.raises(Broken, match="first"):
        run(memory.source(TYPES, batches), sink)


@pytest.mark.parametrize("where", ["commit", "begin", "open sink", "open source", "close source"])
def test_whatever_step_fails_both_ends_are_closed(memory, where, monkeypatch):
    source, sink = memory.source(TYPES, ROWS), memory.sink(TYPES)
    sink.calls = source.calls
    what, _, end = where.partition(" ")
    made = (source.reader if end == "source" else sink.writer)()
    monkeypatch.setattr(source if end == "source" else sink, "reader" if end == "source" else "writer", lambda: made)
    name = {"open": "__enter__", "close": "__exit__"}.get(what, what)

    def fail(*args):
        if what == "close":
            source.calls.append("close source")
        raise Broken(where)

    monkeypatch.setattr(type(made), name, fail)
    with pytest.raises(Broken, match=where):
        run(source, sink)
    assert sink.rows == ["old"]
    opened = {call.split()[1] for call in source.calls if call.startswith("open")}
    closed = {call.split()[1] for call in source.calls if call.startswith("close")}
    assert opened == closed


def test_no_thread_is_left(memory):
    before = threading.active_count()
    run(memory.source(TYPES, ROWS), memory.sink(TYPES))
    with pytest.raises(TransferError):
        run(memory.source({"x": "int"}, ROWS), memory.sink(TYPES))
    assert threading.active_count() == before


def test_cancel_from_another_thread_stops_both_sides(memory):
    begun = threading.Event()

    def endless():
        while True:
            yield ROWS[0]
            begun.set()

    source, sink = memory.source(TYPES, endless), memory.sink(TYPES)
    found, start = move(source, sink)

    def stop():
        assert begun.wait(memory.wait)
        found.cancel()

    stopper = threading.Thread(target=stop)
    stopper.start()
    with pytest.raises(ChannelBroken):
        start()
    stopper.join()
    assert source.cancelled.is_set()
    assert sink.cancelled.is_set()
    assert sink.rows == ["old"]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs SIGALRM")
def test_an_exception_of_a_signal_handler_ends_it_although_both_sides_wait(memory):
    """As execution_timeout does it: the main thread never waits in a driver."""
    sink = memory.sink(TYPES)

    def take(batch):
        os.kill(os.getpid(), signal.SIGALRM)
        assert sink.cancelled.wait(memory.wait)
        raise RuntimeError("cancelled on the server")

    def interrupt(number, frame):
        raise Broken("time is up")

    sink.take = take
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with pytest.raises(Broken, match="time is up"):
            run(memory.source(TYPES, ROWS), sink)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert sink.rows == ["old"]


def test_the_progress_is_logged(memory, caplog):
    caplog.set_level("INFO")
    told = threading.Event()

    class Listener(logging.Handler):
        def emit(self, record):
            told.set()

    def batches():
        yield [b"1,a\n"]
        assert told.wait(memory.wait)

    listener = Listener()
    logging.getLogger("test").addHandler(listener)
    try:
        run(memory.source(TYPES, batches, csv=True), memory.sink(TYPES, csv=True), progress=0.05)
    finally:
        logging.getLogger("test").removeHandler(listener)
    assert "rows, 0.0 MB so far, in 0 s: " in caplog.messages[0]


def test_the_first_line_of_an_error_of_the_sink_is_told_in_words_of_the_source(memory):
    sink = memory.sink(TYPES, csv=True)

    def take(batch):
        error = Broken("no")
        error.csv_line = 3
        raise error

    sink.take = take
    with pytest.raises(Broken) as caught:
        run(memory.source(TYPES, LINES, csv=True), sink)
    assert caught.value.__notes__ == ["It was row 3."]


def test_a_channel_holds_only_a_little_and_breaks_for_both():
    channel = Channel(2)
    channel.put(1)
    channel.put(2)
    waiting = threading.Event()
    errors = []

    def put():
        waiting.set()
        try:
            channel.put(3)
        except ChannelBroken as error:
            errors.append(error)

    thread = threading.Thread(target=put)
    thread.start()
    assert waiting.wait(60)
    assert thread.is_alive()
    channel.fail()
    thread.join(60)
    assert len(errors) == 1
    with pytest.raises(ChannelBroken):
        next(iter(channel))


def test_memory_does_not_grow_with_the_rows(tmp_path):
    """Files of 60 MB and more through both ways, in a process that may not grow by half as much."""
    code = textwrap.dedent(
        """
        import resource, sys
        from tradewind.transfer import LocalFile, Transfer
        with open("a.csv", "w") as file:
            file.write("id,name,text\\n")
            for number in range(int(sys.argv[1])):
                file.write(f'{number},"name {number}","{"x" * 50}"\\n')
        def move(source, sink):
            Transfer(task_id="t", source=LocalFile(source), sink=LocalFile(sink)).execute({})
        move("a.csv", "b.csv.gz")
        move("b.csv.gz", "c.jsonl")
        move("c.jsonl", "d.csv")
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        """
    )

    def peak(rows):
        done = subprocess.run(
            [sys.executable, "-c", code, str(rows)], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return int(done.stdout) / 1024

    assert resource.getrusage  # Linux counts in KiB
    small, large = peak(20_000), peak(400_000)
    assert (tmp_path / "d.csv").stat().st_size > 25e6
    assert large < small + 12


def test_the_operator_gives_its_result_as_xcom(memory):
    started = time.monotonic()
    task = Transfer(task_id="t", source=memory.source(TYPES, LINES, csv=True), sink=memory.sink(TYPES, csv=True))
    result = task.execute({})
    assert result["rows"] == 3
    assert result["bytes"] == 11
    assert result["checksum"].startswith("sha256:")
    assert 0 <= result["seconds"] <= time.monotonic() - started + 0.001
