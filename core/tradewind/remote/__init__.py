"""Where logs and large values go beside this machine: stores that are named by a URL, and what is kept in them.

url         StoreUrl: `s3://bucket/prefix?conn_id=...`, taken apart
contract    LogStore and XComStore: what the author of a store writes
folder      both, for a plain folder
opening     the stores that the settings name
chunks      how a log is cut into objects, and their names
reading     RemoteLog: a log put together again, while it grows too
unsent      notes in the local log folder: these logs are not uploaded yet
values      references to values in an XCom store, and the way back
unwanted    notes in the home folder: the values of these runs are to be deleted
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.lazy import lazy_names

if TYPE_CHECKING:
    from tradewind.remote.contract import LogStore as LogStore
    from tradewind.remote.contract import XComStore as XComStore
    from tradewind.remote.opening import open_log_store as open_log_store
    from tradewind.remote.opening import open_xcom_store as open_xcom_store
    from tradewind.remote.reading import RemoteLog as RemoteLog
    from tradewind.remote.url import StoreUrl as StoreUrl

_HOME = {
    "LogStore": "contract",
    "RemoteLog": "reading",
    "StoreUrl": "url",
    "XComStore": "contract",
    "open_log_store": "opening",
    "open_xcom_store": "opening",
}

__all__ = sorted(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
