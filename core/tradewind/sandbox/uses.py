"""Which connections a DAG file uses: read off its text, and off the DAGs that it makes.

The text is parsed, not run. It shows hooks that are made in functions, which no DAG knows; the DAGs show what the text
does not say, such as ids that are computed and defaults of operators.
"""

from __future__ import annotations

import ast
import inspect
import os
import re
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from tradewind import settings
from tradewind.connection.stand_ins import VARIABLE
from tradewind.errors import DagError
from tradewind.parser import load_dags, read_source
from tradewind.zygote import Zygote, receive, send

#: Ends of names of what holds the id of a connection.
_ID = "conn_id"

#: Functions and methods whose first argument is the id of a connection.
_LOOKUPS = frozenset({"get_connection", "aget_connection", "get_hook", "aget_hook"})

_TEMPLATE = re.compile(r"\{[{%][^}]*?\bconn(?:\.get\(\s*['\"]([^'\"]+)['\"]|\.(\w+)|\[['\"]([^'\"]+)['\"]\])")

#: Beyond the time that a DAG file has to be loaded, its process may take this long, in seconds.
_SLACK = 20.0


class Use(msgspec.Struct, frozen=True):
    """One place where a connection is used, and what it says about the type of the connection."""

    conn_id: str
    where: str  #: for messages: "etl.py, line 12", "task 'load'"
    hook: str = ""  #: name of the hook's class
    field: str = ""  #: name of the keyword or attribute: "postgres_conn_id"
    default: str = ""  #: id that the field has by default: "postgres_default"
    conn_type: str = ""  #: what the class that has the field says of itself


def uses_of(files: Iterable[str]) -> list[Use]:
    """What the text of each file and its DAGs, loaded in a process of their own, show. No connection is opened."""
    found = []
    with Zygote() as zygote:
        for path in files:
            with suppress(OSError, DagError, SyntaxError):  # it cannot be read: whoever loads it says so
                found += uses_in_text(read_source(path)[0], path)
                found += _loaded_uses(zygote, path)
    return found


def uses_in_text(text: str, path: str) -> list[Use]:
    """What can be read off the text of a DAG file; nothing if it is no Python."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):  # whoever loads the file says so
        return []
    aliases = {
        alias.asname: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }
    found: list[Use] = []
    for node in ast.walk(tree):
        found += _uses_of_node(node, f"{Path(path).name}, line {getattr(node, 'lineno', 0)}", aliases)
    return found


def _uses_of_node(node: ast.AST, where: str, aliases: Mapping[str, str]) -> Iterator[Use]:
    if isinstance(node, ast.Call):
        yield from _uses_of_call(node, where, aliases)
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values):
            field = _text(key)
            if field.endswith(_ID) and _is_id(_text(value)):
                yield Use(_text(value), where, field=field)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        for match in _TEMPLATE.finditer(node.value):
            yield Use(next(filter(None, match.groups())), where)


def _uses_of_call(call: ast.Call, where: str, aliases: Mapping[str, str]) -> Iterator[Use]:
    called = _name(call.func, aliases)
    receiver = _name(call.func.value, aliases) if isinstance(call.func, ast.Attribute) else ""
    hook = next((name for name in (called, receiver) if name.endswith("Hook")), "")
    for keyword in call.keywords:
        if keyword.arg and keyword.arg.endswith(_ID) and _is_id(_text(keyword.value)):
            yield Use(_text(keyword.value), where, hook, keyword.arg)
    looks_up = called in _LOOKUPS or (receiver == "Connection" and called in ("get", "async_get"))
    if call.args and (looks_up or called.endswith("Hook")) and _is_id(_text(call.args[0])):
        yield Use(_text(call.args[0]), where, hook)


def _name(node: ast.AST, aliases: Mapping[str, str]) -> str:
    """`PostgresHook` of `PostgresHook`, whatever it was imported as, and of `tradewind_postgres.PostgresHook`."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return aliases.get(node.id, node.id) if isinstance(node, ast.Name) else ""


def _text(node: ast.AST | None) -> str:
    """The text that a literal holds; empty for anything else."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and "{{" not in value and "{%" not in value


def uses_of_task(task: Any) -> list[Use]:
    """Ids in the fields of an operator, and of the objects with template fields (endpoints) that it holds."""
    found: list[Use] = []
    seen = set()
    waiting: list[Any] = [task]
    while waiting:
        owner = waiting.pop()
        if id(owner) in seen:
            continue
        seen.add(id(owner))
        for name, value in _fields(owner):
            if name.endswith(_ID) and _is_id(value):
                found.append(_use_of_field(owner, name, value, f"task {task.task_id!r}"))
            elif _may_hold_ids(value):
                waiting.append(value)
    return found


def _use_of_field(owner: Any, name: str, conn_id: str, where: str) -> Use:
    if isinstance(owner, Mapping):
        return Use(conn_id, where, field=name)
    kind = getattr(type(owner), "conn_type", "")
    default = _default_of(type(owner), name)
    return Use(conn_id, where, field=name, default=default, conn_type=kind if isinstance(kind, str) else "")


def _default_of(owner: type, name: str) -> str:
    """Default of a keyword of a class or, where it hands its keywords on, of the nearest base that has it."""
    makers = [vars(one)["__init__"] for one in owner.__mro__ if "__init__" in vars(one)]
    for maker in (*makers, owner):
        with suppress(TypeError, ValueError):  # it has no signature
            given = inspect.signature(maker).parameters.get(name)
            if given is not None:
                return given.default if isinstance(given.default, str) else ""
    return ""


def _fields(owner: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(owner, Mapping):
        return [(str(name), value) for name, value in owner.items()]
    if isinstance(owner, (list, tuple, set, frozenset)):
        return [("", value) for value in owner]
    names: Iterable[str] = getattr(type(owner), "__struct_fields__", ()) or getattr(owner, "__dict__", ())
    return [(name, getattr(owner, name, None)) for name in names]


def _may_hold_ids(value: Any) -> bool:
    if isinstance(value, (Mapping, list, tuple, set, frozenset)):
        return True
    return hasattr(type(value), "template_fields") and not hasattr(value, "task_id")


def _loaded_uses(zygote: Zygote, path: str) -> list[Use]:
    """What the DAGs of a file show; nothing if it cannot be loaded, which is for others to say."""
    with zygote.fork(f"{__name__}:answer", [path]) as child:
        child.sock.settimeout(settings.read().parse_timeout + _SLACK)
        try:
            return receive(child.sock, list[Use]) or []
        except (OSError, msgspec.DecodeError):  # it took too long, or died
            return []
        finally:
            child.kill()


def answer(sock: socket.socket, path: str) -> None:
    """In the process that loads the DAG file: send what its DAGs use. Whatever the file prints goes nowhere."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nothing, fd)
    os.environ.setdefault(VARIABLE, "")  # code outside of tasks must not reach anything real either
    found: Sequence[Use] = ()
    try:
        found = [use for dag in load_dags(path).values() for task in dag.tasks for use in uses_of_task(task)]
    finally:
        send(sock, found)
