"""Asking a metadata database that may be away for a while: what is to be recorded or told must not be lost by that."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from tradewind.errors import StoreError

T = TypeVar("T")

log = logging.getLogger("tradewind.runner")

#: How long a process goes on asking, in seconds.
PATIENCE = 300.0


def patiently(verb: Callable[[], T], trouble: str) -> T:
    """Call `verb` again and again while it raises a StoreError, for PATIENCE seconds; the log then tells `trouble`."""
    end = time.monotonic() + PATIENCE
    pause = 0.1
    while True:
        try:
            return verb()
        except StoreError as error:
            if time.monotonic() > end:
                raise
            log.warning("%s: %s", trouble, error)
            time.sleep(pause)
            pause = min(pause * 2, 5.0)
