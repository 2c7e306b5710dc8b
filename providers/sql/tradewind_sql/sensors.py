"""SqlSensor: waits for what a query says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, ClassVar

from tradewind.errors import DagError, TradewindError
from tradewind.operator import BaseSensor
from tradewind_sql.errors import CheckFailed, SqlError
from tradewind_sql.hook import DbApiHook, Parameters
from tradewind_sql.operators import database_hook

_first_cell = itemgetter(0)


class SqlSensor(BaseSensor):
    """Waits until the first value of a query is true: not 0, "0", empty or NULL.

        SqlSensor(task_id="arrived", conn_id="warehouse", sql="select count(*) from sales where day = '{{ ds }}'")

    - `sql`: a query, or the name of a `.sql` file; `parameters`: values for its placeholders.
    - `selector`: gets the first row; what it returns is looked at, by default the first value.
    - `success`: gets that, and says whether the wait is over.
    - `failure`: gets it first, and says whether the sensor is to fail.
    - `fail_on_empty`: fail if there is no row. By default that means "not yet".
    - `hook_params`: keywords for the hook; `statement_timeout`: seconds that one look may take.

    Between two looks no connection is kept.
    """

    template_fields: Sequence[str] = ("conn_id", "sql", "hook_params", "parameters")
    template_ext: Sequence[str] = (".hql", ".sql")
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql"}
    ui_color = "#7c7287"

    def __init__(
        self,
        *,
        conn_id: str,
        sql: str,
        parameters: Parameters | None = None,
        success: Callable[[Any], bool] | None = None,
        failure: Callable[[Any], bool] | None = None,
        selector: Callable[[Any], Any] = _first_cell,
        fail_on_empty: bool = False,
        hook_params: Mapping[str, Any] | None = None,
        statement_timeout: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, function in (("success", success), ("failure", failure), ("selector", selector)):
            if function is not None and not callable(function):
                raise DagError(f"Sensor {self.task_id!r}: {name} must be a function, not {function!r}.")
        self.conn_id = conn_id
        self.sql = sql
        self.parameters = parameters
        self.success = success
        self.failure = failure
        self.selector = selector
        self.fail_on_empty = fail_on_empty
        self.hook_params = hook_params
        self.statement_timeout = statement_timeout
        self._hook: DbApiHook | None = None

    def poke(self, context: Any) -> bool:
        row = self._first_row()
        if not row:
            if self.fail_on_empty:
                raise CheckFailed(f"Sensor {self.task_id!r}: the query returned zero rows.\nQuery:\n{self.sql}")
            return False
        plain = tuple(row.values()) if isinstance(row, Mapping) and self.selector is _first_cell else row
        found = self.selector(plain)
        if self.failure is not None and self.failure(found):
            raise CheckFailed(f"Sensor {self.task_id!r}: its failure criterion is met by {found!r}.")
        if self.success is not None:
            return bool(self.success(found))
        return bool(found) and found != "0"

    def on_kill(self) -> None:
        if self._hook is not None:
            self._hook.cancel()

    def _first_row(self) -> Any:
        if self._hook is None:
            params = dict(self.hook_params or {})
            if self.statement_timeout is not None:
                params["statement_timeout"] = self.statement_timeout
            self._hook = database_hook(self.task_id, self.conn_id, params, argument="conn_id")
        try:
            return self._hook.get_first(self.sql, self.parameters)
        except TradewindError:
            raise
        except Exception as error:  # every driver has its own
            where = f"Sensor {self.task_id!r} failed on connection {self.conn_id!r}"
            raise SqlError(f"{where}: {type(error).__name__}: {error}") from error
