"""Rows that are there are updated, others inserted; of several with one key the last one counts."""

from __future__ import annotations

import psycopg2
import pytest

from tradewind.connection import Connection
from tradewind_postgres import PostgresHook
from tradewind_postgres.inserts import SMALL
from tradewind_sql import RowError, SqlError

#: Few rows go as values of one statement, many through a temporary table.
SIZES = pytest.mark.parametrize("size", [3, SMALL * 2], ids=["few", "many"])


@pytest.fixture
def table(ask):
    ask("create table t (id int primary key, a text default 'given', b text)")
    ask("insert into t values (1, 'old', 'kept')")


@SIZES
def test_upsert_rows(hook, ask, table, size):
    rows = [(n, "new") for n in range(size)]
    assert hook.upsert_rows("t", rows, ["id", "a"], ["id"]) == size
    assert ask("select * from t where id < 3 order by id") == [
        (0, "new", None), (1, "new", "kept"), (2, "new", None),
    ]  # fmt: skip
    assert ask("select count(*) from t") == [(size,)]


@SIZES
def test_the_last_of_one_key_counts(hook, ask, table, size):
    """PostgreSQL refuses to update a row twice in one statement."""
    rows = [(n % 3, f"v{n}", "b") for n in range(size * 2)]
    assert hook.upsert_rows("t", rows, ["id", "a", "b"], "id", commit_every=0) == size * 2
    last = {n % 3: f"v{n}" for n in range(size * 2)}
    assert ask("select id, a from t order by id") == sorted(last.items())


@SIZES
def test_only_some_columns_are_updated(hook, ask, table, size):
    rows = [(n, f"a{n}", f"b{n}") for n in range(size)]
    hook.upsert_rows("t", rows, ["id", "a", "b"], ["id"], ["b"])
    assert ask("select * from t where id in (1, 2) order by id") == [(1, "old", "b1"), (2, "a2", "b2")]


@SIZES
def test_nothing_is_updated(hook, ask, table, size):
    rows = [(n % (size - 1), f"v{n}") for n in range(size)]
    hook.upsert_rows("t", rows, ["id", "a"], ["id"], [])
    assert ask("select a from t where id = 1") == [("old",)]
    assert ask("select a from t where id = 0") == [("v0",)]  # the first one, as row by row


@SIZES
def test_a_key_of_several_columns_in_which_some_are_null(hook, ask, size):
    """Two NULLs are no equal keys."""
    ask("create table t (x text, y int, v int, unique (x, y))")
    rows = [("a", None if n % 2 else 1, n) for n in range(size)]
    hook.upsert_rows("t", rows, ["x", "y", "v"], ["x", "y"], commit_every=0)
    nulls = [n for n in range(size) if n % 2]
    evens = [n for n in range(size) if n % 2 == 0]
    assert ask("select v from t where y is null order by v") == [(n,) for n in nulls]
    assert ask("select v from t where y = 1") == [(evens[-1],)]


def test_keys_that_only_the_database_knows_to_be_equal(hook, ask):
    ask("create table t (n numeric primary key, v text)")
    hook.upsert_rows("t", [("1.0", "a"), ("1.00", "b"), (1, "c")], ["n", "v"], ["n"])
    assert ask("select v from t") == [("c",)]


def test_replace_takes_the_primary_key(hook, ask, table):
    hook.insert_rows("t", [(1, "new"), (2, "x")], ["id", "a"], replace=True)
    assert ask("select * from t order by id") == [(1, "new", "kept"), (2, "x", None)]


@pytest.mark.parametrize("index", ["id", ["id"], ("id",), '"id"'])
def test_replace_index(hook, ask, table, index):
    hook.insert_rows("t", [(1, "new")], ["id", "a"], replace=True, replace_index=index)
    assert ask("select a from t") == [("new",)]


def test_replace_target(hook, ask, table):
    hook.insert_rows("t", [(1, "x", "y")], ["id", "a", "b"], replace=True, replace_target=["b"])
    assert ask("select * from t") == [(1, "old", "y")]
    hook.insert_rows("t", [(1, "x", "z")], ["id", "a", "b"], replace=True, replace_target=[])
    assert ask("select * from t") == [(1, "old", "y")]


def test_a_table_without_a_primary_key(hook, ask):
    ask("create table t (id int)")
    with pytest.raises(SqlError, match=r"Table t has no primary key: name the columns .* replace_index="):
        hook.insert_rows("t", [(1,)], replace=True)
    with pytest.raises(psycopg2.errors.InvalidColumnReference, match="no unique or exclusion constraint"):
        hook.insert_rows("t", [(1,)], replace=True, replace_index="id")


def test_columns_that_are_not_inserted_are_refused(hook, ask, table):
    with pytest.raises(SqlError, match="Column 'id' of the key or to be updated is not among those inserted: a"):
        hook.upsert_rows("t", [("x",)], ["a"], ["id"])
    with pytest.raises(SqlError, match="Column 'b' of the key or to be updated"):
        hook.upsert_rows("t", [(1, "x")], ["id", "a"], ["id"], ["b"])
    with pytest.raises(SqlError, match="has no column 'nope'"):
        hook.upsert_rows("t", [(1, "x")], ["id", "a"], ["nope"])


@SIZES
def test_a_transaction_per_so_many_rows(hook, ask, table, size):
    hook.upsert_rows("t", [(n, "x") for n in range(size)], ["id", "a"], ["id"], commit_every=size // 3)
    assert ask("select count(distinct xmin::text) from t") in ([(3,)], [(4,)])


@SIZES
def test_what_fails_leaves_the_table_as_it_was(hook, ask, table, size):
    rows = [*[(n, "x") for n in range(size)], (None, "y")]
    with pytest.raises(psycopg2.errors.NotNullViolation):
        hook.upsert_rows("t", rows, ["id", "a"], ["id"], commit_every=0)
    rows[-1] = (7, b"y")
    with pytest.raises(RowError, match=f"Row {size + 1} for t cannot be inserted: column 'a'"):
        hook.upsert_rows("t", rows, ["id", "a"], ["id"], commit_every=0)
    assert ask("select * from t") == [(1, "old", "kept")]


def test_no_temporary_table_is_left(hook, ask, table):
    with hook.session():
        hook.upsert_rows("t", [(n, "x") for n in range(SMALL)], ["id", "a"], ["id"])
        assert hook.get_first("select count(*) from pg_class where relname like 'tradewind%'") == (0,)


def test_autocommit(hook, ask, table):
    assert hook.upsert_rows("t", [(n, "x") for n in range(SMALL)], ["id", "a"], ["id"], autocommit=True) == SMALL
    assert ask("select count(*) from t") == [(SMALL,)]


def test_a_login_that_may_make_no_temporary_tables(hook, server, ask, table):
    login = f"low_{server.schema}"
    ask(f"create role {login} login password 'weak-Pass-1'")
    try:
        ask(f"revoke temporary on database {server.schema} from public")
        ask(f"grant insert, select, update on t to {login}")
        low = Connection.from_uri(server.get_uri(), "low")
        low.login, low.password = login, "weak-Pass-1"
        rows = [(n, "x") for n in range(SMALL)]
        assert PostgresHook(connection=low).upsert_rows("t", rows, ["id", "a"], ["id"]) == SMALL
        assert ask("select count(*) from t where a = 'x'") == [(SMALL,)]
    finally:
        ask(f"drop owned by {login}")
        ask(f"drop role {login}")


def test_columns_that_are_called_as_ours(hook, ask):
    ask("create table t (tradewind_row int primary key, tradewind_last text)")
    rows = [(n, "x") for n in range(SMALL)]
    hook.upsert_rows("t", rows, ["tradewind_row", "tradewind_last"], ["tradewind_row"])
    hook.upsert_rows("t", rows[:3], ["tradewind_row", "tradewind_last"], ["tradewind_row"])
    assert ask("select count(*) from t") == [(SMALL,)]


def test_a_view(hook, ask, table):
    ask("create view v as select * from t")
    hook.upsert_rows("v", [(n, "x") for n in range(SMALL)], ["id", "a"], ["id"])
    hook.upsert_rows("v", [(1, "y")], ["id", "a"], ["id"])
    assert ask("select a from t where id = 1") == [("y",)]


def test_the_statement_that_others_use(hook, ask, table):
    """`GenericTransfer` and the like build their statements with the dialect."""
    sql = hook.dialect.generate_replace_sql("t", (1, "x"), ["id", "a"])
    assert sql == ('INSERT INTO "t" ("id", "a") VALUES (%s, %s) ON CONFLICT ("id") DO UPDATE SET "a" = excluded."a"')
    hook.run(sql, parameters=(1, "x"))
    assert ask("select a from t") == [("x",)]
    nothing = hook.dialect.generate_replace_sql("t", (1, "x"), ["id", "a"], replace_index="id", replace_target=[])
    assert nothing.endswith('ON CONFLICT ("id") DO NOTHING')
