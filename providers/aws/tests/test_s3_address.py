"""Addresses of objects, in all forms in which people have them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.errors import UsageError
from tradewind_aws import S3Hook
from tradewind_aws.errors import S3UriError


@pytest.mark.parametrize(
    ("url", "bucket", "key"),
    [
        ("s3://bucket/a/b.csv", "bucket", "a/b.csv"),
        ("S3://bucket/a/b.csv", "bucket", "a/b.csv"),
        ("s3a://bucket/a", "bucket", "a"),
        ("s3n://bucket/a", "bucket", "a"),
        ("s3://bucket", "bucket", ""),
        ("s3://bucket/folder/", "bucket", "folder/"),
        ("s3://bucket/a?b#c%20d+e", "bucket", "a?b#c%20d+e"),
        ("s3://bucket//a", "bucket", "/a"),
        ("s3://bucket/a b/é", "bucket", "a b/é"),
        ("https://bucket.s3.eu-west-1.amazonaws.com/a/b", "bucket", "a/b"),
        ("https://dotted.bucket.s3.eu-west-1.amazonaws.com/a", "dotted.bucket", "a"),
        ("https://bucket.s3.amazonaws.com/a", "bucket", "a"),
        ("https://bucket.s3-us-west-2.amazonaws.com/a", "bucket", "a"),
        ("https://bucket.s3.dualstack.eu-west-1.amazonaws.com/a", "bucket", "a"),
        ("https://bucket.s3.cn-north-1.amazonaws.com.cn/a", "bucket", "a"),
        ("https://s3.eu-west-1.amazonaws.com/bucket/a/b", "bucket", "a/b"),
        ("https://s3.amazonaws.com/bucket", "bucket", ""),
        ("https://bucket.s3.amazonaws.com/a%20b%3Fc?versionId=1", "bucket", "a b?c"),
        ("http://minio:9000/bucket/a/b", "bucket", "a/b"),
        ("https://minio.example/bucket/a", "bucket", "a"),
    ],
)
def test_what_an_address_means(url, bucket, key):
    assert S3Hook.parse_s3_url(url) == (bucket, key)


@pytest.mark.parametrize(
    "text",
    ["", "bucket/key", "s3:bucket/key", "s3://", "s3:///key", "/s3://bucket/key", "ftp://bucket/key",
     "https://sqs.eu-west-1.amazonaws.com/1/queue", "http://minio:9000/"],
)  # fmt: skip
def test_what_is_no_address(text):
    with pytest.raises(S3UriError, match="s3://bucket/key") as caught:
        S3Hook.parse_s3_url(text)
    assert isinstance(caught.value, ValueError)


def test_a_signed_address_is_not_shown():
    with pytest.raises(S3UriError) as caught:
        S3Hook.parse_s3_url("https://sqs.eu-west-1.amazonaws.com/1?X-Amz-Signature=Zq7")
    assert "Zq7" not in str(caught.value)


@given(st.from_regex(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", fullmatch=True), st.text(min_size=1))
def test_bucket_and_key_come_back(bucket, key):
    assert S3Hook.parse_s3_url(f"s3://{bucket}/{key}") == (bucket, key)


def test_bucket_and_key_of_arguments():
    assert S3Hook.get_s3_bucket_key("b", "k", "bucket", "key") == ("b", "k")
    assert S3Hook.get_s3_bucket_key(None, "s3://b/k", "bucket", "key") == ("b", "k")
    with pytest.raises(TypeError, match="dest_key is a whole address: leave dest_bucket out"):
        S3Hook.get_s3_bucket_key("b", "s3://b/k", "dest_bucket", "dest_key")
    with pytest.raises(S3UriError):
        S3Hook.get_s3_bucket_key(None, "k", "bucket", "key")


def test_which_bucket_a_call_means(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_STORE", "s3://k:s@minio:9000/own?tls=false")
    hook = S3Hook("store")
    meant = hook._bucket_and_key
    assert meant("k", None) == ("own", "k")
    assert meant("k", "other") == ("other", "k")
    assert meant("s3://other/k", None) == ("other", "k")
    assert meant("s3://other/k", "other") == ("other", "k")
    assert meant("http://minio:9000/other/k", None) == ("other", "k")
    assert meant("http://other.minio:9000/k", None) == ("other", "k")
    assert meant("http://x/k", "own") == ("own", "http://x/k")  # a key may look like that
    with pytest.raises(S3UriError, match=r"on another host than the connection, http://minio:9000"):
        meant("http://elsewhere:9000/other/k", None)
    with pytest.raises(S3UriError, match="in the bucket 'other', and bucket_name is 'own'"):
        meant("s3://other/k", "own")
    with pytest.raises(UsageError, match="No key"):
        meant("s3://other", None)


def test_no_bucket_at_all(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_STORE", "s3://k:s@minio:9000?tls=false")
    with pytest.raises(UsageError, match="No bucket: give bucket_name=, or Connection 'store' a bucket of its own"):
        S3Hook("store").check_for_key("k")


def test_the_bucket_of_the_service_config_counts_more(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_STORE", "aws://k:s@/path?service_config.s3.bucket_name=own")
    assert S3Hook("store").bucket_name == "own"
    monkeypatch.setenv("AIRFLOW_CONN_STORE", "aws://k:s@/path")
    assert S3Hook("store").bucket_name == "path"
