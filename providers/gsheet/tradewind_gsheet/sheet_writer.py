"""Writes a table in a spreadsheet for a transfer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from tradewind.errors import TradewindError
from tradewind.transfer import Batch, Column, RowWriter, Type
from tradewind_gsheet.writing import TableWrite

if TYPE_CHECKING:
    from tradewind_gsheet.endpoints import Sheet
    from tradewind_gsheet.hook import GSheetsHook


class SheetWriter(RowWriter):
    """The rows wait on disk until all are there; nothing is sent before `commit`."""

    def __init__(self, hook: GSheetsHook, endpoint: Sheet) -> None:
        self.hook = hook
        self.endpoint = endpoint

    def __enter__(self) -> Self:
        try:
            book, place = self.hook.find_table(
                self.endpoint.spreadsheet, self.endpoint.tab, create=self.endpoint.create
            )
            self.write = TableWrite(book, place, self.endpoint.how())
        except BaseException:
            self.hook.close()
            raise
        old = self.write.old.names
        if old and self.endpoint.mode != "replace":
            partition = self.endpoint.partition or {}
            self.columns = tuple(Column(name, Type("any"), optional=name in partition) for name in old)
        return self

    def __exit__(self, *error: object) -> None:
        with suppress(TradewindError):
            self.write.close()
        self.hook.close()

    def cancel(self) -> None:
        super().cancel()
        self.hook.stop()

    def begin(self, columns: Sequence[Column]) -> None:
        self.write.begin(columns)

    def rows(self, batches: Iterable[Batch]) -> int:
        return sum(self.write.add(batch) for batch in batches)

    def commit(self) -> None:
        self.write.commit(lambda: self.cancelled)
