"""Walks through a value and renders every template in it. Knows nothing of Jinja: that is `template.engine`."""

from __future__ import annotations

import copy
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradewind.errors import TemplateError

if TYPE_CHECKING:
    from tradewind.template.engine import Engine

#: A text without any of these has no template in it.
MARKERS = ("{{", "{%", "{#")


class Resolvable:
    """Something in a template field that turns into its value when the field is rendered."""

    def resolve(self, context: Mapping[str, Any]) -> Any:
        """The value to put in its place."""
        raise TypeError(f"{type(self).__name__} does not say how it is resolved: define resolve(context)")


@dataclass(frozen=True)
class Literal(Resolvable):
    """A value that is passed on as it is, even if it looks like a template or the name of a template file."""

    value: Any

    def resolve(self, context: Mapping[str, Any]) -> Any:
        return self.value


def literal(value: Any) -> Literal:
    """Keep `value` from being rendered: `BashOperator(bash_command=literal("docker ps --format '{{ .Names }}'"))`."""
    return Literal(value)


def render(
    value: Any, context: Mapping[str, Any], *, task: Any = None, dag: Any = None, field: str = "", native: bool = False
) -> Any:
    """`value` with every template in it rendered.

    `task` and `dag` bring the search path, the user's macros and filters, and the names for messages; `native` makes
    templates give Python values instead of text. Raises TemplateError naming DAG, task, field and what is missing.
    """
    return Renderer(context, task=task, dag=dag, native=native).render(value, field)


def render_fields(owner: Any, context: Mapping[str, Any], *, renderer: Renderer | None = None) -> None:
    """Render the template fields of a task, in place: hand in a copy if the original will be needed again."""
    renderer = renderer or Renderer(context, task=owner)
    for name in field_names(owner):
        try:
            value = getattr(owner, name)
        except AttributeError:
            raise TemplateError(
                f"{renderer.place(name)}: {type(owner).__name__} lists {name!r} in template_fields and has no such "
                f"attribute. Set self.{name} in its __init__, or take it off the list."
            ) from None
        rendered = renderer.render(value, name)
        if rendered is not value:
            setattr(owner, name, rendered)


def field_names(owner: Any) -> tuple[str, ...]:
    """The template fields of an operator or nested object."""
    fields = owner.template_fields
    if isinstance(fields, str):
        raise TemplateError(
            f"{type(owner).__name__}.template_fields is the text {fields!r}; it must be a tuple: ({fields!r},)"
        )
    return tuple(fields)


class Renderer:
    """Renders values for one task in one context. Makes its Jinja environment when the first template comes along."""

    def __init__(
        self, context: Mapping[str, Any], *, task: Any = None, dag: Any = None, native: bool | None = None
    ) -> None:
        self.context = context
        self.task = task
        self.dag = dag if dag is not None else _dag_of(task)
        self.native = bool(native) or self._wants_native()
        self.extensions = _extensions(task)
        self._open: set[int] = set()  # ids of the containers being walked through: a circle is left as it is

    def render(self, value: Any, field: str = "") -> Any:
        """`value` with every template in it rendered; the same object if there is none."""
        if isinstance(value, str):
            return self._text(value, field)
        if isinstance(value, Resolvable):
            return value.resolve(self.context)
        if isinstance(value, (list, tuple, dict, set, frozenset)):
            walk = self._container
        elif hasattr(type(value), "template_fields") and not hasattr(value, "task_id"):
            walk = self._nested
        else:
            return value
        if id(value) in self._open:
            return value
        self._open.add(id(value))
        try:
            return walk(value, field)
        finally:
            self._open.discard(id(value))

    def place(self, field: str) -> str:
        """Where a template is, in words."""
        dag_id, task_id = getattr(self.dag, "dag_id", None), getattr(self.task, "task_id", None)
        parts = [
            f"field {field}" if field else "a template",
            f"of task {task_id}" if task_id else "",
            f"of DAG {dag_id}" if dag_id else "",
        ]
        return " ".join(part for part in parts if part)

    @cached_property
    def engine(self) -> Engine:
        from tradewind.template.engine import Engine  # Jinja is only needed from here on

        return Engine(self.dag, native=self.native)

    @cached_property
    def _markers(self) -> tuple[str, ...]:
        """Text without any of these needs no rendering; a DAG may choose other ones."""
        own = getattr(self.dag, "jinja_environment_kwargs", None) or {}
        if own.get("line_statement_prefix") or own.get("line_comment_prefix"):
            return ("",)
        names = ("variable_start_string", "block_start_string", "comment_start_string")
        return tuple(own.get(name, marker) for name, marker in zip(names, MARKERS))

    def _wants_native(self) -> bool:
        own = getattr(self.task, "render_template_as_native_obj", None)
        return bool(getattr(self.dag, "render_template_as_native_obj", False) if own is None else own)

    def _text(self, text: str, field: str) -> Any:
        has_template = any(marker in text for marker in self._markers)
        if not self.extensions or not text.endswith(self.extensions):
            return self.engine.render_text(text, self.context, self.place(field)) if has_template else text
        name = self.engine.render_text(text, self.context, self.place(field)) if has_template else text
        if not isinstance(name, str) or not name.endswith(self.extensions):
            return name
        path = self.engine.find(name)
        if path is not None:
            return self.engine.render_file(path, self.context, self.place(field))
        if len(name.split()) > 1:
            return name  # "bash /opt/run.sh" is a command, not the name of a file
        folders = ", ".join(map(str, self.engine.folders)) or "none: the DAG has no file and no template_searchpath"
        raise TemplateError(
            f"{self.place(field)}: it names the template file {name!r}, which is not there (looked in {folders}). "
            f"If it is not meant as a template file, write literal({name!r})."
        )

    def _container(self, value: Any, field: str) -> Any:
        kind = type(value)
        if isinstance(value, dict):
            pairs = {self._key(key): self.render(item, field) for key, item in value.items()}
            if kind is dict:
                return pairs
            same = pairs.keys() == value.keys() and all(pairs[key] is item for key, item in value.items())
            return value if same else _refilled(value, pairs)
        items = [self.render(item, field) for item in value]
        if kind is list:
            return items
        if all(new is old for new, old in zip(items, value)):
            return value
        if kind in (tuple, set, frozenset):
            return kind(items)
        if isinstance(value, tuple):
            return kind._make(items) if hasattr(kind, "_make") else tuple(items)
        if isinstance(value, list):
            clone = copy.copy(value)
            clone[:] = items
            return clone
        return set(items) if isinstance(value, set) else frozenset(items)

    def _key(self, key: Any) -> Any:
        """Keys of dictionaries are not rendered; only results of other tasks among them are put in."""
        return key.resolve(self.context) if isinstance(key, Resolvable) else key

    def _nested(self, value: Any, field: str) -> Any:
        """A small object with template fields of its own, for instance an endpoint of a transfer."""
        changed = {}
        for name in field_names(value):
            old = getattr(value, name, None)
            new = self.render(old, f"{field}.{name}" if field else name)
            if new is not old:
                changed[name] = new
        return _with_changes(value, changed) if changed else value


def _dag_of(task: Any) -> Any:
    """The DAG of a task, or None: one that belongs to no DAG says so by an error."""
    has_dag = getattr(task, "has_dag", None)
    return getattr(task, "dag", None) if has_dag is None or has_dag() else None


def _extensions(task: Any) -> tuple[str, ...]:
    found = getattr(task, "template_ext", None) or ()
    return (found,) if isinstance(found, str) else tuple(found)


def _refilled(value: MutableMapping[Any, Any], pairs: dict[Any, Any]) -> Any:
    clone = copy.copy(value)
    clone.clear()
    clone.update(pairs)
    return clone


def _with_changes(value: Any, changed: dict[str, Any]) -> Any:
    """A copy with some attributes changed; works for frozen dataclasses and structs too."""
    clone = copy.copy(value)
    if hasattr(type(value), "__struct_fields__"):
        import msgspec

        for name, new in changed.items():
            msgspec.structs.force_setattr(clone, name, new)
        return clone
    for name, new in changed.items():
        object.__setattr__(clone, name, new)
    return clone


def search_path(dag: Any) -> tuple[Path, ...]:
    """Folders of template files: the DAG file's own, then `template_searchpath` (relative ones start from it)."""
    file = getattr(dag, "fileloc", None)
    folder = getattr(dag, "folder", None) or (Path(file).parent if file else None)
    found = getattr(dag, "template_searchpath", None) or ()
    more = [found] if isinstance(found, (str, Path)) else list(found)
    start = Path(folder) if folder else Path()
    return tuple(dict.fromkeys([*([Path(folder)] if folder else []), *(start / path for path in more)]))
