"""Local files: formats, compression, and that a file is replaced in one moment or not at all."""

from __future__ import annotations

import datetime
import gzip
import math
import os
import stat
import subprocess
import sys
import textwrap
from decimal import Decimal

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from tradewind.errors import DagError, TransferError
from tradewind.transfer import Column, LocalFile, Transfer, Type


def read(endpoint, *names):
    """Columns and rows of a file."""
    with endpoint.reader() as reader:
        rows = [row for batch in reader.rows() for row in batch]
        return [f"{column.name} {column.type}" for column in reader.columns], rows


def write(endpoint, types, rows, *, commit=True):
    columns = [Column(name, Type.parse(kind)) for name, kind in types.items()]
    with endpoint.writer() as writer:
        writer.begin(columns)
        assert writer.rows([rows[:1], rows[1:]]) == len(rows)
        if commit:
            writer.commit()


def move(source, sink, **more):
    return Transfer(task_id="t", source=source, sink=sink, **more).execute({})


TYPES = {"id": "int", "name": "text", "price": "decimal(10,2)", "at": "timestamptz", "data": "bytes", "tags": "text[]"}
AT = datetime.datetime(2024, 5, 1, 12, 30, tzinfo=datetime.UTC)
ROWS = [
    (1, 'a "quote", and\nmore é😀', Decimal("1.10"), AT, b"\x00\xff", ["x", None, "a,b"]),
    (2, "", Decimal("99999999.99"), None, b"", []),
    (3, None, None, None, None, None),
]


@pytest.mark.parametrize(
    "name", ["a.csv", "a.csv.gz", "a.csv.zst", "a.jsonl", "a.ndjson.gz", "a.JSONL.ZST", "a.parquet"]
)
def test_what_is_written_is_read_back(tmp_path, name):
    endpoint = LocalFile(str(tmp_path / "new" / name), types=TYPES)
    write(endpoint, TYPES, ROWS)
    assert read(endpoint) == ([f"{name} {kind}" for name, kind in TYPES.items()], ROWS)
    assert [path.name for path in (tmp_path / "new").iterdir()] == [name]


@pytest.mark.parametrize("name", ["a.csv.gz", "a.jsonl.gz", "a.csv.zst", "a.parquet"])
def test_equal_rows_make_equal_compressed_files(tmp_path, name):
    one, other = (LocalFile(str(tmp_path / folder / name)) for folder in "xy")
    write(one, TYPES, ROWS)
    write(other, TYPES, ROWS)
    data = (tmp_path / "x" / name).read_bytes()
    assert data == (tmp_path / "y" / name).read_bytes()
    if name.endswith(".gz"):
        assert b"quote" in gzip.decompress(data)


def test_json_lines_hold_values_of_jsons_own_types(tmp_path):
    types = {
        "i": "int",
        "d": "decimal",
        "f": "float",
        "n": "float",
        "b": "bool",
        "j": "json",
        "l": "int[]",
        "t": "time",
    }
    row = (2**60, Decimal("1.10"), 0.5, math.nan, True, '{"a": [1.50,\n2]}', [1, [2, None]], datetime.time(1, 2))
    write(LocalFile(str(tmp_path / "a.jsonl")), types, [row])
    text = (tmp_path / "a.jsonl").read_text()
    assert text == (
        '{"i":1152921504606846976,"d":1.10,"f":0.5,"n":"NaN","b":true,"j":{"a": [1.50, 2]},"l":[1,[2,null]],'
        '"t":"01:02:00"}\n'
    )
    found = read(LocalFile(str(tmp_path / "a.jsonl"), types=types))[1][0]
    assert found[:3] == row[:3]
    assert math.isnan(found[3])
    assert found[5] == '{"a":[1.50,2]}'
    assert found[6:] == row[6:]


json_values = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(st.characters(exclude_categories=["Cs"]))
)


@given(st.lists(st.tuples(json_values, json_values), min_size=1, max_size=5))
def test_json_lines_come_back(tmp_path_factory, rows):
    endpoint = LocalFile(str(tmp_path_factory.mktemp("jsonl") / "a.jsonl"))
    write(endpoint, {"a": "any", "b": "any"}, rows)
    assert repr(read(endpoint)[1]) == repr(rows)


def test_json_in_json_lines_stays_the_json_that_it_was(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"a": "7", "b": {"x": 1.10}}\n{"a": [1.0, "é"], "b": null}\n{"a": 1e400}\n')
    found = read(LocalFile(str(tmp_path / "a.jsonl"), types={"a": "json", "b": "json"}))[1]
    assert found == [('"7"', '{"x":1.10}'), ('[1.0,"é"]', None), ("1E+400", None)]


def test_a_name_that_is_missing_in_a_later_line_is_null(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"a": 1, "b": 2.50}\n{"b": 3}\n')
    assert read(LocalFile(str(tmp_path / "a.jsonl")))[1] == [(1, Decimal("2.50")), (None, 3)]


@pytest.mark.parametrize(
    ("text", "types", "message"),
    [
        (
            '{"a": 1}\n{"a": 1, "c": 2}\n',
            None,
            r"Line 2 of the file .*a\.jsonl has a value for 'c', which is no column",
        ),
        ('{"a": 1}\n[1]\n', None, "Line 2 .* is not a JSON object"),
        ('{"a": 1}\nsecret\n', None, "Line 2 .* is not JSON"),
        ("", None, "is empty, and types= does not name its columns"),
        ('{"a": "secret"}\n', {"a": "int"}, "Line 1 .*: 'a' has a value that is not of type int"),
    ],
)
def test_what_is_wrong_in_json_lines_is_told_with_its_line(tmp_path, text, types, message):
    (tmp_path / "a.jsonl").write_text(text)
    with pytest.raises(TransferError, match=message) as caught:
        read(LocalFile(str(tmp_path / "a.jsonl"), types=types))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("text", ["a;b\r\n1;2\r\n", "\ufeffa;b\n1;2\n", 'a;"b"\n1;2'])
def test_csv_files_of_other_programs_are_read(tmp_path, text):
    (tmp_path / "a.csv").write_bytes(text.encode())
    assert read(LocalFile(str(tmp_path / "a.csv"), delimiter=";")) == (["a any", "b any"], [("1", "2")])


def test_a_header_may_have_quotes_and_line_ends(tmp_path):
    (tmp_path / "a.csv").write_text('"a\nb",c\n1,x\n')
    endpoint = LocalFile(str(tmp_path / "a.csv"), types={"c": "int"})
    with pytest.raises(TransferError, match=r"The line 3 of the file .*a\.csv: column 'c' has a text .* type int"):
        read(endpoint)


def test_a_file_without_a_header_needs_types(tmp_path):
    (tmp_path / "a.csv").write_text("1,2\n")
    assert read(LocalFile(str(tmp_path / "a.csv"), header=False, types={"x": "int", "y": "text"}))[1] == [(1, "2")]
    with pytest.raises(TransferError, match="has no header, so types= must name its columns"):
        read(LocalFile(str(tmp_path / "a.csv"), header=False))
    done = move(
        LocalFile(str(tmp_path / "a.csv"), header=False, types={"x": "int", "y": "text"}),
        LocalFile(str(tmp_path / "b.csv"), header=False),
    )
    assert (tmp_path / "b.csv").read_text() == "1,2\n"
    assert done["rows"] == 1


@pytest.mark.parametrize(
    ("text", "more", "message"),
    [
        ("", {}, "is empty: it has not even a header"),
        ("a,,c\n", {}, "has no name for column 2"),
        ("a,b\n", {"types": {"c": "int"}}, "has no column 'c', which types= names; it has 'a', 'b'"),
        ('a,"b\n', {}, "does not end|quote in the middle"),
    ],
)
def test_a_header_that_cannot_be_meant_is_refused(tmp_path, text, more, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(TransferError, match=message):
        read(LocalFile(str(tmp_path / "a.csv"), **more))


def test_mixed_line_ends_are_refused_where_bytes_are_passed_on(tmp_path):
    (tmp_path / "a.csv").write_bytes(b'a,b\n1,"x\r\ny"\n2,z\r\n')
    with pytest.raises(TransferError, match="some lines end with a carriage return"):
        move(LocalFile(str(tmp_path / "a.csv")), LocalFile(str(tmp_path / "b.csv")))
    assert not (tmp_path / "b.csv").exists()


def test_another_delimiter_is_written_also_where_the_source_gives_csv(tmp_path):
    (tmp_path / "a.csv").write_text('a,b\n1,"2;3"\n')
    move(LocalFile(tmp_path / "a.csv"), LocalFile(tmp_path / "b.csv", delimiter=";"))
    assert (tmp_path / "b.csv").read_text() == 'a;b\n1;"2;3"\n'


def test_carriage_returns_in_quotes_are_kept(tmp_path):
    (tmp_path / "a.csv").write_bytes(b'a,b\n1,"x\r\ny"\n')
    assert move(LocalFile(str(tmp_path / "a.csv")), LocalFile(str(tmp_path / "b.csv")))["rows"] == 1
    assert (tmp_path / "b.csv").read_bytes() == (tmp_path / "a.csv").read_bytes()


def test_a_missing_or_broken_file_is_named(tmp_path):
    frame = zstandard.ZstdCompressor(write_checksum=True).compress(b"a,b\n" + b"1,2\n" * 100_000)
    with pytest.raises(TransferError, match=r"The file .*gone\.csv cannot be read: No such file"):
        read(LocalFile(str(tmp_path / "gone.csv")))
    whole = gzip.compress(b"a,b\n" + b"1,2\n" * 100_000)
    for data in (whole[: len(whole) // 2], b"no gzip at all", whole[:-8] + b"12345678"):
        (tmp_path / "half.csv.gz").write_bytes(data)
        with pytest.raises(TransferError, match=r"The file .*half\.csv\.gz cannot be read to its end"):
            read(LocalFile(str(tmp_path / "half.csv.gz")))
    for data in (frame[:-1], frame[: len(frame) // 2], b"no zstd at all", frame[:-4] + b"1234", frame + frame[:9]):
        (tmp_path / "half.csv.zst").write_bytes(data)
        with pytest.raises(TransferError, match=r"The file .*half\.csv\.zst cannot be read to its end"):
            read(LocalFile(str(tmp_path / "half.csv.zst")))
    (tmp_path / "file").write_text("")
    with pytest.raises(TransferError, match=r"cannot be written: (Not a directory|File exists)"):
        write(LocalFile(str(tmp_path / "file" / "a.csv")), {"a": "int"}, [])


def test_several_compressed_streams_in_a_file_are_one(tmp_path):
    for suffix, compress in (("gz", gzip.compress), ("zst", zstandard.ZstdCompressor().compress)):
        path = tmp_path / f"a.csv.{suffix}"
        path.write_bytes(compress(b"a,b\n1,") + compress(b"") + compress(b"2\n") + compress(b"3,4\n" * 99_999))
        assert len(read(LocalFile(path))[1]) == 100_000


@pytest.mark.parametrize(
    ("name", "package", "extra"), [("a.csv.zst", "zstandard", "zstd"), ("a.parquet", "pyarrow", "parquet")]
)
def test_a_package_that_is_missing_is_told_and_nothing_is_left(tmp_path, monkeypatch, name, package, extra):
    (tmp_path / name).write_bytes(b"old")
    monkeypatch.setitem(sys.modules, package, None)
    for use in (read, lambda endpoint: write(endpoint, {"a": "int"}, [(1,)])):
        with pytest.raises(TransferError, match=rf"need the package {package}: `pip install .tradewind\[{extra}\]"):
            use(LocalFile(tmp_path / name))
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


@pytest.mark.parametrize(
    "more", [{"format": "xml"}, {"delimiter": ""}, {"delimiter": '"'}, {"types": {"a": "integer"}}]
)
def test_options_that_cannot_be_meant_are_refused_when_the_dag_is_read(more):
    with pytest.raises(DagError):
        LocalFile("a.csv", **more)


def test_a_name_that_does_not_tell_the_format_is_refused(tmp_path):
    with pytest.raises(TransferError, match=r"orders\.txt does not tell its format; say format=, one of csv, jsonl"):
        LocalFile("orders.txt").reader()
    assert type(LocalFile("orders.txt", format="jsonl").reader()).__name__ == "JsonlFileReader"


# Replacing


def test_the_old_file_is_there_until_the_commit(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("old")
    path.chmod(0o640)
    endpoint = LocalFile(path)
    with endpoint.writer() as writer:
        writer.begin([Column("a", Type("int"))])
        writer.rows([[(1,)]])
        assert path.read_text() == "old"
        assert len(list(tmp_path.iterdir())) == 2
        writer.commit()
        assert path.read_text() == "a\n1\n"
    assert [*tmp_path.iterdir()] == [path]
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_without_a_commit_nothing_is_left(tmp_path):
    write(LocalFile(tmp_path / "a.csv.gz"), {"a": "int"}, [(1,)], commit=False)
    assert [*tmp_path.iterdir()] == []


def test_after_being_told_to_stop_there_is_no_commit(tmp_path):
    with LocalFile(tmp_path / "a.csv").writer() as writer:
        writer.begin([Column("a", Type("int"))])
        writer.cancel()
        with pytest.raises(TransferError, match="left as it was: the transfer was told to stop"):
            writer.commit()
    assert [*tmp_path.iterdir()] == []


def test_a_link_stays_and_the_file_that_it_leads_to_is_replaced(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.csv").write_text("old")
    (tmp_path / "a.csv").symlink_to(tmp_path / "real" / "a.csv")
    write(LocalFile(tmp_path / "a.csv"), {"a": "int"}, [(1,)])
    assert (tmp_path / "a.csv").is_symlink()
    assert (tmp_path / "real" / "a.csv").read_text() == "a\n1\n"


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL and file locks")
def test_what_a_killed_process_left_is_swept_and_what_a_living_one_writes_is_not(tmp_path):
    code = textwrap.dedent(
        """
        import sys, time
        from tradewind.transfer import Column, LocalFile, Type
        writer = LocalFile(sys.argv[1]).writer().__enter__()
        writer.begin([Column("a", Type("int"))])
        writer.rows([[(1,)]])
        print("written", flush=True)
        time.sleep(600)
        """
    )
    path = tmp_path / "a[1].csv"

    def start():
        process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        return process

    dead, alive = start(), start()
    try:
        assert len([*tmp_path.iterdir()]) == 2
        dead.kill()
        dead.wait()
        write(LocalFile(path), {"a": "int"}, [(2,)])
        assert path.read_text() == "a\n2\n"
        assert len([*tmp_path.iterdir()]) == 2  # the file, and what the living one writes
    finally:
        alive.kill()
        for process in (dead, alive):
            process.communicate()


def test_what_is_no_file_is_not_replaced(tmp_path):
    """Else root would make a file of /dev/null."""
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (tmp_path / "pipe.csv", tmp_path):
        with pytest.raises(TransferError, match="is a folder or a device, which cannot be replaced"):
            LocalFile(str(path), format="csv").open_output()
