"""Operators on buckets and objects, on a real server."""

from __future__ import annotations

import datetime

import pytest

from tradewind import DAG
from tradewind.errors import DagError, MissingArgument, TradewindError, UnknownArgument, UsageError
from tradewind.states import TaskState
from tradewind.testing.runs import run_task
from tradewind_aws.errors import AwsError, KeyExists, NoSuchBucket, NoSuchKey
from tradewind_aws.operators import (
    LocalFilesystemToS3Operator,
    S3CopyObjectOperator,
    S3CopyPrefixOperator,
    S3CreateBucketOperator,
    S3CreateObjectOperator,
    S3DeleteBucketOperator,
    S3DeleteBucketTaggingOperator,
    S3DeleteObjectsOperator,
    S3FileTransformOperator,
    S3GetBucketTaggingOperator,
    S3ListOperator,
    S3ListPrefixesOperator,
    S3PutBucketTaggingOperator,
    S3ReadObjectOperator,
)

BUCKET = "sandbox"


def run(operator, **given):
    """What a task of the operator returns."""
    return run_task(operator(task_id="t", **{"aws_conn_id": "lake", **given})).result


def put(hook, *keys):
    for key in keys:
        hook.load_string(key, key, BUCKET)


# Buckets


def test_a_bucket_is_made_and_deleted_more_than_once(hook):
    for _ in range(2):
        run(S3CreateBucketOperator, bucket_name="another")
    assert hook.check_for_bucket("another")
    for _ in range(2):
        run(S3DeleteBucketOperator, bucket_name="another")
    assert not hook.check_for_bucket("another")


def test_a_bucket_with_something_in_it_is_deleted_only_by_force(hook):
    put(hook, "k")
    with pytest.raises(AwsError, match="force_delete"):
        run(S3DeleteBucketOperator, bucket_name=BUCKET)
    assert hook.check_for_key("k")
    run(S3DeleteBucketOperator, bucket_name=BUCKET, force_delete=True)
    assert not hook.check_for_bucket(BUCKET)


def test_tags(hook):
    given = {"bucket_name": BUCKET}
    assert run(S3GetBucketTaggingOperator, **given) == []
    run(S3PutBucketTaggingOperator, tag_set={"team": "etl", "run": "1"}, **given)
    found = run(S3GetBucketTaggingOperator, **given)
    assert sorted(tag["Key"] for tag in found) == ["run", "team"]
    run(S3PutBucketTaggingOperator, key="day", value="{{ ds }}", **given)
    [tag] = run(S3GetBucketTaggingOperator, **given)
    assert tag["Key"] == "day"
    assert tag["Value"].startswith("20")
    run(S3DeleteBucketTaggingOperator, **given)
    assert run(S3GetBucketTaggingOperator, **given) == []


def test_tags_of_a_bucket_that_is_not_there_are_an_error(server):
    """It is no green task that did nothing."""
    with pytest.raises(NoSuchBucket, match="no-such-bucket"):
        run(S3GetBucketTaggingOperator, bucket_name="no-such-bucket")


# No bucket that was not named


@pytest.mark.parametrize(
    ("operator", "given"),
    [
        (S3DeleteBucketOperator, {"force_delete": True}),
        (S3CreateBucketOperator, {}),
        (S3PutBucketTaggingOperator, {"key": "a", "value": "b"}),
        (S3DeleteBucketTaggingOperator, {}),
        (S3GetBucketTaggingOperator, {}),
    ],
)
def test_a_bucket_that_comes_out_as_nothing_is_not_that_of_the_connection(hook, operator, given):
    put(hook, "k")
    with pytest.raises(UsageError, match="Task 't': bucket_name is ''; name one"):
        run(operator, bucket_name="{{ '' }}", **given)
    with pytest.raises(MissingArgument, match="bucket_name"):
        operator(task_id="t", aws_conn_id="lake")
    assert hook.check_for_key("k")


@pytest.mark.parametrize("native", [False, True])
def test_deleting_objects_needs_a_bucket_and_something_to_choose_them_by(hook, native):
    put(hook, "a", "b")
    for given in (
        {"bucket": "{{ params.nothing }}", "keys": "a"},
        {"bucket": BUCKET, "keys": "{{ params.nothing }}"},
        {"bucket": BUCKET, "prefix": "{{ params.nothing }}"},
        {"bucket": BUCKET, "from_datetime": "{{ params.nothing }}"},
        {"bucket": BUCKET, "prefix": "a", "to_datetime": "{{ params.nothing }}"},
    ):
        with DAG("d", schedule=None, params={"nothing": None if native else ""}, render_template_as_native_obj=native):
            task = S3DeleteObjectsOperator(task_id="t", aws_conn_id="lake", **given)
        with pytest.raises(UsageError, match="Task 't'"):
            run_task(task)
    assert hook.list_keys() == ["a", "b"]


def test_what_to_delete_is_said_in_one_way():
    for given in ({}, {"keys": "a", "prefix": "b"}):
        with pytest.raises(DagError, match="say which objects"):
            S3DeleteObjectsOperator(task_id="t", bucket=BUCKET, **given)


@pytest.mark.parametrize(
    ("operator", "given"),
    [
        (S3CreateObjectOperator, {"s3_bucket": "", "s3_key": "k", "data": "x"}),
        (S3CreateObjectOperator, {"s3_key": "{{ '' }}", "data": "x"}),
        (S3ReadObjectOperator, {"s3_bucket": "", "s3_key": "k"}),
        (S3ListOperator, {"bucket": ""}),
        (S3ListPrefixesOperator, {"bucket": "", "prefix": "", "delimiter": "/"}),
        (S3CopyObjectOperator, {"source_bucket_key": "k", "dest_bucket_key": "l", "dest_bucket_name": ""}),
        (S3CopyPrefixOperator, {"source_bucket_prefix": "k", "dest_bucket_prefix": ""}),
        (LocalFilesystemToS3Operator, {"filename": __file__, "dest_key": "k", "dest_bucket": ""}),
    ],
)
def test_what_comes_out_as_nothing_is_an_error(hook, operator, given):
    with pytest.raises(UsageError, match="Task 't'"):
        run(operator, **given)
    assert hook.list_keys() == []


# Objects


def test_an_object_is_written_and_read(hook):
    run(S3CreateObjectOperator, s3_bucket=BUCKET, s3_key="a/{{ ds }}", data="naïve {{ params.x }}", params={"x": 1})
    [key] = hook.list_keys()
    assert run(S3ReadObjectOperator, s3_key=f"s3://{BUCKET}/{key}") == "naïve 1"
    assert run(S3ReadObjectOperator, s3_bucket=BUCKET, s3_key=key) == "naïve 1"
    assert run(S3ReadObjectOperator, s3_key=key) == "naïve 1"  # in the bucket that the connection names
    run(S3CreateObjectOperator, s3_key="b", data=b"\x00\xff")
    assert hook.read_bytes("b") == b"\x00\xff"
    with pytest.raises(KeyExists):
        run(S3CreateObjectOperator, s3_key="b", data="x")
    run(S3CreateObjectOperator, s3_key="b", data="x", replace=True, compression="gzip")
    assert hook.read_bytes("b")[:2] == b"\x1f\x8b"
    with pytest.raises(NoSuchKey, match="sandbox/nope"):
        run(S3ReadObjectOperator, s3_key="nope")


def test_an_address_and_another_bucket_exclude_each_other(hook):
    with pytest.raises(UsageError, match="the bucket 'sandbox', and bucket_name is 'other'"):
        run(S3CreateObjectOperator, s3_bucket="other", s3_key=f"s3://{BUCKET}/k", data="x")


def test_bytes_have_no_encoding(server):
    with pytest.raises(UsageError, match="data is bytes"):
        run(S3CreateObjectOperator, s3_key="k", data=b"x", compression="gzip")


def test_a_local_file(hook, tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("a,b\n")
    run(LocalFilesystemToS3Operator, filename=str(path), dest_key="k.csv", dest_bucket=BUCKET)
    assert hook.read_key("k.csv") == "a,b\n"
    with pytest.raises(KeyExists):
        run(LocalFilesystemToS3Operator, filename=str(path), dest_key="k.csv")
    run(LocalFilesystemToS3Operator, filename=str(path), dest_key=f"s3://{BUCKET}/k.csv", replace=True, gzip=True)
    assert hook.read_bytes("k.csv")[:2] == b"\x1f\x8b"
    assert [file.name for file in tmp_path.iterdir()] == ["in.csv"]
    with pytest.raises(UsageError, match=r"Task 't': the file .*nowhere cannot be read: No such file"):
        run(LocalFilesystemToS3Operator, filename=str(tmp_path / "nowhere"), dest_key="l")


def test_lists(hook):
    put(hook, "a/1.csv", "a/2.txt", "a/b/3.csv", "c")
    assert run(S3ListOperator, bucket=BUCKET, prefix="a/") == ["a/1.csv", "a/2.txt", "a/b/3.csv"]
    assert run(S3ListOperator, bucket=BUCKET, prefix="a/", delimiter="/") == ["a/1.csv", "a/2.txt"]
    assert run(S3ListOperator, bucket=BUCKET, prefix="a/*.csv", apply_wildcard=True) == ["a/1.csv", "a/b/3.csv"]
    assert run(S3ListOperator, bucket=BUCKET, prefix="a/*.csv") == []
    assert run(S3ListPrefixesOperator, bucket=BUCKET, prefix="a/", delimiter="/") == ["a/b/"]


def test_copies(hook):
    put(hook, "a/1", "a/2", "other")
    run(S3CreateBucketOperator, bucket_name="kept")
    run(S3CopyObjectOperator, source_bucket_key="a/1", dest_bucket_key="s3://kept/x")
    run(S3CopyObjectOperator, source_bucket_key="a/2", dest_bucket_key="x", dest_bucket_name="kept")
    assert hook.read_key("x", "kept") == "a/2"
    given = {"source_bucket_prefix": f"s3://{BUCKET}/a/", "dest_bucket_prefix": "s3://kept/{{ ds }}/"}
    assert run(S3CopyPrefixOperator, **given) == 2
    assert [key[-2:] for key in hook.list_keys("kept", "20")] == ["/1", "/2"]
    assert run(S3CopyPrefixOperator, source_bucket_prefix=f"s3://{BUCKET}", dest_bucket_prefix="s3://kept/all/") == 3
    assert hook.list_keys("kept", "all/") == ["all/a/1", "all/a/2", "all/other"]
    with pytest.raises(NoSuchKey):
        run(S3CopyObjectOperator, source_bucket_key="nope", dest_bucket_key="s3://kept/x")


def test_a_prefix_is_not_copied_into_itself(hook):
    """What is copied would be found again, and copied once more, without end."""
    put(hook, "a/1")
    with pytest.raises(UsageError, match="lies within"):
        run(S3CopyPrefixOperator, source_bucket_prefix="a/", dest_bucket_prefix="a/old/")
    assert hook.list_keys() == ["a/1"]


def test_copying_goes_on_after_a_failure_if_told(hook, monkeypatch):
    """The second of three objects goes while the copy is under way."""
    put(hook, "a/1", "a/2", "a/3")
    listed = type(hook).iter_keys

    def iter_keys(self, *given, **more):
        keys = list(listed(self, *given, **more))
        self.delete_objects(BUCKET, "a/2")
        return iter(keys)

    monkeypatch.setattr(type(hook), "iter_keys", iter_keys)
    given = {"source_bucket_prefix": "a/", "dest_bucket_prefix": "b/", "source_bucket_name": BUCKET}
    with pytest.raises(AwsError, match=r"1 objects could not be copied, 2 were; the first of them is 'a/2'"):
        run(S3CopyPrefixOperator, continue_on_failure=True, **given)
    assert [row["Key"] for row in hook.iter_file_metadata("b/", BUCKET)] == ["b/1", "b/3"]


def test_objects_are_deleted(hook):
    put(hook, "a", "b", "c/1", "c/2", "d")
    assert run(S3DeleteObjectsOperator, bucket=BUCKET, keys="a") == 1
    assert run(S3DeleteObjectsOperator, bucket=BUCKET, keys=["b", "not-there"]) == 2
    assert run(S3DeleteObjectsOperator, bucket=BUCKET, prefix="c/") == 2
    assert run(S3DeleteObjectsOperator, bucket=BUCKET, keys=[]) == 0
    assert hook.list_keys() == ["d"]
    assert run(S3DeleteObjectsOperator, bucket=BUCKET, keys=f"s3://{BUCKET}/d") == 1
    with pytest.raises(UsageError, match="no object of the bucket"):
        run(S3DeleteObjectsOperator, bucket=BUCKET, keys="s3://other/d")


def test_objects_are_deleted_by_their_age(hook):
    put(hook, "a")
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=1)
    assert run(S3DeleteObjectsOperator, bucket=BUCKET, from_datetime=soon.isoformat()) == 0
    assert run(S3DeleteObjectsOperator, bucket=BUCKET, to_datetime="2020-01-01 00:00") == 0
    assert hook.list_keys() == ["a"]
    assert run(S3DeleteObjectsOperator, bucket=BUCKET, to_datetime=soon) == 1
    with pytest.raises(UsageError, match="no moment in ISO form"):
        run(S3DeleteObjectsOperator, bucket=BUCKET, to_datetime="yesterday")


# A program


@pytest.fixture
def script(tmp_path):
    def make(text):
        path = tmp_path / "script"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return str(path)

    return make


def transform(script, **given):
    task = S3FileTransformOperator(
        task_id="t",
        source_s3_key="s3://sandbox/in",
        dest_s3_key="s3://sandbox/out",
        transform_script=script,
        source_aws_conn_id="lake",
        dest_aws_conn_id="lake",
        **given,
    )
    return run_task(task)


def test_an_object_through_a_program(hook, script):
    hook.load_string("hello", "in")
    transform(script('tr a-z A-Z < "$1" > "$2"; printf " $3" >> "$2"'), script_args=["{{ ds_nodash[:2] }}"])
    assert hook.read_key("out") == "HELLO 20"
    with pytest.raises(KeyExists):
        transform(script('cp "$1" "$2"'))
    transform(script('cp "$1" "$2"'), replace=True)
    assert hook.read_key("out") == "hello"


def test_a_program_that_fails_writes_nothing(hook, script):
    hook.load_string("hello", "in")
    with pytest.raises(TradewindError, match="ended with exit code 3; the last line of its output: 'no good'"):
        transform(script('echo half > "$2"; echo no good; exit 3'))
    with pytest.raises(TradewindError, match="did not write the file"):
        transform(script("true"))
    with pytest.raises(TradewindError, match="cannot be started"):
        transform("/no/such/program")
    assert hook.list_keys() == ["in"]


def test_an_object_that_is_not_there(hook, script):
    with pytest.raises(NoSuchKey):
        transform(script("true"))


def test_s3_select_is_refused():
    """S3 closed it to new customers."""
    with pytest.raises(UnknownArgument, match="select_expression"):
        S3FileTransformOperator(
            task_id="t", source_s3_key="a", dest_s3_key="b", transform_script="x", select_expression="SELECT 1"
        )


# The connection


def test_region_and_options_reach_the_hook(server):
    task = S3ListOperator(
        task_id="t",
        bucket=BUCKET,
        aws_conn_id="lake",
        region_name="eu-north-1",
        verify=False,
        botocore_config={"read_timeout": 7},
    )
    with task.hook as hook:
        assert hook.conn_region_name == "eu-north-1"
        assert hook.verify is False
        assert hook.config.read_timeout == 7


def test_a_failure_is_told_by_connection_and_place(server):
    ended = run_task(S3ListOperator(task_id="t", bucket="no-such-bucket", aws_conn_id="lake"), check=False)
    assert ended.state is TaskState.FAILED
    assert "Connection 'lake'" in ended.reason
    assert "no-such-bucket" in ended.reason
