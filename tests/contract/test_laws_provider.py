"""Each law of a provider fails on a provider that breaks it, and says what to do."""

from __future__ import annotations

import warnings

import pytest

from tradewind.testing import LawBroken, ProviderContract
from tradewind.testing.laws import try_laws


class Broken(ProviderContract):
    __test__ = False
    name = "broken"


def types(*declared):
    calls = "; ".join(f"register({one})" for one in declared)
    return f"@hookimpl\ndef register_connection_types(register): {calls}\n"


def named(hook, name, path):
    return f"@hookimpl\ndef {hook}(register): register({name!r}, {path!r})\n"


def hook(body="", declared="hook='broken:Hook'"):
    """A provider whose hook is a good one, but for `body`."""
    return (
        types(f"ConnectionType('mine', label='Mine', {declared})")
        + """
from tradewind import BaseHook
class Hook(BaseHook):
    conn_name_attr = "mine_id"
    conn_type = hook_name = "mine"
    def __init__(self, mine_id="mine_default"):
        self.mine_id = mine_id
"""
        + "".join(f"    {line}\n" for line in body.splitlines())
    )


EXTRA = "ConnectionType('mine', label='Mine', extras=({},))"

#: law, what breaks it, what its author is told
CASES = [
    ("it_loads", "1 / 0", "ZeroDivisionError"),
    ("connection_types_have_their_hooks", hook(declared="hook='broken:Gone'"), "Correct the dotted path"),
    ("connection_types_have_their_hooks", hook(declared="hook='gone:Hook'"), "No module named 'gone'"),
    ("connection_types_have_their_hooks", hook(declared="hook='builtins:dict'"), "derive it from BaseHook"),
    ("connection_types_have_their_hooks", hook("conn_type = 'yours'"), "write conn_type = 'mine'"),
    ("connection_types_have_their_hooks", hook("conn_name_attr = 'your_id'"), "takes no argument 'your_id'"),
    ("connection_types_have_their_hooks", hook("def __init__(self, mine_id=''): ..."), "keep the id as self.mine_id"),
    ("connection_types_have_their_hooks", hook("hook_name = ''"), "has no hook_name"),
    ("connection_types_are_described", types("ConnectionType('mine')"), "has no label"),
    ("connection_types_are_described", types(EXTRA.format("Extra('a')")), "the extra 'a' has no help"),
    ("connection_types_are_described", types(EXTRA.format("Extra('a', str, 'b\\nc')")), "make it one"),
    (
        "connection_types_are_described",
        types(EXTRA.format("Extra('a', str, 'b'), Extra('a', int, 'c')")),
        "declares the extra a twice",
    ),
    (
        "connection_types_are_described",
        types(EXTRA.format("Extra('a', bool, 'b', choices=('on', 'off'))")),
        "make its type str or int",
    ),
    (
        "connection_types_are_described",
        types("ConnectionType('mine', label='Mine', sqlalchemy_url='broken:gone')"),
        "sqlalchemy_url of 'mine'",
    ),
    ("registered_names_are_there", named("register_executors", "mine", "broken:Gone"), "Correct the dotted path"),
    ("registered_names_are_there", named("register_executors", "mine", "builtins:dict"), "which is no Executor"),
    ("registered_names_are_there", named("register_secrets_backends", "mine", "builtins:dict"), "no SecretsSource"),
    ("registered_names_are_there", named("register_log_stores", "mine", "builtins:dict"), "which is no LogStore"),
    ("registered_names_are_there", named("register_xcom_stores", "mine", "builtins:dict"), "which is no XComStore"),
    ("registered_names_are_there", named("register_task_decorators", "mine", "builtins:dict"), "no BaseOperator"),
    ("registered_names_are_there", named("register_sandboxes", "mine", "builtins:dict"), "which is no Sandbox"),
    (
        "registered_names_are_there",
        named("register_sandboxes", "mine", "broken:Other")
        + "from tradewind.sandbox import Sandbox\nclass Other(Sandbox): conn_type = 'other'\n",
        "whose conn_type is 'other'",
    ),
    (
        "registered_names_are_there",
        named("register_sandboxes", "mine", "broken:Mine")
        + "from tradewind.sandbox import Sandbox\nclass Mine(Sandbox): conn_type = 'mine'\n",
        "there is no connection type 'mine'; register it",
    ),
    (
        "connections_survive_their_forms",
        types("ConnectionType('postgresql', label='Mine')"),
        "are taken for 'postgres'; choose another name",
    ),
    ("extras_are_typed", types(EXTRA.format("Extra('a', int, 'b', choices=('01',))")), "must be one of 01"),
    ("secrets_are_masked", types(EXTRA.format("Extra('api_token', str, 'b')")), "declare it with secret=True"),
    ("its_import_does_nothing", "print('hello')", "prints 'hello'"),
    ("its_import_does_nothing", "import warnings; warnings.warn('old')", "UserWarning: old"),
    (
        "its_import_does_nothing",
        "import threading; threading.Thread(target=threading.Event().wait, daemon=True, name='mine').start()",
        "starts threads (mine)",
    ),
    (
        "its_import_does_nothing",
        "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.close()",
        "uses the network",
    ),
    (
        "its_import_does_nothing",
        "import pathlib; (pathlib.Path.home() / 'mine.conf').write_text('x')",
        "writes mine.conf",
    ),
    ("its_import_loads_no_vendor_library", "import vendor", "vendor by importing its plugin module"),
    (
        "its_import_loads_no_vendor_library",
        hook("import vendor", declared="hook='broken:Hook'").replace("class Hook", "def f(): ...\nclass Hook"),
        "vendor by importing",
    ),
    (
        "its_import_is_cheap",
        "import time; time.sleep(0.5)",
        "ms for BaseHook and BaseOperator; register dotted strings",
    ),
    (
        "hooks_are_made_without_a_connection",
        hook("def __init__(self, mine_id=''):\n    self.mine_id = mine_id\n    self.get_connection(mine_id)"),
        "look the connection up when it is used",
    ),
    (
        "hooks_are_made_without_a_connection",
        hook(
            "def __init__(self, mine_id=''):\n    self.mine_id = mine_id\n    import socket\n"
            "    with socket.socket() as s: s.bind(('127.0.0.1', 0))"
        ),
        "it used the network (socket.bind)",
    ),
]


@pytest.mark.parametrize(("law", "code", "told"), CASES, ids=[f"{law}-{told[:25]}" for law, _, told in CASES])
def test_a_law_is_broken(site, monkeypatch, law, code, told):
    monkeypatch.setenv("TRADEWIND_PLUGINS", "broken")
    site.install(code, requires=("tradewind", "vendor[all]>=1"))
    site.write("vendor", "")
    site.distribution("vendor", group="")
    with pytest.raises(LawBroken) as raised:
        getattr(Broken(), f"test_{law}")()
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("law", "metadata", "told"),
    [
        ("it_is_found_by_its_entry_point", {"group": "twadewind"}, 'write [project.entry-points.tradewind] broken = "'),
        ("its_package_says_what_it_is", {"summary": ""}, "add description"),
        ("its_package_says_what_it_is", {"requires": ("tradewinds", "vendor")}, 'add "tradewind>=0.1" to dependencies'),
    ],
)
def test_a_law_about_the_package_is_broken(site, law, metadata, told):
    site.install("", **metadata)
    with pytest.raises(LawBroken) as raised:
        getattr(Broken(), f"test_{law}")()
    assert told in str(raised.value)


def test_two_packages_with_one_name(site):
    site.install("")
    site.distribution("another", module="broken")
    with pytest.raises(LawBroken, match="another, broken have an entry point of that name; rename or uninstall one"):
        Broken().test_it_is_found_by_its_entry_point()


def test_one_that_the_environment_leaves_out(site, monkeypatch):
    site.install("")
    monkeypatch.setenv("TRADEWIND_PLUGINS", "sql")
    with pytest.raises(LawBroken, match="TRADEWIND_PLUGINS does not name 'broken'"):
        Broken().test_it_loads()


def test_what_tradewind_itself_loads_and_what_others_load_is_not_its_fault(site):
    site.write("vendor", "")
    site.distribution("vendor", group="")
    site.install("import vendor", name="neighbour")
    site.install("import msgspec, pluggy", requires=("tradewind", "msgspec", "pluggy", "vendor"))
    Broken().test_its_import_loads_no_vendor_library()
    site.install("import click", name="clicking", requires=("tradewind", "click"))
    clicking = type("Clicking", (ProviderContract,), {"name": "clicking"})()
    with pytest.raises(LawBroken, match="click by importing its plugin module"):
        clicking.test_its_import_loads_no_vendor_library()


def test_every_law_is_broken_here():
    broken = {f"test_{law}" for law, _, _ in CASES}
    assert set(ProviderContract.laws()) - broken == {
        "test_it_is_found_by_its_entry_point",
        "test_its_package_says_what_it_is",
    }


def test_a_good_provider_keeps_them_all(site):
    site.install(hook(), summary="Good")
    assert [verdict for verdict in try_laws(Broken) if not verdict.kept] == []


def test_laws_of_a_provider_that_is_left_out_are_not_kept_for_want_of_anything_to_try(site):
    site.install("1 / 0")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kept = [verdict.law for verdict in try_laws(Broken) if verdict.kept]
    assert kept == [
        "One installed package has an entry point of its name in the group `tradewind`",
        "Its package has a summary, and requires tradewind",
    ]
