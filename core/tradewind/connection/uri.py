"""Splits the URI of a connection into its parts, and builds it again.

    type://login:password@host:port/schema?extra=value

People write passwords into it as they are. A URI is therefore not cut at the first `/`, `?` or `#`, as RFC 3986 has
it: every `@` is tried as the one before the host. If only one of these readings makes sense it is taken; if several
do, or none, the error says where, and how to write it so that there is only one. No error shows any part of what may
be a password.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from urllib.parse import quote

_SCHEME = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_.+-]*)://")

#: One host of a list, with its port. What RFC 3986 keeps out of host names stays out; `%` and other scripts may come.
_HOST = re.compile(r"""(\[[^\[\]\s/?#@]*\]|[^\s:/?#@\[\]"<>\\^`{|}\x00-\x1f\x7f]*)(?::([0-9]*))?""")

#: What stands between the brackets of an IPv6 address: hex digits, then perhaps a zone.
_IPV6 = re.compile(r"[0-9A-Fa-f]*:[0-9A-Fa-f:.]*(?:%.+)?")

_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")

#: A piece of a query as people write it: `name=value`.
_PLAIN_PIECE = re.compile(r"[^=@/?:]+=")

#: Schemes that may follow the type: `http://https://host`. Others may too, if there is no login.
PROTOCOLS = frozenset({"http", "https", "ws", "wss", "ftp", "ftps", "sftp", "grpc", "grpcs", "tcp", "ssl", "tls"})

#: Schemes that are both the type and the protocol of the host: `https://host` is `http://https://host`.
PROTOCOL_TYPES = {"https": "http"}

#: Characters that end the host of a URI, and how each is written within a login or password.
_ENDS = "/?#"

MAX_PORT = 65_535

#: What a line ends in when it only shows the form, since what is there cannot be told from a secret.
PLACEHOLDER = "***@host:port/schema"


class UriError(ValueError):
    """Why a URI cannot be read: no connection id and no variable name, these are added by who knows them."""

    def __init__(self, problem: str, position: int | None = None, line: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem  #: a clause, without the position
        self.position = position  #: index of the character in the URI, from 0
        self.line = line  #: how it should be written, with `***` for what is or may be secret


@dataclass(frozen=True)
class Parts:
    """What a URI says, decoded. What is not there is None; of login, host and schema the empty text is None too."""

    scheme: str
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    host: str | None = None
    port: int | None = None
    schema: str | None = None
    query: str | None = field(default=None, repr=False)  #: still encoded; extras may be secret


@dataclass(frozen=True)
class _Reading:
    """One way to cut a URI: indexes into its text."""

    text: str = field(repr=False)
    scheme: str
    protocol: str  #: "https://" of `http://https://host`
    start: int  #: of the login, or of the host where there is none
    at: int | None  #: of the `@` before the host
    host_start: int
    host_end: int
    path_end: int  #: the path goes from host_end to here
    problem: UriError | None = None

    @property
    def userinfo(self) -> str | None:
        return None if self.at is None else self.text[self.start : self.at]

    @property
    def hosts(self) -> str:
        return self.text[self.host_start : self.host_end]

    @property
    def path(self) -> str:
        return self.text[self.host_end : self.path_end]

    @property
    def query(self) -> str | None:
        return self.text[self.path_end + 1 :] if self.text[self.path_end : self.path_end + 1] == "?" else None

    @property
    def is_weak(self) -> bool:
        """Whether it is allowed, but rather a sign of a `/` or `?` in the password.

        That is a `:` without a port, or a query whose pieces are not all like `name=value`.
        """
        odd = any(not _PLAIN_PIECE.match(piece) for piece in (self.query or "").split("&") if piece)
        return odd or re.search(":(?:,|$)", self.hosts) is not None


def split_uri(text: str, declared: Callable[[str], Collection[str]] = lambda scheme: ()) -> Parts:
    """The parts of a URI. `declared` tells the names of the typed extras of a scheme.

    Raises UriError, and nothing else.
    """
    found = _SCHEME.match(text)
    if found is None:
        raise _not_a_uri(text)
    readings = list(_readings(text, found[1], found.end()))
    valid = [reading for reading in readings if reading.problem is None]
    valid = [reading for reading in valid if not reading.is_weak] or valid
    if not valid:
        raise _nothing_fits(readings[-1])
    others = readings[readings.index(valid[0]) + 1 :]
    if others and not _is_meant(valid[0], others, declared):
        raise _nothing_fits(readings[-1]) if readings[-1].problem else _ambiguous(readings[-1])
    return _decoded(valid[0])


def build_uri(parts: Parts, safe: str = "") -> str:
    """The URI that `split_uri` reads as exactly these parts, as people write it where that can be.

    Characters in `safe` are not encoded.
    """
    for start, host in _host_forms(parts.host):
        for plain in ("/:", ""):
            uri = _joined(parts, start, host, safe, plain)
            try:
                if split_uri(uri) == parts:
                    return uri
            except UriError:
                continue
    return _joined(parts, "", quote(parts.host or "", safe=""), safe, "")


def encode(text: str) -> str:
    """A login or password as it is written in a URI: everything but letters, digits and `_.-~` as %XX."""
    return quote(text, safe="")


def split_hosts(text: str) -> list[tuple[str, int | None]]:
    """`h1:5432,[::1]:5433` -> [("h1", 5432), ("::1", 5433)]. Raises UriError."""
    return [(host.removeprefix("[").removesuffix("]"), port) for host, port in _host_list(text, 0)]


def _readings(text: str, scheme: str, start: int) -> Iterator[_Reading]:
    """Every way to cut the URI, from the leftmost `@` to the rightmost; the first one has no `@`."""
    protocol = _SCHEME.match(text, start)
    if protocol is not None and (protocol[1].lower() in PROTOCOLS or "@" not in text):
        yield from _cut_at_each(text, scheme, protocol[0], protocol.end())
    elif protocol is not None:
        yield from _cut_at_each(text, scheme, protocol[0], protocol.end())
        yield from _cut_at_each(text, scheme, "", start)
    else:
        yield from _cut_at_each(text, scheme, "", start)


def _cut_at_each(text: str, scheme: str, protocol: str, start: int) -> Iterator[_Reading]:
    yield _cut(text, scheme, protocol, start, None)
    for found in re.finditer("@", text[start:]):
        yield _cut(text, scheme, protocol, start, start + found.start())


def _cut(text: str, scheme: str, protocol: str, start: int, at: int | None) -> _Reading:
    host_start = start if at is None else at + 1
    if at is not None and not protocol:
        later = _SCHEME.match(text, host_start)  # http://login:password@https://host
        if later is not None and later[1].lower() in PROTOCOLS:
            protocol, host_start = later[0], later.end()
    host_end = min(index for index in (*(text.find(end, host_start) for end in _ENDS), len(text)) if index >= 0)
    question = text.find("?", host_end)
    path_end = question if question >= 0 else len(text)
    reading = _Reading(text, scheme, protocol, start, at, host_start, host_end, path_end)
    try:
        if protocol and _SCHEME.match(text, host_start):
            raise UriError("there is a third '://'; one that belongs to the host is written %3A%2F%2F", host_start)
        _host_list(reading.hosts, host_start)
        fragment = text.find("#", host_end)
        if fragment >= 0:
            raise UriError(
                "'#' starts a fragment, which a connection does not have; within a value it is written %23", fragment
            )
    except UriError as error:
        return replace(reading, problem=error)
    return reading


def _host_list(text: str, offset: int) -> list[tuple[str, int | None]]:
    """The hosts, still encoded and in brackets, with their ports."""
    hosts = []
    for piece in text.split(","):
        found = _HOST.fullmatch(piece)
        if found is None:
            raise _bad_host(piece, offset)
        if found[1].startswith("[") and not _IPV6.fullmatch(found[1][1:-1]):
            raise UriError("what stands in the brackets is not an IPv6 address", offset)
        port = found[2] and found[2].lstrip("0")
        if port and (len(port) > 5 or int(port) > MAX_PORT):
            raise UriError(f"the port is above {MAX_PORT}", offset + found.start(2))
        hosts.append((found[1], int(found[2]) if found[2] and len(found[2]) < 100 else None))
        offset += len(piece) + 1
    return hosts


def _bad_host(piece: str, offset: int) -> UriError:
    if piece.count(":") > 1 and "[" not in piece and "@" not in piece:
        return UriError("there is more than one ':' in the host; an IPv6 address goes in brackets: [::1]", offset)
    host, colon, port = piece.rpartition(":")
    if colon and "]" not in port and _HOST.fullmatch(host):
        return UriError("what follows the ':' is not a port, a number up to 65535", offset + len(host) + 1)
    bad = next((index for index, char in enumerate(piece) if not _HOST.fullmatch(char) and char not in ":[]"), 0)
    return UriError(f"{piece[bad]!r} cannot be in the name of a host", offset + bad)


def _is_meant(first: _Reading, others: list[_Reading], declared: Callable[[str], Collection[str]]) -> bool:
    """Whether a reading with an `@` behind the host is so likely that the others need not be asked about.

    That is so where each further `@` is in the value of an extra that the type declares (`?from_email=a@b.org`), and
    for web addresses without a port or password (`https://host/@somebody`).
    """
    if any(other.start != first.start for other in others):
        return False
    is_web = first.scheme.lower() in ("http", "https") or first.protocol.lower() in ("http://", "https://")
    if is_web and all(":" not in (other.userinfo or "") for other in others):
        return True
    if "@" in first.path:
        return False
    names = [piece.partition("=")[0] for piece in (first.query or "").split("&") if "@" in piece]
    known = {"__extra__", *declared(first.scheme)}
    return all(name in known for name in names)


def _decoded(reading: _Reading) -> Parts:
    login = password = None
    if reading.userinfo is not None:
        login, colon, rest = reading.userinfo.partition(":")
        offset = reading.start + len(login) + 1
        login = decode(login, reading.start, reading) or None
        password = decode(rest, offset, reading) if colon else None
    scheme, protocol = reading.scheme, reading.protocol
    if scheme.lower() in PROTOCOL_TYPES:
        scheme, protocol = PROTOCOL_TYPES[scheme.lower()], protocol or scheme + "://"
    host, port = _decoded_host(reading)
    schema = decode(reading.path[1:], reading.host_end + 1, reading) or None
    host = protocol.lower() + (host or "") if protocol else host
    return Parts(scheme.lower(), login, password, host, port, schema, reading.query)


def _decoded_host(reading: _Reading) -> tuple[str | None, int | None]:
    hosts = _host_list(reading.hosts, 0)
    if any(port is not None for _, port in hosts[:-1]):
        return decode(reading.hosts, reading.host_start, reading), None
    names, port = [name for name, _ in hosts], hosts[-1][1]
    if len(names) == 1 and names[0].startswith("[") and not reading.protocol:
        names = [names[0][1:-1]]
    return decode(",".join(names), reading.host_start, reading) or None, port


def decode(text: str, offset: int = 0, reading: _Reading | None = None) -> str:
    """Percent-decode; a `%` that starts no escape stays as it is. Raises UriError for bytes that are not UTF-8."""

    def escape(found: re.Match[str]) -> str:
        try:
            return bytes.fromhex(found[0].replace("%", "")).decode("utf-8")
        except UnicodeDecodeError as error:
            raise UriError(
                "the %XX there is not UTF-8; a '%' that means itself is written %25",
                offset + found.start() + 3 * error.start,
                _form(reading) if reading else None,
            ) from None

    return _ESCAPES.sub(escape, text)


def _host_forms(host: str | None) -> Iterator[tuple[str, str]]:
    """Ways to write a host, best one first: what goes before the login, and what goes behind it."""
    if host is None:
        yield "", ""
        return
    protocol = _SCHEME.match(host)
    if protocol is not None:
        for _, form in _host_forms(host[protocol.end() :]):
            yield protocol[0], form
    if _IPV6.fullmatch(host):
        yield "", f"[{host.replace('%', '%25')}]"
    yield "", quote(host, safe=",:[]")
    yield "", quote(host, safe="")


def _joined(parts: Parts, protocol: str, host: str, safe: str, plain: str) -> str:
    """`plain`: what is not encoded in the schema, besides `safe`."""
    userinfo = ""
    if parts.login is not None or parts.password is not None:
        password = "" if parts.password is None else ":" + quote(parts.password, safe=safe)
        userinfo = quote(parts.login or "", safe=safe) + password + "@"
    port = "" if parts.port is None else f":{parts.port}"
    schema = "" if parts.schema is None else "/" + quote(parts.schema, safe=safe + plain)
    query = "" if parts.query is None else ("?" if schema else "/?") + parts.query
    return f"{parts.scheme}://{protocol}{userinfo}{host}{port}{schema}{query}"


def _not_a_uri(text: str) -> UriError:
    if text.startswith("jdbc:"):
        return UriError("it starts with 'jdbc:'", 0, f"type://login:{PLACEHOLDER}")
    scheme, separator, _ = text.partition("://")
    if separator:
        bad = next((index for index, char in enumerate(scheme) if not re.match(r"[\w.+-]", char, re.ASCII)), 0)
        return UriError(
            "what stands before '://' is not a connection type (letters, digits and '_-+.')",
            bad,
            f"type://login:{PLACEHOLDER}",
        )
    if re.match(r"[A-Za-z_][\w.+-]*:/?[^/]", text):
        return UriError("'://' must follow the connection type", text.index(":"), f"type://login:{PLACEHOLDER}")
    return UriError(
        "it is neither a URI (there is no '://' in it) nor JSON (it does not start with '{')",
        None,
        f"type://login:{PLACEHOLDER}",
    )


def _nothing_fits(reading: _Reading) -> UriError:
    error = reading.problem or UriError("it cannot be read")
    return UriError(error.problem, error.position, _form(reading))


def _ambiguous(reading: _Reading) -> UriError:
    """`reading` is the one with the longest login and password: what it takes for a password may be one."""
    userinfo = reading.userinfo or ""
    index = next(index for index, char in enumerate(userinfo) if char in "/?#@")
    char, end = userinfo[index], "login" if userinfo[index] == "@" else "host"
    return UriError(
        f"{char!r} can be read in two ways, because an '@' follows: as part of the login or password (then write it "
        f"{quote(char, safe='')}), or as the end of the {end} (then write the later '@' as %40)",
        reading.start + index,
        _line(reading) if userinfo.count("@") == 0 or _looks_like_hosts(reading.hosts) else _form(reading),
    )


def _looks_like_hosts(text: str) -> bool:
    """Whether this is a host beyond doubt. A bare word may be the end of a password, if the host was forgotten."""
    return any("." in host or port is not None or host == "localhost" for host, port in _host_list(text, 0))


def _form(reading: _Reading) -> str:
    """How a URI that makes no sense should look: only what cannot be a piece of a password is taken over.

    A host that stands behind an `@` may be one, if the real host was forgotten.
    """
    scheme = f"{reading.scheme}://{reading.protocol}"
    rest = reading.text[reading.start :]
    if ":" in rest or "@" in rest:
        login, colon, _ = (reading.userinfo or "").partition(":")
        return f"{scheme}{quote(login, safe='%') if colon else 'login'}:{PLACEHOLDER}"
    place, fragment, _ = rest.partition("?")[0].partition("#")
    return scheme + quote(place, safe="/%,") + ("%23***" if fragment else "")


def _line(reading: _Reading) -> str:
    """The URI as it should be written, with the password and the values of extras masked."""
    login, colon, _ = (reading.userinfo or "").partition(":")
    userinfo = quote(login, safe="%") + ":***@" if colon else "***@"
    line = f"{reading.scheme}://{reading.protocol}{userinfo}{reading.hosts}{quote(reading.path, safe='/%')}"
    if reading.query is None:
        return line
    names = [piece.partition("=")[0] for piece in reading.query.split("&") if piece]
    return line + "?" + "&".join(f"{quote(name, safe='%')}=***" for name in names)
