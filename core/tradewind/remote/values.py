"""Large values: put away in the XCom store, with a small reference in their place, and fetched by that reference.

A value is the JSON text that `tradewind.xcom` makes. Its name in the store is `<dag>/<run>/<number of the run>/<task>/
<hand-over>-<key>.json`: no two attempts write to the same, and no other run of that name does either.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import json
import lzma
import zlib
from collections.abc import Callable
from typing import Any

from tradewind import settings as settings_module
from tradewind.errors import SettingError, XComError
from tradewind.logs import safe
from tradewind.records import TaskKey
from tradewind.remote.contract import XComStore
from tradewind.remote.opening import open_xcom_store

#: The type that a reference has among what JSON lacks, see `tradewind.xcom`.
TYPE = "stored"

#: How every reference begins.
PREFIX = '{"__type__":"stored",'

Convert = Callable[[bytes], bytes]

#: Name -> ending, there, back. Without the time in gzip's header, equal values make equal objects.
_COMPRESSIONS: dict[str, tuple[str, Convert, Convert]] = {
    "": ("", bytes, bytes),
    "gzip": (".gz", lambda data: gzip.compress(data, 6, mtime=0), gzip.decompress),
    "bz2": (".bz2", bz2.compress, bz2.decompress),
    "xz": (".xz", lzma.compress, lzma.decompress),
}

#: What reading damaged data raises.
_DAMAGED = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError)


def run_prefix(dag_id: str, run_id: str, run: int) -> str:
    """What the names of all values of a run begin with; `run` is Run.id."""
    return f"{safe(dag_id)}/{safe(run_id)}/{run}/"


def put_away(run: int, key: TaskKey, xcom_key: str, text: str) -> str:
    """Keep a value in the store of the settings; returns the reference to it. Raises XComError.

    `run` is Run.id, `text` what `tradewind.xcom.dumps` made of the value.
    """
    what = f"The XCom {xcom_key!r} of {key}"
    store = _store(what)
    compression = settings_module.read().xcom_store_compression
    if compression not in _COMPRESSIONS:
        known = ", ".join(name for name in _COMPRESSIONS if name)
        told = f"the setting xcom_store_compression is {compression!r}; there are: {known}."
        raise XComError(f"{what} cannot be kept: {told}")
    ending, compress, _ = _COMPRESSIONS[compression]
    task = f"{safe(key.task_id)}[{key.map_index}]" if key.map_index >= 0 else safe(key.task_id)
    folder = f"{run_prefix(key.dag_id, key.run_id, run)}{task}"
    # A key may be longer than a file name may be.
    name = f"{folder}/{key.dispatch}-{safe(xcom_key)[:80]}-{_digest(xcom_key.encode())[:8]}.json{ending}"
    data = text.encode()
    try:
        store.put(name, compress(data))
    except XComError as error:
        raise XComError(f"{what} cannot be kept: {error}") from error
    about = {"compression": compression, "bytes": len(data), "sha256": _digest(data), "of": str(key), "key": xcom_key}
    return json.dumps({"__type__": TYPE, "value": name, **about}, separators=(",", ":"))


def is_reference(text: str) -> bool:
    """Whether a stored XCom is a reference, and not the value itself."""
    return text.startswith(PREFIX)


def fetch(reference: dict[str, Any]) -> str:
    """The value that a reference stands for. Raises XComError, which names the XCom and what to do."""
    what = f"The XCom {reference['key']!r} of {reference['of']}"
    store = _store(what)
    try:
        data = store.get(reference["value"])
    except XComError as error:
        raise XComError(f"{what} cannot be read: {error}") from error
    if data is None:
        raise XComError(
            f"{what} is gone: the XCom store {store.url} has no {reference['value']}. Clear the task that wrote it; "
            "or, if the setting xcom_store_url was changed, move there what the old store holds."
        )
    return _checked(what, store, data, reference)


def _checked(what: str, store: XComStore, data: bytes, reference: dict[str, Any]) -> str:
    _, _, decompress = _COMPRESSIONS[reference["compression"]]
    try:
        data = decompress(data)
    except _DAMAGED:
        data = b""
    if _digest(data) != reference["sha256"]:
        raise XComError(
            f"{what} is damaged: {reference['value']} in the XCom store {store.url} is not what was written "
            f"({reference['bytes']:,} bytes). Clear the task that wrote it."
        )
    return data.decode()


def forget(reference: str) -> None:
    """Delete the value that a reference stands for. Raises XComError."""
    found = json.loads(reference)
    _store(f"The XCom {found['key']!r} of {found['of']}").delete(found["value"])


_opened: dict[str, XComStore] = {}


def _store(what: str) -> XComStore:
    """The store of the settings, opened once: a task may pull many values. Raises XComError for `what` needs it."""
    settings = settings_module.read()
    if settings.xcom_store_url not in _opened:
        try:
            found = open_xcom_store(settings)
        except SettingError as error:
            raise XComError(f"{what} needs the XCom store, which cannot be opened: {error}") from error
        if found is None:
            raise XComError(f"{what} lies in an XCom store, and the setting xcom_store_url is empty. Set it as it was.")
        _opened[settings.xcom_store_url] = found
    return _opened[settings.xcom_store_url]


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
