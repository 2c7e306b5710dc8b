"""Buckets are made, found, emptied, tagged and deleted, on a real server."""

from __future__ import annotations

import json

import pytest

from tradewind.connection import Connection
from tradewind.sandbox import Control
from tradewind_aws import S3Hook
from tradewind_aws.errors import AccessDenied, AwsError, BucketExists, NoSuchBucket


def test_whether_a_bucket_is_there(hook):
    assert hook.check_for_bucket()
    assert hook.check_for_bucket("sandbox")
    assert not hook.check_for_bucket("no-such-bucket")
    with pytest.raises(AccessDenied, match=r"Connection 'lake'.*the bucket 'taken-x' is refused \(403"):
        hook.check_for_bucket("taken-x")
    assert hook.get_bucket("other").name == "other"
    assert hook.get_bucket().name == "sandbox"


def test_making_one(hook):
    hook.create_bucket("new")
    hook.create_bucket("elsewhere", region_name="eu-west-1")
    client = hook.get_conn()
    assert client.get_bucket_location(Bucket="elsewhere")["LocationConstraint"] == "eu-west-1"
    assert client.get_bucket_location(Bucket="new")["LocationConstraint"] is None
    with pytest.raises(BucketExists, match="the bucket 'taken-x' is there already"):
        hook.create_bucket("taken-x")
    with pytest.raises(AwsError, match="Invalid bucket name"):
        hook.create_bucket("No Such/Name")


def test_one_with_something_in_it_is_deleted_only_by_force(hook):
    hook.load_string("x", "k")
    with pytest.raises(AwsError, match=r"BucketNotEmpty.*force_delete=True"):
        hook.delete_bucket("sandbox")
    hook.delete_bucket("sandbox", force_delete=True)
    assert not hook.check_for_bucket("sandbox")
    with pytest.raises(NoSuchBucket):
        hook.delete_bucket("sandbox", force_delete=True)


def test_old_versions_and_unfinished_uploads_are_deleted_too(hook):
    client = hook.get_conn()
    client.put_bucket_versioning(Bucket="sandbox", VersioningConfiguration={"Status": "Enabled"})
    for text in ("one", "two"):
        hook.load_string(text, "k", replace=True)
    hook.delete_objects("sandbox", "k")
    client.create_multipart_upload(Bucket="sandbox", Key="begun")
    hook.delete_bucket("sandbox", force_delete=True)
    assert not hook.check_for_bucket("sandbox")


def test_tags(hook):
    assert hook.get_bucket_tagging() == []
    hook.put_bucket_tagging({"team": "data"}, key="stage", value="test")
    assert {tag["Key"]: tag["Value"] for tag in hook.get_bucket_tagging()} == {"team": "data", "stage": "test"}
    hook.put_bucket_tagging([{"Key": "a", "Value": "b"}], bucket_name="sandbox")
    assert hook.get_bucket_tagging() == [{"Key": "a", "Value": "b"}]
    hook.delete_bucket_tagging()
    assert hook.get_bucket_tagging() == []
    with pytest.raises(ValueError, match="key and value together"):
        hook.put_bucket_tagging({"a": "b"}, key="c")
    with pytest.raises(ValueError, match="needs tags"):
        hook.put_bucket_tagging()


# -- does the connection work?


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "answers, and has the bucket 'sandbox'."),
        ({"schema": None}, "answers, and has 1 bucket."),
        ({"schema": "no-such-bucket"}, "the bucket 'no-such-bucket' does not exist"),
        ({"schema": "taken-x"}, "ListObjectsV2 of the bucket 'taken-x' is refused"),
        ({"login": "AKIANOBODY"}, "access key (login) is not known"),
        ({"password": "Zq7-wrong"}, "secret key (password) is wrong"),
        ({"port": 9}, "cannot reach http://127.0.0.1:9: check host and port"),
        ({"extra": {"tls": True}}, "TLS failed; tls=false is plain HTTP"),
        ({"login": None, "password": None}, "AccessDenied"),
    ],
)
def test_what_the_test_says(server, changes, told):
    connection = Connection(**server.to_dict() | {"conn_id": "x"} | changes)
    works, said = connection.test_connection()
    assert works == told.startswith("answers")
    assert told in said
    assert server.password not in said
    assert "Zq7-wrong" not in said
    if not works:
        assert "Connection 'x'" in said


def test_a_key_that_may_not_list_buckets_works(server):
    Control(server).fault("status", status=403)
    connection = Connection(**server.to_dict() | {"schema": None})
    works, said = connection.test_connection()
    assert works
    assert said.endswith("answers and knows the key; which buckets it has it does not tell.")


def test_a_store_is_never_asked_for_sts(cloud, monkeypatch):
    """MinIO behind an `aws` connection, as Airflow's users have it."""
    fields = cloud.to_dict() | {"schema": None, "host": None, "port": None}
    server = f"http://{cloud.host}:{cloud.port}"
    for extra in ({"endpoint_url": server}, {"service_config": {"s3": {"endpoint_url": server}}}):
        monkeypatch.setenv("AIRFLOW_CONN_MINIO", json.dumps(fields | {"extra": extra}))
        Control(cloud).clear()
        with S3Hook("minio") as hook:
            assert hook.test_connection() == (True, f"{server} answers, and has 1 bucket.")
        assert [call.method for call in Control(cloud).calls()] == ["GET"]
