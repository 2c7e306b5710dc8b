"""What is seen of a value: number formats, and how a number looks that has none."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

from tradewind_gsheet.sandbox.cells import CellError, Result, moment
from tradewind_gsheet.sandbox.locales import Locale

_DATE_WORDS = re.compile(
    r'"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|(?P<elapsed>\[(?:h+|m+|s+)\])|(?P<half>am/pm|a/p)|'
    r"(?P<word>y+|m+|d+|h+|s+)|(?P<part>\.0+)|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)
_NUMBER_WORDS = re.compile(
    r'"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|\[\$(?P<currency>[^\]-]*)(?:-[^\]]*)?\]|(?P<bracket>\[[^\]]*\])|_(?P<space>.)|\*(?P<fill>.)|'
    r"(?P<digits>[0#?,]*[0#?][0#?,]*(?:\.[0#?]*)?,*|\.[0#?]+)|(?P<power>[eE][+-]0+)|(?P<other>.)",
    re.DOTALL,
)
_LITERAL = re.compile(r'"[^"]*"|\\.|\[\$[^\]]*\]')

#: Patterns of the types of `numberFormat` that are given without one.
_DEFAULTS = {
    "NUMBER": "#,##0.00",
    "PERCENT": "0.00%",
    "SCIENTIFIC": "0.00E+00",
    "TIME": "h:mm:ss am/pm",
    "TEXT": "@",
}
#: Types whose numbers are dates or times.
DATES = ("DATE", "TIME", "DATE_TIME")


def pattern_of(format: Mapping[str, Any] | None, locale: Locale) -> str:
    """The pattern of a `numberFormat`; empty if it has none."""
    if not format:
        return ""
    kind = str(format.get("type", ""))
    if format.get("pattern"):
        return str(format["pattern"])
    if kind == "CURRENCY":
        return locale.currency_pattern.replace("#", "#,##0.00")
    if kind == "DATE":
        return locale.date
    if kind == "DATE_TIME":
        return f"{locale.date} h:mm:ss"
    return _DEFAULTS.get(kind, "")


def shown(value: Result, format: Mapping[str, Any] | None, locale: Locale) -> str:
    """`FORMATTED_VALUE`."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, CellError):
        return value.name
    pattern = pattern_of(format, locale)
    return formatted(value, pattern, locale) if pattern else general(value, locale)


def general(number: float, locale: Locale) -> str:
    """A number without a format: at most ten digits after a point, 15 in all."""
    if float(number).is_integer() and abs(number) < 1e15:
        return str(int(number))
    size = abs(number)
    if size >= 1e15 or size < 1e-10:
        text = f"{number:.5E}"
        digits, _, power = text.partition("E")
        return f"{digits.rstrip('0').rstrip('.')}E{int(power):+03d}".replace(".", locale.decimal)
    places = max(0, min(10, 9 - math.floor(math.log10(size)))) if size >= 1 else 10
    text = _rounded(number, places)
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace(".", locale.decimal)


def formatted(number: float, pattern: str, locale: Locale) -> str:
    """A number by a pattern such as `#,##0.00` or `yyyy-mm-dd`."""
    sections = _sections(pattern)
    section, bare = sections[0], False
    if number < 0 and len(sections) > 1:
        section, bare = sections[1], True
    elif number == 0 and len(sections) > 2:
        section = sections[2]
    if section.strip() == "@" or section.lower() == "general":
        return general(number, locale)
    if is_date(section):
        return _date(number, section)
    return _number(abs(number) if bare else number, section, locale)


@lru_cache(maxsize=256)
def _sections(pattern: str) -> tuple[str, ...]:
    hidden = _LITERAL.sub(lambda found: "x" * len(found[0]), pattern)
    ends = [place for place, sign in enumerate(hidden) if sign == ";"]
    return tuple(pattern[start + 1 : end] for start, end in zip([-1, *ends], [*ends, len(pattern)], strict=True))


@lru_cache(maxsize=256)
def is_date(pattern: str) -> bool:
    """Whether a pattern shows dates or times."""
    bare = _LITERAL.sub("", pattern).lower()
    return bool(re.search(r"[ydhsm]", re.sub(r"\[[a-z]{3,}\d*\]", "", bare))) and not re.search(
        r"[0#?](?<!\.0)", re.sub(r"\.0+", "", bare)
    )


# -- numbers ----------------------------------------------------------------------------------------------------------


def _rounded(number: float, places: int) -> str:
    """Half away from zero, of the shortest decimal that is this number."""
    text = Decimal(repr(number)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    return f"{text:f}"


def _number(number: float, section: str, locale: Locale) -> str:
    words = list(_NUMBER_WORDS.finditer(section))
    if any(word["other"] == "%" for word in words):
        number = float(Decimal(repr(number)) * 100)
    digits = next((word["digits"] for word in words if word["digits"]), "")
    power = next((word["power"] for word in words if word["power"]), "")
    sign = "-" if number < 0 else ""
    size, exponent = abs(number), 0
    if power and size:
        exponent = math.floor(math.log10(size))
        size = float(Decimal(repr(size)).scaleb(-exponent))
    text, done = _digits(size, digits, locale), False
    if sign and not text.strip("0.,"):
        sign = ""  # -0.001 by the pattern 0.00
    out = []
    for word in words:
        if word["digits"]:
            out.append("" if done else text)
            done = True
        elif word["power"]:
            out.append(f"E{'-' if exponent < 0 else '+'}{abs(exponent):0{len(power) - 2}d}")
        elif word["space"]:
            out.append(" ")
        elif word["bracket"] is None and word["fill"] is None:
            out.append(word["quoted"] or word["escaped"] or word["currency"] or word["other"] or "")
    return sign + "".join(out)


def _digits(size: float, pattern: str, locale: Locale) -> str:
    thousands = len(pattern) - len(pattern.rstrip(","))
    whole, _, part = pattern.rstrip(",").partition(".")
    if thousands:
        size /= 1000**thousands
    least = part.count("0")
    text = _rounded(size, len(part))
    before, _, after = text.partition(".")
    kept = after[:least] + after[least:].rstrip("0")
    before = before.lstrip("0").rjust(whole.count("0"), "0")
    if "," in whole:
        before = re.sub(r"(?<=\d)(?=(\d{3})+$)", locale.group, before)
    return before + (locale.decimal + kept if kept else "")


# -- dates ------------------------------------------------------------------------------------------------------------


def _date(number: float, section: str) -> str:
    when = moment(number)
    if when is None:
        return str(number)
    words = list(_DATE_WORDS.finditer(section))
    half = any(word["half"] for word in words)
    out = []
    for place, word in enumerate(words):
        if word["word"]:
            out.append(_word(when, word["word"].lower(), half, _is_minutes(words, place)))
        elif word["elapsed"]:
            out.append(_elapsed(number, word["elapsed"].strip("[]").lower()))
        elif word["half"]:
            out.append(("AM" if when.hour < 12 else "PM")[: len(word["half"]) // 2 or 1])
        elif word["part"]:
            out.append("." + f"{when.microsecond // 1000:03d}"[: len(word["part"]) - 1])
        else:
            out.append(word["quoted"] or word["escaped"] or word["other"] or "")
    return "".join(out)


def _is_minutes(words: list[re.Match[str]], place: int) -> bool:
    """`m` is minutes behind hours and before seconds, else it is the month."""
    if words[place]["word"][0].lower() != "m":
        return False

    def kind(word: re.Match[str]) -> str:
        return (word["word"] or (word["elapsed"] or "").strip("[]"))[:1].lower()

    before = [kind(word) for word in words[:place] if kind(word)]
    after = [kind(word) for word in words[place + 1 :] if kind(word)]
    return before[-1:] == ["h"] or after[:1] == ["s"]


def _word(when: datetime.datetime, word: str, half: bool, minutes: bool) -> str:
    letter, length = word[0], len(word)
    if letter == "y":
        return f"{when.year:04d}" if length > 2 else f"{when.year % 100:02d}"
    if letter == "d" and length > 2:
        return when.strftime("%A" if length > 3 else "%a")
    if letter == "m" and not minutes and length > 2:
        return when.strftime("%B")[:1] if length == 5 else when.strftime("%B" if length > 3 else "%b")
    number = {
        "d": when.day,
        "m": when.minute if minutes else when.month,
        "h": (when.hour - 1) % 12 + 1 if half else when.hour,
        "s": when.second,
    }[letter]
    return f"{number:0{min(length, 2)}d}"


def _elapsed(number: float, word: str) -> str:
    seconds = round(number * 86_400)
    size = {"h": 3600, "m": 60, "s": 1}[word[0]]
    return f"{seconds // size:0{len(word)}d}"
