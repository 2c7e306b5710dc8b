"""Pools: named sets of slots that tasks of all DAGs share."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Connection, delete, func, literal_column, select

from tradewind.errors import UsageError
from tradewind.records import Pool
from tradewind.store.engine import Database
from tradewind.store.specs import Specs
from tradewind.store.upsert import put
from tradewind.store.words import not_found
from tradewind.tables import HELD_SQL, pools, runs, task_instances

#: The pool of tasks that name none. It is always there; until somebody sets it, the settings say how large it is.
DEFAULT_POOL = "default_pool"


_HELD_TASKS = (
    select(runs.c.version, runs.c.owner, task_instances.c.task_id, func.count())
    .join_from(task_instances, runs, runs.c.id == task_instances.c.run)
    .where(literal_column(f"task_instances.{HELD_SQL}"))
    .group_by(runs.c.version, runs.c.owner, task_instances.c.task_id)
)


def slots_taken(connection: Connection, specs: Specs, without: str | None = None) -> Counter[str]:
    """How many slots of each pool the held tasks take; those of one scheduler's runs may be left out."""
    held = [row for row in connection.execute(_HELD_TASKS) if without is None or row.owner != without]
    known = specs.get_many(connection, {row.version for row in held})
    tasks = {version: {task.task_id: task for task in spec.tasks} for version, spec in known.items()}
    taken: Counter[str] = Counter()
    for version, _, task_id, count in held:
        task = tasks[version].get(task_id)
        if task is not None:
            taken[task.pool] += task.pool_slots * count
    return taken


class PoolVerbs:
    """Pools."""

    _db: Database
    _specs: Specs
    _default_pool_slots: int

    def list_pools(self) -> list[Pool]:
        """Every pool, by name."""
        with self._db.read() as connection:
            rows = connection.execute(select(pools.c.name, pools.c.slots, pools.c.description)).all()
        stored = {row.name: Pool(row.name, row.slots, row.description) for row in rows}
        default = Pool(DEFAULT_POOL, self._default_pool_slots)
        return [pool for _, pool in sorted({DEFAULT_POOL: default, **stored}.items())]

    def pools(self) -> dict[str, int]:
        """Slots of every pool, by name."""
        return {pool.name: pool.slots for pool in self.list_pools()}

    def slots_taken_by_others(self, scheduler_id: str) -> Counter[str]:
        """How many slots of each pool the tasks of runs take that are not this scheduler's."""
        with self._db.read() as connection:
            return slots_taken(connection, self._specs, without=scheduler_id)

    def set_pool(self, name: str, slots: int, description: str | None = None) -> None:
        """Make a pool, or change it. With None it keeps the description that it has."""
        if slots < 0:
            raise UsageError(f"The pool {name!r} cannot have {slots} slots: the least is 0.")
        with self._db.write(news=True) as connection:
            if description is None:
                description = connection.execute(select(pools.c.description).where(pools.c.name == name)).scalar() or ""
            put(connection, pools, {"name": name, "slots": slots, "description": description})

    def delete_pool(self, name: str) -> None:
        """Delete a pool. Raises NotFound, or UsageError for the default pool."""
        if name == DEFAULT_POOL:
            raise UsageError(f"The pool {name!r} cannot be deleted: tasks that name no pool are in it.")
        with self._db.write(news=True) as connection:
            if connection.execute(delete(pools).where(pools.c.name == name)).rowcount == 0:
                known = connection.execute(select(pools.c.name)).scalars()
                raise not_found("pool", name, known, "`tradewind pools list` shows those there are")
