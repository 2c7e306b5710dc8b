"""How numbers and dates are written in the locales of spreadsheets."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Locale:
    """Signs and orders of one locale."""

    name: str
    decimal: str
    group: str
    order: str  #: of day, month and year: "MDY", "DMY", "YMD"
    date: str  #: pattern of a date that was entered in its own order
    currency: str  #: its sign
    currency_pattern: str  #: pattern of an amount, `#` where the number stands


_THIN = "\u202f"
_NO_BREAK = "\u00a0"

_ALL = (
    Locale("en_US", ".", ",", "MDY", "M/d/yyyy", "$", '"$"#'),
    Locale("en_GB", ".", ",", "DMY", "dd/MM/yyyy", "£", '"£"#'),
    Locale("en_IE", ".", ",", "DMY", "dd/MM/yyyy", "€", '"€"#'),
    Locale("en_AU", ".", ",", "DMY", "dd/MM/yyyy", "$", '"$"#'),
    Locale("en_CA", ".", ",", "YMD", "yyyy-MM-dd", "$", '"$"#'),
    Locale("en_IN", ".", ",", "DMY", "dd/MM/yyyy", "₹", '"₹"#'),
    Locale("de_DE", ",", ".", "DMY", "dd.MM.yyyy", "€", "# €"),
    Locale("de_AT", ",", ".", "DMY", "dd.MM.yyyy", "€", '"€ "#'),
    Locale("de_CH", ".", "\u2019", "DMY", "dd.MM.yyyy", "CHF", '"CHF "#'),
    Locale("fr_FR", ",", _THIN, "DMY", "dd/MM/yyyy", "€", "# €"),
    Locale("es_ES", ",", ".", "DMY", "dd/MM/yyyy", "€", "# €"),
    Locale("it_IT", ",", ".", "DMY", "dd/MM/yyyy", "€", "# €"),
    Locale("nl_NL", ",", ".", "DMY", "d-M-yyyy", "€", '"€ "#'),
    Locale("pt_BR", ",", ".", "DMY", "dd/MM/yyyy", "R$", '"R$ "#'),
    Locale("pt_PT", ",", _NO_BREAK, "DMY", "dd/MM/yyyy", "€", "# €"),
    Locale("pl_PL", ",", _NO_BREAK, "DMY", "d.MM.yyyy", "zł", '# "zł"'),
    Locale("cs_CZ", ",", _NO_BREAK, "DMY", "d.M.yyyy", "Kč", '# "Kč"'),
    Locale("sv_SE", ",", _NO_BREAK, "YMD", "yyyy-MM-dd", "kr", '# "kr"'),
    Locale("da_DK", ",", ".", "DMY", "dd/MM/yyyy", "kr", '# "kr"'),
    Locale("nb_NO", ",", _NO_BREAK, "DMY", "dd.MM.yyyy", "kr", '"kr "#'),
    Locale("fi_FI", ",", _NO_BREAK, "DMY", "d.M.yyyy", "€", "# €"),
    Locale("tr_TR", ",", ".", "DMY", "dd.MM.yyyy", "₺", '"₺"#'),
    Locale("ru_RU", ",", _NO_BREAK, "DMY", "dd.MM.yyyy", "₽", '# "₽"'),
    Locale("uk_UA", ",", _NO_BREAK, "DMY", "dd.MM.yyyy", "₴", '# "₴"'),
    Locale("ja_JP", ".", ",", "YMD", "yyyy/MM/dd", "¥", '"¥"#'),
    Locale("ko_KR", ".", ",", "YMD", "yyyy. M. d", "₩", '"₩"#'),
    Locale("zh_CN", ".", ",", "YMD", "yyyy-MM-dd", "¥", '"¥"#'),
)

LOCALES = {one.name: one for one in _ALL}

#: By its language alone, the first of each.
_LANGUAGES = {one.name.partition("_")[0]: one for one in reversed(_ALL)}

DEFAULT = LOCALES["en_US"]


def locale(name: str) -> Locale | None:
    """`de_DE`, `de`; None for one that is not known here."""
    return LOCALES.get(name) or _LANGUAGES.get(name)
