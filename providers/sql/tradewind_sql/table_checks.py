"""Operators that check a table: SQLColumnCheck and SQLTableCheck, each with all of its checks in one query."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from tradewind.errors import DagError
from tradewind_sql.check_results import SIGNS, CheckResult, meets, number, share
from tradewind_sql.checks import BaseSQLCheckOperator
from tradewind_sql.expressions import column_sql, one_part, table_sql, where_sql
from tradewind_sql.hook import DbApiHook
from tradewind_sql.operators import BaseSQLOperator

_BOUNDS = frozenset(SIGNS) - {"is"}


class _TableCheckOperator(BaseSQLCheckOperator):
    """Makes one query of many: each is a row of values, side by side."""

    def __init__(self, *, table: str, partition_clause: str | None = None, accept_none: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.table = table
        self.partition_clause = partition_clause
        self.accept_none = accept_none
        self.sql = ""  #: the query, once it was made

    def _values(self, hook: DbApiHook, parts: Sequence[str]) -> Sequence[Any]:
        """The values of queries that give one row each, one behind the other."""
        sources = [f"({part}) q{place}" for place, part in enumerate(parts, 1)]
        self.sql = "SELECT * FROM " + "\nCROSS JOIN ".join(sources)
        return self._first(hook, self.sql)


class SQLColumnCheckOperator(_TableCheckOperator):
    """Checks columns of a table: NULLs, distinct and repeated values, smallest and largest ones.

        SQLColumnCheckOperator(
            task_id="amounts", conn_id="warehouse", table="sales",
            column_mapping={
                "id": {"null_check": {"equal_to": 0}, "unique_check": {"equal_to": 0}},
                "amount": {"min": {"geq_to": 0}, "max": {"less_than": 1000, "tolerance": 0.1}},
            },
            partition_clause="day = '{{ ds }}'",
        )

    - `table`: a table; plain names are quoted.
    - `column_mapping`: column -> check -> what its value is compared with: `equal_to`, `greater_than`, `geq_to`,
      `less_than`, `leq_to`; with `tolerance`, the share by which a bound may be missed, and `partition_clause`, a
      condition for that check alone. Checks: `null_check` (number of NULLs), `distinct_check` (number of different
      values), `unique_check` (number of repeated values), `min`, `max`.
    - `partition_clause`: a condition for all checks.
    - `accept_none`: a value that is NULL, as `min` of no rows, counts as 0; False: it fails the check.
    """

    template_fields: Sequence[str] = ("table", "partition_clause", "column_mapping", *BaseSQLOperator.template_fields)
    template_fields_renderers: ClassVar[dict[str, str]] = {"column_mapping": "json"}

    #: Check -> SQL; a subclass may add to it.
    column_checks: ClassVar[Mapping[str, str]] = {
        "null_check": "SUM(CASE WHEN {column} IS NULL THEN 1 ELSE 0 END)",
        "distinct_check": "COUNT(DISTINCT {column})",
        "unique_check": "COUNT({column}) - COUNT(DISTINCT {column})",
        "min": "MIN({column})",
        "max": "MAX({column})",
    }

    def __init__(
        self,
        *,
        table: str,
        column_mapping: dict[str, dict[str, Any]],
        partition_clause: str | None = None,
        accept_none: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(table=table, partition_clause=partition_clause, accept_none=accept_none, **kwargs)
        self.column_mapping = column_mapping
        for column, check, wanted in self._checks():
            try:
                self._validate(check, wanted)
            except ValueError as error:
                raise DagError(f"Task {self.task_id!r}: {check} of column {column!r}: {error}.") from None
        if not list(self._checks()):
            raise DagError(f"Task {self.task_id!r}: column_mapping is empty, so that nothing would be checked.")

    def find(self, hook: DbApiHook) -> list[CheckResult]:
        checks = list(self._checks())
        parts: dict[str | None, list[tuple[str, str, Mapping[str, Any]]]] = {}
        for one in checks:  # checks of the same rows share one look at them
            parts.setdefault(one[2].get("partition_clause"), []).append(one)
        values = self._values(hook, [self._part(hook, clause, some) for clause, some in parts.items()])
        in_order = [one for some in parts.values() for one in some]
        found = {(column, check): value for (column, check, _), value in zip(in_order, values)}
        return [self._result(*one, found[one[0], one[1]]) for one in checks]

    def _checks(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        for column, checks in self.column_mapping.items():
            for check, wanted in checks.items():
                yield column, check, wanted

    def _part(self, hook: DbApiHook, clause: str | None, checks: Sequence[tuple[str, str, Mapping[str, Any]]]) -> str:
        """The query for checks of the same rows."""
        aggregates = [
            self.column_checks[check].format(column=column_sql(hook, column)) + f" AS v{place}"
            for place, (column, check, _) in enumerate(checks, 1)
        ]
        where = where_sql(hook, self.partition_clause, clause)
        return f"SELECT {', '.join(aggregates)} FROM {table_sql(hook, self.table)}{where}"

    def _result(self, column: str, check: str, wanted: Mapping[str, Any], value: Any) -> CheckResult:
        tolerance = wanted.get("tolerance")
        bounds = {bound: limit for bound, limit in wanted.items() if bound in _BOUNDS}
        counted = 0 if value is None and self.accept_none else value
        passed = meets(counted, bounds, tolerance)
        clause = wanted.get("partition_clause")
        details = {} if clause is None else {"partition_clause": clause}
        return CheckResult(f"{column}:{check}", column, check, value, bounds, tolerance, passed, details)

    def _validate(self, check: str, wanted: Mapping[str, Any]) -> None:
        if check not in self.column_checks:
            raise ValueError(f"there is no such check; known are {', '.join(self.column_checks)}")
        bounds = _BOUNDS & wanted.keys()
        unknown = wanted.keys() - _BOUNDS - {"tolerance", "partition_clause"}
        if unknown or not bounds:
            told = f"unknown: {', '.join(sorted(unknown))}" if unknown else "it is compared with nothing"
            raise ValueError(f"{told}; give one or two of {', '.join(sorted(_BOUNDS))}")
        share(wanted.get("tolerance"))
        lower, upper = bounds & {"greater_than", "geq_to"}, bounds & {"less_than", "leq_to"}
        if len(lower) > 1 or len(upper) > 1 or ("equal_to" in bounds and len(bounds) > 1):
            raise ValueError(f"{', '.join(sorted(bounds))} exclude each other")
        if lower and upper:
            _check_order(wanted, *lower, *upper)


def _check_order(wanted: Mapping[str, Any], lower: str, upper: str) -> None:
    low, high = number(wanted[lower]), number(wanted[upper])
    if low is None or high is None:
        return
    if low > high or (low == high and (lower, upper) != ("geq_to", "leq_to")):
        raise ValueError(f"nothing is {SIGNS[lower]} {wanted[lower]} and {SIGNS[upper]} {wanted[upper]}")


class SQLTableCheckOperator(_TableCheckOperator):
    """Checks a table with SQL conditions.

        SQLTableCheckOperator(
            task_id="sales", conn_id="warehouse", table="sales",
            checks={
                "enough": {"check_statement": "count(*) >= 1000"},
                "adds_up": {"check_statement": "net + tax = gross", "partition_clause": "gross is not null"},
            },
        )

    - `table`: a table; plain names are quoted.
    - `checks`: name -> `check_statement`, a condition on the whole table (with aggregates) or one that must be true in
      each row, and optionally `partition_clause`, a condition on the rows that it looks at.
    - `partition_clause`: a condition for all checks.
    - `accept_none`: a condition on rows passes if there are none. By default it fails.
    """

    template_fields: Sequence[str] = ("table", "partition_clause", "checks", *BaseSQLOperator.template_fields)
    template_fields_renderers: ClassVar[dict[str, str]] = {"checks": "json"}

    def __init__(
        self,
        *,
        table: str,
        checks: dict[str, dict[str, Any]],
        partition_clause: str | None = None,
        accept_none: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(table=table, partition_clause=partition_clause, accept_none=accept_none, **kwargs)
        self.checks = checks
        if not checks:
            raise DagError(f"Task {self.task_id!r}: checks is empty, so that nothing would be checked.")
        for name, check in checks.items():
            unknown = check.keys() - {"check_statement", "partition_clause"}
            if not check.get("check_statement") or unknown:
                raise DagError(
                    f"Task {self.task_id!r}: the check {name!r} needs a check_statement, and may have a "
                    f"partition_clause; it has {', '.join(check) or 'nothing'}."
                )

    def find(self, hook: DbApiHook) -> list[CheckResult]:
        values = self._values(hook, [self._part(hook, check) for check in self.checks.values()])
        return [self._result(name, check, value) for (name, check), value in zip(self.checks.items(), values)]

    def _part(self, hook: DbApiHook, check: Mapping[str, str]) -> str:
        where = where_sql(hook, self.partition_clause, check.get("partition_clause"))
        statement = one_part(check["check_statement"], "check_statement", hook)
        condition = f"CASE WHEN {statement}\nTHEN 1 ELSE 0 END"
        rows = f"SELECT {condition} AS v FROM {table_sql(hook, self.table)}{where}"
        return f"SELECT MIN(v) AS v FROM ({rows}) r"

    def _result(self, name: str, check: Mapping[str, str], value: Any) -> CheckResult:
        passed = self.accept_none if value is None else bool(value)
        clause = check.get("partition_clause")
        details = {} if clause is None else {"partition_clause": clause}
        found = None if value is None else bool(value)
        return CheckResult(name, None, check["check_statement"], found, {"is": True}, None, passed, details)
