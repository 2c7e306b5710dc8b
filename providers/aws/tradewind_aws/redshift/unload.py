"""RedshiftToS3Operator: UNLOAD of a table or query."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from typing import Any, ClassVar

from tradewind.errors import UsageError
from tradewind_aws.operators.aws_task import named
from tradewind_aws.redshift.task import FIELDS, RedshiftTask, options_of
from tradewind_aws.redshift.words import name_parts, quoted_name


class RedshiftToS3Operator(RedshiftTask):
    """Writes a table, or the rows of a query, of Redshift to objects of S3 by UNLOAD.

        RedshiftToS3Operator(task_id="out", schema="sales", table="orders", s3_bucket="lake", s3_key="out/{{ ds }}",
                             unload_options=["FORMAT AS PARQUET"])

    - `s3_bucket`, `s3_key`: where to: the beginning of the objects' keys. With `table_as_file_name`, the default, and a
      `table`, `/` and the table's name and `_` come behind it.
    - `schema`, `table`: what is written, unless there is a `select_query` (or the name of a `.sql` file), written as it
      would be anywhere else: its quotes are doubled here. `parameters`: values for its placeholders.
    - `unload_options`: a list of options of UNLOAD, as they stand in SQL. `include_header`: `HEADER` is one of them.
    - `autocommit`: the statement is a transaction by itself.

    Connections and roles are those of `RedshiftTask`. When the task is stopped, its statement is cancelled.
    """

    template_fields: Sequence[str] = (*FIELDS, "unload_options", "select_query", "parameters")
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"select_query": "sql"}
    ui_color = "#ededed"

    def __init__(
        self,
        *,
        s3_bucket: str,
        s3_key: str,
        schema: str | None = None,
        table: str | None = None,
        select_query: str | None = None,
        unload_options: list[str] | None = None,
        autocommit: bool = False,
        include_header: bool = False,
        parameters: Iterable[Any] | Mapping[str, Any] | None = None,
        table_as_file_name: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.s3_bucket = s3_bucket
        self.s3_key = s3_key
        self.schema = schema
        self.table = table
        self.select_query = select_query
        self.unload_options = unload_options
        self.autocommit = autocommit
        self.include_header = include_header
        self.parameters = parameters
        self.table_as_file_name = table_as_file_name

    def execute(self, context: Any) -> None:
        query, key = self._query(), self._key()
        options = options_of(self, "unload_options")
        if self.include_header and "HEADER" not in [option.upper() for option in options]:
            options.append("HEADER")
        hook = self.open()
        with hook.session() as conn:
            literal = self.literals()
            source = literal(self._filled(conn, query))
            place = literal(f"s3://{named(self, 's3_bucket')}/{key}")
            granted, options = self.access(literal, options)
            self.run_with(
                granted,
                lambda clause: "\n".join([f"UNLOAD ({source})", f"TO {place}", clause, *options]),
                autocommit=self.autocommit,
            )
        self._hook = None

    def _query(self) -> str:
        if self.select_query is not None:
            return named(self, "select_query").strip().rstrip(";")
        if self.table is None:
            raise UsageError(f"Task {self.task_id!r} needs table= or select_query=: what to write.")
        return f"SELECT * FROM {quoted_name(self.schema, named(self, 'table'))}"

    def _key(self) -> str:
        if not self.table or not self.table_as_file_name:
            return named(self, "s3_key")
        folder = self.s3_key.rstrip("/")
        return f"{folder}/{name_parts(self.table)[-1]}_".removeprefix("/")

    def _filled(self, conn: Any, query: str) -> str:
        """The query with its parameters in it: in a literal they could not stand."""
        if self.parameters is None:
            return query
        with closing(conn.cursor()) as cursor:
            if not callable(getattr(cursor, "mogrify", None)):
                raise UsageError(
                    f"Task {self.task_id!r}: the driver of connection {self.redshift_conn_id!r} cannot fill parameters "
                    "into a text; leave parameters out."
                )
            given = self.parameters if isinstance(self.parameters, Mapping) else tuple(self.parameters)
            found: bytes | str = cursor.mogrify(query, given)
        return found if isinstance(found, str) else found.decode()
