"""Numbers that people write as text: `1.234,56 €`, `12,5 %`, `(300)`. Read only as one is told, never by guessing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from tradewind.errors import DagError

#: Signs that a currency may be written with: any, but for what else belongs to numbers.
_CURRENCY = re.compile(r"[A-Za-z$€£¥₩₹₽₺₴₪₫฿¢]+\.?\Z")

_SPACES = dict.fromkeys(map(ord, " \u00a0\u202f\u2009"))


@dataclass(frozen=True)
class Numbers:
    """How numbers are written in text cells.

        Numbers(decimal=",", thousands=".", currency=["€", "EUR"], percent=True)

    - `decimal`, `thousands`: the signs before the fraction and between groups of three digits; spaces always may stand
      between groups. `thousands=""`: no groups.
    - `percent`: `12,5 %` is 0.125. Without it, such a text is no number.
    - `currency`: signs that may stand before or behind the number, and are dropped.
    - `parentheses`: `(300)` is -300, as in accounts.
    """

    decimal: str = "."
    thousands: str = ","
    percent: bool = False
    currency: str | tuple[str, ...] | list[str] = ()
    parentheses: bool = False

    def __post_init__(self) -> None:
        if len(self.decimal) != 1 or self.decimal.isdigit() or self.decimal == self.thousands:
            raise DagError(f"{self!r}: decimal= must be one character, and another one than thousands=.")
        if len(self.thousands) > 1 or self.thousands.isdigit():
            raise DagError(f"{self!r}: thousands= must be one character, or empty.")
        wrong = [sign for sign in self._signs() if not _CURRENCY.match(sign)]
        if wrong:
            raise DagError(f"{self!r}: {wrong[0]!r} is no sign of a currency.")

    def read(self, text: str) -> int | Decimal | None:
        """The number that a text is; None if it is not one."""
        left = text.strip().replace("\u2212", "-")
        negative = False
        if self.parentheses and left.startswith("(") and left.endswith(")"):
            negative, left = True, left[1:-1].strip()
        left = self._without_currency(left)
        percent = self.percent and left.endswith("%")
        left = left[:-1] if percent else left
        found = self._plain(left.strip().translate(_SPACES))
        if found is None:
            return None
        number = -found if negative else found
        number = number.scaleb(-2) if percent else number
        return int(number) if number == number.to_integral_value() and not percent else number

    def _signs(self) -> tuple[str, ...]:
        return (self.currency,) if isinstance(self.currency, str) and self.currency else tuple(self.currency)

    def _without_currency(self, text: str) -> str:
        minus, rest = ("-", text[1:].lstrip()) if text.startswith("-") else ("", text)
        for sign in sorted(self._signs(), key=len, reverse=True):
            if rest.startswith(sign):
                return minus + rest.removeprefix(sign).lstrip()
            if rest.endswith(sign):
                return minus + rest.removesuffix(sign).rstrip()
        return text

    def _plain(self, text: str) -> Decimal | None:
        whole, mark, fraction = text.partition(self.decimal)
        sign = whole[:1] if whole[:1] in ("-", "+") else ""
        digits = whole[len(sign) :]
        if self.thousands and self.thousands in digits:
            groups = digits.split(self.thousands)
            if not 1 <= len(groups[0]) <= 3 or any(len(group) != 3 for group in groups[1:]):
                return None
            digits = "".join(groups)
        well = (digits or fraction) and all(part.isascii() and part.isdigit() for part in (digits, fraction) if part)
        if not well or (mark and not fraction and not digits):
            return None
        return Decimal(f"{sign}{digits or '0'}.{fraction or '0'}")
