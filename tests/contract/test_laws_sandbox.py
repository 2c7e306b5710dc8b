"""Each law of a sandbox fails on a sandbox that breaks it."""

from __future__ import annotations

import os
import signal

import pytest

from tradewind.plugins import load_object
from tradewind.testing import LawBroken, SandboxContract, resources
from tradewind.testing.laws import try_laws

#: A sandbox that keeps every law: a server in a thread, which takes connections and says nothing.
MODULE = """
import contextlib, os, socket, subprocess, sys, tempfile, threading
from tradewind import BaseHook, Connection
from tradewind.sandbox import Sandbox

@hookimpl
def register_connection_types(register):
    register(ConnectionType("still", hook="still:Hook", label="Still"))

class Hook(BaseHook):
    conn_name_attr = "still_id"
    conn_type = hook_name = "still"

    def __init__(self, still_id="still_default"):
        self.still_id = still_id

    def test_connection(self):
        to = self.get_connection(self.still_id)
        try:
            socket.create_connection((to.host, to.port), 5).close()
        except OSError as error:
            return False, str(error)
        return True, "It takes connections."

class Good(Sandbox):
    conn_type = "still"
    address = "127.0.0.1"
    server = None

    def start(self):
        self.server = socket.create_server((self.address, 0))
        self.thread = threading.Thread(target=self.serve, args=(self.server,), daemon=True)
        self.thread.start()
        return Connection("still", "still", host="127.0.0.1", port=self.server.getsockname()[1])

    def serve(self, server):
        with contextlib.suppress(OSError):
            while True:
                server.accept()[0].close()

    def stop(self):
        if self.server is not None:
            with contextlib.suppress(OSError):
                self.server.shutdown(socket.SHUT_RDWR)
            self.thread.join()
            self.server.close()
            self.server = None

class OtherType(Good):
    def start(self):
        return Connection("c", "fs", host="127.0.0.1", port=super().start().port)

class Dead(Good):
    def start(self):
        connection = super().start()
        self.stop()
        return connection

class Named(Good):
    def start(self):
        connection = super().start()
        connection.host = socket.gethostname() + ".example"
        return connection

class Open(Good):
    address = "0.0.0.0"

class Once(Good):
    used = False
    def start(self):
        connection = super().start()
        if self.used:
            self.stop()
        self.used = True
        return connection

class Eager(Good):
    def stop(self):
        self.server.close()

class Shared(Good):
    one = Good()
    def start(self):
        return Shared.last if Shared.one.server else self.begin()
    def begin(self):
        Shared.last = Shared.one.start()
        return Shared.last
    def stop(self):
        Shared.one.stop()

class Spiteful(Good):
    all = []
    def start(self):
        self.all.append(self)
        return super().start()
    def stop(self):
        for other in list(self.all):
            Good.stop(other)

class Untidy(Good):
    def start(self):
        tempfile.mkdtemp(prefix="untidy-")
        return super().start()

class Fertile(Good):
    children = []
    def start(self):
        self.children.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]))
        return super().start()

class Leaky(Good):
    left = []
    def start(self):
        self.left.append(socket.socket())
        return super().start()

class Orphaned(Good):
    \"\"\"Its server is a process that nobody ends when its owner is killed.\"\"\"
    child = None
    CODE = \"\"\"
import os, socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
while True:
    server.accept()[0].close()
\"\"\"
    def start(self):
        command = [sys.executable, "-c", self.CODE]
        self.child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        with open(os.environ.get("STILL_PIDS", os.devnull), "a") as pids:
            pids.write(f"{self.child.pid}\\n")
        return Connection("still", "still", host="127.0.0.1", port=int(self.child.stdout.readline()))
    def stop(self):
        if self.child is not None:
            with self.child:
                self.child.kill()
            self.child = None
"""

CASES = [
    ("it_gives_a_connection_that_works", "OtherType", "a connection of the type 'fs', not 'still'"),
    ("it_gives_a_connection_that_works", "Dead", "its connection does not work"),
    ("it_listens_on_the_loopback_interface", "Named", "make it 127.0.0.1"),
    ("it_listens_on_the_loopback_interface", "Open", "It listens on 0.0.0.0; bind it to 127.0.0.1"),
    ("it_starts_again", "Once", "when it is started for the second time"),
    ("it_stops_twice", "Eager", "stop fails where nothing is started"),
    ("two_are_apart", "Shared", "Two sandboxes at once give the same connection"),
    ("two_are_apart", "Spiteful", "does not work any more when the second is stopped"),
    ("it_leaves_nothing_behind", "Untidy", "temporary files are still there: untidy-"),
    ("it_leaves_nothing_behind", "Fertile", "1 processes of it still run"),
    ("it_leaves_nothing_behind", "Leaky", "Still open: socket"),
    ("it_ends_with_its_owner", "Orphaned", "let a guard process own the server"),
]


class Still(SandboxContract):
    __test__ = False
    conn_type = "still"
    patience = 1.0
    kind = "Good"

    def make(self):
        return load_object(f"still:{self.kind}")()


@pytest.fixture
def still(site, monkeypatch):
    site.install(MODULE, name="still")
    monkeypatch.setattr(resources, "_WHILE", 0.3)


@pytest.mark.parametrize(("law", "kind", "told"), CASES, ids=[f"{law}-{kind}" for law, kind, _ in CASES])
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_law_is_broken(still, tmp_path, monkeypatch, law, kind, told):
    monkeypatch.setenv("STILL_PIDS", str(tmp_path / "pids"))
    subject = type("Case", (Still,), {"kind": kind})()
    with pytest.raises(LawBroken) as raised:
        getattr(subject, f"test_{law}")()
    module = __import__("still")
    for child in module.Fertile.children:
        with child:
            child.kill()
    for sock in module.Leaky.left:
        sock.close()
    pids = tmp_path / "pids"
    for pid in map(int, pids.read_text().split() if pids.exists() else ()):
        if resources.is_alive(pid):
            os.kill(pid, signal.SIGKILL)
    assert told in str(raised.value)


def test_every_law_is_broken_here():
    assert {f"test_{law}" for law, _, _ in CASES} == set(SandboxContract.laws())


def test_a_good_sandbox_keeps_them_all(still):
    assert [verdict for verdict in try_laws(Still) if not verdict.kept] == []
