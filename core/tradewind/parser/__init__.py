"""DAG files in, `DagSpec`s and import failures out.

A DAG file is a stranger's program, so it is loaded in a process of its own, which may hang, crash or eat memory
without harm to anything else. This part never sees the metadata database.
"""

from __future__ import annotations

from tradewind.parser.failure import import_failure
from tradewind.parser.folder import DagFolder
from tradewind.parser.load import load_dags
from tradewind.parser.parse import PRELOAD, parse_file
from tradewind.parser.source import file_hash, read_source

__all__ = ["PRELOAD", "DagFolder", "file_hash", "import_failure", "load_dags", "parse_file", "read_source"]
