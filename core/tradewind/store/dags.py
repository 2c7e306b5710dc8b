"""What the DAG files hold: DAGs, their versions, the files' contents, and import failures."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from tradewind.errors import NotFound, UsageError
from tradewind.records import DagInfo, DagSpec, DagVersion, ImportFailure, ParsedFile, spec_hash, to_json
from tradewind.states import HELD
from tradewind.store.engine import Database
from tradewind.store.specs import Specs
from tradewind.store.unwanted import note_unwanted
from tradewind.store.upsert import put
from tradewind.store.words import not_found
from tradewind.tables import dag_versions, dags, files, import_failures, requests, runs, sources, task_instances

log = logging.getLogger("tradewind.store")

_INFO = select(
    dags.c.dag_id,
    dags.c.path,
    dags.c.version,
    dags.c.file_hash,
    dags.c.paused,
    dags.c.active,
    dags.c.last_interval_end,
    dags.c.last_logical_date,
)
_ONE = _INFO.where(dags.c.dag_id == bindparam("dag_id"))
_ALL = _INFO.order_by(dags.c.dag_id)
_OF_FILE = _INFO.where(dags.c.path == bindparam("path"))
_OF_NAMES = _INFO.where(dags.c.dag_id.in_(bindparam("names", expanding=True)))
_VERSION = select(dag_versions.c.dag_id, dag_versions.c.version, dag_versions.c.path, dag_versions.c.file_hash).where(
    dag_versions.c.dag_id == bindparam("dag_id"), dag_versions.c.version == bindparam("version")
)
_SOURCE = select(sources.c.content).where(sources.c.hash == bindparam("hash"))
_FILES = select(files.c.path, files.c.hash)
_FAILURES = select(
    import_failures.c.path, import_failures.c.error, import_failures.c.traceback, import_failures.c.line
).order_by(import_failures.c.path)
_LEAVE_FILE = update(dags).where(dags.c.dag_id.in_(bindparam("names", expanding=True))).values(active=False)
_REFUSED = select(import_failures.c.path, import_failures.c.taken).where(import_failures.c.taken != "[]")


class DagVerbs:
    """DAGs, versions, files."""

    _db: Database
    _specs: Specs
    _paused_at_creation: bool
    _unwanted_home: str | None

    def save_parsed(self, parsed: ParsedFile, now: datetime.datetime) -> list[str]:
        """Take in what a DAG file holds; returns the ids of the DAGs that changed, left or came.

        If the file cannot be read, its DAGs stay as they were. A DAG id that another file has already is refused: it
        is kept as this file's import failure, and the rest of the file is taken in.
        """
        with self._db.write(news=True) as connection:
            put(
                connection,
                files,
                {"path": parsed.path, "hash": parsed.hash, "parsed_at": now, "seconds": parsed.seconds},
            )
            if parsed.failure is not None:
                _save_failure(connection, parsed.failure, [])
                return []
            put(connection, sources, {"hash": parsed.hash, "content": parsed.source, "saved_at": now})
            return self._save_specs(connection, parsed, now)

    def _save_specs(self, connection: Connection, parsed: ParsedFile, now: datetime.datetime) -> list[str]:
        names = [spec.dag_id for spec in parsed.specs]
        known = {row.dag_id: row for row in connection.execute(_OF_NAMES, {"names": names})}
        before = {row.dag_id: row for row in connection.execute(_OF_FILE, {"path": parsed.path})}
        taken = {name: row for name, row in known.items() if row.active and row.path != parsed.path}
        changed = [
            spec.dag_id
            for spec in parsed.specs
            if spec.dag_id not in taken and self._save_spec(connection, spec, parsed, known.get(spec.dag_id), now)
        ]
        gone = [name for name, row in before.items() if row.active and name not in names]
        _retire(connection, gone)
        if taken:
            failure = _duplicates(parsed.path, taken)
            _save_failure(connection, failure, sorted(taken))
            log.warning("%s: %s", parsed.path, failure.error)
        else:
            connection.execute(delete(import_failures).where(import_failures.c.path == parsed.path))
        return sorted(changed + gone)

    def _save_spec(
        self, connection: Connection, spec: DagSpec, parsed: ParsedFile, known: Any, now: datetime.datetime
    ) -> bool:
        place = {"path": parsed.path, "version": spec_hash(spec), "file_hash": parsed.hash}
        if known is not None and known.active and all(getattr(known, name) == value for name, value in place.items()):
            return False
        put(connection, dag_versions, {"dag_id": spec.dag_id, "spec": to_json(spec).decode(), "saved_at": now, **place})
        if known is None:
            paused = self._paused_at_creation if spec.paused_on_creation is None else spec.paused_on_creation
            connection.execute(insert(dags), {"dag_id": spec.dag_id, "paused": paused, "active": True, **place})
        else:
            connection.execute(update(dags).where(dags.c.dag_id == spec.dag_id).values(active=True, **place))
        return True

    def remove_file(self, path: str) -> list[str]:
        """A DAG file is gone: so are its DAGs and its failure. Their runs and history stay. Returns the DAGs' ids."""
        with self._db.write(news=True) as connection:
            gone = [row.dag_id for row in connection.execute(_OF_FILE, {"path": path}) if row.active]
            _retire(connection, gone)
            connection.execute(delete(import_failures).where(import_failures.c.path == path))
            connection.execute(delete(files).where(files.c.path == path))
        return sorted(gone)

    def files(self) -> dict[str, str]:
        """Path -> hash of each DAG file as last read. An empty hash: read it again, although it did not change.

        That is so where a DAG was refused because another file had it, and that file has given it up.
        """
        with self._db.read() as connection:
            return dict(connection.execute(_FILES).all())

    def failures(self) -> list[ImportFailure]:
        """Why which files cannot be read, by path."""
        with self._db.read() as connection:
            return [ImportFailure(*row) for row in connection.execute(_FAILURES)]

    def dags(self, active_only: bool = True) -> list[DagInfo]:
        """All DAGs by id; of those whose files still have them unless `active_only` is False."""
        with self._db.read() as connection:
            rows = [row for row in connection.execute(_ALL) if row.active or not active_only]
            specs = self._specs.get_many(connection, [row.version for row in rows])
        return [_info(row, specs[row.version]) for row in rows]

    def dag(self, dag_id: str) -> DagInfo:
        """One DAG, active or not. Raises NotFound with the nearest id."""
        with self._db.read() as connection:
            row = connection.execute(_ONE, {"dag_id": dag_id}).one_or_none()
            if row is None:
                raise no_dag(connection, dag_id)
            return _info(row, self._specs.get(connection, row.version))

    def version(self, dag_id: str, version: str) -> DagVersion:
        """One version of a DAG. Raises NotFound."""
        with self._db.read() as connection:
            row = connection.execute(_VERSION, {"dag_id": dag_id, "version": version}).one_or_none()
            if row is None:
                raise not_found(f"version of the DAG {dag_id!r} called", version, (), "it may have been cleaned away")
            return DagVersion(*row, spec=self._specs.get(connection, version))

    def source(self, file_hash: str) -> str | None:
        """The content of a DAG file as it was; None if no version needs it any more."""
        with self._db.read() as connection:
            content: str | None = connection.execute(_SOURCE, {"hash": file_hash}).scalar_one_or_none()
            return content

    def set_paused(self, dag_id: str, paused: bool) -> None:
        """Pause a DAG or let it go on. Raises NotFound."""
        with self._db.write(news=True) as connection:
            done = connection.execute(update(dags).where(dags.c.dag_id == dag_id).values(paused=paused))
            if done.rowcount == 0:
                raise no_dag(connection, dag_id)

    def delete_dag(self, dag_id: str) -> None:
        """Delete a DAG with its runs and history. If its file is still there, it comes back when that is next read.

        Raises NotFound, or UsageError while tasks of it are running.
        """
        with self._db.write(news=True) as connection:
            row = connection.execute(_ONE, {"dag_id": dag_id}).one_or_none()
            if row is None:
                raise no_dag(connection, dag_id)
            refuse_if_held(connection, dag_id)
            note_unwanted(connection, self._unwanted_home, runs.c.dag_id == dag_id)
            connection.execute(delete(runs).where(runs.c.dag_id == dag_id))
            connection.execute(delete(requests).where(requests.c.dag_id == dag_id))
            connection.execute(delete(dag_versions).where(dag_versions.c.dag_id == dag_id))
            connection.execute(delete(dags).where(dags.c.dag_id == dag_id))
            connection.execute(update(files).where(files.c.path == row.path).values(hash=""))


def no_dag(connection: Connection, dag_id: str) -> NotFound:
    known = connection.execute(select(dags.c.dag_id)).scalars()
    broken = connection.execute(select(func.count()).select_from(import_failures)).scalar_one()
    files_too = f", and `tradewind dags errors` the {broken} file(s) that cannot be read" if broken else ""
    return not_found("DAG", dag_id, known, f"`tradewind dags list` shows those there are{files_too}")


def refuse_if_held(connection: Connection, dag_id: str, run_id: str | None = None) -> None:
    """Raise UsageError if an executor holds a task of the DAG (or of one of its runs)."""
    query = (
        select(func.count())
        .select_from(task_instances.join(runs, runs.c.id == task_instances.c.run))
        .where(runs.c.dag_id == dag_id, task_instances.c.state.in_(sorted(HELD)))
    )
    held = connection.execute(query if run_id is None else query.where(runs.c.run_id == run_id)).scalar_one()
    if held:
        what = f"The DAG {dag_id!r}" if run_id is None else f"The run {run_id!r} of the DAG {dag_id!r}"
        raise UsageError(f"{what} cannot be deleted while {held} of its tasks run: end them first, or wait.")


def _info(row: Any, spec: DagSpec) -> DagInfo:
    return DagInfo(spec=spec, **row._mapping)


def _retire(connection: Connection, names: list[str]) -> None:
    """These DAGs left their file. Files in which one of them was refused are to be read again."""
    if not names:
        return
    connection.execute(_LEAVE_FILE, {"names": names})
    for path, taken in connection.execute(_REFUSED).all():
        if set(msgspec.json.decode(taken)).intersection(names):
            connection.execute(update(files).where(files.c.path == path).values(hash=""))


def _save_failure(connection: Connection, failure: ImportFailure, taken: list[str]) -> None:
    row = {
        "path": failure.path,
        "error": failure.error,
        "traceback": failure.traceback,
        "line": failure.line,
        "taken": msgspec.json.encode(taken).decode(),
    }
    put(connection, import_failures, row)


def _duplicates(path: str, taken: Mapping[str, Any]) -> ImportFailure:
    told = "; ".join(f"the DAG {name!r} is in {row.path} already" for name, row in sorted(taken.items()))
    return ImportFailure(path, f"Duplicate DAG id: {told}. Rename one of them, or remove one of the files.")
