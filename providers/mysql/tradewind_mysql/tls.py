"""How a connection is encrypted: from `ssl_mode` and its companions to what PyMySQL takes.

The modes are those of MySQL's own clients. Without one, a CA file means VERIFY_CA, a client certificate REQUIRED, and
else PREFERRED: encrypted if the server can, and never checked.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tradewind_mysql.extras import SSL_MODES

DISABLED, PREFERRED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY = SSL_MODES

#: Keys of the extra `ssl`, as mysqlclient and PyMySQL have them, and the extras that mean the same.
_MAPPING = {
    "ca": "ssl_ca",
    "capath": "ssl_capath",
    "cert": "ssl_cert",
    "key": "ssl_key",
    "password": "ssl_key_password",
    "cipher": "ssl_cipher",
    "mode": "ssl_mode",
    "check_hostname": "ssl_verify_identity",
    "verify_mode": "ssl_verify_cert",
}
_NO = (None, False, "", "none", "0", "false", "no", 0)


class TlsError(ValueError):
    """Why TLS cannot be set up as the connection says. The message is a clause that names the extra."""


@dataclass(frozen=True)
class Tls:
    """What a connection says about encryption."""

    mode: str
    ca: str | None = None
    capath: str | None = None
    cert: str | None = None
    key: str | None = None
    key_password: str | None = field(default=None, repr=False)
    cipher: str | None = None

    @classmethod
    def from_extras(cls, extras: Mapping[str, Any], *, socket: bool = False, secret_needed: bool = False) -> Tls:
        """Read the extras. A socket file needs no encryption unless a mode asks for it. Raises TlsError.

        `secret_needed`: the password is sent as it is, so that TLS must be there.
        """
        given = dict(extras)
        for name, value in (extras.get("ssl") or {}).items():
            if name not in _MAPPING:
                raise TlsError(f"the extra 'ssl' has a key {name!r}; it may have {', '.join(_MAPPING)}")
            given.setdefault(_MAPPING[name], value)
        mode = given.get("ssl_mode") or _implied_mode(given, socket)
        if mode not in SSL_MODES:
            raise TlsError(f"ssl_mode must be one of {', '.join(SSL_MODES)}")
        if secret_needed and mode in (DISABLED, PREFERRED):
            if given.get("ssl_mode") or given.get("ssl_disabled"):
                raise TlsError("iam needs TLS: set ssl_mode=REQUIRED or stricter")
            mode = REQUIRED
        files = {name: given.get(f"ssl_{name}") or None for name in ("ca", "capath", "cert", "key", "cipher")}
        return cls(mode, key_password=given.get("ssl_key_password"), **files)

    def arguments(self) -> dict[str, Any]:
        """Keywords for `connecting.connect`. Raises TlsError for files that cannot be read.

        `ssl_optional` says that a server without TLS will do. PyMySQL's own way to say so, which is to say nothing,
        reads all certificates that this machine trusts at each connection, and does not use them.
        """
        if self.mode == DISABLED:
            return {"ssl_disabled": True}
        return {"ssl": self._context(), "ssl_optional": self.mode == PREFERRED}

    def query(self) -> dict[str, str]:
        """The same for a SQLAlchemy URL, as far as those of PyMySQL can say it; never the key's password."""
        if self.mode == DISABLED:
            return {"ssl_disabled": "true"}
        files = {
            "ssl_ca": self.ca,
            "ssl_capath": self.capath,
            "ssl_cert": self.cert,
            "ssl_key": self.key,
            "ssl_cipher": self.cipher,
        }
        found = {name: value for name, value in files.items() if value}
        if self.mode in (VERIFY_CA, VERIFY_IDENTITY):
            if not self.ca and not self.capath:  # without one of them PyMySQL would not check anything
                found |= _system_authorities()
        else:
            found = {name: value for name, value in found.items() if name not in ("ssl_ca", "ssl_capath")}
        if self.mode != PREFERRED:
            found["ssl_check_hostname"] = str(self.mode == VERIFY_IDENTITY).lower()
        return found

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # certificates that MySQL makes for itself do not pass it
        context.check_hostname = self.mode == VERIFY_IDENTITY
        if self.mode not in (VERIFY_CA, VERIFY_IDENTITY):
            context.verify_mode = ssl.CERT_NONE
        elif not self.ca and not self.capath:
            context.load_default_certs()
        else:
            try:
                context.load_verify_locations(self.ca, self.capath)
            except OSError as error:
                raise TlsError(f"ssl_ca={self.ca!r} cannot be read: {error.strerror or error}") from None
        try:
            if self.cert:
                context.load_cert_chain(self.cert, self.key, self.key_password or "")
        except OSError as error:
            raise TlsError(
                f"ssl_cert={self.cert!r} and ssl_key={self.key!r} cannot be used: {error.strerror or error}"
            ) from None
        try:
            if self.cipher:
                context.set_ciphers(self.cipher)
        except ssl.SSLError:
            raise TlsError(f"ssl_cipher={self.cipher!r} names no cipher that OpenSSL has here") from None
        return context


def _implied_mode(given: Mapping[str, Any], socket: bool) -> str:
    if given.get("ssl_disabled"):
        return DISABLED
    if _yes(given.get("ssl_verify_identity")):
        return VERIFY_IDENTITY
    if _yes(given.get("ssl_verify_cert")):
        return VERIFY_CA
    if (given.get("ssl_ca") or given.get("ssl_capath")) and "ssl_verify_cert" not in given:
        return VERIFY_CA
    if given.get("ssl_ca") or given.get("ssl_cert") or given.get("ssl"):
        return REQUIRED
    return DISABLED if socket else PREFERRED


def _yes(value: Any) -> bool:
    return (value.lower() if isinstance(value, str) else value) not in _NO


def _system_authorities() -> dict[str, str]:
    paths = ssl.get_default_verify_paths()
    if paths.cafile:
        return {"ssl_ca": paths.cafile}
    if paths.capath:
        return {"ssl_capath": paths.capath}
    raise TlsError("this machine has no list of certificates to trust; name one with ssl_ca=")
