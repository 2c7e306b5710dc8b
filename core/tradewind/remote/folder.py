"""Stores in a plain folder, which several machines may share: `file:///shared/logs`."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from tradewind import atomic
from tradewind.errors import LogStoreError, SettingError, XComError
from tradewind.remote.contract import LogStore, XComStore
from tradewind.remote.url import StoreUrl

#: Somebody may delete the folder, which is empty yet, before the file is there: that often it is made again.
_WRITES = 5


class FolderLogStore(LogStore):
    """A folder for each log, a file for each chunk."""

    def __init__(self, url: StoreUrl) -> None:
        super().__init__(url)
        self._folder = _folder(url)

    def put(self, log: str, chunk: str, data: bytes) -> None:
        try:
            _write(self._folder / log / chunk, data)
        except OSError as error:
            raise LogStoreError(f"{self.url} takes no log: {_told(error)}") from error

    def chunks(self, log: str, after: str = "") -> list[str]:
        try:
            names = [path.name for path in (self._folder / log).iterdir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise LogStoreError(f"{self.url} cannot be read: {_told(error)}") from error
        return sorted(name for name in names if name > after and not name.startswith("."))

    def get(self, log: str, chunk: str) -> bytes:
        try:
            return (self._folder / log / chunk).read_bytes()
        except OSError as error:
            raise LogStoreError(f"{self.url} does not give a part of the log {log}: {_told(error)}") from error


class FolderXComStore(XComStore):
    """A file for each value."""

    def __init__(self, url: StoreUrl) -> None:
        super().__init__(url)
        self._folder = _folder(url)

    def put(self, name: str, data: bytes) -> None:
        try:
            _write(self._folder / name, data)
        except OSError as error:
            raise XComError(f"The XCom store {self.url} takes no value: {_told(error)}") from error

    def get(self, name: str) -> bytes | None:
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise XComError(f"The XCom store {self.url} cannot be read: {_told(error)}") from error

    def delete(self, name: str) -> None:
        try:
            (self._folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise XComError(f"The XCom store {self.url} does not delete: {_told(error)}") from error

    def delete_all(self, prefix: str) -> int:
        folder = self._folder / prefix
        try:
            folder.stat()
            count = sum(len(files) for _, _, files in os.walk(folder))
            shutil.rmtree(folder)
            for parent in folder.parents:  # folders that are empty now; another process may fill one this moment
                if parent == self._folder or self._folder not in parent.parents:
                    break
                with suppress(OSError):
                    parent.rmdir()
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise XComError(f"The XCom store {self.url} does not delete: {_told(error)}") from error
        return count


def _folder(url: StoreUrl) -> Path:
    if url.place or not url.path.startswith("/") or url.conn_id:
        raise SettingError(
            f"The setting {url.setting} names a folder by its full path and nothing else: file:///shared/folder, with "
            "three slashes."
        )
    url.check_options()
    return Path(url.path)


def _write(path: Path, data: bytes) -> None:
    """Write a file, in folders that are made for it."""
    for attempt in range(_WRITES):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            atomic.write(path, data, durable=True)
            return
        except FileNotFoundError:
            if attempt == _WRITES - 1:
                raise


def _told(error: OSError) -> str:
    return error.strerror or str(error)
