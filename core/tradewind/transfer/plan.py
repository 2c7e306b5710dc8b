"""Which column of the source goes into which column of the sink: settled, and refused, before anything is written."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tradewind.errors import TransferError
from tradewind.transfer.contract import Column

#: Kinds whose texts in CSV are good texts of the other kind too, so that bytes can be passed on unread.
_SAME_TEXT = frozenset(
    {("int", "decimal"), ("int", "float"), ("decimal", "float"), ("float", "decimal"), ("date", "timestamp")}
)


@dataclass(frozen=True)
class Plan:
    """The columns that are read and those that are written, side by side."""

    source: tuple[Column, ...]
    sink: tuple[Column, ...]

    @property
    def same_text(self) -> bool:
        """Whether the source's CSV is CSV for the sink."""
        return all(_same_text(source, sink) for source, sink in zip(self.source, self.sink))


def _same_text(source: Column, sink: Column) -> bool:
    one, other = source.type, sink.type
    if one.kind == "array" and other.kind == "array":
        return one.item == other.item
    return one.kind in ("any", other.kind) or other.kind in ("any", "text") or (one.kind, other.kind) in _SAME_TEXT


def make_plan(
    source: Sequence[Column],
    sink: Sequence[Column] | None,
    chosen: Mapping[str, str] | Sequence[str] | None,
    title: str,
) -> Plan:
    """Pair columns by name, or as `chosen` says: names, or name in the source -> name in the sink.

    Without `chosen` both sides must have the same names, but for columns that the database fills itself. With it, only
    those are moved, and any other column of the sink must do without a value. Raises TransferError.
    """
    _check_names([column.name for column in source], f"{title}: the source has")
    pairs = _pairs(source, chosen)
    by_name = {column.name: column for column in source}
    absent = [name for name in pairs if name not in by_name]
    if absent:
        raise TransferError(
            f"{title}: the source has no column {_listed(absent)}{_hint(absent, by_name)}; it has {_listed(by_name)}."
        )
    _check_names(list(pairs.values()), f"{title}: columns= writes")
    read = tuple(by_name[name] for name in pairs)
    if sink is None:
        return Plan(read, tuple(Column(name, column.type) for name, column in zip(pairs.values(), read)))
    targets = {column.name: column for column in sink}
    _check_sink(pairs, targets, chosen is not None, title)
    return Plan(read, tuple(targets[name] for name in pairs.values()))


def _pairs(source: Sequence[Column], chosen: Mapping[str, str] | Sequence[str] | None) -> dict[str, str]:
    if chosen is None:
        return {column.name: column.name for column in source}
    return dict(chosen) if isinstance(chosen, Mapping) else {name: name for name in chosen}


def _check_names(names: list[str], told: str) -> None:
    if not names:
        raise TransferError(f"{told} no column.")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise TransferError(f"{told} the column {_listed(twice)} more than once. Give each a name of its own.")


def _check_sink(pairs: Mapping[str, str], targets: Mapping[str, Column], chosen: bool, title: str) -> None:
    extra = [name for name in pairs.values() if name not in targets]
    missing = [
        column.name
        for column in targets.values()
        if column.name not in pairs.values() and not column.optional and not (chosen and column.nullable)
    ]
    if not extra and not missing:
        return
    parts = []
    if extra:
        parts.append(f"the sink has no column {_listed(extra)}{_hint(extra, targets)}")
    if missing:
        parts.append(f"nothing comes for the sink's column {_listed(missing)}")
    raise TransferError(
        f"{title}: {', and '.join(parts)}. The sink has {_listed(targets)}. Nothing was written; say what is to be "
        'moved with columns=["name", ...] or columns={"name in the source": "name in the sink", ...}.'
    )


def _hint(names: Sequence[str], known: Mapping[str, Column]) -> str:
    for name in names:
        close = difflib.get_close_matches(name.lower(), [one.lower() for one in known], n=1)
        if close:
            meant = next(one for one in known if one.lower() == close[0])
            return f" (did you mean {meant!r}?)"
    return ""


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
