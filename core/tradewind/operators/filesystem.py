"""FSHook: a folder that a connection names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tradewind.errors import ConnectionNotFound
from tradewind.hook import BaseHook

DEFAULT_CONN_ID = "fs_default"


class FSHook(BaseHook):
    """Gives the folder that a connection of type `fs` names.

        FSHook("landing").get_path()      # '/data/landing', given AIRFLOW_CONN_LANDING=fs://?path=/data/landing

    The folder is the extra `path` of the connection. `fs_default` need not exist: it then names no folder, and relative
    paths start from the current one.
    """

    conn_name_attr = "fs_conn_id"
    default_conn_name = DEFAULT_CONN_ID
    conn_type = "fs"
    hook_name = "Folder"

    def __init__(self, fs_conn_id: str = DEFAULT_CONN_ID, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fs_conn_id = fs_conn_id

    def get_conn(self) -> None:
        """A folder needs no client."""

    def get_path(self) -> str:
        """The folder; empty if the connection names none."""
        try:
            connection = self.get_connection(self.fs_conn_id)
        except ConnectionNotFound:
            if self.fs_conn_id == DEFAULT_CONN_ID:
                return ""
            raise
        return str(connection.extra_dejson.get("path") or "")

    def test_connection(self) -> tuple[bool, str]:
        path = self.get_path()
        if not path:
            return True, "It names no folder: relative paths start from the current one."
        return (True, f"{path} is a folder.") if Path(path).is_dir() else (False, f"{path} is not a folder.")
