"""`MySqlHook`: MySQL and MariaDB through PyMySQL."""

from __future__ import annotations

from typing import Any

from tradewind_sql import DbApiHook


class MySqlHook(DbApiHook):
    """Runs SQL on MySQL or MariaDB."""

    conn_name_attr = "mysql_conn_id"
    default_conn_name = "mysql_default"
    conn_type = "mysql"
    hook_name = "MySQL"
    supports_autocommit = True

    def get_conn(self) -> Any:
        """A new PyMySQL connection."""
        import pymysql

        conn = self.connection
        return pymysql.connect(
            host=conn.host,
            port=conn.port or 3306,
            user=conn.login,
            password=conn.password or "",
            database=self.schema or conn.schema,
            charset="utf8mb4",
        )
