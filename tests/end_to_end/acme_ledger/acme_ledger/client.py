"""The hook, and two ways of booking in a task."""

import hashlib
from pathlib import Path

from tradewind import BaseHook, BaseOperator, TradewindError


class LedgerHook(BaseHook):
    conn_name_attr = "ledger_id"
    default_conn_name = "ledger_default"
    conn_type = "ledger"
    hook_name = "Ledger"

    def __init__(self, ledger_id=default_conn_name):
        self.ledger_id = ledger_id

    def get_conn(self):
        """The ledger's file."""
        return Path("/" + (self.get_connection(self.ledger_id).schema or ""))

    def test_connection(self):
        file = self.get_conn()
        return (True, f"{file} is there.") if file.exists() else (False, f"There is no file {file}.")

    def book(self, amount):
        extra = self.get_connection(self.ledger_id).extra_dejson
        assert isinstance(extra.get("strict", True), bool)
        if extra.get("strict", True) and not float(amount):
            raise TradewindError(f"The ledger {self.ledger_id!r} takes no bookings of nothing.")
        text = f"{float(amount):.{extra.get('digits', 2)}f}"
        sign = hashlib.sha256(f"{extra['seal']}{text}".encode()).hexdigest()[:8]
        with self.get_conn().open("a") as file:
            file.write(f"{text} {sign}\n")
        return text

    def bookings(self):
        return self.get_conn().read_text().splitlines()


class LedgerBookOperator(BaseOperator):
    template_fields = ("amount", "ledger_id")

    def __init__(self, *, amount, ledger_id="ledger_default", **kwargs):
        super().__init__(**kwargs)
        self.amount = amount
        self.ledger_id = ledger_id

    def execute(self, context):
        return LedgerHook(self.ledger_id).book(self.amount)


class BookDecorated(LedgerBookOperator):
    """`@task.book(ledger_id=...)`: books what the function returns."""

    function_field = "amount"

    def __init__(self, *, amount=None, **kwargs):
        super().__init__(amount=amount, **kwargs)
