"""Which format a file in S3 has: what was said, or what its key says."""

from __future__ import annotations

from tradewind.errors import UsageError
from tradewind.transfer.compression import without_suffix

#: Airflow's name of a format -> that of files of transfers. JSON is an object per line.
FORMATS = {"csv": "csv", "json": "jsonl", "parquet": "parquet"}

_SUFFIXES = {"csv": "csv", "json": "json", "jsonl": "json", "ndjson": "json", "parquet": "parquet"}


def format_of(key: str, chosen: str | None, *, default: str | None = None) -> str:
    """One of `FORMATS`. Raises UsageError if the key says another than was chosen, or if neither says any."""
    suffix = without_suffix(key).rpartition("/")[2].rpartition(".")[2].lower()
    by_key = _SUFFIXES.get(suffix)
    if chosen is not None and chosen not in FORMATS:
        raise UsageError(f"There is no file_format {chosen!r}; there are {', '.join(FORMATS)}.")
    if chosen and by_key and chosen != by_key:
        raise UsageError(f"The key {key!r} says that the file is {by_key}, and file_format says {chosen}.")
    found = chosen or by_key or default
    if found is None:
        raise UsageError(f"The key {key!r} does not tell its format; say file_format=, one of {', '.join(FORMATS)}.")
    return found


def split_key(key: str) -> tuple[str, str]:
    """A key in two: what a number or a group's name is put behind, and the suffixes (`.csv.gz`)."""
    plain = without_suffix(key)
    stem, dot, suffix = plain.rpartition(".")
    if not dot or "/" in suffix or not stem or stem.endswith("/"):
        stem = plain
    return stem, key[len(stem) :]
