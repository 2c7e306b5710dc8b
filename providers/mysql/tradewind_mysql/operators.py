"""Operators for MySQL and MariaDB."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tradewind_sql.operators import SQLExecuteQueryOperator


class MySqlOperator(SQLExecuteQueryOperator):
    """`SQLExecuteQueryOperator` under its older name, with `mysql_conn_id`."""

    template_fields: Sequence[str] = (*SQLExecuteQueryOperator.template_fields, "mysql_conn_id")
    conn_id_field = "mysql_conn_id"

    def __init__(self, *, sql: str | list[str], mysql_conn_id: str = "mysql_default", **kwargs: Any) -> None:
        super().__init__(sql=sql, conn_id=mysql_conn_id, **kwargs)
        self.mysql_conn_id = mysql_conn_id
