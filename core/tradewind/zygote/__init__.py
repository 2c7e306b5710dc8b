"""A clean process that forks children on request, in about a millisecond each.

The scheduler's own process has threads and open databases, which make forking it unsafe. It therefore starts one
small single-threaded interpreter early, the zygote, that has the costly modules loaded already and forks whenever it
is asked to. DAG files are parsed and tasks are started in such children. Where fork is unsafe (macOS) or not wanted,
the same calls start a new interpreter each.
"""

from __future__ import annotations

from tradewind.zygote.client import Child, Zygote
from tradewind.zygote.frames import receive, send

__all__ = ["Child", "Zygote", "receive", "send"]
