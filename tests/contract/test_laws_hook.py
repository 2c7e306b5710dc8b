"""Each law of a hook fails on a hook that breaks it, and says what to do."""

from __future__ import annotations

import gc
import socketserver
import textwrap
import threading
import warnings

import pytest

from tradewind.connection import Connection
from tradewind.testing import HookContract, LawBroken, resources
from tradewind.testing.laws import try_laws

#: A client of a server that is told login and password in a line, and answers "ok" or "no". It keeps every law.
GOOD = """
import logging
import socket
from tradewind import BaseHook

class Good(BaseHook):
    conn_name_attr = "tiny_id"
    conn_type = hook_name = "tiny"

    def __init__(self, tiny_id="tiny_default"):
        self.tiny_id = tiny_id
        self.client = None

    def get_conn(self):
        if self.client is None:
            self.client = self.open(self.get_connection(self.tiny_id))
        return self.client

    def open(self, to):
        client = socket.create_connection((to.host, to.port), timeout=to.extra_dejson.get("timeout", 30))
        try:
            client.sendall(f"{to.login} {to.password}\\n".encode())
            if client.recv(2) != b"ok":
                raise OSError(f"the server refuses the login {to.login!r}")
        except BaseException:
            client.close()
            raise
        return client

    def close(self):
        if self.client is not None:
            self.client.close()
            self.client = None

    def test_connection(self):
        to = self.get_connection(self.tiny_id)
        try:
            self.get_conn()
        except OSError as error:
            return False, f"{to.host}:{to.port}: {error}"
        return True, "The server answers."
"""

PLUGIN = """
@hookimpl
def register_connection_types(register):
    extras = (Extra("timeout", float, "seconds"), Extra("key", str, "of the door", secret=True))
    register(ConnectionType("tiny", hook="tiny:Hook", label="Tiny", extras=extras))
"""

#: law, what the hook does otherwise, what its author is told
CASES = {
    "a_connection_gives_its_hook": ("conn_type = 'other'", "conn_type is 'other' and not 'tiny'"),
    "a_server_that_works": (
        "def test_connection(self): return False, 'no'",
        "answers False on a server that works: no",
    ),
    "a_server_that_works-silent": ("def test_connection(self): return True, ''", "has nothing to say"),
    "a_server_that_works-password": (
        "def test_connection(self): return True, self.get_connection(self.tiny_id).password",
        "shows the password; take it out",
    ),
    "a_server_that_works-extra": (
        "def test_connection(self): return True, self.get_connection(self.tiny_id).extra_dejson['key']",
        "shows the extra 'key'; take it out",
    ),
    "it_closes_what_it_opens": ("def close(self): ...", "Left open by a hook that was used and closed: socket"),
    "it_closes_what_it_opens-dropped": (
        "def close(self): self.client = None",
        "Not closed, but dropped, by a hook that was used and closed",
    ),
    "it_closes_what_failed": (
        """
        def open(self, to):
            self.sockets = getattr(Hook, "sockets", [])
            Hook.sockets = self.sockets
            self.sockets.append(socket.socket())
            self.sockets[-1].connect((to.host, to.port))
        """,
        "Left open by a client that could not be opened: socket",
    ),
    "it_closes_twice": (
        "def close(self): self.client.close(); self.client = None",
        "'NoneType' object has no attribute 'close'",
    ),
    "it_is_made_without_the_server": (
        """
        def __init__(self, tiny_id="tiny_default"):
            self.client = None
            self.tiny_id = tiny_id
            self.get_connection(tiny_id)
        """,
        "fails for an unknown connection",
    ),
    "it_survives_pickling": (
        """
        def __init__(self, tiny_id="tiny_default"):
            super().__init__(tiny_id)
            self.lock = __import__("threading").Lock()
        """,
        "open clients in get_conn",
    ),
    "it_survives_pickling-id": ("def __reduce__(self): return Hook, ()", "loses its connection id"),
    "a_wrong_password": (
        "def open(self, to): return socket.create_connection((to.host, to.port))",
        "does not answer False on a wrong password: The server answers.",
    ),
    "a_wrong_password-shown": (
        "def test_connection(self): return False, f'it is not {self.get_connection(self.tiny_id).password}'",
        "shows the password",
    ),
    "a_wrong_password-logged": (
        """
        def open(self, to):
            logging.getLogger("tiny").debug("trying %s", to.password)
            return super().open(to)
        """,
        "The log of tiny shows the password",
    ),
    "a_wrong_host": (
        "def test_connection(self): self.get_conn(); return True, 'fine'",
        "does not answer False on a wrong host: (it raises gaierror",
    ),
    "a_wrong_host-unnamed": (
        "def test_connection(self): return False, 'cannot be reached'",
        "name the place that was tried (no-such-host.invalid)",
    ),
    "a_wrong_host-word": ("def test_connection(self): return False, 'OSError'", "say what is wrong, in words"),
    "a_closed_port": ("def test_connection(self): return True, 'fine'", "does not answer False on a closed port: fine"),
    "a_server_that_does_not_answer": (
        """
        def open(self, to):
            client = socket.create_connection((to.host, to.port))
            client.sendall(b"x y\\n")
            try:
                answer = client.recv(2)
            except OSError:
                answer = b""
            client.close()
            raise OSError("gone")
        """,
        "has not given up 1 s after it met a server that does not answer; set a time-out",
    ),
}


class Answer(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"ok" if self.rfile.readline().split() == [b"user", b"right-password"] else b"no")


@pytest.fixture
def server(site):
    """A connection to the real server of the tiny protocol."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answer) as found:
        thread = threading.Thread(target=found.serve_forever, args=(0.01,))
        thread.start()
        host, port = found.server_address
        yield lambda: Connection.from_uri(f"tiny://user:right-password@{host}:{port}/?key=of-the-door", "c")
        found.shutdown()
        thread.join()


class Tiny(HookContract):
    __test__ = False
    conn_type = "tiny"
    impatient = {"timeout": 0.3}
    patience = 1.0


def install(site, changes):
    lines = "".join(f"    {line}\n" for line in textwrap.dedent(changes).splitlines())
    site.install(PLUGIN + GOOD + f"\nclass Hook(Good):\n    pass\n{lines}", name="tiny")


@pytest.mark.parametrize("case", CASES)
def test_a_law_is_broken(site, server, monkeypatch, case):
    monkeypatch.setattr(resources, "_WHILE", 0.3)
    changes, told = CASES[case]
    install(site, changes)
    name = case.partition("-")[0]
    law = HookContract.laws()[f"test_{name}"]
    arguments = {"server": server()} if "server" in law.__code__.co_varnames[: law.__code__.co_argcount] else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # what the hook leaves open is found and told; it goes here
        with pytest.raises(LawBroken) as raised:
            law(Tiny(), **arguments)
        found = str(raised.value)
        del raised, arguments
        gc.collect()
    assert told in found


def test_every_law_is_broken_here():
    assert {f"test_{case.partition('-')[0]}" for case in CASES} == set(HookContract.laws())


def test_a_good_hook_keeps_them_all(site, server):
    install(site, "")
    assert [verdict for verdict in try_laws(Tiny, server=server()) if not verdict.kept] == []
