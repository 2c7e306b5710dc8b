"""Every kind of fault that a provider can have: it is left out, its author is told what to do, and all else goes on."""

import importlib.metadata
import subprocess
import sys
import textwrap

import pytest

from tradewind import plugins
from tradewind.cli import main
from tradewind.connection import Connection
from tradewind.errors import PluginError

HEAD = """
from tradewind.hookspecs import hookimpl
from tradewind.records import ConnectionType, Extra
"""

GOOD = """
@hookimpl
def register_connection_types(register):
    register(ConnectionType("good", label="Good"))
"""


def types(*arguments):
    return f"@hookimpl\ndef register_connection_types(register): register({', '.join(arguments)})"


def executors(*arguments):
    return f"@hookimpl\ndef register_executors(register): register({', '.join(arguments)})"


FAULTS = {
    "missing library": (
        "import no_such_library",
        "needs what is not installed",
        "import it in the function that uses it",
    ),
    "error in the module": ("1 / 0", "'bad' cannot be loaded (ZeroDivisionError", "providers show"),
    "syntax error": ("def :", "SyntaxError"),
    "ends the process": ("import sys; sys.exit('no licence')", "SystemExit: no licence", "take that out"),
    "misspelt hook": (
        "@hookimpl\ndef register_conection_types(register): ...",
        "did you mean 'register_connection_types'",
    ),
    "unknown hook": ("@hookimpl\ndef moonrise(register): ...", "which is not a hook", "register_executors"),
    "more arguments than the hook has": (
        "@hookimpl\ndef register_executors(register, moon): ...",
        "moon",
        "write def register_executors(register):",
    ),
    "another argument than the hook has": (
        "@hookimpl\ndef register_executors(): ...",
        "takes no argument 'register'",
        "write def register_executors(register):",
    ),
    "not marked": ("def register_executors(register): ...", "without @hookimpl", "mark it"),
    "a type that is taken": (types("ConnectionType('mine', aliases=('fs',))"), "'fs', which core has already"),
    "a type twice": (
        "@hookimpl\ndef register_connection_types(register):\n    for _ in 'ab': register(ConnectionType('mine'))",
        "'mine', which it itself has already",
    ),
    "a name twice": (
        "@hookimpl\ndef register_executors(register):\n    for _ in 'ab': register('mine', 'mine:One')",
        "'mine', which it itself has already",
    ),
    "a name that is taken": (executors("'local'", "'mine:One'"), "'local', which core has already"),
    "text in place of a type": (types("'mine'"), "must be a ConnectionType"),
    "a type and more": (
        types("'mine'", "'mine:Hook'"),
        "calls register with the wrong arguments",
        "ConnectionType(...)",
    ),
    "a type with a bad name": (types("ConnectionType('my type')"), "letters, digits"),
    "aliases that are text": (types("ConnectionType('mine', aliases='my')"), "aliases=(one,)"),
    "a hook without a colon": (types("ConnectionType('mine', hook='mine.Hook')"), "'package.module:Name'"),
    "a hook that is a class": (types("ConnectionType('mine', hook=dict)"), "'package.module:Name'"),
    "an extra that is text": (types("ConnectionType('mine', extras=('key',))"), "must be an Extra"),
    "an extra of a strange type": (types("ConnectionType('mine', extras=(Extra('key', set),))"), "the types are str"),
    "a class in place of a path": (executors("'mine'", "dict"), "'package.module:Name'"),
    "a name alone": (executors("'mine'"), "calls register with the wrong arguments", "'package.module:Name'"),
    "a name that is none": (executors("3", "'mine:One'"), "is no name"),
}


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a module and get an entry point for it."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write_module(name, code, value=None):
        (tmp_path / f"{name}.py").write_text(HEAD + textwrap.dedent(code))
        return importlib.metadata.EntryPoint(name, value or name, "tradewind")

    yield write_module
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(path.stem, None)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_kept_apart_and_its_author_is_told_what_to_do(write, fault):
    code, *told = FAULTS[fault]
    points = [write("bad", code), write("good", GOOD)]
    with pytest.warns(plugins.PluginWarning, match="The plugin 'bad' of bad is left out") as warned:
        found = plugins.load(points)
    assert len(warned) == 1
    (failure,) = found.failures
    for text in told:
        assert text in failure.error
    assert "\n" not in failure.error
    assert [one.name for one in found.plugins] == ["core", "good"]
    assert found.connection_type("good").label == "Good"
    assert found.connection_type("mine") is None
    assert "mine" not in found.named["register_executors"]
    assert not found.manager.has_plugin("bad")


@pytest.mark.parametrize("attribute", ["bad:Provider", "bad:provider", "bad:register"])
def test_an_entry_point_must_name_a_module(write, attribute):
    point = write("bad", "class Provider: ...\nprovider = Provider()\ndef register(): ...", attribute)
    with pytest.warns(plugins.PluginWarning):
        (failure,) = plugins.load([point]).failures
    assert "must name a module: write 'bad'" in failure.error


def test_two_entry_points_of_one_name(write):
    points = [write("good", GOOD), importlib.metadata.EntryPoint("good", "json", "tradewind")]
    with pytest.warns(plugins.PluginWarning):
        found = plugins.load(points)
    assert "another package has an entry point of the name 'good' already" in found.failures[0].error
    assert found.connection_type("good") is not None


def test_a_slow_one_is_used_and_named(write, monkeypatch):
    monkeypatch.setattr(plugins, "SLOW", 0.2)
    points = [write("slow", "import time; time.sleep(0.25)" + GOOD)]
    with pytest.warns(plugins.PluginWarning, match=r"The plugin 'slow' of slow took \d+\.\d s to load; import what"):
        found = plugins.load(points)
    assert found.failures == []
    assert found.connection_type("good") is not None
    assert [one.name for one in found.plugins if one.is_slow] == ["slow"]


def test_the_limit_for_slow_ones_is_a_second():
    assert plugins.SLOW == 1.0


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("", "has no attribute 'Hook'"),
        ("import no_such_library\nclass Hook: ...", "No module named 'no_such_library'"),
        ("Hook = 1 / 0", "ZeroDivisionError"),
    ],
)
def test_a_hook_that_is_not_there_is_told_when_it_is_used(write, monkeypatch, code, told):
    point = write("bad", types("ConnectionType('mine', hook='bad_hook:Hook')"))
    write("bad_hook", code)
    found = plugins.load([point])
    assert found.failures == []
    monkeypatch.setattr(plugins, "current", lambda: found)
    with pytest.raises(PluginError, match="The connection type 'mine' has no hook") as raised:
        Connection("c", "mine").get_hook()
    assert told in str(raised.value)
    assert "`tradewind providers check bad`" in str(raised.value)
    works, message = Connection("c", "mine").test_connection()
    assert not works
    assert told in message


def dist_info(folder, name, entry_points):
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nSummary: {name}\n")
    (info / "entry_points.txt").write_text(entry_points)


def test_every_command_works_beside_faulty_packages(tmp_path):
    """Installed for real, side by side: one whose import fails, one whose list of entry points is no such thing."""
    for name, code in (("failing", "raise RuntimeError('boom')"), ("working", HEAD + GOOD)):
        (tmp_path / f"{name}.py").write_text(code)
        dist_info(tmp_path, name, f"[tradewind]\n{name} = {name}\n")
    dist_info(tmp_path, "scrambled", "[tradewind]\nthis is no entry point\n")

    def tradewind(*words):
        environ = {"PYTHONPATH": str(tmp_path), "HOME": str(tmp_path), "TRADEWIND_HOME": str(tmp_path / "home")}
        command = [sys.executable, "-m", "tradewind", *words]
        return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)

    listed = tradewind("providers", "list")
    assert listed.returncode == 0, listed.stderr
    lines = {line.split()[0]: line for line in listed.stdout.splitlines()}
    assert "loaded" in lines["working"]
    assert "failed" in lines["failing"]
    assert "RuntimeError: boom" in lines["failing"]
    assert "entry_points.txt cannot be read" in lines["scrambled"]
    uri = tradewind("connections", "encode", "--help")
    assert uri.returncode == 0, uri.stderr


def test_providers_show_what_they_register_by_name(capsys):
    assert main(["providers", "show", "core"]) == 0
    shown = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines() if "  " in line)
    assert "register_executors" in shown["hooks"]
    assert shown["executors"] == "local"
