"""SqlToS3Operator: the rows of a query into one object or several."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from tradewind.errors import DagError, UsageError
from tradewind.operator import BaseOperator
from tradewind.transfer import LocalFile, Reader, Source
from tradewind.transfer.compression import without_suffix
from tradewind.transfer.move import Move
from tradewind_aws.databases import database_hook
from tradewind_aws.hook import AwsBaseHook
from tradewind_aws.operators.aws_task import place
from tradewind_aws.s3.hook import S3Hook
from tradewind_aws.transfers.formats import FORMATS, format_of, split_key
from tradewind_aws.transfers.parts import Part, PartsSink

#: Seconds between two lines in the log.
PROGRESS = 10.0

#: pandas' name of a compression -> the suffix of files that have it.
_COMPRESSIONS = {"gzip": ".gz", "zstd": ".zst"}


class SqlToS3Operator(BaseOperator):
    """Writes the rows of a query to an object in S3, whatever their number: they go through a temporary file.

        SqlToS3Operator(task_id="out", sql_conn_id="shop", query="select * from orders where day = '{{ ds }}'",
                        s3_bucket="lake", s3_key="orders/{{ ds }}.csv.gz", replace=True)

    - `query`: the query, or the name of a `.sql` file; `parameters`: values for its placeholders.
    - `sql_conn_id`, `sql_hook_params`: connection of the database, and keywords for its hook.
    - `s3_bucket`, `s3_key`: where to; the key may be a whole address. It stays as it is.
    - `file_format`: `csv`, `json` (an object per line) or `parquet`; by default what the key says, or else `csv`.
    - `replace`: False: an object that is there is an error.
    - `max_rows_per_file`: several objects with so many rows each; their numbers stand before the suffix:
      `orders_0.csv`, `orders_1.csv` ...
    - `groupby_kwargs`: `{"by": "country"}`, or a list of columns: an object for each value, which stands before the
      suffix: `orders_no.csv`; `null` stands for NULL.
    - `df_kwargs`: of what pandas takes: `sep`, `header` (CSV), `compression` ("gzip", "zstd").
    - `df_type`, `read_kwargs`: there are no data frames; `df_type` changes nothing, and `read_kwargs` must be empty.

    Nothing is written before all rows have come. The task's XCom is `{"rows": ..., "files": ["s3://...", ...]}`. When
    the task is stopped, so is its query.
    """

    template_fields: Sequence[str] = ("s3_bucket", "s3_key", "query", "parameters", "sql_conn_id", "aws_conn_id")
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"query": "sql"}
    ui_color = "#f9e4b7"

    def __init__(
        self,
        *,
        query: str,
        s3_bucket: str | None,
        s3_key: str,
        sql_conn_id: str,
        sql_hook_params: dict[str, Any] | None = None,
        parameters: Mapping[str, Any] | Iterable[Any] | None = None,
        read_kwargs: Mapping[str, Any] | None = None,
        df_type: str = "pandas",
        replace: bool = False,
        aws_conn_id: str | None = AwsBaseHook.default_conn_name,
        verify: bool | str | None = None,
        file_format: str | None = None,
        max_rows_per_file: int = 0,
        df_kwargs: Mapping[str, Any] | None = None,
        groupby_kwargs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.query = query
        self.s3_bucket = s3_bucket
        self.s3_key = s3_key
        self.sql_conn_id = sql_conn_id
        self.sql_hook_params = sql_hook_params
        self.parameters = parameters
        self.read_kwargs = read_kwargs
        self.df_type = df_type
        self.replace = replace
        self.aws_conn_id = aws_conn_id
        self.verify = verify
        self.file_format = file_format
        self.max_rows_per_file = max_rows_per_file
        self.df_kwargs = dict(df_kwargs or {})
        self.groupby_kwargs = dict(groupby_kwargs or {})
        self._move: Move | None = None
        self._check()

    def _check(self) -> None:
        who = f"Task {self.task_id!r}"
        if self.file_format is not None and self.file_format not in FORMATS:
            raise DagError(f"{who}: there is no file_format {self.file_format!r}; there are {', '.join(FORMATS)}.")
        if self.read_kwargs:
            raise DagError(f"{who}: rows are not read into a data frame, so that read_kwargs cannot have an effect.")
        if self.max_rows_per_file < 0 or (self.max_rows_per_file and self.groupby_kwargs):
            raise DagError(f"{who}: max_rows_per_file is a number of rows, and excludes groupby_kwargs.")
        if self.groupby_kwargs and (set(self.groupby_kwargs) != {"by"} or not self.groupby_kwargs["by"]):
            raise DagError(f"{who}: groupby_kwargs is {{'by': columns}}, and not {self.groupby_kwargs!r}.")
        unknown = set(self.df_kwargs) - {"sep", "header", "compression", "index", "orient", "lines"}
        given = {"index": False, "orient": "records", "lines": True} | self.df_kwargs
        usual = (given["index"], given["orient"], given["lines"]) == (False, "records", True)
        if unknown or not usual or given.get("compression") not in (None, "infer", *_COMPRESSIONS):
            raise DagError(
                f"{who}: df_kwargs is {self.df_kwargs!r}; of what pandas takes there are sep, header and compression "
                "(gzip, zstd). There is no index, and JSON is an object per line."
            )

    def execute(self, context: Any) -> dict[str, Any]:
        with (
            S3Hook(self.aws_conn_id, verify=self.verify) as s3,
            tempfile.TemporaryDirectory(prefix="tradewind-") as folder,
        ):
            bucket, key = place(self, s3, "s3_bucket", "s3_key")
            if not self.replace and not self._has_parts:
                s3._refuse_existing(bucket, key)  # before the query, which may take long
            rows, parts = self._read(key, Path(folder))
            stem, suffix = split_key(key)
            keys = [f"{stem}_{part.name}{suffix}" if self._has_parts else key for part in parts]
            if not self.replace:
                for one in keys:
                    s3._refuse_existing(bucket, one)
            for one, part in zip(keys, parts):
                s3.load_file(part.path, one, bucket, self.replace)
        files = [f"s3://{bucket}/{one}" for one in keys]
        self.log.info("Wrote %s rows to %s", f"{rows:,}", files[0] if len(files) == 1 else f"{len(files)} objects")
        return {"rows": rows, "files": files}

    @property
    def _has_parts(self) -> bool:
        return bool(self.max_rows_per_file or self.groupby_kwargs)

    def _read(self, key: str, folder: Path) -> tuple[int, list[Part]]:
        """The rows of the query in files of this machine; how many they are."""
        hook = database_hook(self, "sql_conn_id", self.sql_hook_params, "query_reader", "cancel")
        form = FORMATS[format_of(key, self.file_format, default="csv")]
        suffix = _COMPRESSIONS.get(self.df_kwargs.get("compression", ""), key[len(without_suffix(key)) :])

        def make_file(path: Path) -> LocalFile:
            header, delimiter = bool(self.df_kwargs.get("header", True)), self.df_kwargs.get("sep", ",")
            return LocalFile(path, format=form, header=header, delimiter=delimiter)

        source = _Query(hook, self.query, self.parameters)
        if not self._has_parts:
            whole = Part("", folder / f"rows{suffix}")
            return self._carry_out(source, make_file(whole.path)), [whole]
        by = self.groupby_kwargs.get("by", ())
        sink = PartsSink(
            folder, make_file, suffix, max_rows=self.max_rows_per_file, by=[by] if isinstance(by, str) else by
        )
        return self._carry_out(source, sink), sink.parts

    def _carry_out(self, source: Source, sink: LocalFile | PartsSink) -> int:
        self._move = Move(source, sink, None, title=f"Task {self.task_id!r}", log=self.log, progress=PROGRESS)
        done = self._move.run()
        self._move = None
        return done.rows

    def on_kill(self) -> None:
        """Stop the query."""
        move = self._move
        if move is not None:
            move.cancel()


class _Query(Source):
    """A query on a hook that is there."""

    def __init__(self, hook: Any, sql: str, parameters: Any) -> None:
        if not isinstance(sql, str) or not sql.strip():
            raise UsageError("The query is empty.")
        self._given = (sql, parameters)
        self._hook = hook

    def reader(self) -> Reader:
        made: Reader = self._hook.query_reader(*self._given)
        return made
