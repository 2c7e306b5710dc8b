"""Who asks: the exchange of a signed assertion for an access token, and what a token allows."""

from __future__ import annotations

import base64
import binascii
import datetime
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tradewind_gsheet.sandbox.project import Account, Project
from tradewind_gsheet.sandbox.refusals import Refused, error_info

#: Whom Google's libraries write assertions to, wherever they send them.
AUDIENCE = "https://oauth2.googleapis.com/token"

#: How long a token, and an assertion, is good for, and how much clocks may differ.
LIFETIME = 3600  # seconds
SKEW = 300  # seconds

_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_SCOPE = "https://www.googleapis.com/auth/"

#: What a person has agreed to who has logged in.
PERSONAL_SCOPES = frozenset({f"{_SCOPE}spreadsheets", f"{_SCOPE}drive"})

#: What acting as somebody else needs.
_IMPERSONATION = frozenset({f"{_SCOPE}cloud-platform", f"{_SCOPE}iam"})
_GET_TOKEN = "iam.serviceAccounts.getAccessToken"

_TIMEFRAME = (
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
    "Check your iat and exp values in the JWT claim."
)
_NO_DELEGATION = (
    "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the "
    "scopes requested."
)
_EXPECTED = (
    "Expected OAuth 2 access token, login cookie or other valid authentication credential. "
    "See https://developers.google.com/identity/sign-in/web/devconsole-project."
)


class GrantRefused(Exception):
    """No token is given."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.body = {"error": error, "error_description": description}


@dataclass(frozen=True)
class Caller:
    """Who asks, on whose files, and with which scopes."""

    project: Project
    email: str  #: empty for somebody with nothing but an API key
    scopes: frozenset[str]

    @property
    def only_own_files(self) -> bool:
        """The scope `drive.file`: nothing but what was made with it."""
        wide = {f"{_SCOPE}{name}" for name in ("drive", "drive.readonly", "spreadsheets", "spreadsheets.readonly")}
        return bool(self.email) and not self.scopes & wide


@dataclass(frozen=True)
class _Token:
    project: str
    email: str
    scopes: frozenset[str]
    expires: float


class Keys:
    """The key pair with which the service accounts of this server sign. It is one for all: making one takes a while."""

    def __init__(self, pem: str) -> None:
        from cryptography.hazmat.primitives import serialization

        self.pem = pem
        private = serialization.load_pem_private_key(pem.encode(), None)
        public = private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self._public = private.public_key()
        self.id = base64.b16encode(public[-43:-23]).decode().lower()

    @classmethod
    def make(cls) -> Keys:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import rsa

        made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = made.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return cls(pem.decode())

    def signed(self, message: bytes, signature: bytes) -> bool:
        """Whether this is the signature of our key, by RS256."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
        from cryptography.hazmat.primitives.hashes import SHA256

        assert isinstance(self._public, RSAPublicKey)
        try:
            self._public.verify(signature, message, PKCS1v15(), SHA256())
        except InvalidSignature:
            return False
        return True


def key_file(project: Project, account: Account, keys: Keys, url: str) -> dict[str, str]:
    """The contents of the key file of a service account, with the address of the sandbox for its tokens."""
    return {
        "type": "service_account",
        "project_id": project.id,
        "private_key_id": keys.id,
        "private_key": keys.pem,
        "client_email": account.email,
        "client_id": account.client_id,
        "auth_uri": f"{url}/o/oauth2/auth",
        "token_uri": f"{url}/token",
        "auth_provider_x509_cert_url": f"{url}/oauth2/v1/certs",
        "client_x509_cert_url": f"{url}/robot/v1/metadata/x509/{account.email}",
        "universe_domain": "googleapis.com",
    }


class Tokens:
    """The tokens that were given. Whoever uses it holds a lock."""

    def __init__(self, keys: Keys, url: str, clock: Callable[[], float]) -> None:
        self._keys = keys
        self._audiences = (AUDIENCE, f"{url}/token")
        self._clock = clock
        self._given: dict[str, _Token] = {}

    def exchange(self, form: Mapping[str, str], projects: Mapping[str, Project]) -> dict[str, Any]:
        """A token for an assertion, or for the refresh token of a person. Raises GrantRefused."""
        if form.get("grant_type") == "refresh_token":
            return self._refreshed(form.get("refresh_token", ""), form.get("scope", ""), projects)
        if form.get("grant_type") != _GRANT:
            raise GrantRefused("unsupported_grant_type", f"Invalid grant_type: {form.get('grant_type', '')}")
        assertion = form.get("assertion", "")
        claims = claims_of(assertion)
        if claims is None:
            raise GrantRefused("invalid_grant", "Invalid JWT: must be a signed JWT of three parts.")
        issuer = str(claims.get("iss", ""))
        project = next((one for one in projects.values() if issuer in one.accounts), None)
        if project is None:
            raise GrantRefused("invalid_grant", "Invalid grant: account not found")
        if project.accounts[issuer].disabled:
            raise GrantRefused("invalid_grant", "Invalid grant: account disabled")
        self._check(assertion, claims)
        scopes = frozenset(str(claims.get("scope", "")).split())
        if not scopes:
            raise GrantRefused("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        token = self._give(project.name, issuer, scopes, LIFETIME)
        return {"access_token": token, "expires_in": LIFETIME - 1, "token_type": "Bearer"}

    def _give(self, project: str, email: str, scopes: frozenset[str], lifetime: float) -> str:
        token = "ya29.c." + secrets.token_urlsafe(48)
        self._given[token] = _Token(project, email, scopes, self._clock() + lifetime)
        return token

    def _refreshed(self, refresh: str, scope: str, projects: Mapping[str, Project]) -> dict[str, Any]:
        project = next((one for one in projects.values() if refresh in one.people), None)
        if project is None:
            raise GrantRefused("invalid_grant", "Token has been expired or revoked.")
        scopes = frozenset(scope.split()) or PERSONAL_SCOPES
        token = self._give(project.name, project.people[refresh], scopes, LIFETIME)
        told = {"access_token": token, "expires_in": LIFETIME - 1, "token_type": "Bearer"}
        return {**told, "scope": " ".join(sorted(scopes))}

    def impersonate(self, caller: Caller, target: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """A token with which the caller acts as a service account, over others if need be. Raises Refused."""
        check_scopes(caller, _IMPERSONATION, "GenerateAccessToken", "iamcredentials.googleapis.com")
        chain = [caller.email, *(str(one).rpartition("/")[2] for one in body.get("delegates") or ()), target]
        allowed = caller.project.stand_ins
        if target not in caller.project.accounts or any(pair not in allowed for pair in pairwise(chain)):
            info = error_info("IAM_PERMISSION_DENIED", "iam.googleapis.com", permission=_GET_TOKEN)
            told = f"Permission '{_GET_TOKEN}' denied on resource (or it may not exist)."
            raise Refused(told, 403, details=[info])
        lifetime = float(str(body.get("lifetime", f"{LIFETIME}s")).removesuffix("s"))
        if not body.get("scope") or not 0 < lifetime <= LIFETIME:
            raise Refused("Request contains an invalid argument.")
        token = self._give(caller.project.name, target, frozenset(body["scope"]), lifetime)
        ends = datetime.datetime.fromtimestamp(self._clock() + lifetime, datetime.UTC)
        return {"accessToken": token, "expireTime": ends.strftime("%Y-%m-%dT%H:%M:%SZ")}

    def _check(self, assertion: str, claims: Mapping[str, Any]) -> None:
        message, _, signature = assertion.rpartition(".")
        header = _part(assertion.partition(".")[0])
        known = header.get("alg") == "RS256" and header.get("kid", self._keys.id) == self._keys.id
        if not known or not self._keys.signed(message.encode(), _bytes(signature)):
            raise GrantRefused("invalid_grant", "Invalid JWT Signature.")
        if claims.get("aud") not in self._audiences:
            raise GrantRefused("invalid_grant", "Invalid JWT: Failed audience check.")
        now, issued, expires = self._clock(), claims.get("iat"), claims.get("exp")
        if not isinstance(issued, int | float) or not isinstance(expires, int | float):
            raise GrantRefused("invalid_grant", _TIMEFRAME)
        if issued > now + SKEW or expires < now - SKEW or expires - issued > LIFETIME + SKEW or expires <= issued:
            raise GrantRefused("invalid_grant", _TIMEFRAME)
        if claims.get("sub"):
            raise GrantRefused("unauthorized_client", _NO_DELEGATION)

    def project_of(self, token: str) -> str | None:
        """The name of the project that a token was given for, even if it is expired."""
        found = self._given.get(token)
        return found.project if found else None

    def caller(self, token: str, key: str, projects: Mapping[str, Project]) -> Caller:
        """Who has this token, or this API key. Raises Refused."""
        if not token:
            project = next((one for one in projects.values() if key and key == one.api_key), None)
            if project is None:
                raise _anonymous(key)
            return Caller(project, "", frozenset())
        found = self._given.get(token)
        project = projects.get(found.project) if found else None
        if found is None or project is None or found.expires <= self._clock():
            info = error_info("ACCESS_TOKEN_EXPIRED" if found else "ACCESS_TOKEN_TYPE_UNSUPPORTED")
            told = f"Request had invalid authentication credentials. {_EXPECTED}"
            raise Refused(told, 401, details=[info], location="Authorization")
        return Caller(project, found.email, found.scopes)

    def forget(self, project: str) -> None:
        """No token of a project is good any more."""
        self._given = {name: token for name, token in self._given.items() if token.project != project}

    def expire(self, project: str) -> int:
        """Let the tokens of a project be expired. Answers how many that are."""
        mine = {name: token for name, token in self._given.items() if token.project == project}
        ended = {name: _Token(token.project, token.email, token.scopes, 0) for name, token in mine.items()}
        self._given |= ended
        return len(ended)


def check_scopes(caller: Caller, allowed: frozenset[str], method: str, service: str) -> None:
    """Raises Refused if none of the scopes allows the method."""
    if not caller.email or caller.scopes & allowed:
        return
    info = error_info("ACCESS_TOKEN_SCOPE_INSUFFICIENT", method=method, service=service)
    raise Refused(
        "Request had insufficient authentication scopes.", 403, details=[info], reason="insufficientPermissions"
    )


def _anonymous(key: str) -> Refused:
    if key:
        details = [error_info("API_KEY_INVALID", service="sheets.googleapis.com")]
        return Refused("API key not valid. Please pass a valid API key.", 400, details=details)
    return Refused(
        "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other "
        "form of API consumer identity to call this API.",
        403,
    )


def claims_of(assertion: str) -> dict[str, Any] | None:
    """What an assertion says, unchecked; None if it is none."""
    parts = assertion.split(".")
    return _part(parts[1]) or None if len(parts) == 3 else None


def _part(text: str) -> dict[str, Any]:
    try:
        found = json.loads(_bytes(text))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _bytes(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return b""
