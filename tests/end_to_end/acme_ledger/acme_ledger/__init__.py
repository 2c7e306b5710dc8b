"""ACME's ledger: lines of a file that bookings are added to."""

from acme_ledger.client import LedgerBookOperator, LedgerHook

__all__ = ["LedgerBookOperator", "LedgerHook"]
