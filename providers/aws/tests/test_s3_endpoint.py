"""`S3Object` as an end of transfers: replaced whole or not at all, read to its end or not at all."""

from __future__ import annotations

import datetime
import gzip
import io
import os
import signal
import subprocess
import sys
import textwrap
from decimal import Decimal

import boto3
import pyarrow.parquet as pq
import pytest
import zstandard

from tradewind.connection import Connection
from tradewind.errors import DagError, TransferError
from tradewind.sandbox import Control
from tradewind.testing import EndpointContract
from tradewind.testing.endpoint import COLUMNS
from tradewind.testing.memory import Collected, Rows
from tradewind.transfer import Column, LocalFile, Transfer, Type
from tradewind_aws import S3Object
from tradewind_aws.errors import AccessDenied, AwsError, BadCredentials, NoSuchBucket, NoSuchKey
from tradewind_aws.s3 import streams, uploads

TYPES = {column.name: str(column.type) for column in COLUMNS}
MIB = 1 << 20


class TestCsv(EndpointContract):
    key = "contract/rows.csv"
    checks_values = False
    more = {}

    @pytest.fixture
    def endpoint(self, server):
        return lambda mode="replace": S3Object(self.key, conn_id="lake", mode=mode, types=TYPES, **self.more)


class TestJsonl(TestCsv):
    key = "contract/rows.jsonl.zst"


class TestParquet(TestCsv):
    key = "contract/rows.parquet"


class TestSplitCsv(TestCsv):
    key = "contract/rows.csv.gz"
    more = {"max_rows_per_file": 999, "max_file_bytes": 20_000}


class TestSplitParquet(TestCsv):
    key = "contract/rows.parquet"
    more = {"max_rows_per_file": 1500}


@pytest.fixture
def s3(server):
    """boto3 alone."""
    client = boto3.client(
        "s3",
        endpoint_url=f"http://{server.host}:{server.port}",
        region_name="us-east-1",
        aws_access_key_id=server.login,
        aws_secret_access_key=server.password,
    )
    yield client
    client.close()


@pytest.fixture
def put(s3):
    return lambda key, data: s3.put_object(Bucket="sandbox", Key=key, Body=data)


@pytest.fixture
def objects(s3):
    """What there is: key -> content."""

    def get():
        rows = s3.list_objects_v2(Bucket="sandbox").get("Contents", [])
        return {row["Key"]: s3.get_object(Bucket="sandbox", Key=row["Key"])["Body"].read() for row in rows}

    return get


@pytest.fixture
def unfinished(s3):
    return lambda: [row["Key"] for row in s3.list_multipart_uploads(Bucket="sandbox").get("Uploads", [])]


@pytest.fixture
def control(server, monkeypatch):
    monkeypatch.setattr(streams, "PAUSE", 0.001)
    return Control(server)


def lake(key, **more):
    return S3Object(key, conn_id="lake", **more)


def move(source, sink, **more):
    return Transfer(task_id="load", source=source, sink=sink, **more).execute({})


def numbers(count, text="x" * 20):
    return Rows([Column("id", Type("int")), Column("name", Type("text"))], [(one, text) for one in range(count)])


def csv_of(count, text="x" * 20):
    return "id,name\n" + "".join(f"{one},{text}\n" for one in range(count))


def read(source):
    sink = Collected([Column("id", Type("int")), Column("name", Type("text"))])
    move(source, sink)
    return sink.rows


# -- writing


def test_what_a_small_and_a_large_object_are(objects, unfinished, control, s3):
    for count in (3, 17_000):
        assert move(numbers(count, "x" * 1000), lake("s3://sandbox/a/b.csv"))["rows"] == count
        assert objects() == {"a/b.csv": csv_of(count, "x" * 1000).encode()}
    assert unfinished() == []
    assert s3.head_object(Bucket="sandbox", Key="a/b.csv")["ContentType"] == "text/csv; charset=utf-8"
    asked = [call.method + call.target.partition("?")[0] for call in control.calls("b.csv")]
    assert asked.count("PUT/sandbox/a/b.csv") == 1 + 3  # one object of a piece, one in three parts


def test_compressed_objects_are_what_their_names_say(objects):
    move(numbers(1000), lake("a.csv.gz"))
    move(numbers(1000), lake("a.csv.zst"))
    move(numbers(1000), lake("a.parquet", types={"id": "decimal(9,0)"}))
    found = objects()
    assert gzip.decompress(found["a.csv.gz"]).decode() == csv_of(1000)
    assert zstandard.ZstdDecompressor().decompressobj().decompress(found["a.csv.zst"]).decode() == csv_of(1000)
    assert pq.read_table(io.BytesIO(found["a.parquet"])).to_pylist()[999] == {"id": Decimal(999), "name": "x" * 20}


@pytest.mark.parametrize("count", [10, 12_000])
def test_nothing_is_seen_before_the_commit_and_nothing_left_without(objects, unfinished, put, count):
    put("a.csv", b"old")
    with lake("a.csv").writer() as writer:
        writer.begin([Column("id", Type("int")), Column("name", Type("text"))])
        writer.rows([numbers(count, "x" * 1000).rows])
        assert objects() == {"a.csv": b"old"}
    assert (objects(), unfinished()) == ({"a.csv": b"old"}, [])


def test_a_key_is_a_template_and_its_bucket_may_be_named_apart(objects, server, run_task):
    sink = S3Object("day={{ ds }}/part.csv", conn_id="lake", bucket_name="{{ 'sand' }}box")
    done = run_task(
        Transfer(task_id="load", source=numbers(1), sink=sink),
        logical_date=datetime.datetime(2025, 3, 8, tzinfo=datetime.UTC),
    )
    assert done.result["rows"] == 1
    assert list(objects()) == ["day=2025-03-08/part.csv"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"key": ""}, "needs a key"),
        ({"mode": "append"}, "objects are replaced only"),
        ({"max_rows_per_file": 0}, "max_rows_per_file=0 must be above 0"),
        ({"part_bytes": 1000}, "must be 5 MiB or more"),
        ({"format": "xls"}, "no file format"),
    ],
)
def test_what_cannot_be_meant_is_refused_when_the_dag_is_read(given, message):
    with pytest.raises(DagError, match=message):
        S3Object(**{"key": "s3://b/a.csv", **given})


def test_a_sink_must_be_one_object(server):
    for key in ("s3://b/*.csv", "s3://b/folder/"):
        with pytest.raises(TransferError, match="stands for many objects"):
            Transfer(task_id="t", source=numbers(1), sink=lake(key, format="csv"))


def test_more_parts_than_an_upload_may_have(server, monkeypatch, objects, unfinished):
    monkeypatch.setattr(uploads, "MOST_PARTS", 2)
    with pytest.raises(TransferError, match=r"more than 2 parts of 5,242,880 bytes.*larger part_bytes=, or split"):
        move(numbers(12_000, "x" * 1000), lake("a.csv", part_bytes=5 * MIB))
    assert (objects(), unfinished()) == ({}, [])


# -- splitting


def test_parts_are_split_at_rows_and_a_smaller_run_removes_the_others(objects, unfinished, put):
    put("a/orders-00009.csv", b"old")
    put("a/orders.csv", b"from the time before it was split")
    for other in ("a/orders-9.csv", "a/orders-00001.csv.gz", "a/orders-x0001.csv", "a/orders2.csv"):
        put(other, b"other")
    kept = {"a/orders-9.csv", "a/orders-00001.csv.gz", "a/orders-x0001.csv", "a/orders2.csv"}
    sink = lake("a/orders.csv", max_rows_per_file=4)
    for count, parts in ((10, [4, 4, 2]), (4, [4]), (8, [4, 4]), (0, [0])):
        assert move(numbers(count, 'a "b",\nc'), sink)["rows"] == count
        found = {key: data for key, data in objects().items() if key not in kept}
        assert list(found) == [f"a/orders-0000{number}.csv" for number in range(1, len(parts) + 1)]
        assert [data.count(b"\n") // 2 for data in found.values()] == parts
        assert all(data.startswith(b"id,name\n") for data in found.values())
        assert read(sink) == [(one, 'a "b",\nc') for one in range(count)]
    assert unfinished() == []
    assert kept < objects().keys()


@pytest.mark.parametrize("key", ["a.csv", "a.jsonl", "a.parquet", "a.csv.gz"])
def test_no_part_has_more_bytes_than_it_may(objects, put, key):
    sink = lake(key, max_file_bytes=30_000)
    assert move(numbers(5000), sink)["rows"] == 5000
    found = objects()
    assert len(found) > 2
    assert all(len(data) <= 30_000 for data in found.values())
    assert [row[0] for row in read(sink)] == list(range(5000))
    if key == "a.csv":
        assert all(len(data) > 29_900 for data in list(found.values())[:-1])
        assert b"".join(data.removeprefix(b"id,name\n") for data in found.values()) == csv_of(5000)[8:].encode()


def test_a_row_that_is_larger_than_a_part_may_be_has_one_of_its_own(objects, tmp_path):
    (tmp_path / "a.csv").write_text("id,name\n1,a\n2," + "b" * 500 + "\n3,c")
    move(LocalFile(tmp_path / "a.csv"), lake("a.csv", max_file_bytes=100))
    assert [len(data) for data in objects().values()] == [12, 511, 11]


def test_a_source_that_fails_leaves_the_old_parts(objects, unfinished):
    sink = lake("a.csv", max_rows_per_file=100)
    move(numbers(150), sink)
    before = objects()
    failing = numbers(1000, "new")
    failing.fails_after = 950
    with pytest.raises(Exception, match="fails half-way"):
        move(failing, sink)
    assert (objects(), unfinished()) == (before, [])


# -- reading


def test_many_objects_are_read_as_one(put, control, tmp_path):
    put("in/day=1/part-a.csv", b"id,name\n1,a\n2,b")
    put("in/day=1/part-b.csv", b"name,id\r\nc,3\r\n")
    put("in/day=2/part-a.csv.gz", gzip.compress(b"id,name\n4,d\n"))
    put("in/day=2/_SUCCESS", b"")
    put("in/day=2/", b"")
    put("in/other.csv", b"id\n9\n")
    rows = [(1, "a"), (2, "b"), (3, "c"), (4, "d")]
    for key in ("s3://sandbox/in/day=*/part-?.csv*", "in/day=*/part-[ab].csv*"):
        assert read(lake(key, format="csv")) == rows
        assert move(lake(key), LocalFile(tmp_path / "a.csv"))["rows"] == 4
        assert (tmp_path / "a.csv").read_text() == "id,name\n1,a\n2,b\n3,c\n4,d\n"
    assert read(lake("s3://sandbox/in/day=2/")) == [(4, "d")]
    with pytest.raises(TransferError, match=r"no object in S3 that s3://sandbox/gone/\*\.csv stands for"):
        read(lake("s3://sandbox/gone/*.csv"))
    with pytest.raises(TransferError, match=r"do not have the same columns: only one has 'name'"):
        read(lake("in/*.csv"))


def test_a_line_of_many_files_is_told_by_its_own(put, tmp_path):
    put("in/a.csv", b"id,name\n1,a\n")
    put("in/b.csv", b"id,name\n2,b\nx,c\n")
    with pytest.raises(TransferError, match=r"line 3 of the file s3://sandbox/in/b\.csv.*'id'"):
        read(lake("in/*.csv", types={"id": "int"}))
    put("in/a.jsonl", b'{"id": 1, "name": "a"}\n')
    put("in/b.jsonl", b'{"name": "b", "id": 2}\n{"id": 3}\n')
    assert read(lake("in/*.jsonl")) == [(1, "a"), (2, "b"), (3, None)]


def test_parquet_is_read_in_any_order_and_only_what_is_wanted(put, control):
    move(Rows([Column("id", Type("int")), Column("name", Type("text"))],
              [(one, f"{one}" * 500) for one in range(3000)]), lake("in/a.parquet"))  # fmt: skip
    move(numbers(10), lake("in/b.parquet"))
    control.clear()
    sink = Collected([Column("id", Type("int"))])
    move(lake("in/*.parquet"), sink, columns=["id"])
    assert [row[0] for row in sink.rows] == [*range(3000), *range(10)]
    assert len(control.calls("a.parquet")) < 12


def test_an_object_that_is_not_there(server):
    with pytest.raises(NoSuchKey, match=r"s3://sandbox/gone\.csv does not exist"):
        read(lake("gone.csv"))
    with pytest.raises(NoSuchKey, match=r"gone\.parquet"):
        read(lake("gone.parquet"))
    for use in (lambda: read(lake("s3://gone/a.csv")), lambda: move(numbers(1), lake("s3://gone/a.csv"))):
        with pytest.raises(NoSuchBucket, match="'gone'"):
            use()
    with pytest.raises(AccessDenied):
        move(numbers(1), lake("s3://taken-by-others/a.csv"))


# -- faults


LONG = "x" * 1000
BIG = csv_of(12_000, LONG).encode()  # 12 MB


@pytest.mark.parametrize("kind", ["cut", "drop", "status"])
def test_reading_goes_on_where_it_broke_off(put, control, tmp_path, kind):
    put("a.csv", BIG)
    control.fault(kind, method="GET", path="/a.csv", times=2)
    assert move(lake("a.csv"), LocalFile(tmp_path / "a.csv"))["rows"] == 12_000
    assert (tmp_path / "a.csv").read_bytes() == BIG
    assert len(control.calls("/a.csv")) == 1 + 3


def test_what_breaks_off_again_and_again_fails_and_names_the_object(put, control, tmp_path):
    put("a.csv", b"id,name\n1,a\n")
    (tmp_path / "b.csv").write_text("old")
    control.fault("cut", method="GET", path="/a.csv", times=100)
    with pytest.raises((TransferError, AwsError), match=r"s3://sandbox/a\.csv"):
        move(lake("a.csv"), LocalFile(tmp_path / "b.csv"))
    assert (tmp_path / "b.csv").read_text() == "old"


def test_an_object_that_changes_while_it_is_read_is_an_error(put, control, monkeypatch, tmp_path):
    put("a.csv", BIG)
    control.fault("cut", method="GET", path="/a.csv")
    ask = streams.ObjectStream._note_break

    def replaced(self, error):
        put("a.csv", BIG + b"1,y\n")
        ask(self, error)

    monkeypatch.setattr(streams.ObjectStream, "_note_break", replaced)
    with pytest.raises(TransferError, match=r"s3://sandbox/a\.csv was replaced or deleted while it was read"):
        move(lake("a.csv"), LocalFile(tmp_path / "a.csv"))
    assert list(tmp_path.iterdir()) == []


def test_an_object_that_is_replaced_after_it_was_listed_is_an_error(put, control, monkeypatch, tmp_path):
    put("in/a.csv", b"id,name\n1,a\n")
    put("in/b.csv", b"id,name\n2,b\n")
    with lake("in/*.csv").reader() as reader:
        put("in/b.csv", b"id,name\n3,b\n")
        with pytest.raises(TransferError, match=r"s3://sandbox/in/b\.csv was replaced"):
            list(reader.rows())


def test_a_damaged_object_is_noticed(put, control, s3, monkeypatch):
    """S3 keeps a checksum with the object, and botocore compares it at its end."""
    s3.put_object(Bucket="sandbox", Key="a.csv", Body=b"id,name\n1,a\n", ChecksumAlgorithm="CRC32")
    body = streams.ObjectStream._note_version

    def damaged(self, answer):
        body(self, answer)
        inner = answer["Body"]._raw_stream.read
        answer["Body"]._raw_stream.read = lambda size: inner(size).replace(b"1,a", b"7,a")

    monkeypatch.setattr(streams.ObjectStream, "_note_version", damaged)
    with pytest.raises(TransferError, match="has arrived damaged"):
        read(lake("a.csv"))


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 503, "times": 2, "path": "partNumber"},
        {"kind": "status", "status": 500, "path": "uploads"},
        {"kind": "drop", "times": 2, "path": "partNumber"},
        {"kind": "lost", "path": "partNumber"},
        {"kind": "lost", "method": "POST", "path": "uploadId"},
        {"kind": "cut", "method": "POST", "path": "uploadId"},
        {"kind": "twice", "path": "partNumber"},
    ],
    ids=lambda fault: " ".join(map(str, fault.values())),
)
def test_writing_ends_right_through_faults(objects, unfinished, control, tmp_path, fault, caplog):
    caplog.set_level("DEBUG", "tradewind_aws")
    (tmp_path / "a.csv").write_bytes(BIG)
    control.fault(**fault)
    assert move(LocalFile(tmp_path / "a.csv"), lake("a.csv"))["rows"] == 12_000
    assert (objects(), unfinished()) == ({"a.csv": BIG}, [])
    assert any(call.fault for call in control.calls())


@pytest.mark.parametrize("path", ["partNumber", "uploadId", "uploads"])
def test_writing_that_fails_leaves_the_old_object_and_no_upload(
    objects, unfinished, put, control, server, monkeypatch, caplog, path
):
    caplog.set_level("DEBUG")
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", _impatient(server).get_uri())
    put("a.csv", b"old")
    for given in ({"kind": "status", "status": 503}, {"kind": "drop"}, {"kind": "status", "status": 403}):
        control.fault(**given, times=50, path=path, method="PUT" if path == "partNumber" else "POST")
        with pytest.raises((AwsError, TransferError), match=r"lake|s3://sandbox/a\.csv"):
            move(numbers(12_000, LONG), lake("a.csv"))
        control.clear()
        assert (objects(), unfinished()) == ({"a.csv": b"old"}, [])
    assert server.password not in caplog.text


def _impatient(server):
    extra = {**server.extra_dejson, "config_kwargs": {"retries": {"total_max_attempts": 1}}}
    return Connection("lake", "s3", host=server.host, port=server.port, login=server.login,
                      password=server.password, schema=server.schema, extra=extra)  # fmt: skip


def test_a_session_that_ends_meanwhile_is_told(cloud, monkeypatch, caplog):
    caplog.set_level("DEBUG")
    extra = {**cloud.extra_dejson, "role_arn": "arn:aws:iam::123456789012:role/loader"}
    role = Connection("lake", "aws", host=cloud.host, port=cloud.port, login=cloud.login,
                      password=cloud.password, schema=cloud.schema, extra=extra)  # fmt: skip
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", role.get_uri())
    move(numbers(12_000, LONG), lake("a.csv"))
    with lake("a.csv").writer() as writer:
        writer.begin([Column("id", Type("int")), Column("name", Type("text"))])
        Control(cloud).act("expire_sessions")
        with pytest.raises(BadCredentials, match="ExpiredToken"):
            writer.rows([numbers(30_000, LONG).rows])
    assert cloud.password not in caplog.text
    assert len(read(lake("a.csv"))) == 12_000


def test_a_wrong_key_is_told_without_it(server, monkeypatch):
    server.password = "wr0ng/secret"
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", server.get_uri())
    for use in (lambda: read(lake("a.csv")), lambda: move(numbers(1), lake("a.csv"))):
        with pytest.raises(BadCredentials) as caught:
            use()
        assert "wr0ng" not in str(caught.value)


# -- other transfers at the same time, and killed ones


def test_who_comes_later_wins_and_the_other_fails(objects, unfinished, server):
    with lake("a.csv").writer() as first:
        first.begin([Column("id", Type("int")), Column("name", Type("text"))])
        first.rows([numbers(12_000, LONG).rows])
        move(numbers(3), lake("a.csv"))
        with pytest.raises(TransferError, match="Another transfer into the same object has begun meanwhile"):
            first.commit()
    assert (objects(), unfinished()) == ({"a.csv": csv_of(3).encode()}, [])


@pytest.mark.parametrize("more", [{}, {"max_rows_per_file": 5000}])
def test_a_killed_transfer_leaves_nothing_to_be_seen_and_the_next_one_clears_up(objects, unfinished, put, server, more):
    put("a.csv", b"old")
    code = textwrap.dedent(
        """
        import sys, time
        from tradewind.transfer import Column, Type
        from tradewind_aws import S3Object
        writer = S3Object("a.csv", conn_id="lake", **eval(sys.argv[1])).writer().__enter__()
        writer.begin([Column("id", Type("int")), Column("name", Type("text"))])
        writer.rows([[(one, "x" * 1000) for one in range(12_000)]])
        print("written", flush=True)
        time.sleep(600)
        """
    )
    with subprocess.Popen([sys.executable, "-c", code, repr(more)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        os.kill(process.pid, signal.SIGKILL)
    assert objects() == {"a.csv": b"old"}
    assert unfinished()
    move(numbers(3), lake("a.csv", **more))
    assert unfinished() == []
    assert list(objects().values()) == [csv_of(3).encode()]


def test_one_that_may_not_look_for_unfinished_uploads_writes_all_the_same(objects, control, put):
    control.fault("status", status=403, path=r"\?uploads")
    move(numbers(3), lake("a.csv"))
    assert list(objects()) == ["a.csv"]


def test_importing_the_endpoint_loads_no_library():
    code = "import sys; from tradewind_aws import S3Object; S3Object('s3://b/a.parquet'); print('boto3' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"
