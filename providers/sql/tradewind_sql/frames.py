"""Query results as pandas or polars data frames or Arrow tables. The libraries are optional and imported only here.

All are made from the rows that the driver gives, so that every database and every library is served alike: values
keep their types, and what comes in chunks is fetched in chunks.
"""

from __future__ import annotations

import datetime
import decimal
import importlib
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal

from tradewind_sql.errors import SqlError

if TYPE_CHECKING:
    from tradewind_sql.hook import DbApiHook, Parameters


FrameType = Literal["pandas", "polars", "arrow"]

#: Name of a frame type -> the module that has to be there, and the extra of this package that brings it.
_LIBRARIES = {"pandas": "pandas", "polars": "polars", "arrow": "pyarrow"}

#: Columns and the caller's keywords -> a frame.
Maker = Callable[["list[Column]", Mapping[str, Any]], Any]

#: Rows fetched at once where all of them go into one frame.
_FETCHED = 2_000


@dataclass
class Column:
    """One column of a result."""

    name: str
    kind: type | None  #: what the driver says about it, if it says anything
    values: list[Any]

    @property
    def empty_of(self) -> type | None:
        """The kind, where there is no value that would tell it."""
        return self.kind if self.kind and all(value is None for value in self.values) else None


def frame(
    hook: DbApiHook, sql: str | list[str], parameters: Parameters | None, df_type: str, options: Mapping[str, Any]
) -> Any:
    """One frame with all rows."""
    make = _maker(df_type)
    lists: list[list[Any]] = []
    for rows in hook._stream(sql, parameters, _FETCHED):
        lists = lists or [[] for _ in rows[0]]
        for place, column in enumerate(lists):
            column.extend(map(itemgetter(place), rows))
    return _made(hook, make, lists, options)


def frames(
    hook: DbApiHook,
    sql: str | list[str],
    parameters: Parameters | None,
    df_type: str,
    chunksize: int,
    options: Mapping[str, Any],
) -> Iterator[Any]:
    """Frames of at most `chunksize` rows, one in memory at a time."""
    if chunksize < 1:
        raise ValueError(f"chunksize must be at least 1, not {chunksize}")
    make = _maker(df_type)
    for rows in hook._stream(sql, parameters, chunksize):
        yield _made(hook, make, [list(map(itemgetter(place), rows)) for place in range(len(rows[0]))], options)


def _made(hook: DbApiHook, make: Maker, lists: list[list[Any]], options: Mapping[str, Any]) -> Any:
    description = hook.last_description or ()
    kinds = hook._column_types(description)
    values = lists or [[] for _ in description]
    try:
        return make([Column(told[0], kind, cells) for told, kind, cells in zip(description, kinds, values)], options)
    except Exception as error:
        error.add_note(f"The rows came from connection {hook.get_conn_id()!r}.")
        raise


def _maker(df_type: str) -> Maker:
    if df_type not in _LIBRARIES:
        raise ValueError(f"df_type must be one of {', '.join(map(repr, _LIBRARIES))}, not {df_type!r}")
    module = _LIBRARIES[df_type]
    try:
        importlib.import_module(module)
    except ImportError as error:
        raise SqlError(f"This needs {module}: pip install 'tradewind-sql[{df_type}]'.") from error
    return _MAKERS[df_type]


# pandas


def _pandas(columns: list[Column], options: Mapping[str, Any]) -> Any:
    import pandas

    series = [_pandas_column(column, bool(options.get("coerce_float"))) for column in columns]
    made = pandas.DataFrame(dict(enumerate(series)))  # by place, for two columns may have one name
    made.columns = [column.name for column in columns]
    return _pandas_options(made, **options)


def _pandas_column(column: Column, coerce_float: bool) -> Any:
    """pandas would make floats of whole numbers beside NULLs, and could not tell 2**53 from 2**53 + 1 then."""
    import pandas

    values = column.values
    kinds = set(map(type, values))
    has_null = _NULL in kinds
    kinds.discard(_NULL)
    if not kinds:
        return pandas.Series(values, dtype=_PANDAS_TYPES.get(column.kind or _NULL, "object"))
    if coerce_float and decimal.Decimal in kinds:
        return pandas.Series([None if value is None else float(value) for value in values], dtype="float64")
    if kinds == {int} and has_null and all(value is None or -(2**63) <= value < 2**63 for value in values):
        return pandas.Series(values, dtype="Int64")
    if kinds == {bool} and has_null:
        return pandas.Series(values, dtype="boolean")
    return pandas.Series(_plain(values))


_NULL = type(None)

#: What a column without values becomes; anything else becomes "object".
_PANDAS_TYPES: dict[type, str] = {int: "Int64", bool: "boolean", float: "float64"}


def _pandas_options(
    made: Any,
    *,
    index_col: str | Sequence[str] | None = None,
    coerce_float: bool = False,
    parse_dates: Iterable[str] | Mapping[str, Any] | None = None,
    columns: Sequence[str] | None = None,
    dtype: Any = None,
    dtype_backend: str | None = None,
) -> Any:
    import pandas

    if columns is not None:
        made = made[list(columns)].copy()
    for name in [parse_dates] if isinstance(parse_dates, str) else parse_dates or ():
        how = parse_dates[name] if isinstance(parse_dates, Mapping) else {}
        given = how if isinstance(how, Mapping) else {"unit" if how in _UNITS else "format": how}
        made[name] = pandas.to_datetime(made[name], **given)
    if dtype is not None:
        made = made.astype(dtype)
    if dtype_backend is not None:
        made = made.convert_dtypes(dtype_backend=dtype_backend)
    return made if index_col is None else made.set_index(index_col)


_UNITS = ("D", "s", "ms", "us", "ns")


# polars and Arrow


def _polars(columns: list[Column], options: Mapping[str, Any]) -> Any:
    import polars

    given = dict(options)
    overrides = given.pop("schema_overrides", None) or {}
    series = [
        polars.Series(
            column.name, _plain(column.values), dtype=overrides.get(column.name, column.empty_of), strict=True
        )
        for column in columns
    ]
    return polars.DataFrame(series, **given)


def _arrow(columns: list[Column], options: Mapping[str, Any]) -> Any:
    import pyarrow

    schema = options.get("schema")
    arrays = []
    for place, column in enumerate(columns):
        wanted = _arrow_type(column.empty_of) if schema is None else schema.field(place).type
        try:
            arrays.append(pyarrow.array(_plain(column.values), type=wanted))
        except pyarrow.ArrowException as error:
            raise SqlError(
                f"Column {column.name!r} cannot be an Arrow column: {error}. Cast it in the query."
            ) from error
    return pyarrow.Table.from_arrays(arrays, names=[column.name for column in columns])


def _arrow_type(kind: type | None) -> Any:
    """Arrow's type for Python's; None where Arrow shall look at the values."""
    import pyarrow

    types: dict[type | None, Any] = {
        bool: pyarrow.bool_(),
        int: pyarrow.int64(),
        float: pyarrow.float64(),
        str: pyarrow.string(),
        bytes: pyarrow.binary(),
        datetime.date: pyarrow.date32(),
        datetime.time: pyarrow.time64("us"),
        datetime.datetime: pyarrow.timestamp("us"),
    }
    return types.get(kind)


def _plain(values: list[Any]) -> list[Any]:
    """Values that the libraries know: bytes for a driver's memoryview, text for a UUID."""
    if not any(kind in _CONVERTED for kind in set(map(type, values))):
        return values
    return [_CONVERTED[type(value)](value) if type(value) in _CONVERTED else value for value in values]


_CONVERTED: dict[type, Callable[[Any], Any]] = {memoryview: bytes, bytearray: bytes, uuid.UUID: str}

_MAKERS: dict[str, Maker] = {"pandas": _pandas, "polars": _polars, "arrow": _arrow}
