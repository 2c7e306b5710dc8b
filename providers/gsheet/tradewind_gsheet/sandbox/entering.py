"""What becomes of a text that is typed into a cell, or sent with `USER_ENTERED`: a number, a date, a formula ..."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from functools import cache

from tradewind_gsheet.sandbox.cells import EPOCH, Value, serial
from tradewind_gsheet.sandbox.locales import Locale

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<name>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_ISO = re.compile(r"(?P<Y>\d{4})(?P<mark>[-/.])(?P<M>\d{1,2})(?P=mark)(?P<D>\d{1,2})")
_NUMERIC = re.compile(r"(\d{1,2})(?P<mark>[-/.])(\d{1,2})(?:(?P=mark)(\d{4}|\d{2}))?")
_NAMED = (
    re.compile(rf"{_MONTH}\s+(?P<D>\d{{1,2}}),?\s+(?P<Y>\d{{4}})", re.IGNORECASE),
    re.compile(rf"(?P<D>\d{{1,2}})[\s-]{_MONTH}[\s-](?P<Y>\d{{4}})", re.IGNORECASE),
)
_LONGEST_DATE = 40  # characters
_TIME = re.compile(
    r"(?P<h>\d{1,3}):(?P<m>\d{2})(?::(?P<s>\d{2})(?P<ms>\.\d{1,3})?)?(?:\s*(?P<half>[ap])\.?m\.?)?", re.IGNORECASE
)
#: How every number and every date begins: with signs and a digit, or with the name of a month.
_MAYBE = re.compile(rf"[^\W\d_]{{0,3}}\W{{0,6}}\d|{_MONTH}", re.IGNORECASE)
#: What every date and every time has.
_MAYBE_DATE = re.compile(r"\d[-/.:]\d|\d.*[A-Za-z]{3}|[A-Za-z]{3}.*\d", re.DOTALL)
#: Signs that make a number an amount, in every locale beside its own.
_CURRENCIES = "$€£¥₹₩₽₺₴"


@dataclass(frozen=True, slots=True)
class Entered:
    """What a text means, and the `numberFormat` that a cell gets with it."""

    value: Value = None
    formula: str = ""
    type: str = ""
    pattern: str = ""


def entered(text: str, locale: Locale, today: datetime.date) -> Entered:
    """What Google Sheets makes of a typed text."""
    if text == "":
        return Entered()
    if text.startswith("'"):
        return Entered(text[1:])
    if text.startswith("=") and len(text) > 1:
        return Entered(formula=text)
    bare = text.strip()
    if bare.lower() in ("true", "false"):
        return Entered(bare.lower() == "true")
    if not _MAYBE.match(bare):
        return Entered(text)
    return _number(bare, locale) or _date(bare, locale, today) or Entered(text)


# -- numbers ----------------------------------------------------------------------------------------------------------


def _number(text: str, locale: Locale) -> Entered | None:
    negative, text = _sign(text)
    percent = text.endswith("%")
    text, currency = _without_currency(text.removesuffix("%").strip(), locale)
    if not negative:
        negative, text = _sign(text)
    found = _digits(locale).fullmatch(text)
    if not found or not (found["whole"] or found["part"]):
        return None
    if percent and (currency or found["power"]):
        return None
    whole = re.sub(r"\D", "", found["whole"])
    grouped = whole != found["whole"]
    number = float(f"{whole or '0'}.{found['part'] or '0'}e{found['power'] or '0'}")
    if number == float("inf"):
        return None
    number = (-number if negative else number) / (100 if percent else 1)
    kind, shown = _number_format(bool(found["part"]), bool(found["power"]), percent, currency, grouped)
    return Entered(int(number) if number.is_integer() and abs(number) < 1e15 else number, type=kind, pattern=shown)


@cache
def _digits(locale: Locale) -> re.Pattern[str]:
    """A number without its signs."""
    return re.compile(
        rf"(?P<whole>\d+|\d{{1,3}}(?:{_group(locale)}\d{{3}})+|)"
        rf"(?:{re.escape(locale.decimal)}(?P<part>\d*))?(?:[eE](?P<power>[+-]?\d{{1,3}}))?"
    )


def _group(locale: Locale) -> str:
    """What may stand between groups of digits: a space is as good as any of its kinds."""
    return r"[ \u00a0\u202f]" if locale.group.isspace() else re.escape(locale.group)


def _sign(text: str) -> tuple[bool, str]:
    if text.startswith("(") and text.endswith(")") and len(text) > 2:
        return True, text[1:-1].strip()
    if text[:1] in ("-", "+"):
        return text[0] == "-", text[1:].strip()
    return False, text


def _without_currency(text: str, locale: Locale) -> tuple[str, str]:
    """The rest of the text, and the pattern of the currency whose sign it began or ended with."""
    if text.startswith(locale.currency) or text.endswith(locale.currency):
        return text.removeprefix(locale.currency).removesuffix(locale.currency).strip(), locale.currency_pattern
    if text[:1] and text[0] in _CURRENCIES:
        return text[1:].strip(), f'"{text[0]}"#'
    return text, ""


def _number_format(fraction: bool, power: bool, percent: bool, currency: str, grouped: bool) -> tuple[str, str]:
    digits = "#,##0.00" if fraction else "#,##0"
    if currency:
        return "CURRENCY", currency.replace("#", digits)
    if percent:
        return "PERCENT", "0.00%" if fraction else "0%"
    if power:
        return "SCIENTIFIC", "0.00E+00"
    return ("NUMBER", digits) if grouped else ("", "")


# -- dates and times --------------------------------------------------------------------------------------------------


def _date(text: str, locale: Locale, today: datetime.date) -> Entered | None:
    """A date, a time, or a date followed by a time."""
    if len(text) > _LONGEST_DATE or not _MAYBE_DATE.search(text):
        return None
    time = _time(text)
    if time:
        number, pattern = time
        return Entered(number, type="TIME", pattern=pattern)
    day = _day(text, locale, today)
    if day:
        date, pattern = day
        return Entered(serial(date), type="DATE", pattern=pattern)
    for space in re.finditer(" ", text):
        day, time = _day(text[: space.start()], locale, today), _time(text[space.end() :].strip())
        if day and time and time[0] < 1:
            return Entered(serial(day[0]) + time[0], type="DATE_TIME", pattern=f"{day[1]} {time[1]}")
    return None


def _day(text: str, locale: Locale, today: datetime.date) -> tuple[datetime.datetime, str] | None:
    found = _ISO.fullmatch(text)
    if found:
        pattern = "yyyy-mm-dd" if found["mark"] == "-" else locale.date
        return _calendar(int(found["Y"]), int(found["M"]), int(found["D"]), pattern)
    for named in _NAMED:
        found = named.fullmatch(text)
        if found:
            month = _MONTHS.index(found["name"][:3].lower()) + 1
            pattern = "mmmm d, yyyy" if text[0].isalpha() else "d mmm yyyy"
            return _calendar(int(found["Y"]), month, int(found["D"]), pattern)
    found = _NUMERIC.fullmatch(text)
    if not found or (found["mark"] == "." and "." not in locale.date):
        return None
    first, second, year = int(found[1]), int(found[3]), found[4]
    month, day = (second, first) if locale.order == "DMY" else (first, second)
    return _calendar(_year(year, today), month, day, locale.date)


def _year(text: str | None, today: datetime.date) -> int:
    if text is None:
        return today.year
    number = int(text)
    return number if len(text) == 4 else number + (2000 if number < 50 else 1900)


def _calendar(year: int, month: int, day: int, pattern: str) -> tuple[datetime.datetime, str] | None:
    try:
        return datetime.datetime(year, month, day), pattern
    except ValueError:
        return None


def _time(text: str) -> tuple[float | int, str] | None:
    """Part of a day, and the pattern."""
    found = _TIME.fullmatch(text)
    if not found or int(found["m"]) > 59 or int(found["s"] or 0) > 59:
        return None
    hours, half = int(found["h"]), (found["half"] or "").lower()
    if half:
        if not 1 <= hours <= 12:
            return None
        hours = hours % 12 + (12 if half == "p" else 0)
    took = datetime.timedelta(
        hours=hours,
        minutes=int(found["m"]),
        seconds=int(found["s"] or 0),
        milliseconds=round(float(found["ms"] or 0) * 1000),
    )
    pattern = "h:mm" + (":ss" if found["s"] else "") + (".000" if found["ms"] else "") + (" am/pm" if half else "")
    return serial(EPOCH + took), pattern if hours < 24 else "[h]:mm:ss"
