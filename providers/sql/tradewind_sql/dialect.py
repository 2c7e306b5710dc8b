"""What differs in the SQL text of databases: how names are quoted, and how inserts and upserts are written.

Every name that a statement is built from is quoted, always: a name can only ever mean the table or column that is
really called so. Texts that already carry quotes (`"my table"`, `sales."2024"`) are taken apart first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from tradewind_sql.errors import InvalidName, SqlError

if TYPE_CHECKING:
    from tradewind_sql.hook import DbApiHook, Parameters

#: Name, type and so on of one column: the keys of SQLAlchemy's inspector.
Column = dict[str, Any]

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class Dialect:
    """SQL text for one hook's database. A provider overrides what its database does differently."""

    #: Opening -> closing quote of names that arrive quoted, besides those of `escape_word_format`.
    quotes: ClassVar[Mapping[str, str]] = {'"': '"'}

    #: Keywords that `insert_rows` hands through to the statements.
    insert_options = frozenset({"schema", "replace_index", "replace_target"})

    def __init__(self, hook: DbApiHook) -> None:
        self.hook = hook

    @property
    def placeholder(self) -> str:
        return self.hook.placeholder

    @property
    def inspector(self) -> Any:
        return self.hook.inspector

    @property
    def reserved_words(self) -> set[str]:
        return self.hook.reserved_words

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """`run` of the hook."""
        return self.hook.run(*args, **kwargs)

    def get_records(self, sql: str | list[str], parameters: Parameters | None = None) -> Any:
        """`get_records` of the hook."""
        return self.hook.get_records(sql, parameters)

    # Names

    def quote(self, name: str) -> str:
        """`name` as it stands, quoted: quotes inside it are part of the name."""
        start, end = self._escape_quotes()
        if not name or "\0" in name:
            raise InvalidName(f"{name!r} cannot be the name of a table or column.")
        return start + name.replace(end, end * 2) + end

    def escape_word(self, word: str) -> str:
        """The name of one column, quoted; a word that is quoted already stays as it is."""
        name = self.column_name(word)
        if self.hook.escape_column_names or not _PLAIN.match(name) or name.casefold() in self.reserved_words:
            return self.quote(name)
        return name

    def column_name(self, word: str) -> str:
        """The name of one column, without the quotes that it may have been given with."""
        return self._unquote(word) if self._quoted_until(word, 0) == len(word) else word

    def unescape_word(self, word: str | None) -> str | None:
        """A name, which may have several parts with dots between them, without its quotes."""
        return ".".join(self.split_name(word)) if word else word

    def split_name(self, text: str) -> list[str]:
        """`schema."my table"` -> `["schema", "my table"]`: the parts between dots, without their quotes."""
        parts: list[str] = []
        position = 0
        while True:
            end = self._quoted_until(text, position)
            if end is not None and (end == len(text) or text[end] == "."):
                parts.append(self._unquote(text[position:end]))
            else:
                dot = text.find(".", position)
                end = len(text) if dot < 0 else dot
                parts.append(text[position:end])
            if not parts[-1]:
                raise InvalidName(f"{text!r} cannot be the name of a table: a part of it is empty.")
            if end == len(text):
                return parts
            position = end + 1

    def extract_schema_from_table(self, table: str) -> tuple[str, str | None]:
        """`"sales"."2024"` -> `("2024", "sales")`: names without quotes; no schema is None."""
        *schema, name = self.split_name(table)
        return name, ".".join(schema) or None

    def table_name(self, table: str, schema: str | None = None) -> str:
        """The quoted name of a table, ready for a statement. `schema` is for tables that name none themselves."""
        parts = self.split_name(table)
        if schema and len(parts) == 1:
            parts = [*self.split_name(schema), *parts]
        elif schema and parts[:-1] != self.split_name(schema):
            raise InvalidName(f"The table {table!r} names another schema than schema={schema!r}; give it once.")
        return ".".join(self.quote(part) for part in parts)

    def _escape_quotes(self) -> tuple[str, str]:
        start, found, end = self.hook.escape_word_format.partition("{}")
        if not found or len(start) != 1 or len(end) != 1:
            raise SqlError(
                f"Connection {self.hook.get_conn_id()!r}: escape_word_format={self.hook.escape_word_format!r} cannot "
                'quote names; it must be "{}" between one opening and one closing quote.'
            )
        return start, end

    def _closing_quote(self, opening: str) -> str | None:
        start, end = self._escape_quotes()
        return end if opening == start else self.quotes.get(opening)

    def _quoted_until(self, text: str, position: int) -> int | None:
        """Where the quoted name that starts at `position` ends; None where none starts or it does not end."""
        quote = self._closing_quote(text[position : position + 1])
        if quote is None:
            return None
        end = position + 1
        while (end := text.find(quote, end)) >= 0:
            if text[end + 1 : end + 2] != quote:
                return end + 1
            end += 2
        return None

    def _unquote(self, quoted: str) -> str:
        return quoted[1:-1].replace(quoted[-1] * 2, quoted[-1])

    # Tables

    def get_columns(self, table: str, schema: str | None = None) -> list[Column]:
        """The columns of a table in their order, as SQLAlchemy's inspector describes them."""
        name, own_schema = self.extract_schema_from_table(table)
        columns = self.inspector.get_columns(name, schema=own_schema or schema)
        return [dict(column) for column in columns]

    def get_column_names(
        self, table: str, schema: str | None = None, predicate: Callable[[Column], bool] = lambda column: True
    ) -> list[str]:
        """Names of the columns that `predicate` is true for."""
        return [column["name"] for column in self.get_columns(table, schema) if predicate(column)]

    def get_target_fields(self, table: str, schema: str | None = None) -> list[str]:
        """Names of the columns that an insert gives a value to: all but those that the database fills in itself."""
        own = ("identity", "computed")
        return self.get_column_names(
            table,
            schema,
            lambda column: not any(column.get(key) for key in own) and column.get("autoincrement") is not True,
        )

    def get_primary_keys(self, table: str, schema: str | None = None) -> list[str]:
        """Columns of the primary key in its order; empty where the table has none."""
        name, own_schema = self.extract_schema_from_table(table)
        key = self.inspector.get_pk_constraint(name, schema=own_schema or schema)
        return list(key.get("constrained_columns") or ())

    # Statements

    def generate_insert_sql(
        self, table: str, values: Sequence[Any], target_fields: Iterable[str] | None = None, **options: Any
    ) -> str:
        """An INSERT with a placeholder for each of `values`.

        `rows`: how many rows the statement takes, one behind the other; `values` are those of one. `schema`: of the
        table.
        """
        return self._fill(self.hook.insert_statement_format, table, values, target_fields, options)

    def generate_replace_sql(
        self, table: str, values: Sequence[Any], target_fields: Iterable[str] | None = None, **options: Any
    ) -> str:
        """A statement that replaces rows with the same key.

        Without `replace_index` it is the database's REPLACE, which deletes the old row, so that columns that are not
        given lose their values. With `replace_index` (a column or several that a unique index covers) only
        `replace_target` is changed in the old row: by default all other given columns, and nothing if it is empty.
        """
        if options.get("replace_index") is None:
            if options.get("replace_target") is not None:
                raise SqlError(
                    f"replace_target= for {table!r} needs replace_index= too: the columns that tell rows apart."
                )
            return self._fill(self.hook.replace_statement_format, table, values, target_fields, options)
        return self._upsert_sql(table, values, target_fields, **options)

    def _upsert_columns(
        self, fields: Sequence[str], replace_index: str | Iterable[str], replace_target: Iterable[str] | None
    ) -> tuple[list[str], list[str]]:
        """The columns of the key, and those that change in a row that is there."""
        index = [replace_index] if isinstance(replace_index, str) else list(replace_index)
        keys = {self._compared(name) for name in index}
        others = [field for field in fields if self._compared(field) not in keys]
        changed = others if replace_target is None else list(replace_target)
        known = {self._compared(field) for field in fields}
        for field in (*index, *changed):
            if self._compared(field) not in known:
                raise SqlError(
                    f"Column {field!r} of replace_index or replace_target is not among those inserted: {fields}."
                )
        return index, changed

    def _compared(self, word: str) -> str:
        """The name of a column in the form in which names are compared."""
        return self.column_name(word)

    def _upsert_sql(
        self,
        table: str,
        values: Sequence[Any],
        target_fields: Iterable[str] | None,
        *,
        replace_index: str | Iterable[str],
        replace_target: Iterable[str] | None = None,
        **options: Any,
    ) -> str:
        fields = list(target_fields or self.get_target_fields(table, options.get("schema")))
        index, changed = self._upsert_columns(fields, replace_index, replace_target)
        insert = self._fill(self.hook.insert_statement_format, table, values, fields, options)
        conflict = f"{insert} ON CONFLICT ({self._joined_words(index)})"
        if not changed:
            return f"{conflict} DO NOTHING"
        words = [self._word(field) for field in changed]
        return f"{conflict} DO UPDATE SET " + ", ".join(f"{word} = excluded.{word}" for word in words)

    def _fill(
        self,
        form: str,
        table: str,
        values: Sequence[Any],
        target_fields: Iterable[str] | None,
        options: Mapping[str, Any],
    ) -> str:
        """The statement of `form`, which has places for the table, the columns and one row of values."""
        fields = f"({self._joined_words(target_fields)})" if target_fields else ""
        row = ", ".join([self.placeholder] * len(values))
        name = self.protected(self.table_name(table, options.get("schema")))
        return form.format(name, fields, "), (".join([row] * options.get("rows", 1)))

    def _joined_words(self, names: Iterable[str]) -> str:
        return ", ".join(self._word(name) for name in names)

    def _word(self, name: str) -> str:
        return self.protected(self.escape_word(name))

    def protected(self, text: str) -> str:
        """Part of a statement, written so that a driver which formats statements leaves its percent signs alone."""
        return text.replace("%", "%%") if self.placeholder == "%s" else text


class SqliteDialect(Dialect):
    """SQLite: also knows `` `name` `` and `[name]`, and asks its own catalogue, without SQLAlchemy."""

    quotes: ClassVar[Mapping[str, str]] = {'"': '"', "`": "`", "[": "]"}

    def get_columns(self, table: str, schema: str | None = None) -> list[Column]:
        name, own_schema = self.extract_schema_from_table(table)
        with self.hook._create_autocommit_connection() as conn:
            rows = conn.execute(
                'SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?, ?) ORDER BY cid',
                (name, own_schema or schema),
            ).fetchall()
        if not rows:
            raise SqlError(f"Connection {self.hook.get_conn_id()!r}: there is no table {table!r}.")
        return [
            {
                "name": column,
                "type": declared,
                "nullable": not not_null,
                "default": default,
                "primary_key": key,
                **({"computed": True} if hidden in (2, 3) else {}),
            }
            for column, declared, not_null, default, key, hidden in rows
            if hidden != 1
        ]

    def get_primary_keys(self, table: str, schema: str | None = None) -> list[str]:
        keys = [column for column in self.get_columns(table, schema) if column["primary_key"]]
        return [column["name"] for column in sorted(keys, key=lambda column: int(column["primary_key"]))]
