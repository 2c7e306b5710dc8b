"""Masking: every form of a secret, structures, exceptions, log records, streams."""

from __future__ import annotations

import base64
import html
import io
import json
import logging
import os
import shlex
import subprocess
import threading
from collections import namedtuple
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tradewind import secrets
from tradewind.connection import Connection
from tradewind.secrets import MaskingFilter, MaskingStream, mask_secret, redact, redact_exception


@pytest.fixture(autouse=True)
def nothing_known():
    secrets.forget_secrets()
    yield
    secrets.forget_secrets()


# -- text


NASTY = "p@ss/w:o?r#d%1 &+\"'\\ü<é>"


@pytest.mark.parametrize(
    "form",
    [
        str,
        quote,
        quote_plus,
        lambda secret: quote(secret, safe=""),
        lambda secret: quote(secret, safe="").lower(),
        lambda secret: urlencode({"x": secret}),
        lambda secret: quote(quote(secret, safe=""), safe=""),
        repr,
        lambda secret: repr([secret]),
        json.dumps,
        lambda secret: json.dumps(secret, ensure_ascii=False),
        lambda secret: json.dumps(json.dumps(secret)),
        shlex.quote,
        html.escape,
        lambda secret: base64.b64encode(secret.encode()).decode(),
        lambda secret: Connection("x", "x", password=secret).get_uri(),
        lambda secret: Connection("x", "x", password=secret).as_json(),
    ],
)
@pytest.mark.parametrize("secret", [NASTY, "hunter2hunter2", "it's", "a/b+c"])
def test_every_form_of_a_secret_is_masked(secret, form):
    mask_secret(secret)
    text = form(secret)
    assert "***" in redact(f"before {text} after")
    assert redact(f"before {text} after").startswith("before ")
    assert redact(f"before {text} after").endswith(" after")
    for piece in (secret, quote(secret, safe=""), "hunter2", "w:o", "%2Fw"):
        assert piece not in redact(text) or piece not in text


@given(st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=12).filter(lambda text: text.strip()))
@settings(max_examples=200, deadline=None)
@example("a")
@example("airflow")
@example("***x")
def test_any_secret_is_masked_alone_and_between_spaces(secret):
    secrets.forget_secrets()
    mask_secret(secret)
    assert redact(secret).strip() in ("***", "") or secret not in redact(secret)
    assert f" {secret} " not in redact(f"a {secret} b") or secret in " a b "
    assert "***" in redact(f"({secret})")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("abc", "***"),
        ("abcess and xabc", "abcess and xabc"),
        ("user:abc@host", "user:***@host"),
        ("password=abc,", "password=***,"),
        ("u%3Aabc%40h", "u%3A***%40h"),
        ('{"p": "abc"}', '{"p": "***"}'),
        ("'\\nabc'", "'\\n***'"),
        ("my_abc_x", "my_***_x"),
        ("postgres://u:abc@h", "postgres://u:***@h"),
    ],
)
def test_short_secrets_are_masked_as_words(text, shown):
    mask_secret("abc")
    assert redact(text) == shown


def test_a_secret_of_one_sign_does_not_hide_every_sign():
    mask_secret(":")
    assert redact("OSError: see http://h ':' (:)") == "OSError: see http://h '***' (***)"


def test_longer_secrets_are_masked_within_words():
    mask_secret("hunter2")
    assert redact("xhunter2y") == "x***y"


def test_of_two_secrets_the_longer_one_is_masked_whole():
    mask_secret("hunter")
    mask_secret("hunter2hunter2")
    assert redact("hunter2hunter2") == "***"


def test_the_lines_of_a_secret_are_masked_one_by_one():
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANB\ngkqhkiG9w0BAQ\n-----END PRIVATE KEY-----\n"
    mask_secret(key)
    assert redact(key) == "***"
    assert redact("> MIIEvQIBADANB\n> gkqhkiG9w0BAQ") == "> ***\n> ***"
    assert redact("-----BEGIN PRIVATE KEY-----") == "-----BEGIN PRIVATE KEY-----"
    assert redact(json.dumps({"k": key})) == '{"k": "***"}'


@pytest.mark.parametrize("nothing", ["", "  ", "\n", None, "***"])
def test_nothing_is_no_secret(nothing):
    mask_secret(nothing)
    assert redact("a b *** \n") == "a b *** \n"


def test_a_key_file_is_masked_in_its_parts():
    mask_secret('{"private_key": "hunter2", "type": "service_account"}')
    assert redact("hunter2 service_account") == "*** service_account"


def test_names_decide_what_is_remembered():
    mask_secret("seen", "user_name")
    mask_secret("hunter2", "MY-API-KEY")
    mask_secret({"password": "hunter3", "host": "seen", "deep": [{"token": ["hunter4"]}]}, "config")
    mask_secret({"anything": "hunter5"}, "secret")
    mask_secret("true", "use_token")
    assert redact("seen true hunter2 hunter3 hunter4 hunter5") == "seen true *** *** *** ***"


# -- structures


def test_structures_are_masked_by_key_and_by_content():
    mask_secret("hunter2")
    Pair = namedtuple("Pair", "host password")
    value = {
        "password": "anything",
        "Api-Key": 12345,
        "list": ["hunter2", ("x hunter2",), {"hunter2"}],
        "secret": {"a": "b", "c": ["d", None, True]},
        "pair": Pair("h", "w"),
        "bytes": b"hunter2!",
        "empty": {"token": "", "passwd": None},
        "hunter2": 1,
        "number": 5,
    }
    before = repr(value)
    assert redact(value) == {
        "password": "***",
        "Api-Key": "***",
        "list": ["***", ("x ***",), {"***"}],
        "secret": {"a": "***", "c": ["***", None, True]},
        "pair": Pair("h", "***"),
        "bytes": b"***!",
        "empty": {"token": "", "passwd": None},
        "***": 1,
        "number": 5,
    }
    assert repr(value) == before


def test_a_value_with_its_name():
    assert redact("x", "password") == "***"
    assert redact(["x"], "tokens") == ["***"]
    assert redact("x", "host") == "x"


def test_structures_that_hold_themselves_end():
    value = ["x"]
    value.append(value)
    assert redact(value)[0] == "x"


def test_other_objects_stay_what_they_are():
    thing = object()
    assert redact(thing) is thing
    assert redact({"x": thing}) == {"x": thing}
    assert redact({"password": thing}) == {"password": "***"}


def test_more_words_can_be_set(monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__SENSITIVE_VAR_CONN_NAMES", "pesel,Iban")
    secrets.forget_secrets()
    assert redact({"my_pesel": "1", "IBAN": "2", "x": "3"}) == {"my_pesel": "***", "IBAN": "***", "x": "3"}


def test_broken_settings_do_not_stop_masking(monkeypatch):
    monkeypatch.setenv("TRADEWIND_PARALLELISM", "many")
    secrets.forget_secrets()
    assert redact({"password": "x"}) == {"password": "***"}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("hunter2"),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    )
)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_structure_keeps_a_secret(value):
    mask_secret("hunter2")
    assert "hunter2" not in repr(redact(value))


# -- connections


def test_the_secrets_of_a_connection_are_known_once_it_is_made():
    Connection.from_uri("x://user:hunt%2Fer2@h/?api_key=hunter3&plain=seen&a.token=hunter4")
    text = "hunt/er2 hunt%2Fer2 hunter3 hunter4 seen user " + base64.b64encode(b"user:hunt/er2").decode()
    assert redact(text) == "*** *** *** *** seen user ***"


# -- exceptions


def test_exceptions_are_masked_with_causes_members_notes_and_attributes():
    mask_secret("hunter2")
    try:
        try:
            try:
                raise KeyError("hunter2")
            except KeyError as error:
                raise OSError(5, "no hunter2", "/tmp/hunter2") from error
        except OSError:
            raise ExceptionGroup("group", [subprocess.CalledProcessError(1, ["psql", "hunter2"], "out hunter2")])  # noqa: B904
    except ExceptionGroup as error:
        error.add_note("note hunter2")
        found = redact_exception(error)
    assert found.__notes__ == ["note ***"]
    assert found.exceptions[0].cmd == ["psql", "***"]
    assert found.exceptions[0].output == "out ***"
    assert "hunter2" not in str(found.exceptions[0])
    assert str(found.__context__) == "[Errno 5] no ***: '/tmp/***'"
    assert found.__context__.__cause__.args == ("***",)


def test_exceptions_that_refer_to_each_other_end():
    mask_secret("hunter2")
    one, two = ValueError("hunter2"), ValueError("x")
    one.__cause__, two.__cause__ = two, one
    assert redact_exception(one).args == ("***",)


def test_exceptions_that_cannot_be_changed_do_not_stop_masking():
    class Stubborn(Exception):
        def __setattr__(self, name, value):
            raise AttributeError(name)

    mask_secret("hunter2")
    error = Stubborn("x")
    error.__dict__["detail"] = "hunter2"
    assert redact_exception(error) is error


# -- logging


@pytest.fixture
def log():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(message)s %(name)s"))
    logger = logging.Logger("of the test")
    logger.addHandler(handler)
    secrets.install_masking_filter(logger)
    secrets.install_masking_filter(logger)
    assert [type(found) for found in handler.filters] == [MaskingFilter]
    mask_secret("hunter2")
    return logger, stream


def test_messages_and_arguments_are_masked(log):
    logger, stream = log
    logger.info("a hunter2 %s %r %d", "hunter2", {"x": "hunter2"}, 5)
    assert stream.getvalue() == "a *** *** {'x': '***'} 5 of the test\n"


def test_a_secret_that_spans_message_and_argument_is_masked(log):
    logger, stream = log
    logger.info("hun%s", "ter2")
    assert stream.getvalue() == "*** of the test\n"


def test_percent_signs_in_a_masked_message_do_no_harm(log):
    logger, stream = log
    logger.info("100%% %s", "hunter2")
    logger.info("100% hunter2")
    assert stream.getvalue() == "100% *** of the test\n100% *** of the test\n"


def test_tracebacks_and_stacks_are_masked(log):
    logger, stream = log
    try:
        raise ValueError("hunter2") from KeyError("hunter2")
    except ValueError:
        logger.exception("failed", stack_info=True)
    assert "hunter2" not in stream.getvalue().replace('ValueError("hunter2")', "").replace('KeyError("hunter2")', "")
    assert "ValueError: ***" in stream.getvalue()


def test_extra_fields_are_masked(log):
    logger, stream = log
    logger.handlers[0].setFormatter(logging.Formatter("%(password)s %(detail)s"))
    logger.info("x", extra={"password": "p", "detail": ["hunter2"]})
    assert stream.getvalue() == "*** ['***']\n"


def test_arguments_that_do_not_fit_are_masked_as_well(log, capsys):
    logger, stream = log
    logger.info("%d", "hunter2")
    logger.info("hunter2 %s %s", "x")
    error = capsys.readouterr().err
    assert "Logging error" in error
    assert "'hunter2'" not in "".join(line for line in error.splitlines() if line.startswith(("Message", "Arguments")))
    assert stream.getvalue() == ""


# -- streams


class Sink(io.StringIO):
    """A stream below that remembers whether it was flushed."""

    flushed = 0

    def flush(self):
        self.flushed += 1
        super().flush()


@pytest.fixture
def stream():
    mask_secret("hunter2")
    sink = Sink()
    return MaskingStream(sink), sink


def test_lines_are_masked_and_written_at_once(stream):
    masking, sink = stream
    assert masking.write("a hunter2\nb") == 11
    assert sink.getvalue() == "a ***\n"
    masking.close()
    assert sink.getvalue() == "a ***\nb"
    assert not sink.closed


def test_a_secret_in_pieces_is_masked(stream):
    masking, sink = stream
    for char in "x hunter2 hunt y\n":
        masking.write(char)
        masking.flush()
    assert sink.getvalue() == "x *** hunt y\n"


def test_flush_writes_what_cannot_become_a_secret(stream):
    masking, sink = stream
    masking.write("progress 50% hun")
    masking.flush()
    assert sink.getvalue() == "progress 50% "
    assert sink.flushed
    masking.write("dred\n")
    assert sink.getvalue() == "progress 50% hundred\n"


def test_a_secret_of_several_lines_is_masked_whole():
    secret = "ab\ncd\nef"
    mask_secret(secret)
    for pieces in ([secret, "\n"], ["ab\n", "cd\nef\n"], list(secret + "\n")):
        sink = io.StringIO()
        masking = MaskingStream(sink)
        for piece in pieces:
            masking.write(piece)
        masking.close()
        assert sink.getvalue() == "***\n"


def test_long_text_without_a_line_end_is_written_before_the_end(stream):
    masking, sink = stream
    masking.write("x" * 100_000 + "hunter2" + "y" * 100_000 + "hunt")
    assert len(sink.getvalue()) > 190_000
    masking.write("er2")
    masking.close()
    assert sink.getvalue() == "x" * 100_000 + "***" + "y" * 100_000 + "***"


@given(st.lists(st.text(alphabet="hunter2 \nab", max_size=9) | st.sampled_from(["hunter2", "hunt", "er2", "abc"])))
@settings(max_examples=300, deadline=None)
@example(["hunter", "2"])
@example(["abc", "d"])
def test_however_text_is_cut_it_is_masked_as_a_whole(pieces):
    secrets.forget_secrets()
    mask_secret("hunter2")
    mask_secret("hunter2 hunter2")
    sink = io.StringIO()
    masking = MaskingStream(sink)
    for index, piece in enumerate(pieces):
        masking.write(piece)
        if index % 2:
            masking.flush()
    masking.close()
    assert "hunter2" not in sink.getvalue()
    assert sink.getvalue().replace("***", "") == redact("".join(pieces)).replace("***", "")


def test_bytes_written_to_the_buffer_are_masked(stream):
    masking, sink = stream
    masking.buffer.write("ü hun".encode())
    masking.buffer.write(b"ter2 ")
    masking.buffer.write("é".encode()[:1])
    masking.buffer.write("é".encode()[1:] + b"\n")
    masking.buffer.flush()
    assert sink.getvalue() == "ü *** é\n"


def test_print_and_logging_can_write_to_it(stream):
    masking, sink = stream
    print("x", "hunter2", file=masking, flush=True)
    logging.StreamHandler(masking).handle(logging.makeLogRecord({"msg": "hunter2"}))
    assert sink.getvalue() == "x ***\n***\n"
    assert masking.writable()
    assert not masking.isatty()
    assert masking.encoding == "utf-8"
    with pytest.raises(TypeError, match="must be str"):
        masking.write(b"x")


def test_threads_lose_nothing(stream):
    masking, sink = stream

    def write(number):
        for _ in range(200):
            masking.write(f"{number} hunter2\n")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sink.getvalue().split("\n")) == sorted([f"{n} ***" for n in range(4) for _ in range(200)] + [""])


def test_a_forked_process_can_go_on_and_repeats_nothing(tmp_path):
    mask_secret("hunter2")
    with (tmp_path / "out").open("w", encoding="utf-8") as file:
        masking = MaskingStream(file)
        masking.write("of the parent ")
        masking._lock.acquire()
        pid = os.fork()
        if pid == 0:
            masking.write("of the child hunter2\n")
            masking.flush()
            os._exit(0)
        os.waitpid(pid, 0)
        masking._lock.release()
        masking.write("\n")
    assert (tmp_path / "out").read_text() == "of the child ***\nof the parent \n"


def test_of_a_key_file_only_the_key_is_secret():
    key = {
        "type": "service_account",
        "private_key": "-----BEGIN-----\nMIIEvQIBADANBg\n-----END-----",
        "private_key_id": "0123456789abcdef",
        "client_email": "etl@project.example",
        "token_uri": "https://oauth2.example/token",
    }
    mask_secret(key, "keyfile_dict")
    told = f"{key['client_email']} {key['token_uri']} service_account"
    assert redact(told) == told
    assert redact("a MIIEvQIBADANBg b") == "a *** b"
    assert redact("0123456789abcdef") == "***"


def test_a_uri_that_is_logged_shows_no_secret_extra():
    uri = Connection(conn_type="x", host="h", extra={"api_key": "key/with:all @kinds"}).get_uri()
    assert "key/with" in uri
    assert redact(uri) == "x://h/?api_key=***"
