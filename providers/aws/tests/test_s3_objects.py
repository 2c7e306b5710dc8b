"""Objects are written, read, copied, listed and deleted, on a real server."""

from __future__ import annotations

import pytest

from tradewind_aws import S3Hook
from tradewind_aws.errors import KeyExists, NoSuchBucket, NoSuchKey


def test_text_comes_back(hook):
    hook.load_string("naïve 日本", "a/b.txt")
    assert hook.read_key("a/b.txt") == "naïve 日本"
    assert hook.read_key(f"s3://{hook.bucket_name}/a/b.txt") == "naïve 日本"
    assert hook.list_keys(prefix="a/") == ["a/b.txt"]
    hook.delete_objects(None, "a/b.txt")
    assert not hook.check_for_key("a/b.txt")


def test_what_is_there_is_not_replaced_unless_told(hook):
    hook.load_string("one", "k")
    with pytest.raises(KeyExists, match=r"Connection 'lake': s3://sandbox/k is there already"):
        hook.load_string("two", "k")
    assert hook.read_key("k") == "one"
    hook.load_string("two", "k", replace=True)
    assert hook.read_key("k") == "two"


def test_what_is_not_there_is_told(hook):
    with pytest.raises(NoSuchKey, match=r"Connection 'lake'.*s3://sandbox/nope does not exist") as caught:
        hook.read_key("nope")
    assert type(caught.value.__cause__).__name__ == "NoSuchKey"
    with pytest.raises(NoSuchBucket, match="the bucket 'no-such-bucket' does not exist"):
        S3Hook("lake").list_keys("no-such-bucket")
