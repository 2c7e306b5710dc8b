"""Parquet files: what other programs find in ours, and what we find in theirs."""

from __future__ import annotations

import datetime
import subprocess
import sys
import uuid
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tradewind.errors import TransferError
from tradewind.testing.memory import Collected, Rows
from tradewind.transfer import Column, LocalFile, Transfer, Type, parquet_reader, parquet_writer

AT = datetime.datetime(2024, 2, 29, 12, 30, 0, 1)
CODE = uuid.UUID(int=7)
#: Name of a column -> its type, a value, and what it is in the file.
KEPT = {
    "flag": ("bool", True, pa.bool_(), True),
    "number": ("int", -(2**63), pa.int64(), -(2**63)),
    "price": ("decimal(10,2)", Decimal("1.10"), pa.decimal128(10, 2), Decimal("1.10")),
    "long": ("decimal(60,1)", Decimal("1e50"), pa.decimal256(60, 1), Decimal("1e50")),
    "any_long": ("decimal", Decimal("1.10"), pa.string(), "1.10"),
    "ratio": ("float", 0.1, pa.float64(), 0.1),
    "name": ("text", "é😀", pa.string(), "é😀"),
    "data": ("bytes", b"\0\xff", pa.binary(), b"\0\xff"),
    "day": ("date", AT.date(), pa.date32(), AT.date()),
    "hour": ("time", AT.time(), pa.time64("us"), AT.time()),
    "moment": ("timestamp", AT, pa.timestamp("us"), AT),
    "instant": (
        "timestamptz",
        AT.replace(tzinfo=datetime.UTC),
        pa.timestamp("us", "UTC"),
        AT.replace(tzinfo=datetime.UTC),
    ),
    "span": ("interval", datetime.timedelta(1, 2), pa.string(), "P1DT2S"),
    "code": ("uuid", CODE, pa.string(), str(CODE)),
    "doc": ("json", '{"a": 1.50}', pa.string(), '{"a": 1.50}'),
    "ids": ("int[]", [1, None], pa.list_(pa.int64()), [1, None]),
    "codes": ("uuid[]", [CODE, None], pa.list_(pa.string()), [str(CODE), None]),
    "free": ("any", "x", pa.string(), "x"),
}
COLUMNS = [Column(name, Type.parse(kind)) for name, (kind, *_) in KEPT.items()]


def move(source, sink, **more):
    return Transfer(task_id="t", source=source, sink=sink, **more).execute({})


def read(path, **more):
    """Types and rows of a file."""
    with LocalFile(path, **more).reader() as reader:
        return [str(column.type) for column in reader.columns], [row for batch in reader.rows() for row in batch]


@pytest.fixture
def table_in(tmp_path):
    """A file with these arrays as columns, written by pyarrow alone."""

    def write(**columns):
        pq.write_table(pa.table(columns), tmp_path / "theirs.parquet")
        return tmp_path / "theirs.parquet"

    return write


def test_other_programs_find_parquets_own_types(tmp_path):
    row = tuple(value for _, value, *_ in KEPT.values())
    empty = (None,) * len(KEPT)
    assert move(Rows(COLUMNS, [row, empty]), LocalFile(tmp_path / "a.parquet"))["rows"] == 2
    table = pq.read_table(tmp_path / "a.parquet")
    assert {field.name: field.type for field in table.schema} == {name: told for name, (_, _, told, _) in KEPT.items()}
    assert table.to_pylist() == [
        {name: value for name, (*_, value) in KEPT.items()},
        dict.fromkeys(KEPT),
    ]
    kinds, rows = read(tmp_path / "a.parquet")
    assert kinds == [kind if kind != "any" else "text" for kind, *_ in KEPT.values()]
    assert rows == [row, empty]


def test_what_other_programs_write_is_read(table_in):
    moment = datetime.datetime(2024, 5, 1, 12, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
    path = table_in(
        tiny=pa.array([1, None], pa.int8()),
        big=pa.array([2**64 - 1, 0], pa.uint64()),
        half=pa.array([0.5, None], pa.float32()),
        words=pa.array(["a", "b"]).dictionary_encode(),
        large=pa.array(["a", None], pa.large_string()),
        fixed=pa.array([b"ab", None], pa.binary(2)),
        ms=pa.array([AT.replace(microsecond=0), None], pa.timestamp("ms")),
        ns=pa.array([AT, None], pa.timestamp("ns")),
        zoned=pa.array([moment, None], pa.timestamp("s", "Europe/Berlin")),
        clock=pa.array([AT.time(), None], pa.time64("ns")),
        took=pa.array([datetime.timedelta(1), None], pa.duration("ms")),
        tags=pa.array([[b"x", None], None], pa.large_list(pa.large_binary())),
        nested=pa.array([[[1], []], None], pa.list_(pa.list_(pa.int32()))),
        point=pa.array([{"x": 1, "at": AT}, None], pa.struct([("x", pa.int64()), ("at", pa.timestamp("us"))])),
        named=pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
        nothing=pa.nulls(2),
    )
    kinds, rows = read(path)
    assert " ".join(kinds) == (
        "int decimal(20,0) float text text bytes timestamp timestamp timestamptz time interval bytes[] "
        "json json json any"
    )
    assert rows[0] == (
        1, Decimal(2**64 - 1), 0.5, "a", "a", b"ab", AT.replace(microsecond=0), AT, moment, AT.time(),
        datetime.timedelta(1), [b"x", None], "[[1],[]]", '{"x":1,"at":"2024-02-29 12:30:00.000001"}', '{"k":1}', None,
    )  # fmt: skip
    assert rows[0][8].tzinfo is datetime.UTC
    assert rows[1] == (None, Decimal(0), None, "b", *[None] * 12)


def test_an_instant_that_is_finer_than_a_microsecond_is_refused_and_not_told(table_in):
    path = table_in(a=pa.array([1_700_000_000_000_000_001], pa.timestamp("ns")))
    with pytest.raises(TransferError, match=r"column 'a' that is not of type timestamp") as caught:
        read(path)
    assert "1700000000" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_types_may_be_said_when_reading_and_when_writing(tmp_path, table_in):
    path = table_in(id=pa.array(["1", "x"]), day=pa.array([AT.date()] * 2))
    assert read(path, types={"day": "text"}) == (["text", "text"], [("1", "2024-02-29"), ("x", "2024-02-29")])
    with pytest.raises(TransferError, match=r"Row 2 of the file .*: column 'id' has a value that is not of type int"):
        read(path, types={"id": "int"})
    (tmp_path / "a.csv").write_text("id,price\n1,9.5\n")
    move(LocalFile(tmp_path / "a.csv"), LocalFile(tmp_path / "a.parquet", types={"price": "decimal(6,2)"}))
    assert read(tmp_path / "a.parquet") == (["text", "decimal(6,2)"], [("1", Decimal("9.50"))])
    for use in (lambda: read(path, types={"gone": "int"}), lambda: move(
        LocalFile(tmp_path / "a.csv"), LocalFile(tmp_path / "b.parquet", types={"gone": "int"})
    )):  # fmt: skip
        with pytest.raises(TransferError, match="'gone'"):
            use()
    assert not (tmp_path / "b.parquet").exists()


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("decimal(4,2)", Decimal("1.234")),
        ("decimal(4,2)", Decimal("NaN")),
        ("int", 2**63),
        ("text", "half a pair: \ud800"),
        ("int[]", [[1], [2]]),
    ],
)
def test_a_value_that_does_not_fit_fails_names_its_row_and_leaves_the_file(tmp_path, kind, value):
    (tmp_path / "a.parquet").write_bytes(b"old")
    rows = [(number, None) for number in range(150)] + [(7, value)]
    with pytest.raises(TransferError, match=r"Row 151: column 'v' has a value that does not fit") as caught:
        move(Rows([Column("id", Type("int")), Column("v", Type.parse(kind))], rows), LocalFile(tmp_path / "a.parquet"))
    assert caught.value.__suppress_context__
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.parquet", b"old")]


def test_only_the_columns_that_are_wanted_are_read(tmp_path, table_in):
    path = table_in(**{"a": pa.array([1]), "b.c": pa.array([1], pa.timestamp("ns")), "d": pa.array(["x"])})
    sink = Collected([Column("d", Type("text")), Column("a", Type("int"))])
    move(LocalFile(path), sink, columns=["d", "a"])
    assert sink.rows == [("x", 1)]
    sink = Collected([Column("b.c", Type("timestamp"))])
    with pytest.raises(TransferError, match=r"column 'b\.c'"):
        move(LocalFile(path), sink, columns=["b.c"])


def test_a_file_that_is_none_is_named(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1, it says")
    with pytest.raises(TransferError, match=r"The file .*a\.parquet is not Parquet, or damaged"):
        read(tmp_path / "a.parquet")
    move(Rows(COLUMNS[:2], [(True, number) for number in range(1000)]), LocalFile(tmp_path / "b.parquet"))
    data = bytearray((tmp_path / "b.parquet").read_bytes())
    data[4:200] = b"\xff" * 196
    (tmp_path / "b.parquet").write_bytes(data)
    with pytest.raises(TransferError, match=r"The file .*b\.parquet cannot be read to its end"):
        read(tmp_path / "b.parquet")


@pytest.mark.parametrize("name", ["a.parquet.gz", "a.parquet.zst"])
def test_parquet_is_not_compressed_once_more(tmp_path, name):
    for open_it in (LocalFile(tmp_path / name).reader, LocalFile(tmp_path / name).writer):
        with pytest.raises(TransferError, match="which compresses by itself: leave the suffix off"):
            open_it()


def test_row_groups_are_small_and_a_file_that_cannot_be_read_in_any_order_is_copied_first(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet_writer, "GROUP_ROWS", 250)
    rows = [(number, str(number)) for number in range(1000)]
    types = [Column("id", Type("int")), Column("name", Type("text"))]
    move(Rows(types, rows), LocalFile(tmp_path / "a.parquet"))
    assert pq.ParquetFile(tmp_path / "a.parquet").metadata.num_row_groups == 4  # batches of 100 rows come

    class Stream(LocalFile):
        def open_input(self):
            file = super().open_input()
            file.seekable = lambda: False
            return _Stream(file)

    monkeypatch.setattr(parquet_reader, "BATCH_ROWS", 300)
    found = Collected(types)
    move(Stream(tmp_path / "a.parquet"), found)
    assert found.rows == rows


class _Stream:
    """Only what a stream has."""

    def __init__(self, file):
        self._file = file

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._file.close()

    def seekable(self):
        return False

    def read(self, size):
        return self._file.read(size)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_does_not_grow_with_the_rows(tmp_path):
    code = """
import sys
from pathlib import Path
from tradewind.transfer import LocalFile, Transfer
rows = int(sys.argv[1])
with open("a.csv", "w") as file:
    file.write("id,name,text\\n")
    for number in range(rows):
        file.write(f"{number},name {number},{'x' * 100}\\n")
for source, sink in (("a.csv", "b.parquet"), ("b.parquet", "c.csv.zst"), ("c.csv.zst", "d.parquet")):
    assert Transfer(task_id="t", source=LocalFile(source), sink=LocalFile(sink)).execute({})["rows"] == rows
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""
    peaks = [
        int(subprocess.check_output([sys.executable, "-c", code, str(rows)], cwd=tmp_path, text=True))
        for rows in (100_000, 400_000)
    ]
    assert peaks[1] < peaks[0] + 30_000
