"""The `Connection`: how to reach one outside system, read from a URI or JSON, shown without its secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tradewind.connection import addresses, stand_ins, types
from tradewind.connection.extras import (
    ExtraError,
    dump_json,
    extras_from_query,
    parse_json,
    query_from_extras,
    read_extra,
    typed,
)
from tradewind.connection.presets import connections, preset
from tradewind.connection.uri import MAX_PORT, PLACEHOLDER, PROTOCOL_TYPES, Parts, UriError, build_uri, split_uri
from tradewind.errors import BrokenConnection, ConnectionNotFound, nearest, sentence
from tradewind.secrets import CONNECTIONS, MASK, find, mask_credentials, mask_secret, redact

if TYPE_CHECKING:
    from tradewind.records import ConnectionType

#: Other names of fields in the JSON form.
FIELD_ALIASES = {
    "user": "login",
    "username": "login",
    "database": "schema",
    "hostname": "host",
    "extra_dejson": "extra",
    "type": "conn_type",
}
FIELDS = ("conn_id", "conn_type", "description", "host", "login", "password", "schema", "port", "extra")

#: Type of a connection that names none: it can be read, but has no hook.
UNTYPED = "generic"

_TYPE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")


class Connection:
    """How to reach one outside system.

    Two connections are equal if they lead to the same place in the same way; their ids and descriptions do not count.
    The constructor, `from_uri` and `from_json` raise BrokenConnection for what cannot be a connection.
    """

    __hash__ = None  # type: ignore[assignment]  # fields may be changed

    def __init__(
        self,
        conn_id: str | None = None,
        conn_type: str | None = None,
        description: str | None = None,
        host: str | None = None,
        login: str | None = None,
        password: str | None = None,
        schema: str | None = None,
        port: int | str | None = None,
        extra: str | Mapping[str, Any] | None = None,
        uri: str | None = None,
        *,
        where: str | None = None,
    ) -> None:
        self.conn_id = conn_id
        self.where = where  #: the variable, file or row that it was read from, for messages
        self.description = description
        if uri is not None:
            if any(value is not None for value in (conn_type, host, login, password, schema, port, extra)):
                raise self._broken("give either uri or the other fields, not both")
            self._read_uri(uri)
        else:
            self._set_type(conn_type or UNTYPED)
            parts = Parts(self.conn_type, login or None, password, host or None, self._port(port), schema or None)
            self._set_parts(parts)
            self._set_extra(extra)
        self._remember_secrets()

    @classmethod
    def from_uri(cls, uri: str, conn_id: str | None = None, *, where: str | None = None) -> Connection:
        """Read `type://login:password@host:port/schema?extra=value`."""
        return cls(conn_id, uri=uri, where=where)

    @classmethod
    def from_json(
        cls, value: str | Mapping[str, Any], conn_id: str | None = None, *, where: str | None = None
    ) -> Connection:
        """Read a JSON object, or a mapping, of fields. A key file, such as Google's, is a connection with that key."""
        empty = cls(conn_id, where=where)
        try:
            data = parse_json(_unquoted(value)[0]) if isinstance(value, str) else dict(value)
        except ExtraError as error:
            raise empty._broken(str(error)) from None
        if not isinstance(data, dict):
            raise empty._broken("its JSON must be an object, {...}")
        key_file = types.key_file(data.get("type"))
        fields = empty._json_fields(data) if key_file is None else _keyed(data, *key_file)
        fields["conn_id"] = conn_id or fields.get("conn_id")
        return cls(**fields, where=where)

    @classmethod
    def from_value(cls, value: str, conn_id: str | None = None, *, where: str | None = None) -> Connection:
        """Read a value as it stands in an environment variable or a secrets backend: JSON if it starts with `{`."""
        read = cls.from_json if _unquoted(value)[0].startswith("{") else cls.from_uri
        return read(value, conn_id, where=where)

    @classmethod
    def get(cls, conn_id: str) -> Connection:
        """The connection of that id, from the first source that has it."""
        given = preset(conn_id)
        if given is not None:
            return given if isinstance(given, Connection) else cls.from_value(given, conn_id, where="a preset")
        sandbox = stand_ins.stand_in(conn_id)
        if sandbox is not None:
            return cls.from_uri(sandbox, conn_id, where="a sandbox")
        try:
            found = find(CONNECTIONS, conn_id)
        except ConnectionNotFound:
            stand_ins.explain_missing_one(conn_id)
            raise
        connection = cls.from_value(found.value, conn_id, where=found.where)
        stand_ins.refuse_real_one(connection)
        return connection

    @classmethod
    async def async_get(cls, conn_id: str) -> Connection:
        """`get`, without blocking the event loop."""
        import asyncio

        return await asyncio.to_thread(cls.get, conn_id)

    # -- fields

    @property
    def database(self) -> str | None:
        """Another name of `schema`, which is what most databases mean by it."""
        return self.schema

    @database.setter
    def database(self, value: str | None) -> None:
        self.schema = value

    @property
    def extra(self) -> str | None:
        """The extras as JSON text; None if there are none."""
        return dump_json(self._extras) if self._extras else None

    @extra.setter
    def extra(self, value: str | Mapping[str, Any] | None) -> None:
        self._set_extra(value)
        self._remember_secrets()

    @property
    def extra_dejson(self) -> dict[str, Any]:
        """The extras as a dict, typed as the connection type declares."""
        copied: dict[str, Any] = parse_json(dump_json(self._extras))
        return copied

    @property
    def type(self) -> ConnectionType | None:
        """What a provider declares about this type; None if no installed provider knows it."""
        return types.declared(self.conn_type)

    @property
    def hosts(self) -> list[tuple[str, int | None]]:
        """Every host with its port: `h1:5432,h2:5433`, and `h1,h2` with one port for all."""
        return addresses.hosts(self)

    # -- forms

    def get_uri(self) -> str:
        """The URI that reads as exactly this connection. It shows the password."""
        return build_uri(self._parts(self._extras, safe="/"))  # a form that logs are searched for to mask secrets

    def masked_uri(self) -> str:
        """The URI with `***` for everything secret."""
        parts = self._parts(self._masked_extras(), safe="/:")
        if parts.password:
            parts = replace(parts, password=MASK)
        return build_uri(parts, safe="*").replace("%2A%2A%2A", MASK)

    @property
    def sqlalchemy_url(self) -> str:
        """The URL for `sqlalchemy.create_engine`. It shows the password."""
        return addresses.sqlalchemy_url(self)

    @property
    def dsn(self) -> str:
        """The libpq form, `host=... password=...`, with every host of a list. It shows the password."""
        return addresses.libpq_dsn(self)

    @property
    def base_url(self) -> str:
        """The web address that an HTTP connection stands for, without login and without a `/` at the end."""
        return addresses.base_url(self)

    def to_dict(self, *, prune_empty: bool = False) -> dict[str, Any]:
        """All fields; with `prune_empty` only those that have a value. It shows the password."""
        port_first = {name: getattr(self, name) for name in FIELDS[:-1]}
        fields = port_first | {"conn_type": self.scheme, "extra": self.extra_dejson}
        return {name: value for name, value in fields.items() if not prune_empty or value not in (None, {})}

    def masked_dict(self) -> dict[str, Any]:
        """`to_dict` with `***` for everything secret."""
        masked = {"extra": self._masked_extras(), "password": MASK if self.password else self.password}
        return self.to_dict() | masked

    def as_json(self) -> str:
        """The JSON form, which `from_json` reads as exactly this connection. It shows the password."""
        fields = self.to_dict(prune_empty=True)
        fields.pop("conn_id", None)
        return dump_json(fields)

    # -- use

    def get_hook(self, *, hook_params: Mapping[str, Any] | None = None) -> Any:
        """A hook for this connection, of the class that its type declares."""
        declared = self.type
        if declared is None or declared.hook is None:
            raise self._broken(self._no_hook(declared))
        kind = types.load_hook(declared)
        conn_id = self.conn_id or f"{self.conn_type}_unnamed"
        with connections({conn_id: self}):
            hook = kind(**{getattr(kind, "conn_name_attr", "conn_id"): conn_id, **(hook_params or {})})
        if hasattr(hook, "use_connection"):
            hook.use_connection(conn_id, self)
        return hook

    def test_connection(self) -> tuple[bool, str]:
        """Whether the other side answers, and what it says or what is wrong. Never raises."""
        try:
            hook = self.get_hook()
            test = getattr(hook, "test_connection", None)
            if test is None:
                return False, f"{type(hook).__name__} cannot test a connection"
            try:
                works, told = test()
            finally:
                close = getattr(hook, "close", None)
                if close is not None:
                    close()
        except Exception as error:
            return False, redact(str(error) or type(error).__name__)
        return bool(works), redact(str(told))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Connection):
            return NotImplemented
        return self._parts({}) == other._parts({}) and dump_json(self._extras) == dump_json(other._extras)

    def __repr__(self) -> str:
        return f"Connection({self.conn_id!r}, {self.masked_uri()!r})"

    # -- reading

    def _read_uri(self, value: str) -> None:
        if not isinstance(value, str):
            raise self._broken(f"it must be text, not {type(value).__name__}")
        text, offset = _unquoted(value)
        try:
            text.encode()
            parts = split_uri(text, types.declared_names)
            self._set_type(parts.scheme)
            query = parts.query or ""  # always the end of the URI
            self._extras = typed(extras_from_query(query, self.type, len(text) - len(query)), self.type)
            dump_json(self._extras)
        except UriError as error:
            raise self._broken(error.problem, error.position, error.line, offset) from None
        except UnicodeEncodeError:
            raise self._broken("it is not UTF-8 text") from None
        except ExtraError as error:
            raise self._broken(str(error)) from None
        self._set_parts(parts)

    def _set_type(self, scheme: str) -> None:
        if not isinstance(scheme, str) or not _TYPE.fullmatch(scheme):
            raise self._broken("conn_type must consist of letters, digits and '_-.+'")
        self.scheme = types.normalise(scheme)  #: the type as it was written: may be an alias, such as `smtps`
        declared = types.declared(self.scheme)
        self.conn_type = declared.name if declared else self.scheme

    def _set_parts(self, parts: Parts) -> None:
        texts = {"host": parts.host, "login": parts.login, "password": parts.password, "schema": parts.schema}
        for name, value in {**texts, "description": self.description}.items():
            if value is not None and not isinstance(value, str):
                raise self._broken(f"{name} must be text, not {type(value).__name__}")
            if value is not None and not value.isascii() and not _is_utf8(value):
                raise self._broken(f"{name} is not UTF-8 text")
        if self.scheme in PROTOCOL_TYPES:
            host = parts.host or ""
            parts = replace(parts, host=host if "://" in host else f"{self.scheme}://{host}")
            self.conn_type = self.scheme = PROTOCOL_TYPES[self.scheme]
        self.host, self.port, self.schema = parts.host, parts.port, parts.schema
        self.login, self.password = parts.login, parts.password

    def _port(self, port: int | str | None) -> int | None:
        if port is None or port == "":
            return None
        if isinstance(port, str) and re.fullmatch(r"\s*[0-9]{1,5}\s*", port):
            port = int(port)
        if not isinstance(port, int) or isinstance(port, bool) or not 0 <= port <= MAX_PORT:
            raise self._broken(f"port must be a number from 0 to {MAX_PORT}")
        return port

    def _set_extra(self, extra: str | Mapping[str, Any] | None) -> None:
        try:
            self._extras = read_extra(extra, self.type if extra else None)
        except ExtraError as error:
            raise self._broken(str(error)) from None

    def _json_fields(self, data: dict[str, Any]) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for name, value in data.items():
            field = FIELD_ALIASES.get(name, name)
            if field not in FIELDS:
                hint = nearest(name, [*FIELDS, *FIELD_ALIASES], f"the fields are {', '.join(FIELDS)}")
                raise self._broken(f"its JSON has a field {name!r}, which there is not; {hint}")
            if field in fields:
                raise self._broken(f"its JSON has {field!r} twice, once as {name!r}")
            if field in ("login", "password", "schema") and isinstance(value, int) and not isinstance(value, bool):
                value = str(value)
            fields[field] = value
        return fields

    def _parts(self, extras: dict[str, Any], safe: str = "") -> Parts:
        scheme = self.scheme if self.scheme.startswith("_") else self.scheme.replace("_", "-")
        query = query_from_extras(extras, self.type, safe)
        return Parts(
            scheme, self.login or None, self.password, self.host or None, self.port, self.schema or None, query
        )

    def _masked_extras(self) -> dict[str, Any]:
        secret = {extra.name for extra in self.type.extras if extra.secret} if self._extras and self.type else set()
        return {
            name: redact(value, "password" if name in secret else name) for name, value in self.extra_dejson.items()
        }

    def _remember_secrets(self) -> None:
        if self.password:
            mask_credentials(self.login or "", self.password)
        mask_secret(self._extras, "")
        for extra in self.type.extras if self._extras and self.type else ():
            if extra.secret and extra.name in self._extras:
                mask_secret(self._extras[extra.name])

    # -- messages

    def _broken(
        self, problem: str, position: int | None = None, line: str | None = None, offset: int = 0
    ) -> BrokenConnection:
        who = f"The connection {self.conn_id!r}" if self.conn_id else "The connection"
        where = f" in {self.where}" if self.where else ""
        place = f" at position {position + offset + 1}" if position is not None else ""
        message = f"{who}{where} is broken{place}: {sentence(problem)}"
        if line:
            is_variable = self.where and re.fullmatch(r"(TRADEWIND|AIRFLOW)_CONN_\S+", self.where)
            is_form = line.endswith(PLACEHOLDER)
            message += " The form is: " if is_form else " Write it as: "
            message += f"{self.where}='{line}'" if is_variable else line
            if MASK in line and not is_form:
                message += f" ({MASK}: `tradewind connections encode` prints a password as it is written there)"
        return BrokenConnection(message)

    def _no_hook(self, declared: ConnectionType | None) -> str:
        if declared is None:
            from tradewind.plugins import how_to_install

            if command := how_to_install(self.conn_type):
                return f"the provider of its type, {self.conn_type!r}, is not installed: {command}"
            known = types.known_types()
            hint = nearest(self.conn_type, known, f"known types: {', '.join(known)}; others come with their providers")
            return f"no installed provider knows the type {self.conn_type!r}; {hint}"
        if self.conn_type == UNTYPED:
            return "it has no conn_type that names a hook; add one, such as postgres"
        return f"the type {self.conn_type!r} has no hook"


def _keyed(key: dict[str, Any], conn_type: str, extra: str) -> dict[str, Any]:
    return {"conn_type": conn_type, "extra": {extra: key}}


def _unquoted(value: str) -> tuple[str, int]:
    """Without spaces around it, and without the quotes that `docker --env-file` leaves; and how much went in front."""
    text = value.strip()
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    return text, value.find(text) if text else 0


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
