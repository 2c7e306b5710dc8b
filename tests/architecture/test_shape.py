"""The house rules that a machine can read."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = sorted(
    path
    for package in (ROOT / "core/tradewind", *ROOT.glob("providers/*/tradewind_*"))
    for path in package.rglob("*.py")
    if "versions" not in path.parts
)

LONGEST_FILE = 500
LONGEST_FUNCTION = 80
FORBIDDEN_NAMES = {"utils", "util", "helpers", "misc", "common", "manager", "base"}


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts[1 if parts[0] == "core" else 2 :]
    return ".".join(part for part in parts if part != "__init__")


@pytest.mark.parametrize("path", PRODUCT, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_fits_in_a_head(path):
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    assert source.count("\n") <= LONGEST_FILE
    assert path.stem not in FORBIDDEN_NAMES
    assert ast.get_docstring(tree), "a module says what it is for"
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert (node.end_lineno or 0) - node.lineno < LONGEST_FUNCTION, node.name


#: Each module is imported in a fork of its own. What is costly and not ours is there before the fork.
ALONE = """
import importlib, os, sys, traceback
import importlib.metadata, sqlalchemy
for name in sys.argv[1:]:
    child = os.fork()
    if child == 0:
        assert not [found for found in sys.modules if found.startswith("tradewind")]
        try:
            importlib.import_module(name)
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        print(name, file=sys.stderr)
"""


def test_every_module_imports_alone_and_without_a_warning():
    """Migrations' environment is run by Alembic and never imported."""
    names = [module_name(path) for path in PRODUCT if path.stem not in ("__main__", "env")]
    done = subprocess.run([sys.executable, "-W", "error", "-c", ALONE, *names], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_nothing_is_left_unfinished():
    for path in PRODUCT:
        text = path.read_text(encoding="utf-8")
        for word in ("TODO", "FIXME", "XXX", "pragma: no cover"):
            assert word not in text, f"{word} in {path}"


def test_no_file_names_a_machine_or_a_registry():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.fail("these tests run in a checkout")
    home = str(Path.home())
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.suffix in (".py", ".md", ".toml", ".txt", "") and path.is_file() and name != "LICENSE":
            text = path.read_text(encoding="utf-8")
            assert str(ROOT) + "/" not in text, name
            assert home == "/" or f"{home}/." not in text, name
