"""The URL that a setting names a store by. It holds no credentials: it names a connection, which has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from tradewind.errors import SettingError, nearest


@dataclass(frozen=True)
class StoreUrl:
    """`scheme://place/path?conn_id=...&option=...`; the connection may also be written `scheme://conn_id@place/path`."""

    scheme: str
    place: str  #: what stands after `//`: a bucket, a host; empty in `file:///a/b`
    path: str  #: as it is written, with its first `/`; empty if there is none
    conn_id: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)  #: what else stands behind the `?`
    setting: str = ""  #: the setting that it is the value of

    @classmethod
    def parse(cls, text: str, setting: str) -> StoreUrl:
        """Take a URL apart. Raises SettingError, which never shows the URL if it holds a password."""
        parts = urlsplit(text)
        user, at, place = parts.netloc.rpartition("@")
        if ":" in user:
            raise SettingError(
                f"The setting {setting} holds credentials. Put them into a connection, and name that: "
                f"{parts.scheme}://{place}{parts.path}?conn_id=..."
            )
        if not parts.scheme or "://" not in text or not (place or parts.path.strip("/")):
            raise SettingError(f"The setting {setting} is {text!r}, which is not of the form scheme://place/path.")
        if parts.fragment:
            raise SettingError(f"The setting {setting} has a '#'; write it as %23 if it is part of the path.")
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        conn_id = options.pop("conn_id", None)
        if at and conn_id is not None:
            raise SettingError(f"The setting {setting} names two connections: {unquote(user)!r} and {conn_id!r}.")
        found = (unquote(user) if at else conn_id) or None
        return cls(parts.scheme.lower(), place, unquote(parts.path), found, options, setting)

    def check_options(self, *known: str) -> None:
        """Raise SettingError if there is an option beside these."""
        for name in self.options:
            if name not in known:
                hint = nearest(name, [*known, "conn_id"], f"there are: {', '.join([*known, 'conn_id'])}.")
                raise SettingError(f"The URL in the setting {self.setting} has the unknown option {name!r}; {hint}")

    def __str__(self) -> str:
        """For messages: without options."""
        return f"{self.scheme}://{self.place}{self.path}"
