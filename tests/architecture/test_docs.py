"""The documentation says what is so: generated pages are current, links lead somewhere, code blocks run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for path in [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("core/*.md"),
        *ROOT.glob("providers/*/*.md"),
    ]
    if path.is_file()
)
names = [str(path.relative_to(ROOT)) for path in PAGES]

_BLOCK = re.compile(r"(?P<before>[^\n]*)\n\n?```python\n(?P<code>.*?)^```", re.DOTALL | re.MULTILINE)
_NOT_RUN = re.compile(r"<!-- not run: \S.* -->")
_TOGETHER = re.compile(r"<!-- blocks run together by (\S+) -->")
_LINK = re.compile(r"(?<!\!)\[[^\]]+\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)
_FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def blocks() -> list[tuple[str, str]]:
    """Every Python block that is not marked as not to be run, with its place; none of a page that is run as a whole."""
    found = []
    for path, name in zip(PAGES, names):
        text = path.read_text(encoding="utf-8")
        together = _TOGETHER.search(text)
        if together is not None:
            assert path.name in (ROOT / together[1]).read_text(encoding="utf-8"), name
            continue
        for block in _BLOCK.finditer(text):
            if not _NOT_RUN.fullmatch(block["before"].strip()):
                line = text.count("\n", 0, block.start("code")) + 1
                found.append((f"{name}:{line}", block["code"]))
    return found


BLOCKS = blocks()


def anchors(path: Path) -> set[str]:
    """The names that headings of a page can be linked by."""
    text = _FENCED.sub("", path.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in _HEADING.findall(text)}


def test_generated_pages_are_current():
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_there_is_something_to_check():
    assert {"README.md", "docs/quickstart.md", "docs/howto/connections.md"} <= set(names)
    assert any(place.startswith("README.md:") for place, _ in BLOCKS)


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_links_lead_somewhere(page):
    for target in _LINK.findall(_FENCED.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        path = (page.parent / file).resolve() if file else page
        assert path.exists(), f"{page}: {target}"
        if anchor:
            assert anchor in anchors(path), f"{page}: {target}"


@pytest.mark.parametrize(("place", "code"), BLOCKS, ids=[place for place, _ in BLOCKS])
def test_a_code_block_runs(place, code, tmp_path):
    """Each in a process of its own, in an empty folder, with the connection `warehouse` to an empty database."""
    (tmp_path / "block.py").write_text(code, encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TRADEWIND_", "AIRFLOW_"))}
    done = subprocess.run(
        [sys.executable, "-W", "error", "block.py"],
        cwd=tmp_path,
        env={**kept, "HOME": str(tmp_path), "AIRFLOW_CONN_WAREHOUSE": f"sqlite:///{tmp_path}/warehouse.db"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, f"{place}\n{done.stderr}"


def test_the_first_screen_of_the_readme_has_the_two_commands_and_a_short_example():
    first = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:40]
    assert any(line.strip().startswith("make demo") for line in first)
    assert any(line.strip().startswith("make test") for line in first)
    code = _BLOCK.search("\n".join(first) + "\n")
    assert code is not None
    assert len([line for line in code["code"].splitlines() if line.strip()]) <= 12


def test_every_setting_command_and_hook_that_the_prose_names_exists():
    """`tradewind x y` in the pages written by hand, compared with the command line."""
    import click

    from tradewind.cli.app import COMMANDS, root

    context = click.Context(root)
    for path, name in zip(PAGES, names):
        for words in re.findall(r"(?<![\w/.])tradewind ((?:[a-z-]+ ?){1,2})", path.read_text(encoding="utf-8")):
            first, _, second = words.strip().partition(" ")
            if first not in COMMANDS:
                continue
            group = root.get_command(context, first)
            if isinstance(group, click.Group) and second:
                assert group.get_command(context, second) is not None, f"{name}: tradewind {words}"


def test_the_glossary_is_in_alphabetical_order():
    words = re.findall(r"^\*\*([^.]+)\.\*\*", (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(words) > 20
    assert words == sorted(words, key=str.lower)
