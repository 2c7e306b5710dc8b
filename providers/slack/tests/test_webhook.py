"""SlackWebhookHook: its address, what it sends again, and that nobody learns the URL."""

from __future__ import annotations

import json
import logging

import pytest

from tradewind.connection import Connection
from tradewind.errors import BrokenConnection
from tradewind.sandbox import Control
from tradewind.testing import faults
from tradewind_slack import SlackError, SlackUnclear, SlackWebhookHook

PATH = "T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"


@pytest.fixture
def control(webhook):
    return Control(webhook)


@pytest.fixture
def hook(webhook):
    return SlackWebhookHook("alerts")


@pytest.fixture
def texts(control):
    return lambda: [message["text"] for message in control.act("messages", channel="general")]


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({"password": PATH}, f"https://hooks.slack.com/services/{PATH}"),
        ({"password": f"/{PATH}/"}, f"https://hooks.slack.com/services/{PATH}"),
        ({"password": f"services/{PATH}"}, f"https://hooks.slack.com/services/{PATH}"),
        ({"password": f"https://hooks.slack-gov.com/services/{PATH}"}, f"https://hooks.slack-gov.com/services/{PATH}"),
        ({"password": PATH, "host": "hooks.slack.com/services"}, f"https://hooks.slack.com/services/{PATH}"),
        ({"password": PATH, "host": "https://hooks.slack.com/services/"}, f"https://hooks.slack.com/services/{PATH}"),
        ({"password": PATH, "host": "127.0.0.1", "port": 80, "schema": "http"}, f"http://127.0.0.1:80/services/{PATH}"),
    ],
)
def test_the_address(given, url):
    made = Connection("x", "slackwebhook", **given)
    assert made.get_hook().client.url == url
    assert Connection.from_uri(made.get_uri(), "x").get_hook().client.url == url


def test_the_type_has_the_names_that_people_write():
    for scheme in ("slackwebhook", "slack-webhook", "slack_webhook"):
        assert Connection.from_uri(f"{scheme}://:{PATH.replace('/', '%2F')}@").conn_type == "slackwebhook"


@pytest.mark.parametrize("password", [None, "xoxb-1-2", "T0/B0", "https://hooks slack"])
def test_what_is_no_webhook(password):
    with pytest.raises(BrokenConnection, match=r"put the webhook's whole URL there, or T\.\.\./B\.\.\./X") as error:
        Connection("x", "slackwebhook", password=password).get_hook().get_conn()
    assert not password or password not in str(error.value)


def test_messages(hook, control):
    hook.send(text="one", blocks=[{"type": "divider"}])
    hook.send_text("two", unfurl_links=False)
    hook.send_dict({"text": "three"})
    hook.send_dict(json.dumps({"attachments": [{"text": "four"}]}))
    shown = control.act("messages", channel="general")
    assert [one["text"] for one in shown] == ["one", "two", "three", ""]
    assert (shown[0]["blocks"][0]["type"], shown[3]["attachments"][0]["text"]) == ("divider", "four")
    with pytest.raises(ValueError, match=r"must be a JSON object, not list"):
        hook.send_dict("[1]")


@pytest.mark.parametrize("name", ["channel", "username", "icon_emoji", "icon_url"])
def test_what_slack_would_ignore_is_refused(hook, texts, name):
    with pytest.raises(ValueError, match=rf"'{name}' in the body of a message has no effect: a webhook posts"):
        hook.send_dict({"text": "x", name: "y"})
    assert texts() == []


def test_what_is_refused_is_explained(webhook, hook, control, caplog):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(SlackError, match=r"Connection 'alerts': Slack refused the webhook: no_text. There is nothing"):
        hook.send(text="")
    control.act("webhook", active=False)
    with pytest.raises(SlackError, match=r"no_service. The webhook was removed, or its URL is wrong") as error:
        hook.send(text="x")
    assert (error.value.error, error.value.status) == ("no_service", 404)
    for secret in webhook.password.split("/")[2:]:
        assert secret not in str(error.value) + caplog.text


def test_what_is_sent_again(hook, control, texts):
    for status in (429, 500, 503):
        control.clear()
        control.fault("status", status=status, times=2, headers={"Retry-After": "0"})
        hook.send(text=str(status))
        assert [call.status for call in control.calls()] == [status, status, 200]
    assert texts() == ["429", "500", "503"]
    for status in (502, 504):  # by a gateway: Slack itself may have posted it
        control.clear()
        control.fault("status", status=status)
        with pytest.raises(SlackError, match=rf"refused the webhook: .*{status}|rollup_error"):
            hook.send(text=str(status))
        assert len(control.calls()) == 1


def test_what_may_have_been_posted_is_not_sent_again(webhook, hook, control, texts):
    for number, kind in enumerate(("lost", "cut"), 1):
        control.clear()
        control.fault(kind)
        with pytest.raises(
            SlackUnclear, match=r"did not answer the webhook to its end: .* It may have been done"
        ) as error:
            hook.send(text=kind)
        assert (len(control.calls()), len(texts())) == (1, number)
        assert webhook.password not in f"{error.value} {error.value.__cause__} {error.value.__context__}"


def test_slack_is_not_there(webhook, connection):
    broken = Connection.from_uri(webhook.get_uri(), "alerts")
    broken.port = faults.closed_port()
    connection("alerts", broken)
    with pytest.raises(SlackError, match=rf"cannot reach Slack at 127\.0\.0\.1:{broken.port} for the webhook"):
        SlackWebhookHook("alerts").send(text="x")


def test_a_test_posts_nothing(hook, control, texts):
    works, told = hook.test_connection()
    assert works
    assert "nothing was posted" in told
    assert texts() == []
    control.act("webhook", active=False)
    works, told = hook.test_connection()
    assert not works
    assert "no_service" in told
