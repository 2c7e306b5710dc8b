"""Operators that run SQL and check its results, on any connection whose hook is a `DbApiHook`."""

from __future__ import annotations

import ast
import decimal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, ClassVar, NoReturn

from tradewind.errors import TaskFailed, TradewindError
from tradewind.hook import BaseHook
from tradewind.operator import BaseOperator
from tradewind_sql.errors import CheckFailed, SqlError
from tradewind_sql.handlers import fetch_all_handler, return_single_query_results
from tradewind_sql.hook import DbApiHook, Parameters

Descriptions = list[Sequence[Sequence[Any]] | None]

#: Gets a list with the result of each statement, and their `cursor.description`s.
OutputProcessor = Callable[[list[Any], Descriptions], Any]


class BaseSQLOperator(BaseOperator):
    """A task that uses one SQL connection.

    `database` takes the place of the connection's own, `hook_params` are keywords for the hook, and with
    `retry_on_failure=False` a failure of the SQL or of the check is final, whatever `retries` says.
    """

    conn_id_field = "conn_id"
    template_fields: Sequence[str] = ("conn_id", "database", "hook_params")

    def __init__(
        self,
        *,
        conn_id: str | None = None,
        database: str | None = None,
        hook_params: dict[str, Any] | None = None,
        retry_on_failure: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id
        self.database = database
        self.hook_params = hook_params or {}
        self.retry_on_failure = retry_on_failure

    @cached_property
    def _hook(self) -> DbApiHook:
        conn_id = getattr(self, self.conn_id_field)
        if not conn_id:
            raise SqlError(f"Task {self.task_id!r} names no connection: pass {self.conn_id_field}=.")
        params = dict(self.hook_params)
        if self.database:
            params["schema"] = self.database
        hook = BaseHook.get_hook(conn_id, hook_params=params)
        if not isinstance(hook, DbApiHook):
            raise SqlError(
                f"Task {self.task_id!r}: connection {conn_id!r} is for {type(hook).__name__}, which does not run SQL; "
                "name the connection of a database."
            )
        return hook

    def get_db_hook(self) -> DbApiHook:
        """The hook of the connection; override it to bring another."""
        return self._hook

    def on_kill(self) -> None:
        """Stop the statement that is being executed."""
        hook = self.__dict__.get("_hook")
        if hook is not None:
            hook.cancel()

    @contextmanager
    def _named_failures(self) -> Iterator[None]:
        """Say which task and connection it was about when the database raises its own error."""
        try:
            yield
        except TradewindError:
            raise
        except Exception as error:
            where = f"Task {self.task_id!r} failed on connection {getattr(self, self.conn_id_field)!r}"
            self._fail(f"{where}: {type(error).__name__}: {error}", SqlError, error)

    def _fail(self, message: str, kind: type[SqlError] = CheckFailed, cause: Exception | None = None) -> NoReturn:
        raise (kind(message) if self.retry_on_failure else TaskFailed(message)) from cause

    def _get_first(self, sql: str, parameters: Parameters | None) -> Sequence[Any]:
        """The first row of a query, which must have one."""
        with self._named_failures():
            row = self.get_db_hook().get_first(sql, parameters)
        if not row:
            self._fail(f"{self._check_title()}: the query returned zero rows.\nQuery:\n{sql}")
        return list(row.values()) if isinstance(row, Mapping) else list(row)

    def _check_title(self) -> str:
        return f"Task {self.task_id!r}: check on connection {getattr(self, self.conn_id_field)!r} failed"


class SQLExecuteQueryOperator(BaseSQLOperator):
    """Runs `sql`: a text, a list of texts, or the name of a `.sql` file; see `DbApiHook.run` for what it returns.

    The result becomes the task's XCom, with rows as lists. `output_processor` gets the list of results (one per
    statement) and of cursor descriptions, and returns what to push instead. Without XCom (`do_xcom_push=False`) results
    are not fetched at all, unless `requires_result_fetch`. Results are logged with `show_return_value_in_logs` only.
    """

    template_fields: Sequence[str] = ("sql", "parameters", *BaseSQLOperator.template_fields)
    template_ext: Sequence[str] = (".sql", ".json")
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql", "parameters": "json"}
    ui_color = "#cdaaed"

    def __init__(
        self,
        *,
        sql: str | list[str],
        autocommit: bool = False,
        parameters: Parameters | None = None,
        handler: Callable[[Any], Any] = fetch_all_handler,
        output_processor: OutputProcessor | None = None,
        split_statements: bool | None = None,
        return_last: bool = True,
        show_return_value_in_logs: bool = False,
        requires_result_fetch: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sql = sql
        self.autocommit = autocommit
        self.parameters = parameters
        self.handler = handler
        self.output_processor = output_processor
        self.split_statements = split_statements
        self.return_last = return_last
        self.show_return_value_in_logs = show_return_value_in_logs
        self.requires_result_fetch = requires_result_fetch

    def prepare_template(self) -> None:
        if isinstance(self.parameters, str):
            self.parameters = ast.literal_eval(self.parameters)

    def execute(self, context: Any) -> Any:
        fetch = self.do_xcom_push or self.requires_result_fetch
        split = bool(self.split_statements)
        with self._named_failures():
            hook = self.get_db_hook()
            output: Any = hook.run(
                self.sql,
                autocommit=self.autocommit,
                parameters=self.parameters,
                handler=self.handler if fetch else None,
                split_statements=split,
                return_last=self.return_last,
            )
        if not self.do_xcom_push:
            return None
        if return_single_query_results(self.sql, self.return_last, split):
            return _storable(self._process_output([output], hook.descriptions)[-1])
        return _storable(self._process_output(output, hook.descriptions))

    def _process_output(self, results: list[Any], descriptions: Descriptions) -> Any:
        """What to push; override it to work on results and descriptions together."""
        if self.show_return_value_in_logs:
            self.log.info("Operator output is: %s", results)
        return results if self.output_processor is None else self.output_processor(results, descriptions)


class SQLCheckOperator(BaseSQLOperator):
    """Fails unless every value in the first row of `sql` is true: not 0, not empty, not NULL."""

    template_fields: Sequence[str] = ("sql", "parameters", *BaseSQLOperator.template_fields)
    template_ext: Sequence[str] = (".hql", ".sql")
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql"}
    ui_color = "#fff7e6"

    def __init__(self, *, sql: str, parameters: Parameters | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sql = sql
        self.parameters = parameters

    def execute(self, context: Any) -> None:
        row = self._get_first(self.sql, self.parameters)
        if not all(row):
            places = ", ".join(str(place) for place, value in enumerate(row, 1) if not value)
            self._fail(f"{self._check_title()}: not true in column {places}.\nQuery:\n{self.sql}\nResults:\n{row}")
        self.log.info("The check holds: %s", row)


class SQLValueCheckOperator(BaseSQLOperator):
    """Fails unless every value in the first row of `sql` is `pass_value`.

    Numbers are compared as numbers, exactly, or within `tolerance`: 0.1 allows a tenth more or less. Anything else is
    compared as text.
    """

    template_fields: Sequence[str] = ("sql", "pass_value", "parameters", *BaseSQLOperator.template_fields)
    template_ext: Sequence[str] = (".hql", ".sql")
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql"}
    ui_color = "#fff7e6"

    def __init__(
        self,
        *,
        sql: str,
        pass_value: Any,
        tolerance: Any = None,
        parameters: Parameters | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sql = sql
        self.pass_value = pass_value
        self.tolerance = tolerance
        self.parameters = parameters

    def execute(self, context: Any) -> None:
        self.check_value(self._get_first(self.sql, self.parameters))

    def check_value(self, row: Sequence[Any]) -> None:
        """Fail unless each value is the one wanted."""
        wanted = _number(self.pass_value)
        if wanted is None:
            passed = [str(value) == str(self.pass_value) for value in row]
        else:
            low, high = self._range(wanted)
            numbers = [_number(value) for value in row]
            passed = [number is not None and low <= number <= high for number in numbers]
        if not all(passed):
            places = ", ".join(str(place) for place, ok in enumerate(passed, 1) if not ok)
            tolerance = "none" if self.tolerance is None else f"{_number(self.tolerance):%}"
            self._fail(
                f"{self._check_title()}: not the wanted value in column {places}.\nPass value: {self.pass_value}\n"
                f"Tolerance: {tolerance}\nQuery:\n{self.sql}\nResults:\n{row}"
            )
        self.log.info("The check holds: %s", row)

    def _range(self, wanted: decimal.Decimal) -> tuple[decimal.Decimal, decimal.Decimal]:
        if self.tolerance is None:
            return wanted, wanted
        tolerance = _number(self.tolerance)
        if tolerance is None:
            raise SqlError(f"Task {self.task_id!r}: tolerance={self.tolerance!r} is not a number.")
        slack = abs(wanted * tolerance)
        return wanted - slack, wanted + slack


class SqliteOperator(SQLExecuteQueryOperator):
    """`SQLExecuteQueryOperator` under its older name, with `sqlite_conn_id`."""

    template_fields: Sequence[str] = (*SQLExecuteQueryOperator.template_fields, "sqlite_conn_id")
    conn_id_field = "sqlite_conn_id"

    def __init__(self, *, sql: str | list[str], sqlite_conn_id: str = "sqlite_default", **kwargs: Any) -> None:
        super().__init__(sql=sql, conn_id=sqlite_conn_id, **kwargs)
        self.sqlite_conn_id = sqlite_conn_id


def _storable(value: Any) -> Any:
    """Rows as lists, which JSON has; whatever is in them is for XCom to store or refuse."""
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray | memoryview):
        return [_storable(item) for item in value]
    return value


def _number(value: Any) -> decimal.Decimal | None:
    """A number as it is written, without the detour of a float; None if it is none."""
    if isinstance(value, bool):
        return decimal.Decimal(int(value))
    try:
        number = decimal.Decimal(str(value).strip())
    except decimal.InvalidOperation:
        return None
    return number if number.is_finite() else None
