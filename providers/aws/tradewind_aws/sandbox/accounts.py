"""The accounts of the sandbox: one for each tenant, with its keys, and the sessions that STS gave out for it."""

from __future__ import annotations

import base64
import datetime
import secrets
import string
import threading
from dataclasses import dataclass, field, replace

from tradewind_aws.sandbox.answers import Refused
from tradewind_aws.sandbox.signing import Claim

_LETTERS = string.ascii_uppercase + string.digits


@dataclass(frozen=True)
class Session:
    """Temporary credentials of an assumed role."""

    access_key: str
    secret: str
    token: str
    ends: datetime.datetime
    arn: str  #: of the assumed role
    user: str  #: `AROA...:session-name`


@dataclass
class Account:
    """What belongs to one tenant."""

    number: str
    access_key: str
    secret: str
    conn_type: str
    buckets_on_write: bool = False
    sessions: dict[str, Session] = field(default_factory=dict)  #: by access key

    @property
    def arn(self) -> str:
        return f"arn:aws:iam::{self.number}:user/sandbox"


class Accounts:
    """All accounts, by the name of their tenant. Any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_name: dict[str, Account] = {}

    def make(self, name: str, conn_type: str) -> tuple[Account, bool]:
        """The tenant's account, and whether it is new."""
        with self._lock:
            new = name not in self._by_name
            if new:
                number = str(secrets.randbelow(9 * 10**11) + 10**11)
                self._by_name[name] = Account(number, _key("AKIA"), secrets.token_hex(20), conn_type)
            return self._by_name[name], new

    def get(self, name: str) -> Account:
        return self._by_name[name]

    def drop(self, name: str) -> Account | None:
        with self._lock:
            return self._by_name.pop(name, None)

    def owner_of(self, access_key: str) -> str | None:
        """The tenant that an access key is of, its own or that of a session."""
        with self._lock:
            for name, account in self._by_name.items():
                if access_key == account.access_key or access_key in account.sessions:
                    return name
        return None

    def owner_of_role(self, arn: str) -> str | None:
        """The tenant that a role belongs to. If there is but one tenant, every role is its own."""
        with self._lock:
            for name, account in self._by_name.items():
                if f"::{account.number}:" in arn:
                    return name
            return next(iter(self._by_name)) if len(self._by_name) == 1 else None

    def secret_for(self, claim: Claim, now: datetime.datetime) -> tuple[Account, str]:
        """The account and the secret that a request should be signed with. Raises Refused."""
        name = self.owner_of(claim.access_key)
        if name is None:
            raise Refused("key")
        account = self._by_name[name]
        if claim.access_key == account.access_key:
            if claim.token:
                raise Refused("token")
            return account, account.secret
        session = account.sessions[claim.access_key]
        if claim.token != session.token:
            raise Refused("token")
        if now >= session.ends:
            raise Refused("token ended")
        return account, session.secret


def open_session(account: Account, arn: str, user: str, seconds: int, now: datetime.datetime) -> Session:
    """New credentials for an account."""
    token = base64.b64encode(secrets.token_bytes(120)).decode()
    ends = now + datetime.timedelta(seconds=seconds)
    session = Session(_key("ASIA"), secrets.token_hex(20), token, ends, arn, user)
    account.sessions[session.access_key] = session
    return session


def expire_sessions(account: Account, now: datetime.datetime) -> int:
    """End all sessions of an account; answers how many there were."""
    account.sessions = {key: replace(session, ends=now) for key, session in account.sessions.items()}
    return len(account.sessions)


def _key(prefix: str) -> str:
    return prefix + "".join(secrets.choice(_LETTERS) for _ in range(16))
