"""The methods `auth.*`, `api.*`, `users.*` and `reactions.*`."""

from __future__ import annotations

import re

from tradewind_slack.sandbox.calls import Answer, Call, Refused, method
from tradewind_slack.sandbox.limits import SPECIAL, TIER_2, TIER_3, TIER_4
from tradewind_slack.sandbox.model import Message
from tradewind_slack.sandbox.shapes import shape_message, shape_reactions, shape_user
from tradewind_slack.sandbox.workspace import BOT, BOT_ID

_EMOJI = re.compile(r"[a-z0-9_'+-]+(?:::skin-tone-[2-6])?")


@method("auth.test", SPECIAL)
def auth_test(call: Call) -> Answer:
    workspace = call.workspace
    return {
        "url": f"{workspace.url}/client/{workspace.team}/",
        "team": workspace.name,
        "user": workspace.users[BOT].name,
        "team_id": workspace.team,
        "user_id": BOT,
        "bot_id": BOT_ID,
        "is_enterprise_install": False,
    }


@method("users.list", TIER_2, "users:read")
def users_list(call: Call) -> Answer:
    page, cursor = call.page(list(call.workspace.users.values()), call.number("limit", 1000, 1000))
    email = "users:read.email" in call.token.scopes
    return {
        "members": [shape_user(call.workspace, one, email=email) for one in page],
        "response_metadata": {"next_cursor": cursor},
    }


@method("users.info", TIER_4, "users:read")
def users_info(call: Call) -> Answer:
    found = call.workspace.users.get(call.needed("user"))
    if found is None:
        raise Refused("user_not_found")
    return {"user": shape_user(call.workspace, found, email="users:read.email" in call.token.scopes)}


@method("users.lookupByEmail", TIER_3, "users:read.email")
def lookup_by_email(call: Call) -> Answer:
    wanted = call.needed("email").lower()
    found = next((one for one in call.workspace.users.values() if one.email.lower() == wanted), None)
    if found is None:
        raise Refused("users_not_found")
    return {"user": shape_user(call.workspace, found, email=True)}


@method("reactions.add", TIER_3, "reactions:write")
def add_reaction(call: Call) -> Answer:
    name = call.needed("name").strip(":")
    if not _EMOJI.fullmatch(name):
        raise Refused("invalid_name")
    message = _message(call)
    people = message.reactions.get(name, [])
    if BOT in people:
        raise Refused("already_reacted")
    message.reactions = {**message.reactions, name: [*people, BOT]}
    call.workspace.save(message)
    return {}


@method("reactions.remove", TIER_2, "reactions:write")
def remove_reaction(call: Call) -> Answer:
    name = call.needed("name").strip(":")
    message = _message(call)
    people = [one for one in message.reactions.get(name, []) if one != BOT]
    if people == message.reactions.get(name, []):
        raise Refused("no_reaction")
    message.reactions = {key: found for key, found in {**message.reactions, name: people}.items() if found}
    call.workspace.save(message)
    return {}


@method("reactions.get", TIER_3, "reactions:read")
def get_reactions(call: Call) -> Answer:
    message = _message(call)
    shown = shape_message(call.workspace, message) | {"reactions": shape_reactions(message)}
    return {"type": "message", "channel": message.channel, "message": shown}


def _message(call: Call) -> Message:
    channel = call.seen_channel()
    found = call.workspace.message(channel.id, call.needed("timestamp"))
    if found is None:
        raise Refused("message_not_found")
    return found
