"""S3ToSqlOperator: the rows of an object into a table."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import KW_ONLY, dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any

from tradewind.errors import TradewindError, TransferError, UsageError
from tradewind.operator import BaseOperator
from tradewind.transfer import FileEndpoint
from tradewind.transfer.files import Output
from tradewind_aws.databases import database_hook
from tradewind_aws.hook import AwsBaseHook
from tradewind_aws.operators.aws_task import named, place
from tradewind_aws.s3.hook import S3Hook
from tradewind_aws.transfers.formats import FORMATS, format_of

#: Gets the path of a file, and gives its rows.
Parser = Callable[[str], Iterable[Any]]


class S3ToSqlOperator(BaseOperator):
    """Inserts the rows of an object into a table, whatever their number: the object goes through a temporary file.

        S3ToSqlOperator(task_id="load", s3_key="s3://lake/orders/{{ ds }}.csv.gz", table="orders", sql_conn_id="shop")

    - `s3_key`, `s3_bucket`: the object; the key may be a whole address.
    - `table`, `schema`: the table, and the schema that it is in.
    - `parser`: a function that gets the path of a file with the object's content and gives rows. Without it the object
      is CSV with a header, JSON Lines or Parquet, perhaps compressed, as its key or `file_format` says.
    - `column_list`: the table's columns, in the order of the rows' values; by default those that the file names.
    - `commit_every`: rows in one transaction; 0: all of them, so that a failure leaves the table as it was.
    - `sql_conn_id`, `sql_hook_params`: connection of the database, and keywords for its hook.

    The task's XCom is the number of rows. When the task is stopped, so is what the database does. Rows are inserted
    again when the task is: to load a table so that this may happen use `Transfer` with a table's `mode`.
    """

    template_fields: Sequence[str] = (
        "s3_bucket",
        "s3_key",
        "schema",
        "table",
        "column_list",
        "sql_conn_id",
        "aws_conn_id",
    )
    ui_color = "#f4a460"

    def __init__(
        self,
        *,
        s3_key: str,
        table: str,
        s3_bucket: str | None = None,
        parser: Parser | None = None,
        file_format: str | None = None,
        column_list: list[str] | None = None,
        commit_every: int = 0,
        schema: str | None = None,
        sql_conn_id: str = "sql_default",
        sql_hook_params: dict[str, Any] | None = None,
        aws_conn_id: str | None = AwsBaseHook.default_conn_name,
        verify: bool | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.s3_key = s3_key
        self.s3_bucket = s3_bucket
        self.table = table
        self.parser = parser
        self.file_format = file_format
        self.column_list = column_list
        self.commit_every = commit_every
        self.schema = schema
        self.sql_conn_id = sql_conn_id
        self.sql_hook_params = sql_hook_params
        self.aws_conn_id = aws_conn_id
        self.verify = verify
        self._hook: Any = None

    def execute(self, context: Any) -> int:
        self._hook = database_hook(self, "sql_conn_id", self.sql_hook_params, "insert_rows", "cancel")
        schema = None if self.schema is None else named(self, "schema")
        with tempfile.NamedTemporaryFile(prefix="tradewind-") as file:
            with S3Hook(self.aws_conn_id, verify=self.verify) as s3:
                bucket, key = place(self, s3, "s3_bucket", "s3_key")
                s3._download(bucket, key, file)
            file.flush()
            count = self._load(f"s3://{bucket}/{key}", Path(file.name), {"schema": schema} if schema else {})
        self._hook = None
        self.log.info("Inserted %s rows of s3://%s/%s into %s", f"{count:,}", bucket, key, self.table)
        return count

    def _load(self, address: str, path: Path, options: dict[str, Any]) -> int:
        if self.parser is not None:
            return self._insert(self.parser(str(path)), self.column_list, options)
        form = FORMATS[format_of(address, self.file_format)]
        reader: Any = _Downloaded(address, path, format=form).reader()
        with reader:
            names = [column.name for column in reader.columns]
            if self.column_list and len(self.column_list) != len(names):
                raise UsageError(f"Task {self.task_id!r}: column_list is {self.column_list}, and the file has {names}.")
            with closing(_rows(reader)) as rows:
                return self._insert(rows, self.column_list or names, options)

    def _insert(self, rows: Iterable[Any], columns: Sequence[str] | None, options: dict[str, Any]) -> int:
        table = named(self, "table")
        try:
            count: int = self._hook.insert_rows(
                table, rows, target_fields=columns, commit_every=self.commit_every, **options
            )
        except TradewindError:
            raise
        except Exception as error:  # every driver has its own
            error.add_note(f"Task {self.task_id!r} inserted into {table!r} on connection {self.sql_conn_id!r}.")
            raise
        return count

    def on_kill(self) -> None:
        """Stop what the database does."""
        if self._hook is not None:
            self._hook.cancel()


def _rows(reader: Any) -> Generator[tuple[Any, ...]]:
    yield from chain.from_iterable(reader.rows())


@dataclass(frozen=True, repr=False)
class _Downloaded(FileEndpoint):
    """An object whose content is in a file; messages about it name the object."""

    address: str
    path: Path
    _: KW_ONLY

    @property
    def name(self) -> str:
        return self.address

    def open_input(self) -> IO[bytes]:
        return self.path.open("rb")

    def open_output(self) -> Output:
        raise TransferError(f"{self.address} is read here, and not written.")
