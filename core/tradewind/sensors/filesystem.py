"""FileSensor: waits for a file."""

from __future__ import annotations

import datetime
import glob
from pathlib import Path
from typing import Any

from tradewind import plugins
from tradewind.errors import PluginError
from tradewind.operator import BaseSensor


class FileSensor(BaseSensor):
    """Waits until a file is there, or a folder with at least one file in it, however deep.

        FileSensor(task_id="wait", filepath="/in/{{ ds }}_*.csv", mode="reschedule")

    - `filepath`: path, or pattern with `*`, `?`, `[...]` and, with `recursive=True`, `**`. Relative ones start from the
      folder that the connection names.
    - `fs_conn_id`: connection of type `fs` whose extra `path` is that folder. The default one need not exist: relative
      paths start from the current folder then.
    - `deferrable`: as `mode="reschedule"`: no process waits in between.
    """

    template_fields = ("filepath",)
    ui_color = "#91818a"

    def __init__(
        self,
        *,
        filepath: str,
        fs_conn_id: str = "fs_default",
        recursive: bool = False,
        deferrable: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**({"mode": "reschedule"} if deferrable else {}) | kwargs)
        self.filepath = filepath
        self.fs_conn_id = fs_conn_id
        self.recursive = recursive

    @property
    def path(self) -> str:
        """The path, or pattern, that is looked for."""
        return str(Path(_hook(self.fs_conn_id).get_path()) / self.filepath)

    def poke(self, context: Any) -> bool:
        pattern = self.path
        self.log.info("Looking for %s", pattern)
        for name in sorted(glob.glob(pattern, recursive=self.recursive)):  # noqa: PTH207 - pathlib's has no `[` in paths
            file = _first_file(Path(name))
            if file is not None:
                changed = datetime.datetime.fromtimestamp(file.stat().st_mtime, datetime.UTC)
                self.log.info("Found %s, last changed %s", file, changed.isoformat(timespec="seconds"))
                return True
        return False


def _first_file(path: Path) -> Path | None:
    if path.is_file():
        return path
    return next((found for found in path.rglob("*") if found.is_file()), None) if path.is_dir() else None


def _hook(conn_id: str) -> Any:
    """The hook of folders; by name, since sensors know nothing of operators."""
    declared = plugins.current().connection_type("fs")
    if declared is None or declared.hook is None:
        raise PluginError("No plugin declares the connection type 'fs' with a hook.")
    return plugins.load_object(declared.hook)(conn_id)
