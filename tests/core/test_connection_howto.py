"""docs/howto/connections.md says what is so: its console blocks are run, its tables of traps are tried."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tradewind.connection import Connection
from tradewind.errors import BrokenConnection

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "connections.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```console\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
TRAPS = re.findall(r"^\| `([^|]*)` \| …(.*?) \|$", PAGE, re.MULTILINE)


def words(text):
    return text.split()


@pytest.mark.parametrize("block", BLOCKS, ids=[block.splitlines()[-2][:40] for block in BLOCKS])
def test_a_console_block_prints_what_it_shows(block, tmp_path):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TRADEWIND_", "AIRFLOW_"))}
    kept |= {"HOME": str(tmp_path), "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}", "COLUMNS": "500"}
    script = "".join(f"{line[2:]}\n" for line in block.splitlines() if line.startswith("$ "))
    shown = "\n".join(line for line in block.splitlines() if not line.startswith("$ "))
    done = subprocess.run(
        ["bash", "-c", script],
        env=kept,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    assert words(done.stdout) == words(shown)


def test_there_are_blocks_and_traps():
    assert len(BLOCKS) > 5
    assert len(TRAPS) > 12


@pytest.mark.parametrize(("value", "error"), TRAPS, ids=[value for value, _ in TRAPS])
def test_a_trap_says_what_the_table_says(value, error):
    with pytest.raises(BrokenConnection) as caught:
        Connection.from_value(value, "x", where="AIRFLOW_CONN_X")
    told = str(caught.value).partition(" Write it as: ")[0].partition(" The form is: ")[0]
    assert told.replace(" is broken:", " is broken :") == "The connection 'x' in AIRFLOW_CONN_X is broken" + error
