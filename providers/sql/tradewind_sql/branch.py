"""BranchSQLOperator: chooses among the tasks downstream by what a query says."""

from __future__ import annotations

import decimal
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from tradewind.operators.branch import Branches, BranchMixin
from tradewind_sql.errors import SqlError
from tradewind_sql.hook import Parameters
from tradewind_sql.operators import BaseSQLOperator

_WORDS = {
    **dict.fromkeys(("1", "on", "t", "true", "y", "yes"), True),
    **dict.fromkeys(("0", "f", "false", "n", "no", "off"), False),
}


class BranchSQLOperator(BranchMixin, BaseSQLOperator):
    """Follows one branch if the first value of a query is true, and another one if it is false.

        BranchSQLOperator(
            task_id="any_new", conn_id="warehouse", sql="select count(*) from sales where day = '{{ ds }}'",
            follow_task_ids_if_true="report", follow_task_ids_if_false=["excuse"],
        )

    - `sql`: a query, or the name of a `.sql` file. Its value is a bool, a number (0 is false), or one of the words
      true, yes, y, t, on, 1 and false, no, n, f, off, 0, whatever their case. Anything else fails the task.
    - `follow_task_ids_if_true`, `follow_task_ids_if_false`: ids of tasks or task groups.
    - `parameters`: values for its placeholders.
    """

    inherits_from_skipmixin = True
    template_fields: Sequence[str] = ("sql", "parameters", *BaseSQLOperator.template_fields)
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql"}
    ui_color = "#a22034"
    ui_fgcolor = "#F7F7F7"

    def __init__(
        self,
        *,
        sql: str,
        follow_task_ids_if_true: str | Iterable[str],
        follow_task_ids_if_false: str | Iterable[str],
        parameters: Parameters | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sql = sql
        self.parameters = parameters
        self.follow_task_ids_if_true = _listed(follow_task_ids_if_true)
        self.follow_task_ids_if_false = _listed(follow_task_ids_if_false)

    def execute(self, context: Any) -> Branches:
        with self._named_failures():
            row = self._use_hook().get_first(self.sql, self.parameters)
        if not row:
            self._fail(f"Task {self.task_id!r}: the query returned zero rows.\nQuery:\n{self.sql}", SqlError)
        value = next(iter(row.values())) if isinstance(row, Mapping) else row[0]
        self.log.info("The query gave %r", value)
        chosen = self.follow_task_ids_if_true if self._is_true(value) else self.follow_task_ids_if_false
        return self.do_branch(context, chosen)

    def _is_true(self, value: Any) -> bool:
        if isinstance(value, bool | int | float | decimal.Decimal):
            return bool(value)
        found = _WORDS.get(value.strip().lower()) if isinstance(value, str) else None
        if found is None:
            self._fail(
                f"Task {self.task_id!r}: the query gave {value!r}, which is neither true nor false.\n"
                f"Query:\n{self.sql}",
                SqlError,
            )
        return found


def _listed(value: str | Iterable[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
