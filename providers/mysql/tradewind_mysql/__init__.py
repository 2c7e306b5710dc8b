"""MySQL and MariaDB for tradewind. Names are loaded when they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.lazy import lazy_names

if TYPE_CHECKING:
    from tradewind_mysql.dialect import MySqlDialect as MySqlDialect
    from tradewind_mysql.endpoints import MySqlQuery as MySqlQuery
    from tradewind_mysql.endpoints import MySqlTable as MySqlTable
    from tradewind_mysql.hook import MySqlHook as MySqlHook
    from tradewind_mysql.operators import MySqlOperator as MySqlOperator
    from tradewind_mysql.sandbox import MySqlSandbox as MySqlSandbox

_HOME = {
    "MySqlDialect": "dialect",
    "MySqlHook": "hook",
    "MySqlOperator": "operators",
    "MySqlQuery": "endpoints",
    "MySqlSandbox": "sandbox",
    "MySqlTable": "endpoints",
}

__all__ = list(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
