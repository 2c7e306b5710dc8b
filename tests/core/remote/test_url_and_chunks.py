"""URLs of stores, names of chunks, and logs put together from them."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.errors import LogStoreError, SettingError
from tradewind.remote import LogStore, RemoteLog, StoreUrl, open_log_store, open_xcom_store
from tradewind.remote.chunks import Chunk, cut, parse, stream_of
from tradewind.remote.reading import end_of
from tradewind.runner.output import format_line
from tradewind.settings import read

STREAM = "20251121000000123-0123abcd"
LATER = "20251122000000123-0123abcd"
LOG = "d/r/t/1.log"


class MemoryStore(LogStore):
    """Keeps chunks in a dict, and counts what is asked of it."""

    def __init__(self):
        super().__init__(StoreUrl.parse("memory://here", "logs_url"))
        self.kept = {}
        self.fetched = []

    def put(self, log, chunk, data):
        self.kept[log, chunk] = data

    def chunks(self, log, after=""):
        return sorted(chunk for name, chunk in self.kept if name == log and chunk > after)

    def get(self, log, chunk):
        self.fetched.append(chunk)
        if (log, chunk) not in self.kept:
            raise LogStoreError("not there")
        return self.kept[log, chunk]

    def add(self, text, start, end, stream=STREAM, last=False):
        self.put(LOG, Chunk(stream, start, end, last).name, text[start:end])


# -- URLs --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "place", "path", "conn_id", "options"),
    [
        ("s3://bucket", "bucket", "", None, {}),
        ("s3://bucket/a/b?conn_id=c&encrypt=true", "bucket", "/a/b", "c", {"encrypt": "true"}),
        ("s3://my%20conn@bucket/a", "bucket", "/a", "my conn", {}),
        ("s3://@bucket/a", "bucket", "/a", None, {}),
        ("file:///a/b%20c", "", "/a/b c", None, {}),
    ],
)
def test_a_url_is_taken_apart(text, place, path, conn_id, options):
    found = StoreUrl.parse(text, "logs_url")
    assert (found.place, found.path, found.conn_id, found.options) == (place, path, conn_id, options)
    assert "?" not in str(found)
    assert "@" not in str(found)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("s3://key:hush@bucket/a", "holds credentials"),
        ("/a/b", "not of the form"),
        ("s3:bucket", "not of the form"),
        ("s3://", "not of the form"),
        ("s3://bucket/a#b", "write it as %23"),
        ("s3://a@bucket?conn_id=b", "names two connections: 'a' and 'b'"),
    ],
)
def test_a_url_that_cannot_be_right(text, told):
    with pytest.raises(SettingError) as raised:
        StoreUrl.parse(text, "logs_url")
    assert told in str(raised.value)
    assert "logs_url" in str(raised.value)
    assert "hush" not in str(raised.value)


def test_an_unknown_option_is_refused_with_the_nearest_one():
    url = StoreUrl.parse("s3://bucket?encrypd=1", "logs_url")
    with pytest.raises(SettingError, match="unknown option 'encrypd'; did you mean 'encrypt'"):
        url.check_options("encrypt")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("gopher://x", r"No installed provider serves the setting logs_url, gopher://x: there are .*file://"),
        ("file://host/a", "with three slashes"),
        ("file:///a?conn_id=b", "with three slashes"),
        ("file:///a?b=c", "unknown option 'b'"),
    ],
)
def test_opening_refuses_what_cannot_be_right(tmp_path, url, told):
    with pytest.raises(SettingError, match=told):
        open_log_store(read({"TRADEWIND_HOME": str(tmp_path), "TRADEWIND_LOGS_URL": url}))


def test_none_is_opened_if_none_is_set(tmp_path):
    settings = read({"TRADEWIND_HOME": str(tmp_path)})
    assert open_log_store(settings) is None
    assert open_xcom_store(settings) is None


# -- chunks ------------------------------------------------------------------------------------------------------------


def test_a_chunk_is_known_by_its_name():
    for chunk in (Chunk(STREAM, 0, 10), Chunk(STREAM, 10, 10, last=True)):
        assert parse(chunk.name) == chunk
    for name in ("", "note.txt", f"{STREAM}.1-2", Chunk(STREAM, 0, 1).name + ".old"):
        assert parse(name) is None


def test_a_stream_is_named_by_its_first_line():
    line = format_line("INFO", "begins")
    name = stream_of(line.encode())
    assert name is not None
    assert name[:8] == line[:10].replace("-", "")
    assert stream_of((line + format_line("INFO", "more")).encode()) == name
    assert stream_of(line[:-1].encode()) is None
    assert stream_of(line[:-1].encode(), over=True) == name
    assert stream_of(b"Traceback\n").startswith("0" * 17)
    assert stream_of(b"x" * 5000) == stream_of(b"x" * 4096 + b"\n") is not None


def test_chunks_are_whole_lines():
    assert cut(b"one\ntwo\nthr", whole=False) == b"one\ntwo\n"
    assert cut(b"thr", whole=False) == b""
    assert cut(b"one\nthr", whole=True) == b"one\nthr"


# -- reading -----------------------------------------------------------------------------------------------------------

TEXT = b"".join(b"line %03d\n" % number for number in range(100))


def test_a_log_is_read_while_it_grows():
    store = MemoryStore()
    log = RemoteLog(store, LOG)
    assert list(log.read()) == []
    assert not log.found
    for start in range(0, 900, 90):
        store.add(TEXT, start, start + 90, last=start == 810)
        assert b"".join(log.read()) == TEXT[start : start + 90]
        assert log.ended == (start == 810)
    assert list(log.read()) == []
    assert len(store.fetched) == 10, "nothing is fetched twice"


def test_streams_come_in_the_order_of_their_first_lines():
    store = MemoryStore()
    store.add(b"second\n", 0, 7, LATER, last=True)
    store.add(b"first\n", 0, 6, last=True)
    log = RemoteLog(store, LOG)
    assert b"".join(log.read()) == b"first\nsecond\n"
    assert log.ended


def test_reading_goes_on_where_a_local_file_ended():
    store = MemoryStore()
    store.add(TEXT, 0, 500)
    store.add(TEXT, 500, 900, last=True)
    assert b"".join(RemoteLog(store, LOG, stream=STREAM, place=600).read()) == TEXT[600:]


def test_what_is_missing_is_told():
    store = MemoryStore()
    store.add(TEXT, 0, 90)
    store.add(TEXT, 180, 270)
    assert b"".join(RemoteLog(store, LOG).read()) == TEXT[:90] + b"(here 90 bytes are missing)\n" + TEXT[180:270]
    assert end_of(store, LOG, STREAM) == 90


def test_an_end_that_was_added_to_is_none():
    """A sensor gives its place back and goes on in the same file; a scheduler adds how an attempt was lost."""
    store = MemoryStore()
    store.add(TEXT, 0, 90, last=True)
    log = RemoteLog(store, LOG)
    list(log.read())
    assert log.ended
    store.add(TEXT, 90, 180)
    assert b"".join(log.read()) == TEXT[90:180]
    assert not log.ended


def test_other_objects_are_left_alone():
    store = MemoryStore()
    store.put(LOG, "READ ME", b"hello")
    store.add(TEXT, 0, 90)
    assert b"".join(RemoteLog(store, LOG).read()) == TEXT[:90]


cuts = st.lists(st.integers(0, len(TEXT)), max_size=12).map(lambda places: sorted({0, *places, len(TEXT)}))


@given(ways=st.lists(cuts, min_size=1, max_size=3))
def test_however_a_log_is_cut_it_is_read_once(ways):
    """Several processes may have uploaded the same, each in its own pieces."""
    store = MemoryStore()
    for places in ways:
        for start, end in itertools.pairwise(places):
            store.add(TEXT, start, end)
    assert b"".join(RemoteLog(store, LOG).read()) == TEXT
    assert end_of(store, LOG, STREAM) == len(TEXT)
