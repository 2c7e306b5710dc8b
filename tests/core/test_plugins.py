"""Plugins: a faulty one is named and left out, and everything else goes on."""

import importlib.metadata
import subprocess
import sys
import textwrap

import pytest

from tradewind import plugins
from tradewind.errors import PluginError


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Write a module and get an entry point for it."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(name, code):
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(code))
        return importlib.metadata.EntryPoint(name, name, "tradewind")

    yield write
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(path.stem, None)


GOOD = """
    from tradewind.hookspecs import hookimpl
    from tradewind.records import ConnectionType, Extra

    @hookimpl
    def register_connection_types(register):
        register(ConnectionType("weather", hook="weather.hook:WeatherHook", aliases=("weather-api",)))

    @hookimpl
    def register_executors(register):
        register("moon", "moon.executor:MoonExecutor")
"""


def load(*points, **options):
    return plugins.load(points, **options)


def test_a_plugin_registers_by_name_and_alias(plugin):
    found = load(plugin("good_one", GOOD))
    assert found.connection_type("weather").hook == "weather.hook:WeatherHook"
    assert found.connection_type("Weather-API") is found.connection_type("weather_api")
    assert [one.name for one in found.plugins] == ["core", "good_one"]
    assert found.plugins[1].hooks == ("register_connection_types", "register_executors")


def test_the_core_registers_through_the_same_hooks():
    core = load().plugins[0]
    assert core.name == "core"
    assert "register_executors" in core.hooks
    assert load().named["register_executors"]["local"].startswith("tradewind.executor")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import no_such_library_at_all", "No module named 'no_such_library_at_all'"),
        ("raise RuntimeError('boom')", "RuntimeError: boom"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        (
            """
            from tradewind.hookspecs import hookimpl
            @hookimpl
            def register_conection_types(register): ...
            """,
            "did you mean 'register_connection_types'",
        ),
        (
            """
            from tradewind.hookspecs import hookimpl
            @hookimpl
            def register_executors(register, moon): ...
            """,
            "moon",
        ),
        (
            """
            from tradewind.hookspecs import hookimpl
            @hookimpl
            def register_executors(register): register("local", "mine:Local")
            """,
            "'local', which core has already",
        ),
        (
            """
            from tradewind.hookspecs import hookimpl
            @hookimpl
            def register_executors(register): register("mine", "no_colon")
            """,
            "not of the form",
        ),
        (
            """
            from tradewind.hookspecs import hookimpl
            from tradewind.records import ConnectionType
            @hookimpl
            def register_connection_types(register): register(ConnectionType("mine", aliases=("fs",)))
            """,
            "'fs', which core has already",
        ),
    ],
)
def test_a_faulty_plugin_is_left_out_whole_and_named(plugin, code, told):
    bad, good = plugin("a_bad_one", code), plugin("good_one", GOOD)
    with pytest.warns(plugins.PluginWarning, match="a_bad_one"):
        found = load(bad, good)
    (failure,) = found.failures
    assert failure.name == "a_bad_one"
    assert told in failure.error
    assert found.connection_type("weather") is not None
    assert found.connection_type("mine") is None
    assert [one.name for one in found.plugins] == ["core", "good_one"]


def test_what_a_failed_plugin_registered_before_its_error_is_taken_back(plugin):
    bad = plugin(
        "half",
        """
        from tradewind.hookspecs import hookimpl
        @hookimpl
        def register_executors(register):
            register("half", "half:Executor")
            raise ValueError("then it broke")
        """,
    )
    with pytest.warns(plugins.PluginWarning):
        found = load(bad)
    assert "half" not in found.named["register_executors"]
    assert not found.manager.has_plugin("half")


def test_strictness(plugin, monkeypatch):
    bad = plugin("bad_one", "raise RuntimeError('boom')")
    with pytest.raises(PluginError, match="bad_one"):
        load(bad, strict=True)
    monkeypatch.setenv("TRADEWIND_STRICT_PLUGINS", "1")
    with pytest.raises(PluginError, match="boom"):
        load(bad)


def test_restriction(plugin, monkeypatch):
    bad, good = plugin("bad_one", "raise RuntimeError('boom')"), plugin("good_one", GOOD)
    monkeypatch.setenv("TRADEWIND_PLUGINS", "good_one")
    assert [one.name for one in load(bad, good).plugins] == ["core", "good_one"]
    monkeypatch.setenv("TRADEWIND_PLUGINS", "")
    assert [one.name for one in load(bad, good).plugins] == ["core"]


def test_tracing(plugin):
    code = "from tradewind import plugins; plugins.load([]).manager.hook.register_executors(register=print)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"TRADEWIND_TRACE_PLUGINS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "register_executors" in done.stderr


def test_names_resolve_on_demand(plugin):
    found = load(plugin("good_one", GOOD))
    assert "moon" in found.named["register_executors"]
    with pytest.raises(PluginError, match=r"moon\.executor:MoonExecutor"):
        found.resolve("register_executors", "moon")
    with pytest.raises(PluginError, match="Known: local"):
        load().resolve("register_executors", "mars")
    assert load().resolve("register_executors", "collections:Counter").__name__ == "Counter"


def test_loading_plugins_is_done_once():
    assert plugins.current() is plugins.current()
