"""The Jinja side of templates: one environment per DAG and task, strict about names that are not there."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import jinja2
import jinja2.nativetypes
from jinja2.utils import object_type_repr

from tradewind.errors import TaskSignal, TemplateError
from tradewind.template import filters, moments
from tradewind.template.render import search_path


class _Missing(jinja2.UndefinedError):
    """A name or attribute that is not there, with what is known about it."""

    def __init__(self, undefined: jinja2.StrictUndefined, message: str | None) -> None:
        super().__init__(message)
        self.name = undefined._undefined_name
        self.owner = undefined._undefined_obj


class Strict(jinja2.StrictUndefined):
    """Any use of a missing name is an error that knows which name it was."""

    __slots__ = ()

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = jinja2.utils.missing,
        name: str | None = None,
        exc: Callable[..., Exception] = jinja2.UndefinedError,
    ) -> None:
        def make(message: str | None = None) -> Exception:
            return _Missing(self, message) if exc is jinja2.UndefinedError and name is not None else exc(message)

        super().__init__(hint, obj, name, make)  # type: ignore[arg-type]  # it is only ever called


class _Names(Mapping[str, Any]):
    """What a template sees: the context, then the DAG's own macros. Lazy values stay lazy."""

    def __init__(self, context: Mapping[str, Any], more: Mapping[str, Any]) -> None:
        self.context = context
        self.more = more

    def __getitem__(self, name: str) -> Any:
        try:
            return self.context[name]
        except KeyError:
            return self.more[name]

    def __contains__(self, name: object) -> bool:
        return name in self.context or name in self.more

    def __iter__(self) -> Iterator[str]:
        yield from dict.fromkeys([*self.context, *self.more])

    def __len__(self) -> int:
        return len(set(self.context) | set(self.more))


class _Loader(jinja2.BaseLoader):
    """Template files by absolute path, or relative to the search path (`..` allowed)."""

    def __init__(self, folders: tuple[Path, ...]) -> None:
        self.folders = folders

    def find(self, name: str) -> Path | None:
        candidates = [Path(name)] if Path(name).is_absolute() else [folder / name for folder in self.folders]
        try:
            return next((path for path in candidates if path.is_file()), None)
        except (OSError, ValueError):  # too long for a file name, or with a zero byte: a command, then
            return None

    def get_source(
        self, environment: jinja2.Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        path = self.find(template)
        if path is None:
            raise jinja2.TemplateNotFound(template)
        try:
            return path.read_text(encoding="utf-8-sig"), str(path), None
        except (OSError, UnicodeDecodeError) as error:
            raise TemplateError(f"the template file {path} cannot be read: {error}") from error


class _Attributes:
    """Adds to either environment: dates in templates have the methods that pendulum's have."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        found = super().getattr(obj, attribute)  # type: ignore[misc]  # an environment is mixed in
        return moments.attribute(obj, attribute, found) if isinstance(found, jinja2.Undefined) else found


class _TextEnvironment(_Attributes, jinja2.Environment):
    pass


class _NativeEnvironment(_Attributes, jinja2.nativetypes.NativeEnvironment):
    pass


class Engine:
    """Renders the templates of one DAG."""

    def __init__(self, dag: Any, *, native: bool) -> None:
        self.folders = search_path(dag)
        self.loader = _Loader(self.folders)
        options: dict[str, Any] = {
            "loader": self.loader,
            "undefined": getattr(dag, "template_undefined", None) or Strict,
            "extensions": ["jinja2.ext.do"],
            "cache_size": 0,
            **(getattr(dag, "jinja_environment_kwargs", None) or {}),
        }
        self.environment = (_NativeEnvironment if native else _TextEnvironment)(**options)
        self.environment.filters.update(filters.FILTERS)
        self.environment.filters.update(getattr(dag, "user_defined_filters", None) or {})
        self.environment.globals.update(getattr(dag, "user_defined_macros", None) or {})

    def find(self, name: str) -> Path | None:
        """The template file called `name`, if there is one."""
        return self.loader.find(name)

    def render_text(self, text: str, context: Mapping[str, Any], place: str) -> Any:
        return self._render(lambda: self.environment.from_string(text), context, place)

    def render_file(self, path: Path, context: Mapping[str, Any], place: str) -> Any:
        return self._render(
            lambda: self.environment.get_template(str(path.absolute())), context, f"{place}, file {path}"
        )

    def _render(self, load: Callable[[], jinja2.Template], context: Mapping[str, Any], place: str) -> Any:
        try:
            template = load()
            names = _Names(context, template.globals)
            scope = template.new_context(vars=names, shared=True)  # type: ignore[arg-type]  # any mapping will do
            result = self.environment.concat(template.root_render_func(scope))
            return str(result) if isinstance(result, jinja2.Undefined) else result
        except TaskSignal:
            raise  # a macro may skip or fail the task
        except Exception as error:
            self._explain(error, context, place)

    def _explain(self, error: Exception, context: Mapping[str, Any], place: str) -> NoReturn:
        """Raise a TemplateError that says where, what and what to do."""
        at = f"{place}{_line(error)}"
        if isinstance(error, _Missing):
            raise TemplateError(f"{at}: {self._missing(error, context)}") from None  # Jinja says nothing more
        if isinstance(error, jinja2.TemplateSyntaxError):
            raise TemplateError(f"{at}: it is not a valid template: {error.message}") from error
        if isinstance(error, jinja2.TemplateNotFound):
            folders = ", ".join(map(str, self.folders)) or "no folder: the DAG has no file and no template_searchpath"
            raise TemplateError(f"{at}: there is no template file {error.message!r} (looked in {folders}).") from error
        told = str(error) if isinstance(error, TemplateError) else f"it cannot be rendered: {_told(error)}"
        raise TemplateError(f"{at}: {told}") from error

    def _missing(self, error: _Missing, context: Mapping[str, Any]) -> str:
        name = str(error.name)
        if error.owner is jinja2.utils.missing:
            known = [str(key) for key in _Names(context, self.environment.globals)]
            return f"{name!r} is not defined{_near(name, known)}"
        owner = error.owner
        if isinstance(owner, Mapping):
            known = [str(key) for key in owner]
            return f"{name!r} is not in the dictionary{_near(name, known) if known else ', which is empty'}"
        known = [key for key in dir(owner) if not key.startswith("_")]
        return f"{object_type_repr(owner)} has no {name!r}{_near(name, known)}"


def _near(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=2)
    if close:
        return f"; did you mean {' or '.join(map(repr, close))}?"
    if len(known) <= 8:
        return f"; there is: {', '.join(sorted(known))}." if known else "."
    return f". Where it may be missing, write {{{{ {name} | default('') }}}}."


def _told(error: BaseException) -> str:
    text = str(error)
    return text if isinstance(error, TemplateError) or not text else f"{type(error).__name__}: {text}"


def _line(error: BaseException) -> str:
    """File and line of the template in which it went wrong, where that helps: ", line 3"."""
    if isinstance(error, jinja2.TemplateSyntaxError):
        return f", line {error.lineno}" if error.lineno > 1 else ""
    found, step = "", error.__traceback__
    while step is not None:
        template = step.tb_frame.f_globals.get("__jinja_template__")
        if template is not None:
            line = template.get_corresponding_lineno(step.tb_lineno)
            found = f", line {line}" if line > 1 else ""
        step = step.tb_next
    return found
