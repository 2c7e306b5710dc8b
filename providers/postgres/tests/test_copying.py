"""COPY with paths, file objects and iterables; tables to and from files."""

from __future__ import annotations

import gc
import gzip
import io
import os
import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path

import psycopg2
import pytest

from tradewind.connection import Connection
from tradewind_postgres import PostgresHook
from tradewind_postgres.copying import reads_input
from tradewind_sql import SqlError

INTO = "copy t from stdin with (format csv)"
OUT = "copy (select * from t order by id) to stdout with (format csv)"


@pytest.fixture
def table(ask):
    ask("create table t (id int, a text)")


@pytest.fixture
def filled(ask, table):
    ask("insert into t select n, 'x' || n from generate_series(1, 3) n")


TEXT = "1,x1\n2,x2\n3,x3\n"


class Trickle(io.RawIOBase):
    """A stream that gives and takes little at a time."""

    def __init__(self, data=b""):
        self.data = data
        self.written = b""

    def read(self, size=-1):
        piece, self.data = self.data[:3], self.data[3:]
        return piece

    def write(self, data):
        self.written += data
        return len(data)


SOURCES = {
    "a path": lambda folder: folder / "in.csv",
    "the name of a file": lambda folder: str(folder / "in.csv"),
    "a binary file": lambda folder: io.BytesIO(TEXT.encode()),
    "a text file": lambda folder: io.StringIO(TEXT),
    "a stream": lambda folder: Trickle(TEXT.encode()),
    "a list of lines": lambda folder: TEXT.splitlines(keepends=True),
    "a generator of bytes": lambda folder: (piece.encode() for piece in ["1,x", "", "1\n2,x2\n", "3,x3"]),
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_in(hook, ask, table, tmp_path, source):
    (tmp_path / "in.csv").write_text(TEXT)
    assert hook.copy_expert(INTO, source(tmp_path)) == 3
    assert ask("select * from t order by id") == [(1, "x1"), (2, "x2"), (3, "x3")]


def test_out(hook, filled, tmp_path):
    path, binary, text, trickle = tmp_path / "out.csv", io.BytesIO(), io.StringIO(), Trickle()
    for target in (path, str(tmp_path / "other.csv"), binary, text, trickle):
        assert hook.copy_expert(OUT, target) == 3
    assert path.read_text() == (tmp_path / "other.csv").read_text() == text.getvalue() == TEXT
    assert binary.getvalue() == trickle.written == TEXT.encode()


def test_through_gzip(hook, ask, filled, tmp_path):
    with gzip.open(tmp_path / "t.gz", "wb") as file:
        hook.copy_expert(OUT, file)
    with gzip.open(tmp_path / "t.gz", "rb") as file:
        assert hook.copy_expert(INTO, file) == 3
    assert ask("select count(*) from t") == [(6,)]


def test_much_data(hook, ask, table, tmp_path):
    ask("insert into t select n, repeat('x', 100) from generate_series(1, 100000) n")
    assert hook.copy_expert(OUT, tmp_path / "big.csv") == 100_000
    assert hook.copy_expert(INTO, tmp_path / "big.csv") == 100_000
    with (tmp_path / "big.csv").open("rb") as lines:
        assert hook.copy_expert(INTO, lines) == 100_000
    assert ask("select count(*) from t") == [(300_000,)]


def test_no_data(hook, ask, table, tmp_path):
    (tmp_path / "empty").touch()
    for source in (tmp_path / "empty", [], io.BytesIO()):
        assert hook.copy_expert(INTO, source) == 0


# -- Airflow's traps


def test_a_missing_file_is_an_error_and_is_not_made(hook, ask, table, tmp_path):
    """In Airflow an empty file appears, and the task succeeds."""
    with pytest.raises(FileNotFoundError, match=r"there is no file .*missing\.csv to COPY from"):
        hook.copy_expert(INTO, str(tmp_path / "missing.csv"))
    with pytest.raises(FileNotFoundError):
        hook.bulk_load("t", tmp_path / "missing.csv")
    assert list(tmp_path.iterdir()) == []


def test_the_input_is_only_read(hook, ask, table, tmp_path, monkeypatch):
    """Airflow opens it for writing, and truncates it at what was read."""
    path = tmp_path / "in.csv"
    path.write_text(TEXT)
    path.chmod(0o444)
    modes = []
    opened = Path.open

    def note(self, mode="r", *arguments, **keywords):
        if self == path:
            modes.append(mode)
        return opened(self, mode, *arguments, **keywords)

    monkeypatch.setattr(Path, "open", note)
    assert hook.copy_expert(INTO, path) == 3
    assert modes == ["rb"]
    assert path.read_text() == TEXT


def test_output_appears_when_it_is_complete(hook, filled, tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("as it was")
    with pytest.raises(psycopg2.errors.DivisionByZero):
        hook.copy_expert("copy (select 1 / (50000 - n) from generate_series(1, 100000) n) to stdout", path)
    assert path.read_text() == "as it was"
    assert list(tmp_path.iterdir()) == [path]
    seen = []

    class Watching(io.BytesIO):
        def write(self, data):
            seen.extend(tmp_path.glob("late*"))
            return super().write(data)

    hook.copy_expert(OUT, Watching())
    hook.copy_expert(OUT, tmp_path / "late.csv")
    assert seen == []
    assert (tmp_path / "late.csv").stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_output_through_a_link_and_to_what_is_no_file(hook, filled, tmp_path):
    real, link, pipe = tmp_path / "real.csv", tmp_path / "link.csv", tmp_path / "pipe"
    real.touch()
    link.symlink_to(real)
    hook.copy_expert(OUT, link)
    assert link.is_symlink()
    assert real.read_text() == TEXT
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    hook.copy_expert(OUT, pipe)
    reader.join(30)
    assert read == [TEXT]
    hook.copy_expert(OUT, "/dev/null")


def test_a_folder_that_is_not_there(hook, filled, tmp_path):
    with pytest.raises(FileNotFoundError):
        hook.copy_expert(OUT, tmp_path / "none" / "out.csv")


# -- failures


def test_a_source_that_fails_undoes_all(hook, ask, table):
    def lines():
        for n in range(100_000):
            yield f"{n},x\n"
        raise ZeroDivisionError("half-way")

    with pytest.raises(ZeroDivisionError, match="half-way"):
        hook.copy_expert(INTO, lines())
    assert ask("select count(*) from t") == [(0,)]


def test_a_file_object_that_fails_undoes_all(hook, ask, table):
    class Broken(io.RawIOBase):
        reads = 0

        def read(self, size=-1):
            self.reads += 1
            if self.reads > 3:
                raise OSError("the disk is gone")
            return b"1,x\n" * 1000

    with pytest.raises(OSError, match="the disk is gone"):
        hook.copy_expert(INTO, Broken())
    assert ask("select count(*) from t") == [(0,)]


def test_a_target_that_fails(hook, filled):
    class Full(io.RawIOBase):
        def write(self, data):
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        hook.copy_expert(OUT, Full())
    assert hook.copy_expert(OUT, io.BytesIO()) == 3


def test_the_server_refuses_a_line(hook, ask, table):
    endless = (f"{n},x\n" if n != 5 else "five,x\n" for n in range(200_000))
    with pytest.raises(psycopg2.errors.InvalidTextRepresentation, match="line 6"):
        hook.copy_expert(INTO, endless)
    assert ask("select count(*) from t") == [(0,)]


def test_the_server_refuses_before_it_reads(hook):
    with pytest.raises(psycopg2.errors.UndefinedTable):
        hook.copy_expert("copy nowhere from stdin", ("1\n" for _ in range(1_000_000)))


def test_only_texts_and_bytes_are_data(hook, ask, table):
    with pytest.raises(TypeError, match="COPY takes texts or bytes, not a tuple"):
        hook.copy_expert(INTO, [(1, "x")])


def test_what_is_iterated_over_stays_in_its_thread(hook, ask, table):
    """A SQLite connection may be used in the thread that made it only."""
    with closing(sqlite3.connect(":memory:")) as memory:
        memory.execute("create table s (line text)")
        memory.executemany("insert into s values (?)", [(f"{n},x\n",) for n in range(50_000)])
        rows = memory.execute("select line from s")
        assert hook.copy_expert(INTO, (line for (line,) in rows)) == 50_000


def test_no_thread_is_left(hook, ask, table):
    for source in (["1,x\n"], ["no number\n"]):
        with suppress(psycopg2.Error):
            hook.copy_expert(INTO, source)
    gc.collect()
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("sql-")] == []


# -- which way


@pytest.mark.parametrize(
    ("sql", "inward"),
    [
        ("COPY t FROM STDIN", True),
        ("copy t\nfrom  stdin with (format csv, delimiter ';')", True),
        ("COPY (SELECT * FROM stdin) TO STDOUT", False),
        ("COPY (SELECT 'from stdin') TO STDOUT -- from stdin", False),
        ('COPY "to stdout" FROM STDIN /* to stdout */', True),
        ("COPY t FROM STDIN WITH (NULL 'to stdout')", True),
    ],
)
def test_the_direction(sql, inward):
    assert reads_input(sql) is inward


@pytest.mark.parametrize("sql", ["select 1", "copy t from '/etc/passwd'", "copy t to program 'x'"])
def test_what_is_no_copy_with_the_client(hook, sql):
    with pytest.raises(SqlError, match="needs a COPY statement with FROM STDIN or TO STDOUT"):
        hook.copy_expert(sql, "/dev/null")


def test_texts_in_the_clients_encoding(server, ask, table):
    hook = PostgresHook(connection=Connection.from_uri(server.get_uri() + "?client_encoding=LATIN1", "x"))
    assert hook.copy_expert(INTO, ["1,ü\n"]) == 1
    assert ask("select a from t") == [("ü",)]
    out = io.StringIO()
    hook.copy_expert(OUT, out)
    assert out.getvalue() == "1,ü\n"


# -- tables and files

KINDS = (
    'id int, a text, n numeric, at timestamptz, b bytea, j jsonb, arr text[], "Odd %s name" text, '
    "twice int generated always as (id * 2) stored"
)
FILL = """
    insert into {} (id, a, n, at, b, j, arr, "Odd %s name") values
    (1, E'a\\tb\\nc\\\\N,"', 1.10, '2024-01-01 00:00+05', '\\x00ff', '{{"a": [1, null]}}', '{{a,NULL,"x,y"}}', '\\.'),
    (2, '', 'NaN', '-infinity', '', '""', '{{}}', null),
    (3, null, null, null, null, null, null, '\\N')
"""


@pytest.mark.parametrize("form", ["text", "csv", "binary"])
@pytest.mark.parametrize("name", ["plain", '"Mixed Case"', 'sales."2024.05"'])
def test_a_table_goes_through_a_file(hook, ask, tmp_path, form, name):
    ask("create schema sales")
    ask(f"create table {name} ({KINDS})")
    ask(f"create table again ({KINDS})")
    ask(FILL.format(name))
    path = tmp_path / "t"
    assert hook.bulk_dump(name, path, format=form) == 3
    assert hook.bulk_load("again", str(path), format=form) == 3
    assert ask(f"select * from again except select * from {name}") == []
    assert list(tmp_path.iterdir()) == [path]


def test_the_form_is_airflows_by_default(hook, filled, tmp_path):
    hook.bulk_dump("t", tmp_path / "t")
    assert (tmp_path / "t").read_text() == "1\tx1\n2\tx2\n3\tx3\n"


def test_csv_has_a_line_of_names_and_is_read_by_it(hook, ask, filled, tmp_path):
    path = tmp_path / "t.csv"
    hook.bulk_dump("t", path, format="csv")
    assert path.read_text().splitlines()[0] == "id,a"
    path.write_text("a,id\nother,9\n")
    assert hook.bulk_load("t", path, format="csv") == 1
    assert ask("select a from t where id = 9") == [("other",)]


@pytest.mark.parametrize("first", ["1,x", "", "id,id", "id,b"])
def test_csv_without_a_line_of_names_loses_no_row(hook, ask, table, tmp_path, first):
    path = tmp_path / "t.csv"
    path.write_text(f"{first}\n2,y\n")
    with pytest.raises(SqlError, match=r"the first line of .* must name columns of t: a, id"):
        hook.bulk_load("t", path, format="csv")
    assert ask("select count(*) from t") == [(0,)]


@pytest.mark.parametrize("made", ["create view v as select * from t", "create materialized view v as select * from t"])
def test_a_view_is_dumped(hook, ask, filled, tmp_path, made):
    ask(made)
    assert hook.bulk_dump("v", tmp_path / "v") == 3


def test_a_partitioned_table_is_dumped_and_loaded(hook, ask, tmp_path):
    ask("create table p (id int) partition by range (id)")
    ask("create table p1 partition of p for values from (0) to (100)")
    ask("insert into p select generate_series(1, 5)")
    assert hook.bulk_dump("p", tmp_path / "p") == 5
    assert hook.bulk_load("p", tmp_path / "p") == 5


def test_a_load_is_all_or_nothing(hook, ask, table, tmp_path):
    (tmp_path / "t").write_text("1\tx\nno number\ty\n")
    with pytest.raises(psycopg2.errors.InvalidTextRepresentation):
        hook.bulk_load("t", tmp_path / "t")
    assert ask("select count(*) from t") == [(0,)]


def test_another_form_is_refused(hook, ask, table, tmp_path):
    with pytest.raises(ValueError, match="format must be text, csv or binary, not 'json'"):
        hook.bulk_dump("t", tmp_path / "t", format="json")


def test_files_are_in_utf8_whatever_the_client(server, ask, table, tmp_path):
    ask("insert into t values (1, 'ü')")
    hook = PostgresHook(connection=Connection.from_uri(server.get_uri() + "?client_encoding=LATIN1", "x"))
    hook.bulk_dump("t", tmp_path / "t")
    assert (tmp_path / "t").read_text(encoding="utf-8") == "1\tü\n"
    assert hook.bulk_load("t", tmp_path / "t") == 1
