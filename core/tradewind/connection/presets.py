"""Connections given by code for a while, before any source is asked: for tests, notebooks and sandboxes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any

_given: ContextVar[Mapping[str, Any] | None] = ContextVar("tradewind_connections", default=None)


@contextlib.contextmanager
def connections(given: Mapping[str, Any]) -> Iterator[None]:
    """Within the block these connections, `Connection`s or URIs by id, are found before any source is asked.

    with connections({"warehouse": "sqlite:////tmp/warehouse.db"}):
        ...
    """
    token = _given.set({**(_given.get() or {}), **given})
    try:
        yield
    finally:
        _given.reset(token)


def preset(conn_id: str) -> Any:
    """The connection that code has given under this id, or None."""
    return (_given.get() or {}).get(conn_id)
