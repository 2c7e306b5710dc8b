"""The part of STS that clients need: who am I, and temporary credentials for a role."""

from __future__ import annotations

import base64
import binascii
import datetime
import json
import re
import secrets
from collections.abc import Mapping
from xml.sax.saxutils import escape

from tradewind.sandbox import Response
from tradewind_aws.sandbox.accounts import Account, Session, open_session
from tradewind_aws.sandbox.answers import error

_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::(?P<account>\d{12}):role/(?:.*/)?(?P<name>[\w+=,.@-]{1,64})\Z")
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}\Z")

#: Seconds that a session of a role may last.
_SHORTEST, _LONGEST = 900, 43_200


def answer(account: Account, access_key: str, form: Mapping[str, str], now: datetime.datetime) -> Response:
    """Answer a request that is signed with this key of the account."""
    action = form.get("Action", "")
    if action == "GetCallerIdentity":
        return _identity(account, access_key)
    if action == "AssumeRole":
        return assume_role(account, form, now)
    if action == "GetSessionToken":
        session = open_session(account, account.arn, _user(account), _LONGEST, now)
        return _result(action, _credentials(session))
    return error("query", "InvalidAction", f"The sandbox of STS knows no action {action!r}.", 400)


def assume_role(account: Account, form: Mapping[str, str], now: datetime.datetime) -> Response:
    """Credentials for any role; it need not exist. What is done with them is done to the account that asks."""
    role = _ROLE.match(form.get("RoleArn", ""))
    name = form.get("RoleSessionName", "")
    seconds = form.get("DurationSeconds", "3600")
    if role is None:
        return _invalid(f"{form.get('RoleArn', '')} is invalid")
    if not _SESSION_NAME.match(name):
        return _invalid(f"Value '{name}' at 'roleSessionName' failed to satisfy constraint")
    if not seconds.isdigit() or not _SHORTEST <= int(seconds) <= _LONGEST:
        return _invalid("The requested DurationSeconds exceeds the limits of this role.")
    arn = f"arn:aws:sts::{role['account']}:assumed-role/{role['name']}/{name}"
    user = f"AROA{secrets.token_hex(8).upper()}:{name}"
    session = open_session(account, arn, user, int(seconds), now)
    who = f"<AssumedRoleUser><AssumedRoleId>{escape(user)}</AssumedRoleId><Arn>{escape(arn)}</Arn></AssumedRoleUser>"
    return _result(form["Action"], _credentials(session) + who)


def assume_role_with_web_identity(account: Account | None, form: Mapping[str, str], now: datetime.datetime) -> Response:
    """As `assume_role`, for who shows a JSON Web Token that has not ended. Its signature is not looked at."""
    try:
        body = form.get("WebIdentityToken", "").split(".")[1]
        ends = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))).get("exp")
    except (IndexError, ValueError, AttributeError, binascii.Error):
        message = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
        return error("query", "InvalidIdentityToken", message, 400)
    if ends is not None and now.timestamp() > ends:
        return error("query", "ExpiredTokenException", "Token expired: the web identity token has ended", 400)
    if account is None:
        return error("query", "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403)
    return assume_role(account, form, now)


def _identity(account: Account, access_key: str) -> Response:
    session = account.sessions.get(access_key)
    arn = session.arn if session else account.arn
    user = session.user if session else _user(account)
    inner = f"<Arn>{escape(arn)}</Arn><UserId>{escape(user)}</UserId><Account>{arn.split(':')[4]}</Account>"
    return _result("GetCallerIdentity", inner)


def _user(account: Account) -> str:
    return "AIDA" + account.access_key[4:]


def _credentials(session: Session) -> str:
    ends = session.ends.strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        f"<Credentials><AccessKeyId>{session.access_key}</AccessKeyId>"
        f"<SecretAccessKey>{session.secret}</SecretAccessKey><SessionToken>{session.token}</SessionToken>"
        f"<Expiration>{ends}</Expiration></Credentials>"
    )


def _invalid(message: str) -> Response:
    return error("query", "ValidationError", message, 400)


def _result(action: str, inner: str) -> Response:
    request_id = secrets.token_hex(16)
    xml = (
        f'<{action}Response xmlns="{_NAMESPACE}"><{action}Result>{inner}</{action}Result>'
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{action}Response>"
    )
    return Response(xml.encode(), headers={"Content-Type": "text/xml"})
