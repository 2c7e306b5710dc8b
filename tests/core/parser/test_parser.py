"""Parsing DAG files, each in a process of its own: what comes of them, and that nothing is left behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tradewind.parser import (
    file_hash,
    parse_file,
)
from tradewind.records import ParsedFile
from tradewind.schedule import CronSchedule
from tradewind.zygote import Zygote

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def is_running(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def test_a_good_file_becomes_specs(parse: Callable[..., ParsedFile], good: Callable[[str], str]) -> None:
    source = good("sales")
    parsed = parse(source)
    assert parsed.failure is None
    assert [spec.dag_id for spec in parsed.specs] == ["sales"]
    spec = parsed.specs[0]
    assert [task.task_id for task in spec.tasks] == ["first", "second"]
    assert spec.tasks[1].upstream == ("first",)
    assert spec.schedule == CronSchedule("0 0 * * *")
    assert spec.line == 5
    assert parsed.source == source
    assert parsed.hash == file_hash(source.encode())
    assert len(parsed.hash) == 16
    assert 0 < parsed.seconds < 20


def test_without_a_zygote_one_is_made_for_the_call(folder: Path, good: Callable[[str], str]) -> None:
    path = folder / "sales.py"
    path.write_text(good("sales"))
    assert [spec.dag_id for spec in parse_file(path, timeout=30, memory_mb=512).specs] == ["sales"]


@pytest.mark.parametrize(
    "source",
    [
        b"",
        b"\n\n",
        b"# nothing here\n",
        b"\xef\xbb\xbfname = 'with a byte order mark'\n",
        "# coding: latin-1\nname = 'Größe'\n".encode("latin-1"),
        b"name = 'carriage returns'\r\n",
    ],
)
def test_a_file_without_dags_is_no_failure(parse: Callable[..., ParsedFile], source: bytes) -> None:
    parsed = parse(source)
    assert parsed.failure is None
    assert parsed.specs == ()


def test_what_a_file_prints_goes_nowhere(
    parse: Callable[..., ParsedFile], capfd: pytest.CaptureFixture[str], good: Callable[[str], str]
) -> None:
    loud = """
        import os, sys
        for _ in range(20_000):
            print("x" * 1000)
            sys.stderr.write("y" * 1000)
        os.system("echo z")
    """
    parsed = parse(textwrap.dedent(loud) + good("loud"))
    assert parsed.failure is None
    assert len(parsed.specs) == 1
    shown = capfd.readouterr()
    assert shown.out == shown.err == ""


def test_threads_do_not_keep_a_file_from_being_read(
    parse: Callable[..., ParsedFile], good: Callable[[str], str]
) -> None:
    threads = "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\n"
    parsed = parse(threads + good("threads"))
    assert len(parsed.specs) == 1
    assert parsed.seconds < 20


def test_a_file_that_forks_gives_one_result(parse: Callable[..., ParsedFile], good: Callable[[str], str]) -> None:
    parsed = parse("import os\nos.fork()\n" + good("twins"))
    assert parsed.failure is None
    assert len(parsed.specs) == 1


@LINUX
def test_processes_that_a_file_starts_are_ended(
    parse: Callable[..., ParsedFile], folder: Path, good: Callable[[str], str]
) -> None:
    parsed = parse(
        """
        import os, pathlib, subprocess, time
        pids = [subprocess.Popen(["sleep", "60"]).pid, subprocess.Popen(["sleep", "60"], start_new_session=True).pid]
        ours, theirs = os.pipe()
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:  # a daemon, as in the textbook
                os.setsid()
                os.write(theirs, b"%d" % os.getpid())
                time.sleep(60)
            os._exit(0)
        pids.append(int(os.read(ours, 99)))
        (pathlib.Path(__file__).parent / "pids").write_text(" ".join(map(str, pids)))
        """
        + good("parent").replace("\n", "\n        ")
    )
    assert parsed.failure is None
    assert len(parsed.specs) == 1
    pids = [int(pid) for pid in (folder / "pids").read_text().split()]
    assert len(pids) == 3
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_content_at_all_gives_a_result(zygote: Zygote, folder: Path, data: bytes) -> None:
    path = folder / "anything.py"
    path.write_bytes(data)
    parsed = parse_file(path, timeout=20, memory_mb=512, zygote=zygote)
    assert parsed.path == str(path)
    assert parsed.specs == ()


def test_many_files_may_be_read_at_once(folder: Path, zygote: Zygote, good: Callable[[str], str]) -> None:
    for number in range(12):
        (folder / f"f{number}.py").write_text(good(f"dag{number}") if number % 3 else "import os; os._exit(1)")

    def read(number: int) -> tuple[list[str], bool]:
        parsed = parse_file(folder / f"f{number}.py", timeout=30, memory_mb=512, zygote=zygote)
        return [spec.dag_id for spec in parsed.specs], parsed.failure is not None

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(read, range(12)))
    assert found == [([f"dag{n}"], False) if n % 3 else ([], True) for n in range(12)]


@LINUX
def test_the_loading_process_ends_when_its_parent_is_killed(
    folder: Path, home: Path, until: Callable[..., bool]
) -> None:
    pid_file = folder / "pid"
    (folder / "endless.py").write_text(
        f"import os, pathlib, time\npathlib.Path({str(pid_file)!r}).write_text(str(os.getpid()))\ntime.sleep(60)\n"
    )
    script = (
        "from tradewind.parser import parse_file\n"
        f"parse_file({str(folder / 'endless.py')!r}, timeout=60, memory_mb=512)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script])
    try:
        assert until(lambda: pid_file.exists() and pid_file.read_text() != "", 30)
        loading = int(pid_file.read_text())
        assert is_running(loading)
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    assert until(lambda: not is_running(loading))


@LINUX
def test_nothing_of_a_hundred_files_is_left(
    folder: Path, zygote: Zygote, good: Callable[[str], str], until: Callable[..., bool]
) -> None:
    path = folder / "sales.py"
    path.write_text(good("sales"))
    parse_file(path, timeout=30, memory_mb=512, zygote=zygote)
    before = len(list(Path("/proc/self/fd").iterdir()))
    began = time.monotonic()
    for _ in range(30):
        assert parse_file(path, timeout=30, memory_mb=512, zygote=zygote).failure is None
    print(f"\none file: {(time.monotonic() - began) / 30 * 1000:.1f} ms")
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
    assert until(lambda: Path(f"/proc/{zygote.pid}/task/{zygote.pid}/children").read_text() == "")
