"""Operators that load a table: SQLInsertRowsOperator from rows, SQLBulkLoadOperator from a file.

What comes before and after the rows is in the same transaction: a task that fails leaves everything as it was.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from tradewind.errors import DagError, TaskSkipped
from tradewind.operator import XComArg
from tradewind.template import literal
from tradewind_sql.hook import DbApiHook
from tradewind_sql.operators import BaseSQLOperator

Statements = str | list[str] | None

#: Gets the rows and, as keywords, the context; gives the rows to insert.
RowsProcessor = Callable[..., Any]


def run_all(hook: DbApiHook, statements: Statements) -> None:
    """Run a text of statements, or a list of them, if there are any."""
    if statements:
        hook.run(statements, split_statements=True)


def keywords(context: Any) -> dict[str, Any]:
    """A task's context, to be passed on as keywords."""
    return dict(context.as_keywords() if hasattr(context, "as_keywords") else context)


class _LoadOperator(BaseSQLOperator):
    """Loads a table between two groups of statements, all in one transaction."""

    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"preoperator": "sql", "postoperator": "sql"}

    def __init__(self, *, preoperator: Statements = None, postoperator: Statements = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.preoperator = preoperator
        self.postoperator = postoperator

    @abstractmethod
    def load(self, hook: DbApiHook, context: Any) -> int:
        """Load the rows, and tell how many."""

    def execute(self, context: Any) -> int:
        """Load; gives the number of rows."""
        with self._named_failures():
            hook = self._use_hook()
            with hook.transaction():
                run_all(hook, self.preoperator)
                count = self.load(hook, context)
                run_all(hook, self.postoperator)
        self.log.info("Loaded %s rows", count)
        return count


class SQLInsertRowsOperator(_LoadOperator):
    """Inserts rows that are given, or that another task returned, into a table: all of them or none.

        SQLInsertRowsOperator(
            task_id="store", conn_id="warehouse", table_name="rates", rows=fetch(), preoperator="delete from rates"
        )

    - `table_name`, `schema`: the table, as in `DbApiHook.insert_rows`.
    - `rows`: a list of sequences or of dicts (column to value), or the result of a task. None at all skip this task.
    - `columns`: the columns, in the order of the values; of dicts, those to take. By default the table's own, or the
      keys of the first dict.
    - `ignored_columns`: columns that get no value.
    - `rows_processor`: called with the rows and, as keywords, the context; gives the rows to insert.
    - `preoperator`, `postoperator`: SQL to run before and after, in the same transaction.
    - `insert_args`: more keywords for `insert_rows`, such as `replace` and `replace_index`. There are no commits in
      between, whatever `commit_every` says.

    The number of rows becomes the task's XCom.
    """

    template_fields: Sequence[str] = (
        "table_name",
        "schema",
        "columns",
        "ignored_columns",
        "rows",
        "preoperator",
        "postoperator",
        "insert_args",
        *BaseSQLOperator.template_fields,
    )

    def __init__(
        self,
        *,
        table_name: str,
        schema: str | None = None,
        columns: Iterable[str] | None = None,
        ignored_columns: Iterable[str] | None = None,
        rows: Any = None,
        rows_processor: RowsProcessor | None = None,
        insert_args: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.table_name = table_name
        self.schema = schema
        self.columns = columns
        self.ignored_columns = ignored_columns
        self.rows = rows
        self.rows_processor = rows_processor
        self.insert_args = insert_args or {}

    def render_template_fields(self, context: Any, jinja_env: Any = None) -> None:
        """Render the template fields. Rows are data: what looks like a template in one of their texts is none."""
        if not isinstance(self.rows, str) and not any(XComArg.iter_xcom_args(self.rows)):
            self.rows = literal(self.rows)
        super().render_template_fields(context, jinja_env)

    def execute(self, context: Any) -> int:
        """Insert the rows; gives their number. Raises TaskSkipped if there are none."""
        rows = self.rows
        if rows is not None and (isinstance(rows, str | Mapping) or not isinstance(rows, Iterable)):
            raise DagError(f"Task {self.task_id!r}: rows must be a list of rows, not {type(rows).__name__}.")
        self.rows = list(rows or ())
        if not self.rows:
            raise TaskSkipped(f"Task {self.task_id!r} has no rows to insert into {self.table_name}.")
        return super().execute(context)

    def load(self, hook: DbApiHook, context: Any) -> int:
        rows = self.rows if self.rows_processor is None else self.rows_processor(self.rows, **keywords(context))
        rows = list(rows)
        fields = self._fields(hook, rows)
        insert = {"schema": self.schema, **self.insert_args} if self.schema else self.insert_args
        return hook.insert_rows(self.table_name, _picked(rows, fields), fields, **insert)

    def _fields(self, hook: DbApiHook, rows: list[Any]) -> list[str]:
        if self.columns is not None:
            found = list(self.columns)
        elif rows and isinstance(rows[0], Mapping):
            found = list(rows[0])
        else:
            found = hook.dialect.get_column_names(self.table_name, self.schema)
        ignored = set(self.ignored_columns or ())
        return [column for column in found if column not in ignored]


def _picked(rows: Iterable[Any], fields: list[str]) -> Iterator[Any]:
    """Of dicts, the wanted columns."""
    for row in rows:
        yield {field: row[field] for field in fields if field in row} if isinstance(row, Mapping) else row


class SQLBulkLoadOperator(_LoadOperator):
    """Loads a file into a table with what the database has for that: all of it or nothing.

        SQLBulkLoadOperator(task_id="load", conn_id="warehouse", table="sales", tmp_file="/in/{{ ds }}.txt")

    - `table`, `tmp_file`: as in the hook's `bulk_load`, which says what form the file must have.
    - `preoperator`, `postoperator`: SQL to run before and after, in the same transaction.

    The number of rows becomes the task's XCom, where the database tells it.
    """

    template_fields: Sequence[str] = (
        "table",
        "tmp_file",
        "preoperator",
        "postoperator",
        *BaseSQLOperator.template_fields,
    )

    def __init__(self, *, table: str, tmp_file: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.table = table
        self.tmp_file = tmp_file

    def load(self, hook: DbApiHook, context: Any) -> int:
        return hook.bulk_load(self.table, self.tmp_file)
