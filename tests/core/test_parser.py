"""Parsing DAG files: what is found in good ones, and that bad ones harm nothing and say where they are wrong."""

from __future__ import annotations

import inspect
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tradewind.errors import DagCycle, DagError, SettingError
from tradewind.parser import (
    PRELOAD,
    DagFolder,
    file_hash,
    import_failure,
    load_dags,
    parse_file,
    read_source,
)
from tradewind.parser.source import MOST_BYTES
from tradewind.records import ImportFailure, ParsedFile
from tradewind.schedule import CronSchedule
from tradewind.zygote import Zygote

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

GOOD = """\
from datetime import datetime
from tradewind import DAG
from tradewind.operators.empty import EmptyOperator

with DAG("{id}", schedule="@daily", start_date=datetime(2024, 1, 1)):
    EmptyOperator(task_id="first") >> EmptyOperator(task_id="second")
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home folder of everything here, in the environment before the zygote is started."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRADEWIND_HOME", str(folder))
        patch.delenv("AIRFLOW_HOME", raising=False)
        patch.delenv("TRADEWIND_DAGS_FOLDER", raising=False)
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        yield folder


@pytest.fixture(scope="module")
def zygote(home: Path) -> Iterator[Zygote]:
    with Zygote(PRELOAD, start="fork") as found:
        found.start()
        yield found


@pytest.fixture
def folder(home: Path, tmp_path: Path) -> Path:
    """A folder of its own for each test, inside the DAG folder."""
    found = home / "dags" / tmp_path.name
    found.mkdir(parents=True)
    return found


@pytest.fixture
def parse(folder: Path, zygote: Zygote) -> Callable[..., ParsedFile]:
    def write_and_parse(source: str | bytes, name: str = "sales.py", *, timeout: float = 20) -> ParsedFile:
        path = folder / name
        data = source if isinstance(source, bytes) else textwrap.dedent(source).encode()
        path.write_bytes(data)
        return parse_file(path, timeout=timeout, memory_mb=512, zygote=zygote)

    return write_and_parse


def failure_of(parsed: ParsedFile) -> ImportFailure:
    assert parsed.failure is not None
    assert parsed.specs == ()
    assert parsed.failure.path == parsed.path
    assert "\n" not in parsed.failure.error
    return parsed.failure


def until(condition: Callable[[], bool], seconds: float = 10) -> bool:
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


# Good files


def test_a_good_file_becomes_specs(parse: Callable[..., ParsedFile]) -> None:
    source = GOOD.format(id="sales")
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


def test_without_a_zygote_one_is_made_for_the_call(folder: Path) -> None:
    path = folder / "sales.py"
    path.write_text(GOOD.format(id="sales"))
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


def test_what_a_file_prints_goes_nowhere(parse: Callable[..., ParsedFile], capfd: pytest.CaptureFixture[str]) -> None:
    loud = """
        import os, sys
        for _ in range(20_000):
            print("x" * 1000)
            sys.stderr.write("y" * 1000)
        os.system("echo z")
    """
    parsed = parse(textwrap.dedent(loud) + GOOD.format(id="loud"))
    assert parsed.failure is None
    assert len(parsed.specs) == 1
    shown = capfd.readouterr()
    assert shown.out == shown.err == ""


def test_a_file_has_nothing_to_read_from(parse: Callable[..., ParsedFile]) -> None:
    assert failure_of(parse("name = input()\n")).error.startswith("EOFError")


def test_threads_do_not_keep_a_file_from_being_read(parse: Callable[..., ParsedFile]) -> None:
    threads = "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\n"
    parsed = parse(threads + GOOD.format(id="threads"))
    assert len(parsed.specs) == 1
    assert parsed.seconds < 20


def test_a_file_that_forks_gives_one_result(parse: Callable[..., ParsedFile]) -> None:
    parsed = parse("import os\nos.fork()\n" + GOOD.format(id="twins"))
    assert parsed.failure is None
    assert len(parsed.specs) == 1


@LINUX
def test_processes_that_a_file_starts_are_ended(parse: Callable[..., ParsedFile], folder: Path) -> None:
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
        + GOOD.format(id="parent").replace("\n", "\n        ")
    )
    assert parsed.failure is None
    assert len(parsed.specs) == 1
    pids = [int(pid) for pid in (folder / "pids").read_text().split()]
    assert len(pids) == 3
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


# Bad files: (source, how the error begins, line)

BAD = {
    "syntax error": ("import os\n\ndef f(:\n    pass\n", "SyntaxError: invalid syntax", 3),
    "tabs and spaces": ("if True:\n        x = 1\n\ty = 2\n", "TabError: inconsistent use", 3),
    "import error": ("import os\nimport no_such_module\n", "ModuleNotFoundError: No module named 'no_such_module'", 2),
    "import of a missing name": ("\n\nfrom os import no_such_name\n", "ImportError: cannot import name", 3),
    "error in a function": (
        "def inner():\n    return {}['key']\n\ndef outer():\n    inner()\n\nouter()\n",
        "KeyError: 'key'",
        2,
    ),
    "sys.exit": ("import sys\nsys.exit(0)\n", "SystemExit: 0: the file ends the process", 2),
    "os._exit": ("import os\n\ndef stop():\n    os._exit(0)\n\nstop()\n", "SystemExit: os._exit(0)", 4),
    "exit within try": ("import os\ntry:\n    os._exit(3)\nfinally:\n    pass\n", "SystemExit: os._exit(3)", 3),
    "interrupt": ("raise KeyboardInterrupt\n", "KeyboardInterrupt", 1),
    "endless recursion": ("def f():\n    return f()\nf()\n", "RecursionError", 2),
    "segmentation fault": (
        "import ctypes\ndef crash():\n    ctypes.string_at(0)\n\ncrash()\n",
        "Crash: the process that loads the file was killed by SIGSEGV",
        3,
    ),
    "abort": ("import os\n\nos.abort()\n", "Crash: the process that loads the file was killed by SIGABRT", 3),
    "terminates itself": (
        "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n",
        "Crash: the process that loads the file was killed by SIGTERM",
        2,
    ),
    "2 GB": ("x = 1\ny = bytearray(2_000_000_000)\n", "MemoryError: the file needs more than 512 MB", 2),
    "2 GB bit by bit": (
        "x = []\nwhile True:\n    x.append(bytearray(1_000_000))\n",
        "MemoryError: the file needs more than 512 MB",
        3,
    ),
    "cycle": (
        (
            "from tradewind import DAG\nfrom tradewind.operators.empty import EmptyOperator\n\nwith DAG('round'):\n"
            "    a, b = EmptyOperator(task_id='a'), EmptyOperator(task_id='b')\n    a >> b >> a\n"
        ),
        "DagCycle: DAG 'round'",
        4,
    ),
    "duplicate task": (
        (
            "from tradewind import DAG\nfrom tradewind.operators.empty import EmptyOperator\n\nwith DAG('twice'):\n"
            "    EmptyOperator(task_id='a')\n    EmptyOperator(task_id='a')\n"
        ),
        "DuplicateTask: DAG 'twice' has a task 'a' already",
        6,
    ),
    "unknown keyword": (
        (
            "from tradewind import DAG\nfrom tradewind.operators.empty import EmptyOperator\n\nwith DAG('odd'):\n"
            "    EmptyOperator(task_id='a', retrys=3)\n"
        ),
        "UnknownArgument: EmptyOperator 'a' takes no argument 'retrys'; did you mean 'retries'?",
        5,
    ),
    "unknown time zone": (
        "from datetime import datetime\nfrom zoneinfo import ZoneInfo\nx = ZoneInfo('Mars/Olympus')\n",
        "zoneinfo._common.ZoneInfoNotFoundError",
        3,
    ),
    "cron that never fires": (
        "from tradewind import DAG\n\nDAG('never', schedule='0 0 31 2 *')\n",
        "ScheduleError: DAG 'never': the cron expression '0 0 31 2 *' never fires",
        3,
    ),
    "two DAGs with one id": (
        "from tradewind import DAG\na = DAG('same')\nb = DAG('same')\n",
        "DagError: two DAGs of",
        None,
    ),
    "not UTF-8": (b"x = 1\ny = 2\nz = '\xff'\n", "SyntaxError: the byte 0xff is not utf-8", 3),
    "not UTF-8 at the top": (b"# \xe4\n", "SyntaxError: the byte 0xe4 is not utf-8", 1),
    "UTF-16": ("x = 1\n".encode("utf-16"), "SyntaxError: the byte 0xff is not utf-8", 1),
    "unknown coding": (b"# coding: klingon\n", "SyntaxError: unknown encoding", 1),
    "null byte": (b"x = 1\n\0\n", "SyntaxError: the file holds a null byte", 2),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_a_failure_with_the_users_line(
    name: str, parse: Callable[..., ParsedFile], zygote: Zygote
) -> None:
    source, error, line = BAD[name]
    before = zygote.pid
    failure = failure_of(parse(source))
    assert failure.error.startswith(error)
    assert failure.line == line
    frames = [text for text in failure.traceback.splitlines() if text.lstrip().startswith("File ")]
    assert all(failure.path in frame for frame in frames)
    if line is not None and "cycle" not in name:
        assert any(f"line {line}" in frame for frame in frames)
    following = parse(GOOD.format(id="next"), "next.py")
    assert following.failure is None
    assert zygote.pid == before


def test_the_way_into_a_helper_is_shown_and_the_line_is_that_of_the_dag_file(
    parse: Callable[..., ParsedFile], folder: Path
) -> None:
    (folder / "helper_with_error.py").write_text("def f():\n    raise ValueError('in the helper')\n")
    failure = failure_of(parse("import json\nimport helper_with_error\n\nhelper_with_error.f()\n"))
    assert failure.error == "ValueError: in the helper"
    assert failure.line == 4
    assert "helper_with_error.py" in failure.traceback


def test_the_syntax_error_of_a_helper_is_not_taken_for_the_dag_files(
    parse: Callable[..., ParsedFile], folder: Path
) -> None:
    (folder / "helper_with_typo.py").write_text("\n\n\ndef f(:\n")
    failure = failure_of(parse("import os\nimport helper_with_typo\n"))
    assert failure.line == 2
    assert "helper_with_typo.py, line 4" in failure.error


def test_the_cause_of_an_error_is_kept(parse: Callable[..., ParsedFile]) -> None:
    failure = failure_of(
        parse("try:\n    {}['a']\nexcept KeyError as error:\n    raise RuntimeError('no a') from error\n")
    )
    assert failure.error == "RuntimeError: no a"
    assert failure.line == 4
    assert "KeyError: 'a'" in failure.traceback
    assert "direct cause" in failure.traceback


def test_an_error_that_cannot_be_printed_is_still_a_failure(parse: Callable[..., ParsedFile]) -> None:
    source = "class Odd(Exception):\n    def __str__(self):\n        raise ValueError\n\nraise Odd\n"
    failure = failure_of(parse(source))
    assert "Odd" in failure.error
    assert failure.line == 5


def test_huge_errors_are_shortened(parse: Callable[..., ParsedFile]) -> None:
    failure = failure_of(parse("raise ValueError('long ' * 1_000_000)\n"))
    assert len(failure.error) <= 1_000
    assert len(failure.traceback) <= 21_000


LOOPS = {
    "in Python": ("def forever():\n    while True:\n        pass\n\nforever()\n", {2, 3}),
    "in C": ("import time\ntime.sleep(60)\n", {2}),
    "in C, without letting go": ("import re\nre.match('(a+)+$', 'a' * 60 + 'b')\n", {2}),
    "that catches everything": (
        "import time\nwhile True:\n    try:\n        time.sleep(60)\n    except BaseException:\n        pass\n",
        {2, 3, 4, 5, 6},
    ),
}


@pytest.mark.parametrize("name", LOOPS)
def test_an_endless_file_is_ended_and_its_line_is_known(parse: Callable[..., ParsedFile], name: str) -> None:
    source, lines = LOOPS[name]
    parsed = parse(source, timeout=0.3)
    failure = failure_of(parsed)
    assert failure.error == "Timeout: the file was not loaded within 0.3 seconds (setting parse_timeout)"
    assert failure.line in lines
    assert f'File "{failure.path}"' in failure.traceback
    assert parsed.seconds < 10


def test_the_file_name_of_a_crash_may_hold_any_letter(parse: Callable[..., ParsedFile]) -> None:
    failure = failure_of(parse("\nimport time\ntime.sleep(60)\n", "größe мир.py", timeout=0.3))
    assert failure.line == 3


@pytest.mark.parametrize(
    "resist",
    ["signal.signal(signal.SIGABRT, signal.SIG_IGN)", "os.kill(os.getpid(), signal.SIGSTOP)"],
)
def test_a_file_that_resists_is_killed(parse: Callable[..., ParsedFile], resist: str) -> None:
    parsed = parse(f"import os, signal\n{resist}\nwhile True: pass\n", timeout=0.3)
    assert failure_of(parsed).error.startswith("Timeout")
    assert parsed.seconds < 10


def test_a_file_that_is_killed_is_a_failure(parse: Callable[..., ParsedFile]) -> None:
    failure = failure_of(parse("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"))
    assert "SIGKILL" in failure.error
    assert "out of memory" in failure.error


def test_a_file_that_closes_what_is_not_its_own_is_a_failure(parse: Callable[..., ParsedFile]) -> None:
    failure = failure_of(parse("import os\nos.closerange(3, 200)\n" + GOOD.format(id="closed")))
    assert failure.error.startswith("Crash: the process that loads the file ended by itself")


@LINUX
def test_a_file_that_starts_too_many_processes_is_stopped(parse: Callable[..., ParsedFile]) -> None:
    parsed = parse(
        """
        import os, time
        for _ in range(260):
            if os.fork() == 0:
                time.sleep(60)
        time.sleep(60)
        """
    )
    failure = failure_of(parsed)
    assert failure.error == "ProcessError: the file started more than 200 processes"
    assert failure.line in (3, 4, 5, 6)
    assert parsed.seconds < 15


def test_memory_that_is_refused_and_then_not_needed_is_no_failure(parse: Callable[..., ParsedFile]) -> None:
    source = "try:\n    x = bytearray(2_000_000_000)\nexcept MemoryError:\n    pass\n"
    assert len(parse(source + GOOD.format(id="modest")).specs) == 1


@pytest.mark.parametrize("content", ["missing", "folder", "pipe", "huge", "forbidden"])
def test_a_file_that_cannot_be_read_is_a_failure(
    folder: Path, zygote: Zygote, content: str, request: pytest.FixtureRequest
) -> None:
    path = folder / "sales.py"
    expected = {"missing": "FileNotFoundError", "forbidden": "PermissionError"}.get(content, "DagError")
    if content == "folder":
        path.mkdir()
    elif content == "pipe":
        os.mkfifo(path)
    elif content == "huge":
        with path.open("wb") as file:
            file.truncate(MOST_BYTES + 1)
    elif content == "forbidden":
        path.write_text(GOOD.format(id="sales"))
        path.chmod(0)
        if os.geteuid() == 0:  # root may read everything
            os.seteuid(65534)
            request.addfinalizer(lambda: os.seteuid(0))
    parsed = parse_file(path, timeout=20, memory_mb=512, zygote=zygote)
    failure = failure_of(parsed)
    assert failure.error.startswith(expected)
    assert str(path) in failure.error
    assert failure.line is None
    assert parsed.hash == ""


def test_secrets_do_not_get_into_failures(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEWIND_CONN_SHOP", "postgres://user:hunter2secret@host/db")
    path = folder / "sales.py"
    path.write_text(
        "from tradewind import Connection\npassword = Connection.get('shop').password\n"
        "raise ValueError(f'cannot use {password}')\n"
    )
    failure = failure_of(parse_file(path, timeout=30, memory_mb=512))
    assert "cannot use ***" in failure.error
    assert "hunter2secret" not in failure.traceback + failure.error


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_content_at_all_gives_a_result(zygote: Zygote, folder: Path, data: bytes) -> None:
    path = folder / "anything.py"
    path.write_bytes(data)
    parsed = parse_file(path, timeout=20, memory_mb=512, zygote=zygote)
    assert parsed.path == str(path)
    assert parsed.specs == ()


def test_many_files_may_be_read_at_once(folder: Path, zygote: Zygote) -> None:
    for number in range(12):
        (folder / f"f{number}.py").write_text(
            GOOD.format(id=f"dag{number}") if number % 3 else "import os; os._exit(1)"
        )

    def read(number: int) -> tuple[list[str], bool]:
        parsed = parse_file(folder / f"f{number}.py", timeout=30, memory_mb=512, zygote=zygote)
        return [spec.dag_id for spec in parsed.specs], parsed.failure is not None

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(read, range(12)))
    assert found == [([f"dag{n}"], False) if n % 3 else ([], True) for n in range(12)]


@LINUX
def test_the_loading_process_ends_when_its_parent_is_killed(folder: Path, home: Path) -> None:
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
def test_nothing_of_a_hundred_files_is_left(folder: Path, zygote: Zygote) -> None:
    path = folder / "sales.py"
    path.write_text(GOOD.format(id="sales"))
    parse_file(path, timeout=30, memory_mb=512, zygote=zygote)
    before = len(list(Path("/proc/self/fd").iterdir()))
    began = time.monotonic()
    for _ in range(30):
        assert parse_file(path, timeout=30, memory_mb=512, zygote=zygote).failure is None
    print(f"\none file: {(time.monotonic() - began) / 30 * 1000:.1f} ms")
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert until(lambda: Path(f"/proc/{zygote.pid}/task/{zygote.pid}/children").read_text() == "")


# Loading in this process


def test_load_dags_finds_all_ways_to_make_a_dag(folder: Path) -> None:
    path = folder / "many.py"
    path.write_text(
        textwrap.dedent(
            """
            from tradewind import DAG, dag

            named = DAG("named")
            with DAG("entered"):
                pass
            with DAG("hidden", auto_register=False) as kept:
                pass

            def make():
                with DAG("made_in_a_function"):
                    pass
                with DAG("never_registered", auto_register=False):
                    pass
                DAG("lost")

            make()

            @dag
            def decorated():
                pass

            decorated()
            """
        )
    )
    found = load_dags(path)
    assert set(found) == {"named", "entered", "made_in_a_function", "decorated", "hidden"}
    assert all(dag_id == dag.dag_id for dag_id, dag in found.items())


def test_a_dag_imported_from_another_dag_file_belongs_to_that_one(home: Path, folder: Path) -> None:
    (folder / "origin_of_dag.py").write_text(
        GOOD.format(id="origin").replace("with DAG(", "dag = DAG(").split("\n    ")[0][:-1]
    )
    (folder / "reporting.py").write_text("from origin_of_dag import dag\n" + GOOD.format(id="reporting"))
    assert set(load_dags(folder / "reporting.py")) == {"reporting"}
    assert set(load_dags(folder / "origin_of_dag.py")) == {"origin"}


def test_a_dag_that_comes_from_a_library_belongs_to_the_file_that_imports_it(folder: Path) -> None:
    (folder / "library_of_dags.py").write_text("from tradewind import DAG\nexported = DAG('exported')\n")
    (folder / ".tradewindignore").write_text("library_*\n")
    (folder / "uses_library.py").write_text("# a dag for tradewind\nfrom library_of_dags import exported\n")
    assert set(load_dags(folder / "uses_library.py")) == {"exported"}


def test_a_given_source_is_run_in_place_of_the_file(folder: Path) -> None:
    path = folder / "sales.py"
    path.write_text("raise RuntimeError('not this one')\n")
    source = GOOD.format(id="older") + "\ndef of_the_older_one():\n    return 1\n"
    found = load_dags(path, source)
    assert set(found) == {"older"}
    module = next(
        module
        for name, module in sys.modules.items()
        if name.endswith("_sales") and folder.name in str(module.__file__)
    )
    assert module.__file__ == str(path)
    assert inspect.getsource(module.of_the_older_one) == "def of_the_older_one():\n    return 1\n"
    path.unlink()
    assert set(load_dags(path, source)) == {"older"}
    with pytest.raises(ZeroDivisionError) as caught:
        load_dags(path, "\n1 / 0\n")
    assert import_failure(path, caught.value).line == 2


def test_files_of_the_same_name_do_not_meet(folder: Path) -> None:
    for name in ("one", "two"):
        (folder / name).mkdir()
        (folder / name / "etl.py").write_text(GOOD.format(id=name) + f"MARK = {name!r}\n")
    assert set(load_dags(folder / "one" / "etl.py")) == {"one"}
    assert set(load_dags(folder / "two" / "etl.py")) == {"two"}
    marks = {module.MARK for name, module in sys.modules.items() if name.endswith("_etl") and hasattr(module, "MARK")}
    assert marks >= {"one", "two"}


def test_a_dag_file_is_a_module_like_any_other(folder: Path) -> None:
    path = folder / "module_like.py"
    path.write_text(
        textwrap.dedent(
            """
            from __future__ import annotations
            import dataclasses, pickle, sys

            @dataclasses.dataclass
            class Row:
                name: str = ""

            assert sys.modules[__name__].Row is Row
            assert pickle.loads(pickle.dumps(Row("a"))) == Row("a")
            assert __name__ != "__main__"
            assert __file__.endswith("module_like.py")
            """
        )
    )
    assert load_dags(path) == {}


def test_a_dag_file_named_like_a_module_of_python_does_no_harm(folder: Path) -> None:
    (folder / "colorsys.py").write_text("raise RuntimeError('the DAG file, not the module')\n")
    (folder / "shop.py").write_text("import colorsys\ncolorsys.rgb_to_hsv(0, 0, 0)\n" + GOOD.format(id="shop"))
    sys.modules.pop("colorsys", None)
    assert set(load_dags(folder / "shop.py")) == {"shop"}


def test_what_a_file_raises_comes_through(folder: Path) -> None:
    path = folder / "sales.py"
    path.write_text("import sys\nsys.exit(4)\n")
    with pytest.raises(SystemExit):
        load_dags(path)
    assert not any(
        name.endswith("_sales") and folder.name in str(module.__file__)
        for name, module in sys.modules.items()
        if name.startswith("tradewind_dag_")
    )
    path.write_text("from tradewind import DAG\na = DAG('same')\nb = DAG('same')\n")
    with pytest.raises(DagError, match=r"have the id 'same', made on lines 2 and 3"):
        load_dags(path)
    path.write_text(BAD["cycle"][0])
    (dag,) = load_dags(path).values()
    with pytest.raises(DagCycle):
        dag.spec()


def test_read_source_gives_text_and_hash(folder: Path) -> None:
    path = folder / "sales.py"
    path.write_bytes(b"\xef\xbb\xbfx = '\xc3\xa4'\r\n")
    assert read_source(path) == ("x = 'ä'\n", file_hash(path.read_bytes()))


# The DAG folder


def dag_file(path: Path, text: str = "# a dag for tradewind\n") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


def names(folder: Path) -> list[str]:
    return [os.path.relpath(path, folder) for path in DagFolder(folder).files()]


def test_files_that_may_make_dags_are_listed(tmp_path: Path) -> None:
    for name in ("b.py", "a.py", "sub/c.py", "sub/deep/d.py"):
        dag_file(tmp_path / name)
    dag_file(tmp_path / "airflow.py", "from AirFlow import DAG")
    dag_file(tmp_path / "helper.py", "def tradewind_helper(): pass")
    dag_file(tmp_path / "other.py", "dag = 1")
    dag_file(tmp_path / "notes.txt")
    dag_file(tmp_path / ".hidden.py")
    dag_file(tmp_path / ".git" / "e.py")
    dag_file(tmp_path / "__pycache__" / "f.py")
    (tmp_path / "folder.py").mkdir()
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "dangling.py").symlink_to(tmp_path / "nowhere.py")
    assert names(tmp_path) == ["a.py", "airflow.py", "b.py", "sub/c.py", "sub/deep/d.py"]


def test_links_are_followed_and_circles_of_them_end(tmp_path: Path) -> None:
    dag_file(tmp_path / "real" / "a.py")
    dags = tmp_path / "dags"
    dags.mkdir()
    (dags / "linked").symlink_to(tmp_path / "real")
    (dags / "file.py").symlink_to(tmp_path / "real" / "a.py")
    (tmp_path / "real" / "up").symlink_to(dags)
    (tmp_path / "real" / "self").symlink_to(tmp_path / "real")
    assert names(dags) == ["file.py", "linked/a.py"]


def test_a_missing_folder_holds_nothing(tmp_path: Path) -> None:
    folder = DagFolder(tmp_path / "none")
    assert folder.files() == []
    assert folder.scan({}) == ({}, [])
    assert folder.scan({str(tmp_path / "none" / "a.py"): (1, 0)}) == ({}, [str(tmp_path / "none" / "a.py")])


#: Lines of an ignore file at the top, and which of the files below are left.
FILES = ["a.py", "b.py", "a.b.py", "lib/a.py", "lib/x/b.py", "x/lib/c.py", "x/y/z/a.py", "[odd].py", "sp ace.py"]
GLOBS = [
    ("", FILES),
    ("# a.py\n\n", FILES),
    ("a.py", ["b.py", "a.b.py", "lib/x/b.py", "x/lib/c.py", "[odd].py", "sp ace.py"]),
    ("/a.py", [name for name in FILES if name != "a.py"]),
    ("lib/", [name for name in FILES if "lib" not in name]),
    ("lib", [name for name in FILES if "lib" not in name]),
    ("/lib", [name for name in FILES if not name.startswith("lib")]),
    ("a.py/", FILES),
    ("lib/*.py", [name for name in FILES if name != "lib/a.py"]),
    ("lib/**", [name for name in FILES if not name.startswith("lib")]),
    ("**/lib/*.py", [name for name in FILES if name not in ("lib/a.py", "x/lib/c.py")]),
    ("x/**/a.py", [name for name in FILES if name != "x/y/z/a.py"]),
    ("*.py\n!b.py", ["b.py", "lib/x/b.py"]),
    ("lib\n!lib/a.py", [name for name in FILES if "lib" not in name]),
    ("!a.py\na.py", ["b.py", "a.b.py", "lib/x/b.py", "x/lib/c.py", "[odd].py", "sp ace.py"]),
    ("?.py", ["a.b.py", "[odd].py", "sp ace.py"]),
    ("[ab].py", ["a.b.py", "x/lib/c.py", "[odd].py", "sp ace.py"]),
    ("[!ab].py", [name for name in FILES if not name.endswith("c.py")]),
    ("\\[odd].py", [name for name in FILES if "odd" not in name]),
    ("[odd.py", FILES),
    ("a.*", [name for name in FILES if "/a." not in f"/{name}"]),
    ("sp ace.py   ", [name for name in FILES if "sp" not in name]),
    ("*", []),
    ("/", FILES),
    ("[z-a]x", FILES),
    ("x[!a]y", FILES),
    ("lib//", FILES),
]


@pytest.mark.parametrize("ignore_file", [".tradewindignore", ".airflowignore"])
@pytest.mark.parametrize(("lines", "left"), GLOBS)
def test_ignore_files_are_read_as_git_does(tmp_path: Path, lines: str, left: list[str], ignore_file: str) -> None:
    for name in FILES:
        dag_file(tmp_path / name)
    (tmp_path / ignore_file).write_text(lines)
    assert (
        sorted(names(tmp_path))
        == sorted(left)
        == sorted(name for name in FILES if DagFolder(tmp_path).holds(tmp_path / name))
    )


def test_an_ignore_file_speaks_of_its_own_folder(tmp_path: Path) -> None:
    for name in ("a.py", "sub/a.py", "sub/b.py", "sub/deep/a.py", "other/b.py"):
        dag_file(tmp_path / name)
    (tmp_path / ".airflowignore").write_text("b.py\n")
    (tmp_path / "sub" / ".tradewindignore").write_text("/a.py\n!b.py\n")
    assert names(tmp_path) == ["a.py", "sub/b.py", "sub/deep/a.py"]


def test_airflows_regular_expressions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("project_a/dag_1.py", "tenant_1.py", "project_a/dag_2.py", "TESTING_project_a.py", "sub/tenant_2.py"):
        dag_file(tmp_path / name)
    (tmp_path / ".airflowignore").write_text("project_a/dag_1  # not this one\n\n(broken\nTESTING.*\n")
    (tmp_path / "sub" / ".airflowignore").write_text("sub/tenant_[\\d]\n")
    monkeypatch.setenv("AIRFLOW__CORE__DAG_IGNORE_FILE_SYNTAX", "regexp")
    assert names(tmp_path) == ["project_a/dag_2.py", "tenant_1.py"]
    monkeypatch.setenv("TRADEWIND_DAG_IGNORE_FILE_SYNTAX", "glub")
    with pytest.raises(SettingError, match="'glub': it is glob or regexp"):
        DagFolder(tmp_path).files()


class Watched:
    """A folder together with what its reader remembers."""

    def __init__(self, folder: Path, zygote: Zygote | None = None) -> None:
        self.folder = DagFolder(folder)
        self.seen: dict[str, tuple[int, int]] = {}
        self.zygote = zygote
        self.parsed: dict[str, ParsedFile] = {}

    def look(self) -> tuple[list[str], list[str]]:
        """Names of changed and removed files; changed ones are parsed if there is a zygote."""
        changed, removed = self.folder.scan(self.seen)
        for path in changed if self.zygote else ():
            parsed = parse_file(path, timeout=30, memory_mb=512, zygote=self.zygote)
            self.parsed[Path(path).name] = parsed
            self.folder.learn(parsed)
        self.seen.update(changed)
        for path in removed:
            del self.seen[path]
        return [Path(path).name for path in changed], [Path(path).name for path in removed]


def test_a_look_tells_what_came_changed_and_went(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    a = Path(dag_file(tmp_path / "a.py"))
    dag_file(tmp_path / "b.py")
    assert watched.look() == (["a.py", "b.py"], [])
    assert watched.look() == ([], [])
    a.write_text("# another dag for tradewind\n")
    assert watched.look() == (["a.py"], [])
    a.unlink()
    assert watched.look() == ([], ["a.py"])
    assert watched.look() == ([], [])
    dag_file(tmp_path / "a.py")
    (tmp_path / "b.py").write_text("# makes none any more")
    assert watched.look() == (["a.py"], ["b.py"])
    (tmp_path / ".tradewindignore").write_text("a.py")
    assert watched.look() == ([], ["a.py"])


def test_a_new_time_on_the_disk_alone_is_no_change(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    path = Path(dag_file(tmp_path / "a.py"))
    watched.look()
    os.utime(path, (1, 1))
    assert watched.look() == ([], [])
    path.write_text(path.read_text())
    assert watched.look() == ([], [])


def test_a_change_is_seen_even_if_size_and_time_stay(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    path = Path(dag_file(tmp_path / "a.py", "# dag tradewind 1"))
    os.utime(path, (1_000_000, 1_000_000))
    watched.look()
    path.write_text("# dag tradewind 2")
    os.utime(path, (1_000_000, 1_000_000))
    assert watched.look() == (["a.py"], [])


def test_unchanged_files_are_not_opened(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    path = Path(dag_file(tmp_path / "a.py"))
    watched.look()
    # As if the file had been written long before it was read.
    for known in watched.folder._known.values():
        known.read_at += 10_000_000_000
    opened: list[object] = []
    watching = True

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if watching and event == "open":
            opened.append(arguments[0])

    sys.addaudithook(note)
    assert watched.look() == ([], [])
    watching = False
    assert str(path) not in [str(name) for name in opened]


def test_files_of_a_folder_that_cannot_be_listed_do_not_count_as_gone(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    dags = tmp_path / "dags"
    for name in ("a.py", "closed/b.py"):
        dag_file(dags / name)
    watched = Watched(dags)
    watched.look()
    (dags / "a.py").unlink()
    (dags / "closed").chmod(0)
    request.addfinalizer(lambda: (dags / "closed").chmod(0o755))
    if os.geteuid() == 0:
        for parent in (tmp_path, *tmp_path.parents):
            mode = parent.stat().st_mode
            if mode & 0o055 != 0o055:
                parent.chmod(mode | 0o055)
                request.addfinalizer(lambda parent=parent, mode=mode: parent.chmod(mode))
        os.seteuid(65534)
        request.addfinalizer(lambda: os.seteuid(0))
    assert watched.look() == ([], ["a.py"])


def test_a_file_is_read_again_when_a_module_that_it_imports_changes(folder: Path, zygote: Zygote) -> None:
    helper = folder / "watched_helper.py"
    helper.write_text("name = 'one'\n")
    (folder / "sales.py").write_text("from watched_helper import name\n" + GOOD.format(id="x").replace('"x"', "name"))
    (folder / "other.py").write_text(GOOD.format(id="other"))
    watched = Watched(folder, zygote)
    assert watched.look() == (["other.py", "sales.py"], [])
    assert until(lambda: watched.look() == ([], []))
    helper.write_text("name = 'two'\n")
    assert watched.look() == (["sales.py"], [])
    assert [spec.dag_id for spec in watched.parsed["sales.py"].specs] == ["two"]
    helper.write_text("1 / 0\n")
    watched.look()
    assert watched.parsed["sales.py"].failure is not None
    helper.unlink()
    watched.look()
    failure = watched.parsed["sales.py"].failure
    assert failure is not None
    assert failure.error == "ModuleNotFoundError: No module named 'watched_helper'"
    helper.write_text("name = 'back'\n")
    assert watched.look()[0] == ["sales.py"]
    assert [spec.dag_id for spec in watched.parsed["sales.py"].specs] == ["back"]
    assert until(lambda: watched.look() == ([], []))


def test_a_file_is_read_again_when_a_table_that_it_reads_changes(folder: Path, zygote: Zygote) -> None:
    (folder / "tables").mkdir()
    (folder / "tables" / "one.txt").write_text("shop")
    (folder / "factory.py").write_text(
        "import pathlib\nfrom tradewind import DAG\n"
        "for file in (pathlib.Path(__file__).parent / 'tables').iterdir():\n"
        "    with DAG(file.read_text()):\n        pass\n"
    )
    watched = Watched(folder, zygote)
    watched.look()
    assert until(lambda: watched.look() == ([], []))
    (folder / "tables" / "one.txt").write_text("market")
    assert watched.look() == (["factory.py"], [])
    (folder / "tables" / "two.txt").write_text("stall")
    assert until(lambda: watched.look() == (["factory.py"], []), 1)
    assert sorted(spec.dag_id for spec in watched.parsed["factory.py"].specs) == ["market", "stall"]


def test_reading_a_file_writes_nothing_beside_it(folder: Path, zygote: Zygote) -> None:
    (folder / "quiet_helper.py").write_text("x = 1\n")
    (folder / "sales.py").write_text("import quiet_helper\n" + GOOD.format(id="sales"))
    watched = Watched(folder, zygote)
    watched.look()
    assert sorted(path.name for path in folder.iterdir()) == ["quiet_helper.py", "sales.py"]


def test_a_thousand_files_are_looked_at_quickly(tmp_path: Path) -> None:
    """Prints how long; `-s` shows."""
    for number in range(1000):
        dag_file(tmp_path / f"s{number % 10}" / f"f{number}.py")
    watched = Watched(tmp_path)
    watched.look()
    for known in watched.folder._known.values():
        known.read_at += 10_000_000_000
    began = time.perf_counter()
    assert watched.look() == ([], [])
    print(f"\na look at 1000 unchanged files: {(time.perf_counter() - began) * 1000:.1f} ms")
