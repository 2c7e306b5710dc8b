"""Connections and variables as stored: encrypted values by name. What they mean is known to those who read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import Table, bindparam, delete, select, update

from tradewind.store.engine import Database
from tradewind.store.rows import utc_now
from tradewind.store.upsert import put


class StoredValues:
    """The names and encrypted values of one table, `tables.connections` or `tables.variables`."""

    def __init__(self, db: Database, table: Table) -> None:
        self._db = db
        self._table = table
        self._name = next(iter(table.primary_key))
        self._one = select(table.c.value).where(self._name == bindparam("name"))
        self._all = select(self._name, table.c.value).order_by(self._name)

    def get(self, name: str) -> str | None:
        with self._db.read() as connection:
            value: str | None = connection.execute(self._one, {"name": name}).scalar_one_or_none()
            return value

    def all(self) -> dict[str, str]:
        """Every value by name."""
        with self._db.read() as connection:
            return dict(connection.execute(self._all).all())

    def put(self, name: str, value: str, more: Mapping[str, str | None] | None = None) -> None:
        """Store a value; `more` are other columns of the table."""
        with self._db.write() as connection:
            row = {self._name.name: name, "value": value, "saved_at": utc_now(), **(more or {})}
            put(connection, self._table, row)

    def delete(self, name: str) -> bool:
        """False: there was none."""
        with self._db.write() as connection:
            return connection.execute(delete(self._table).where(self._name == name)).rowcount == 1

    def rewrite(self, change: Callable[[str, str], str]) -> int:
        """Replace every value by `change(name, value)`: all, or none if it raises. Returns how many there are."""
        with self._db.write() as connection:
            values = connection.execute(self._all).all()
            for name, value in values:
                statement = update(self._table).where(self._name == name)
                connection.execute(statement.values(value=change(name, value)))
            return len(values)
