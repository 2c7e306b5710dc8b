"""What HttpHook sends, gets, sends again, and says when something is wrong."""

import base64
import datetime
import http.server
import json
import logging
import socket
import ssl
import threading
import time
import traceback
import warnings
from contextlib import contextmanager

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tradewind.connection import Connection
from tradewind_http import HttpError, HttpHook, HttpStatusError
from tradewind_http.failures import _EXCERPT


@contextmanager
def other_service(answer, certificate=None):
    """A server whose `answer(handler)` writes the answer; it notes the headers of each request. With TLS, if told."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        wbufsize = -1

        def do_GET(self):
            asked.append(dict(self.headers.items()))
            answer(self)

        do_POST = do_DELETE = do_GET

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http{'s' if certificate else ''}://localhost:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def say(status, body=b"", **headers):
    def answer(handler):
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def body(handler):
    """What came with a request."""
    return handler.rfile.read(int(handler.headers.get("Content-Length", 0)))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A file with a certificate of `localhost`, signed by itself, and its key."""
    now = datetime.datetime.now(datetime.UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = x509.CertificateBuilder(
        name, name, key.public_key(), 1, now - datetime.timedelta(days=1), now + datetime.timedelta(days=1)
    ).add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    signed = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    path.write_bytes(signed + key.private_bytes(serialization.Encoding.PEM, *form))
    return path


def with_extras(connection, **extras):
    changed = Connection.from_uri(connection.get_uri(), connection.conn_id)
    changed.extra = {**connection.extra_dejson, **extras}
    return changed


def test_what_is_put_is_got_again(put, get):
    put("orders", [{"id": 1}])
    assert get.run("orders").json() == [{"id": 1}]
    assert get.run("/orders", {"limit": "1", "page": 1}).json() == [{"id": 1}]
    with HttpHook("POST", "shop") as hook:
        hook.run("orders", data=json.dumps({"id": 2}), headers={"Content-Type": "application/json"})
    assert len(get.run("orders").json()) == 2
    with HttpHook("delete", "shop") as hook:
        assert hook.run("orders").status_code == 204
    with pytest.raises(HttpStatusError) as error:
        get.run("orders")
    assert error.value.status == 404


def test_an_error_names_connection_place_and_reason_and_no_query(get, service):
    with pytest.raises(HttpStatusError) as error:
        get.run("orders?api_key=sesame1234", {"token": "sesame1234"})
    assert str(error.value) == (
        f"GET http://127.0.0.1:{service.port}/orders (connection 'shop') was answered with 404 Not Found: "
        '{"error": "there is no /orders"}'
    )
    assert get.run("orders", extra_options={"check_response": False}).status_code == 404


def test_no_answer_is_told_without_the_query(connection):
    connection("away", "http://127.0.0.1:1?retries=0")
    with HttpHook("GET", "away") as hook, pytest.raises(HttpError) as error:
        hook.run("x", {"api_key": "".join(["sesame", "1234"])}, extra_options={"timeout": 2})
    assert "sesame1234" not in "".join(traceback.format_exception(error.value))
    assert str(error.value) == (
        "GET http://127.0.0.1:1/x (connection 'away') got no answer: Connection refused. "
        "Nothing listens there: check host and port, or the proxy."
    )


@pytest.mark.parametrize("endpoint", ["http://[", "http://127.0.0.1:99999999/x", "http://%zz/x?key=sesame1234"])
def test_what_is_no_address_is_told(get, endpoint):
    with pytest.raises(HttpError, match=r"connection 'shop'\) got no answer: ") as error:
        get.run(endpoint, extra_options={"timeout": 2})
    assert "sesame1234" not in str(error.value)


def test_unknown_options_are_refused(get):
    with pytest.raises(HttpError, match="extra_options has no 'time_out'"):
        get.run("orders", extra_options={"time_out": 3})


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_is_safe_is_sent_again(put, get, control, status):
    put("orders", [1])
    control.clear()
    control.fault("status", status=status, times=3)
    assert get.run("orders").json() == [1]
    assert [call.status for call in control.calls()] == [status] * 3 + [200]


def test_it_gives_up_and_says_with_what(put, get, control):
    control.fault("status", status=503, times=10)
    with pytest.raises(HttpStatusError, match="answered with 503"):
        get.run("orders")
    assert len(control.calls()) == 4


def test_retry_after_is_honoured_up_to_a_limit(put, service, connection, control):
    put("orders", [1])
    control.fault("status", status=429, headers={"Retry-After": "1"})
    with HttpHook("GET", "shop") as hook:
        began = time.monotonic()
        hook.run("orders")
        assert time.monotonic() - began >= 1
    control.fault("status", status=429, headers={"Retry-After": "3600"})
    with HttpHook("GET", "shop", connection=with_extras(service, max_retry_after=0.01)) as hook:
        assert hook.run("orders").json() == [1]


@pytest.mark.parametrize("kind", ["drop", "lost"])
def test_a_post_whose_answer_is_lost_is_not_repeated(service, control, get, kind):
    control.fault(kind, method="POST")
    with HttpHook("POST", "shop") as hook, pytest.raises(HttpError, match="got no answer"):
        hook.run("orders", json={"id": 1})
    assert len(control.calls()) == 1
    control.fault(kind, method="PUT")
    with HttpHook("PUT", "shop") as hook:
        hook.run("orders", json=[1])
    assert get.run("orders").json() == [1]


def test_a_post_that_was_refused_as_one_too_many_is_repeated(service, control, get):
    control.fault("status", status=429, times=2, method="POST")
    with HttpHook("POST", "shop") as hook:
        hook.run("orders", json={"id": 1})
    assert get.run("orders").json() == [{"id": 1}]
    control.fault("status", status=503, method="POST")
    with HttpHook("POST", "shop") as hook, pytest.raises(HttpStatusError, match="503"):
        hook.run("orders", json={"id": 2})


def test_a_body_that_breaks_off_is_an_error(put, service, control):
    put("orders", list(range(10_000)))
    control.fault("cut", times=9, method="GET")
    with HttpHook("GET", "shop") as hook, pytest.raises(HttpError, match="got no answer"):
        hook.run("orders")


def test_a_slow_body_is_read_as_long_as_it_comes(put, get, control):
    put("orders", list(range(1000)))
    control.fault("slow", bytes_per_second=20_000)
    assert get.run("orders", extra_options={"timeout": 2}).json() == list(range(1000))


def test_another_service_gets_nothing_of_the_connection(service, put, connection):
    secret = "sesame1234"
    connection("keyed", with_extras(service, token=secret, headers={"X-Other": secret}, **{"X-Key": secret}))
    with other_service(say(200, b"{}")) as (url, asked), HttpHook("GET", "keyed") as hook:
        hook.run(url, headers={"X-Mine": "1"})
        assert hook.get_conn().headers["X-Key"] == "sesame1234"
    assert "sesame1234" not in str(asked)
    assert asked[0]["X-Mine"] == "1"
    assert "Authorization" not in asked[0]


def test_a_redirect_to_another_service_takes_nothing_with_it(connection):
    with other_service(say(200, b"{}")) as (there, asked), other_service(say(302, Location=f"{there}/x")) as here:
        url, first = here
        connection("here", url.replace("http://", "http://login:sesame1234@") + "?X-Key=sesame1234")
        with HttpHook("GET", "here") as hook:
            hook.run("y")
    assert first[0]["X-Key"] == "sesame1234"
    assert "X-Key" not in asked[0]
    assert "Authorization" not in asked[0]


def test_extras_that_are_unknown_are_headers_and_known_ones_are_not(service):
    told = with_extras(service, timeout=5, headers={"X-Two": 2}, **{"X-Team": "data"})
    with HttpHook("GET", connection=told) as hook:
        headers = hook.get_conn().headers
    assert headers["X-Team"] == "data"
    assert headers["X-Two"] == "2"
    assert "timeout" not in headers


def test_airflows_extras_for_requests_are_no_headers(service, control):
    told = {"proxies": {"ftp": "http://p"}, "verify_ssl": False, "stream": True, "check_response": False}
    with HttpHook("GET", connection=with_extras(service, **told)) as hook:
        session = hook.get_conn()
        assert not {*told} & {*session.headers}
        assert (session.proxies, session.verify, session.stream) == ({"ftp": "http://p"}, False, True)
        assert hook.run("missing").status_code == 404
        with pytest.raises(HttpStatusError, match="404"):
            hook.run("missing", extra_options={"check_response": True})


@pytest.mark.parametrize("form", ["proxy", "proxies"])
def test_the_proxy_of_the_connection_counts_more_than_that_of_the_environment(connection, monkeypatch, form):
    with other_service(say(200, b"environment")) as (theirs, _), other_service(say(200, b"connection")) as (ours, _):
        monkeypatch.setenv("http_proxy", theirs)
        made = Connection.from_uri("http://far.example", "far")
        made.extra = {form: ours if form == "proxy" else {"http": ours}}
        connection("far", made)
        for extra, answered in ((made.extra_dejson, "connection"), ({}, "environment")):
            made.extra = extra
            with HttpHook("GET", connection=made) as hook:
                assert hook.run("x").text == answered


def test_the_certificates_of_the_connection_count_more_than_those_of_the_environment(
    connection, monkeypatch, tmp_path, certificate
):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", ssl.get_default_verify_paths().cafile or str(tmp_path))
    with other_service(say(200, b"in"), certificate) as (url, _):
        for extra in (f"ca_file={certificate}", "verify=false"):
            connection("tls", f"{url}?{extra}&retries=0")
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="Unverified HTTPS request")
                with HttpHook("GET", "tls") as hook:
                    assert hook.run().text == "in"
        connection("tls", f"{url}?retries=0")
        with HttpHook("GET", "tls") as hook, pytest.raises(HttpError, match="got no answer"):
            hook.run()


def test_sockets_are_kept_alive(put, service):
    put("orders", [1])
    probed = {"idle": socket.TCP_KEEPIDLE, "interval": socket.TCP_KEEPINTVL, "count": socket.TCP_KEEPCNT}
    for given, times in (((), [120, 30, 20]), ((True, 7, 5, 3), [7, 3, 5]), ((False,), None)):
        with HttpHook("GET", "shop", None, *given) as hook:
            answer = hook.run("orders", extra_options={"stream": True})
            sock = answer.raw._original_response.fp.raw._sock  # nothing public leads to it
            assert bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)) is (times is not None)
            if times is not None:
                assert [sock.getsockopt(socket.IPPROTO_TCP, option) for option in probed.values()] == times


def test_data_is_the_body_of_all_methods_that_have_one(connection):
    def echo(handler):
        say(200, handler.path.encode() + b" " + body(handler))(handler)

    with other_service(echo) as (url, _):
        connection("echo", url)
        for method, told in (("GET", "/x?a=1 "), ("DELETE", "/x a=1"), ("POST", "/x a=1")):
            with HttpHook(method, "echo") as hook:
                assert hook.run("x", {"a": 1}).text == told


def test_credentials_beyond_latin_1_are_sent(connection):
    def check(handler):
        say(200, handler.headers["Authorization"].encode())(handler)

    with other_service(check) as (url, _):
        connection("unicode", url.replace("http://", "http://zo%C3%AB:%E2%82%AC-sesame@"))
        with HttpHook("GET", "unicode") as hook:
            assert base64.b64decode(hook.run().text.removeprefix("Basic ")).decode() == "zoë:€-sesame"


def test_a_token_and_a_method_of_ones_own_log_in(connection):
    def check(handler):
        say(200, handler.headers["Authorization"].encode())(handler)

    with other_service(check) as (url, _):
        connection("token", f"{url}?token=abcdef123456")
        connection("login", url.replace("http://", "http://me:abcdef123456@"))
        with HttpHook("GET", "token") as hook:
            assert hook.run().text == "Bearer abcdef123456"

        def signed(login, password):
            def sign(request):
                request.headers["Authorization"] = f"Own {login} {password[::-1]}"
                return request

            return sign

        with HttpHook("GET", "login", auth_type=signed) as hook:
            assert hook.run().text == "Own me 654321fedcba"


def test_a_page_of_html_is_not_shown_and_a_long_text_is_cut(connection):
    with other_service(say(500, b"<html>oops</html>", Content_Type="text/html")) as (url, _):
        connection("html", url)
        with HttpHook("GET", "html") as hook, pytest.raises(HttpStatusError) as error:
            hook.run()
        assert str(error.value).endswith("was answered with 500 Internal Server Error.")
    with other_service(say(400, b"word " * 1000)) as (url, _):
        connection("long", url)
        with HttpHook("GET", "long") as hook, pytest.raises(HttpStatusError) as error:
            hook.run()
        assert str(error.value).endswith(" ...")
        assert len(str(error.value)) < _EXCERPT + 200


def test_secrets_of_a_connection_are_not_shown_even_if_the_service_says_them(service, connection, caplog):
    caplog.set_level(logging.DEBUG)

    def parrot(handler):
        say(400, str(handler.headers).encode())(handler)

    with other_service(parrot) as (url, _):
        connection("parrot", url.replace("http://", "http://me:sesame-1234@") + "?token=sesame-5678")
        with HttpHook("GET", "parrot") as hook, pytest.raises(HttpStatusError) as error:
            hook.run()
    shown = str(error.value) + caplog.text
    assert "sesame-1234" not in shown
    assert "sesame-5678" not in shown


def test_the_test_of_a_connection_may_ask_for_a_place_of_its_own(service, put):
    assert service.test_connection() == (True, f"http://127.0.0.1:{service.port} answers 200 OK.")
    named = with_extras(service, test_endpoint="health")
    works, told = named.test_connection()
    assert not works
    assert "404" in told
    put("health", {"ok": True})
    assert named.test_connection()[0]
