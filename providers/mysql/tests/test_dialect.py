"""Names, upserts, and what a table consists of: SQL text for MySQL 8 here, MariaDB's on the real server."""

from __future__ import annotations

import pytest

from tradewind.connection import Connection
from tradewind_mysql import MySqlHook
from tradewind_mysql.server import Server
from tradewind_sql.errors import InvalidName, SqlError

MARIADB = "10.11.6-MariaDB-0+deb12u1"


def hook_for(version: str, keys: dict[str, list[str]] | None = None) -> MySqlHook:
    """A hook that takes its server for this version of it, and its tables for what is given."""
    hook = MySqlHook(connection=Connection(conn_id="c", conn_type="mysql"))
    hook.__dict__["server"] = Server.from_text(version)
    hook.dialect.get_unique_keys = lambda table, schema=None: keys or {"PRIMARY": ["id"]}  # type: ignore[method-assign]
    hook.dialect.get_insertable_fields = lambda table, schema=None: ["id", "a"]  # type: ignore[method-assign]
    return hook


# Versions


@pytest.mark.parametrize(
    ("text", "mariadb", "version", "new"),
    [
        ("8.0.36", False, (8, 0, 36), True),
        ("8.0.18", False, (8, 0, 18), False),
        ("8.4.0-log", False, (8, 4, 0), True),
        ("9.1.0", False, (9, 1, 0), True),
        ("5.7.44-log", False, (5, 7, 44), False),
        (MARIADB, True, (10, 11, 6), False),
        ("5.5.5-10.3.2-MariaDB", True, (10, 3, 2), False),
        ("11.4.2-MariaDB-ubu2404", True, (11, 4, 2), False),
        ("8.0.mysql_aurora.3.05.2", False, (8, 0), False),
    ],
)
def test_versions(text: str, mariadb: bool, version: tuple[int, ...], new: bool) -> None:
    server = Server.from_text(text)
    assert (server.mariadb, server.version, server.names_new_row) == (mariadb, version, new)


def test_how_a_timeout_is_set() -> None:
    assert Server.from_text(MARIADB).timeout_statement(1.5) == "SET SESSION max_statement_time = 1.500000"
    assert Server.from_text("8.0.36").timeout_statement(1.5) == "SET SESSION max_execution_time = 1500"
    assert Server.from_text("8.0.36").timeout_statement(0.0001) == "SET SESSION max_execution_time = 1"


def test_the_real_server_is_known(hook: MySqlHook) -> None:
    text = hook.get_first("select version()")[0]
    assert hook.server == Server.from_text(text)
    assert hook.server.version > (5,)


# Names


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("t", "`t`"),
        ("db.t", "`db`.`t`"),
        ("`db`.`t`", "`db`.`t`"),
        ('"db"."my.t"', "`db`.`my.t`"),
        ("a`b", "`a``b`"),
        ("`a``b`", "`a``b`"),
        ("order", "`order`"),
        ("t; drop table u", "`t; drop table u`"),
    ],
)
def test_names_are_quoted(name: str, written: str) -> None:
    assert hook_for(MARIADB).dialect.table_name(name) == written


@pytest.mark.parametrize("name", ["", ".", "a.", ".a", "a\0b"])
def test_what_cannot_be_a_name(name: str) -> None:
    with pytest.raises(InvalidName):
        hook_for(MARIADB).dialect.table_name(name)


# Statements

VALUES = (1, "x")


def test_plain_statements() -> None:
    dialect = hook_for(MARIADB).dialect
    assert dialect.generate_insert_sql("t", VALUES, ["id", "a"]) == "INSERT INTO `t` (`id`, `a`) VALUES (%s, %s)"
    assert dialect.generate_replace_sql("db.t", VALUES) == "REPLACE INTO `db`.`t`  VALUES (%s, %s)"
    assert (
        dialect.generate_insert_sql("100%", VALUES, ["%s", "a"]) == "INSERT INTO `100%%` (`%%s`, `a`) VALUES (%s, %s)"
    )


@pytest.mark.parametrize(
    ("version", "options", "tail"),
    [
        (MARIADB, {}, "ON DUPLICATE KEY UPDATE `a` = VALUES(`a`)"),
        ("8.0.18", {}, "ON DUPLICATE KEY UPDATE `a` = VALUES(`a`)"),
        ("8.0.19", {}, "AS new ON DUPLICATE KEY UPDATE `a` = new.`a`"),
        ("8.4.0", {"replace_target": ["id", "a"]}, "AS new ON DUPLICATE KEY UPDATE `id` = new.`id`, `a` = new.`a`"),
        ("8.4.0", {"replace_target": []}, "ON DUPLICATE KEY UPDATE `id` = `id`"),
        (MARIADB, {"replace_target": []}, "ON DUPLICATE KEY UPDATE `id` = `id`"),
    ],
)
def test_upserts(version: str, options: dict[str, object], tail: str) -> None:
    dialect = hook_for(version).dialect
    for fields in (["id", "a"], None):
        statement = dialect.generate_replace_sql("t", VALUES, fields, replace_index="id", **options)
        assert statement == f"INSERT INTO `t` (`id`, `a`) VALUES (%s, %s) {tail}"


def test_a_table_called_new() -> None:
    statement = hook_for("8.4.0").dialect.generate_replace_sql("db.New", VALUES, ["id", "a"], replace_index=["ID"])
    assert statement.endswith("AS new_row ON DUPLICATE KEY UPDATE `a` = new_row.`a`")


@pytest.mark.parametrize("index", ["a", ["id", "a"], []])
def test_columns_without_a_unique_key_are_refused(index: object) -> None:
    with pytest.raises(SqlError, match=r"no primary key or unique index of t consists of .*; there are: id"):
        hook_for(MARIADB).dialect.generate_replace_sql("t", VALUES, ["id", "a"], replace_index=index)


def test_columns_that_are_not_inserted_are_refused() -> None:
    with pytest.raises(SqlError, match="Column 'b' of replace_index or replace_target is not among those inserted"):
        hook_for(MARIADB).dialect.generate_replace_sql(
            "t", VALUES, ["id", "a"], replace_index="id", replace_target=["b"]
        )


def test_more_than_one_unique_key_is_worth_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    hook = hook_for(MARIADB, {"PRIMARY": ["id"], "u": ["a"]})
    for _ in range(3):
        hook.dialect.generate_replace_sql("t", VALUES, ["id", "a"], replace_index="id")
    assert [record.getMessage() for record in caplog.records] == [
        "Table t has 2 unique keys: rows that collide in any of them change the old row, not only in id."
    ]


# Tables

TABLE = """
    create table `odd ``t` (
        id bigint unsigned not null auto_increment,
        `b c` varchar(20) character set utf8mb4 not null default 'x',
        d decimal(10, 2) null,
        twice int generated always as (id_2 * 2) stored,
        thrice int generated always as (id_2 * 3) virtual,
        id_2 int not null,
        at timestamp default current_timestamp,
        primary key (id, id_2),
        unique key u (d, `b c`),
        unique key part (`b c`(3)),
        key plain (at)
    )
"""


def test_what_a_table_consists_of(hook: MySqlHook, server: Connection) -> None:
    hook.run(TABLE)
    dialect = hook.dialect
    for name in ("odd `t", "`odd ``t`", f"{server.schema}.odd `t"):
        columns = {column["name"]: column for column in dialect.get_columns(name)}
        assert list(columns) == ["id", "b c", "d", "twice", "thrice", "id_2", "at"]
        assert columns["id"].get("autoincrement") is True
        assert columns["twice"]["computed"] is columns["thrice"]["computed"] is True
        assert columns["d"]["nullable"] is True
        assert dialect.get_primary_keys(name) == ["id", "id_2"]
        assert dialect.get_unique_keys(name) == {"PRIMARY": ["id", "id_2"], "u": ["d", "b c"]}
        assert dialect.get_target_fields(name) == ["b c", "d", "id_2", "at"]
        assert dialect.get_insertable_fields(name) == ["id", "b c", "d", "id_2", "at"]
    assert hook.get_table_schema("odd `t")[2] == {"name": "d", "type": "decimal(10,2)"}
    assert dialect.get_columns("odd `t", schema=server.schema) == dialect.get_columns("odd `t")


def test_names_that_differ_in_case_only(hook: MySqlHook) -> None:
    if hook.get_first("select @@lower_case_table_names") != (0,):
        pytest.skip("This server's tables have no capitals.")
    hook.run(["create table T (a int primary key)", "create table t (b int, c int)"])
    assert hook.dialect.get_column_names("T") == ["a"]
    assert hook.dialect.get_column_names("t") == ["b", "c"]
    assert hook.dialect.get_primary_keys("t") == []


def test_a_temporary_table_of_the_session_is_seen(hook: MySqlHook) -> None:
    with hook.session():
        hook.run("create temporary table tt (a int primary key, b int)")
        assert hook.upsert_rows("tt", [(1, 2), (1, 3)], ["a", "b"], "a") == 2
        assert hook.get_records("select * from tt") == [(1, 3)]


def test_a_table_that_is_not_there(hook: MySqlHook) -> None:
    import pymysql

    with pytest.raises(pymysql.err.ProgrammingError, match="doesn't exist"):
        hook.dialect.get_columns("nowhere")


def test_splitting_knows_mysql(hook: MySqlHook) -> None:
    sql = r"""
        select 'a;\'b'; # a comment; with a semicolon
        select "c\";d"; -- another; one
        select `e;f` from (select 1 as `e;f`) x; /* and; this */
    """
    assert len(hook.split_sql_string(sql)) == 3
    found = hook.run(sql, split_statements=True, return_last=False, handler=lambda cursor: cursor.fetchone())
    assert found == [("a;'b",), ('c";d',), (1,)]


def test_two_dashes_may_be_a_sum(hook: MySqlHook) -> None:
    sql = "select 5--1; select 'a' -- a comment; really\n; --\nselect 2"
    assert hook.split_sql_string(sql) == ["select 5--1;", "select 'a';", "select 2"]
    assert hook.run(sql, split_statements=True, return_last=False, handler=lambda cursor: cursor.fetchone()) == [
        (6,),
        ("a",),
        (2,),
    ]
