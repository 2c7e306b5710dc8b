"""The log of an attempt: what arrives in it, masked, in time, and whatever the disk says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tradewind.runner.output import LONGEST_LINE, LogFile, format_line, split_lines

HEAD = """
import logging, os, subprocess, sys, threading
from pathlib import Path
from tradewind.runner.output import LogFile, Output
from tradewind.secrets import mask_secret
log = LogFile(Path(sys.argv[1]))
output = Output(log, "INFO")
"""


def run(path: Path, code: str) -> list[tuple[str, str]]:
    """Run code in a process that logs to `path`; its lines as (source, text)."""
    subprocess.run([sys.executable, "-c", HEAD + code + "\noutput.close()\n", str(path)], check=True, timeout=60)
    return read(path)


def read(path: Path) -> list[tuple[str, str]]:
    pattern = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z (\S+) +(.*)")
    found = []
    for line in path.read_text().splitlines():
        matched = pattern.fullmatch(line)
        found.append((matched[1], matched[2]) if matched else ("", line))
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "down" / "1.log"


def test_what_is_printed_and_logged_arrives_with_time_and_source(path: Path) -> None:
    lines = run(
        path,
        """
print("one", "two")
print("to stderr", file=sys.stderr)
logging.getLogger("tradewind.task").info("task %s", 7)
logging.getLogger("urllib3").warning("from a library")
logging.getLogger("urllib3").debug("too low")
sys.stdout.buffer.write("größe\\n".encode())
print("no line end", end="")
""",
    )
    assert lines == [
        ("OUT", "one two"),
        ("ERR", "to stderr"),
        ("INFO", "task 7"),
        ("WARNING", "urllib3: from a library"),
        ("OUT", "größe"),
        ("OUT", "no line end"),
    ]


def test_what_programs_and_c_libraries_write_arrives_too(path: Path) -> None:
    lines = run(
        path,
        """
subprocess.run(["sh", "-c", "echo from a program; echo its errors >&2; printf unfinished"])
os.write(1, b"\\nraw \\xff byte\\n")
subprocess.run(["echo", "by fileno"], stdout=sys.stdout)
""",
    )
    assert lines == [
        ("OUT", "from a program"),
        ("OUT", "its errors"),
        ("OUT", "unfinished"),
        ("OUT", "raw � byte"),
        ("OUT", "by fileno"),
    ]


def test_secrets_are_masked_wherever_they_come_from(path: Path) -> None:
    run(
        path,
        """
mask_secret("hunter2-hunter2")
print("print hunter2-hunter2")
sys.stdout.write("in pieces hunter2-"); sys.stdout.write("hunter2\\n")
logging.getLogger("x").warning("log %s", "hunter2-hunter2")
try:
    raise ValueError("hunter2-hunter2")
except ValueError:
    logging.exception("caught")
subprocess.run(["echo", "program hunter2-hunter2"])
os.write(2, b"raw hunter2-"); os.write(2, b"hunter2\\n")
""",
    )
    text = path.read_text()
    assert "hunter2" not in text
    for word in ("print ***", "in pieces ***", "log ***", "ValueError: ***", "program ***", "raw ***"):
        assert word in text


def test_lines_arrive_while_the_process_runs(path: Path) -> None:
    code = HEAD + 'print("now"); sys.stdin.readline(); output.close()'
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE) as process:
        for _ in range(6000):
            if path.exists() and path.read_text():
                break
            try:
                process.wait(0.01)
            except subprocess.TimeoutExpired:
                continue
        assert read(path) == [("OUT", "now")]
        process.communicate(b"\n")


def test_a_background_program_does_not_keep_the_attempt_from_ending(path: Path) -> None:
    lines = run(
        path,
        """
ready, told = os.pipe()
subprocess.Popen(["sh", "-c", f"echo begun; echo >&{told}; exec sleep 30"], pass_fds=[told])
os.read(ready, 1)
""",
    )
    assert lines == [("OUT", "begun")]


def test_a_line_break_in_a_record_does_not_make_a_line_of_its_own_time(path: Path) -> None:
    lines = run(path, 'logging.warning("first\\nsecond")')
    assert lines == [("WARNING", "first"), ("", "second")]


def test_a_logging_call_with_wrong_arguments_does_not_raise(path: Path) -> None:
    run(path, 'logging.warning("%d rows", "many"); print("goes on")')
    assert ("OUT", "goes on") in read(path)


def test_a_log_level_that_does_not_exist_is_told(path: Path) -> None:
    lines = run(path, 'output.close(); output = Output(log, "LOUD"); logging.info("shown")')
    assert lines[0][1].startswith("The setting log_level cannot be 'LOUD'; INFO is used. There are: ")
    assert lines[1:] == [("INFO", "shown")]


def test_threads_may_print_at_once(path: Path) -> None:
    lines = run(
        path,
        """
threads = [threading.Thread(target=lambda: [sys.stdout.write("x" * 50 + "\\n") for _ in range(200)]) for _ in range(4)]
[thread.start() for thread in threads]; [thread.join() for thread in threads]
""",
    )
    assert lines == [("OUT", "x" * 50)] * 800


def test_a_full_disk_raises_nowhere_and_is_told(tmp_path: Path) -> None:
    full = tmp_path / "1.log"
    full.symlink_to("/dev/full")
    code = HEAD + (
        'print("lost"); logging.warning("lost"); subprocess.run(["echo", "lost"], check=True)\n'
        "output.close(); Path(sys.argv[2]).write_text(log.trouble)"
    )
    told = tmp_path / "told"
    subprocess.run([sys.executable, "-c", code, str(full), str(told)], check=True, timeout=60)
    assert told.read_text() == f"its log is not complete: No space left on device ({full})"


def test_a_log_that_cannot_be_opened_raises_nowhere_and_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    log = LogFile(tmp_path / "file" / "1.log")
    log.line("INFO", "lost")
    log.close()
    assert log.fileno() == -1
    assert log.trouble == f"its log is not complete: File exists ({tmp_path / 'file' / '1.log'})"


def test_a_gap_is_marked_when_the_disk_takes_more_again(tmp_path: Path) -> None:
    import os

    log = LogFile(tmp_path / "1.log")
    log.line("INFO", "before")
    full = os.open("/dev/full", os.O_WRONLY)
    kept, log._fd = log._fd, full
    log.line("INFO", "lost")
    os.close(full)
    log._fd = kept
    log.line("INFO", "after")
    log.close()
    lost = len(format_line("INFO", "lost"))
    assert read(tmp_path / "1.log") == [
        ("INFO", "before"),
        ("WARNING", f"(here {lost} bytes are missing)"),
        ("INFO", "after"),
    ]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("abc", ["abc"]),
        ("a\nb\n", ["a", "b", ""]),
        ("a\r\n\r\nb", ["a", "", "b"]),
        ("10%\r 20%\r 30%", ["10%", " 20%", " 30%"]),
        ("\r10%\r\r20%\n", ["10%", "20%", ""]),
    ],
)
def test_lines_are_split_at_line_ends_and_carriage_returns(text: str, lines: list[str]) -> None:
    assert split_lines(text) == lines


def test_a_line_without_end_is_cut() -> None:
    assert [len(line) for line in split_lines("x" * (2 * LONGEST_LINE + 5))] == [LONGEST_LINE, LONGEST_LINE, 5]
