"""What the distributions say of themselves fits together."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECTS = sorted(path.parent for path in (*ROOT.glob("core/pyproject.toml"), *ROOT.glob("providers/*/pyproject.toml")))


def project(folder):
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def pinned(name):
    """Versions of a constraints file."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(one.name): Version(next(iter(one.specifier)).version) for one in found}


def lower_bounds():
    """(distribution, least version) for everything that our distributions need from others, extras included."""
    found = set()
    for folder in PROJECTS:
        told = project(folder)
        for text in (
            *told["dependencies"],
            *(one for extra in told.get("optional-dependencies", {}).values() for one in extra),
        ):
            need = Requirement(text)
            least = [Version(one.version) for one in need.specifier if one.operator == ">="]
            if not need.name.startswith("tradewind") and not need.marker:
                found.add((canonicalize_name(need.name), *least))
    return found


def test_the_oldest_versions_allowed_are_those_tested():
    assert lower_bounds() == set(pinned("constraints-oldest.txt").items())


def test_what_we_develop_with_is_allowed():
    newest = pinned("constraints.txt")
    assert {name: least for name, least in lower_bounds() if newest[name] < least} == {}


@pytest.mark.parametrize("folder", PROJECTS, ids=lambda folder: folder.name)
def test_the_licence_is_a_file_of_its_own(folder):
    """A link would dangle in the source distribution, and the wheel that is built from it would have none."""
    licence = folder / "LICENSE"
    assert not licence.is_symlink()
    assert licence.read_bytes() == (ROOT / "LICENSE").read_bytes()
