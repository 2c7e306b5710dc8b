"""Stand-ins for services on the web: tenants, faults, calls, and what remains of them."""

import http.client
import importlib
import json
import sys
import time
from pathlib import Path

import pytest

from tradewind.connection import Connection
from tradewind.errors import SandboxError
from tradewind.sandbox import Control


def _service():
    """The module, importable by its name in the process of the server too."""
    folder = str(Path(__file__).parent)
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module("notes_service")


@pytest.fixture(scope="module")
def running():
    sandbox = _service().NotesSandbox()
    with sandbox:
        yield sandbox


@pytest.fixture
def notes(running):
    """A tenant of its own for each test."""
    with _service().NotesSandbox(running.server.get_uri()) as connection:
        yield connection


def ask(connection, path="/v1", data=None, method=None, headers=None, token=None):
    conn = http.client.HTTPConnection(connection.host, connection.port, timeout=60)
    try:
        body = data if data is None or hasattr(data, "__next__") else json.dumps(data)
        told = {"Authorization": f"Bearer {token or connection.password}", **(headers or {})}
        conn.request(method or ("GET" if data is None else "POST"), path, body, told)
        answer = conn.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        conn.close()


def test_a_tenant_sees_nothing_of_another(running, notes):
    with _service().NotesSandbox(running.server.get_uri()) as other:
        assert ask(notes, data="mine")[:2] == (200, b'["mine"]')
        assert ask(other)[:2] == (200, b"[]")
        gone = other.password
    assert ask(notes, token=gone)[0] == 401
    assert ask(notes)[1] == b'["mine"]'


def test_requests_come_as_they_were_sent(notes):
    status, body, _ = ask(notes, "/v1/echo?a=1&a=2&b=%C3%A4%26", headers={"X-What": "plain"})
    assert (status, json.loads(body)) == (200, {"query": {"a": "2", "b": "ä&"}, "body": "", "type": "plain"})
    chunks = (piece for piece in (b"one ", b"", b"two " * 1000))
    assert json.loads(ask(notes, "/v1/echo", chunks, "PUT", {"X-What": "chunks"})[1])["body"] == "one " + "two " * 1000
    status, body, headers = ask(notes, "/v1/large", method="HEAD")
    assert (status, body, headers["Content-Length"]) == (200, b"", "50000")
    assert len(ask(notes, "/v1/large")[1]) == 50000


def test_a_service_that_fails_by_itself_answers_so(notes):
    assert ask(notes, "/v1/broken")[0] == 500
    assert ask(notes)[0] == 200


def test_faults_come_as_told_and_are_listed(notes):
    control = Control(notes)
    control.fault("status", status=429, times=2, after=1, method="POST", headers={"Retry-After": "7"})
    assert [ask(notes, data="x")[0] for _ in range(4)] == [200, 429, 429, 200]
    assert ask(notes)[1] == b'["x", "x"]'
    assert [(call.method, call.status, call.fault) for call in control.calls()] == [
        ("POST", 200, ""),
        ("POST", 429, "status"),
        ("POST", 429, "status"),
        ("POST", 200, ""),
        ("GET", 200, ""),
    ]
    control.fault("status", status=429, headers={"Retry-After": "7"}, path="/v1$")
    assert ask(notes, "/v1/large")[0] == 200
    assert ask(notes)[2]["Retry-After"] == "7"
    assert len(control.calls("large")) == 1
    control.fault("status", times=10)
    control.clear()
    assert ask(notes)[0] == 200
    assert len(control.calls()) == 1


def test_an_answer_that_is_lost_was_handled_and_one_that_is_dropped_was_not(notes):
    control = Control(notes)
    for kind, left in (("drop", []), ("lost", ["lost"]), ("twice", ["lost", "twice", "twice"])):
        control.fault(kind)
        if kind == "twice":
            assert ask(notes, data=kind)[0] == 200
        else:
            with pytest.raises(http.client.RemoteDisconnected):
                ask(notes, data=kind)
        assert json.loads(ask(notes)[1]) == left
    assert [call.status for call in control.calls()] == [0, 200, 0, 200, 200, 200]


def test_an_answer_may_break_off_or_be_slow(notes):
    control = Control(notes)
    control.fault("cut", path="large")
    with pytest.raises(http.client.IncompleteRead) as error:
        ask(notes, "/v1/large")
    assert len(error.value.partial) == 25000
    control.fault("slow", path="large", bytes_per_second=200_000)
    began = time.monotonic()
    assert len(ask(notes, "/v1/large")[1]) == 50000
    assert time.monotonic() - began > 0.2


def test_faults_and_calls_of_one_tenant_are_not_those_of_another(running, notes):
    with _service().NotesSandbox(running.server.get_uri()) as other:
        Control(other).fault("status", times=100)
        assert ask(notes)[0] == 200
        assert ask(other)[0] == 503
        assert [call.status for call in Control(notes).calls()] == [200]


def test_control_finds_its_tenant_by_what_an_uri_keeps(notes):
    again = Connection.from_uri(notes.get_uri(), "notes")
    assert Control(again).act("fill", count=3) == 3
    assert ask(notes)[1] == b'["full", "full", "full"]'


def test_control_says_what_is_wrong(running, notes):
    with pytest.raises(SandboxError, match="has no action 'explode'"):
        Control(notes).act("explode")
    stranger = Connection(conn_id="x", conn_type="generic", host=notes.host, port=notes.port, password="other")
    with pytest.raises(SandboxError, match="of no sandbox on this server"):
        Control(stranger).calls()
    with pytest.raises(SandboxError, match=r"No stand-in answers on 127\.0\.0\.1:1:"):
        Control(notes, address=("127.0.0.1", 1)).calls()


def test_only_the_key_makes_tenants(running):
    wrong = Connection.from_uri(running.server.get_uri(), "x")
    wrong.password = "guess"
    with pytest.raises(SandboxError, match="needs the key of the server"):
        _service().NotesSandbox(wrong.get_uri()).start()


def test_a_folder_keeps_what_there_is(tmp_path):
    with _service().NotesSandbox(folder=tmp_path / "kept") as first:
        ask(first, data="remember")
    with _service().NotesSandbox(folder=tmp_path / "kept") as second:
        assert ask(second)[1] == b'["remember"]'
        assert second.password == first.password
