"""The sandbox of AWS as clients find it that know nothing of tradewind: boto3, requests, and bodies made by hand."""

from __future__ import annotations

import base64
import datetime
import hashlib
import io
import json
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
import requests
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum

from tradewind.errors import SandboxMissing
from tradewind.sandbox import Control
from tradewind.testing import SandboxContract
from tradewind_aws import S3Hook
from tradewind_aws.sandbox import AwsSandbox, S3Sandbox
from tradewind_aws.sandbox.answers import Refused
from tradewind_aws.sandbox.bodies import Chunks
from tradewind_aws.sandbox.signing import Claim, signing_key

ONCE = Config(retries={"total_max_attempts": 1})
IMPATIENT = Config(retries={"total_max_attempts": 1}, read_timeout=0.3)
NAME = "a/b c+é%2F~!'()*.txt"


class TestAwsSandbox(SandboxContract):
    conn_type = "aws"


@pytest.fixture
def client(cloud):
    """Makes clients of boto3 alone, with the keys of the sandbox unless others are given."""
    with ExitStack() as opened:

        def make(service="s3", key=cloud.login, secret=cloud.password, token=None, config=ONCE, on=cloud):
            made = boto3.client(
                service,
                endpoint_url=f"http://{on.host}:{on.port}",
                region_name="us-east-1",
                aws_access_key_id=key,
                aws_secret_access_key=secret,
                aws_session_token=token,
                config=config,
            )
            opened.callback(made.close)
            return made

        yield make


@pytest.fixture
def s3(client):
    return client("s3")


@pytest.fixture
def control(cloud):
    return Control(cloud)


def refused(call, **arguments):
    """Code and status of a call that is refused."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


# -- what it can


def test_objects_secrets_and_parameters_are_kept(client, s3):
    s3.put_object(Bucket="sandbox", Key=NAME, Body=b"hello", Metadata={"my_key": "1"}, ContentType="text/x")
    found = s3.get_object(Bucket="sandbox", Key=NAME)
    assert (found["Body"].read(), found["ContentType"], found["Metadata"]) == (b"hello", "text/x", {"my_key": "1"})
    assert s3.get_object(Bucket="sandbox", Key=NAME, Range="bytes=1-2")["Body"].read() == b"el"
    assert [row["Key"] for row in s3.list_objects_v2(Bucket="sandbox")["Contents"]] == [NAME]
    assert refused(s3.get_object, Bucket="sandbox", Key="gone") == ("NoSuchKey", 404)
    assert refused(s3.get_object, Bucket="gone", Key="gone") == ("NoSuchBucket", 404)
    large = bytes(range(256)) * 50_000
    s3.upload_fileobj(io.BytesIO(large), "sandbox", "large")
    back = io.BytesIO()
    s3.download_fileobj("sandbox", "large", back)
    assert back.getvalue() == large
    client("secretsmanager").create_secret(Name="a/b", SecretString="s")
    assert client("secretsmanager").get_secret_value(SecretId="a/b")["SecretString"] == "s"
    client("ssm").put_parameter(Name="/a/b", Value="v", Type="SecureString")
    assert client("ssm").get_parameter(Name="/a/b", WithDecryption=True)["Parameter"]["Value"] == "v"
    assert refused(client("sqs").list_queues)[1] == 501


def test_of_many_who_create_an_object_at_once_one_does(s3):
    def create(number):
        try:
            s3.put_object(Bucket="sandbox", Key="race", Body=b"%d" % number, IfNoneMatch="*")
        except ClientError as error:
            return error.response["Error"]["Code"]
        return number

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(create, range(8)))
    [winner] = [one for one in found if isinstance(one, int)]
    assert set(found) - {winner} <= {"PreconditionFailed", "ConditionalRequestConflict"}
    assert s3.get_object(Bucket="sandbox", Key="race")["Body"].read() == b"%d" % winner


# -- who may


@pytest.mark.parametrize(
    ("service", "call", "key", "secret"),
    [
        ("s3", "list_buckets", ("InvalidAccessKeyId", 403), ("SignatureDoesNotMatch", 403)),
        ("secretsmanager", "list_secrets", ("UnrecognizedClientException", 400), ("InvalidSignatureException", 400)),
        ("ssm", "describe_parameters", ("UnrecognizedClientException", 400), ("InvalidSignatureException", 400)),
        ("sts", "get_caller_identity", ("InvalidClientTokenId", 403), ("SignatureDoesNotMatch", 403)),
    ],
)
def test_wrong_keys_are_refused_in_the_words_of_each_service(client, service, call, key, secret):
    assert refused(getattr(client(service, key="AKIA" + "X" * 16), call)) == key
    assert refused(getattr(client(service, secret="wrong"), call)) == secret


def test_who_does_not_sign_may_nothing(cloud):
    place = f"http://{cloud.host}:{cloud.port}"
    found = requests.get(f"{place}/sandbox/{NAME}", timeout=60)
    assert found.status_code == 403
    assert "<Code>AccessDenied</Code>" in found.text
    found = requests.get(f"{place}/sandbox", headers={"Authorization": "AWS4-HMAC-SHA256 nonsense"}, timeout=60)
    assert "<Code>AuthorizationHeaderMalformed</Code>" in found.text


@pytest.mark.parametrize("version", [None, "s3v4"], ids=["as boto3 does by default", "s3v4"])
def test_presigned_urls_are_checked(client, version, monkeypatch):
    s3 = client("s3", config=Config(signature_version=version))
    sign = s3.generate_presigned_url
    there = {"Bucket": "sandbox", "Key": NAME}
    put = sign("put_object", Params={**there, "ContentType": "text/x"})
    assert requests.put(put, data=b"hello", headers={"Content-Type": "text/x"}, timeout=60).status_code == 200
    assert requests.put(put, data=b"hello", headers={"Content-Type": "text/y"}, timeout=60).status_code == 403
    got = requests.get(sign("get_object", Params={**there, "ResponseContentType": "a/b c"}), timeout=60)
    assert (got.status_code, got.content) == (200, b"hello")
    url = sign("get_object", Params=there)
    others = (url.replace("Signature=", "Signature=A"), url.replace("/sandbox/a/", "/sandbox/"), url + "&acl")
    for other in others:
        assert "<Code>SignatureDoesNotMatch</Code>" in requests.get(other, timeout=60).text
    assert requests.delete(url, timeout=60).status_code == 403
    _move_clock(monkeypatch, -datetime.timedelta(hours=2))
    old = requests.get(sign("get_object", Params=there, ExpiresIn=3600), timeout=60)
    assert (old.status_code, "Request has expired" in old.text) == (403, True)


def test_a_request_of_another_time_is_refused(client, monkeypatch):
    for hours in (-1, 1):
        _move_clock(monkeypatch, datetime.timedelta(hours=hours))
        assert refused(client("s3").list_buckets) == ("RequestTimeTooSkewed", 403)


def _move_clock(monkeypatch: pytest.MonkeyPatch, by: datetime.timedelta) -> None:
    """Have botocore sign as if it were another time."""
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) + by
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_: now, raising=False)
    monkeypatch.setattr("botocore.auth.datetime", _Clock(now), raising=False)
    monkeypatch.setattr("botocore.auth.time.time", lambda: now.replace(tzinfo=datetime.UTC).timestamp())


class _Clock:
    """The module `datetime`, with another time: older versions of botocore ask it."""

    def __init__(self, now: datetime.datetime) -> None:
        class Moment(datetime.datetime):
            @classmethod
            def utcnow(cls) -> datetime.datetime:
                return now

        self.datetime = Moment

    def __getattr__(self, name: str) -> Any:
        return getattr(datetime, name)


def test_roles_give_keys_that_end(client, control):
    sts = client("sts")
    mine = sts.get_caller_identity()
    assert mine["Arn"] == f"arn:aws:iam::{mine['Account']}:user/sandbox"
    role = "arn:aws:iam::123456789012:role/team/etl"
    keys = sts.assume_role(RoleArn=role, RoleSessionName="me", DurationSeconds=900)["Credentials"]
    assert keys["Expiration"] - datetime.datetime.now(datetime.UTC) < datetime.timedelta(seconds=901)
    as_role = {"key": keys["AccessKeyId"], "secret": keys["SecretAccessKey"], "token": keys["SessionToken"]}
    assert client("sts", **as_role).get_caller_identity()["Arn"] == "arn:aws:sts::123456789012:assumed-role/etl/me"
    client("s3", **as_role).put_object(Bucket="sandbox", Key="k", Body=b"x")
    assert refused(client("s3", **{**as_role, "token": "other"}).list_buckets) == ("InvalidToken", 400)
    assert refused(client("s3", **{**as_role, "token": None}).list_buckets) == ("InvalidToken", 400)
    assert control.act("expire_sessions") == 1
    assert refused(client("s3", **as_role).list_buckets) == ("ExpiredToken", 400)
    assert refused(client("ssm", **as_role).describe_parameters) == ("ExpiredTokenException", 400)
    for wrong in ({"RoleArn": "etl" * 10}, {"RoleSessionName": "a b"}, {"DurationSeconds": 50_000}):
        told = {"RoleArn": role, "RoleSessionName": "me", **wrong}
        assert refused(sts.assume_role, **told)[0] == "ValidationError"


def test_a_web_identity_gives_keys_of_the_account_that_its_role_is_of(client):
    account = client("sts").get_caller_identity()["Account"]
    anonymous = client("sts", key="x", secret="x").assume_role_with_web_identity
    told = {"RoleArn": f"arn:aws:iam::{account}:role/web", "RoleSessionName": "me"}
    keys = anonymous(**told, WebIdentityToken=_token(exp=2**33))["Credentials"]
    mine = client("s3", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    assert [row["Name"] for row in mine.list_buckets()["Buckets"]] == ["sandbox"]
    assert refused(anonymous, **told, WebIdentityToken=_token(exp=1))[0] == "ExpiredTokenException"
    assert refused(anonymous, **told, WebIdentityToken="no token")[0] == "InvalidIdentityToken"
    other = {**told, "RoleArn": "arn:aws:iam::000000000000:role/web"}
    assert refused(anonymous, **other, WebIdentityToken=_token())[0] == "AccessDenied"


def _token(**claims: Any) -> str:
    return f"x.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.x"


# -- accounts and buckets


def test_accounts_see_nothing_of_each_other(sandbox, client, cloud):
    other = sandbox("aws")
    theirs = client("s3", key=other.login, secret=other.password)
    mine = client("s3")
    for number, one in enumerate((mine, theirs)):
        one.create_bucket(Bucket="landing")
        one.put_object(Bucket="landing", Key="k", Body=b"%d" % number)
    assert [one.get_object(Bucket="landing", Key="k")["Body"].read() for one in (mine, theirs)] == [b"0", b"1"]
    mine.put_object(Bucket="sandbox", Key="mine", Body=b"x")
    assert theirs.list_objects_v2(Bucket="sandbox")["KeyCount"] == 0
    assert refused(client("s3", key=other.login).list_buckets) == ("SignatureDoesNotMatch", 403)


def test_a_name_that_somebody_else_has(s3):
    assert refused(s3.create_bucket, Bucket="taken-name") == ("BucketAlreadyExists", 409)
    assert refused(s3.list_objects_v2, Bucket="taken-name") == ("AccessDenied", 403)
    assert refused(s3.head_bucket, Bucket="taken-name") == ("403", 403)
    assert s3.put_object(Bucket="sandbox", Key="taken-name", Body=b"")


def test_buckets_that_are_made_beforehand_or_when_they_are_written_to(client, monkeypatch, cloud):
    with AwsSandbox(buckets=["landing", "archive"]) as connection:
        s3 = client("s3", connection.login, connection.password, on=connection)
        assert {row["Name"] for row in s3.list_buckets()["Buckets"]} == {"sandbox", "landing", "archive"}
        assert refused(s3.put_object, Bucket="other", Key="k", Body=b"x") == ("NoSuchBucket", 404)
    monkeypatch.setenv("TRADEWIND_SANDBOX_AWS_BUCKETS", "landing *")
    with S3Sandbox() as connection, S3Hook(connection=connection) as hook:
        assert hook.check_for_bucket("landing")
        assert not hook.check_for_bucket("other")
        hook.load_string("x", "s3://other/k")
        assert hook.list_keys("other") == ["k"]


def test_what_is_missing_is_told(monkeypatch):
    monkeypatch.setattr("tradewind_aws.sandbox.stand_ins.find_spec", lambda name: None)
    with pytest.raises(SandboxMissing, match=r'pip install "tradewind-aws\[sandbox\]"'):
        AwsSandbox().check()


# -- bodies


def _signed(cloud, body, headers, trailer=False):
    """A PUT that botocore signs."""
    url = f"http://{cloud.host}:{cloud.port}/sandbox/chunked"
    request = AWSRequest("PUT", url, headers=headers, data=body)
    if trailer:
        request.context["checksum"] = {"request_algorithm": {"in": "trailer"}}
    S3SigV4Auth(Credentials(cloud.login, cloud.password), "s3", "us-east-1").add_auth(request)
    return request


def _put(request, body):
    return requests.put(request.url, data=body, headers=dict(request.headers.items()), timeout=60)


def test_a_body_in_chunks_with_a_checksum_behind_it(cloud, s3):
    data = b"0123456789" * 20_000
    for checksum, status in ((Crc32Checksum(), 200), (_Wrong(), 400)):
        headers = {"Content-Encoding": "aws-chunked", "X-Amz-Trailer": "x-amz-checksum-crc32"}
        headers |= {"X-Amz-Decoded-Content-Length": str(len(data)), "X-Amz-Sdk-Checksum-Algorithm": "CRC32"}
        body = AwsChunkedWrapper(io.BytesIO(data), lambda one=checksum: one, "x-amz-checksum-crc32", chunk_size=65536)
        request = _signed(cloud, b"", headers, trailer=True)
        answer = _put(request, body.read())
        assert answer.status_code == status, answer.text
    assert "<Code>BadDigest</Code>" in answer.text
    found = s3.get_object(Bucket="sandbox", Key="chunked", ChecksumMode="ENABLED")
    assert found["Body"].read() == data
    assert found["ChecksumCRC32"] == base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()
    assert not found.get("ContentEncoding")


class _Wrong(Crc32Checksum):
    def digest(self) -> bytes:
        return b"1234"


def test_chunks_are_signed_one_after_the_other():
    """The example of AWS's documentation, with its keys and its signatures."""
    claim = Claim(
        "AKIAIOSFODNN7EXAMPLE",
        "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
        region="us-east-1",
        time="20130524T000000Z",
    )
    key = signing_key("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", claim)
    signatures = (
        "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
        "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
        "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
    )
    pieces = (b"a" * 65536, b"a" * 1024, b"")
    body = b"".join(
        b"%x;chunk-signature=%s\r\n%s\r\n" % (len(piece), signature.encode(), piece)
        for piece, signature in zip(pieces, signatures)
    )
    assert Chunks(body, claim, key).read() == (b"a" * 66560, {})
    for other in (body.replace(b"aaaa", b"aaab", 1), body.replace(b"ad80", b"ad81"), body.replace(b"400;", b"3ff;")):
        with pytest.raises((Refused, Exception), match=r"signature|number|terminated"):
            Chunks(other, claim, key).read()


def test_a_body_that_is_not_the_one_that_was_signed(cloud, s3):
    request = _signed(cloud, b"one", {})
    answer = _put(request, b"two")
    assert (answer.status_code, "<Code>XAmzContentSHA256Mismatch</Code>" in answer.text) == (400, True)
    assert _put(request, b"one").status_code == 200
    wrong = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    assert refused(s3.put_object, Bucket="sandbox", Key="k", Body=b"x", ContentMD5=wrong) == ("BadDigest", 400)
    for algorithm in ("SHA256", "SHA1", "CRC32"):
        s3.put_object(Bucket="sandbox", Key="k", Body=b"x", ChecksumAlgorithm=algorithm)


# -- faults


@pytest.mark.parametrize(
    ("status", "code"), [(503, "SlowDown"), (500, "InternalError"), (403, "AccessDenied"), (400, "RequestTimeout")]
)
def test_statuses_come_in_the_words_of_s3_and_go(s3, control, status, code):
    control.fault("status", status=status, times=2, path="/sandbox")
    for _ in range(2):
        assert refused(s3.list_objects_v2, Bucket="sandbox") == (code, status)
    s3.list_objects_v2(Bucket="sandbox")
    assert [call.status for call in control.calls("/sandbox")] == [status, status, 200]


def test_statuses_come_in_the_words_of_other_services(client, control):
    control.fault("status", status=403, times=2)
    assert refused(client("ssm").describe_parameters) == ("AccessDenied", 403)
    assert refused(client("sts").get_caller_identity) == ("AccessDenied", 403)


def test_connections_break_and_answers_are_slow_or_cut(client, s3, control):
    s3.put_object(Bucket="sandbox", Key="k", Body=b"x" * 1000)
    for kind, there in (("drop", False), ("lost", True)):
        control.fault(kind, method="PUT")
        with pytest.raises(ConnectionClosedError):
            s3.put_object(Bucket="sandbox", Key=kind, Body=b"x")
        assert bool(s3.list_objects_v2(Bucket="sandbox", Prefix=kind)["KeyCount"]) is there
    control.fault("cut", method="GET", path="/k$")
    with pytest.raises((IncompleteReadError, ResponseStreamingError)):
        s3.get_object(Bucket="sandbox", Key="k")["Body"].read()
    control.fault("slow", method="GET", path="/k$", bytes_per_second=1)
    with pytest.raises(ReadTimeoutError):
        client(config=IMPATIENT).get_object(Bucket="sandbox", Key="k")["Body"].read()


def test_a_client_that_retries_gets_through_a_storm(client, control):
    control.fault("status", status=503, times=2)
    control.fault("drop", times=1, after=0)
    patient = client("s3", config=Config(retries={"total_max_attempts": 5, "mode": "standard"}))
    patient.put_object(Bucket="sandbox", Key="k", Body=b"x")
    assert len(control.calls()) == 4


def test_threads_of_different_accounts_do_not_mix(sandbox, client):
    """moto has one table of bucket names for all accounts."""
    others = [sandbox("aws") for _ in range(3)]
    clients = [client("s3", one.login, one.password) for one in others]
    started = threading.Barrier(len(clients))

    def work(s3):
        started.wait()
        for number in range(10):
            s3.create_bucket(Bucket=f"bucket-{number}")
        return sorted(row["Name"] for row in s3.list_buckets()["Buckets"])

    with ThreadPoolExecutor(len(clients)) as pool:
        found = list(pool.map(work, clients))
    assert found == [sorted([*(f"bucket-{number}" for number in range(10)), "sandbox"])] * 3
    assert urlsplit(clients[0].meta.endpoint_url).hostname == "127.0.0.1"


def test_an_account_that_goes_takes_nothing_of_the_others_with_it(sandbox, sandboxes):
    with S3Hook(connection=sandbox("s3")) as hook:
        hook.load_bytes(b"kept", "a", "sandbox")
        upload = hook.get_conn().create_multipart_upload(Bucket="sandbox", Key="b")["UploadId"]
        with sandboxes.open("s3") as other, S3Hook(connection=other) as theirs:
            theirs.load_bytes(b"gone", "a", "sandbox")
        assert hook.read_bytes("a", "sandbox") == b"kept"
        hook.get_conn().upload_part(Bucket="sandbox", Key="b", UploadId=upload, PartNumber=1, Body=b"x")
