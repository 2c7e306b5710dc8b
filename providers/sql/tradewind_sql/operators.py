"""Operators that run SQL, on any connection whose hook is a `DbApiHook`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, ClassVar, NoReturn

from tradewind.errors import TaskFailed, TradewindError
from tradewind.hook import BaseHook
from tradewind.operator import BaseOperator
from tradewind_sql.errors import SqlError
from tradewind_sql.handlers import fetch_all_handler, return_single_query_results
from tradewind_sql.hook import DbApiHook, Parameters

Descriptions = list[Sequence[Sequence[Any]] | None]

#: Gets a list with the result of each statement, and their `cursor.description`s.
OutputProcessor = Callable[[list[Any], Descriptions], Any]


def database_hook(task_id: str, conn_id: str | None, params: Mapping[str, Any], *, argument: str) -> DbApiHook:
    """The hook of a connection for a task, which named it with `argument`. Raises SqlError if it runs no SQL."""
    if not conn_id:
        raise SqlError(f"Task {task_id!r} names no connection: pass {argument}=.")
    hook = BaseHook.get_hook(conn_id, hook_params=dict(params))
    if not isinstance(hook, DbApiHook):
        raise SqlError(
            f"Task {task_id!r}: connection {conn_id!r} is for {type(hook).__name__}, which does not run SQL; "
            "name the connection of a database."
        )
    return hook


class BaseSQLOperator(BaseOperator):
    """A task that uses one SQL connection.

    - `conn_id`: the connection, whose hook must be a `DbApiHook`.
    - `database`: takes the place of the connection's own.
    - `hook_params`: keywords for the hook.
    - `statement_timeout`: seconds after which the server gives up a statement of this task.
    - `retry_on_failure`: False: a failure of the SQL, or of the check, is final, whatever `retries` says.

    When the task is stopped, its statement is cancelled on the server.
    """

    conn_id_field = "conn_id"
    template_fields: Sequence[str] = ("conn_id", "database", "hook_params")

    def __init__(
        self,
        *,
        conn_id: str | None = None,
        database: str | None = None,
        hook_params: dict[str, Any] | None = None,
        statement_timeout: float | None = None,
        retry_on_failure: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id
        self.database = database
        self.hook_params = hook_params or {}
        self.statement_timeout = statement_timeout
        self.retry_on_failure = retry_on_failure
        self._used: DbApiHook | None = None  #: the hook that a stop of the task has to reach

    @cached_property
    def _hook(self) -> DbApiHook:
        params = dict(self.hook_params)
        if self.database:
            params["schema"] = self.database
        if self.statement_timeout is not None:
            params["statement_timeout"] = self.statement_timeout
        return database_hook(self.task_id, getattr(self, self.conn_id_field), params, argument=self.conn_id_field)

    def get_db_hook(self) -> DbApiHook:
        """The hook of the connection; override it to bring another."""
        return self._hook

    def _use_hook(self) -> DbApiHook:
        """`get_db_hook`, within reach of `on_kill`."""
        self._used = self.get_db_hook()
        return self._used

    def on_kill(self) -> None:
        """Cancel the statement that is being executed."""
        if self._used is not None:
            self._used.cancel()

    @contextmanager
    def _named_failures(self) -> Iterator[None]:
        """Say which task and connection it was about when the database raises its own error."""
        try:
            yield
        except SqlError as error:
            if self.retry_on_failure:
                raise
            raise TaskFailed(f"Task {self.task_id!r}: {error}") from error
        except TradewindError:
            raise
        except Exception as error:
            where = f"Task {self.task_id!r} failed on connection {getattr(self, self.conn_id_field)!r}"
            self._fail(f"{where}: {type(error).__name__}: {error}", SqlError, error)

    def _fail(self, message: str, kind: type[SqlError], cause: Exception | None = None) -> NoReturn:
        """End the task by an error of `kind`, or by one that is not tried again."""
        raise (kind(message) if self.retry_on_failure else TaskFailed(message)) from cause


class SQLExecuteQueryOperator(BaseSQLOperator):
    """Runs `sql`: a text, a list of texts, or the name of a `.sql` file; see `DbApiHook.run` for what it returns.

    The result becomes the task's XCom, with rows as lists. `output_processor` gets the list of results (one per
    statement) and of cursor descriptions, and returns what to push instead. Without XCom (`do_xcom_push=False`) results
    are not fetched at all, unless `requires_result_fetch`. Results are logged with `show_return_value_in_logs` only.
    """

    function_field = "sql"
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
            hook = self._use_hook()
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
