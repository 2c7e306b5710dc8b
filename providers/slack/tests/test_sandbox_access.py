"""The stand-in lets in whom Slack lets in: tokens, scopes, rate limits, and the forms in which a call may come."""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlencode

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from tradewind.errors import SandboxError
from tradewind.sandbox import Control
from tradewind_slack import SlackSandbox


def refused(action, *args, **kwargs):
    """What Slack answers."""
    with pytest.raises(SlackApiError) as error:
        action(*args, **kwargs)
    return error.value.response


def ask(workspace, path, body=b"", headers=None, method="POST"):
    conn = http.client.HTTPConnection(workspace.host, workspace.port, timeout=60)
    try:
        conn.request(method, path, body, headers or {})
        answer = conn.getresponse()
        return answer.status, json.loads(answer.read()), answer.headers
    finally:
        conn.close()


def test_tokens(hook, client, control, workspace):
    assert client.auth_test()["user"] == "tradewind"
    assert refused(WebClient(token="xoxb-wrong", base_url=hook.api_url).auth_test)["error"] == "invalid_auth"
    assert ask(workspace, "/api/auth.test")[1] == {"ok": False, "error": "not_authed"}
    for state in ("token_revoked", "token_expired", "account_inactive"):
        control.act("token", state=state)
        assert refused(client.auth_test)["error"] == state
    control.act("token")
    assert client.auth_test()["ok"]


def test_scopes(client, control):
    answer = client.auth_test()
    assert "chat:write" in answer.headers["X-OAuth-Scopes"].split(",")
    control.act("scopes", scopes=["users:read"])
    told = refused(client.chat_postMessage, channel="#general", text="x")
    assert (told["error"], told["needed"], told["provided"]) == ("missing_scope", "chat:write", "users:read")
    assert told.headers["X-Accepted-OAuth-Scopes"] == "chat:write"
    assert "email" not in client.users_info(user="U0ANN")["user"]["profile"]
    assert refused(client.users_lookupByEmail, email="ann@example.com")["needed"] == "users:read.email"
    control.act("scopes", without=["groups:history", "groups:read"])
    assert refused(client.conversations_history, channel="C0FINANCE")["needed"] == "groups:history"
    assert refused(client.conversations_info, channel="C0FINANCE")["needed"] == "groups:read"
    assert refused(client.conversations_list, types="public_channel,private_channel")["needed"] == "groups:read"
    assert client.conversations_history(channel="C0ALERTS")["ok"]


def test_posting_under_another_name_needs_a_scope(client, control):
    posted = client.chat_postMessage(channel="general", text="x", username="loader", icon_emoji=":rocket:")
    assert (posted["message"]["username"], posted["message"]["icons"]) == ("loader", {"emoji": ":rocket:"})
    control.act("scopes", without=["chat:write.customize"])
    told = refused(client.chat_postMessage, channel="general", text="x", username="loader")
    assert told["needed"] == "chat:write.customize"


def test_forms_of_a_call(workspace):
    token = workspace.password
    bearer = {"Authorization": f"Bearer {token}"}
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    blocks = [{"type": "divider"}]
    told = {"channel": "general", "text": "by form & more", "blocks": json.dumps(blocks)}
    _, answer, _ = ask(workspace, "/api/chat.postMessage", urlencode(told), {**bearer, **form})
    assert answer["message"]["blocks"] == [{"block_id": "b0", "type": "divider"}]
    assert answer["message"]["text"] == "by form &amp; more"
    _, answer, _ = ask(workspace, "/api/auth.test", urlencode({"token": token}), form)
    assert answer["ok"] is True
    _, answer, _ = ask(workspace, "/api/conversations.info?channel=C0ALERTS", headers=bearer, method="GET")
    assert answer["channel"]["name"] == "alerts"
    as_json = {"Content-Type": "application/json; charset=utf-8"}
    _, answer, _ = ask(workspace, "/api/auth.test", json.dumps({"token": token}), as_json)
    assert answer["error"] == "not_authed"  # with JSON the token must be in the header
    assert ask(workspace, "/api/auth.test", b"{", {**bearer, **as_json})[1]["error"] == "invalid_json"
    assert ask(workspace, "/api/auth.test", b"[]", {**bearer, **as_json})[1]["error"] == "json_not_object"
    told = ask(workspace, "/api/chat.dance", headers=bearer)[1]
    assert told == {"ok": False, "error": "unknown_method", "req_method": "chat.dance"}
    assert ask(workspace, "/api/api.test", urlencode({"a": 1}), form)[1] == {"ok": True, "args": {"a": "1"}}
    assert ask(workspace, "/api/api.test", urlencode({"error": "no"}), form)[1]["error"] == "no"


def test_what_is_missing_is_named(client):
    told = refused(client.api_call, "conversations.info")
    assert told["error"] == "invalid_arguments"
    assert told["response_metadata"] == {"messages": ["[ERROR] missing required field: channel"]}


def test_messages_to_a_channel_are_limited(hook, control, texts):
    impatient = WebClient(token=hook.client.token, base_url=hook.api_url, retry_handlers=[])

    def post(count):
        for number in range(count):
            impatient.chat_postMessage(channel="#alerts" if number % 2 else "C0ALERTS", text=str(number))

    control.act("limits", speed=0.001)  # so that nothing comes free meanwhile, on however slow a machine
    post(20)
    told = refused(post, 1)
    assert (told.status_code, told["error"]) == (429, "ratelimited")
    assert 900 <= int(told.headers["Retry-After"]) <= 1000
    assert impatient.chat_postMessage(channel="general", text="another channel")["ok"]
    control.act("limits", speed=1000)
    for number in range(50):
        hook.client.chat_postMessage(channel="general", text=str(number))
    assert len(texts()) == 51


def test_tiers_are_those_that_slack_documents(hook, control):
    impatient = WebClient(token=hook.client.token, base_url=hook.api_url, retry_handlers=[])
    control.act("limits", speed=0.001)
    for method, most in (("conversations.list", 20), ("conversations.history", 50), ("users.info", 100)):
        arguments = {"channel": "C0ALERTS", "user": "U0ANN"}
        for _ in range(most):
            impatient.api_call(method, params=arguments)
        told = refused(impatient.api_call, method, params=arguments)
        assert told.status_code == 429
        wait = 60 / most * 1000
        assert wait - 100 <= int(told.headers["Retry-After"]) <= wait
    control.act("limits", speed=0)
    assert impatient.conversations_list()["ok"]


def test_workspaces_see_nothing_of_each_other(sandbox, client, texts):
    other = sandbox("slack")
    client.chat_postMessage(channel="general", text="mine")
    assert Control(other).act("messages", channel="general") == []
    assert texts() == ["mine"]


def test_actions_say_what_is_wrong(control):
    with pytest.raises(SandboxError, match=r"has no action 'dance'; it has channel, file"):
        control.act("dance")
    with pytest.raises(SandboxError, match=r"The action 'say' .* missing 1 required positional argument"):
        control.act("say", channel="general")
    with pytest.raises(SandboxError, match=r"There is no channel 'nowhere'"):
        control.act("page", channel="nowhere")
    with pytest.raises(SandboxError, match=r"There is nobody called 'zoe'"):
        control.act("say", channel="general", text="x", user="zoe")


def test_a_folder_keeps_the_workspace(tmp_path):
    with SlackSandbox(folder=tmp_path) as first:
        client, control = first.get_hook().client, Control(first)
        root = client.chat_postMessage(channel="alerts", text="kept")
        client.chat_postMessage(channel="alerts", text="an answer", thread_ts=root["ts"])
        gone = client.chat_postMessage(channel="alerts", text="deleted")
        client.chat_delete(channel="C0ALERTS", ts=gone["ts"])
        client.chat_update(channel="C0ALERTS", ts=root["ts"], text="kept and edited")
        client.files_upload_v2(channel="C0ALERTS", content="a,b\n", filename="a.csv")
        before = control.act("messages", channel="alerts")
    with SlackSandbox(folder=tmp_path) as second:
        assert second.password == first.password
        after = Control(second).act("messages", channel="alerts")
        assert [one["text"] for one in after] == ["kept and edited", ""]
        assert after[0]["replies"] == before[0]["replies"]
        assert Control(second).act("file", file_id=after[1]["files"][0]["id"]) == "a,b\n"
        posted = second.get_hook().call("chat.postMessage", json={"channel": "alerts", "text": "later"})
        assert posted["ts"] > after[1]["ts"]
