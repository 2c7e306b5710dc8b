"""The last line of a session says what was tested for real; in CI nothing that is needed may be missing."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import pytest
def test_with_a_server(note_server): note_server("PostgreSQL 17")
@pytest.mark.skipif(True, reason="only on the moon")
def test_elsewhere(): ...
"""
LACKING = """
def test_without_its_server(): pytest.skip("MariaDB: mariadbd is not installed")
"""


@pytest.fixture
def session(tmp_path):
    """Starts a session with the shared conftest and these tests in it."""
    shutil.copy(Path(__file__).parents[2] / "conftest.py", tmp_path)
    inherited = {name: value for name, value in os.environ.items() if name not in ("TRADEWIND_TEST_SERVERS", "CI")}

    def start(tests, *words, **environ):
        (tmp_path / "test_servers.py").write_text(tests)
        return subprocess.Popen(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", *words],
            cwd=tmp_path,
            env={**inherited, "TMPDIR": str(tmp_path), **environ},
            stdout=subprocess.PIPE,
            text=True,
        )

    return start


def test_sessions_at_the_same_time_do_not_disturb_each_other(session, tmp_path):
    running = [session(TESTS), session(TESTS, "-n", "2")]
    for process in running:
        last = process.communicate(timeout=60)[0].splitlines()[-1]
        assert re.fullmatch(
            r"Real servers used: PostgreSQL 17, SQLite [\d.]+ \(embedded\)\. Left out: only on the moon\.", last
        ), last
        assert process.returncode == 0
    assert not list(tmp_path.glob("tradewind-servers-*"))


@pytest.mark.parametrize(("environ", "code"), [({}, 0), ({"CI": "true"}, 1)], ids=["at home", "in CI"])
def test_a_missing_server_is_told_and_fails_in_ci(session, environ, code):
    process = session(TESTS + LACKING, **environ)
    output = process.communicate(timeout=60)[0]
    assert "Left out: MariaDB: mariadbd is not installed; only on the moon." in output
    assert ("the session has failed" in output) == bool(code)
    assert process.returncode == code


def test_what_this_system_cannot_have_does_not_fail_in_ci(session):
    process = session(TESTS, CI="true")
    process.communicate(timeout=60)
    assert process.returncode == 0
