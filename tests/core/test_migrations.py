"""The way from any database to the newest schema."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, pool, text

from tradewind import migrations
from tradewind.errors import StoreError
from tradewind.settings import Settings
from tradewind.store import Store, open_store
from tradewind.tables import metadata


@pytest.fixture
def settings(tmp_path: Path, new_database_url: str) -> Settings:
    return Settings(home=str(tmp_path), database_url=new_database_url)


@pytest.fixture
def in_file(tmp_path: Path) -> Settings:
    return Settings(home=str(tmp_path), database_url=f"sqlite:///{tmp_path}/tradewind.db")


def schema(store: Store) -> dict[str, Any]:
    """Tables with their columns and indexes."""
    with store.database.read() as connection:
        found = inspect(connection)
        return {
            name: (
                [(column["name"], str(column["type"])) for column in found.get_columns(name)],
                sorted((str(index["name"]), index["column_names"]) for index in found.get_indexes(name)),
            )
            for name in found.get_table_names()
        }


def execute(settings: Settings, *statements: str) -> None:
    """Do something to a database that need not be one of ours."""
    store = Store(settings=settings)
    store.database.create()
    with store, store.database.migrating() as connection:
        for statement in statements:
            connection.execute(text(statement))


def letters(path: str) -> list[tuple[str, ...]]:
    with sqlite3.connect(path) as database:
        found = database.execute("SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").fetchall()
    database.close()
    return sorted((kind, name, " ".join((sql or "").split())) for kind, name, sql in found)


def test_the_migrated_schema_is_that_of_the_tables(settings: Settings) -> None:
    options = {"compare_type": True, "version_table": migrations.VERSION_TABLE}
    with open_store(settings, create=True) as store, store.database.migrating() as connection:
        # MySQL writes `false` as 0, which Alembic takes for something else; the next test compares that.
        options["compare_server_default"] = connection.dialect.name != "mysql"
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_the_tables_as_they_are_now_make_the_same_schema(settings: Settings) -> None:
    """Alembic's comparison does not see everything: collations, partial indexes, what becomes of deleted rows."""
    with open_store(settings, create=True) as store:
        migrated = dump(store)
        with store.database.migrating() as connection:
            metadata.drop_all(connection)
            metadata.create_all(connection)
        assert dump(store) == migrated


def dump(store: Store) -> list[Any]:
    """The schema as the database itself tells it."""
    asked = {
        "sqlite": "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name",
        "postgresql": """
            SELECT attrelid::regclass::text, attname, format_type(atttypid, atttypmod),
                   attcollation::regcollation::text, attnotnull, pg_get_expr(adbin, adrelid)
            FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
            LEFT JOIN pg_attrdef ON (adrelid, adnum) = (attrelid, attnum)
            WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
            UNION ALL
            SELECT indexdef, '', '', '', true, '' FROM pg_indexes WHERE schemaname = current_schema()
            UNION ALL
            SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', true, '' FROM pg_constraint
            WHERE connamespace = current_schema()::regnamespace
            ORDER BY 1, 2""",
    }
    with store.database.migrating() as connection:
        if connection.dialect.name in asked:
            found = connection.execute(text(asked[connection.dialect.name])).all()
            return [[" ".join(str(value).split()) for value in row] for row in found]
        names = inspect(connection).get_table_names()
        made = [connection.execute(text(f"SHOW CREATE TABLE {name}")).one()[1] for name in sorted(names)]
        return [sorted(line.rstrip(",") for line in one.splitlines()) for one in made]


def test_the_known_revisions_are_the_files(tmp_path: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    script = ScriptDirectory.from_config(config)
    assert [item.revision for item in reversed(list(script.walk_revisions()))] == list(migrations.REVISIONS)
    assert script.get_heads() == [migrations.HEAD]


def test_upgrading_twice_changes_nothing(settings: Settings) -> None:
    with Store(settings=settings) as store:
        assert store.upgrade()
        store.set_pool("mine", 3)
        before = schema(store)
        assert not store.upgrade()
        assert schema(store) == before
        assert store.pools()["mine"] == 3
        store.check()


def test_a_database_that_a_newer_version_made_is_left_alone(settings: Settings) -> None:
    with open_store(settings, create=True) as store, store.database.write() as connection:
        connection.execute(text("UPDATE tradewind_version SET version_num = '9999'"))
    for create in (False, True):
        with pytest.raises(StoreError, match="made by a newer version of tradewind"):
            open_store(settings, create=create)


def test_a_database_of_something_else_is_left_alone(settings: Settings) -> None:
    execute(settings, "CREATE TABLE customers (name INTEGER)")
    refused = "no metadata database of tradewind: it holds the tables customers"
    with pytest.raises(StoreError, match=refused):
        open_store(settings, create=True)
    with Store(settings=settings) as store:
        with pytest.raises(StoreError, match=refused):
            store.reset()
        assert list(schema(store)) == ["customers"]


def test_an_upgrade_that_fails_leaves_nothing_behind(settings: Settings) -> None:
    execute(
        settings,
        "CREATE TABLE tradewind_version (version_num VARCHAR(32) NOT NULL)",
        "CREATE TABLE runs (odd INTEGER)",  # in the way of the revision
    )
    with Store(settings=settings) as store:
        if not store.database.undoes_ddl:  # there, this is what an upgrade leaves that was broken off: it is done anew
            assert store.upgrade()
            store.check()
            return
        with pytest.raises(StoreError, match=r"runs\"? already exists"):
            store.upgrade()
        assert sorted(schema(store)) == ["runs", "tradewind_version"]


def test_tables_of_others_beside_ours_stay(settings: Settings) -> None:
    with open_store(settings, create=True) as store:
        execute(settings, "CREATE TABLE customers (name INTEGER)")
        store.reset()
        assert "customers" in schema(store)
        store.check()


@pytest.mark.parametrize("number", range(len(migrations.REVISIONS)))
def test_every_revision_that_was_broken_off_is_done_again(settings: Settings, number: int) -> None:
    """MySQL ends a transaction at each change of the schema: only the last line of a revision may be lacking."""
    with open_store(settings, create=True) as store:
        execute(settings, "DELETE FROM tradewind_version")
        if number:
            execute(settings, f"INSERT INTO tradewind_version VALUES ('{migrations.REVISIONS[number - 1]}')")
        if store.database.undoes_ddl:
            return  # such a state cannot be
        assert store.upgrade()
        store.check()
        store.set_pool("mine", 3)


def test_reset_empties_everything(settings: Settings) -> None:
    with open_store(settings, create=True) as store:
        store.set_pool("mine", 3)
        before = schema(store)
        store.reset()
        assert store.pools() == {"default_pool": 128}
        assert schema(store) == before
        store.check()


def test_reset_makes_a_database_where_there_is_none(settings: Settings) -> None:
    with Store(settings=settings) as store:
        store.reset()
        store.check()


def test_going_down_and_up_again(settings: Settings) -> None:
    from alembic import command

    with open_store(settings, create=True) as store:
        before = schema(store)
        config = Config()
        config.set_main_option("script_location", str(Path(migrations.__file__).parent))
        with store.database.migrating() as connection:
            config.attributes["connection"] = connection
            command.downgrade(config, "base")
        assert list(schema(store)) == [migrations.VERSION_TABLE]
        with pytest.raises(StoreError, match="run `tradewind db upgrade`"):
            store.check()
        assert store.upgrade()
        assert schema(store) == before


def test_processes_that_upgrade_at_the_same_time_make_one_database(settings: Settings, tmp_path: Path) -> None:
    script = (
        "import sys, alembic.command; from tradewind.settings import Settings; from tradewind.store import open_store\n"
        "sys.stdin.readline()\n"
        "settings = Settings(home=sys.argv[1], database_url=sys.argv[2])\n"
        "with open_store(settings, create=True) as store: store.set_pool(sys.argv[3], 1)\n"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", script, str(tmp_path), settings.database_url, f"pool-{n}"],
            stdin=subprocess.PIPE,
        )
        for n in range(6)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.flush()
    for process in started:
        with process:
            assert process.wait(timeout=60) == 0
    with Store(settings=settings) as store:
        assert len(store.pools()) == 7


def test_opening_a_current_database_does_not_load_alembic(settings: Settings, tmp_path: Path) -> None:
    open_store(settings, create=True).close()
    script = (
        "import sys; from tradewind.settings import Settings; from tradewind.store import open_store\n"
        "settings = Settings(home=sys.argv[1], database_url=sys.argv[2])\n"
        "open_store(settings, create=True).close(); open_store(settings).close()\n"
        "assert 'alembic' not in sys.modules and 'mako' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", script, str(tmp_path), settings.database_url], check=True)


def test_it_is_the_same_to_the_letter_on_sqlite(in_file: Settings, tmp_path: Path) -> None:
    """Alembic's comparison does not see everything: partial indexes, tables without rowid, autoincrement."""
    with open_store(in_file, create=True) as store:
        migrated = [row for row in letters(store.place) if row[1] != migrations.VERSION_TABLE]
    engine = create_engine(f"sqlite:///{tmp_path}/plain.db", poolclass=pool.NullPool)
    metadata.create_all(engine)
    assert letters(f"{tmp_path}/plain.db") == migrated
