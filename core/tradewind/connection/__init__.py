"""Connections: what they say, how they are read and written, where they are found."""

from __future__ import annotations

from tradewind.connection.listing import (
    EXPORT_FORMATS,
    ConnectionRow,
    dump_connections,
    list_connections,
)
from tradewind.connection.model import Connection
from tradewind.connection.presets import connections
from tradewind.connection.uri import encode as encode_password
from tradewind.secrets import parse_connections_file

lookup = Connection.get

__all__ = [
    "EXPORT_FORMATS",
    "Connection",
    "ConnectionRow",
    "connections",
    "dump_connections",
    "encode_password",
    "list_connections",
    "lookup",
    "parse_connections_file",
]
