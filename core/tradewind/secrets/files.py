"""Connections and variables from a file: `.env`, JSON, YAML or TOML.

The same readers serve the source `local_file` and the command `connections import`. They return raw text by id: a
mapping in a JSON, YAML or TOML file becomes JSON text again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tradewind import settings as settings_module
from tradewind.errors import SecretsError
from tradewind.secrets.environment import PREFIXES
from tradewind.secrets.source import SecretsSource

#: Read from the current folder when the settings name no file.
AUTOMATIC = ".env"

_ESCAPE = re.compile(r'\\([\\"nrt$])')
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}
_TEXT_FIELDS = ("host", "hostname", "login", "user", "username", "password", "schema", "database")


@dataclass(frozen=True)
class Entry:
    """One connection or variable of a file."""

    text: str
    place: str  #: "conf/connections.env, line 3"


class LocalFileSource(SecretsSource):
    """The files of the settings `connections_file` and `variables_file`; without them `.env` in the current folder.

    Of an automatic `.env` only lines that start with TRADEWIND_CONN_, AIRFLOW_CONN_, TRADEWIND_VAR_ or AIRFLOW_VAR_
    are looked at, since it belongs to other programs as well. A file that changes is read again.
    """

    name = "local_file"

    def __init__(
        self,
        connections_file: str | None = None,
        variables_file: str | None = None,
        *,
        connections_file_path: str | None = None,
        variables_file_path: str | None = None,
        configs_file_path: str | None = None,
    ) -> None:
        # The keywords that end in _path are those of Airflow's LocalFilesystemBackend.
        self._files = {
            "CONN_": connections_file or connections_file_path,
            "VAR_": variables_file or variables_file_path,
            "CONFIG_": configs_file_path,
        }
        self._read: dict[tuple[str, str], tuple[object, dict[str, Entry]]] = {}

    def get_conn_value(self, conn_id: str) -> str | None:
        return self._get("CONN_", conn_id)

    def get_variable(self, key: str) -> str | None:
        return self._get("VAR_", key)

    def get_config(self, key: str) -> str | None:
        return self._get("CONFIG_", key)

    def conn_ids(self) -> list[str]:
        return sorted(self._entries("CONN_"))

    def variable_keys(self) -> list[str]:
        return sorted(self._entries("VAR_"))

    def describe_conn(self, conn_id: str) -> str:
        return self._describe("CONN_", conn_id)

    def describe_variable(self, key: str) -> str:
        return self._describe("VAR_", key)

    def explain_missing_conn(self, conn_id: str) -> str:
        return self._explain("CONN_")

    def explain_missing_variable(self, key: str) -> str:
        return self._explain("VAR_")

    def _get(self, kind: str, name: str) -> str | None:
        entry = self._find(kind, name)
        return entry.text if entry is not None and entry.text.strip() else None

    def _describe(self, kind: str, name: str) -> str:
        entry = self._find(kind, name)
        return entry.place if entry else str(self._path(kind)[0])

    def _explain(self, kind: str) -> str:
        path, automatic = self._path(kind)
        if automatic and not path.is_file():
            return f"no file is set, and there is no {AUTOMATIC} in the current folder"
        return f"{path} has none of that name"

    def _find(self, kind: str, name: str) -> Entry | None:
        entries = self._entries(kind)
        if name in entries or not self._path(kind)[1]:
            return entries.get(name)
        plain = _shell_name(name)
        return next((entry for known, entry in entries.items() if _shell_name(known) == plain), None)

    def _path(self, kind: str) -> tuple[Path, bool]:
        """The file, and whether it is the automatic one."""
        named = self._files[kind]
        if not named and kind in ("CONN_", "VAR_"):
            settings = settings_module.read()
            named = settings.connections_file if kind == "CONN_" else settings.variables_file
        return (Path(named).expanduser(), False) if named else (Path(AUTOMATIC).absolute(), True)

    def _entries(self, kind: str) -> dict[str, Entry]:
        path, automatic = self._path(kind)
        try:
            status = path.stat()
        except OSError as error:
            if automatic:
                return {}
            setting = {"CONN_": "connections_file", "VAR_": "variables_file"}.get(kind, "configs_file_path")
            raise SecretsError(f"The setting {setting} names {path}, which cannot be read: {error.strerror}.") from None
        if automatic and not path.is_file():
            return {}
        version = (status.st_mtime_ns, status.st_size, status.st_ino)
        known = self._read.get((kind, str(path)))
        if known is None or known[0] != version:
            read = _read_automatic(path, kind) if automatic else read_entries(path, kind)
            self._read[kind, str(path)] = known = (version, read)
        return known[1]


def read_entries(path: str | Path, kind: str = "CONN_") -> dict[str, Entry]:
    """All connections (`CONN_`) or variables (`VAR_`) of a file, by the ending of its name.

    Raises SecretsError that names file and line, and never shows a value.
    """
    path = Path(path)
    reader = _READERS.get(path.suffix.lower() or path.name)
    if reader is None:
        raise SecretsError(f"{path}: the name of the file must end in .env, .json, .yaml, .yml or .toml.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SecretsError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise SecretsError(f"{path} is not UTF-8 text.") from None
    return reader(text, path, kind)


def parse_connections_file(path: str | Path) -> dict[str, str]:
    """Connections of a file, raw, by id. For `connections import`."""
    return {conn_id: entry.text for conn_id, entry in read_entries(path, "CONN_").items()}


def parse_variables_file(path: str | Path) -> dict[str, str]:
    """Variables of a file, by key. For `variables import`."""
    return {key: entry.text for key, entry in read_entries(path, "VAR_").items()}


def _shell_name(name: str) -> str:
    return re.sub(r"\W", "_", name).upper()


def _read_automatic(path: Path, kind: str) -> dict[str, Entry]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SecretsError(f"{path} cannot be read: {getattr(error, 'strerror', 'it is not UTF-8 text')}.") from None
    starts = tuple(prefix + kind for prefix in PREFIXES)
    kept = [
        line if line.strip().removeprefix("export ").strip().startswith(starts) else "" for line in text.split("\n")
    ]
    return _read_env("\n".join(kept), path, kind)


def _read_env(text: str, path: Path, kind: str) -> dict[str, Entry]:
    """Lines `NAME=value`: NAME is an id, or an id after one of the usual prefixes, of which TRADEWIND_ wins."""
    found: dict[str, tuple[int, Entry]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        name, separator, value = line.removeprefix("export ").partition("=")
        place = f"{path}, line {number}"
        if not separator or not name.strip():
            raise SecretsError(f"{place}: a line NAME=value is wanted.")
        rank, name = _rank(name.strip(), kind)
        known = found.get(name)
        if known and known[0] == rank:
            raise SecretsError(f"{place}: {name!r} is there already ({known[1].place}). Remove one of them.")
        if known is None or rank < known[0]:
            found[name] = (rank, Entry(_unquote_env(value.strip()), place))
    return {name: entry for name, (_, entry) in found.items()}


def _rank(name: str, kind: str) -> tuple[int, str]:
    for rank, prefix in enumerate(PREFIXES):
        if name.startswith(prefix + kind) and name != prefix + kind:
            return rank, name.removeprefix(prefix + kind).lower()
    return len(PREFIXES), name


def _unquote_env(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == "'":
        return value[1:-1]
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), value[1:-1])
    return value


def _read_json(text: str, path: Path, kind: str) -> dict[str, Entry]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise SecretsError(f"{path}: {', '.join(map(repr, twice))} is there more than once. Remove one of them.")
        return dict(pairs)

    try:
        data = json.loads(text, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise SecretsError(f"{path}, line {error.lineno}, column {error.colno}: not valid JSON: {error.msg}.") from None
    except RecursionError:
        raise SecretsError(f"{path}: not valid JSON: it is nested too deeply.") from None
    return _entries(data, path, kind)


def _read_toml(text: str, path: Path, kind: str) -> dict[str, Entry]:
    import tomllib

    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SecretsError(f"{path}: not valid TOML: {error}.") from None
    return _entries(data, path, kind)


def _read_yaml(text: str, path: Path, kind: str) -> dict[str, Entry]:
    try:
        import yaml
    except ImportError:
        raise SecretsError(f"{path}: YAML files need PyYAML: `pip install pyyaml`, or use .json or .toml.") from None
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}, line {mark.line + 1}, column {mark.column + 1}" if mark else str(path)
        raise SecretsError(f"{place}: not valid YAML.") from None
    entries = _entries({} if data is None else data, path, kind)
    for name, value in (data or {}).items() if kind == "CONN_" else ():
        numbers = [key for key in _TEXT_FIELDS if isinstance(value, Mapping) and _is_number(value.get(key))]
        if numbers:  # 0123 has become 83 by now, and nobody can tell
            raise SecretsError(f"{path}: {numbers[0]} of {name!r} is a number in YAML. Put it in quotes.")
    return entries


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float))


def _entries(data: Any, path: Path, kind: str) -> dict[str, Entry]:
    if not isinstance(data, Mapping):
        raise SecretsError(f"{path}: a mapping of names to values is wanted, not {type(data).__name__}.")
    return {str(name): Entry(_as_text(value, str(name), path, kind), f"{path}, {name}") for name, value in data.items()}


def _as_text(value: Any, name: str, path: Path, kind: str) -> str:
    if isinstance(value, str):
        return value
    if kind == "CONN_" and isinstance(value, list) and len(value) == 1:
        return _as_text(value[0], name, path, kind)  # Airflow takes a list of one
    if kind == "CONN_" and not isinstance(value, Mapping):
        raise SecretsError(f"{path}: {name!r} must be a URI or a mapping of fields, not {type(value).__name__}.")
    try:
        return json.dumps(value, ensure_ascii=False)
    except TypeError:
        raise SecretsError(
            f"{path}: {name!r} holds a value that JSON does not have (a date?). Put it in quotes."
        ) from None


_READERS: dict[str, Callable[[str, Path, str], dict[str, Entry]]] = {
    ".env": _read_env,
    ".json": _read_json,
    ".yaml": _read_yaml,
    ".yml": _read_yaml,
    ".toml": _read_toml,
}
