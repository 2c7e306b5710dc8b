"""The zygote: children start, talk and end as they should, whoever is killed, and nothing is left behind."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tradewind.errors import ProcessError
from tradewind.zygote import Child, Zygote, receive, send

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

TARGETS = """
import os, signal, socket, sys, time
from tradewind.zygote import receive, send

def add(sock, a, b):
    send(sock, {"sum": a + b, "pid": os.getpid(), "session": os.getsid(0), "stdin": sys.stdin.read()})

def end_with(sock, code):
    sys.exit(code)

def end_at_once(sock, code):
    os._exit(code)

def fail(sock):
    raise RuntimeError("on purpose")

def kill_itself(sock):
    os.kill(os.getpid(), signal.SIGKILL)

def wait_for_word(sock):
    send(sock, os.getpid())
    word = receive(sock)
    sys.exit(0 if word == "go" else 9)

def signals(sock):
    names = [s for s in signal.Signals if s not in (signal.SIGKILL, signal.SIGSTOP)]
    send(sock, {
        "handlers": {s.name: str(signal.getsignal(s)) for s in names},
        "blocked": len(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        "wakeup": signal.set_wakeup_fd(-1),
    })

def descriptors(sock):
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[name] = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            pass  # the one that listed the others
    send(sock, {"own": sock.fileno(), "found": found})
    receive(sock)

def search_path(sock):
    send(sock, [sys.path, sys.argv, sorted(n for n in sys.modules if n in ("preloaded", "shadow"))])
"""


@pytest.fixture
def targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of a module that children can import."""
    (tmp_path / "zygote_targets.py").write_text(TARGETS)
    monkeypatch.syspath_prepend(tmp_path)
    return "zygote_targets"


@pytest.fixture(params=["fork", "spawn"])
def zygote(request: pytest.FixtureRequest, targets: str) -> Iterator[Zygote]:
    with Zygote([targets], start=request.param) as found:
        yield found


@pytest.fixture
def forking(targets: str) -> Iterator[Zygote]:
    with Zygote([targets], start="fork") as found:
        yield found


def until(condition: Callable[[], bool], seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def is_running(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def descriptors_of(pid: int | str) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def test_a_child_runs_the_function_in_a_session_of_its_own(zygote: Zygote) -> None:
    with zygote.fork("zygote_targets:add", [1, 2]) as child:
        answer = receive(child.sock)
        assert child.wait(60) == 0
    assert answer == {"sum": 3, "pid": child.pid, "session": child.pid, "stdin": ""}
    assert child.pid != os.getpid()


@pytest.mark.parametrize(
    ("target", "args", "exit_code"),
    [
        ("end_with", [0], 0),
        ("end_with", [3], 3),
        ("end_with", ["a message"], 1),
        ("end_with", [None], 0),
        ("end_at_once", [7], 7),
        ("kill_itself", [], -signal.SIGKILL),
    ],
)
def test_the_parent_learns_how_a_child_ended(zygote: Zygote, target: str, args: list[object], exit_code: int) -> None:
    with zygote.fork(f"zygote_targets:{target}", args) as child:
        assert child.wait(60) == exit_code
        assert child.wait(0) == exit_code
        assert child.ended


def test_an_error_in_the_function_is_shown_and_ends_the_child(
    zygote: Zygote, capfd: pytest.CaptureFixture[str]
) -> None:
    for target in ("zygote_targets:fail", "zygote_targets:no_such_function", "no_such_module:f"):
        with zygote.fork(target) as child:
            assert child.wait(60) == 1
    shown = capfd.readouterr().err
    assert "RuntimeError: on purpose" in shown
    assert "no_such_function" in shown
    assert "no_such_module" in shown


def test_waiting_for_a_running_child_times_out_and_it_can_be_killed(zygote: Zygote) -> None:
    with zygote.fork("zygote_targets:wait_for_word") as child:
        assert receive(child.sock) == child.pid
        with pytest.raises(TimeoutError):
            child.wait(0.01)
        assert not child.ended
        child.kill()
        assert child.wait(60) == -signal.SIGKILL
        child.kill()  # too late, and harmless


def test_the_end_of_a_child_can_be_waited_for_among_other_things(zygote: Zygote) -> None:
    with zygote.fork("zygote_targets:wait_for_word") as child:
        assert select.select([child], [], [], 0)[0] == []
        receive(child.sock)
        send(child.sock, "go")
        assert select.select([child], [], [], 60)[0] == [child]
        assert child.wait(0) == 0


def test_a_child_notices_that_its_parent_let_go_of_it(zygote: Zygote) -> None:
    with zygote.fork("zygote_targets:wait_for_word") as child:
        receive(child.sock)
        child.sock.close()
        assert child.wait(60) == 9


def test_a_child_handles_signals_as_any_python_program_does(zygote: Zygote) -> None:
    ask = "import signal; print({s.name: str(signal.getsignal(s)) for s in signal.Signals if s not in (9, 19)})"
    usual = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True).stdout
    with zygote.fork("zygote_targets:signals") as child:
        answer = receive(child.sock)
        child.wait(60)
    assert {name: _shape(handler) for name, handler in answer["handlers"].items()} == {
        name: _shape(handler) for name, handler in eval(usual).items()
    }
    assert answer["blocked"] == 0
    assert answer["wakeup"] == -1


def _shape(handler: str) -> str:
    return handler.partition(" at 0x")[0]


@LINUX
def test_a_child_has_no_descriptors_but_its_own(zygote: Zygote) -> None:
    with (
        zygote.fork("zygote_targets:descriptors") as first,
        zygote.fork("zygote_targets:wait_for_word"),
        zygote.fork("zygote_targets:descriptors") as second,
    ):
        for child in (first, second):
            answer = receive(child.sock)
            assert set(answer["found"]) == {"0", "1", "2", str(answer["own"])}
            assert answer["found"]["0"] == answer["found"]["1"] == os.devnull


@LINUX
def test_neither_zombies_nor_descriptors_are_left(forking: Zygote) -> None:
    with forking.fork("zygote_targets:end_with", [0]) as child:
        child.wait(60)
    assert forking.pid is not None
    before = descriptors_of("self"), descriptors_of(forking.pid)
    children = [forking.fork("zygote_targets:end_with", [0]) for _ in range(20)]
    for child in children:
        assert child.wait(60) == 0
        child.close()
    # A child's end is told a moment before the zygote lets go of it.
    assert until(lambda: descriptors_of(forking.pid or 0) <= before[1])
    assert descriptors_of("self") <= before[0]
    assert Path(f"/proc/{forking.pid}/task/{forking.pid}/children").read_text() == ""


@LINUX
def test_a_closed_zygote_is_gone_and_starts_nothing(targets: str) -> None:
    zygote = Zygote([targets], start="fork")
    child = zygote.fork("zygote_targets:wait_for_word")
    pid = zygote.pid
    assert pid is not None
    zygote.close()
    zygote.close()
    assert not Path(f"/proc/{pid}").exists()
    assert is_running(child.pid)
    with pytest.raises(ProcessError, match="being stopped"):
        zygote.fork("zygote_targets:end_with", [0])
    child.close()
    assert until(lambda: not is_running(child.pid))


@LINUX
def test_a_killed_zygote_is_replaced_and_its_children_go_on(forking: Zygote) -> None:
    with forking.fork("zygote_targets:wait_for_word") as orphan:
        assert receive(orphan.sock) == orphan.pid
        killed = forking.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        assert until(lambda: not is_running(killed))
        with forking.fork("zygote_targets:add", [2, 2]) as child:
            assert receive(child.sock)["sum"] == 4
        assert forking.pid != killed
        assert not Path(f"/proc/{killed}").exists(), "a zombie is left"
        assert orphan.wait(60) is None, "nobody can know how it ends"
        assert is_running(orphan.pid)
        orphan.sock.close()
        assert until(lambda: not is_running(orphan.pid))


@LINUX
def test_a_zygote_that_is_killed_again_and_again_never_blocks(forking: Zygote) -> None:
    for _ in range(5):
        forking.start()
        assert forking.pid is not None
        os.kill(forking.pid, signal.SIGKILL)
        with forking.fork("zygote_targets:end_with", [4]) as child:
            assert child.wait(60) == 4


PARENT = """
import os, signal, sys
sys.path.insert(0, {path!r})
from tradewind.zygote import Zygote, receive
zygote = Zygote(["zygote_targets"], start={start!r})
child = zygote.fork("zygote_targets:wait_for_word")
receive(child.sock)
print(zygote.pid or 0, child.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@LINUX
@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_when_the_parent_is_killed_all_end(targets: str, tmp_path: Path, start: str) -> None:
    code = PARENT.format(path=str(tmp_path), start=start)
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    pids = [int(pid) for pid in done.stdout.split() if pid != b"0"]
    assert len(pids) == (2 if start == "fork" else 1)
    for pid in pids:
        assert until(lambda pid=pid: not is_running(pid)), f"{pid} is still there"


DYING = """
import os, signal, sys, threading, time
sys.path.insert(0, {path!r})
from tradewind.zygote import Zygote
threading.Thread(target=Zygote(["patient_preload"], start="fork").start, daemon=True).start()
while not os.path.exists({path!r} + "/loading"):
    time.sleep(0.01)
os.kill(os.getpid(), signal.SIGKILL)
"""


@LINUX
def test_a_zygote_whose_parent_dies_while_it_loads_ends_without_a_word(tmp_path: Path) -> None:
    (tmp_path / "patient_preload.py").write_text(
        "import os, pathlib, time\n"
        "parent = os.getppid()\n"
        f"pathlib.Path({str(tmp_path)!r}, 'loading').touch()\n"
        "while os.getppid() == parent:\n"
        "    time.sleep(0.01)\n"
    )
    code = DYING.format(path=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (-signal.SIGKILL, b"")  # both hold stderr: it ends with the last of them


def test_a_keyboard_interrupt_at_the_terminal_reaches_neither_zygote_nor_children(forking: Zygote) -> None:
    with forking.fork("zygote_targets:wait_for_word") as child:
        assert forking.pid is not None
        groups = {os.getpgid(pid) for pid in (forking.pid, child.pid)}
        assert os.getpgid(0) not in groups
        os.kill(forking.pid, signal.SIGINT)
        with forking.fork("zygote_targets:end_with", [5]) as other:
            assert other.wait(60) == 5


def test_many_threads_may_ask_at_once(forking: Zygote) -> None:
    def ask(number: int) -> int:
        with forking.fork("zygote_targets:add", [number, number]) as child:
            return int(receive(child.sock)["sum"])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(40))) == [2 * number for number in range(40)]


def test_what_cannot_be_loaded_beforehand_is_named(targets: str, tmp_path: Path) -> None:
    (tmp_path / "broken_preload.py").write_text("raise ValueError('not today')")
    with Zygote(["zygote_targets", "broken_preload"], start="fork") as zygote:
        for _ in range(2):
            with pytest.raises(ProcessError, match=r"broken_preload cannot be imported: ValueError: not today"):
                zygote.fork("zygote_targets:add", [1, 1])


def test_an_interpreter_that_cannot_start_is_an_error(targets: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    for start in ("fork", "spawn"):
        with Zygote(start=start) as zygote, pytest.raises(ProcessError, match="/no/such/python cannot be started"):
            zygote.fork("zygote_targets:add", [1, 1])


def test_children_search_where_the_parent_does_and_not_in_the_working_folder(
    targets: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    working = tmp_path / "working"
    working.mkdir()
    (working / "json.py").write_text("raise SystemExit('the wrong json')")
    (working / "msgspec.py").write_text("raise SystemExit('the wrong msgspec')")
    (tmp_path / "preloaded.py").write_text("")
    monkeypatch.chdir(working)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    for start in ("fork", "spawn"):
        with Zygote(["preloaded"], start=start) as zygote, zygote.fork("zygote_targets:search_path") as child:
            path, argv, loaded = receive(child.sock)
        assert path == sys.path
        assert argv == ["-c"]
        assert loaded == (["preloaded"] if start == "fork" else [])


UNPRIVILEGED = """
import ctypes, os, sys
for capability in range(64):
    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP: what the next program cannot get back
os.execv(sys.executable, [sys.executable, "-W", "error", "-c", sys.argv[1]])
"""

USE = """
import sys
sys.path.insert(0, {path!r})
from tradewind.zygote import Zygote, receive
with open("/proc/self/status") as status:
    effective = [line.split()[1] for line in status if line.startswith("CapEff")][0]
with Zygote(start={start!r}) as zygote, zygote.fork("zygote_targets:add", [1, 2]) as child:
    print(int(effective, 16), receive(child.sock)["sum"], child.wait(60))
"""


@LINUX
@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_no_privilege_is_needed(targets: str, tmp_path: Path, start: str) -> None:
    use = USE.format(path=str(tmp_path), start=start)
    done = subprocess.run(
        [sys.executable, "-c", UNPRIVILEGED, use], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.split() == ["0", "3", "0"], done.stderr


COPY = """
import os, sys
sys.path.insert(0, {path!r})
from tradewind.zygote import Zygote, receive
with Zygote(start="fork") as zygote:
    zygote.start()
    pid = os.fork()
    with zygote.fork("zygote_targets:add", [1, 1]) as child:
        receive(child.sock)
        print("copy" if pid == 0 else "original", zygote.pid, flush=True)
    if pid:
        os.waitpid(pid, 0)
"""


def test_a_copy_of_the_parent_gets_a_zygote_of_its_own(targets: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", COPY.format(path=str(tmp_path))],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found = dict(line.split() for line in done.stdout.splitlines())
    assert set(found) == {"original", "copy"}
    assert found["original"] != found["copy"]
    assert done.stderr == ""


def test_messages_of_any_size_arrive_whole() -> None:
    one, other = socket.socketpair()
    with one, other:
        message = {"text": "ü" * 1_000_000, "number": 1.5, "nothing": None}
        writer = threading.Thread(target=send, args=(one, message))
        writer.start()
        assert receive(other) == message
        writer.join()
        one.sendall(b"\0\0\0\x05tr")
        one.close()
        assert receive(other) is None


def test_how_long_a_fork_takes(forking: Zygote, record_property: Callable[[str, object], None]) -> None:
    """Prints it; `-s` shows. The bar is only that it works at all."""

    def once() -> float:
        began = time.perf_counter()
        child: Child = forking.fork("zygote_targets:end_at_once", [0])
        took = time.perf_counter() - began
        assert child.wait(60) == 0
        child.close()
        return took

    forking.start()
    took = sorted(once() for _ in range(50))
    print(f"\nfork through the zygote: median {took[25] * 1000:.2f} ms, slowest of 50 {took[-1] * 1000:.2f} ms")
    record_property("fork_median_ms", took[25] * 1000)
