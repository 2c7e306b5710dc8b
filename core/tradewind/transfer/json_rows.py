"""Rows made of JSON objects: a value for each column by its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import cache
from typing import Any

from tradewind.errors import TransferError
from tradewind.transfer.contract import Column
from tradewind.transfer.types import ANY
from tradewind.transfer.values import reading


class JsonRows:
    """Makes a row of each object. A name that it lacks is NULL; one that is no column is an error, not left out."""

    def __init__(self, columns: Sequence[Column], place: Callable[[int], str]) -> None:
        """`place(number)` says where an object is: `Line 7 of the file orders.jsonl`."""
        self._columns = columns
        self._names = [column.name for column in columns]
        self._known = set(self._names)
        self._converters = [(column.name, read) for column in columns if (read := _reading(column)) is not None]
        self._place = place

    def row(self, values: dict[str, Any], number: int) -> tuple[Any, ...]:
        """The row of one object, which is changed. Raises TransferError, which tells its place."""
        if not values.keys() <= self._known:
            extra = next(name for name in values if name not in self._known)
            raise TransferError(f"{self._place(number)} has a value for {extra!r}, which is no column: {self._names}.")
        for name, read in self._converters:
            if values.get(name) is not None:
                values[name] = self._converted(values[name], read, name, number)
        return tuple([values.get(name) for name in self._names])

    @staticmethod
    def decode(data: bytes, place: str | Callable[[], str]) -> Any:
        """JSON, with all digits of its numbers. Raises TransferError, which tells `place`."""
        import msgspec

        try:
            return _decoder()(data)
        except (ValueError, msgspec.DecodeError) as error:  # its message names no values
            where = place if isinstance(place, str) else place()
            raise TransferError(f"{where} is not JSON: {error}.") from None

    def _converted(self, value: Any, read: Callable[[Any], Any], name: str, number: int) -> Any:
        try:
            return read(value)
        except (ValueError, ArithmeticError, TypeError):
            kind = next(column.type for column in self._columns if column.name == name)
            raise TransferError(f"{self._place(number)}: {name!r} has a value that is not of type {kind}.") from None


@cache
def _decoder() -> Callable[[bytes], Any]:
    import msgspec

    return msgspec.json.Decoder(float_hook=Decimal).decode


def _reading(column: Column) -> Callable[[Any], Any] | None:
    """JSON stays the JSON that it was: in a column that is called so even a text is one of JSON."""
    if column.type.kind != "json":
        return reading(ANY, column.type)
    import msgspec

    encode = msgspec.json.Encoder(decimal_format="number").encode
    return lambda value: encode(value).decode()
