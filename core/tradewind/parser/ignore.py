"""Ignore files: which paths below a folder are no DAG files.

`.tradewindignore` is read as git reads `.gitignore`. So is `.airflowignore`, unless the setting
`dag_ignore_file_syntax` says `regexp`: then each line is a regular expression, searched for in the path relative to
the DAG folder.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

GLOB_NAME = ".tradewindignore"
AIRFLOW_NAME = ".airflowignore"


@dataclass(frozen=True)
class Rule:
    """One line of an ignore file."""

    pattern: re.Pattern[str]  #: of the path relative to `base`, with `/` between its parts
    base: str  #: folder that the line speaks of, relative to the DAG folder: "" or with a `/` at its end
    keeps: bool = False  #: it takes back what an earlier line ignores
    folders_only: bool = False
    search: bool = False  #: a regular expression, found anywhere in the path relative to the DAG folder


def rules_in(folder: Path, relative: str, *, regexp: bool) -> tuple[Rule, ...]:
    """The rules that the ignore files of `folder` add; `relative` is its path below the DAG folder."""
    rules: list[Rule] = []
    for name in (AIRFLOW_NAME, GLOB_NAME):
        try:
            lines = (folder / name).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        read = _regexp_rules if regexp and name == AIRFLOW_NAME else _glob_rules
        rules += read(lines, relative, folder / name)
    return tuple(rules)


def is_ignored(rules: Iterable[Rule], relative: str, *, folder: bool) -> bool:
    """Whether the last rule that speaks of this path ignores it. Parents are asked first, by the caller."""
    ignored = False
    for rule in rules:
        if rule.search:
            ignored = ignored or rule.pattern.search(relative) is not None
        elif (folder or not rule.folders_only) and rule.pattern.fullmatch(relative.removeprefix(rule.base)):
            ignored = not rule.keeps
    return ignored


def _glob_rules(lines: Iterable[str], base: str, source: Path) -> list[Rule]:
    rules = []
    for number, line in enumerate(lines, 1):
        text = line if line.endswith("\\ ") else line.rstrip()
        if not text or text.startswith("#"):
            continue
        keeps = text.startswith("!")
        text = text.removeprefix("!") if keeps else text
        folders_only = text.endswith("/")
        text = text.removesuffix("/")
        try:
            pattern = re.compile(_as_regexp(text), re.DOTALL)
        except re.error as error:
            log.warning("%s, line %d is left out: %s", source, number, error)
            continue
        if text:
            rules.append(Rule(pattern, base, keeps, folders_only))
    return rules


def _regexp_rules(lines: Iterable[str], base: str, source: Path) -> list[Rule]:
    rules = []
    for number, line in enumerate(lines, 1):
        text = re.sub(r"\s*#.*", "", line).strip()
        if not text:
            continue
        try:
            rules.append(Rule(re.compile(text), base, search=True))
        except re.error as error:
            log.warning("%s, line %d is left out, for it is no regular expression: %s", source, number, error)
    return rules


def _as_regexp(glob: str) -> str:
    """A line of git's syntax as a regular expression for the path relative to the ignore file."""
    anchored = "/" in glob
    parts = glob.removeprefix("/").split("/")
    found = "" if anchored else "(?:.*/)?"
    for position, part in enumerate(parts):
        last = position == len(parts) - 1
        if part == "**":
            found += ".*" if last else "(?:.*/)?"
        else:
            found += _part_as_regexp(part) + ("" if last else "/")
    return found


def _part_as_regexp(part: str) -> str:
    found, position = "", 0
    while position < len(part):
        char = part[position]
        position += 1
        if char == "*":
            found += "[^/]*"
        elif char == "?":
            found += "[^/]"
        elif char == "\\" and position < len(part):
            found += re.escape(part[position])
            position += 1
        elif char == "[":
            end = part.find("]", position + 1 if part[position : position + 1] not in ("!", "^") else position + 2)
            if end < 0:
                found += re.escape(char)
                continue
            inside = part[position:end].replace("[", "\\[")
            found += "[" + ("^/" + inside[1:] if inside[:1] in ("!", "^") else inside) + "]"
            position = end + 1
        else:
            found += re.escape(char)
    return found
