"""Connections and variables from environment variables.

For the connection `my-db` these are looked at, and the first that is not empty counts:

    TRADEWIND_CONN_MY-DB, TRADEWIND_CONN_MY_DB, then each with _FILE and with _CMD, then the same with AIRFLOW_CONN_

`_FILE` names a file that holds the value (as Docker and Kubernetes mount secrets), `_CMD` a command that prints it.
`AIRFLOW_CONN_MY_FILE` is read as the connection `my_file` if its value looks like a connection, else as the file of
`my`.
"""

from __future__ import annotations

import os
import re
import shlex
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tradewind import settings
from tradewind.errors import BrokenConnection, BrokenVariable, TradewindError
from tradewind.secrets.source import SecretsSource

PREFIXES = ("TRADEWIND_", "AIRFLOW_")
_SUFFIXES = ("_FILE", "_CMD")

#: A value that starts like this is a connection, neither a path nor a command.
_CONNECTION = re.compile(r"""\s*["']?(?:\{|[A-Za-z_][\w.+-]*://)""")
_UNUSUAL = re.compile(r"[-./\\ :#!()]")

#: Commands that print a secret get this long.
COMMAND_TIMEOUT = 30.0  # seconds


@dataclass(frozen=True)
class _Place:
    """An environment variable that defines something, not looked into yet."""

    variable: str
    text: str
    form: str  #: "", "_FILE" or "_CMD"

    def __str__(self) -> str:
        return self.variable + {"_FILE": f" ({self.path})", "_CMD": " (a command)"}.get(self.form, "")

    @property
    def path(self) -> str:
        """The file it names, for messages; not shown when it is no path: it may be a secret put there by mistake."""
        return self.text.strip() if self.text.strip().startswith(("/", "~", ".")) else "a relative path"


class EnvironmentSource(SecretsSource):
    """The environment of the process, or the mapping given."""

    name = "environment"

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._environ = environ
        self._printed: dict[str, tuple[float, str]] = {}  # command -> when it was run, what it printed

    @property
    def environ(self) -> Mapping[str, str]:
        return os.environ if self._environ is None else self._environ

    def get_conn_value(self, conn_id: str) -> str | None:
        place = next(self._places("CONN_", conn_id), None)
        return None if place is None else self._read(place, "CONN_", conn_id)

    def get_variable(self, key: str) -> str | None:
        place = next(self._places("VAR_", key), None)
        return None if place is None else self._read(place, "VAR_", key)

    def conn_ids(self) -> list[str]:
        return self._names("CONN_")

    def variable_keys(self) -> list[str]:
        return self._names("VAR_")

    def describe_conn(self, conn_id: str) -> str:
        return str(next(self._places("CONN_", conn_id), variable_name(conn_id)))

    def describe_variable(self, key: str) -> str:
        return str(next(self._places("VAR_", key), variable_name(key, "VAR_")))

    def conn_places(self, conn_id: str) -> dict[str, str | TradewindError]:
        return self._contents("CONN_", conn_id)

    def variable_places(self, key: str) -> dict[str, str | TradewindError]:
        return self._contents("VAR_", key)

    def explain_missing_conn(self, conn_id: str) -> str:
        return self._explain("CONN_", conn_id)

    def explain_missing_variable(self, key: str) -> str:
        return self._explain("VAR_", key)

    def _explain(self, kind: str, name: str) -> str:
        for prefix in PREFIXES:
            for spelling in _spellings(name):
                variable = prefix + kind + spelling
                if variable in self.environ and not self.environ[variable].strip():
                    return f"{variable} is set but empty, which counts as not set"
                if variable.endswith(_SUFFIXES) and self.environ.get(variable):
                    owner, _, form = variable.removeprefix(prefix + kind).rpartition("_")
                    what = "file" if form == "FILE" else "command"
                    return f"{variable} is read as the {what} of {owner.lower()!r}"
        tried = " and ".join(prefix + kind + _spellings(name)[-1] for prefix in PREFIXES)
        return f"{tried} are not set"

    def _places(self, kind: str, name: str) -> Iterator[_Place]:
        """Everything that defines `name`, in order."""
        environ = self.environ
        for prefix in PREFIXES:
            for form in ("", *_SUFFIXES):
                for spelling in _spellings(name):
                    variable = prefix + kind + spelling + form
                    text = environ.get(variable, "")
                    if text.strip() and self._means(kind, variable, text, form):
                        yield _Place(variable, text, form)

    def _means(self, kind: str, variable: str, text: str, form: str) -> bool:
        """Whether `variable` defines something in this form. Only connections can be told from paths and commands."""
        if kind == "VAR_":
            return True
        if form:
            return not _CONNECTION.match(text)
        return bool(_CONNECTION.match(text)) or not _is_reference(variable, text)

    def _names(self, kind: str) -> list[str]:
        found: dict[str, None] = {}
        for variable, text in self.environ.items():
            prefix = next((prefix + kind for prefix in PREFIXES if variable.startswith(prefix + kind)), None)
            if prefix is None or not text.strip():
                continue
            name = variable.removeprefix(prefix)
            if name and self._means(kind, variable, text, ""):
                found[name.lower()] = None
            form = next((form for form in _SUFFIXES if name.endswith(form) and name != form), None)
            if form and (_is_reference(variable, text) if kind == "VAR_" else self._means(kind, variable, text, form)):
                found[name.removesuffix(form).lower()] = None
        return sorted(found)

    def _contents(self, kind: str, name: str) -> dict[str, str | TradewindError]:
        contents: dict[str, str | TradewindError] = {}
        for place in self._places(kind, name):
            try:
                contents[str(place)] = self._read(place, kind, name)
            except TradewindError as error:
                contents[str(place)] = error
        return contents

    def _read(self, place: _Place, kind: str, name: str) -> str:
        is_connection = kind == "CONN_"
        what = f"The {'connection' if is_connection else 'variable'} {name!r}"
        broken = BrokenConnection if is_connection else BrokenVariable
        if place.form == "_FILE":
            return _read_file(place, what, broken)
        if place.form == "_CMD":
            keep = settings.read(self.environ).secrets_cache_seconds
            known = self._printed.get(place.text)
            if known is None or time.monotonic() - known[0] > keep:
                self._printed[place.text] = known = (time.monotonic(), _run(place, what, broken))
            return known[1]
        return place.text


def variable_name(name: str, kind: str = "CONN_", prefix: str = "AIRFLOW_") -> str:
    """The environment variable that a shell can export for a connection: `my-db` -> `AIRFLOW_CONN_MY_DB`."""
    return prefix + kind + _UNUSUAL.sub("_", name).upper()


def variable_names(conn_id: str) -> list[str]:
    """Every environment variable that may define a connection."""
    spelt = _spellings(conn_id)
    return [prefix + "CONN_" + one + form for prefix in PREFIXES for form in ("", *_SUFFIXES) for one in spelt]


def _spellings(name: str) -> list[str]:
    """As it is, then with everything that a shell cannot export as `_`."""
    return list(dict.fromkeys((name.upper(), _UNUSUAL.sub("_", name).upper())))


def _is_reference(variable: str, text: str) -> bool:
    """Whether a variable that ends in `_FILE` or `_CMD` holds what these forms hold: a path, a command."""
    if variable.endswith("_FILE"):
        return text.strip().startswith(("/", "~", "./", "../")) or Path(text.strip()).is_file()
    if not variable.endswith("_CMD"):
        return False
    from shutil import which

    try:
        words = shlex.split(text)
    except ValueError:
        return False
    return bool(words) and which(words[0]) is not None


def _read_file(place: _Place, what: str, broken: type[TradewindError]) -> str:
    path = Path(place.text.strip()).expanduser()
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise broken(
            f"{what}: {place.variable} names a file ({place.path}) that cannot be read: {error.strerror}."
        ) from None
    except ValueError:  # a NUL in the path, or bytes that are not UTF-8
        raise broken(f"{what}: {place.variable} names a file ({place.path}) that is not UTF-8 text.") from None
    return _not_empty(text, f"{what}: {place.variable} names a file ({place.path}) that is empty.", broken)


def _run(place: _Place, what: str, broken: type[TradewindError]) -> str:
    import subprocess

    start = f"{what}: the command in {place.variable}"
    try:
        words = shlex.split(place.text)
        done = subprocess.run(words, capture_output=True, timeout=COMMAND_TIMEOUT, check=False)
        text = done.stdout.decode("utf-8")
    except subprocess.TimeoutExpired:
        raise broken(f"{start} did not end within {COMMAND_TIMEOUT:g} seconds.") from None
    except UnicodeDecodeError:
        raise broken(f"{start} prints something that is not UTF-8 text.") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise broken(
            f"{start} cannot be run: {reason}. It is split into words as a shell does, and run without one."
        ) from None
    if done.returncode != 0:
        raise broken(f"{start} ended with exit code {done.returncode}. Run it by hand to see why.")
    return _not_empty(text, f"{start} prints nothing.", broken)


def _not_empty(text: str, message: str, broken: type[TradewindError]) -> str:
    if not text.strip():
        raise broken(message)
    return text.rstrip("\r\n")
