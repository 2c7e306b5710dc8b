"""Keeps secrets out of whatever is shown: logs, streams, exceptions, structures.

Every secret that this process has seen is remembered, together with the forms in which it turns up elsewhere: URL
encoded, escaped as in JSON or a Python repr, quoted for a shell, base64. Text is masked by looking for these forms;
structures are masked by the names of their keys as well.

The memory is a plain dict that is only added to, without a lock, so that a process forked at any moment can go on.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus

from tradewind import settings
from tradewind.errors import SettingError

T = TypeVar("T")

#: What is shown in place of a secret.
MASK = "***"

#: A key whose name contains one of these is secret; case does not matter, and `-` is `_`.
SECRET_WORDS = (
    "access_key",
    "access_token",
    "api_key",
    "apikey",
    "auth_header",
    "authorization",
    "bearer",
    "connection_string",
    "credential",
    "dsn",
    "keyfile_dict",
    "passphrase",
    "passwd",
    "password",
    "private_key",
    "proxies",
    "proxy",
    "secret",
    "service_account",
    "service_key",
    "token",
    "webhook_url",
)

#: Secrets up to this length are masked only where they stand as a word of their own: `abc` is not masked in `abcess`.
SHORT = 4

#: Lines of a secret of several lines are masked one by one from this length on.
LINE = 5

#: Values under a secret name that say nothing and would only make text unreadable.
_HARMLESS = frozenset({"", "true", "false", "none", "null"})

#: What a key file of Google holds beside its secrets: it is needed to read a message ("share it with etl@...").
_PUBLIC_IN_KEY_FILES = frozenset(
    {
        "type",
        "project_id",
        "client_email",
        "client_id",
        "quota_project_id",
        "auth_uri",
        "token_uri",
        "auth_provider_x509_cert_url",
        "client_x509_cert_url",
        "universe_domain",
    }
)

_known: dict[str, None] = {}  #: every form of every secret
_compiled: tuple[int, re.Pattern[str] | None] = (0, None)  #: size of `_known` when compiled, and the pattern


def mask_secret(secret: Any, name: str | None = None) -> None:
    """Remember a secret: from now on it is masked wherever tradewind shows text.

    With `name`, the value of a key of that name: nothing is remembered unless the name says that it is secret. Of a
    dict or list the values are remembered; of a dict without a secret name, those under secret names; of a key file of
    Google, those that are secret.
    """
    if isinstance(secret, Mapping):
        public = _PUBLIC_IN_KEY_FILES if {"type", "private_key"} <= secret.keys() else ()
        for key, value in secret.items():
            if key in public:
                continue
            secret_here = name is None or is_secret_name(name)
            mask_secret(value, name if secret_here else str(key))
    elif isinstance(secret, (list, tuple, set, frozenset)):
        for value in secret:
            mask_secret(value, name)
    elif name is None or is_secret_name(name):
        if isinstance(secret, bytes):
            secret = secret.decode("utf-8", "replace")
        if isinstance(secret, str) and secret != MASK and (name is None or secret.strip().lower() not in _HARMLESS):
            _remember(secret)
            _mask_json(secret)


def mask_credentials(login: str, password: str) -> None:
    """Remember a password, and the form in which HTTP sends it together with the login."""
    mask_secret(password)
    if password.strip():
        _known.setdefault(base64.b64encode(f"{login}:{password}".encode("utf-8", "replace")).decode())


def is_secret_name(name: str) -> bool:
    """Whether a key of this name holds a secret, by the words in it."""
    return _has_secret_word(name.lower().replace("-", "_").replace(" ", "_"))


def redact(value: T, name: str | None = None, *, depth: int = 20) -> T:
    """A copy of `value` with every known secret, and every value under a secret name, masked.

    `name` is the key that `value` belongs to. Values that are neither text nor containers are returned as they are.
    """
    return _redact(value, name is not None and is_secret_name(name), depth)  # type: ignore[no-any-return]


def redact_exception(error: BaseException) -> BaseException:
    """Mask an exception in place: its arguments, attributes and notes, and those of its causes and members."""
    todo, seen = [error], set[int]()
    while todo:
        found = todo.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        _redact_one(found)
        todo += [linked for linked in (found.__cause__, found.__context__) if linked is not None]
        if isinstance(found, BaseExceptionGroup):
            todo += found.exceptions
    return error


def forget_secrets() -> None:
    """Forget every secret, for tests."""
    global _compiled
    _known.clear()
    _compiled = (0, None)
    _secret_words.cache_clear()
    _has_secret_word.cache_clear()


def known_forms() -> list[str]:
    """Every form of every known secret."""
    return list(_known)


def pattern() -> re.Pattern[str] | None:
    """What matches any form of any known secret; None while there is no secret."""
    global _compiled
    size, compiled = _compiled
    if size != len(_known):
        forms = sorted(known_forms(), key=len, reverse=True)
        compiled = re.compile("|".join(map(_expression, forms))) if forms else None
        _compiled = (len(forms), compiled)
    return compiled


def mask_text(text: str) -> str:
    """`text` with every known secret masked."""
    found = pattern()
    return found.sub(MASK, text) if found is not None else text


def _mask_json(secret: str) -> None:
    """A secret that is itself a JSON object, such as a key file: its own secret parts turn up alone."""
    if secret.lstrip().startswith("{"):
        try:
            mask_secret(json.loads(secret), "")
        except (ValueError, RecursionError):
            return


def _remember(secret: str) -> None:
    for form in _forms(secret):
        if form.strip():
            _known.setdefault(form)
    lines = secret.splitlines()
    if len(lines) > 1:
        for line in lines:
            line = line.strip()
            if len(line) >= LINE and not line.startswith("-----"):
                for form in _forms(line):
                    _known.setdefault(form)


def _forms(secret: str) -> Iterable[str]:
    yield secret
    yield secret.strip()
    plain = secret.encode("utf-8", "replace")
    for quoted in (quote(plain, safe=""), quote(plain), quote_plus(plain), quote(plain, safe="/:@!$&'()*+,;=")):
        yield quoted
        yield re.sub("%[0-9A-F]{2}", lambda found: found.group().lower(), quoted)
    yield quote(quote(plain, safe=""), safe="")
    for escaped in (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]):
        yield escaped
        yield json.dumps(escaped)[1:-1]
    if "'" in secret:
        yield secret.replace("'", "'\"'\"'")
        yield secret.replace("'", "'\\''")
        yield repr(secret + '"')[1:-2]
    escaped = secret.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    yield escaped
    yield escaped.replace('"', "&#34;").replace("'", "&#39;")
    yield escaped.replace('"', "&quot;").replace("'", "&#x27;")
    yield base64.b64encode(plain).decode()
    yield base64.urlsafe_b64encode(plain).decode().rstrip("=")


def _expression(form: str) -> str:
    """A form that is longer than `SHORT` is masked anywhere, a shorter one where no letter or digit touches it.

    A percent escape or backslash escape in front of it does not count as a letter or digit.
    """
    quoted = re.escape(form)
    return quoted if len(form) > SHORT else rf"(?:(?<![^\W_])|(?<=%[0-9A-Fa-f]{{2}})|(?<=\\[nrtbf])){quoted}(?![^\W_])"


@lru_cache(maxsize=1)
def _secret_words() -> tuple[str, ...]:
    try:
        more = settings.read().sensitive_names
    except SettingError:  # told by whoever needs the setting that is wrong; masking must go on
        more = ()
    return (*SECRET_WORDS, *(word.strip().lower().replace("-", "_") for word in more))


@lru_cache(maxsize=4096)
def _has_secret_word(name: str) -> bool:
    return any(word in name for word in _secret_words())


def _redact(value: Any, secret: bool, depth: int) -> Any:
    if isinstance(value, str):
        return MASK if secret and value else mask_text(value)
    if value is None or isinstance(value, (bool, type)):
        return value
    if isinstance(value, (bytes, bytearray)):
        text: str = _redact(value.decode("utf-8", "surrogateescape"), secret, depth)
        return type(value)(text.encode("utf-8", "surrogateescape"))
    if isinstance(value, (int, float, complex)):
        return MASK if secret else value
    if isinstance(value, (Mapping, list, tuple, set, frozenset)):
        return _redact_container(value, secret, depth - 1) if depth > 0 else MASK
    if isinstance(value, BaseException):
        return mask_text(str(value))
    return MASK if secret else value


def _redact_container(value: Any, secret: bool, depth: int) -> Any:
    if isinstance(value, Mapping):
        return {
            _redact(key, False, depth): _redact(item, secret or (isinstance(key, str) and is_secret_name(key)), depth)
            for key, item in value.items()
        }
    items = [_redact(item, secret, depth) for item in value]
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        names = [is_secret_name(name) for name in value._fields]
        return type(value)(*(_redact(item, secret or named, depth) for item, named in zip(value, names)))
    kind = next(known for known in (list, tuple, set, frozenset) if isinstance(value, known))
    return kind(items)


def _redact_one(error: BaseException) -> None:
    attributes = ["args", *vars(error)]
    if isinstance(error, OSError):
        attributes += ["strerror", "filename", "filename2"]
    if isinstance(error, SyntaxError):
        attributes += ["msg", "text", "filename"]
    for attribute in attributes:
        value = getattr(error, attribute)
        if not isinstance(value, (str, bytes, list, tuple, dict)):
            continue
        masked = _redact(value, is_secret_name(attribute), 20)
        if masked != value:
            # An exception that will not be changed is left: the text made of it is masked when it is written.
            with contextlib.suppress(AttributeError, TypeError):
                setattr(error, attribute, masked)
