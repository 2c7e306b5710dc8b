"""Messages, threads, edits and channels of the stand-in, asked by Slack's own client."""

from __future__ import annotations

import uuid
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.models.blocks import HeaderBlock, SectionBlock


def error_of(action, *args, **kwargs):
    with pytest.raises(SlackApiError) as error:
        action(*args, **kwargs)
    return error.value.response["error"]


def test_where_a_message_may_go(client, control):
    for channel in ("#general", "general", "C0123456789", "#random", "finance"):
        assert client.chat_postMessage(channel=channel, text="x")["ok"]
    for channel, error in (
        ("#nowhere", "channel_not_found"),
        ("board", "channel_not_found"),  # private, and the app is no member
        ("old-news", "is_archived"),
    ):
        assert error_of(client.chat_postMessage, channel=channel, text="x") == error
    control.act("scopes", without=["chat:write.public"])
    assert error_of(client.chat_postMessage, channel="#random", text="x") == "not_in_channel"
    assert client.conversations_join(channel="C0RANDOM")["channel"]["is_member"] is True
    assert client.chat_postMessage(channel="#random", text="x")["ok"]
    assert client.conversations_join(channel="C0RANDOM")["warning"] == "already_in_channel"


def test_a_person_is_written_to(client):
    ann = client.users_lookupByEmail(email="Ann@Example.com")["user"]["id"]
    first = client.chat_postMessage(channel=ann, text="to you")
    second = client.chat_postMessage(channel=ann, text="to you again")
    assert first["channel"] == second["channel"]
    assert first["channel"].startswith("D")
    assert len(client.conversations_history(channel=first["channel"])["messages"]) == 2
    assert error_of(client.users_lookupByEmail, email="x@example.com") == "users_not_found"
    assert error_of(client.users_info, user="U0NOBODY") == "user_not_found"
    assert [one["name"] for one in client.users_list()["members"]] == ["tradewind", "ann", "ben"]


def test_texts_are_kept_as_slack_keeps_them(client):
    told = "a & b < c > d <https://x.example/?a=1&b=2|link> <@U0ANN> &amp; &lt;"
    kept = client.chat_postMessage(channel="general", text=told)["message"]["text"]
    assert kept == "a &amp; b &lt; c &gt; d <https://x.example/?a=1&amp;b=2|link> <@U0ANN> &amp; &lt;"


def test_long_texts_are_cut_when_posted_and_refused_when_edited(client):
    posted = client.chat_postMessage(channel="general", text="x" * 40_001)
    assert len(posted["message"]["text"]) == 40_000
    assert posted["warning"] == "message_truncated"
    assert error_of(client.chat_update, channel=posted["channel"], ts=posted["ts"], text="x" * 4_001) == "msg_too_long"


def test_nothing_to_show(client):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        assert error_of(client.chat_postMessage, channel="general") == "no_text"
        assert client.chat_postMessage(channel="general", blocks=[{"type": "divider"}])["ok"]


@pytest.mark.parametrize(
    ("blocks", "error", "told"),
    [
        ("no JSON", "invalid_blocks_format", ""),
        ({"type": "divider"}, "invalid_blocks_format", ""),
        ([{"type": "divider"}] * 51, "invalid_blocks", "no more than 50 items allowed [json-pointer:/blocks]"),
        ([{"type": "dance"}], "invalid_blocks", "unsupported type: dance [json-pointer:/blocks/0]"),
        ([{"no": "type"}], "invalid_blocks", "missing required field: type [json-pointer:/blocks/0]"),
        ([{"type": "section"}], "invalid_blocks", "missing required field: text [json-pointer:/blocks/0]"),
        (
            [
                SectionBlock(text="x" * 3000).to_dict(),
                {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}},
            ],
            "invalid_blocks",
            "must be less than 3001 characters [json-pointer:/blocks/1/text/text]",
        ),
        (
            [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}],
            "invalid_blocks",
            "unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]",
        ),
        ([{"type": "context", "elements": []}], "invalid_blocks", "missing required field: elements"),
        (
            [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x"}] * 11}],
            "invalid_blocks",
            "no more than 10 items allowed [json-pointer:/blocks/0/fields]",
        ),
        ([{"type": "image"}], "invalid_blocks", "missing required field: image_url"),
    ],
)
def test_blocks_are_checked(client, blocks, error, told):
    with pytest.raises(SlackApiError) as raised:
        client.chat_postMessage(channel="general", text="x", blocks=blocks)
    assert raised.value.response["error"] == error
    assert told in str(raised.value.response.get("errors"))


def test_what_the_models_of_slack_sdk_make_is_taken(client):
    blocks = [HeaderBlock(text="Daily sales"), SectionBlock(text="*7* rows", fields=["*a*", "*b*"])]
    posted = client.chat_postMessage(channel="general", text="x", blocks=blocks)
    assert [one["type"] for one in posted["message"]["blocks"]] == ["header", "section"]
    many = [{"text": "x", "fallback": "x"}] * 101
    assert error_of(client.chat_postMessage, channel="general", text="x", attachments=many) == "too_many_attachments"


def test_threads(client):
    root = client.chat_postMessage(channel="alerts", text="root")
    where = {"channel": "C0ALERTS"}
    assert "thread_ts" not in client.conversations_history(**where)["messages"][0]
    for text in ("one", "two"):
        answer = client.chat_postMessage(**where, text=text, thread_ts=root["ts"])
        assert answer["message"]["thread_ts"] == root["ts"]
    deeper = client.chat_postMessage(**where, text="three", thread_ts=answer["ts"])
    assert deeper["message"]["thread_ts"] == root["ts"]
    client.chat_postMessage(**where, text="for all", thread_ts=root["ts"], reply_broadcast=True)
    shown = client.conversations_history(**where)["messages"]
    assert [one["text"] for one in shown] == ["for all", "root"]
    assert (shown[1]["reply_count"], shown[1]["thread_ts"]) == (4, root["ts"])
    assert shown[1]["latest_reply"] > deeper["ts"]
    thread = client.conversations_replies(**where, ts=root["ts"])["messages"]
    assert [one["text"] for one in thread] == ["root", "one", "two", "three", "for all"]
    pages = [page["messages"] for page in client.conversations_replies(**where, ts=root["ts"], limit=2)]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert error_of(client.chat_postMessage, **where, text="x", thread_ts="1.000001") == "thread_not_found"
    assert error_of(client.conversations_replies, **where, ts="1.000001") == "thread_not_found"


def test_edits(client, control):
    posted = client.chat_postMessage(
        channel="alerts", text="one", blocks=[{"type": "divider"}], metadata={"event_type": "run", "event_payload": {}}
    )
    where = {"channel": posted["channel"], "ts": posted["ts"]}
    edited = client.chat_update(**where, text="two")
    assert (edited["text"], edited["message"]["edited"]["user"]) == ("two", "U0TRADEWIND")
    assert edited["message"]["blocks"], "blocks that are not given stay"
    assert client.chat_update(**where, text="three", blocks=[])["message"].get("blocks") is None
    shown = client.conversations_history(channel="C0ALERTS", include_all_metadata=True)["messages"][0]
    assert (shown["text"], shown["metadata"]) == ("three", {"event_type": "run", "event_payload": {}})
    assert "metadata" not in client.conversations_history(channel="C0ALERTS")["messages"][0]
    assert error_of(client.chat_update, channel="alerts", ts=posted["ts"], text="x") == "channel_not_found"
    assert error_of(client.chat_update, channel="C0ALERTS", ts="1.000001", text="x") == "message_not_found"
    said = control.act("say", channel="alerts", text="mine")
    assert error_of(client.chat_update, channel="C0ALERTS", ts=said, text="x") == "cant_update_message"
    assert error_of(client.chat_delete, channel="C0ALERTS", ts=said) == "cant_delete_message"
    for bad, error in (({"event_type": 1}, "invalid_metadata_format"), ({"a": "x" * 17_000}, "metadata_too_large")):
        metadata = bad if "event_type" in bad else {"event_type": "run", "event_payload": bad}
        assert error_of(client.chat_postMessage, channel="alerts", text="x", metadata=metadata) == error


def test_deleting(client):
    root = client.chat_postMessage(channel="alerts", text="root")
    reply = client.chat_postMessage(channel="alerts", text="reply", thread_ts=root["ts"])
    client.chat_delete(channel="C0ALERTS", ts=root["ts"])
    (shown,) = client.conversations_history(channel="C0ALERTS")["messages"]
    assert (shown["subtype"], shown["reply_count"]) == ("tombstone", 1)
    client.chat_delete(channel="C0ALERTS", ts=reply["ts"])
    assert len(client.conversations_replies(channel="C0ALERTS", ts=root["ts"])["messages"]) == 1
    assert error_of(client.chat_delete, channel="C0ALERTS", ts=reply["ts"]) == "message_not_found"


def test_a_client_msg_id_is_posted_once(client, texts):
    told = {"channel": "alerts", "text": "once", "client_msg_id": str(uuid.uuid4())}
    first, second = (client.api_call("chat.postMessage", json=told) for _ in range(2))
    assert first["ts"] == second["ts"]
    assert texts("alerts") == ["once"]
    elsewhere = {**told, "channel": "general"}
    assert error_of(client.api_call, "chat.postMessage", json=elsewhere) == "duplicate_channel_not_found"
    client.chat_delete(channel="C0ALERTS", ts=first["ts"])
    assert error_of(client.api_call, "chat.postMessage", json=told) == "duplicate_message_not_found"


def test_every_ts_is_unique(client, control):
    control.act("limits", speed=0)
    with ThreadPoolExecutor(8) as pool:
        posted = list(pool.map(lambda n: client.chat_postMessage(channel="alerts", text=str(n))["ts"], range(200)))
    assert len(set(posted)) == 200
    shown = [
        one["ts"] for page in client.conversations_history(channel="C0ALERTS", limit=30) for one in page["messages"]
    ]
    assert shown == sorted(posted, reverse=True)


def test_history_between_two_moments(client):
    first, second, third = (client.chat_postMessage(channel="alerts", text=str(n))["ts"] for n in range(3))

    def texts(**given):
        return [one["text"] for one in client.conversations_history(channel="C0ALERTS", **given)["messages"]]

    assert texts() == ["2", "1", "0"]
    assert texts(oldest=first) == ["2", "1"]
    assert texts(oldest=first, latest=third) == ["1"]
    assert texts(oldest=first, latest=third, inclusive=True) == ["2", "1", "0"]
    assert texts(latest=second) == ["0"]
    assert error_of(client.conversations_history, channel="C0ALERTS", oldest="soon") == "invalid_ts_oldest"
    assert error_of(client.conversations_history, channel="C0RANDOM") == "not_in_channel"
    assert error_of(client.conversations_history, channel="alerts") == "channel_not_found"
    assert error_of(client.conversations_history, channel="C0ALERTS", cursor="x") == "invalid_cursor"
    assert error_of(client.conversations_history, channel="C0ALERTS", limit=-1) == "invalid_limit"


def test_channels_are_listed_in_pages(client, control):
    def names(**given):
        return [one["name"] for page in client.conversations_list(limit=2, **given) for one in page["channels"]]

    assert names() == ["general", "random", "alerts", "old-news"]
    assert names(exclude_archived=True) == ["general", "random", "alerts"]
    assert names(types="private_channel") == ["finance"]
    made = client.conversations_create(name="data")["channel"]
    assert (made["is_member"], names()[-1]) == (True, "data")
    assert client.conversations_info(channel=made["id"], include_num_members=True)["channel"]["num_members"] == 1
    for name, error in (
        ("data", "name_taken"),
        ("Data", "invalid_name_specials"),
        ("x" * 81, "invalid_name_maxlength"),
        ("--", "invalid_name_punctuation"),
    ):
        assert error_of(client.conversations_create, name=name) == error
    assert error_of(client.conversations_list, types="dance") == "invalid_types"
    assert error_of(client.conversations_join, channel="C0OLDNEWS") == "is_archived"


def test_reactions_and_links(client, workspace):
    posted = client.chat_postMessage(channel="alerts", text="x")
    where = {"channel": "C0ALERTS", "timestamp": posted["ts"]}
    client.reactions_add(**where, name="eyes")
    assert error_of(client.reactions_add, **where, name="eyes") == "already_reacted"
    found = client.reactions_get(**where)["message"]["reactions"]
    assert found == [{"name": "eyes", "users": ["U0TRADEWIND"], "count": 1}]
    client.reactions_remove(**where, name="eyes")
    assert client.reactions_get(**where)["message"]["reactions"] == []
    assert error_of(client.reactions_remove, **where, name="eyes") == "no_reaction"
    assert error_of(client.reactions_add, **where, name="No Such") == "invalid_name"
    link = client.chat_getPermalink(channel="C0ALERTS", message_ts=posted["ts"])["permalink"]
    assert link.startswith(f"http://127.0.0.1:{workspace.port}/client/T")
    assert link.endswith(f"/archives/C0ALERTS/p{posted['ts'].replace('.', '')}")


def test_what_one_person_sees(client):
    given = {"channel": "alerts", "text": "psst"}
    assert client.chat_postEphemeral(**given, user="U0ANN")["message_ts"]
    assert error_of(client.chat_postEphemeral, **given, user="U0BEN") == "user_not_in_channel"
    assert client.conversations_history(channel="C0ALERTS")["messages"] == []
