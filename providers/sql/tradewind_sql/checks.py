"""Operators that check the result of a query: SQLCheck, SQLValueCheck, SQLThresholdCheck, SQLIntervalCheck.

All check operators keep what they found as the task's XCom, whether it passed or not: a list of the records that
`CheckResult` describes. They fail with a message that names each check that failed, with its value and its bound.
"""

from __future__ import annotations

import decimal
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from tradewind import xcom
from tradewind.errors import DagError
from tradewind_sql.check_results import CheckResult, meets, number, share
from tradewind_sql.errors import CheckFailed, SqlError
from tradewind_sql.expressions import column_sql, table_sql
from tradewind_sql.hook import DbApiHook, Parameters
from tradewind_sql.operators import BaseSQLOperator

Row = Sequence[Any]

#: The metric of the day and of the day before -> their ratio. Neither is 0.
Formula = Callable[[decimal.Decimal, decimal.Decimal], decimal.Decimal]


class BaseSQLCheckOperator(BaseSQLOperator):
    """Base of operators that check data: define `find(hook)`, which gives the results of all checks."""

    ui_color = "#fff7e6"

    def find(self, hook: DbApiHook) -> list[CheckResult]:
        """The results of all checks; `hook` uses one connection meanwhile."""
        raise NotImplementedError(f"{self.task_type} defines no find(hook), so task {self.task_id!r} checks nothing")

    def execute(self, context: Any) -> list[dict[str, Any]]:
        """Check; gives the records of the results."""
        with self._named_failures():
            hook = self._use_hook()
            with hook.session():
                results = self.find(hook)
        records = [result.record() for result in results]
        failed = [result for result in results if not result.passed]
        if not failed:
            self.log.info("All of %s checks passed: %s", len(results), "; ".join(map(str, results)))
            return records
        if self.do_xcom_push and "ti" in context:  # a task that fails returns nothing
            context["ti"].xcom_push(xcom.RETURN_KEY, records)
        told = "\n".join(f"  {result}" for result in failed)
        self._fail(
            f"{self._check_title()}: {len(failed)} of {len(results)} not passed.\n{told}\n{self.queries()}", CheckFailed
        )

    def queries(self) -> str:
        """The SQL that the results came from, for messages."""
        return f"Query:\n{getattr(self, 'sql', '')}"

    def _first(self, hook: DbApiHook, sql: str, parameters: Parameters | None = None) -> Row:
        """The first row of a query, which must have one."""
        row = hook.get_first(sql, parameters)
        if not row:
            self._fail(f"{self._check_title()}: the query returned zero rows.\nQuery:\n{sql}", CheckFailed)
        return list(row.values()) if isinstance(row, Mapping) else list(row)

    def _check_title(self) -> str:
        return f"Task {self.task_id!r}: check on connection {getattr(self, self.conn_id_field)!r} failed"


class _QueryCheckOperator(BaseSQLCheckOperator):
    """Checks the first row of a query, value by value."""

    template_fields: Sequence[str] = ("sql", "parameters", *BaseSQLOperator.template_fields)
    template_ext: Sequence[str] = (".hql", ".sql")
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql"}

    def __init__(self, *, sql: str, parameters: Parameters | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sql = sql
        self.parameters = parameters

    def find(self, hook: DbApiHook) -> list[CheckResult]:
        row = self._first(hook, self.sql, self.parameters)
        columns = [str(column[0]) for column in hook.last_description or ()]
        names = [column if columns.count(column) == 1 else f"{place}" for place, column in enumerate(columns, 1)]
        return [self.check(*named) for named in zip(names, columns, row)]

    def check(self, name: str, column: str, value: Any) -> CheckResult:
        """Check one value of the row."""
        raise NotImplementedError(f"{self.task_type} defines no check")


class SQLCheckOperator(_QueryCheckOperator):
    """Fails unless every value in the first row of `sql` is true: not 0, not empty, not NULL.

        SQLCheckOperator(task_id="filled", conn_id="warehouse", sql="select count(*) from sales where day = '{{ ds }}'")

    - `sql`: a query, or the name of a `.sql` file.
    - `parameters`: values for its placeholders.

    No row at all fails the check too.
    """

    def check(self, name: str, column: str, value: Any) -> CheckResult:
        return CheckResult(name, column, "value", value, {"is": True}, None, bool(value))


class SQLValueCheckOperator(_QueryCheckOperator):
    """Fails unless every value in the first row of `sql` is `pass_value`.

        SQLValueCheckOperator(
            task_id="total", conn_id="warehouse", sql="select sum(amount) from sales", pass_value=1000, tolerance=0.05
        )

    - `sql`, `parameters`: as in SQLCheckOperator.
    - `pass_value`: numbers are compared as numbers, exactly; anything else as text.
    - `tolerance`: share by which a number may differ: 0.05 allows a twentieth more or less.
    """

    template_fields: Sequence[str] = ("pass_value", *_QueryCheckOperator.template_fields)

    def __init__(self, *, sql: str, pass_value: Any, tolerance: Any = None, **kwargs: Any) -> None:
        super().__init__(sql=sql, **kwargs)
        self.pass_value = pass_value
        self.tolerance = _tolerance(self.task_id, tolerance)

    def check(self, name: str, column: str, value: Any) -> CheckResult:
        wanted = {"equal_to": self.pass_value}
        is_number = number(self.pass_value) is not None
        passed = meets(value, wanted, self.tolerance) if is_number else str(value) == str(self.pass_value)
        return CheckResult(name, column, "value", value, wanted, self.tolerance, passed)


class SQLThresholdCheckOperator(BaseSQLCheckOperator):
    """Fails unless the first value of `sql` is between two thresholds, which are included.

        SQLThresholdCheckOperator(
            task_id="late", conn_id="warehouse", sql="select avg(delay) from flights", min_threshold=0,
            max_threshold="select 2 * avg(delay) from flights_last_year",
        )

    - `sql`: a query, or the name of a `.sql` file.
    - `min_threshold`, `max_threshold`: a number, a query that gives one, or None for no threshold on that side.
    """

    template_fields: Sequence[str] = ("sql", "min_threshold", "max_threshold", *BaseSQLOperator.template_fields)
    template_ext: Sequence[str] = (".hql", ".sql")
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql"}

    def __init__(self, *, sql: str, min_threshold: Any, max_threshold: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sql = sql
        self.min_threshold = min_threshold
        self.max_threshold = max_threshold

    def find(self, hook: DbApiHook) -> list[CheckResult]:
        value = self._first(hook, self.sql)[0]
        column = str((hook.last_description or [("value",)])[0][0])
        low, high = self._threshold(hook, self.min_threshold), self._threshold(hook, self.max_threshold)
        wanted = {bound: limit for bound, limit in (("geq_to", low), ("leq_to", high)) if limit is not None}
        passed = meets(value, wanted)
        self.push(
            {
                "result": value,
                "task_id": self.task_id,
                "min_threshold": low,
                "max_threshold": high,
                "within_threshold": passed,
            }
        )
        return [CheckResult(self.task_id, column, "threshold", value, wanted, None, passed)]

    def push(self, meta_data: dict[str, Any]) -> None:
        """Called with what was found, whether it passed or not; override it to send that somewhere else."""

    def _threshold(self, hook: DbApiHook, threshold: Any) -> Any:
        if threshold is None or number(threshold) is not None:
            return threshold
        found = self._first(hook, str(threshold))[0]
        if number(found) is None:
            self._fail(
                f"{self._check_title()}: the query of a threshold gave {found!r}, which is not a number.\n"
                f"Query:\n{threshold}",
                SqlError,
            )
        return found


def _max_over_min(current: decimal.Decimal, reference: decimal.Decimal) -> decimal.Decimal:
    """The larger one by the smaller one, whichever side of zero they are on; no ratio is enough for opposite sides."""
    if (current < 0) != (reference < 0):
        return decimal.Decimal("Infinity")
    small, large = sorted((abs(current), abs(reference)))
    return large / small


def _relative_diff(current: decimal.Decimal, reference: decimal.Decimal) -> decimal.Decimal:
    return abs(current - reference) / abs(reference)


class SQLIntervalCheckOperator(BaseSQLCheckOperator):
    """Fails unless metrics of the run's day are near those of some days before.

        SQLIntervalCheckOperator(
            task_id="usual", conn_id="warehouse", table="sales", metrics_thresholds={"count(*)": 1.5}, days_back=-7
        )

    - `table`: a table.
    - `metrics_thresholds`: SQL expression -> the ratio that must not be reached.
    - `date_filter_column`: column that holds the day.
    - `days_back`: days between the two, whatever its sign.
    - `ratio_formula`: "max_over_min" (the larger one by the smaller one) or "relative_diff" (the difference by the
      earlier one).
    - `ignore_zero`: whether a metric that is 0 on one of the days passes. One that is NULL never does.
    """

    template_fields: Sequence[str] = ("table", "day", "earlier_day", *BaseSQLOperator.template_fields)

    ratio_formulas: ClassVar[dict[str, Formula]] = {"max_over_min": _max_over_min, "relative_diff": _relative_diff}

    def __init__(
        self,
        *,
        table: str,
        metrics_thresholds: Mapping[str, float],
        date_filter_column: str = "ds",
        days_back: int = -7,
        ratio_formula: str = "max_over_min",
        ignore_zero: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if ratio_formula not in self.ratio_formulas:
            known = ", ".join(self.ratio_formulas)
            raise DagError(f"Task {self.task_id!r}: there is no ratio_formula {ratio_formula!r}; known are {known}.")
        if not metrics_thresholds:
            raise DagError(f"Task {self.task_id!r}: metrics_thresholds is empty, so that nothing would be checked.")
        self.table = table
        self.metrics_thresholds = dict(metrics_thresholds)
        self.date_filter_column = date_filter_column
        self.days_back = -abs(days_back)
        self.ratio_formula = ratio_formula
        self.ignore_zero = ignore_zero
        self.day = "{{ ds }}"
        self.earlier_day = f"{{{{ macros.ds_add(ds, {self.days_back}) }}}}"

    def find(self, hook: DbApiHook) -> list[CheckResult]:
        sql = self._sql(hook)
        now, before = self._first(hook, sql, [self.day]), self._first(hook, sql, [self.earlier_day])
        return [self._compared(*metric) for metric in zip(self.metrics_thresholds, now, before)]

    def queries(self) -> str:
        return f"Days compared: {self.day} and {self.earlier_day}, table {self.table}"

    def _sql(self, hook: DbApiHook) -> str:
        metrics = ", ".join(hook.dialect.protected(metric) for metric in self.metrics_thresholds)
        table = hook.dialect.protected(table_sql(hook, self.table))
        column = hook.dialect.protected(column_sql(hook, self.date_filter_column))
        return f"SELECT {metrics} FROM {table} WHERE {column} = {hook.placeholder}"

    def _compared(self, metric: str, now: Any, before: Any) -> CheckResult:
        current, reference, threshold = number(now), number(before), self.metrics_thresholds[metric]
        ratio = None
        if current is None or reference is None:
            passed = False
        elif not current or not reference:
            passed = self.ignore_zero
        else:
            ratio = self.ratio_formulas[self.ratio_formula](current, reference)
            passed = ratio.is_finite() and meets(ratio, {"less_than": threshold})
        details = {"current": now, "reference": before}
        value = None if ratio is None else float(ratio)
        return CheckResult(metric, None, self.ratio_formula, value, {"less_than": threshold}, None, passed, details)


def _tolerance(task_id: str, tolerance: Any) -> Any:
    try:
        share(tolerance)
    except ValueError as error:
        raise DagError(f"Task {task_id!r}: {error}.") from None
    return tolerance
