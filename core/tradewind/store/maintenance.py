"""The schema of the metadata database, and tidying up."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, func, inspect, not_, select, text

from tradewind import migrations
from tradewind.errors import StoreError
from tradewind.states import RunState
from tradewind.store.engine import Database
from tradewind.store.unwanted import note_unwanted
from tradewind.tables import (
    attempts,
    dag_versions,
    dags,
    files,
    metadata,
    requests,
    run_memos,
    runs,
    sources,
    task_instances,
    xcoms,
)

_DROP_VERSION = text(f"DROP TABLE IF EXISTS {migrations.VERSION_TABLE}")
_REVISION = text(f"SELECT version_num FROM {migrations.VERSION_TABLE}")

#: Runs deleted in one transaction: nobody waits long for the write lock.
BATCH = 200


class MaintenanceVerbs:
    """The schema, and tidying up."""

    _db: Database
    _unwanted_home: str | None

    def upgrade(self) -> bool:
        """Create the database or bring it to this version's schema. False: it was so already.

        Several processes may do so at once. Raises StoreError for a database that a newer version made, or that holds
        something else.
        """
        if not self._db.is_missing() and self.revision() == migrations.HEAD:
            return False
        self._db.create()
        with self._db.migrating() as connection:  # others wait here, and then find the work done
            found = _revision(connection)
            if found == migrations.HEAD:
                return False
            self._refuse_unknown(found)
            if found is None:
                self._refuse_foreign(connection)
                if not self._db.undoes_ddl:  # what an upgrade left that was broken off: nobody has used it yet
                    _drop_all(connection)
            migrations.upgrade(connection)
        return True

    def check(self) -> None:
        """Raise StoreError, saying what to do, unless the database has this version's schema."""
        found = self.revision()
        if found == migrations.HEAD:
            return
        self._refuse_unknown(found)
        state = "is empty" if found is None else f"has the older schema {found}"
        raise StoreError(f"The metadata database {self._db.place} {state}: run `tradewind db upgrade`.")

    def revision(self) -> str | None:
        """Revision of the schema that the database has; None: it has none of ours."""
        with self._db.read() as connection:
            return _revision(connection)

    def reset(self) -> None:
        """Delete everything that is in the metadata database and create it anew."""
        self._db.create()
        with self._db.migrating() as connection:
            if _revision(connection) is None:
                self._refuse_foreign(connection)
            _drop_all(connection)
            migrations.upgrade(connection)

    def _refuse_unknown(self, found: str | None) -> None:
        if found is not None and found not in migrations.REVISIONS:
            raise StoreError(
                f"The metadata database {self._db.place} was made by a newer version of tradewind (schema {found}, "
                f"while this one knows {migrations.HEAD}): upgrade tradewind, or let database_url name another one."
            )

    def _refuse_foreign(self, connection: Connection) -> None:
        tables = inspect(connection).get_table_names()
        if tables and migrations.VERSION_TABLE not in tables:
            raise StoreError(
                f"{self._db.place} is no metadata database of tradewind: it holds the tables "
                f"{', '.join(sorted(tables)[:5])}. Let the setting database_url name another one."
            )

    def clean(self, before: datetime.datetime, dry_run: bool = False) -> dict[str, int]:
        """Delete finished runs that ended before the given moment, then versions and sources that nothing needs.

        The newest run of each DAG stays. Returns how many rows of each table go (with `dry_run`: would go).
        """
        with self._db.read() as connection:
            counts = _count(connection, before)
        if not dry_run:
            while self._delete_runs(before):
                pass
            with self._db.write() as connection:
                connection.execute(delete(dag_versions).where(_unused_version(before)))
                connection.execute(delete(sources).where(_unused_source(before)))
        return counts

    def _delete_runs(self, before: datetime.datetime) -> int:
        """Delete one batch of old runs, and with them all that belongs to them."""
        with self._db.write() as connection:
            old = connection.execute(select(runs.c.id).where(_old_run(before)).limit(BATCH)).scalars().all()
            if not old:
                return 0
            note_unwanted(connection, self._unwanted_home, runs.c.id.in_(old))
            return connection.execute(delete(runs).where(runs.c.id.in_(old))).rowcount


def _drop_all(connection: Connection) -> None:
    """Drop every table of ours, and no other: a server's database may be shared."""
    metadata.drop_all(connection)
    connection.execute(_DROP_VERSION)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(migrations.VERSION_TABLE):
        return None
    revision: str | None = connection.execute(_REVISION).scalar_one_or_none()
    return revision


def _old_run(before: datetime.datetime) -> ColumnElement[bool]:
    newest = runs.alias("newest")
    asked = select(requests.c.id).where(requests.c.dag_id == runs.c.dag_id, requests.c.run_id == runs.c.run_id)
    latest = select(func.max(newest.c.logical_date)).where(newest.c.dag_id == runs.c.dag_id).scalar_subquery()
    return and_(
        runs.c.ended_at < before,
        runs.c.state.in_([RunState.SUCCESS.value, RunState.FAILED.value]),
        not_(runs.c.callback_due),
        runs.c.logical_date < latest,
        not_(asked.correlate(runs).exists()),
    )


def _unused_version(before: datetime.datetime) -> ColumnElement[bool]:
    used = select(runs.c.id).where(
        runs.c.dag_id == dag_versions.c.dag_id, runs.c.version == dag_versions.c.version, not_(_old_run(before))
    )
    newest = select(dags.c.dag_id).where(
        dags.c.dag_id == dag_versions.c.dag_id, dags.c.version == dag_versions.c.version
    )
    return and_(
        dag_versions.c.saved_at < before,
        not_(used.correlate(dag_versions).exists()),
        not_(newest.correlate(dag_versions).exists()),
    )


def _unused_source(before: datetime.datetime) -> ColumnElement[bool]:
    needed = select(dag_versions.c.file_hash).where(not_(_unused_version(before)))
    return and_(sources.c.saved_at < before, sources.c.hash.not_in(needed), sources.c.hash.not_in(select(files.c.hash)))


def _count(connection: Connection, before: datetime.datetime) -> dict[str, int]:
    old = select(runs.c.id).where(_old_run(before))
    queries: dict[str, Select[Any]] = {"runs": select(func.count()).where(_old_run(before)).select_from(runs)}
    for table in (task_instances, attempts, xcoms, run_memos):
        queries[table.name] = select(func.count()).select_from(table).where(table.c.run.in_(old))
    queries["dag_versions"] = select(func.count()).select_from(dag_versions).where(_unused_version(before))
    queries["sources"] = select(func.count()).select_from(sources).where(_unused_source(before))
    return {name: connection.execute(query).scalar_one() for name, query in queries.items()}
