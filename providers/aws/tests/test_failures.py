"""What services answer becomes an error that says what to do, and no secret."""

from __future__ import annotations

import botocore.exceptions
import pytest
from botocore.exceptions import ClientError

from tradewind_aws import S3Hook, errors


@pytest.fixture
def told(monkeypatch):
    """The error that a hook makes of one of botocore's."""
    monkeypatch.setenv("AIRFLOW_CONN_X", "aws://k:Zq7-secret@/?region_name=eu-west-1")

    def told(error, bucket="b", key="k"):
        with pytest.raises(errors.AwsError) as caught, S3Hook("x").explained(bucket, key):
            raise error
        assert caught.value.__cause__ is error
        assert str(caught.value).startswith("Connection 'x'")
        return caught.value

    return told


def answer(code, message="", operation="GetObject", headers=None, **more):
    said = {"Error": {"Code": code, "Message": message, **more}, "ResponseMetadata": {"HTTPHeaders": headers or {}}}
    return ClientError(said, operation)


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("AccessDenied", errors.AccessDenied, "GetObject of s3://b/k is refused"),
        ("AllAccessDisabled", errors.AccessDenied, "is refused"),
        ("403", errors.AccessDenied, "test_connection() says which"),
        ("404", errors.NoSuchKey, "s3://b/k does not exist"),
        ("NoSuchKey", errors.NoSuchKey, "s3://b/k does not exist"),
        ("NoSuchBucket", errors.NoSuchBucket, "the bucket 'b' does not exist"),
        ("412", errors.KeyExists, "s3://b/k is there already"),
        ("PreconditionFailed", errors.KeyExists, "replace=True"),
        ("InvalidAccessKeyId", errors.BadCredentials, "access key"),
        ("SignatureDoesNotMatch", errors.BadCredentials, "%XX"),
        ("ExpiredToken", errors.BadCredentials, "get a new one"),
        ("RequestTimeTooSkewed", errors.AwsError, "The clock of this machine"),
        ("AccessControlListNotSupported", errors.AwsError, "leave acl_policy out"),
        ("SlowDown", errors.AwsError, "asked too much"),
        ("ThrottlingException", errors.AwsError, "asked too much"),
        ("SomethingNew", errors.AwsError, "(SomethingNew: said by AWS)"),
    ],
)
def test_answers(told, code, kind, words):
    error = told(answer(code, "said by AWS"))
    assert type(error) is kind
    assert words in str(error)
    assert error.code == code
    assert error.response["Error"]["Message"] == "said by AWS"


def test_a_bucket_without_a_key(told):
    assert type(told(answer("404"), key=None)) is errors.NoSuchBucket
    assert "of the bucket 'b' is refused" in str(told(answer("AccessDenied"), key=None))


def test_another_region_is_named(told):
    by_header = told(answer("301", headers={"x-amz-bucket-region": "eu-west-3"}))
    by_body = told(answer("AuthorizationHeaderMalformed", Region="eu-west-3"))
    for error in (by_header, by_body):
        assert type(error) is errors.WrongRegion
        assert "s3://b/k is in another region" in str(error)
        assert "region_name=eu-west-3" in str(error)


def test_another_condition_is_no_object_that_is_there(told):
    error = told(answer("PreconditionFailed", Condition="If-Match"))
    assert type(error) is errors.AwsError
    assert "Somebody else has changed it meanwhile" in str(error)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (botocore.exceptions.ConnectTimeoutError(endpoint_url="http://h/b?Zq7"), "timed out; check host"),
        (botocore.exceptions.ReadTimeoutError(endpoint_url="http://h/b?Zq7"), "config_kwargs.read_timeout"),
        (botocore.exceptions.EndpointConnectionError(endpoint_url="http://h/b?Zq7"), "check host and port"),
        (botocore.exceptions.SSLError(endpoint_url="https://h/b?Zq7", error="self-signed"), "tls=false is plain HTTP"),
        (botocore.exceptions.ProxyConnectionError(proxy_url="http://u:Zq7@p"), "config_kwargs.proxies"),
        (botocore.exceptions.ConnectionClosedError(endpoint_url="http://h/b?Zq7"), "without an answer"),
        (botocore.exceptions.IncompleteReadError(actual_bytes=1, expected_bytes=2), "the answer broke off"),
    ],
)
def test_no_answer(told, error, words):
    found = told(error)
    assert type(found) is errors.AwsUnreachable
    assert "s3 in eu-west-1" in str(found)
    assert words in str(found)
    assert "Zq7" not in str(found)
    assert found.code is None


def test_secrets_in_what_was_said_are_masked(told):
    assert "Zq7-secret" not in str(told(answer("Odd", "your key is Zq7-secret")))
    assert "Zq7-secret" not in str(told(botocore.exceptions.ParamValidationError(report="Zq7-secret")))


def test_other_errors_are_let_through(monkeypatch):
    with pytest.raises(ZeroDivisionError), S3Hook(None).explained("b", "k"):
        1 / 0  # noqa: B018
