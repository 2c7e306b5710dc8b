"""PostgreSQL for tradewind. Names are loaded when they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.lazy import lazy_names

if TYPE_CHECKING:
    from tradewind_postgres.endpoints import PostgresQuery as PostgresQuery
    from tradewind_postgres.endpoints import PostgresTable as PostgresTable
    from tradewind_postgres.hook import PostgresHook as PostgresHook
    from tradewind_postgres.operators import PostgresOperator as PostgresOperator
    from tradewind_postgres.sandbox import PostgresSandbox as PostgresSandbox

_HOME = {
    "PostgresHook": "hook",
    "PostgresOperator": "operators",
    "PostgresQuery": "endpoints",
    "PostgresSandbox": "sandbox",
    "PostgresTable": "endpoints",
}

__all__ = list(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
