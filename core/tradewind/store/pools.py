"""Pools: named sets of slots that tasks of all DAGs share."""

from __future__ import annotations

from sqlalchemy import delete, select

from tradewind.errors import UsageError
from tradewind.store.engine import Database
from tradewind.store.upsert import put
from tradewind.store.words import not_found
from tradewind.tables import pools

#: The pool of tasks that name none. It is always there; until somebody sets it, the settings say how large it is.
DEFAULT_POOL = "default_pool"


class PoolVerbs:
    """Pools."""

    _db: Database
    _default_pool_slots: int

    def pools(self) -> dict[str, int]:
        """Slots of every pool, by name."""
        with self._db.read() as connection:
            stored = dict(connection.execute(select(pools.c.name, pools.c.slots)).all())
        return dict(sorted({DEFAULT_POOL: self._default_pool_slots, **stored}.items()))

    def set_pool(self, name: str, slots: int, description: str = "") -> None:
        """Make a pool, or change it."""
        if slots < 0:
            raise UsageError(f"The pool {name!r} cannot have {slots} slots: the least is 0.")
        with self._db.write(news=True) as connection:
            put(connection, pools, {"name": name, "slots": slots, "description": description})

    def delete_pool(self, name: str) -> None:
        """Delete a pool. Raises NotFound, or UsageError for the default pool."""
        if name == DEFAULT_POOL:
            raise UsageError(f"The pool {name!r} cannot be deleted: tasks that name no pool are in it.")
        with self._db.write(news=True) as connection:
            if connection.execute(delete(pools).where(pools.c.name == name)).rowcount == 0:
                known = connection.execute(select(pools.c.name)).scalars()
                raise not_found("pool", name, known, "`tradewind pools list` shows those there are")
