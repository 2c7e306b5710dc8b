"""What SlackHook makes of a connection, and what becomes of its calls when Slack is busy, fails, or is not reached."""

from __future__ import annotations

import asyncio
import gc
import http.client
import logging
import os
import subprocess
import sys
import time
import warnings

import pytest
from slack_sdk.http_retry import RateLimitErrorRetryHandler

from tradewind.connection import Connection
from tradewind.errors import BrokenConnection, ConnectionNotFound
from tradewind.sandbox import Control
from tradewind.testing import faults
from tradewind_slack import SlackError, SlackHook, SlackUnclear
from tradewind_slack.retries import Retries, is_repeatable

POST = "chat.postMessage"


def hook_of(uri, **given):
    hook = SlackHook("x", **given)
    hook.use_connection("x", Connection.from_uri(uri, "x"))
    return hook


def message(text="hello", channel="general"):
    return {"channel": channel, "text": text}


# -- the connection


@pytest.mark.parametrize(
    ("uri", "url"),
    [
        ("slack://:xoxb-1@", "https://slack.com/api/"),
        ("slack://:xoxb-1@?base_url=https://slack.example/api", "https://slack.example/api/"),
        ("slack://:xoxb-1@127.0.0.1:8080/http", "http://127.0.0.1:8080/api/"),
        ("slack://:xoxb-1@proxy.example", "https://proxy.example/api/"),
    ],
)
def test_where_the_web_api_is(uri, url):
    hook = hook_of(uri)
    assert hook.client.base_url.rstrip("/") == url.rstrip("/")
    assert hook_of(uri, base_url="https://other.example/api/").client.base_url == "https://other.example/api/"


def test_what_the_client_is_given():
    uri = "slack://:xoxb-1@?timeout=7&proxy=http://proxy.example:3128&retries=2&retry_delay=0.5&longest_wait=9"
    client = hook_of(uri).client
    assert (client.token, client.timeout, client.proxy) == ("xoxb-1", 7.0, "http://proxy.example:3128")
    (retries,) = client.retry_handlers
    assert (retries.count, retries.delay, retries.longest_wait) == (2, 0.5, 9.0)
    own = [RateLimitErrorRetryHandler(max_retry_count=1)]
    client = hook_of(uri, timeout=3, proxy="http://p:1", retry_handlers=own, headers={"X-Team": "data"}).client
    assert (client.timeout, client.proxy, client.retry_handlers) == (3, "http://p:1", own)
    assert client.headers["X-Team"] == "data"
    assert isinstance(hook_of("slack://:xoxb-1@").client.retry_handlers[0], Retries)


def test_a_connection_that_cannot_be_right(connection):
    with pytest.raises(ConnectionNotFound, match=r"slack_api_default"):
        SlackHook().get_conn()
    with pytest.raises(BrokenConnection, match=r"Connection 'x' has no password; put the token of your app there"):
        hook_of("slack://").get_conn()
    with pytest.raises(
        BrokenConnection, match=r"has an extra 'time_out', which slack connections do not; did you mean 'ti"
    ):
        hook_of("slack://:xoxb-1@?time_out=3").get_conn()
    secret = "xoxb-one two"
    with pytest.raises(BrokenConnection, match=r"a token has no spaces") as error:
        hook_of(f"slack://:{secret.replace(' ', '%20')}@").get_conn()
    assert secret not in str(error.value)
    assert hook_of("slack://:%20xoxb-1%0A@").client.token == "xoxb-1"  # as it was copied


def test_no_proxy_is_minded(workspace):
    """slack_sdk takes HTTPS_PROXY for every address. In a process of its own, since urllib reads these once."""
    closed = f"http://127.0.0.1:{faults.closed_port()}"
    code = "from tradewind_slack import SlackHook; print(SlackHook('slack', retry_handlers=[]).test_connection())"
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), closed)

    def ask(**more):
        environ = {**os.environ, **proxies, "no_proxy": "", "NO_PROXY": "", **more}
        return subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True).stdout

    assert "(True, 'Slack knows the token" in ask(no_proxy="127.0.0.1", NO_PROXY="127.0.0.1")
    assert "Nothing listens there: check host and port, or the proxy" in ask()


def test_a_proxy_of_its_own(workspace):
    hook = SlackHook("slack", proxy=f"http://127.0.0.1:{faults.closed_port()}", retry_handlers=[])
    with pytest.raises(SlackError, match=r"Nothing listens there: check host and port, or the proxy"):
        hook.call("auth.test")


# -- errors


def test_what_slack_refuses_is_explained(hook, control):
    with pytest.raises(SlackError) as error:
        hook.call(POST, json=message(channel="#nowhere"))
    assert (error.value.error, error.value.status, error.value.response["ok"]) == ("channel_not_found", 200, False)
    told = "Connection 'slack': Slack refused chat.postMessage: channel_not_found. Check the channel's name"
    assert str(error.value).startswith(told)
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}]
    with pytest.raises(
        SlackError, match=r"invalid_blocks\. must be less than 3001 characters \[json-pointer:/blocks/0/te"
    ):
        hook.call(POST, json={**message(), "blocks": blocks})
    control.act("scopes", without=["chat:write"])
    with pytest.raises(SlackError, match=r"The app lacks the scope chat:write: add it under OAuth & Permissions"):
        hook.call(POST, json=message())
    control.act("token", state="token_revoked")
    works, told = hook.test_connection()
    assert not works
    assert "token_revoked. Put a token that is in force into the connection's password" in told


def test_no_token_is_shown(workspace, hook, control, caplog):
    caplog.set_level(logging.DEBUG)
    control.fault("status", status=429, times=2, headers={"Retry-After": "0"})
    control.fault("lost", times=1)
    hook.call(POST, json=message())
    control.fault("status", status=500, times=9)
    with pytest.raises(SlackError) as error:
        hook.call(POST, json=message())
    assert workspace.password not in caplog.text
    assert workspace.password not in str(error.value)
    assert "asked again in" in caplog.text
    assert not [record for record in caplog.records if record.name.startswith("slack_sdk")]


def test_a_text_that_slack_cuts_is_told_of(hook, caplog):
    hook.call(POST, json=message("x" * 40_001))
    assert "Slack has cut the text of chat.postMessage" in caplog.text


# -- what is done again


def statuses(control, path=POST):
    return [call.status for call in control.calls(path)]


def test_limits_are_waited_for(hook, control, texts):
    control.fault("status", status=429, headers={"Retry-After": "1"})
    began = time.monotonic()
    assert hook.call(POST, json=message())["ok"]
    assert 1.0 <= time.monotonic() - began < 30
    assert statuses(control) == [429, 200]
    assert texts() == ["hello"]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_storm_is_outlasted(hook, control, texts, status):
    control.fault("status", status=status, times=5, headers={"Retry-After": "0"})
    hook.call(POST, json=message())
    assert statuses(control) == [status] * 5 + [200]
    assert texts() == ["hello"]


def test_a_storm_that_does_not_end_is_an_error(hook, control, texts):
    control.fault("status", status=429, times=99, headers={"Retry-After": "0"})
    with pytest.raises(SlackError, match=r"ratelimited. Slack takes no more for now") as error:
        hook.call(POST, json=message())
    assert (error.value.status, len(control.calls())) == (429, 6)
    control.clear()
    control.fault("status", status=503, times=99)
    with pytest.raises(SlackError, match=r"Slack refused chat.postMessage: status 503. Slack has trouble of its own"):
        hook.call(POST, json=message())
    assert texts() == []


def test_the_patience_is_the_connection_s(workspace, connection, control):
    workspace.extra = {"retries": 1, "retry_delay": 0.01, "longest_wait": 5}
    connection("slack", workspace)
    control.fault("status", status=500, times=9)
    with pytest.raises(SlackError):
        SlackHook("slack").call(POST, json=message())
    assert len(control.calls()) == 2
    control.clear()
    control.fault("status", status=429, headers={"Retry-After": "3600"})
    with pytest.raises(SlackError, match=r"ratelimited"):
        SlackHook("slack").call(POST, json=message())
    assert len(control.calls()) == 1


@pytest.mark.parametrize("kind", ["lost", "drop", "cut", "twice"])
def test_a_message_is_posted_once_whatever_happens(hook, control, texts, kind):
    control.fault(kind, times=2, path=POST)
    posted = hook.call(POST, json=message())
    assert texts() == ["hello"]
    assert posted["ts"] == control.act("messages", channel="general")[0]["ts"]
    control.fault(kind, path=POST)
    hook.call(POST, data=message("as a form"))
    hook.call(POST, params=message("as parameters"))
    assert texts() == ["hello", "as a form", "as parameters"]


def test_what_cannot_be_told_apart_is_not_done_twice(hook, control, texts):
    given = {**message(channel="alerts"), "user": "U0ANN"}
    for kind in ("lost", "drop"):
        control.clear()
        control.fault(kind)
        with pytest.raises(
            SlackUnclear, match=r"did not answer chat.postEphemeral to its end: .* It may have been done"
        ):
            hook.call("chat.postEphemeral", json=given)
        assert len(control.calls()) == 1
    control.fault("lost")
    with pytest.raises(http.client.RemoteDisconnected):
        hook.client.chat_postMessage(**message())
    assert texts() == ["hello"]
    control.fault("lost")
    posted = hook.call(POST, json=message("edited soon"))
    control.fault("lost", times=2)
    hook.call("chat.update", json={"channel": posted["channel"], "ts": posted["ts"], "text": "edited"})
    assert texts() == ["hello", "edited"]


def test_slow_answers(workspace, connection, control):
    control.fault("slow", bytes_per_second=2000)
    assert SlackHook("slack").call("auth.test")["ok"]
    control.fault("slow", bytes_per_second=1, times=9)
    workspace.extra = {"timeout": 0.2, "retries": 1, "retry_delay": 0.01}
    connection("slack", workspace)
    with pytest.raises(SlackUnclear, match=r"did not answer auth.test to its end: timed out"):
        SlackHook("slack").call("auth.test")
    with warnings.catch_warnings(record=True) as left:
        warnings.simplefilter("always", ResourceWarning)
        gc.collect()
    assert not left, "slack_sdk leaves the answers open"


def test_slack_is_not_there(workspace, connection):
    broken = Connection.from_uri(workspace.get_uri(), "slack")
    broken.port = faults.closed_port()
    connection("slack", broken)
    with pytest.raises(
        SlackError, match=rf"cannot reach Slack at 127\.0\.0\.1:{broken.port} for auth\.test: .*refused"
    ) as error:
        SlackHook("slack").call("auth.test")
    assert not isinstance(error.value, SlackUnclear)


def test_a_test_asks_once(hook, control):
    control.fault("status", status=503, times=9)
    works, told = hook.test_connection()
    assert not works
    assert "Slack refused auth.test" in told
    assert len(control.calls()) == 1


def test_what_may_be_repeated():
    for method in (
        "auth.test",
        "conversations.list",
        "chat.update",
        "users.lookupByEmail",
        "files.getUploadURLExternal",
    ):
        assert is_repeatable(f"https://slack.com/api/{method}", None)
    for method in (POST, "chat.postEphemeral", "chat.scheduleMessage", "files.completeUploadExternal", "calls.add"):
        assert not is_repeatable(f"https://slack.com/api/{method}", b"{}")
    assert is_repeatable(f"https://slack.com/api/{POST}", b'{"client_msg_id": "x"}')
    assert not is_repeatable("https://hooks.slack.com/services/T0/B0/list", b"{}")


def test_without_blocking_the_event_loop(hook, texts):
    async def post():
        await asyncio.gather(*(hook.async_call(POST, json=message(str(n))) for n in range(4)))

    asyncio.run(post())
    assert sorted(texts()) == ["0", "1", "2", "3"]


# -- channels


def test_a_channel_s_id(hook, control, monkeypatch):
    assert hook.get_channel_id("#alerts") == "C0ALERTS"
    assert hook.get_channel_id("general") == "C0123456789"
    assert SlackHook("slack").get_channel_id("finance") == "C0FINANCE"
    assert len(control.calls("conversations.list")) == 1, "one walk for all names and hooks of the process"
    assert hook.get_channel_id("C0ANY") == "C0ANY"
    assert hook.get_channel_id("U0ANN") == "U0ANN"
    with pytest.raises(SlackError, match=r"there is no channel 'alrts' among the 4 .* Did you mean 'alerts'\?"):
        hook.get_channel_id("#alrts")
    made = control.act("channel", name="alrts")
    assert hook.get_channel_id("#alrts") == made
    monkeypatch.setattr("tradewind_slack.channels.KEPT_FOR", 0)
    control.clear()
    assert hook.get_channel_id("alerts") == "C0ALERTS"
    assert len(control.calls("conversations.list")) == 1


def test_channels_are_walked_in_pages(hook, control, monkeypatch):
    monkeypatch.setattr("tradewind_slack.channels._PAGE", 2)
    made = [control.act("channel", name=f"channel-{number}") for number in range(7)]
    control.fault("status", status=429, after=1, times=2, headers={"Retry-After": "0"}, path="conversations.list")
    assert hook.get_channel_id("channel-6") == made[6]
    assert [call.status for call in control.calls("conversations.list")] == [200, 429, 429, 200, 200, 200, 200, 200]


def test_a_token_that_may_not_see_private_channels(hook, control):
    control.act("scopes", without=["groups:read"])
    assert hook.get_channel_id("alerts") == "C0ALERTS"
    control.act("scopes", without=["groups:read", "channels:read"])
    with pytest.raises(SlackError, match=r"lacks the scope channels:read"):
        hook.get_channel_id("new")


# -- files


def shown(control, channel="alerts"):
    return [file["name"] for one in control.act("messages", channel=channel) for file in one.get("files", ())]


def test_files_are_sent(hook, control, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n")
    with path.open("rb") as file:
        given = [
            {"file": str(path), "title": "Rows"},
            {"content": "x", "filename": "x.txt"},
            {"file": file, "filename": "again.csv"},
            {"file": b"bytes", "filename": "b.bin", "alt_txt": "bytes"},
        ]
        answer = hook.send_file_v2(channel_id="#alerts", file_uploads=given, initial_comment="Four files")
    assert [file["title"] for file in answer["files"]] == ["Rows", "x.txt", "again.csv", "b.bin"]
    (posted,) = control.act("messages", channel="alerts")
    assert (posted["text"], len(posted["files"])) == ("Four files", 4)
    answers = hook.send_file_v1_to_v2(channels="alerts, #general", content="y", filename="y.txt", title="Y")
    assert len(answers) == 1
    assert shown(control, "general") == ["y.txt"]
    thread = {"channels": ["alerts"], "content": "z", "filename": "z.py", "snippet_type": "python"}
    hook.send_file_v1_to_v2(**thread, thread_ts=posted["ts"])
    (reply,) = control.act("messages", channel="alerts")[0]["replies"]
    assert reply["files"][0]["filetype"] == "python"


def test_what_cannot_be_sent(hook):
    with pytest.raises(SlackError, match=r"the file 'x.txt' is empty, which Slack does not take"):
        hook.send_file_v2(channel_id="alerts", file_uploads={"content": "", "filename": "x.txt"})
    with pytest.raises(ValueError, match=r"by file= or by content=, one of them"):
        hook.send_file_v2(channel_id="alerts", file_uploads={"filename": "x.txt"})
    with pytest.raises(FileNotFoundError):
        hook.send_file_v2(channel_id="alerts", file_uploads={"file": "/no/such/file"})
    with pytest.raises(SlackError, match=r"files.completeUploadExternal: not_in_channel. The app must be a member"):
        hook.send_file_v2(channel_id="random", file_uploads={"content": "x"})


@pytest.mark.parametrize("kind", ["status", "drop", "lost", "cut"])
def test_an_upload_that_fails_is_sent_anew(hook, control, tmp_path, kind):
    path = tmp_path / "x.txt"
    path.write_text("x" * 500_000)
    control.fault(kind, status=500, times=2, path="/upload/")
    hook.send_file_v2(channel_id="alerts", file_uploads={"file": str(path)})
    assert shown(control) == ["x.txt"]
    assert len(control.calls("getUploadURL")) == 3
    (message,) = control.act("messages", channel="alerts")
    assert control.act("file", file_id=message["files"][0]["id"]) == "x" * 500_000


def test_an_upload_that_cannot_succeed_ends(hook, control):
    control.fault("status", status=403, times=9, path="/upload/")
    with pytest.raises(SlackError, match=r"Slack refused the upload of 'x.txt': status 403") as error:
        hook.send_file_v2(channel_id="alerts", file_uploads={"content": "x", "filename": "x.txt"})
    assert "/upload/" not in str(error.value)
    assert len(control.calls("/upload/")) == 1
    control.clear()
    control.fault("drop", times=99, path="/upload/")
    with pytest.raises(SlackUnclear, match=r"did not answer the upload of 'x.txt'"):
        hook.send_file_v2(channel_id="alerts", file_uploads={"content": "x", "filename": "x.txt"})
    assert shown(control) == []


@pytest.mark.parametrize("kind", ["lost", "cut", "drop"])
def test_a_file_is_shared_once_whatever_happens(hook, control, kind):
    control.fault(kind, path="completeUpload")
    answer = hook.send_file_v2(channel_id="alerts", file_uploads={"content": "x", "filename": "x.txt"})
    assert answer["files"][0]["name"] == "x.txt"
    assert shown(control) == ["x.txt"]
    assert len(control.calls("completeUpload")) == (2 if kind == "drop" else 1)


def test_whether_a_file_was_shared_cannot_be_asked_without_a_scope(hook, control):
    control.act("scopes", without=["files:read"])
    control.fault("lost", path="completeUpload")
    with pytest.raises(SlackUnclear, match=r"did not answer files.completeUploadExternal"):
        hook.send_file_v2(channel_id="alerts", file_uploads={"content": "x", "filename": "x.txt"})
    assert shown(control) == ["x.txt"]


def test_control_is_of_one_workspace(workspace):
    assert Control(workspace).calls() == []
