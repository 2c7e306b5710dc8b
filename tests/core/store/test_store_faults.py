"""A SQLite file that refuses, and what people are told. See `test_store_server_faults` for servers."""

from __future__ import annotations

import dataclasses
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tradewind.errors import StoreError
from tradewind.settings import Settings
from tradewind.store import Store, open_store
from tradewind.store.faults import explain


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/tradewind.db"


def at(settings: Settings, path: Path | str) -> Settings:
    return dataclasses.replace(settings, database_url=f"sqlite:///{path}")


def test_a_missing_database_is_named_with_the_command_that_makes_it(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"tradewind\.db: run `tradewind db upgrade`"):
        open_store(settings)
    assert list(tmp_path.iterdir()) == []


def test_missing_folders_are_made_when_the_database_is(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a b" / "ö?%20#c" / "store.db"
    named = at(settings, path)
    with open_store(named, create=True) as store:
        assert store.place == str(path)
    assert path.exists()
    with open_store(named) as store:
        assert store.runs() == []


def test_a_database_that_vanishes_is_not_made_anew_by_itself(store: Store, settings: Settings, tmp_path: Path) -> None:
    store.close()
    for path in tmp_path.glob("tradewind.db*"):
        path.unlink()
    with pytest.raises(StoreError, match="no metadata database"):
        store.runs()
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_is_to_be_upgraded(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "tradewind.db").touch()
    with pytest.raises(StoreError, match="is empty: run `tradewind db upgrade`"):
        open_store(settings)
    with open_store(settings, create=True) as store:
        assert store.runs() == []


@pytest.mark.parametrize("create", [False, True])
def test_a_damaged_file_is_an_error_and_stays_as_it_is(settings: Settings, tmp_path: Path, create: bool) -> None:
    path = tmp_path / "tradewind.db"
    path.write_bytes(b"garbage" * 1000)
    with pytest.raises(StoreError, match=r"damaged, or not a SQLite file.*Put a backup in its place"):
        open_store(settings, create=create)
    assert path.read_bytes() == b"garbage" * 1000


def test_a_folder_in_place_of_the_file_is_named(settings: Settings, tmp_path: Path) -> None:
    for create in (False, True):
        with pytest.raises(StoreError, match="is a folder"):
            open_store(at(settings, tmp_path), create=create)


def test_a_file_in_place_of_the_folder_is_named(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(StoreError, match=r"cannot be made: File exists \(.*home\)\. Make it writable"):
        open_store(at(settings, tmp_path / "home" / "tradewind.db"), create=True)


def test_a_lock_that_is_not_given_back_is_an_error_that_names_who_has_the_file_open(
    store: Store, settings: Settings, tmp_path: Path
) -> None:
    script = (
        "import sqlite3, sys; database = sqlite3.connect(sys.argv[1], isolation_level=None); "
        "database.execute('BEGIN IMMEDIATE'); print('locked', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, store.place], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder, Store(settings=settings, lock_timeout=0.1) as hasty:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        with pytest.raises(StoreError, match=r"locked by another process for 0\.1 seconds") as caught:
            hasty.set_pool("a", 1)
        assert not Path("/proc/self/fd").is_dir() or re.search(rf"\b{holder.pid} \(", str(caught.value))
        assert hasty.pools() == {"default_pool": 128}  # reading goes on meanwhile
        holder.communicate()
    store.set_pool("a", 1)


def test_a_writer_waits_for_a_lock_that_is_given_back(store: Store, settings: Settings) -> None:
    import threading

    other = sqlite3.connect(store.place, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.15, lambda: other.execute("COMMIT"))
    timer.start()
    store.set_pool("a", 1)
    timer.join()
    other.close()
    assert store.pools()["a"] == 1


def driver_error(path: Path, *statements: str, mode: str = "rw") -> sqlite3.Error:
    database = sqlite3.connect(f"file:{path}?mode={mode}", uri=True)
    try:
        for statement in statements:
            database.execute(statement)
    except sqlite3.Error as error:
        return error
    finally:
        database.close()
    raise AssertionError("SQLite did not refuse")


def test_a_database_that_cannot_be_written_is_told(store: Store) -> None:
    path = Path(store.place)
    error = driver_error(path, "INSERT INTO pools VALUES ('a', 1, '')", mode="ro")
    assert "make the file and its folder writable" in str(explain(error, path, 30))


def test_a_full_disk_is_told(store: Store) -> None:
    path = Path(store.place)
    error = driver_error(path, "PRAGMA max_page_count = 1", "CREATE TABLE more AS SELECT randomblob(1000000)")
    assert "is full" in str(explain(error, path, 30))
    no_room_for_locks = sqlite3.OperationalError("disk I/O error")
    no_room_for_locks.sqlite_errorname = "SQLITE_IOERR_SHMSIZE"  # what a full disk says to one who opens the file
    assert "is full" in str(explain(no_room_for_locks, path, 30))


def test_a_lacking_table_is_told(store: Store) -> None:
    store.pools()
    with sqlite3.connect(store.place) as database:
        database.execute("DROP TABLE pools")
    database.close()
    with pytest.raises(StoreError, match=r"no such table: pools.*tradewind db upgrade"):
        store.pools()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("mssql://ann:s3cr3t@db/tradewind", "names a mssql database"),
        ("postgresql+asyncpg://ann:s3cr3t@db/tradewind", "uses psycopg2: let it begin with postgresql://"),
        ("mysql+mysqldb://ann:s3cr3t@db/tradewind", "uses pymysql: let it begin with mysql://"),
        ("mysql://ann:s3cr3t@db", "names no database on the server"),
        ("postgresql://ann:s3cr3t@db:99999/tradewind", "port is above 65535"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("no url with s3cr3t", "is not a URL"),
        ("sqlite:////home/me/x.db?timeout=5", "leave them out, it takes none"),
    ],
)
def test_urls_that_cannot_serve(settings: Settings, url: str, told: str) -> None:
    with pytest.raises(StoreError, match=told) as caught:
        open_store(dataclasses.replace(settings, database_url=url))
    assert "s3cr3t" not in str(caught.value)


def test_an_error_never_shows_values(store: Store, sample: Any) -> None:
    sample.run()
    with sqlite3.connect(store.place) as database:
        database.execute("DROP TABLE variables")
    database.close()
    from tradewind.store.credentials import StoredValues
    from tradewind.tables import variables

    with pytest.raises(StoreError) as caught:
        StoredValues(store.database, variables).put("key", "s3cr3t")
    shown = "".join(str(error) for error in (caught.value, caught.value.__cause__))
    assert "s3cr3t" not in shown
