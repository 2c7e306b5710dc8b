"""docs/howto/remote-logs.md and large-xcoms.md say what is so: their console blocks are run. `...` is whatever is there.

Blocks that only name a store on S3 are used by the tests of the provider `aws`.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "howto"


@pytest.mark.parametrize("name", ["remote-logs", "large-xcoms"])
def test_the_page_prints_what_it_shows(name, tmp_path):
    page = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    file, code = re.search(r"`(\w+\.py)`:\n\n```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE).groups()
    blocks = re.findall(r"^```console\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    (block,) = [block for block in blocks if "s3://" not in block]
    assert len(blocks) == 2
    (tmp_path / file).write_text(code)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TRADEWIND_", "AIRFLOW_"))}
    kept |= {"HOME": str(tmp_path), "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}", "COLUMNS": "500"}
    script = "set -e\n" + "".join(f"{line[2:]}\n" for line in block.splitlines() if line.startswith("$ "))
    shown = " ".join(" ".join(line for line in block.splitlines() if not line.startswith("$ ")).split())
    done = subprocess.run(["bash", "-c", script], env=kept, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    said = " ".join(done.stdout.split())
    assert re.fullmatch(".*".join(map(re.escape, shown.split("..."))), said), said + done.stderr
