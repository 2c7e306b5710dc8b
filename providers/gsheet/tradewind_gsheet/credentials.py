"""From the key of a connection to credentials of google-auth. The key is in no message, and is masked everywhere."""

from __future__ import annotations

import base64
import binascii
import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tradewind.errors import BrokenConnection
from tradewind.secrets import mask_secret
from tradewind_gsheet.errors import LoginRefused
from tradewind_gsheet.settings import Settings

#: The kinds of key that are read, by their field `type`.
KINDS = ("service_account", "authorized_user", "external_account", "impersonated_service_account")


def make(settings: Settings) -> Any:
    """Credentials with the scopes of the connection, which fetch their first token when they need one.

    Raises BrokenConnection for a key that cannot be read, LoginRefused if there is none and the machine is not logged
    in with Google either.
    """
    made = _own(settings)
    if settings.token_uri and hasattr(made, "with_token_uri"):
        made = made.with_token_uri(settings.token_uri)
    if settings.impersonation_chain:
        made = _impersonated(made, settings)
    if settings.quota_project and hasattr(made, "with_quota_project"):
        made = made.with_quota_project(settings.quota_project)
    return made


def who(credentials: Any) -> str | None:
    """The e-mail that spreadsheets are to be shared with, if the credentials tell it."""
    for name in ("service_account_email", "account"):
        found = getattr(credentials, name, None)
        if isinstance(found, str) and "@" in found:
            return found
    return None


def _own(settings: Settings) -> Any:
    if not settings.keys:
        return _of_the_machine(settings)
    [(name, value)] = settings.keys.items()
    key = _content(value, settings) if name == "keyfile_dict" else _file(name, value, settings)
    mask_secret(key, "keyfile_dict")
    return _from_key(key, f"{name} of connection {settings.conn_id!r}", settings)


def _from_key(key: dict[str, Any], what: str, settings: Settings) -> Any:
    kind = key.get("type")
    if kind not in KINDS:
        told = f"its type is {kind!r}" if isinstance(kind, str) else "it has no type"
        raise BrokenConnection(f"The {what} is no key: {told}, and keys are of the type {', '.join(KINDS)}.")
    try:
        if kind == "service_account":
            from google.oauth2 import service_account

            known: Any = service_account.Credentials
            return known.from_service_account_info(key, scopes=settings.scopes)
        if kind == "authorized_user":
            from google.oauth2 import credentials

            user: Any = credentials.Credentials
            return user.from_authorized_user_info(key, scopes=settings.scopes)
        return _general(key, settings)
    except Exception as error:  # whatever a broken key provokes; its message may have parts of it
        absent = [name for name in ("client_email", "token_uri", "private_key") if not key.get(name)]
        if kind == "service_account" and absent:
            raise BrokenConnection(
                f"The {what} is no key of a service account: it lacks {', '.join(absent)}."
            ) from None
        raise BrokenConnection(
            f"The {what} cannot be used ({type(error).__name__}): a key of the type {kind!r} whose content is broken. "
            "Take it as Google's console gives it, with the line breaks of its private_key."
        ) from None


def _general(key: dict[str, Any], settings: Settings) -> Any:
    import google.auth

    with warnings.catch_warnings():
        # It warns of keys from strangers; whoever writes connections chooses the key.
        warnings.simplefilter("ignore", DeprecationWarning)
        load: Any = google.auth.load_credentials_from_dict
        made, _ = load(key, scopes=settings.scopes)
    return made


def _of_the_machine(settings: Settings) -> Any:
    import google.auth
    from google.auth.exceptions import DefaultCredentialsError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a person's login counts for no project
            made, _ = google.auth.default(scopes=settings.scopes)
    except DefaultCredentialsError as error:
        variable = "GOOGLE_APPLICATION_CREDENTIALS"
        told = f" {variable} leads to a file that is no key." if os.environ.get(variable) else ""
        raise LoginRefused(
            f"Connection {settings.conn_id!r} has no key, and this machine is not logged in with Google either.{told} "
            "Add key_path= or keyfile_dict= to the connection, or run `gcloud auth application-default login`."
        ) from error
    return made


def _impersonated(source: Any, settings: Settings) -> Any:
    from google.auth import impersonated_credentials

    *delegates, target = settings.impersonation_chain
    where = None
    if settings.endpoint:
        where = f"{settings.endpoint}/v1/projects/-/serviceAccounts/{target}:generateAccessToken"
    kind: Any = impersonated_credentials.Credentials
    return kind(
        source_credentials=source,
        target_principal=target,
        delegates=[f"projects/-/serviceAccounts/{one.rpartition('/')[2]}" for one in delegates],
        target_scopes=list(settings.scopes),
        iam_endpoint_override=where,
    )


def _file(name: str, value: str, settings: Settings) -> dict[str, Any]:
    path = Path(value).expanduser()
    what = f"Connection {settings.conn_id!r}: {name} leads to {value}"
    if name == "key_path" and path.suffix == ".p12":
        raise BrokenConnection(f"{what}, a key in the old form P12; make a new one, in JSON.")
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BrokenConnection(f"{what}, which cannot be read: {error.strerror}.") from None
    except ValueError:
        raise BrokenConnection(f"{what}, which is no text.") from None
    found = _object(text)
    if found is None:
        raise BrokenConnection(f"{what}, which is not the JSON of a key.")
    return found


def _content(value: Any, settings: Settings) -> dict[str, Any]:
    """The key in an extra: an object, its text, or base64 of that."""
    if isinstance(value, Mapping):
        return dict(value)
    found = _object(value) if isinstance(value, str) else None
    if found is None and isinstance(value, str):
        try:
            text = base64.b64decode("".join(value.split()), altchars=b"-_", validate=True)
            found = _object(text.decode("utf-8"))
        except (binascii.Error, ValueError):
            found = None
    if found is None:
        raise BrokenConnection(
            f"Connection {settings.conn_id!r}: keyfile_dict is neither the JSON of a key nor base64 of it."
        )
    return found


def _object(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
