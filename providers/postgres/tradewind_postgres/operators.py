"""`PostgresOperator`, for DAGs that were written for Airflow 2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tradewind_sql.operators import SQLExecuteQueryOperator


class PostgresOperator(SQLExecuteQueryOperator):
    """`SQLExecuteQueryOperator` under its older name, with `postgres_conn_id`.

    `runtime_parameters` are settings of the server for this task: `{"search_path": "sales", "work_mem": "1GB"}`.
    """

    template_fields: Sequence[str] = (*SQLExecuteQueryOperator.template_fields, "postgres_conn_id")
    conn_id_field = "postgres_conn_id"

    def __init__(
        self,
        *,
        sql: str | list[str],
        postgres_conn_id: str = "postgres_default",
        runtime_parameters: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if runtime_parameters:
            options = " ".join(f"-c {name}={_word(str(value))}" for name, value in runtime_parameters.items())
            kwargs["hook_params"] = {"options": options, **(kwargs.get("hook_params") or {})}
        super().__init__(sql=sql, conn_id=postgres_conn_id, **kwargs)
        self.postgres_conn_id = postgres_conn_id


def _word(value: str) -> str:
    """A value as libpq's `options` have it: spaces and backslashes with a backslash before them."""
    return value.replace("\\", "\\\\").replace(" ", "\\ ")
