"""S3ToRedshiftOperator: COPY into a table."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from tradewind.errors import UsageError
from tradewind_aws.errors import RedshiftError
from tradewind_aws.operators.aws_task import named
from tradewind_aws.redshift.task import FIELDS, RedshiftTask, options_of
from tradewind_aws.redshift.words import Literals, name_parts, quoted, quoted_column, quoted_name

METHODS = ("APPEND", "UPSERT", "REPLACE")

_PRIMARY_KEY = """
SELECT used.column_name
FROM information_schema.table_constraints AS found
JOIN information_schema.key_column_usage AS used
  ON used.constraint_name = found.constraint_name
 AND used.constraint_schema = found.constraint_schema
 AND used.table_name = found.table_name
WHERE found.constraint_type = 'PRIMARY KEY'
  AND found.table_schema = {schema}
  AND found.table_name IN ({table}, lower({table}))
ORDER BY used.ordinal_position
"""


class S3ToRedshiftOperator(RedshiftTask):
    """Loads objects of S3 into a table of Redshift by COPY.

        S3ToRedshiftOperator(task_id="load", table="orders", schema="sales", s3_bucket="lake", s3_key="orders/{{ ds }}",
                             copy_options=["CSV", "IGNOREHEADER 1"], method="UPSERT", upsert_keys=["id"])

    - `table`, `schema`: the table. `column_list`: its columns, in the order of the values.
    - `s3_bucket`, `s3_key`: a key, or the beginning of the keys of several objects.
    - `copy_options`: a list of options of COPY, as they stand in SQL.
    - `method`: `APPEND` adds the rows. `REPLACE`: they take the place of all others. `UPSERT`: they take the place of
      those with the same `upsert_keys` (by default the table's primary key); rows with the same key twice, or without
      one, are an error. The last two happen in one transaction.
    - `autocommit`: of `APPEND`: the statement is a transaction by itself.

    Connections and roles are those of `RedshiftTask`. When the task is stopped, its statement is cancelled.
    """

    template_fields: Sequence[str] = (*FIELDS, "column_list", "copy_options", "method", "upsert_keys")

    def __init__(
        self,
        *,
        table: str,
        s3_bucket: str,
        s3_key: str,
        schema: str | None = None,
        column_list: list[str] | None = None,
        copy_options: list[str] | None = None,
        autocommit: bool = False,
        method: str = "APPEND",
        upsert_keys: list[str] | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.table = table
        self.s3_bucket = s3_bucket
        self.s3_key = s3_key
        self.schema = schema
        self.column_list = column_list
        self.copy_options = copy_options
        self.autocommit = autocommit
        self.method = method
        self.upsert_keys = upsert_keys

    def execute(self, context: Any) -> None:
        if self.method not in METHODS:
            raise UsageError(
                f"Task {self.task_id!r}: method is {self.method!r}; it must be one of {', '.join(METHODS)}."
            )
        target = quoted_name(self.schema, named(self, "table"))
        hook = self.open()
        with hook.session():
            literal = self.literals()
            if self.method == "APPEND":
                self._copy(target, literal, autocommit=self.autocommit)
            else:
                with hook.transaction():
                    self._replace(target, literal) if self.method == "REPLACE" else self._upsert(target, literal)
        self._hook = None

    def _copy(self, target: str, literal: Literals, *, autocommit: bool = False) -> None:
        source = literal(f"s3://{named(self, 's3_bucket')}/{named(self, 's3_key')}")
        columns = f" ({self._columns})" if self.column_list else ""
        granted, options = self.access(literal, options_of(self, "copy_options"))
        self.run_with(
            granted,
            lambda clause: "\n".join([f"COPY {target}{columns}", f"FROM {source}", clause, *options]),
            autocommit=autocommit,
        )

    @property
    def _columns(self) -> str:
        return ", ".join(map(quoted_column, self.column_list or ()))

    def _replace(self, target: str, literal: Literals) -> None:
        self.run(f"DELETE FROM {target}")  # TRUNCATE would end the transaction
        self._copy(target, literal)

    def _upsert(self, target: str, literal: Literals) -> None:
        keys = [quoted_column(key) for key in self._keys(literal)]
        staging = quoted(f"tradewind_{secrets.token_hex(8)}")
        self.run(f"CREATE TEMPORARY TABLE {staging} (LIKE {target} INCLUDING DEFAULTS)")
        self._copy(staging, literal)
        self._check_keys(staging, keys)
        own = quoted(name_parts(target)[-1])
        same = " AND ".join(f"{own}.{key} = {staging}.{key}" for key in keys)
        self.run(f"DELETE FROM {target} USING {staging} WHERE {same}")
        into, columns = (f" ({self._columns})", self._columns) if self.column_list else ("", "*")
        self.run(f"INSERT INTO {target}{into} SELECT {columns} FROM {staging}")
        self.run(f"DROP TABLE {staging}")

    def _keys(self, literal: Literals) -> Sequence[str]:
        if self.upsert_keys:
            return [self.upsert_keys] if isinstance(self.upsert_keys, str) else self.upsert_keys
        before = name_parts(self.schema) if self.schema else []
        *before, table = [*before, *name_parts(self.table)]
        schema = literal(before[-1]) if before else "current_schema()"
        found = self._hook.get_records(_PRIMARY_KEY.format(schema=schema, table=literal(table)))
        if not found:
            raise UsageError(
                f"Task {self.task_id!r}: the table {self.table!r} has no primary key that would tell rows apart; say "
                "upsert_keys=."
            )
        return [quoted(str(row[0])) for row in found]

    def _check_keys(self, staging: str, keys: Sequence[str]) -> None:
        """Redshift enforces no keys, and nothing says which of two rows would be the later one."""
        joined = ", ".join(keys)
        missing = " OR ".join(f"{key} IS NULL" for key in keys)
        twice = f"SELECT 1 FROM {staging} GROUP BY {joined} HAVING count(*) > 1"
        counts = f"SELECT (SELECT count(*) FROM ({twice}) AS twice), count(*) FROM {staging} WHERE {missing}"
        repeated, without = self._hook.get_first(counts)
        if repeated or without:
            raise RedshiftError(
                f"Task {self.task_id!r}: s3://{self.s3_bucket}/{self.s3_key} has {repeated} keys ({joined}) with "
                f"several rows, and {without} rows without a key. The table is as it was."
            )
