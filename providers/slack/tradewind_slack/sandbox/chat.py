"""The methods `chat.*`: messages are posted, edited and deleted."""

from __future__ import annotations

from tradewind_slack.sandbox.calls import Answer, Call, Refused, method
from tradewind_slack.sandbox.content import LONGEST_EDITED, content_of
from tradewind_slack.sandbox.limits import POSTING, SPECIAL, TIER_3, TIER_4
from tradewind_slack.sandbox.model import Channel, Message
from tradewind_slack.sandbox.shapes import shape_message
from tradewind_slack.sandbox.workspace import BOT, Workspace


def place_of(call: Call, name: str = "channel") -> Channel:
    """Where a message is to go: a channel by id or name, or a person. Raises Refused."""
    wanted = call.needed(name)
    workspace = call.workspace
    if wanted in workspace.users:
        call.require_scope("im:write", "chat:write")
        return workspace.direct_messages(wanted)
    found = workspace.channels.get(wanted) or workspace.channel_named(wanted)
    inside = found is not None and BOT in found.members
    if found is None or (found.is_private and not inside):
        raise Refused("channel_not_found")
    if found.is_archived:
        raise Refused("is_archived")
    if not inside and "chat:write.public" not in call.token.scopes:
        raise Refused("not_in_channel")
    return found


@method("chat.postMessage", POSTING, "chat:write")
def post_message(call: Call) -> Answer:
    workspace = call.workspace
    channel = place_of(call)
    content = content_of(call)
    if content.is_empty:
        raise Refused("no_text")
    again = workspace.sent(call.text("client_msg_id"))
    if again is not None:
        return _repeated(workspace, channel, again)
    if call.text("username") or call.text("icon_emoji") or call.text("icon_url"):
        call.require_scope("chat:write.customize")
    message = Message(
        channel.id,
        workspace.next_ts(),
        BOT,
        thread_ts=thread_of(call, channel),
        broadcast=call.flag("reply_broadcast"),
        username=call.text("username"),
        icon=call.text("icon_emoji") or call.text("icon_url"),
        subtype="bot_message" if call.text("username") else "",
        client_msg_id=call.text("client_msg_id"),
        mrkdwn=call.flag("mrkdwn", True),
    )
    content.apply(message)
    workspace.add_message(message)
    return _posted(workspace, message)


def _repeated(workspace: Workspace, channel: Channel, message: Message) -> Answer:
    """The answer to a message whose `client_msg_id` came before: that message is not posted a second time."""
    if message.channel != channel.id:
        raise Refused("duplicate_channel_not_found")
    if workspace.message(message.channel, message.ts) is None:
        raise Refused("duplicate_message_not_found")
    return _posted(workspace, message)


def _posted(workspace: Workspace, message: Message) -> Answer:
    return {"channel": message.channel, "ts": message.ts, "message": shape_message(workspace, message)}


def thread_of(call: Call, channel: Channel) -> str:
    """The root of the thread that a call names; of a reply that of its own thread."""
    wanted = call.text("thread_ts")
    if not wanted:
        return ""
    found = call.workspace.message(channel.id, wanted)
    if found is None:
        raise Refused("thread_not_found")
    return found.thread_ts or found.ts


@method("chat.postEphemeral", TIER_4, "chat:write")
def post_ephemeral(call: Call) -> Answer:
    """Nobody but one person would see it, for a while; so it is checked, and not kept."""
    channel = place_of(call)
    if content_of(call).is_empty:
        raise Refused("no_text")
    if call.needed("user") not in channel.members:
        raise Refused("user_not_in_channel")
    return {"message_ts": call.workspace.next_ts()}


@method("chat.update", TIER_3, "chat:write")
def update(call: Call) -> Answer:
    workspace = call.workspace
    message = own_message(call, "ts", "cant_update_message")
    content = content_of(call, LONGEST_EDITED, cut=False)
    if content.is_empty and not (content.text is None and content.metadata is not None):
        raise Refused("no_text")
    content.apply(message)
    message.edited_by, message.edited_ts = BOT, workspace.next_ts()
    workspace.save(message)
    shown = shape_message(workspace, message)
    return {"channel": message.channel, "ts": message.ts, "text": message.text, "message": shown}


@method("chat.delete", TIER_3, "chat:write")
def delete(call: Call) -> Answer:
    message = own_message(call, "ts", "cant_delete_message")
    call.workspace.remove_message(message)
    return {"channel": message.channel, "ts": message.ts}


def own_message(call: Call, name: str, error: str) -> Message:
    """A message of the app, in a channel named by its id. Raises Refused."""
    channel = call.seen_channel()
    message = call.workspace.message(channel.id, call.needed(name))
    if message is None or message.subtype == "tombstone":
        raise Refused("message_not_found")
    if message.user != BOT or message.by_webhook:
        raise Refused(error)
    return message


@method("chat.getPermalink", SPECIAL)
def get_permalink(call: Call) -> Answer:
    workspace = call.workspace
    channel = call.seen_channel()
    message = workspace.message(channel.id, call.needed("message_ts"))
    if message is None:
        raise Refused("message_not_found")
    return {"channel": channel.id, "permalink": permalink(workspace, message)}


def permalink(workspace: Workspace, message: Message) -> str:
    """The address of a message on the page of its channel."""
    thread = f"?thread_ts={message.thread_ts}&cid={message.channel}" if message.is_reply else ""
    moment = message.ts.replace(".", "")
    return f"{workspace.url}/client/{workspace.team}/archives/{message.channel}/p{moment}{thread}"
