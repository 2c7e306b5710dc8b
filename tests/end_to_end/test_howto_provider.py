"""docs/howto/write-a-provider.md, done step by step: every file that it shows is written, every command is run."""

import os
import re
import subprocess
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "write-a-provider.md"

_BLOCK = re.compile(
    r"(?:<!-- file: (?P<file>\S+) -->\n)?```(?P<language>\w+)\n(?P<text>.*?)^```", re.DOTALL | re.MULTILINE
)


@pytest.mark.timeout(900)
def test_the_provider_of_the_page_works(environment, wheels, tmp_path):
    environ = environment(wheels["tradewind"], "pip", below=None)
    folder = tmp_path / "tradewind-ftp"
    folder.mkdir()
    done = []
    for block in _BLOCK.finditer(PAGE.read_text(encoding="utf-8")):
        if block["file"]:
            file = folder / block["file"]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block["text"], encoding="utf-8")
        else:
            assert block["language"] == "sh", block["text"]
            done += [run(command, environ, folder) for command in block["text"].splitlines()]
    tested = next(output for command, output in done if command.startswith("pytest"))
    assert int(re.search(r"(\d+) passed", tested)[1]) > 40, tested
    assert not re.search(r"skipped|xfailed|warning", tested)
    checked = next(output for command, output in done if "check" in command)
    assert checked.count("✓") > 30
    assert len(done) == 5


def run(command, environ, folder):
    """Run one line of a block as a reader would, with the environment's programs first."""
    path = f"{environ.executable.parent}{os.pathsep}{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TRADEWIND_", "AIRFLOW"))}
    told = subprocess.run(
        ["bash", "-ec", command],
        cwd=folder,
        env={**kept, "PATH": path, "TRADEWIND_HOME": str(folder.parent / "home"), "PIP_QUIET": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert told.returncode == 0, f"{command}\n{told.stdout}\n{told.stderr}"
    return command, told.stdout
