"""The metadata database as a source of connections and variables, each stored encrypted.

Looking one up must cost nothing where there is no metadata database: then nothing is created, and SQLAlchemy is not
even imported. No connection to the database outlives a call, since DAG files and tasks may fork at any time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tradewind import settings as settings_module
from tradewind.errors import SecretsError
from tradewind.secrets import SecretsSource
from tradewind.secrets.encryption import decrypt, encrypt, rotate
from tradewind.settings import Settings
from tradewind.store.location import Server, is_missing, locate

if TYPE_CHECKING:
    from tradewind.store.credentials import StoredValues


class MetastoreSource(SecretsSource):
    """Connections and variables kept in the metadata database."""

    name = "metastore"

    def __init__(self, settings: Settings | None = None) -> None:
        self._given = settings

    def get_conn_value(self, conn_id: str) -> str | None:
        return self._get("connections", conn_id)

    def get_variable(self, key: str) -> str | None:
        return self._get("variables", key)

    def conn_ids(self) -> list[str]:
        return self._names("connections")

    def variable_keys(self) -> list[str]:
        return self._names("variables")

    def describe_conn(self, conn_id: str) -> str:
        return f"{self._place()}, connection {conn_id!r}"

    def describe_variable(self, key: str) -> str:
        return f"{self._place()}, variable {key!r}"

    def explain_missing_conn(self, conn_id: str) -> str:
        return self._explain_missing("id")

    def explain_missing_variable(self, key: str) -> str:
        return self._explain_missing("key")

    def set_connection(self, conn_id: str, value: str) -> None:
        with self._stored("connections", create=True) as stored:
            stored.put(conn_id, encrypt(value, self._settings()))

    def delete_connection(self, conn_id: str) -> bool:
        return self._delete("connections", conn_id)

    def set_variable(self, key: str, value: str, description: str | None = None) -> None:
        with self._stored("variables", create=True) as stored:
            stored.put(key, encrypt(value, self._settings()), {"description": description})

    def delete_variable(self, key: str) -> bool:
        return self._delete("variables", key)

    def rotate(self) -> int:
        """Encrypt everything anew with the newest key; returns how many values there are. All or nothing per table."""
        if self._missing():
            return 0
        count = 0
        for table in ("connections", "variables"):
            with self._stored(table) as stored:
                count += stored.rewrite(partial(self._rotated, table))
        return count

    def _rotated(self, table: str, name: str, value: str) -> str:
        try:
            return rotate(value, self._settings())
        except SecretsError as error:
            raise _named(error, table, name) from error

    def _get(self, table: str, name: str) -> str | None:
        if self._missing():
            return None
        with self._stored(table) as stored:
            value = stored.get(name)
        if value is None:
            return None
        try:
            return decrypt(value, self._settings())
        except SecretsError as error:
            raise _named(error, table, name) from error

    def _names(self, table: str) -> list[str]:
        if self._missing():
            return []
        with self._stored(table) as stored:
            return list(stored.all())

    def _delete(self, table: str, name: str) -> bool:
        if self._missing():
            return False
        with self._stored(table) as stored:
            return stored.delete(name)

    @contextmanager
    def _stored(self, table: str, *, create: bool = False) -> Iterator[StoredValues]:
        from tradewind.store.credentials import StoredValues
        from tradewind.store.store import Store
        from tradewind.tables import metadata

        with Store(settings=self._settings()) as store:
            if create:
                store.upgrade()
            yield StoredValues(store.database, metadata.tables[table])

    def _settings(self) -> Settings:
        return self._given if self._given is not None else settings_module.read()

    def _missing(self) -> bool:
        """Whether there is no database yet, told without connecting: on a server there is one."""
        where = self._where()
        return isinstance(where, Path) and is_missing(where)

    def _where(self) -> Path | Server:
        return locate(self._settings().database_url)

    def _place(self) -> str:
        return f"metadata database {self._where()}"

    def _explain_missing(self, word: str) -> str:
        return f"there is no {self._place()}" if self._missing() else f"{self._place()} has none of that {word}"


def _named(error: SecretsError, table: str, name: str) -> SecretsError:
    return SecretsError(f"The stored {table.removesuffix('s')} {name!r} cannot be read. {error}")
