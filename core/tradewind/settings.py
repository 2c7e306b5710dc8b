"""Settings: read by a function when somebody needs them, never on import.

For each setting the first of these that is there wins: `TRADEWIND_<NAME>`, `TRADEWIND_<NAME>_FILE`,
`TRADEWIND_<NAME>_CMD`, Airflow's own variable for the same thing, the file `tradewind.toml` in the home folder, the
default. An empty environment variable counts as not set. A value that cannot be used is an error that names the
source it came from; no setting falls back silently.
"""

from __future__ import annotations

import math
import os
import shlex
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tradewind.errors import SettingError, nearest

_TRUE = frozenset({"1", "true", "t", "yes", "y", "on"})
_FALSE = frozenset({"0", "false", "f", "no", "n", "off"})

#: Commands that print a setting get this long.
COMMAND_TIMEOUT = 30.0  # seconds


def _setting(
    default: Any, help: str, *, airflow: str | Sequence[str] = (), secret: bool = False, low: float = 0
) -> Any:
    names = (airflow,) if isinstance(airflow, str) else tuple(airflow)
    metadata = {"help": help, "airflow": names, "secret": secret, "low": low}
    if isinstance(default, list):
        return field(default_factory=lambda: tuple(default), repr=not secret, metadata=metadata)
    return field(default=default, repr=not secret, metadata=metadata)


@dataclass(frozen=True)
class Settings:
    """Every setting, with its default. Folders that depend on `home` are filled in by `read`."""

    home: str = _setting("~/.tradewind", "folder of everything that tradewind writes", airflow="AIRFLOW_HOME")
    dags_folder: str = _setting("{home}/dags", "where DAG files lie", airflow="AIRFLOW__CORE__DAGS_FOLDER")
    database_url: str = _setting(
        "sqlite:///{home}/tradewind.db",
        "URL of the metadata database: `sqlite:///`, `postgresql://` or `mysql://`",
        airflow=("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW__CORE__SQL_ALCHEMY_CONN"),
        secret=True,
    )
    logs_folder: str = _setting(
        "{home}/logs",
        "where the logs of attempts lie",
        airflow=("AIRFLOW__LOGGING__BASE_LOG_FOLDER", "AIRFLOW__CORE__BASE_LOG_FOLDER"),
    )
    logs_url: str = _setting(
        "",
        "log store that logs are uploaded to while they grow, as a URL; empty: none",
        airflow="AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER",
    )
    logs_upload_interval: float = _setting(5.0, "seconds between uploads of a growing log", low=0.05)
    logs_delete_local: bool = _setting(
        False,
        "delete the local log of an attempt that is over, once all of it is uploaded",
        airflow="AIRFLOW__LOGGING__DELETE_LOCAL_LOGS",
    )
    log_level: str = _setting("INFO", "lowest level of task logs", airflow="AIRFLOW__LOGGING__LOGGING_LEVEL")
    executor: str = _setting("local", "executor of tasks that name none", airflow="AIRFLOW__CORE__EXECUTOR")
    parallelism: int = _setting(
        32, "attempts that run at once, of each scheduler", airflow="AIRFLOW__CORE__PARALLELISM", low=1
    )
    max_active_tasks_per_dag: int = _setting(
        16, "attempts of one run at once, unless its DAG says", airflow="AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG", low=1
    )
    max_active_runs_per_dag: int = _setting(
        16, "runs of one DAG at once, unless it says", airflow="AIRFLOW__CORE__MAX_ACTIVE_RUNS_PER_DAG", low=1
    )
    default_timezone: str = _setting(
        "UTC", "time zone of dates that name none", airflow="AIRFLOW__CORE__DEFAULT_TIMEZONE"
    )
    default_task_retries: int = _setting(
        0, "retries of tasks that say nothing", airflow="AIRFLOW__CORE__DEFAULT_TASK_RETRIES"
    )
    default_task_retry_delay: float = _setting(
        300.0, "seconds between tries", airflow="AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY"
    )
    default_pool_slots: int = _setting(
        128, "places of the pool default_pool", airflow="AIRFLOW__CORE__DEFAULT_POOL_TASK_SLOT_COUNT", low=1
    )
    dags_are_paused_at_creation: bool = _setting(
        False, "new DAGs start paused", airflow="AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION"
    )
    catchup_by_default: bool = _setting(
        False, "DAGs that say nothing make up for missed intervals", airflow="AIRFLOW__SCHEDULER__CATCHUP_BY_DEFAULT"
    )
    parse_timeout: float = _setting(
        30.0, "seconds that one DAG file may take to load", airflow="AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT", low=0.1
    )
    parse_memory: int = _setting(1024, "MB that one DAG file may take to load", low=64)
    parse_processes: int = _setting(
        2, "DAG files loaded at once", airflow="AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES", low=1
    )
    dags_refresh_interval: float = _setting(1.0, "seconds between looks at the DAG folder", low=0.05)
    dag_ignore_file_syntax: str = _setting(
        "glob",
        "what the lines of .airflowignore are: glob or regexp",
        airflow="AIRFLOW__CORE__DAG_IGNORE_FILE_SYNTAX",
    )
    heartbeat_interval: float = _setting(
        5.0,
        "seconds between signs of life of schedulers and attempts",
        airflow="AIRFLOW__SCHEDULER__JOB_HEARTBEAT_SEC",
        low=0.1,
    )
    lost_after: float = _setting(
        60.0,
        "seconds without a sign of life after which a scheduler or attempt on another machine counts as lost",
        airflow="AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT",
        low=1,
    )
    poll_interval: float = _setting(0.1, "seconds between looks for changes that others made in the database", low=0.01)
    kill_grace: float = _setting(
        10.0, "seconds between asking a task to stop and killing it", airflow="AIRFLOW__CORE__KILLED_TASK_CLEANUP_TIME"
    )
    process_start: str = _setting("auto", "how attempts start: fork, spawn, or auto (fork where it is safe)")
    secrets_sources: tuple[str, ...] = _setting(
        ["environment", "local_file", "metastore"],
        "where connections and variables come from, in order: names or dotted paths of classes",
        airflow="AIRFLOW__SECRETS__BACKEND",
    )
    secrets_options: str = _setting(
        "",
        "keyword arguments of the sources, as JSON: {source: {keyword: value}}",
        airflow="AIRFLOW__SECRETS__BACKEND_KWARGS",
        secret=True,
    )
    secrets_cache_seconds: float = _setting(
        900.0, "how long values of slow sources are kept in memory", airflow="AIRFLOW__SECRETS__CACHE_TTL_SECONDS"
    )
    connections_file: str = _setting("", "file of the source local_file: connections (.env, .json, .yaml, .toml)")
    variables_file: str = _setting("", "file of the source local_file: variables (.env, .json, .yaml, .toml)")
    fernet_keys: tuple[str, ...] = _setting(
        [],
        "keys of stored secrets, newest first; empty: the key file in the home folder",
        airflow="AIRFLOW__CORE__FERNET_KEY",
        secret=True,
    )
    sensitive_names: tuple[str, ...] = _setting(
        [], "more words that mark a key as secret", airflow="AIRFLOW__CORE__SENSITIVE_VAR_CONN_NAMES"
    )
    smtp_conn_id: str = _setting(
        "smtp_default", "connection that mail goes out through", airflow="AIRFLOW__EMAIL__EMAIL_CONN_ID"
    )
    max_xcom_bytes: int = _setting(
        1_000_000, "largest value that may be passed between tasks, unless xcom_store_url is set", low=1
    )
    xcom_store_url: str = _setting(
        "",
        "XCom store that large values are kept in, as a URL; empty: none",
        airflow="AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_PATH",
    )
    xcom_store_threshold: int = _setting(
        100_000,
        "values of more bytes than this go to the XCom store; -1: none does",
        airflow="AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_THRESHOLD",
        low=-1,
    )
    xcom_store_compression: str = _setting(
        "",
        "how values in the XCom store are compressed: gzip, bz2 or xz; empty: not at all",
        airflow="AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_COMPRESSION",
    )


@dataclass(frozen=True)
class Sourced:
    """A setting's value and where it came from, for `config list`."""

    name: str
    value: Any = field(repr=False)  #: perhaps a secret
    source: str  #: "TRADEWIND_X", "AIRFLOW__X__Y", a file path, or "default"
    help: str
    secret: bool


def read(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings in force. Reads the environment and `tradewind.toml`, writes nothing.

    Raises SettingError, naming the source, for a value that cannot be used or a name that is not a setting.
    """
    return Settings(**{item.name: item.value for item in read_with_sources(environ)})


def read_with_sources(environ: Mapping[str, str] | None = None) -> list[Sourced]:
    """Every setting with its source, in the order of the `Settings` class."""
    environ = os.environ if environ is None else environ
    home, home_source = _home(environ)
    toml_path = home / "tradewind.toml"
    toml = _read_toml(toml_path)
    found = [Sourced("home", str(home), home_source, _field("home").metadata["help"], False)]
    for item in fields(Settings):
        if item.name == "home":
            continue
        raw, source = _lookup(item, environ, toml, toml_path)
        value = _convert(item, raw, source)
        if isinstance(value, str):
            value = value.replace("{home}", str(home))
            if item.name.endswith(("_folder", "_file")) and value:
                value = str(Path(value).expanduser())
        found.append(Sourced(item.name, value, source, item.metadata["help"], item.metadata["secret"]))
    return found


def env_name(name: str) -> str:
    """`dags_folder` -> `TRADEWIND_DAGS_FOLDER`."""
    return "TRADEWIND_" + name.upper()


def named_in_airflow(section: str, option: str) -> str | None:
    """Our name of a setting of Airflow's; None if there is none of that kind here."""
    variable = f"AIRFLOW__{section}__{option}".upper()
    return next((item.name for item in fields(Settings) if variable in item.metadata["airflow"]), None)


def parse_bool(text: str) -> bool:
    """Read one of 1/0, true/false, yes/no, on/off; anything else raises ValueError."""
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError(f"{text!r} is neither true nor false")


def _field(name: str) -> Any:
    return next(item for item in fields(Settings) if item.name == name)


def _home(environ: Mapping[str, str]) -> tuple[Path, str]:
    for name in ("TRADEWIND_HOME", "AIRFLOW_HOME"):
        if environ.get(name):
            return Path(environ[name]).expanduser().absolute(), name
    return Path(_field("home").default).expanduser(), "default"


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"The settings file {path} cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingError(f"The settings file {path} is not valid TOML: {error}. Mend it or remove it.") from error
    known = {item.name for item in fields(Settings)} - {"home"}
    for name in data:
        if name not in known:
            hint = nearest(name, sorted(known), "`tradewind config list` shows them all.")
            raise SettingError(f"{path}: there is no setting {name!r}; {hint}")
    return data


def _lookup(item: Any, environ: Mapping[str, str], toml: dict[str, Any], toml_path: Path) -> tuple[Any, str]:
    name = env_name(item.name)
    if environ.get(name):
        return environ[name], name
    if environ.get(name + "_FILE") and item.name + "_file" not in {f.name for f in fields(Settings)}:
        return _from_file(environ[name + "_FILE"], name + "_FILE"), name + "_FILE"
    if environ.get(name + "_CMD"):
        return _from_command(environ[name + "_CMD"], name + "_CMD"), name + "_CMD"
    for airflow in item.metadata["airflow"]:
        if environ.get(airflow) and (value := _translate(item.name, environ[airflow], environ)):
            return value, airflow
    if item.name in toml:
        return toml[item.name], str(toml_path)
    default = item.default_factory() if callable(item.default_factory) else item.default
    return default, "default"


def _translate(name: str, value: str, environ: Mapping[str, str]) -> str:
    """Airflow's value as ours; empty if it counts as not set.

    Airflow spells executors as class names, and has one secrets backend, asked before the other sources.
    """
    if name == "executor":
        return {"LocalExecutor": "local", "SequentialExecutor": "local"}.get(value, value)
    if name == "secrets_sources":
        return ",".join((value, *_field(name).default_factory()))
    if name == "secrets_options":
        return '{"*": ' + value + "}"
    if name == "logs_url":
        return _remote_logs(value, environ)
    return value


def _remote_logs(url: str, environ: Mapping[str, str]) -> str:
    """Airflow's folder for remote logs counts if they are switched on; what belongs to it stands beside it."""
    if not _switched_on("AIRFLOW__LOGGING__REMOTE_LOGGING", environ):
        return ""
    options = {}
    if conn_id := environ.get("AIRFLOW__LOGGING__REMOTE_LOG_CONN_ID"):
        options["conn_id"] = conn_id
    if url.startswith("s3:") and _switched_on("AIRFLOW__LOGGING__ENCRYPT_S3_LOGS", environ):
        options["encrypt"] = "true"
    return f"{url}?{urlencode(options)}" if options else url


def _switched_on(name: str, environ: Mapping[str, str]) -> bool:
    try:
        return parse_bool(environ.get(name) or "false")
    except ValueError as error:
        raise SettingError(f"{name}: {error}") from None


def _from_file(path: str, source: str) -> str:
    try:
        return Path(path).expanduser().read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{source} names {path}, which cannot be read: {error}") from error


def _from_command(command: str, source: str) -> str:
    try:
        done = subprocess.run(
            shlex.split(command), capture_output=True, text=True, timeout=COMMAND_TIMEOUT, check=False
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise SettingError(f"The command in {source} cannot be run: {error}") from error
    if done.returncode != 0:
        raise SettingError(f"The command in {source} ended with exit code {done.returncode}")
    return done.stdout.rstrip("\r\n")


def _convert(item: Any, raw: Any, source: str) -> Any:
    try:
        value = _as_type(item.type, raw)
    except (ValueError, TypeError) as error:
        shown = "its value" if item.metadata["secret"] else repr(raw)
        raise SettingError(f"{source}: the setting {item.name} cannot be {shown}: {error}") from error
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value < item.metadata["low"]:
        raise SettingError(f"{source}: the setting {item.name} cannot be {value}: the least is {item.metadata['low']}")
    return value


def _as_type(kind: str, raw: Any) -> Any:
    if kind == "bool":
        if isinstance(raw, bool):
            return raw
        return parse_bool(raw) if isinstance(raw, str) else _refuse(raw, "true or false")
    if kind == "int":
        return int(raw) if isinstance(raw, (str, int)) and not isinstance(raw, bool) else _refuse(raw, "a whole number")
    if kind == "float":
        number = float(raw) if not isinstance(raw, bool) else _refuse(raw, "a number")
        return number if math.isfinite(number) else _refuse(raw, "a finite number")
    if kind.startswith("tuple"):
        parts = raw.split(",") if isinstance(raw, str) else raw
        if not isinstance(parts, (list, tuple)) or not all(isinstance(part, str) for part in parts):
            return _refuse(raw, "a list of words")
        return tuple(part.strip() for part in parts if part.strip())
    return raw if isinstance(raw, str) else _refuse(raw, "text")


def _refuse(raw: Any, wanted: str) -> Any:
    raise TypeError(f"{wanted} is wanted, not {type(raw).__name__}")
