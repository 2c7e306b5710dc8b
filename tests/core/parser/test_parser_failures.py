"""Bad DAG files harm nothing, and their failures say where they are wrong."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tradewind.parser import (
    parse_file,
)
from tradewind.parser.source import MOST_BYTES
from tradewind.records import ImportFailure, ParsedFile
from tradewind.zygote import Zygote

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def failure_of(parsed: ParsedFile) -> ImportFailure:
    assert parsed.failure is not None
    assert parsed.specs == ()
    assert parsed.failure.path == parsed.path
    assert "\n" not in parsed.failure.error
    return parsed.failure


# Bad files: (source, how the error begins, line)

BAD = {
    "syntax error": ("import os\n\ndef f(:\n    pass\n", "SyntaxError: invalid syntax", 3),
    "tabs and spaces": ("if True:\n        x = 1\n\ty = 2\n", "TabError: inconsistent use", 3),
    "import error": ("import os\nimport no_such_module\n", "ModuleNotFoundError: No module named 'no_such_module'", 2),
    "import from Airflow": (
        "from tradewind.decorators import task\n",
        "ModuleNotFoundError: No module named 'tradewind.decorators'; Airflow's names are in tradewind, trade",
        1,
    ),
    "import of a missing name": ("\n\nfrom os import no_such_name\n", "ImportError: cannot import name", 3),
    "error in a function": (
        "def inner():\n    return {}['key']\n\ndef outer():\n    inner()\n\nouter()\n",
        "KeyError: 'key'",
        2,
    ),
    "sys.exit": ("import sys\nsys.exit(0)\n", "SystemExit: 0: the file ends the process", 2),
    "os._exit": ("import os\n\ndef stop():\n    os._exit(0)\n\nstop()\n", "SystemExit: os._exit(0)", 4),
    "exit within try": ("import os\ntry:\n    os._exit(3)\nfinally:\n    pass\n", "SystemExit: os._exit(3)", 3),
    "test() at the top level": (
        "from tradewind import DAG\n\ndag = DAG('d')\ndag.test()\n",
        "DagError: DAG 'd' calls test() whenever its file is read; put the call under `if __name__ ==",
        4,
    ),
    "cli() at the top level": (
        "from tradewind import DAG\n\ndag = DAG('d')\ndag.cli()\n",
        "DagError: DAG 'd' calls cli() whenever its file is read",
        4,
    ),
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
    name: str, parse: Callable[..., ParsedFile], zygote: Zygote, good: Callable[[str], str]
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
    following = parse(good("next"), "next.py")
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


def test_a_file_has_nothing_to_read_from(parse: Callable[..., ParsedFile]) -> None:
    assert failure_of(parse("name = input()\n")).error.startswith("EOFError")


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


def test_a_file_that_closes_what_is_not_its_own_is_a_failure(
    parse: Callable[..., ParsedFile], good: Callable[[str], str]
) -> None:
    failure = failure_of(parse("import os\nos.closerange(3, 200)\n" + good("closed")))
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


def test_memory_that_is_refused_and_then_not_needed_is_no_failure(
    parse: Callable[..., ParsedFile], good: Callable[[str], str]
) -> None:
    source = "try:\n    x = bytearray(2_000_000_000)\nexcept MemoryError:\n    pass\n"
    assert len(parse(source + good("modest")).specs) == 1


@pytest.mark.parametrize("content", ["missing", "folder", "pipe", "huge", "forbidden"])
def test_a_file_that_cannot_be_read_is_a_failure(
    folder: Path, zygote: Zygote, content: str, request: pytest.FixtureRequest, good: Callable[[str], str]
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
        path.write_text(good("sales"))
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
