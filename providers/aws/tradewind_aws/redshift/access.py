"""What lets Redshift reach S3: a role, or else credentials, which nothing but the statement itself may show."""

from __future__ import annotations

from dataclasses import dataclass, field

from tradewind.errors import UsageError
from tradewind.secrets import redact
from tradewind_aws.redshift.words import Literals
from tradewind_aws.s3.hook import S3Hook

#: So many characters of a secret in a row give it away.
_TELLING = 8


@dataclass(frozen=True)
class Access:
    """A part of COPY and UNLOAD."""

    clause: str = field(repr=False)
    shown: str  #: the same for people
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def told(self, error: Exception) -> str:
        """What the server said, without the pieces of the statement that it quotes."""
        lines = str(error).splitlines()
        quoting = [place for place, line in enumerate(lines) if line.startswith("LINE ")]
        hidden = {*quoting, *(place + 1 for place in quoting)}  # the next has a caret
        kept = [line.strip() for place, line in enumerate(lines) if place not in hidden and not self._given_away(line)]
        return redact(" ".join(filter(None, kept))) or "it refuses"

    def _given_away(self, line: str) -> bool:
        return any(
            secret[place : place + _TELLING] in line
            for secret in self.secrets
            for place in range(max(1, len(secret) - _TELLING + 1))
        )


def access(hook: S3Hook, iam_role: str | None, literal: Literals) -> Access:
    """By the role, that of the connection otherwise, or by the connection's credentials as they are now."""
    settings = hook.conn_config
    if not settings.speaks_to_aws("s3"):
        raise UsageError(f"{settings.who} leads to a store that is not AWS, and which Redshift cannot reach.")
    role = iam_role or settings.role_arn
    if role:
        clause = "IAM_ROLE default" if role == "default" else f"IAM_ROLE {literal(role)}"
        return Access(clause, clause)
    found = hook.get_credentials()
    words = [("ACCESS_KEY_ID", found.access_key), ("SECRET_ACCESS_KEY", found.secret_key)]
    if found.token:
        words.append(("SESSION_TOKEN", found.token))
    return Access(
        " ".join(f"{word} {literal(value)}" for word, value in words),
        " ".join(f"{word} '***'" for word, _ in words),
        tuple(value for _, value in words),
    )
