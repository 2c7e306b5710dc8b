"""Where connections lead, and what is shown of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.connection import Connection
from tradewind.errors import BrokenConnection
from tradewind_http import address


@pytest.mark.parametrize(
    ("uri", "leads"),
    [
        ("http://api.example.com", "http://api.example.com"),
        ("https://api.example.com", "https://api.example.com"),
        ("https://api.example.com:8443/v2/", "https://api.example.com:8443/v2"),
        ("https://user:pass@api.example.com/v2/orders?timeout=3", "https://api.example.com/v2/orders"),
        ("http://api.example.com/https", "https://api.example.com"),
        ("http://api.example.com:443/https", "https://api.example.com:443"),
        ("http://https%3A%2F%2Fapi.example.com%2Fv2", "https://api.example.com/v2"),
        ("http://:@https%3A%2F%2Fapi.example.com%2F", "https://api.example.com"),
        ("https://[::1]:8080/x", "https://[::1]:8080/x"),
    ],
)
def test_airflows_forms_and_plain_urls_are_understood(uri, leads):
    assert address.base_url(Connection.from_uri(uri, "api")) == leads


def test_a_connection_without_a_host_says_so():
    with pytest.raises(BrokenConnection, match="'api' names no host"):
        address.base_url(Connection.from_uri("http://", "api"))


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        (None, "http://a/v1"),
        ("", "http://a/v1"),
        ("x", "http://a/v1/x"),
        ("/x/", "http://a/v1/x/"),
        ("x?y=http://z", "http://a/v1/x?y=http://z"),
        ("https://b/x", "https://b/x"),
        ("HTTPS://b/x", "HTTPS://b/x"),
        ("http:x", "http://a/v1/http:x"),
    ],
)
def test_endpoints_lie_below_the_address(endpoint, url):
    assert address.endpoint_url("http://a/v1", endpoint) == url


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://A.example:443/x", ("https", "a.example", 443)),
        ("https://a.example/y", ("https", "a.example", 443)),
        ("http://a.example", ("http", "a.example", 80)),
    ],
)
def test_an_origin_is_scheme_host_and_port(url, found):
    assert address.origin(url) == found


@given(st.text("abcdefghijklmnop-_=%", min_size=6), st.text("abcdefghijklmnop", min_size=6))
def test_neither_login_nor_query_is_shown(secret, login):
    shown = address.shown(f"https://{login}:{secret}@api.example.com:1/path?key={secret}#{secret}")
    assert shown == "https://api.example.com:1/path"
