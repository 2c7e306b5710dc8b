"""What errors of botocore mean, in words: with the connection, the place and what to do, and never with a secret."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tradewind.secrets import redact
from tradewind_aws import errors
from tradewind_aws.errors import AwsError

if TYPE_CHECKING:
    from tradewind_aws.connecting import AwsSettings

#: Codes of services -> kind of error and what to do. HEAD has no body, so its codes are numbers.
_CODES: dict[str, tuple[type[AwsError], str]] = {
    "AccessDenied": (errors.AccessDenied, "Its policy must allow this, or another connection is needed."),
    "BucketAlreadyExists": (errors.BucketExists, "Bucket names are shared by all accounts; choose another."),
    "BucketAlreadyOwnedByYou": (errors.BucketExists, ""),
    "BucketNotEmpty": (AwsError, "Empty it first, or give force_delete=True."),
    "AccessControlListNotSupported": (AwsError, "The bucket takes no ACLs: leave acl_policy out."),
    "ConditionalRequestConflict": (AwsError, "Somebody else writes the same object right now; try again."),
    "PreconditionFailed": (errors.KeyExists, "Give replace=True to replace it."),
    "NoSuchBucket": (errors.NoSuchBucket, "Check its name; create_bucket makes one."),
    "NoSuchKey": (errors.NoSuchKey, ""),
    "ParameterNotFound": (errors.NoSuchResource, ""),
    "ResourceNotFoundException": (errors.NoSuchResource, ""),
    "NoSuchEntity": (errors.NoSuchResource, ""),
    "InvalidAccessKeyId": (errors.BadCredentials, "The access key (login) is not known there."),
    "InvalidClientTokenId": (errors.BadCredentials, "The access key (login) is not known there."),
    "UnrecognizedClientException": (errors.BadCredentials, "The access key (login) is not known there."),
    "SignatureDoesNotMatch": (
        errors.BadCredentials,
        "The secret key (password) is wrong; in a URI special characters may be written %XX.",
    ),
    "InvalidSignatureException": (errors.BadCredentials, "The secret key (password) is wrong."),
    "AuthFailure": (errors.BadCredentials, "The keys are wrong."),
    "ExpiredToken": (errors.BadCredentials, "The session token has expired: get a new one."),
    "ExpiredTokenException": (errors.BadCredentials, "The session token has expired: get a new one."),
    "InvalidToken": (errors.BadCredentials, "The session token (aws_session_token) is wrong or not of these keys."),
    "RequestTimeTooSkewed": (AwsError, "The clock of this machine is wrong."),
    "PermanentRedirect": (errors.WrongRegion, "Give the connection its region_name."),
    "AuthorizationHeaderMalformed": (errors.WrongRegion, "Give the connection its region_name."),
    "IllegalLocationConstraintException": (errors.WrongRegion, "Give the connection that region_name."),
    "SlowDown": (AwsError, "It is asked too much; ask less at once, or later."),
    "301": (errors.WrongRegion, "Give the connection its region_name."),
    "403": (errors.AccessDenied, "The keys are wrong, or may not do this; test_connection() says which."),
    "412": (errors.KeyExists, "Give replace=True to replace it."),
}

#: The same things in the words of services that answer in JSON.
_SAME = {
    "AccessDeniedException": "AccessDenied",
    "AllAccessDisabled": "AccessDenied",
    "ThrottlingException": "SlowDown",
}

#: Classes of botocore without an answer -> kind of error and what to do.
_UNANSWERED: tuple[tuple[str, str], ...] = (
    ("ConnectTimeoutError", "it timed out; check host, port and firewall, or raise config_kwargs.connect_timeout."),
    ("ReadTimeoutError", "it timed out waiting for an answer; config_kwargs.read_timeout gives it more time."),
    ("ProxyConnectionError", "the proxy does not answer; check config_kwargs.proxies and HTTPS_PROXY."),
    ("SSLError", "TLS failed; tls=false is plain HTTP, verify= names the certificates to trust."),
    ("EndpointConnectionError", "check host and port, that it runs, and that this machine can look its name up."),
    ("ConnectionClosedError", "it closed the connection without an answer; tls=false is plain HTTP."),
)

#: The answer began, and broke off.
_BROKEN_OFF = ("IncompleteReadError", "ResponseStreamingError", "HTTPClientError")

_NO_CREDENTIALS = (
    "NoCredentialsError",
    "PartialCredentialsError",
    "CredentialRetrievalError",
    "SSOError",
    "TokenRetrievalError",
    "LoginError",
)


@dataclass(frozen=True)
class Subject:
    """What a call was about."""

    bucket: str | None = None
    key: str | None = None
    thing: str = ""  #: if it is not S3: "the secret 'x'"

    def __str__(self) -> str:
        if self.bucket and self.key:
            return f"s3://{self.bucket}/{self.key}"
        return f"the bucket {self.bucket!r}" if self.bucket else self.thing


def explained(error: BaseException, settings: AwsSettings, place: str, subject: Subject) -> AwsError | None:
    """The error in our words; None if it is none of boto3's. `place` is the server that was asked."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError
    from s3transfer.exceptions import RetriesExceededError

    if isinstance(error, Boto3Error) and isinstance(error.__context__, (BotoCoreError, ClientError)):
        error = error.__context__  # what boto3's transfers wrap
    if isinstance(error, RetriesExceededError):
        return errors.AwsUnreachable(
            redact(f"{settings.who}, {place}: {subject}: the answer broke off, again and again.")
        )
    if isinstance(error, ClientError):
        return _answered(error, settings, place, subject)
    if isinstance(error, (BotoCoreError, Boto3Error)):
        return _unanswered(error, settings, place)
    return None


def _answered(error: Any, settings: AwsSettings, place: str, subject: Subject) -> AwsError:
    """A service said no."""
    said = error.response.get("Error") or {}
    code = str(said.get("Code") or "")
    kind, hint = _kind(code, said, subject)
    region = _region(error.response)
    if kind is errors.WrongRegion and region:
        hint = f"It is in {region}: give the connection region_name={region}."
    message = " ".join(str(said.get("Message") or "").split())
    quoted = f" ({code}: {message}" if message and not code.isdigit() else f" ({code}" if code else ""
    what = _role(error, settings) or _what(kind, error, subject)
    told = kind(redact(f"{settings.who}, {place}: {what}{quoted[:400]}{')' if quoted else ''}. {hint}".rstrip()))
    told.code, told.response = code or None, error.response
    return told


def _kind(code: str, said: dict[str, Any], subject: Subject) -> tuple[type[AwsError], str]:
    """The kind of error, and what to do."""
    known = _SAME.get(code, code)
    if known in ("404", "NotFound") and subject.bucket:
        known = "NoSuchKey" if subject.key else "NoSuchBucket"
    if known == "PreconditionFailed" and said.get("Condition", "If-None-Match") != "If-None-Match":
        return AwsError, "Somebody else has changed it meanwhile."
    return _CODES.get(known, (AwsError, ""))


def _what(kind: type[AwsError], error: Any, subject: Subject) -> str:
    thing = str(subject)
    if kind is errors.NoSuchBucket:
        return f"the bucket {subject.bucket!r} does not exist" if subject.bucket else "the bucket does not exist"
    if kind in (errors.NoSuchKey, errors.NoSuchResource):
        return f"{thing or 'what was asked for'} does not exist"
    if kind in (errors.KeyExists, errors.BucketExists):
        return f"{thing or 'it'} is there already"
    if kind is errors.WrongRegion:
        return f"{thing or 'the bucket'} is in another region"
    if kind is errors.BadCredentials:
        return "the credentials are refused"
    called = str(getattr(error, "operation_name", "") or "the call")
    return f"{called} of {thing} is refused" if thing else f"{called} is refused"


def _role(error: Any, settings: AwsSettings) -> str:
    """What to say if the call itself was not made yet, since its credentials could not be had."""
    if getattr(error, "operation_name", "") in ("AssumeRole", "AssumeRoleWithWebIdentity") and settings.role_arn:
        return f"the role {settings.role_arn} cannot be taken on"
    return ""


def _region(response: dict[str, Any]) -> str | None:
    headers = (response.get("ResponseMetadata") or {}).get("HTTPHeaders") or {}
    return headers.get("x-amz-bucket-region") or (response.get("Error") or {}).get("Region")


def _unanswered(error: BaseException, settings: AwsSettings, place: str) -> AwsError:
    """Nothing was sent, or nothing came back."""
    who = settings.who
    names = [kind.__name__ for kind in type(error).__mro__]
    if "ProfileNotFound" in names:
        return errors.BadCredentials(
            f"{who}: {error}. It is named by profile_name of the connection, or else by AWS_PROFILE: name one that is "
            "there, or none."
        )
    if any(name in names for name in _NO_CREDENTIALS):
        return errors.BadCredentials(
            redact(f"{who}, {place}: there are no credentials: {error}. Give the connection a login and a password.")
        )
    if "NoRegionError" in names:
        return AwsError(f"{who}, {place}: no region is known; give the connection region_name=.")
    for name, hint in _UNANSWERED:
        if name in names:
            return errors.AwsUnreachable(redact(f"{who} cannot reach {place}: {hint}"))
    if any(name in names for name in _BROKEN_OFF):
        return errors.AwsUnreachable(redact(f"{who}, {place}: the answer broke off."))
    message = re.sub(r"\s+", " ", str(error))[:300]
    return AwsError(redact(f"{who}, {place}: {message}"))
