"""Loads a DAG file into the current process and finds the DAGs that it makes."""

from __future__ import annotations

import hashlib
import linecache
import re
import sys
import types
from importlib.machinery import ModuleSpec
from pathlib import Path

from tradewind import settings
from tradewind.dag import DAG
from tradewind.errors import DagError
from tradewind.operator import collect_dags
from tradewind.parser.folder import DagFolder
from tradewind.parser.source import absolute, read_source


class _Loader:
    """Stands for the way the module was loaded; whoever wants to show or copy its source gets what was run."""

    def __init__(self, source: str) -> None:
        self.source = source

    def get_source(self, name: str) -> str:
        return self.source


def load_dags(path: str | Path, source: str | None = None) -> dict[str, DAG]:
    """Run a DAG file in this process, and return its DAGs by their ids.

    With `source` this text is run in place of the file's content, under the file's name. What the file raises comes
    through unchanged. Raises DagError if two of its DAGs have the same id.
    """
    path = Path(absolute(path))
    text = read_source(path)[0] if source is None else source
    folder = Path(settings.read().dags_folder)
    _add_to_search_path(path.parent, folder)
    linecache.cache[str(path)] = (len(text), None, text.splitlines(keepends=True), str(path))
    module = _module(path, text)
    code = compile(text, str(path), "exec", dont_inherit=True)
    sys.modules[module.__name__] = module
    try:
        with collect_dags(module.__name__) as made:
            exec(code, module.__dict__)
    except BaseException:
        sys.modules.pop(module.__name__, None)
        raise
    named = [value for value in vars(module).values() if isinstance(value, DAG)]
    return _by_id([*made, *(dag for dag in named if _belongs(dag, path, folder))], path)


def module_name(path: Path) -> str:
    """Name of the module that a DAG file becomes: unlike that of any other file, and the same in every process."""
    place = hashlib.sha256(str(path).encode()).hexdigest()[:12]
    return f"tradewind_dag_{place}_{re.sub(r'[^0-9A-Za-z_]', '_', path.stem)}"


def _module(path: Path, source: str) -> types.ModuleType:
    name = module_name(path)
    module = types.ModuleType(name)
    loader = _Loader(source)
    spec = ModuleSpec(name, loader, origin=str(path))  # type: ignore[arg-type]
    spec.has_location = True
    module.__spec__ = spec
    module.__loader__ = loader  # type: ignore[assignment]
    module.__file__ = str(path)
    return module


def _add_to_search_path(*folders: Path) -> None:
    """At the end, so that a DAG file called `email.py` does not take the place of Python's own module."""
    for folder in folders:
        if str(folder) not in sys.path and folder.is_dir():
            sys.path.append(str(folder))


def _belongs(dag: DAG, path: Path, folder: Path) -> bool:
    """Whether a DAG among the file's names is this file's own.

    A DAG that was imported from another DAG file belongs to that one. One that comes from a library, which nobody
    reads as a DAG file, belongs to the file that imports it.
    """
    home = dag.fileloc
    return home == str(path) or not DagFolder(folder).holds(Path(home))


def _by_id(dags: list[DAG], path: Path) -> dict[str, DAG]:
    found: dict[str, DAG] = {}
    for dag in dags:
        known = found.setdefault(dag.dag_id, dag)
        if known is not dag:
            raise DagError(
                f"two DAGs of {path} have the id {dag.dag_id!r}, made on lines {known.line} and {dag.line}; rename one"
            )
    return found
