"""`PostgresHook`: PostgreSQL through psycopg2."""

from __future__ import annotations

from typing import Any

from tradewind_sql import DbApiHook


class PostgresHook(DbApiHook):
    """Runs SQL on PostgreSQL."""

    conn_name_attr = "postgres_conn_id"
    default_conn_name = "postgres_default"
    conn_type = "postgres"
    hook_name = "PostgreSQL"
    supports_autocommit = True

    def get_conn(self) -> Any:
        """A new psycopg2 connection."""
        import psycopg2

        return psycopg2.connect(self.connection.dsn)
