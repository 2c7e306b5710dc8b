"""Transfers: any source into any sink, in one piece. Providers bring the endpoints; `LocalFile` is the core's own.

    from tradewind.transfer import LocalFile, Transfer

An author of endpoints starts with `contract`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.lazy import lazy_names

if TYPE_CHECKING:
    from tradewind.transfer.contract import Batch as Batch
    from tradewind.transfer.contract import Column as Column
    from tradewind.transfer.contract import CsvReader as CsvReader
    from tradewind.transfer.contract import CsvWriter as CsvWriter
    from tradewind.transfer.contract import Reader as Reader
    from tradewind.transfer.contract import RowReader as RowReader
    from tradewind.transfer.contract import RowWriter as RowWriter
    from tradewind.transfer.contract import Sink as Sink
    from tradewind.transfer.contract import Source as Source
    from tradewind.transfer.contract import Writer as Writer
    from tradewind.transfer.files import FileEndpoint as FileEndpoint
    from tradewind.transfer.local_file import LocalFile as LocalFile
    from tradewind.transfer.operator import Transfer as Transfer
    from tradewind.transfer.types import Type as Type

_HOME = {
    **dict.fromkeys(
        (
            "Batch",
            "Column",
            "CsvReader",
            "CsvWriter",
            "Reader",
            "RowReader",
            "RowWriter",
            "Sink",
            "Source",
            "Writer",
        ),
        "contract",
    ),
    "FileEndpoint": "files",
    "LocalFile": "local_file",
    "Transfer": "operator",
    "Type": "types",
}

__all__ = list(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
