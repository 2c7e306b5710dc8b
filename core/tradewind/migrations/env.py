"""Run by Alembic, by this very path, for each upgrade. The connection comes from `migrations.upgrade`."""

from __future__ import annotations

from alembic import context

from tradewind.migrations import VERSION_TABLE
from tradewind.tables import metadata


def run() -> None:
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        version_table=VERSION_TABLE,
        target_metadata=metadata,
        # SQLite can undo DDL too, as long as nothing commits behind our back.
        transactional_ddl=connection.dialect.name in ("sqlite", "postgresql"),
    )
    with context.begin_transaction():
        context.run_migrations()


# Alembic runs this file under this name; imported as a module it does nothing.
if __name__ == "env_py":
    run()
