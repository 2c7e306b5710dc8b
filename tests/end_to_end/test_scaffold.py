"""A new provider, as `tradewind providers new` writes it, passes its tests where nothing else is installed."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

#: What the promise says, in seconds, for installing and testing.
MOST_TIME = 60


@pytest.fixture(scope="module")
def clean(environment):
    """The core and pytest, and nothing else."""
    return environment("pytest")


@pytest.fixture(scope="module")
def weather(clean, tmp_path_factory):
    """The folder of a provider that was just written."""
    folder = tmp_path_factory.mktemp("new")
    done = clean.python("-m", "tradewind", "providers", "new", "weather", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "tradewind-weather"


def test_it_installs_and_passes_its_tests_within_a_minute(clean, weather):
    started = time.monotonic()
    clean.install(".", cwd=weather)
    tested = clean.python("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=weather)
    assert tested.returncode == 0, tested.stdout
    assert "skipped" not in tested.stdout
    assert "xfail" not in tested.stdout
    assert time.monotonic() - started < MOST_TIME
    checked = clean.python("-m", "tradewind", "providers", "check", "weather", "--sandbox", cwd=weather)
    assert checked.returncode == 0, checked.stdout
    assert checked.stdout.count("✓") > 30


def test_its_code_is_clean(weather):
    for tool in (["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy", "--no-incremental"]):
        command = [sys.executable, "-m", *tool]
        done = subprocess.run(command, cwd=weather, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_it_is_complete(weather, wheel_of):
    import zipfile

    names = zipfile.ZipFile(wheel_of(weather)).namelist()
    assert {f"tradewind_weather/{name}" for name in ("py.typed", "plugin.py", "hook.py", "sandbox.py")} <= set(names)
    assert "tradewind_weather-0.1.0.dist-info/licenses/LICENSE" in names
    assert not [name for name in names if name.startswith("tests/")]
    for path in weather.rglob("*"):
        if path.suffix in (".py", ".md", ".toml", ".yml") or path.name in ("LICENSE", ".gitignore"):
            assert "scaffold" not in path.read_text().lower(), path
    assert (weather / ".github/workflows/ci.yml").exists()
    assert (weather / ".gitignore").exists()
    assert "tradewind providers check weather" in Path(weather / "README.md").read_text()
