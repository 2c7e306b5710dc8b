"""The way from any database to the newest schema."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, pool, text

from tradewind import migrations
from tradewind.errors import StoreError
from tradewind.settings import Settings
from tradewind.store import Store, open_store
from tradewind.tables import metadata


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=str(tmp_path), database_url=f"sqlite:///{tmp_path}/tradewind.db")


def schema(path: str) -> list[tuple[str, ...]]:
    with sqlite3.connect(path) as database:
        found = database.execute("SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").fetchall()
    database.close()
    return sorted((kind, name, " ".join((sql or "").split())) for kind, name, sql in found)


def test_the_migrated_schema_is_that_of_the_tables(settings: Settings) -> None:
    with open_store(settings, create=True) as store:
        engine = create_engine(f"sqlite:///{store.place}", poolclass=pool.NullPool)
    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True, "version_table": migrations.VERSION_TABLE}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_it_is_the_same_to_the_letter_on_sqlite(settings: Settings, tmp_path: Path) -> None:
    """Alembic's comparison does not see everything: partial indexes, tables without rowid, autoincrement."""
    with open_store(settings, create=True) as store:
        migrated = [row for row in schema(store.place) if row[1] != migrations.VERSION_TABLE]
    engine = create_engine(f"sqlite:///{tmp_path}/plain.db", poolclass=pool.NullPool)
    metadata.create_all(engine)
    assert schema(f"{tmp_path}/plain.db") == migrated


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
        before = schema(store.place)
        assert not store.upgrade()
        assert schema(store.place) == before
        assert store.pools()["mine"] == 3
        store.check()


def test_a_database_that_a_newer_version_made_is_left_alone(settings: Settings) -> None:
    with open_store(settings, create=True) as store, store.database.write() as connection:
        connection.execute(text("UPDATE tradewind_version SET version_num = '9999'"))
    for create in (False, True):
        with pytest.raises(StoreError, match="made by a newer version of tradewind"):
            open_store(settings, create=create)


def test_a_database_of_something_else_is_left_alone(settings: Settings, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "tradewind.db") as database:
        database.execute("CREATE TABLE customers (name)")
    database.close()
    refused = "no metadata database of tradewind: it holds the tables customers"
    with pytest.raises(StoreError, match=refused):
        open_store(settings, create=True)
    with Store(settings=settings) as store, pytest.raises(StoreError, match=refused):
        store.reset()
    assert [name for _, name, _ in schema(f"{tmp_path}/tradewind.db")] == ["customers"]


def test_an_upgrade_that_fails_leaves_nothing_behind(settings: Settings, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "tradewind.db") as database:
        database.execute("CREATE TABLE tradewind_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("CREATE TABLE runs (odd)")  # in the way of the revision
    database.close()
    with pytest.raises(StoreError, match="runs already exists"):
        open_store(settings, create=True)
    assert [name for _, name, _ in schema(f"{tmp_path}/tradewind.db")] == ["runs", "tradewind_version"]


def test_reset_empties_everything(settings: Settings) -> None:
    with open_store(settings, create=True) as store:
        store.set_pool("mine", 3)
        before = schema(store.place)
        store.reset()
        assert store.pools() == {"default_pool": 128}
        assert schema(store.place) == before
        store.check()


def test_reset_makes_a_database_where_there_is_none(settings: Settings) -> None:
    with Store(settings=settings) as store:
        store.reset()
        store.check()


def test_going_down_and_up_again(settings: Settings) -> None:
    from alembic import command

    with open_store(settings, create=True) as store:
        before = schema(store.place)
        config = Config()
        config.set_main_option("script_location", str(Path(migrations.__file__).parent))
        with store.database.write() as connection:
            config.attributes["connection"] = connection
            command.downgrade(config, "base")
        assert [name for _, name, _ in schema(store.place)] == [migrations.VERSION_TABLE]
        with pytest.raises(StoreError, match="run `tradewind db upgrade`"):
            store.check()
        assert store.upgrade()
        assert schema(store.place) == before


def test_processes_that_upgrade_at_the_same_time_make_one_database(settings: Settings, tmp_path: Path) -> None:
    script = (
        "import sys, alembic.command; from tradewind.settings import Settings; from tradewind.store import open_store\n"
        "sys.stdin.readline()\n"
        "settings = Settings(home=sys.argv[1], database_url=f'sqlite:///{sys.argv[1]}/new/tradewind.db')\n"
        "with open_store(settings, create=True) as store: store.set_pool(sys.argv[2], 1)\n"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", script, str(tmp_path), f"pool-{n}"], stdin=subprocess.PIPE
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
    with Store(f"sqlite:///{tmp_path}/new/tradewind.db", settings) as store:
        assert len(store.pools()) == 7


def test_opening_a_current_database_does_not_load_alembic(settings: Settings, tmp_path: Path) -> None:
    open_store(settings, create=True).close()
    script = (
        "import sys; from tradewind.settings import Settings; from tradewind.store import open_store\n"
        "settings = Settings(home=sys.argv[1], database_url=f'sqlite:///{sys.argv[1]}/tradewind.db')\n"
        "open_store(settings, create=True).close(); open_store(settings).close()\n"
        "assert 'alembic' not in sys.modules and 'mako' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", script, str(tmp_path)], check=True)
