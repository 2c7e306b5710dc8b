"""Where logs lie: any ids make a path that the file system takes, and different ids make different ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tradewind.logs import attempt_log, safe


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=250))
@example("日" * 250)
@example(" " * 250)
@example("t" * 250)
@example("..")
def test_any_id_makes_a_path(tmp_path: Path, name: str) -> None:
    path = attempt_log(tmp_path, "dag", name, name, 1234567, 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    assert tmp_path / "dag" in path.parents
    assert os.sep not in safe(name)


@pytest.mark.parametrize("letter", ["日", " ", "t"])
def test_long_ids_that_differ_at_their_end_have_logs_of_their_own(letter: str) -> None:
    assert safe(letter * 249 + "a") != safe(letter * 249 + "b")
    assert safe("short/id") == "short%2Fid"
