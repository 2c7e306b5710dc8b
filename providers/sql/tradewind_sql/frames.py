"""Query results as pandas or polars data frames. Both libraries are optional and imported only here, when used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from tradewind_sql.errors import SqlError

if TYPE_CHECKING:
    from tradewind_sql.hook import DbApiHook, Parameters


def frame(
    hook: DbApiHook, sql: str | list[str], parameters: Parameters | None, df_type: str, options: Mapping[str, Any]
) -> Any:
    """One data frame with all rows."""
    library = _library(df_type)
    with hook._create_autocommit_connection() as conn:
        statement, values = _prepare(hook, conn, sql, parameters)
        if df_type == "pandas":
            with hook._explained(statement):
                made = library.read_sql(statement, con=hook._pandas_connection(conn), params=values, **options)
        else:
            with closing(conn.cursor()) as cursor:
                hook._run_command(cursor, statement, values)
                made = _polars_frame(library, cursor, cursor.fetchall() if cursor.description else [], options)
        hook._commit(conn)
        return made


def frames(
    hook: DbApiHook,
    sql: str | list[str],
    parameters: Parameters | None,
    df_type: str,
    chunksize: int,
    options: Mapping[str, Any],
) -> Iterator[Any]:
    """Data frames of at most `chunksize` rows, one in memory at a time."""
    library = _library(df_type)
    with hook._create_autocommit_connection() as conn:
        statement, values = _prepare(hook, conn, sql, parameters)
        if df_type == "pandas":
            con = hook._pandas_connection(conn)
            with hook._explained(statement):
                yield from library.read_sql(statement, con=con, params=values, chunksize=chunksize, **options)
        else:
            with closing(hook._stream_cursor(conn)) as cursor:
                hook._run_command(cursor, statement, values)
                while cursor.description and (rows := cursor.fetchmany(chunksize)):
                    yield _polars_frame(library, cursor, rows, options)
        hook._commit(conn)


def _prepare(hook: DbApiHook, conn: Any, sql: str | list[str], parameters: Parameters | None) -> tuple[str, Any]:
    """Run all statements but the last; give back that one and its values."""
    *before, last = hook._statements(sql, False)
    values = hook._adapt_parameters(parameters)
    with closing(conn.cursor()) as cursor:
        for statement in before:
            hook._run_command(cursor, statement, values)
    return last, values


def _polars_frame(library: Any, cursor: Any, rows: list[Any], options: Mapping[str, Any]) -> Any:
    names = [column[0] for column in cursor.description or ()]
    return library.DataFrame(
        [tuple(row) for row in rows], schema=names, orient="row", **{"infer_schema_length": None, **options}
    )


def _library(df_type: str) -> Any:
    import importlib

    if df_type not in ("pandas", "polars"):
        raise ValueError(f"df_type must be 'pandas' or 'polars', not {df_type!r}")
    try:
        return importlib.import_module(df_type)
    except ImportError as error:
        raise SqlError(f"This needs {df_type}: pip install 'tradewind-sql[{df_type}]'.") from error
