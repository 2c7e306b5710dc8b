"""SQL for tradewind: `DbApiHook`, `SqliteHook`, and operators that run and check queries.

Names are loaded when they are used: a script that takes a hook loads no operator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.lazy import lazy_names

if TYPE_CHECKING:
    from tradewind_sql.branch import BranchSQLOperator as BranchSQLOperator
    from tradewind_sql.check_results import CheckResult as CheckResult
    from tradewind_sql.checks import BaseSQLCheckOperator as BaseSQLCheckOperator
    from tradewind_sql.checks import SQLCheckOperator as SQLCheckOperator
    from tradewind_sql.checks import SQLIntervalCheckOperator as SQLIntervalCheckOperator
    from tradewind_sql.checks import SQLThresholdCheckOperator as SQLThresholdCheckOperator
    from tradewind_sql.checks import SQLValueCheckOperator as SQLValueCheckOperator
    from tradewind_sql.dialect import Dialect as Dialect
    from tradewind_sql.endpoints import SqliteQuery as SqliteQuery
    from tradewind_sql.endpoints import SqliteTable as SqliteTable
    from tradewind_sql.endpoints import SqlQuery as SqlQuery
    from tradewind_sql.endpoints import SqlTable as SqlTable
    from tradewind_sql.errors import CheckFailed as CheckFailed
    from tradewind_sql.errors import EmptySql as EmptySql
    from tradewind_sql.errors import InvalidName as InvalidName
    from tradewind_sql.errors import RowError as RowError
    from tradewind_sql.errors import SqlError as SqlError
    from tradewind_sql.errors import StatementCancelled as StatementCancelled
    from tradewind_sql.errors import StatementTimeout as StatementTimeout
    from tradewind_sql.generic_transfer import GenericTransfer as GenericTransfer
    from tradewind_sql.handlers import fetch_all_handler as fetch_all_handler
    from tradewind_sql.handlers import fetch_one_handler as fetch_one_handler
    from tradewind_sql.handlers import get_row_count as get_row_count
    from tradewind_sql.hook import DbApiHook as DbApiHook
    from tradewind_sql.inserts import InsertTarget as InsertTarget
    from tradewind_sql.loads import SQLBulkLoadOperator as SQLBulkLoadOperator
    from tradewind_sql.loads import SQLInsertRowsOperator as SQLInsertRowsOperator
    from tradewind_sql.operators import BaseSQLOperator as BaseSQLOperator
    from tradewind_sql.operators import SQLExecuteQueryOperator as SQLExecuteQueryOperator
    from tradewind_sql.operators import SqliteOperator as SqliteOperator
    from tradewind_sql.sensors import SqlSensor as SqlSensor
    from tradewind_sql.sqlite import SqliteHook as SqliteHook
    from tradewind_sql.table_checks import SQLColumnCheckOperator as SQLColumnCheckOperator
    from tradewind_sql.table_checks import SQLTableCheckOperator as SQLTableCheckOperator

_MODULES = {
    "branch": ("BranchSQLOperator",),
    "check_results": ("CheckResult",),
    "checks": (
        "BaseSQLCheckOperator",
        "SQLCheckOperator",
        "SQLIntervalCheckOperator",
        "SQLThresholdCheckOperator",
        "SQLValueCheckOperator",
    ),
    "dialect": ("Dialect",),
    "endpoints": ("SqlQuery", "SqlTable", "SqliteQuery", "SqliteTable"),
    "errors": (
        "CheckFailed",
        "EmptySql",
        "InvalidName",
        "RowError",
        "SqlError",
        "StatementCancelled",
        "StatementTimeout",
    ),
    "generic_transfer": ("GenericTransfer",),
    "handlers": (
        "fetch_all_handler",
        "fetch_one_handler",
        "get_row_count",
    ),
    "hook": ("DbApiHook",),
    "inserts": ("InsertTarget",),
    "loads": (
        "SQLBulkLoadOperator",
        "SQLInsertRowsOperator",
    ),
    "operators": (
        "BaseSQLOperator",
        "SQLExecuteQueryOperator",
        "SqliteOperator",
    ),
    "sensors": ("SqlSensor",),
    "sqlite": ("SqliteHook",),
    "table_checks": (
        "SQLColumnCheckOperator",
        "SQLTableCheckOperator",
    ),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = list(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
