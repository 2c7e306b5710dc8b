"""Commands that tasks start: their output, their end, and how they are stopped."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from tradewind.errors import TradewindError
from tradewind.operator.command import Command, Finished, bash, task_environment, working_folder


def run(script: str, **more: object) -> tuple[Finished, list[str]]:
    lines: list[str] = []
    with bash(script) as argv:
        return Command(argv, on_line=lines.append, **more).run(), lines  # type: ignore[arg-type]


def wait_for(path: Path) -> str:
    """Content of a file that a command writes when it is ready."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if path.exists() and path.read_text():
            return path.read_text()
        time.sleep(0.01)
    raise AssertionError(f"{path} never came")


def ends(pid: int) -> bool:
    """Whether a process ends before long; a zombie has ended."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.01)
    return False


def test_output_comes_line_by_line_and_the_last_line_is_kept() -> None:
    done, lines = run("echo a; echo b >&2; printf 'c  '")
    assert (done, lines) == (Finished(0, "c"), ["a", "b", "c"])


@pytest.mark.parametrize(("script", "last"), [("true", ""), ("echo a; echo", ""), ("printf 'a\\nb\\n'", "b")])
def test_the_last_line(script: str, last: str) -> None:
    assert run(script)[0].last_line == last


def test_lines_come_while_the_command_runs(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    lines: list[str] = []

    def answer(line: str) -> None:
        lines.append(line)
        if line == "ready":
            flag.touch()

    argv = ["bash", "-c", f"echo ready; while [ ! -e {flag} ]; do sleep 0.01; done; echo done"]
    assert Command(argv, on_line=answer).run().last_line == "done"
    assert lines == ["ready", "done"]


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    assert run(r"printf 'a\xff\x00\n'")[1] == ["a\\xff\x00"]
    assert run(r"printf '\xe4\n'", encoding="latin-1")[1] == ["ä"]


def test_characters_cut_by_a_read_are_put_together() -> None:
    done, lines = run(r"printf 'x\xc3'; sleep 0.05; printf '\xa4\n'")
    assert (done.last_line, lines) == ("xä", ["xä"])


def test_an_encoding_of_more_than_one_byte_per_character() -> None:
    assert run(r"printf 'a\0\n\0b\0\n\0'", encoding="utf-16-le")[1] == ["a", "b"]


def test_very_long_lines_come_in_pieces_and_are_not_kept() -> None:
    done, lines = run("head -c 500000 /dev/zero | tr '\\0' x", longest_line=100_000)
    assert done.cut
    assert sum(map(len, lines)) == 500_000
    assert max(map(len, lines)) < 200_000
    assert not run("head -c 500000 /dev/zero | tr '\\0' x; echo; echo end", longest_line=100_000)[0].cut


def test_much_output_is_read_to_the_end() -> None:
    done, lines = run("seq 200000")
    assert (done.last_line, len(lines)) == ("200000", 200_000)


def test_standard_input_is_empty() -> None:
    assert run("cat; echo end")[1] == ["end"]


@pytest.mark.parametrize(
    ("script", "code", "told"),
    [
        ("exit 3", 3, "ended with exit code 3"),
        ("no-such-command-here", 127, "ended with exit code 127 (command not found)"),
        ("kill -9 $$", -9, "was ended by SIGKILL, perhaps for want of memory"),
        ("kill -TERM $$", -15, "was ended by SIGTERM"),
        (
            "bash -c 'kill -9 $$'; exit $?",
            137,
            "ended with exit code 137 (SIGKILL, perhaps for want of memory)",
        ),
    ],
)
def test_the_end_in_words(script: str, code: int, told: str) -> None:
    done, _ = run(script)
    assert (done.exit_code, done.told) == (code, told)


def test_a_process_left_behind_does_not_hold_up_the_task() -> None:
    started = time.monotonic()
    done, _ = run("sleep 300 & echo $!")
    try:
        assert time.monotonic() - started < 60
    finally:
        os.kill(int(done.last_line), signal.SIGKILL)


def test_a_noisy_process_left_behind_does_not_hold_up_the_task() -> None:
    started = time.monotonic()
    done, _ = run("(while echo noise; do sleep 0.01; done) & exit 4")
    assert time.monotonic() - started < 60
    assert done.exit_code == 4


def start(command: Command) -> tuple[threading.Thread, list[Finished]]:
    """Run a command in a thread."""
    done: list[Finished] = []
    thread = threading.Thread(target=lambda: done.append(command.run()))
    thread.start()
    return thread, done


def test_stop_ends_the_command_and_its_children(tmp_path: Path) -> None:
    ready = tmp_path / "pid"
    command = Command(["bash", "-c", f"sleep 60 & echo $! > {ready}; wait"], on_line=print)
    thread, done = start(command)
    child = int(wait_for(ready))
    command.stop(grace=60)
    thread.join(60)
    assert done[0].exit_code == -signal.SIGTERM
    assert ends(child)


def test_stop_lets_the_command_clean_up(tmp_path: Path) -> None:
    ready, cleaned = tmp_path / "ready", tmp_path / "cleaned"
    cleanup = f"seq 100000; sleep 0.1; touch {cleaned}; exit 7"
    script = f"trap '{cleanup}' TERM; echo x > {ready}; while :; do sleep 0.01; done"
    command = Command(["bash", "-c", script], on_line=lambda line: None)
    thread, done = start(command)
    wait_for(ready)
    command.stop(grace=60)
    thread.join(60)
    assert cleaned.exists()
    assert done[0].exit_code == 7


def test_a_stop_that_comes_before_the_process_is_known_is_not_lost() -> None:
    command = Command(["sleep", "60"], on_line=print)
    command.stop()
    assert command.run().exit_code == -signal.SIGTERM


def test_stop_kills_what_does_not_listen(tmp_path: Path) -> None:
    ready = tmp_path / "pid"
    script = f"trap '' TERM; (trap '' TERM; echo $BASHPID > {ready}; while :; do sleep 0.05; done) & wait; sleep 60"
    command = Command(["bash", "-c", script], on_line=print)
    thread, done = start(command)
    child = int(wait_for(ready))
    started = time.monotonic()
    command.stop(grace=0.2)
    thread.join(60)
    assert 0.2 <= time.monotonic() - started < 60
    assert done[0].exit_code == -signal.SIGKILL
    assert ends(child)


def test_stopping_what_does_not_run_does_nothing() -> None:
    command = Command(["bash", "-c", "true"], on_line=print)
    command.stop()
    command.run()
    command.stop()


def test_what_breaks_off_the_task_stops_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEWIND_KILL_GRACE", "5")
    pids: list[int] = []

    def on_line(line: str) -> None:
        pids.append(int(line))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Command(["bash", "-c", "sleep 60 & echo $!; wait"], on_line=on_line).run()
    assert ends(pids[0])


def test_the_command_has_its_own_group_in_the_same_session() -> None:
    code = "import os; print(os.getpgid(os.getppid()), os.getsid(0), os.getppid())"
    done, _ = run(f"{shlex.quote(sys.executable)} -c '{code}'; exit $?")
    group, session, bash_pid = map(int, done.last_line.split())
    assert (group, session) == (bash_pid, os.getsid(0))


def test_a_very_long_command_is_run_from_a_file() -> None:
    done, _ = run("true " + "x" * 300_000 + "; echo ok")
    assert done.last_line == "ok"


def test_a_zero_byte_is_refused() -> None:
    with pytest.raises(TradewindError, match="zero byte"), bash("echo \0"):
        pass


def test_a_missing_bash_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TradewindError, match="no bash on the PATH"), bash("true"):
        pass


def test_a_program_that_cannot_be_started_is_told() -> None:
    with pytest.raises(TradewindError, match="/no/such/program cannot be started"):
        Command(["/no/such/program"], on_line=print).run()


def test_a_working_folder_of_its_own_is_removed() -> None:
    with working_folder(None) as folder:
        Path(folder, "x").touch()
    assert not Path(folder).exists()


def test_a_working_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TradewindError, match="does not exist"), working_folder(tmp_path / "nope"):
        pass
    with pytest.raises(TradewindError, match="is not a folder"), working_folder(tmp_path / "file"):
        pass


def test_the_environment_is_that_of_the_worker_or_what_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINE", "1")
    assert task_environment({}, None, append=False)["MINE"] == "1"
    assert task_environment({}, {"A": "b"}, append=False) == {"A": "b"}
    assert task_environment({}, {"A": "b"}, append=True).items() >= {"A": "b", "MINE": "1"}.items()


def test_environment_variables_are_text() -> None:
    with pytest.raises(TradewindError, match="'A' must be text, not int"):
        task_environment({}, {"A": 1}, append=False)
