"""Keys, prefixes and wildcards are listed, page by page, on a real server."""

from __future__ import annotations

import datetime
from itertools import islice

import pytest

from tradewind.errors import UsageError
from tradewind.sandbox import Control
from tradewind_aws import S3Hook
from tradewind_aws.errors import AccessDenied, NoSuchBucket

KEYS = ["a.b/2024/x.csv", "a.b/2024/y.csv", "a.b/2025/x.csv", "a.b/note[1].txt", "aXb/z.csv", "top*.csv", "topX.csv"]


@pytest.fixture
def hook(hook):
    for key in KEYS:
        hook.load_string(key, key)
    return hook


@pytest.fixture
def pages(server, hook):
    """How many pages were asked for since."""
    Control(server).clear()
    return lambda: len(Control(server).calls("list-type=2"))


def test_keys_are_listed_in_order(hook, pages):
    assert hook.list_keys() == KEYS
    assert hook.list_keys(prefix="a.b/2024/") == KEYS[:2]
    assert hook.list_keys(prefix="a.b/", delimiter="/") == ["a.b/note[1].txt"]
    assert hook.list_keys(start_after_key="a.b/2025/x.csv") == KEYS[3:]
    assert hook.list_keys(prefix="nope") == []
    before = pages()
    assert hook.list_keys(page_size=2) == KEYS
    assert pages() - before == 4
    assert hook.list_keys(max_items=3) == KEYS[:3]


def test_a_star_is_a_star_unless_told(hook):
    assert hook.list_keys(prefix="top*") == ["top*.csv"]
    assert hook.list_keys(prefix="top*", apply_wildcard=True) == ["top*.csv", "topX.csv"]
    assert hook.list_keys(prefix="a.b/*/x.csv", apply_wildcard=True) == ["a.b/2024/x.csv", "a.b/2025/x.csv"]
    assert hook.list_keys(prefix="*[1].txt", apply_wildcard=True) == ["a.b/note[1].txt"]  # nothing else is special


def test_keys_by_time(hook):
    changed = next(hook.iter_file_metadata("topX.csv"))["LastModified"]
    second = datetime.timedelta(seconds=1)
    in_period = {"prefix": "topX", "from_datetime": changed - second, "to_datetime": changed}
    assert hook.list_keys(**in_period) == ["topX.csv"]
    assert hook.list_keys(**in_period | {"from_datetime": changed}) == []
    assert hook.list_keys(**in_period | {"to_datetime": changed - second}) == []


def test_a_filter_of_ones_own(hook):
    def large(objects, from_datetime, to_datetime):
        assert (from_datetime, to_datetime) == (None, None)
        return [row["Key"] for row in objects if row["Size"] > 10]

    assert hook.list_keys(object_filter=large) == KEYS[:4]


def test_iterators_ask_for_a_page_when_it_is_needed(hook, pages):
    assert list(islice(hook.iter_keys(page_size=2), 2)) == KEYS[:2]
    assert pages() == 1
    assert [row["Key"] for row in islice(hook.iter_file_metadata("a.b/", page_size=2), 3)] == KEYS[:3]
    assert pages() == 3
    found = hook.get_file_metadata("a.b/2024/")
    assert [(row["Key"], row["Size"]) for row in found] == [(key, len(key)) for key in KEYS[:2]]


def test_prefixes(hook, pages):
    assert hook.list_prefixes(delimiter="/") == ["a.b/", "aXb/"]
    assert hook.list_prefixes(prefix="a.b/", delimiter="/") == ["a.b/2024/", "a.b/2025/"]
    assert hook.list_prefixes(prefix="a.b/") == []
    before = pages()
    assert hook.check_for_prefix("a.b/2024", "/")
    assert hook.check_for_prefix("a.b/2024/", "/")
    assert not hook.check_for_prefix("a.b/202", "/")  # a beginning of a name is no folder
    assert not hook.check_for_prefix("a-b", "/")
    assert pages() - before == 4


def test_wildcards(hook, pages):
    assert hook.check_for_wildcard_key("a.b/*/x.csv")
    assert hook.check_for_wildcard_key("s3://sandbox/a.b/202[45]/?.csv")
    assert not hook.check_for_wildcard_key("a.b/*/X.CSV")
    assert hook.get_wildcard_key("a.b/*").key == "a.b/2024/x.csv"
    assert hook.get_wildcard_key("a.b/*.parquet") is None
    assert list(hook.iter_wildcard_keys("top[*].csv")) == ["top*.csv"]
    before = pages()
    assert hook.get_wildcard_key("a.b/2024/x.csv", "sandbox").key == "a.b/2024/x.csv"
    assert pages() - before == 1


def test_what_cannot_be_listed(hook):
    for ask in (hook.list_keys, hook.list_prefixes, lambda bucket: list(hook.iter_file_metadata("", bucket))):
        with pytest.raises(NoSuchBucket, match="the bucket 'no-such-bucket' does not exist"):
            ask("no-such-bucket")
    with pytest.raises(AccessDenied, match=r"ListObjectsV2 of the bucket 'taken-x' is refused"):
        hook.list_keys("taken-x")
    with pytest.raises(UsageError, match="No bucket"):
        S3Hook(None, region_name="eu-west-1").list_keys()
