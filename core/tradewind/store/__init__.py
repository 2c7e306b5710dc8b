"""The metadata database: verbs in, frozen records out. The only package that speaks SQL.

`open_store(settings)` gives a `Store`. SQLAlchemy is imported with the first use of a name from here, so that looking
up a connection loads it only where there is a metadata database to ask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.lazy import lazy_names

if TYPE_CHECKING:
    from tradewind.store.leases import SchedulerInfo
    from tradewind.store.moves import Applied
    from tradewind.store.store import Store, open_store
    from tradewind.store.xcoms import StoreTaskApi

__all__ = ["Applied", "SchedulerInfo", "Store", "StoreTaskApi", "open_store"]

_HOMES = {
    "Applied": "moves",
    "SchedulerInfo": "leases",
    "Store": "store",
    "StoreTaskApi": "xcoms",
    "open_store": "store",
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
