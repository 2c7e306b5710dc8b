"""Writes a table of MySQL or MariaDB for a transfer: LOAD DATA LOCAL where it is allowed, one transaction anyway."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any, ClassVar

from tradewind.errors import TransferError
from tradewind.transfer import Column, CsvWriter, Type
from tradewind.transfer.values import text_of
from tradewind_mysql import csv_load, load
from tradewind_mysql.table_reader import SESSION
from tradewind_sql.catalogue import Catalogue, TableColumn
from tradewind_sql.declared import type_of
from tradewind_sql.writing import VALUE, InsertWriter

_REFERENCING = """
SELECT DISTINCT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME) FROM information_schema.KEY_COLUMN_USAGE
WHERE REFERENCED_TABLE_SCHEMA = COALESCE(%s, DATABASE()) AND REFERENCED_TABLE_NAME = %s
"""

_CHECKS = """
SELECT CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS
WHERE CONSTRAINT_SCHEMA = COALESCE(%s, DATABASE()) AND TABLE_NAME = %s
"""

_ENGINE = """
SELECT t.ENGINE, e.TRANSACTIONS FROM information_schema.TABLES t
JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE
WHERE t.TABLE_SCHEMA = COALESCE(%s, DATABASE()) AND t.TABLE_NAME = %s
"""

#: Seconds to wait for another transfer to the same table. What limits a transfer is its task's execution_timeout.
_FOREVER = 365 * 24 * 3600

_NO_SUCH_TABLE = 1146

_ROW = re.compile(r"at row (\d+)")


class MySqlCatalogue(Catalogue):
    """What SHOW and information_schema tell."""

    declarations: ClassVar[Mapping[str, str]] = {
        "any": "LONGTEXT",
        "bool": "TINYINT(1)",
        "int": "BIGINT",
        "decimal": "DECIMAL",
        "float": "DOUBLE",
        "text": "LONGTEXT",
        "bytes": "LONGBLOB",
        "date": "DATE",
        "time": "TIME(6)",
        "timestamp": "DATETIME(6)",
        "timestamptz": "DATETIME(6)",
        "interval": "VARCHAR(64)",
        "uuid": "CHAR(36)",
        "json": "JSON",
        "array": "JSON",
    }

    #: Of a decimal that does not say how many digits it has: as many as there can be.
    WIDEST = (65, 30)

    def columns(self, table: str) -> list[TableColumn] | None:
        hook: Any = self.hook
        with hook.session() as conn:
            try:
                hook.query(conn, f"SELECT 1 FROM {hook.dialect.table_name(table)} LIMIT 0")
            except conn.Error as error:
                if error.args[:1] == (_NO_SUCH_TABLE,):
                    return None
                raise
        rows = hook.rows_as_dicts(f"SHOW FULL COLUMNS FROM {hook.dialect.table_name(table)}")
        documents = self._documents(table) if hook.server.mariadb else ()
        return [_column(row, f"json_valid({hook.dialect.quote(row['Field'])})" in documents) for row in rows]

    def _documents(self, table: str) -> frozenset[str]:
        """MariaDB's JSON is a text with a check; these are the checks of a table."""
        name, schema = self.hook.dialect.extract_schema_from_table(table)
        return frozenset(str(clause) for (clause,) in self.ask(_CHECKS, [schema, name]))

    def unique_keys(self, table: str) -> list[frozenset[str]]:
        hook: Any = self.hook
        return [frozenset(names) for names in hook.dialect.get_unique_keys(table).values()]

    def referencing(self, table: str) -> list[str]:
        name, schema = self.hook.dialect.extract_schema_from_table(table)
        return [str(other) for (other,) in self.ask(_REFERENCING, [schema, name])]

    def engine(self, table: str) -> tuple[str, bool]:
        """The storage engine of a table, and whether it has transactions."""
        name, schema = self.hook.dialect.extract_schema_from_table(table)
        [(engine, transactions)] = self.ask(_ENGINE, [schema, name]) or [("a view", "NO")]
        return str(engine), transactions == "YES"

    def kept(self, type: Type, *, key: bool = False) -> Type:
        return column_type(self.declaration(type, key=key))

    def declaration(self, type: Type, *, key: bool = False) -> str:
        if key and type.kind in ("text", "any", "bytes"):
            return "VARBINARY(255)" if type.kind == "bytes" else "VARCHAR(255)"  # an index is over so much at most
        if type.kind == "decimal":
            digits = (type.precision, type.scale) if type.precision is not None else self.WIDEST
            return f"DECIMAL({digits[0]},{digits[1] or 0})"
        return super().declaration(type)

    def create_table(self, name: str, columns: Sequence[Column], keys: Sequence[str]) -> str:
        return f"{super().create_table(name, columns, keys)} ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4"


def _column(row: Mapping[str, Any], is_json: bool) -> TableColumn:
    declared, extra = str(row["Type"]), (row["Extra"] or "").upper()
    collation = f" COLLATE {row['Collation']}" if row["Collation"] else ""
    return TableColumn(
        Column(
            str(row["Field"]),
            Type("json") if is_json else column_type(declared),
            nullable=row["Null"] == "YES",
            optional=row["Default"] is not None or "AUTO_INCREMENT" in extra or "DEFAULT_GENERATED" in extra,
        ),
        declared + collation,
        generated=any(word in extra for word in ("VIRTUAL", "STORED", "PERSISTENT")),
    )


def column_type(declared: str) -> Type:
    """What a column of MySQL holds."""
    name = declared.lower()
    if name.startswith("tinyint(1)") or name in ("bit(1)", "bit"):
        return Type("bool")
    if name.startswith("bit("):
        return Type("bytes")
    if name.startswith("timestamp"):
        return Type("timestamptz")
    return type_of(declared)


class MySqlTableWriter(InsertWriter, CsvWriter):
    """Loads into the table itself where nothing needs to be deleted first, else into a temporary one."""

    stages = True
    catalogue: MySqlCatalogue
    hook: Any

    def open(self) -> None:
        self.hook.run(SESSION)
        self.hook.run("SET SESSION sql_notes = 0")  # a rounded decimal is not worth a warning
        self.hook.run("SET SESSION sql_mode = CONCAT(@@SESSION.sql_mode, ',STRICT_ALL_TABLES')")
        self.takes_csv = self.hook.local_infile is not False and bool(self.ask("SELECT @@local_infile")[0][0])
        self._locked = False

    def begin(self, columns: Sequence[Column]) -> None:
        if self.known is not None:
            engine, transactions = self.catalogue.engine(self.endpoint.table)
            if not transactions:
                raise TransferError(
                    f"Table {self.endpoint.table} is of the storage engine {engine}, which has no transactions: a "
                    "failure would leave it half written. Convert it with ALTER TABLE ... ENGINE=InnoDB."
                )
        super().begin(columns)

    def lock(self) -> None:
        """Among transfers only: others may read and write the table all the time."""
        if not self._locked:
            self.ask(f"SELECT GET_LOCK(SHA1(CONCAT('tradewind ', DATABASE(), {VALUE})), {_FOREVER})", [self.table])
            self._locked = True

    def goes_straight(self) -> bool:
        if self.known is None:
            return False  # the statement that makes the table would commit
        if self.endpoint.mode == "append":
            return True
        self.lock()
        [(filled,)] = self.ask(f"SELECT EXISTS (SELECT 1 FROM {self.table})")
        return not filled

    def staging_sql(self, columns: Sequence[str]) -> str:
        keys = [self.quote(key) for key in self._staging_keys]
        unique = [f"UNIQUE KEY ({', '.join(keys)})"] if keys else []  # rows of one key replace each other there
        return f"{super().staging_sql([*columns, *unique])} ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4"

    @property
    def _staging_keys(self) -> Sequence[str]:
        if self.endpoint.mode == "upsert":
            return self.endpoint.keys
        return ()

    def insert_options(self) -> dict[str, Any]:
        return {"replace": True} if self._staging_keys else {}

    def adapter(self, column: Column) -> Any:
        return text_of if column.type.kind in ("interval", "uuid") else None

    def csv(self, stream: IO[bytes]) -> int:
        hook, conn = self.hook, self.conn
        target = self.quoted(self.staging) if self.staging else self.table
        replacing = "REPLACE " if self._staging_keys else ""
        columns = [(self.quote(one.name), one.type) for one in self.incoming]
        begin = f"LOAD DATA LOCAL INFILE 'rows' {replacing}INTO TABLE {target}"
        sql = f"{begin} {csv_load.clauses(columns)}"
        if hook.log_sql:
            hook.log.info("Running statement: %s ...", begin)
        with hook._create_autocommit_connection(), hook._explained(f"{begin} ..."):
            loaded = hook._attended(conn, lambda: load.send(conn, sql, csv_load.blocks(_read(stream))))
            try:
                load.refuse_losses(loaded)
            except Exception as error:
                found = _ROW.search(str(error))
                error.csv_line = int(found[1]) if found else None  # type: ignore[attr-defined]  # for the operator
                raise
        self.loaded = loaded.rows
        return self.loaded

    def upsert(self, columns: Sequence[str], values: Sequence[str], keys: Sequence[str]) -> None:
        """An UPDATE and an INSERT: ON DUPLICATE KEY would change rows that collide in any other unique key too."""
        staging = f"{self.quoted(self.staging)} AS new"
        same = " AND ".join(f"old.{key} = new.{key}" for key in keys)
        changes = ", ".join(f"old.{column} = new.{column}" for column in columns if column not in keys)
        if changes:
            self.execute(f"UPDATE {self.table} AS old JOIN {staging} ON {same} SET {changes}")
        absent = f"NOT EXISTS (SELECT 1 FROM {self.table} AS old WHERE {same})"
        select = f"SELECT {', '.join(values)} FROM {staging} WHERE {absent}"
        self.execute(f"INSERT INTO {self.table} ({', '.join(columns)}) {select}", list(self.fixed.values()))

    def delete_vanished(self, keys: Sequence[str]) -> None:
        same = " AND ".join(f"new.{key} = old.{key}" for key in keys)
        found = f"SELECT 1 FROM {self.quoted(self.staging)} AS new WHERE {same}"
        self.execute(f"DELETE old FROM {self.table} AS old WHERE NOT EXISTS ({found})")


def _read(stream: IO[bytes]) -> Iterator[bytes]:
    while block := stream.read(load.BLOCK):
        yield block
