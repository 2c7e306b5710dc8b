"""The functions that formulas may call. One that is not here gives #NAME?."""

from __future__ import annotations

import datetime
import fnmatch
import math
import operator
import re
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tradewind_gsheet.sandbox.cells import CellError, Result, Value, moment, serial
from tradewind_gsheet.sandbox.locales import Locale
from tradewind_gsheet.sandbox.showing import general

#: Rows of values: what a range is.
Block = list[list[Result]]
Argument = Result | Block


class Failed(Exception):
    """A formula ends with an error."""

    def __init__(self, name: str, told: str = "") -> None:
        super().__init__(name)
        self.error = CellError(name, told)


# -- what arguments are -----------------------------------------------------------------------------------------------


def single(value: Argument) -> Value:
    """One value. Raises Failed if it is an error."""
    if isinstance(value, list):
        value = value[0][0] if value and value[0] else None
    if isinstance(value, CellError):
        raise Failed(value.name, value.told)
    return value


def number(value: Argument) -> float | int:
    """A value as a number: nothing is 0, TRUE is 1, a text is read as one."""
    one = single(value)
    if one is None:
        return 0
    if isinstance(one, bool):
        return int(one)
    if isinstance(one, str):
        try:
            return float(one.replace(",", ""))
        except ValueError:
            raise Failed("#VALUE!", f"'{one}' is a text and cannot be coerced to a number.") from None
    return one


def truth(value: Argument) -> bool:
    one = single(value)
    if isinstance(one, str):
        if one.upper() in ("TRUE", "FALSE"):
            return one.upper() == "TRUE"
        raise Failed("#VALUE!", f"'{one}' is a text and cannot be coerced to a boolean.")
    return bool(one)


def text(value: Argument, locale: Locale) -> str:
    one = single(value)
    if one is None:
        return ""
    if isinstance(one, bool):
        return "TRUE" if one else "FALSE"
    return one if isinstance(one, str) else general(one, locale)


def block(value: Argument) -> Block:
    return value if isinstance(value, list) else [[value]]


def items(arguments: Sequence[Argument]) -> Iterator[tuple[Result, bool]]:
    """Every value of the arguments, and whether it was written in the formula rather than found in a range."""
    for argument in arguments:
        if isinstance(argument, list):
            for row in argument:
                for one in row:
                    yield one, False
        else:
            yield argument, True


def numbers(arguments: Sequence[Argument]) -> list[float | int]:
    """Numbers, as SUM takes them: what is in ranges counts if it is a number, errors are passed on."""
    found: list[float | int] = []
    for one, written in items(arguments):
        if isinstance(one, CellError):
            raise Failed(one.name, one.told)
        if written and one is not None:
            found.append(number(one))
        elif isinstance(one, int | float) and not isinstance(one, bool):
            found.append(one)
    return found


def clean(value: float | int) -> float | int:
    """Whole numbers are whole; no infinities."""
    if isinstance(value, float):
        if math.isnan(value) or math.isinf(value):
            raise Failed("#NUM!")
        if value.is_integer() and abs(value) < 1e15:
            return int(value)
    return value


# -- comparing --------------------------------------------------------------------------------------------------------


def rank(value: Value) -> tuple[int, Any]:
    """Numbers before texts before booleans; texts without regard to case."""
    if isinstance(value, bool):
        return 2, value
    if isinstance(value, str):
        return 1, value.casefold()
    return 0, value or 0


def equal(left: Value, right: Value) -> bool:
    if left is None or right is None:
        other = right if left is None else left
        return other is None or other == "" or other == 0
    return rank(left) == rank(right)


_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


def compare(sign: str, left: Value, right: Value) -> bool:
    if sign in ("=", "<>"):
        return equal(left, right) == (sign == "=")
    return _COMPARISONS[sign](rank(left), rank(right))


def condition(criterion: Value) -> Callable[[Result], bool]:
    """`">5"`, `"a*"`, `7`: what COUNTIF and its like take."""
    if not isinstance(criterion, str):
        return lambda one: not isinstance(one, CellError) and one is not None and equal(one, criterion)
    found = re.fullmatch(r"(<=|>=|<>|=|<|>)?(.*)", criterion, re.DOTALL)
    assert found
    sign, wanted = found[1] or "=", found[2]
    value: Value = wanted
    try:
        value = clean(float(wanted))
    except ValueError:
        if sign in ("=", "<>"):
            return lambda one: _matches(one, wanted) == (sign == "=")
    return lambda one: (
        not isinstance(one, CellError | str | None) and compare(sign, one, value)
        if isinstance(value, int | float)
        else isinstance(one, str) and compare(sign, one, value)
    )


def _matches(one: Result, pattern: str) -> bool:
    return isinstance(one, str) and fnmatch.fnmatchcase(one.casefold(), pattern.casefold().replace("[", "[[]"))


# -- the functions ----------------------------------------------------------------------------------------------------


def _average(*given: Argument) -> float | int:
    found = numbers(given)
    if not found:
        raise Failed("#DIV/0!", "Evaluation of function AVERAGE caused a divide by zero error.")
    return sum(found) / len(found)


def _round(how: Callable[[float], float]) -> Callable[..., float | int]:
    def rounded(value: Argument, places: Argument = 0) -> float | int:
        size = 10 ** int(number(places))
        one = number(value)
        return math.copysign(how(round(abs(one) * size, 9)) / size, one)

    return rounded


def _half_up(value: float) -> float:
    return math.floor(value + 0.5)


def _mod(value: Argument, by: Argument) -> float | int:
    if not number(by):
        raise Failed("#DIV/0!", "Function MOD parameter 2 cannot be zero.")
    return number(value) % number(by)


def _count_if(where: Argument, criterion: Argument) -> int:
    holds = condition(single(criterion))
    return sum(1 for one, _ in items([where]) if holds(one))


def _chosen(where: Argument, criterion: Argument, what: Argument | None) -> list[float | int]:
    holds = condition(single(criterion))
    values = [one for one, _ in items([where if what is None else what])]
    pairs = zip((one for one, _ in items([where])), values, strict=False)
    return [
        value for one, value in pairs if holds(one) and isinstance(value, int | float) and not isinstance(value, bool)
    ]


def _average_if(where: Argument, criterion: Argument, what: Argument | None = None) -> float | int:
    found = _chosen(where, criterion, what)
    if not found:
        raise Failed("#DIV/0!")
    return sum(found) / len(found)


def _lookup(key: Argument, where: Argument, index: Argument, is_sorted: Argument = True) -> Result:
    rows, wanted, column = block(where), single(key), int(number(index)) - 1
    if not rows or not 0 <= column < len(rows[0]):
        raise Failed("#REF!")
    found = None
    for row in rows:
        if isinstance(row[0], CellError):
            continue
        if equal(row[0], wanted) and row[0] is not None:
            return row[column]
        if truth(is_sorted) and row[0] is not None and rank(row[0]) < rank(wanted):
            found = row
    if found is None:
        raise Failed("#N/A", f"Did not find value '{wanted}' in VLOOKUP evaluation.")
    return found[column]


def _match(key: Argument, where: Argument, kind: Argument = 1) -> int:
    values, wanted, order = [one for one, _ in items([where])], single(key), number(kind)
    best = None
    for place, one in enumerate(values, 1):
        if isinstance(one, CellError) or one is None:
            continue
        if equal(one, wanted):
            return place
        if (order > 0 and rank(one) < rank(wanted)) or (order < 0 and rank(one) > rank(wanted)):
            best = place
    if best is None or not order:
        raise Failed("#N/A", f"Did not find value '{wanted}' in MATCH evaluation.")
    return best


def _index(where: Argument, row: Argument = 1, column: Argument = 1) -> Result:
    rows, down, right = block(where), int(number(row)), int(number(column))
    if not (1 <= down <= len(rows) and 1 <= right <= len(rows[0])):
        raise Failed("#REF!")
    return rows[down - 1][right - 1]


def _date(year: Argument, month: Argument, day: Argument) -> float | int:
    years, months = divmod(int(number(month)) - 1, 12)
    first = datetime.datetime(int(number(year)) + years, months + 1, 1)
    return serial(first + datetime.timedelta(days=int(number(day)) - 1))


def _part(name: str) -> Callable[[Argument], int]:
    def part(value: Argument) -> int:
        when = moment(number(value))
        if when is None:
            raise Failed("#NUM!")
        return int(getattr(when, name))

    return part


def _truths(given: Sequence[Argument]) -> list[bool]:
    """All of them, so that an error among them is found."""
    return [truth(one) for one, _ in items(given) if one is not None]


def _product(*given: Argument) -> float | int:
    return math.prod(numbers(given))


def _sum_product(*given: Argument) -> float | int:
    columns = [[one for one, _ in items([each])] for each in given]
    return sum(
        math.prod(one if isinstance(one, int | float) and not isinstance(one, bool) else 0 for one in row)
        for row in zip(*columns, strict=True)
    )


def _sqrt(value: Argument) -> float:
    if number(value) < 0:
        raise Failed("#NUM!", "Function SQRT parameter 1 value is negative.")
    return math.sqrt(number(value))


def _deviation(*given: Argument) -> float:
    found = numbers(given)
    if len(found) < 2:
        raise Failed("#DIV/0!")
    return statistics.stdev(found)


def _median(*given: Argument) -> float | int:
    found = numbers(given)
    if not found:
        raise Failed("#NUM!")
    return statistics.median(found)


FUNCTIONS: Mapping[str, Callable[..., Argument]] = {
    "SUM": lambda *given: math.fsum(numbers(given)),
    "AVERAGE": _average,
    "COUNT": lambda *given: sum(isinstance(one, int | float) and not isinstance(one, bool) for one, _ in items(given)),
    "COUNTA": lambda *given: sum(one is not None for one, _ in items(given)),
    "COUNTBLANK": lambda *given: sum(one in (None, "") for one, _ in items(given)),
    "MIN": lambda *given: min(numbers(given), default=0),
    "MAX": lambda *given: max(numbers(given), default=0),
    "MEDIAN": _median,
    "STDEV": _deviation,
    "PRODUCT": _product,
    "SUMPRODUCT": _sum_product,
    "COUNTIF": _count_if,
    "SUMIF": lambda where, criterion, what=None: sum(_chosen(where, criterion, what)),
    "AVERAGEIF": _average_if,
    "ROUND": _round(_half_up),
    "ROUNDUP": _round(math.ceil),
    "ROUNDDOWN": _round(math.floor),
    "INT": lambda value: math.floor(number(value)),
    "ABS": lambda value: abs(number(value)),
    "MOD": _mod,
    "POWER": lambda value, power: number(value) ** number(power),
    "SQRT": _sqrt,
    "NOT": lambda value: not truth(value),
    "AND": lambda *given: all(_truths(given)),
    "OR": lambda *given: any(_truths(given)),
    "TRUE": lambda: True,
    "FALSE": lambda: False,
    "NA": lambda: CellError("#N/A"),
    "EXACT": lambda left, right: single(left) == single(right),
    "VLOOKUP": _lookup,
    "MATCH": _match,
    "INDEX": _index,
    "ROWS": lambda where: len(block(where)),
    "COLUMNS": lambda where: len(block(where)[0]),
    "DATE": _date,
    "YEAR": _part("year"),
    "MONTH": _part("month"),
    "DAY": _part("day"),
    "HOUR": _part("hour"),
    "MINUTE": _part("minute"),
    "SECOND": _part("second"),
}


def _substitute(locale: Locale, value: Argument, old: Argument, new: Argument) -> str:
    return text(value, locale).replace(text(old, locale), text(new, locale))


def _middle(locale: Locale, value: Argument, start: Argument, length: Argument) -> str:
    first = int(number(start)) - 1
    return text(value, locale)[first : first + int(number(length))]


#: Functions that are told the locale first.
TEXT_FUNCTIONS: Mapping[str, Callable[..., Argument]] = {
    "CONCATENATE": lambda locale, *given: "".join(text(one, locale) for one, _ in items(given)),
    "CONCAT": lambda locale, left, right: text(left, locale) + text(right, locale),
    "JOIN": lambda locale, sign, *given: text(sign, locale).join(text(one, locale) for one, _ in items(given)),
    "LEN": lambda locale, value: len(text(value, locale)),
    "LEFT": lambda locale, value, count=1: text(value, locale)[: int(number(count))],
    "RIGHT": lambda locale, value, count=1: text(value, locale)[-int(number(count)) :] if number(count) else "",
    "MID": _middle,
    "UPPER": lambda locale, value: text(value, locale).upper(),
    "LOWER": lambda locale, value: text(value, locale).lower(),
    "PROPER": lambda locale, value: text(value, locale).title(),
    "TRIM": lambda locale, value: " ".join(text(value, locale).split()),
    "SUBSTITUTE": _substitute,
    "HYPERLINK": lambda locale, url, label=None: text(url if label is None else label, locale),
}
