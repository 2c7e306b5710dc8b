"""`tradewind providers new`: writes a provider that works, is tested, and can be published as it is.

The files lie in `template`, as they will be but for four words that stand for the provider's name, and the suffix
`.tmpl` that keeps tools from taking them for ours.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import importlib.resources
import keyword
import re
from collections.abc import Iterator
from importlib.resources.abc import Traversable
from pathlib import Path

from tradewind import plugins
from tradewind.errors import UsageError

#: Names that would be taken for something of tradewind itself.
_TAKEN = frozenset({"core", "testing", "tradewind"})


def module_name(name: str) -> str:
    """`My-API` -> `my_api`: how the provider is called in code. Raises UsageError for what cannot be a name."""
    found = re.sub(r"[-_. ]+", "_", name.strip().lower()).strip("_").removeprefix("tradewind_")
    if not re.fullmatch(r"[a-z0-9_]+", found):
        raise UsageError(
            f"A provider cannot be called {name!r}: a name consists of letters a to z, digits, '-' and '_'."
        )
    if found[0].isdigit():
        raise UsageError(f"A provider cannot be called {name!r}: a name begins with a letter, as in 'api-{found}'.")
    if keyword.iskeyword(found) or keyword.issoftkeyword(found):
        raise UsageError(f"A provider cannot be called {name!r}: that is a word of Python; try {found + '_api'!r}.")
    installed = plugins.current()
    declared = installed.connection_type(found)
    if declared is not None:
        raise UsageError(
            f"A provider cannot be called {name!r}: the connection type {declared.name!r} is there already."
        )
    taken = {one.name for one in installed.plugins} | {one.name for one in installed.failures}
    if found in _TAKEN | taken:
        raise UsageError(f"A provider cannot be called {name!r}: there is one of that name. Choose another.")
    return found


def write_provider(name: str, folder: Path) -> Path:
    """Write the provider into a new folder `tradewind-<name>` of `folder`, and answer it. Raises UsageError."""
    words = _words(module_name(name))
    target = folder / words["tradewind-scaffold-name"]
    if target.exists():
        raise UsageError(f"{target} is there already; choose another name, or another --path.")
    try:
        for path, text in _files():
            file = target / _filled(path, words)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(_filled(text, words), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"The provider cannot be written to {target}: {error.strerror}.") from error
    return target


def _words(module: str) -> dict[str, str]:
    """What stands in the template -> what it becomes. Longer ones are replaced first."""
    parts = module.split("_")
    dashed = "-".join(parts)
    version = importlib.metadata.version("tradewind").split(".")
    return {
        "tradewind-scaffold-name": f"tradewind-{dashed}",
        "scaffold_name": module,
        "SCAFFOLD_NAME": module.upper(),
        "scaffold-name": dashed,
        "ScaffoldName": "".join(part.capitalize() for part in parts),
        "Scaffold Name": " ".join(parts).capitalize(),
        "0.0.scaffold": ".".join(version[:2]),
        "scaffold-year": str(datetime.datetime.now(datetime.UTC).year),
        "scaffold-day": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }


def _files() -> Iterator[tuple[str, str]]:
    """Path and text of every file of the template."""
    waiting: list[tuple[str, Traversable]] = [("", importlib.resources.files(__name__) / "template")]
    while waiting:
        path, found = waiting.pop()
        if found.is_dir():
            waiting += [(f"{path}/{child.name}" if path else child.name, child) for child in found.iterdir()]
        elif path.endswith(".tmpl"):
            yield path.removesuffix(".tmpl").replace("dot_", "."), found.read_text(encoding="utf-8")


def _filled(text: str, words: dict[str, str]) -> str:
    for word, becomes in words.items():
        text = text.replace(word, becomes)
    return text
