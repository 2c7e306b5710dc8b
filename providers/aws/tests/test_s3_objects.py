"""Objects are written, read, copied and deleted, on a real server."""

from __future__ import annotations

import gzip
import io
import os
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.stub import Stubber

from tradewind.errors import UsageError
from tradewind.sandbox import Control
from tradewind_aws import S3Hook
from tradewind_aws.errors import AccessDenied, AwsError, AwsUnreachable, KeyExists, NoSuchBucket, NoSuchKey

MIB = 1024 * 1024

AWKWARD = ["a b/c+d.txt", "é/日本.txt", "q?x=1&y#z%20", "dots/..%2f/x", "trailing/", "/leading", "*", "a//b"]


@pytest.fixture
def sent(hook):
    """Headers of what the hook's clients send from now on, by operation."""
    headers = []

    def record(request, event_name, **_):
        headers.append((event_name.rpartition(".")[2], {name.lower() for name in request.headers}))

    for client in (hook.get_conn(), hook._creating_client):
        client.meta.events.register("before-send.s3", record)
    return headers


def uploads(hook):
    """Multipart uploads that were begun and not ended."""
    return hook.get_conn().list_multipart_uploads(Bucket="sandbox").get("Uploads") or []


# -- writing and reading


@pytest.mark.parametrize("key", AWKWARD)
def test_every_key_comes_back(hook, key):
    hook.load_string("naïve 日本", key)
    assert hook.read_key(key) == "naïve 日本"
    assert hook.read_key(f"s3://sandbox/{key}") == "naïve 日本"
    assert hook.list_keys() == [key]
    hook.copy_object(key, f"copy/{key}")
    assert hook.read_bytes(f"copy/{key}") == "naïve 日本".encode()
    with urllib.request.urlopen(hook.generate_presigned_url("get_object", {"Key": key})) as answer:
        assert answer.read().decode() == "naïve 日本"
    hook.delete_objects(None, [key, f"copy/{key}"])
    assert not hook.check_for_key(key)


def test_text_in_other_encodings(hook):
    hook.load_string("naïve", "latin", encoding="latin-1")
    assert hook.read_bytes("latin") == b"na\xefve"
    assert hook.read_key("latin", encoding="latin-1") == "naïve"
    with pytest.raises(UsageError, match=r"s3://sandbox/latin is no utf-8 text \(byte 2\); give encoding="):
        hook.read_key("latin")


def test_text_that_is_compressed(hook):
    hook.load_string("naïve " * 100, "k.gz", compression="gzip")
    assert gzip.decompress(hook.read_bytes("k.gz")).decode() == "naïve " * 100
    with pytest.raises(UsageError, match="knows the compression 'gzip', and no 'zip'"):
        hook.load_string("x", "k.zip", compression="zip")


@pytest.mark.parametrize("pack", [False, True])
def test_a_file_is_left_as_it_was(hook, tmp_path, pack):
    path = tmp_path / "data.csv"
    path.write_bytes(b"a,b\n" * 1000)
    hook.load_file(path, "data", gzip=pack)
    content = hook.read_bytes("data")
    assert (gzip.decompress(content) if pack else content) == b"a,b\n" * 1000
    assert [found.name for found in tmp_path.iterdir()] == ["data.csv"]
    assert path.read_bytes() == b"a,b\n" * 1000


def test_a_large_file_that_is_refused_in_the_end(hook, server, tmp_path):
    """The bucket is gone when the upload begins: boto3 wraps that error in one of its own."""
    (tmp_path / "large").write_bytes(b"x" * 9 * MIB)
    with pytest.raises(NoSuchBucket, match="the bucket 'no-such-bucket' does not exist"):
        hook.load_file(tmp_path / "large", "k", "no-such-bucket", replace=True)
    hook.load_file(tmp_path / "large", "k")
    assert hook.head_object("k")["ContentLength"] == 9 * MIB


def test_a_pipe_is_no_regular_file(hook, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit((tmp_path / "pipe").write_bytes, b"through a pipe")
        hook.load_file(tmp_path / "pipe", "k")
        writing.result()
    assert hook.read_bytes("k") == b"through a pipe"


def test_a_missing_file(hook, tmp_path):
    with pytest.raises(FileNotFoundError):
        hook.load_file(tmp_path / "nope", "k")
    assert hook.list_keys() == []


def test_streams_stay_open_and_need_not_be_seekable(hook):
    class Stream(io.RawIOBase):
        def __init__(self):
            self.left = 9 * MIB

        def readable(self):
            return True

        def readinto(self, buffer):
            size = min(len(buffer), self.left)
            buffer[:size] = b"x" * size
            self.left -= size
            return size

    for stream in (io.BytesIO(b"x" * 9 * MIB), io.BufferedReader(Stream())):
        hook.load_file_obj(stream, "k", replace=True)
        assert not stream.closed
        assert hook.head_object("k")["ContentLength"] == 9 * MIB
    with pytest.raises(UsageError, match="A binary file or stream is wanted, not str"):
        hook.load_file_obj("a path", "k")


def test_a_stream_that_fails_leaves_nothing(hook):
    class Broken(io.BytesIO):
        def read(self, size=-1):
            if self.tell() > 16 * MIB:
                raise OSError("the disk is gone")
            return super().read(size)

    with pytest.raises(OSError, match="the disk is gone"):
        hook.load_file_obj(Broken(b"x" * 30 * MIB), "k")
    assert hook.list_keys() == []
    assert uploads(hook) == []


# -- what is there already


def test_what_is_there_is_not_replaced_unless_told(hook, tmp_path):
    hook.load_string("one", "k")
    (tmp_path / "file").write_text("two", encoding="utf-8")
    for load in (
        lambda **more: hook.load_string("two", "k", **more),
        lambda **more: hook.load_bytes(b"two", "k", **more),
        lambda **more: hook.load_file_obj(io.BytesIO(b"two"), "k", **more),
        lambda **more: hook.load_file(tmp_path / "file", "k", **more),
    ):
        with pytest.raises(KeyExists, match="Connection 'lake': s3://sandbox/k is there already") as caught:
            load()
        assert isinstance(caught.value, ValueError)  # as in Airflow
        assert hook.read_key("k") == "one"
        load(replace=True)
        assert hook.read_key("k") == "two"
        hook.load_string("one", "k", replace=True)


def test_of_many_who_write_at_once_one_wins(hook):
    def write(number):
        try:
            hook.load_string(str(number), "k")
        except KeyExists:
            return None
        return number

    hook._creating_client  # noqa: B018  # made once, and not by each
    with ThreadPoolExecutor(8) as pool:
        won = [number for number in pool.map(write, range(8)) if number is not None]
    assert [hook.read_key("k")] == [str(number) for number in won]


@pytest.mark.parametrize("size", [1, 9 * MIB])
def test_one_that_comes_while_it_is_written_is_kept(hook, server, size):
    class Late(io.BytesIO):
        """Somebody else writes the object as soon as this one is read."""

        def read(self, *given):
            if not other.check_for_key("k"):
                other.load_string("theirs", "k")
            return super().read(*given)

    with (
        S3Hook("lake") as other,
        pytest.raises(KeyExists, match=r"Connection 'lake', http://127.*s3://sandbox/k is there already") as caught,
    ):
        hook.load_file_obj(Late(b"x" * size), "k")
    assert type(caught.value.__cause__).__name__ == "ClientError"
    assert hook.read_key("k") == "theirs"
    assert uploads(hook) == []


def test_an_answer_that_is_lost_is_no_object_that_was_there(hook, server, tmp_path):
    """boto3 sends again, and what is there then is its own."""
    (tmp_path / "file").write_bytes(b"content")
    for number, load in enumerate((
        lambda key: hook.load_bytes(b"content", key),
        lambda key: hook.load_file(tmp_path / "file", key),
    )):  # fmt: skip
        Control(server).fault("lost", method="PUT")
        load(f"k{number}")
        assert hook.read_bytes(f"k{number}") == b"content"


def test_whether_an_object_is_ours_is_found_out_in_small_steps(hook, server):
    """A stream may be larger than memory."""
    sizes = []

    class Watched(io.BytesIO):
        def read(self, size=-1):
            sizes.append(len(found := super().read(size)))
            return found

    stream = Watched(b"not ours" + bytes(3_000_000))
    stream.seek(8)
    Control(server).fault("lost", method="PUT")
    hook.load_file_obj(stream, "k")
    assert hook.read_bytes("k") == bytes(3_000_000)
    assert max(sizes) <= 2**20


def test_one_that_comes_while_an_answer_is_lost_is_not_ours(hook, server):
    class Late(io.BytesIO):
        def read(self, *given):
            if not other.check_for_key("k"):
                other.load_string("theirs", "k")
            return super().read(*given)

    Control(server).fault("drop", method="PUT", after=1)
    with S3Hook("lake") as other, pytest.raises(KeyExists):
        hook.load_file_obj(Late(b"ours"), "k")
    assert hook.read_key("k") == "theirs"


def test_who_may_write_and_not_look(hook, server):
    Control(server).fault("status", status=403, method="HEAD")
    hook.load_string("x", "k")
    assert hook.read_key("k") == "x"


# -- what is sent


def test_no_acl_and_no_encryption_are_asked_for_unless_told(hook, sent, tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    hook.load_file(tmp_path / "file", "k")
    hook.load_bytes(b"x" * 9 * MIB, "large")
    hook.copy_object("k", "copy")
    hook.copy_object("k", "copy", acl_policy="no-acl")
    told = set().union(*(headers for _, headers in sent))
    assert not told & {"x-amz-acl", "x-amz-server-side-encryption", "x-amz-request-payer"}
    assert "if-none-match" in dict(sent)["PutObject"]
    assert "if-none-match" in dict(sent)["CompleteMultipartUpload"]
    sent.clear()
    hook.load_bytes(b"x", "k", replace=True, encrypt=True, acl_policy="public-read")
    hook.copy_object("k", "copy", acl_policy="private", kms_key_id="1", kms_encryption_type="aws:kms")
    assert {"x-amz-acl", "x-amz-server-side-encryption"} <= dict(sent)["PutObject"]
    assert "if-none-match" not in dict(sent)["PutObject"]
    copied = {"x-amz-acl", "x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id"}
    assert copied <= dict(sent)["CopyObject"]
    assert hook.head_object("k")["ServerSideEncryption"] == "AES256"


def test_arguments_for_every_transfer(server, monkeypatch):
    extra = {
        "service_config": {
            "s3": {"extra_args": {"ContentType": "text/x"}, "transfer_config_args": {"max_concurrency": 2}}
        }
    }
    server.extra = {**server.extra_dejson, **extra}
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", server.get_uri())
    with S3Hook("lake") as hook:
        hook.load_string("x", "k")
        assert hook.head_object("k")["ContentType"] == "text/x"
        assert hook.transfer_config.max_concurrency == 2
        hook.extra_args["ContentType"] = "changed"
        assert hook.extra_args == {"ContentType": "text/x"}
    with S3Hook("lake", extra_args={"Metadata": {"a": "b"}}, transfer_config_args={"max_concurrency": 3}) as hook:
        hook.load_string("x", "other")
        assert hook.head_object("other")["Metadata"] == {"a": "b"}
        assert hook.get_key("other").metadata == {"a": "b"}
        assert hook.transfer_config.max_concurrency == 3
    with pytest.raises(UsageError, match="extra_args: boto3 has no argument ContentTyp"):
        S3Hook("lake", extra_args={"ContentTyp": "x"}).load_string("x", "fourth")
    with pytest.raises(UsageError, match=r"transfer_config_args: .*max_konkurrency"):
        S3Hook("lake", transfer_config_args={"max_konkurrency": 1}).load_string("x", "third")
    with pytest.raises(TypeError, match="extra_args must be a mapping, not str"):
        S3Hook("lake", extra_args="x")


def test_the_caller_pays(server):
    with S3Hook("lake", requester_pays=True) as hook:
        headers = []
        for client in (hook.get_conn(), hook._creating_client, hook.resource.meta.client):
            client.meta.events.register("before-send.s3", lambda request, **_: headers.append(set(request.headers)))
        hook.load_string("x", "k")
        hook.read_key("k")
        hook.get_key("k")
        hook.list_keys()
        hook.copy_object("k", "l")
        hook.delete_objects(None, "l")
    assert len(headers) >= 7
    assert all("x-amz-request-payer" in names for names in headers)


# -- copies


def test_a_copy_has_metadata_and_tags_whole_or_in_parts(hook):
    given = {
        "ContentType": "text/x",
        "CacheControl": "no-cache",
        "Metadata": {"a": "b"},
        "Tagging": "team=data&x=y%20z",
    }
    hook.get_conn().put_object(Bucket="sandbox", Key="k", Body=b"x" * 6 * MIB, **given)
    hook.copy_object("k", "whole")
    hook.largest_copy = 5 * MIB
    hook.copy_object("s3://sandbox/k", "parts")
    for key in ("whole", "parts"):
        head = hook.head_object(key)
        assert (head["ContentType"], head["CacheControl"], head["Metadata"]) == ("text/x", "no-cache", {"a": "b"})
        assert hook.read_bytes(key) == b"x" * 6 * MIB
    # S3 takes tags along in a copy of one piece, and moto does not; here they are what the hook took along.
    tags = hook.get_conn().get_object_tagging(Bucket="sandbox", Key="parts")["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"team": "data", "x": "y z"}
    assert ["-" in hook.head_object(key)["ETag"] for key in ("whole", "parts")] == [False, True]
    for limit in (5 * MIB, 10 * MIB):
        hook.largest_copy = limit
        hook.copy_object("k", "new", meta_data_directive="REPLACE", Metadata={"c": "d"}, ContentType="text/y")
        head = hook.head_object("new")
        assert (head["ContentType"], head["Metadata"]) == ("text/y", {"c": "d"})


def test_copies_that_cannot_be(hook):
    with pytest.raises(NoSuchKey, match="s3://sandbox/nope does not exist"):
        hook.copy_object("nope", "copy")
    hook.load_string("x", "k")
    with pytest.raises(NoSuchBucket, match="the bucket 'no-such-bucket' does not exist"):
        hook.copy_object("k", "k", dest_bucket_name="no-such-bucket")
    with pytest.raises(ValueError, match="give both or neither"):
        hook.copy_object("k", "l", kms_key_id="1")


# -- deleting


def test_many_are_deleted_a_thousand_at_a_time(hook, server):
    hook.load_string("x", "k1999")
    Control(server).clear()
    hook.delete_objects("sandbox", (f"k{number}" for number in range(2001)))
    assert [call.method for call in Control(server).calls("?delete")] == ["POST"] * 3
    assert hook.list_keys() == []
    hook.delete_objects(None, [])


def test_what_could_not_be_deleted_is_told(hook):
    """The sandbox deletes whatever it is told to: its refusal is played."""
    errors = [{"Key": f"k{number}", "Code": "AccessDenied", "Message": "Access Denied"} for number in range(4)]
    with Stubber(hook.get_conn()) as stub:
        stub.add_response("delete_objects", {"Errors": errors})
        with pytest.raises(
            AccessDenied, match=r"4 objects of the bucket 'sandbox' .*\(AccessDenied\): 'k0', 'k1', 'k2' \.\.\."
        ):
            hook.delete_objects(None, ["k"])


# -- addresses that work without keys


def test_signed_addresses_let_do_one_thing(hook):
    put = hook.generate_presigned_url("put_object", {"Key": "k"}, expires_in=60)
    with urllib.request.urlopen(urllib.request.Request(put, b"sent", {"Content-Type": "text/plain"}, method="PUT")):
        pass
    get = hook.generate_presigned_url("get_object", {"Bucket": "sandbox", "Key": "k"})
    with urllib.request.urlopen(get) as answer:
        assert answer.read() == b"sent"
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in get  # not the old way, which new buckets refuse
    with pytest.raises(urllib.error.HTTPError, match="403") as caught:
        urllib.request.urlopen(get.replace("/k?", "/other?"))
    caught.value.close()


# -- what goes wrong


def test_what_is_not_there_is_told(hook):
    assert hook.head_object("nope") is None
    assert not hook.check_for_key("nope")
    for read in (hook.read_key, hook.read_bytes, hook.open_key, hook.get_key, hook.download_file):
        with pytest.raises(NoSuchKey, match=r"Connection 'lake'.*s3://sandbox/nope does not exist") as caught:
            read("nope")
        assert caught.value.__cause__ is not None
        assert caught.value.code in ("404", "NoSuchKey")
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_another_bucket(hook):
    with pytest.raises(NoSuchBucket, match="the bucket 'no-such-bucket' does not exist"):
        hook.load_string("x", "k", "no-such-bucket", replace=True)
    for ask in (lambda: hook.check_for_key("k", "taken-x"), lambda: hook.read_key("s3://taken-x/k")):
        with pytest.raises(AccessDenied, match=r"Connection 'lake'.* of s3://taken-x/k is refused"):
            ask()


def test_faults_that_pass_are_not_seen(hook, server):
    control = Control(server)
    for kind in ("status", "drop", "lost", "cut"):
        hook.load_string(kind, "k", replace=True)
        control.fault(kind, method="GET")
        assert hook.read_key("k") == kind
        control.clear()


def test_a_store_that_is_gone(hook, monkeypatch):
    monkeypatch.setenv(
        "AIRFLOW_CONN_GONE", "s3://k:Zq7-secret@127.0.0.1:9/b?tls=false&config_kwargs.retries.max_attempts=0"
    )
    with S3Hook("gone") as gone:
        with pytest.raises(
            AwsUnreachable, match=r"Connection 'gone' cannot reach http://127\.0\.0\.1:9: check host"
        ) as caught:
            gone.load_string("x", "k")
        assert isinstance(caught.value, AwsError)
        assert "Zq7-secret" not in str(caught.value)
