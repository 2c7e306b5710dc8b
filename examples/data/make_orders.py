"""Makes the orders that the demo works on: one CSV file per day, with the defects that real exports have.

The numbers are invented and seeded, so running it again writes the same bytes:

    python examples/data/make_orders.py
"""

from __future__ import annotations

import csv
import datetime
import io
import random
from pathlib import Path

FIRST_DAY = datetime.date(2025, 3, 3)
DAYS = 7
FOLDER = Path(__file__).parent / "orders"
COLUMNS = ("order_id", "ordered_at", "customer", "country", "product", "quantity", "unit_price")

PRODUCTS = {
    "anchor": 89.00,
    "brass compass": 42.50,
    "canvas, 2 m": 18.90,
    "deck brush": 7.25,
    "lantern": 24.00,
    "oilskin": 64.90,
    "rope, 10 m": 12.40,
    "sextant": 149.00,
}
COUNTRIES = ("DE", "DK", "FR", "NL", "NO", "SE", "UK")
FIRST_NAMES = ("Ada", "Björn", "Chloé", "Dirk", "Elin", "Finn", "Grete", "Henk", "Ida", "Jörg", "Kari", "Liv")
LAST_NAMES = ("Berg", "de Vries", "Dubois", "Hansen", "Jansen", "Lund", "Müller", "O'Neill", "Østby", "Smith")


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    chance = random.Random(20250303)
    next_id = 10_001
    for number in range(DAYS):
        day = FIRST_DAY + datetime.timedelta(days=number)
        count = 420 + chance.randrange(160)
        rows = [order(next_id + at, day, chance) for at in range(count)]
        next_id += count
        lines = spoil(rows, day, chance)
        (FOLDER / f"{day}.csv").write_text("".join(lines), encoding="utf-8", newline="")


def order(order_id: int, day: datetime.date, chance: random.Random) -> list[str]:
    """One good row."""
    product = chance.choice(list(PRODUCTS))
    at = datetime.datetime.combine(day, datetime.time(chance.randrange(24), chance.randrange(60), chance.randrange(60)))
    customer = f"{chance.choice(FIRST_NAMES)} {chance.choice(LAST_NAMES)}"
    quantity = 1 + chance.randrange(5)
    discount = chance.choice((1.0, 1.0, 1.0, 0.9, 0.8))
    return [
        str(order_id),
        at.isoformat(),
        customer,
        chance.choice(COUNTRIES),
        product,
        str(quantity),
        f"{PRODUCTS[product] * discount:.2f}",
    ]


def spoil(rows: list[list[str]], day: datetime.date, chance: random.Random) -> list[str]:
    """The file's lines: mostly the rows as they are, some blank cells, duplicates, and rows that cannot be used."""
    lines = [line(list(COLUMNS))]
    for row in rows:
        luck = chance.random()
        if luck < 0.02:  # the shop allows guests
            row[2] = ""
        elif luck < 0.03:
            row[6] = ""  # no price: cannot be used
        elif luck < 0.035:
            row[5] = "three"
        elif luck < 0.04:
            row[6] = "-" + row[6]
        elif luck < 0.06:
            row[3] = f" {row[3].lower()} "  # typed by hand
        lines.append(line(row))
        if 0.06 <= luck < 0.08:
            lines.append(line(row))  # sent twice
    cut = 1 + chance.randrange(len(lines) - 1)
    lines.insert(cut, f"{rows[0][0]},{day}T12:00:00,cut o\r\n")  # a line that the export lost the end of
    return lines


def line(cells: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()


if __name__ == "__main__":
    main()
