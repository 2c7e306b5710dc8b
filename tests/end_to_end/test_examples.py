"""The examples run, each by itself; the pipeline of the demo has a module of its own."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
DAG_FILES = sorted((EXAMPLES / "dags").glob("*.py"))


@pytest.fixture
def environ(tmp_path):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TRADEWIND_", "AIRFLOW_"))}
    return {**kept, "HOME": str(tmp_path), "TMPDIR": str(tmp_path), "TRADEWIND_HOME": str(tmp_path / "home")}


def run(*command: str | Path, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=240, **options)


@pytest.mark.parametrize("path", DAG_FILES, ids=[path.stem for path in DAG_FILES])
def test_an_example_runs_as_a_script(path, environ):
    done = run("-W", "error", path, env=environ)
    assert done.returncode == 0, done.stderr
    assert "the run: success" in done.stderr
    assert not Path(environ["TRADEWIND_HOME"]).exists()


@pytest.mark.parametrize("path", DAG_FILES, ids=[path.stem for path in DAG_FILES])
def test_an_example_runs_from_the_command_line(path, environ, tmp_path):
    day = {"AIRFLOW_CONN_WAREHOUSE": f"sqlite:///{tmp_path}/w.db", "AIRFLOW_VAR_REPORTS_FOLDER": str(tmp_path)}
    done = run("-m", "tradewind", "run", path, "--logical-date", "2025-03-08", env={**environ, **day})
    assert done.returncode == 0, done.stderr
    assert f"{path.stem}: success after" in done.stderr


def test_the_tutorial_prints_its_templates(environ):
    done = run("-m", "tradewind", "run", EXAMPLES / "dags" / "tutorial.py", "-e", "2025-03-03", env=environ)
    assert done.stderr.count("INFO 2025-03-03\n") == 5
    assert done.stderr.count("INFO 2025-03-10\n") == 5
    assert "INFO Ahoy from templated" in done.stderr


def test_the_branch_takes_the_way_of_the_day(environ):
    file = EXAMPLES / "dags" / "sensor_branch.py"
    saturday = run("-m", "tradewind", "run", file, "-e", "2025-03-08", env=environ).stderr
    monday = run("-m", "tradewind", "run", file, "-e", "2025-03-10", env=environ).stderr
    assert "- workday  skipped" in saturday
    assert "✓ weekend  success" in saturday
    assert "✓ workday  success" in monday
    assert "- weekend  skipped" in monday


def test_a_cold_week_announces_nothing(environ):
    file = EXAMPLES / "dags" / "taskflow.py"
    done = run("-m", "tradewind", "run", file, "--conf", '{"limit": 30}', env=environ)
    assert done.returncode == 0, done.stderr
    assert "- announce  skipped" in done.stderr


def test_the_data_is_what_its_script_makes(tmp_path):
    script = tmp_path / "make_orders.py"
    script.write_bytes((EXAMPLES / "data" / "make_orders.py").read_bytes())
    assert run(script).returncode == 0
    made = {path.name: path.read_bytes() for path in (tmp_path / "orders").iterdir()}
    assert made == {path.name: path.read_bytes() for path in (EXAMPLES / "data" / "orders").iterdir()}
    assert len(made) == 7


def test_the_data_has_real_defects():
    rows = []
    for path in (EXAMPLES / "data" / "orders").iterdir():
        with path.open(encoding="utf-8", newline="") as file:
            rows += list(csv.DictReader(file))
    ids = [row["order_id"] for row in rows]
    assert 3000 < len(rows) < 10_000
    assert len(ids) - len(set(ids)) > 20
    assert sum(row["customer"] == "" for row in rows) > 20
    assert any(row["unit_price"] == "" for row in rows)
    assert any(row["quantity"] == "three" for row in rows)
    assert any(None in row.values() for row in rows)
