"""Files, webhooks and pages of the stand-in; and the examples of slack_sdk's own README, as they are."""

from __future__ import annotations

import functools
import http.client
import importlib.metadata
import json
import re
import runpy
import urllib.request
from urllib.parse import urlsplit

import pytest
import slack_sdk
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook import WebhookClient

from tradewind.sandbox import Control
from tradewind_slack import SlackWebhookHook


def error_of(action, *args, **kwargs):
    with pytest.raises(SlackApiError) as error:
        action(*args, **kwargs)
    return error.value.response["error"]


def get(url, headers=None):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}), timeout=60) as answer:
        return answer.read(), answer


def send(url, body, headers=None):
    """The status that it is answered with."""
    parts = urlsplit(url)
    conn = http.client.HTTPConnection(parts.netloc, timeout=60)
    try:
        conn.request("POST", parts.path, body, headers or {})
        return conn.getresponse().status
    finally:
        conn.close()


# -- files


def test_a_file_is_uploaded_and_read(client, control):
    root = client.chat_postMessage(channel="alerts", text="root")
    client.files_upload_v2(
        channel="C0ALERTS", content="a,b\n1,2\n", filename="r.csv", initial_comment="Rows", thread_ts=root["ts"]
    )
    (reply,) = control.act("messages", channel="alerts")[0]["replies"]
    (file,) = reply["files"]
    assert (reply["text"], file["name"], file["size"], file["mimetype"]) == ("Rows", "r.csv", 8, "text/csv")
    assert client.files_info(file=file["id"])["content"] == "a,b\n1,2\n"
    assert client.files_list(channel="C0ALERTS")["files"][0]["id"] == file["id"]
    assert client.files_list(channel="C0123456789")["files"] == []
    data, _ = get(file["url_private"], {"Authorization": f"Bearer {client.token}"})
    assert data == b"a,b\n1,2\n"
    data, answer = get(file["url_private_download"])
    assert answer.headers.get_content_type() == "text/html"  # whoever has no token is asked to sign in
    client.files_delete(file=file["id"])
    assert control.act("messages", channel="alerts")[0]["replies"][0].get("files") is None
    assert error_of(client.files_info, file=file["id"]) == "file_not_found"


def test_several_files_in_several_channels(client, control):
    ids = []
    for number in range(3):
        place = client.files_getUploadURLExternal(filename=f"{number}.txt", length=2)
        assert send(place["upload_url"], b"x\n") == 200
        ids.append({"id": place["file_id"]})
    told = {"files": ids, "channels": "C0ALERTS,C0123456789"}
    client.api_call("files.completeUploadExternal", json=told)
    for channel in ("alerts", "general"):
        (message,) = control.act("messages", channel=channel)
        assert [file["name"] for file in message["files"]] == ["0.txt", "1.txt", "2.txt"]
    pages = client.files_list(count=2, page=2)
    assert (pages["paging"]["total"], pages["paging"]["pages"], len(pages["files"])) == (3, 2, 1)


def test_what_is_wrong_with_an_upload(client):
    def upload(channel):
        return client.files_upload_v2(channel=channel, content="x", filename="x.txt")

    assert error_of(upload, "alerts") == "channel_not_found"  # here Slack takes ids only
    assert error_of(upload, "C0RANDOM") == "not_in_channel"
    assert error_of(upload, "C0BOARD") == "channel_not_found"
    assert error_of(upload, "C0OLDNEWS") == "is_archived"
    assert error_of(client.files_getUploadURLExternal, filename="x", length=0) == "invalid_arguments"
    place = client.files_getUploadURLExternal(filename="x.txt", length=3)
    given = {"files": [{"id": place["file_id"]}], "channel_id": "C0ALERTS"}
    assert error_of(client.files_completeUploadExternal, **given) == "file_not_found"  # nothing was sent yet
    for body, status in ((b"toolong", 400), (b"abc", 200), (b"abc", 404)):
        assert send(place["upload_url"], body) == status
    assert client.files_completeUploadExternal(**given)["files"][0]["id"] == place["file_id"]
    assert error_of(client.files_completeUploadExternal, **given) == "file_not_found"  # it is done already


def test_a_form_is_taken_as_well(client):
    place = client.files_getUploadURLExternal(filename="x.txt", length=3)
    body = (
        b'--b\r\nContent-Disposition: form-data; name="filename"; filename="x.txt"\r\n'
        b"Content-Type: text/plain\r\n\r\nabc\r\n--b--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    assert send(place["upload_url"], body, headers) == 200
    client.files_completeUploadExternal(files=[{"id": place["file_id"], "title": "T"}], channel_id="C0ALERTS")
    assert client.files_info(file=place["file_id"])["content"] == "abc"


# -- webhooks


def post(connection, body, content_type="application/json", path=None):
    conn = http.client.HTTPConnection(connection.host, connection.port, timeout=60)
    try:
        place = f"/services/{path or connection.password}"
        conn.request("POST", place, body, {"Content-Type": content_type})
        answer = conn.getresponse()
        return answer.status, answer.read().decode()
    finally:
        conn.close()


def test_a_webhook_answers_as_slack_does(webhook):
    control = Control(webhook)
    team, service, secret = webhook.password.split("/")
    assert post(webhook, json.dumps({"text": "hello", "channel": "#random", "username": "x"})) == (200, "ok")
    form = "payload=%7B%22text%22%3A%22by%20form%22%7D"
    assert post(webhook, form, "application/x-www-form-urlencoded") == (200, "ok")
    for body, told in (
        ("no json", (400, "invalid_payload")),
        ("[]", (400, "invalid_payload")),
        ("{}", (400, "no_text")),
        (json.dumps({"blocks": [{"type": "dance"}]}), (400, "invalid_blocks")),
    ):
        assert post(webhook, body) == told
    assert post(webhook, "{}", path=f"{team}/{service}/wrong") == (404, "no_service")
    assert post(webhook, "{}", path=f"TNOBODY/{service}/{secret}") == (404, "no_team")
    shown = control.act("messages", channel="general")
    assert [one["text"] for one in shown] == ["hello", "by form"]
    assert shown[0]["subtype"] == "bot_message"
    assert "username" not in shown[0]
    control.act("channel", name="general", archived=True)
    assert post(webhook, json.dumps({"text": "x"})) == (410, "channel_is_archived")
    control.act("webhook", active=False)
    assert post(webhook, json.dumps({"text": "x"})) == (404, "no_service")


def test_a_workspace_has_webhooks_for_its_channels(workspace, control, texts):
    path = control.act("webhook", channel="alerts")
    client = WebhookClient(f"http://127.0.0.1:{workspace.port}/services/{path}")
    assert client.send(text="from slack_sdk").body == "ok"
    assert texts("alerts") == ["from slack_sdk"]
    assert control.act("webhook", channel="alerts") == path


def test_a_webhook_is_limited(webhook):
    answers = [post(webhook, '{"text": "x"}')[0] for _ in range(25)]
    assert answers[:20] == [200] * 20
    assert 429 in answers[20:]


# -- pages


def test_a_channel_is_shown(client, control):
    posted = client.chat_postMessage(
        channel="alerts",
        text="*3 tasks* of `daily` failed: <https://x.example/a_b_c|log> <@U0ANN> _see_ ~this~ :x:\n> quoted\n"
        "```a <b>\nc```",
    )
    client.chat_postMessage(channel="alerts", text="an answer", thread_ts=posted["ts"])
    client.chat_update(channel="C0ALERTS", ts=posted["ts"], text=posted["message"]["text"] + " edited")
    client.files_upload_v2(channel="C0ALERTS", content="a,b\n1,<i>2</i>\n", filename="r.csv", title="Rows")
    url = control.act("page", channel="alerts")
    page = get(url)[0].decode()
    for part in (
        "<strong>3 tasks</strong> of <code>daily</code> failed:",
        '<a href="https://x.example/a_b_c" rel="noreferrer">log</a>',
        '<span class="mention">@ann</span> <em>see</em> <del>this</del>',
        "<blockquote>quoted</blockquote>",
        "<pre>a &lt;b&gt;\nc</pre>",
        "(edited)",
        "<summary>1 reply</summary>",
        "<td>&lt;i&gt;2&lt;/i&gt;</td>",
        "<strong>Rows</strong>",
    ):
        assert part in page
    link = client.chat_getPermalink(channel="C0ALERTS", message_ts=posted["ts"])["permalink"]
    assert get(link)[0].decode() == page
    control.act("channel", name="lonely", member=False)
    assert "<small>1 member · times" in get(control.act("page", channel="lonely"))[0].decode()
    root = url.partition("/client")[0]
    assert url.rpartition("/")[0].encode().rpartition(b"/")[2] in get(root)[0]


HOSTILE = (
    '<script>alert(1)</script> "><img src=x onerror=alert(1)> <javascript:alert(1)|click> `<b>` *<u>*\x000\x00 <!x|<b>>'
)


def test_nothing_of_a_text_acts_as_markup(client, control):
    field = {"type": "mrkdwn", "text": HOSTILE}
    elements = [{"type": "text", "text": HOSTILE, "style": {"bold": True}}, {"type": "link", "url": "javascript:x"}]
    rich = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}
    blocks = [{"type": "section", "text": field, "fields": [field]}, {"type": "markdown", "text": HOSTILE}, rich]
    attachment = {
        "color": '"><script>',
        "title": HOSTILE,
        "text": HOSTILE,
        "fields": [{"title": HOSTILE, "value": "<b>"}],
    }
    client.chat_postMessage(channel="alerts", text=HOSTILE, username=HOSTILE)
    client.chat_postMessage(channel="alerts", text="x", blocks=blocks, attachments=[attachment], icon_emoji=HOSTILE)
    client.files_upload_v2(channel="C0ALERTS", content=HOSTILE, filename=f"{HOSTILE}.csv", title=HOSTILE)
    body, answer = get(control.act("page", channel="alerts"))
    page = body.decode().partition("</style>")[2]
    tags = set(re.findall(r"<(\w+)", page))
    allowed = (
        "body nav strong a b main header h1 small div span article p pre code em del br table tr td details summary"
    )
    assert tags <= {*allowed.split(), "blockquote", "hr", "i"}
    assert not re.search(r"<[^>]*\son\w+=|href=\"(?!/|#|https?:)", page)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_there_is_no_such_page(workspace):
    for path in ("/nowhere", "/client/TNOBODY", "/client/TNOBODY/files/F1"):
        with pytest.raises(urllib.error.HTTPError) as error:
            get(f"http://127.0.0.1:{workspace.port}{path}")
        assert error.value.code == 404
        error.value.close()


# -- what others wrote


def test_the_examples_of_slack_sdk_run(client, workspace, texts, hook, monkeypatch, tmp_path, capsys):
    """They name no address of Slack, which is an argument of the client: whoever runs them sets its default."""
    about = importlib.metadata.metadata("slack_sdk")
    text = about["Description"] or about.get_payload()
    examples = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    synchronous = [code for code in examples if "import WebClient\n" in code and "SLACK_BOT_TOKEN" in code]
    assert len(synchronous) >= 2
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tmp.txt").write_text("a line\n")
    monkeypatch.setenv("SLACK_BOT_TOKEN", workspace.password)
    monkeypatch.setattr(slack_sdk, "WebClient", functools.partial(slack_sdk.WebClient, base_url=hook.api_url))
    for code in synchronous[:2]:
        (tmp_path / "example.py").write_text(code)
        runpy.run_path("example.py")
    assert "Got an error" not in capsys.readouterr().out
    assert texts("random") == ["Hello world!"]
    assert client.files_list(channel="C0123456789")["files"][0]["name"] == "tmp.txt"


def test_the_hook_of_a_webhook_posts(webhook):
    SlackWebhookHook("alerts").send_text("hello")
    assert [one["text"] for one in Control(webhook).act("messages", channel="general")] == ["hello"]
