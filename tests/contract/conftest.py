"""Providers that are put together for one test: installed as far as Python can tell, in a folder of their own."""

from __future__ import annotations

import sys
import textwrap

import pytest

from tradewind import plugins

HEAD = """
from tradewind.hookspecs import hookimpl
from tradewind.records import ConnectionType, Extra
"""


class Site:
    """A folder on the search path, of this process and of those that it starts."""

    def __init__(self, folder):
        self.folder = folder
        self.modules = set()

    def write(self, module, code):
        """A module, with what plugin modules import."""
        (self.folder / f"{module}.py").write_text(HEAD + textwrap.dedent(code))
        self.modules.add(module)

    def distribution(self, name, module=None, requires=("tradewind",), summary="A summary", group="tradewind"):
        """What pip would have written about a package."""
        info = self.folder / f"{name}-1.0.dist-info"
        info.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0"]
        lines += [f"Summary: {summary}"] if summary else []
        (info / "METADATA").write_text("\n".join([*lines, *(f"Requires-Dist: {need}" for need in requires)]) + "\n")
        (info / "RECORD").write_text(f"{module or name}.py,,\n")
        if group:
            (info / "entry_points.txt").write_text(f"[{group}]\n{module or name} = {module or name}\n")

    def install(self, code, name="broken", **metadata):
        """A provider of one module."""
        self.write(name, code)
        self.distribution(name, **metadata)
        plugins.current.cache_clear()


@pytest.fixture
def site(tmp_path_factory, monkeypatch):
    found = Site(tmp_path_factory.mktemp("site"))
    monkeypatch.syspath_prepend(str(found.folder))
    monkeypatch.setenv("PYTHONPATH", str(found.folder))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield found
    for module in found.modules:
        sys.modules.pop(module, None)
    plugins.current.cache_clear()
