"""HTTP for tradewind. Names are loaded when they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.lazy import lazy_names

if TYPE_CHECKING:
    from tradewind_http.endpoints import HttpJson as HttpJson
    from tradewind_http.errors import HttpError as HttpError
    from tradewind_http.errors import HttpStatusError as HttpStatusError
    from tradewind_http.hook import HttpHook as HttpHook
    from tradewind_http.notifier import HttpNotifier as HttpNotifier
    from tradewind_http.operators import HttpOperator as HttpOperator
    from tradewind_http.pagination import Cursor as Cursor
    from tradewind_http.pagination import NextLink as NextLink
    from tradewind_http.pagination import NextUrl as NextUrl
    from tradewind_http.pagination import Offset as Offset
    from tradewind_http.pagination import PageNumber as PageNumber
    from tradewind_http.sandbox import HttpSandbox as HttpSandbox
    from tradewind_http.sensors import HttpSensor as HttpSensor

_HOME = {
    "Cursor": "pagination",
    "HttpError": "errors",
    "HttpHook": "hook",
    "HttpJson": "endpoints",
    "HttpNotifier": "notifier",
    "HttpOperator": "operators",
    "HttpSandbox": "sandbox",
    "HttpSensor": "sensors",
    "HttpStatusError": "errors",
    "NextLink": "pagination",
    "NextUrl": "pagination",
    "Offset": "pagination",
    "PageNumber": "pagination",
}

__all__ = list(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
