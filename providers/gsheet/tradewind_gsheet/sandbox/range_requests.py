"""Requests of `batchUpdate` about areas that have a name, are protected, filtered or merged."""

from __future__ import annotations

import copy
import random
import re
from typing import Any

from tradewind_gsheet.sandbox import fields
from tradewind_gsheet.sandbox.a1 import Area, parse_cells
from tradewind_gsheet.sandbox.cells import is_empty, with_content
from tradewind_gsheet.sandbox.refusals import Refused
from tradewind_gsheet.sandbox.resources import shown_range
from tradewind_gsheet.sandbox.sheet import Sheet
from tradewind_gsheet.sandbox.updating import Doing, Told, Update

_PARTLY_MERGED = "You must select all cells in a merged range to merge or unmerge them."


def _number() -> int:
    return random.randrange(1, 2**31)


# -- named ranges -----------------------------------------------------------------------------------------------------


def add_named_range(update: Update, told: Told) -> Told:
    wanted = copy.deepcopy(told.get("namedRange", {}))
    update.area(wanted.get("range", {}))
    _check_name(update, wanted.get("name", ""))
    made = {
        "namedRangeId": str(wanted.get("namedRangeId") or _number()),
        "name": wanted["name"],
        "range": wanted["range"],
    }
    update.spreadsheet.named_ranges.append(made)
    return {"namedRange": {**made, "range": shown_range(made["range"])}}


def _check_name(update: Update, name: str, own: Any = None) -> None:
    if not re.fullmatch(r"[A-Za-z_]\w*", name) or _is_cells(name) or name.upper() in ("TRUE", "FALSE"):
        raise Refused(f'The name "{name}" is not valid for a range.')
    if any(one["name"].casefold() == name.casefold() and one is not own for one in update.spreadsheet.named_ranges):
        raise Refused(f'A named range with the name "{name}" already exists. Please enter another name.')


def _is_cells(name: str) -> bool:
    try:
        parse_cells(name)
    except ValueError:
        return False
    return True


def _named(update: Update, id: str) -> Told:
    for one in update.spreadsheet.named_ranges:
        if one["namedRangeId"] == id:
            return one
    raise Refused(f"No named range with id: {id}")


def update_named_range(update: Update, told: Told) -> None:
    wanted = told.get("namedRange", {})
    found = _named(update, wanted.get("namedRangeId", ""))
    mask = update.mask(told.get("fields"), "NamedRange")
    if "name" in mask or "*" in mask:
        _check_name(update, wanted.get("name", ""), found)
    if "range" in mask or "*" in mask:
        update.area(wanted.get("range", {}))
    fields.set_fields(found, wanted, mask)


def delete_named_range(update: Update, told: Told) -> None:
    found = _named(update, told.get("namedRangeId", ""))
    update.spreadsheet.named_ranges.remove(found)


# -- protected ranges -------------------------------------------------------------------------------------------------


def add_protected_range(update: Update, told: Told) -> Told:
    wanted = copy.deepcopy(told.get("protectedRange", {}))
    if "namedRangeId" in wanted:
        wanted["range"] = copy.deepcopy(_named(update, wanted["namedRangeId"])["range"])
    sheet, _ = update.area(wanted.get("range", {}))
    made = {
        "protectedRangeId": wanted.get("protectedRangeId") or _number(),
        "range": shown_range(wanted["range"]),
        **{name: wanted[name] for name in ("namedRangeId", "description", "unprotectedRanges") if wanted.get(name)},
        **({"warningOnly": True} if wanted.get("warningOnly") else {}),
        "requestingUserCanEdit": True,
    }
    editors = {name: list(who) for name, who in wanted.get("editors", {}).items() if who}
    users, mine = editors.get("users", []), update.call.caller.email
    answer = {**made, "editors": editors}
    made["editors"] = {**editors, "users": users if mine in users else [*users, mine]}
    sheet.more.setdefault("protectedRanges", []).append(made)
    return {"protectedRange": answer}


def _protected(update: Update, id: int) -> tuple[Sheet, Told]:
    for sheet in update.spreadsheet.sheets:
        for one in sheet.more.get("protectedRanges", ()):
            if one["protectedRangeId"] == id:
                mine = update.call.caller.email
                owner = update.call.project.files[update.spreadsheet.id].owner
                if not one.get("warningOnly") and mine not in (owner, *one["editors"].get("users", ())):
                    raise Refused("You do not have permission to edit this protected range.")
                return sheet, one
    raise Refused(f"No protected range with ID: {id}")


def update_protected_range(update: Update, told: Told) -> None:
    wanted = told.get("protectedRange", {})
    _, found = _protected(update, wanted.get("protectedRangeId", 0))
    mask = update.mask(told.get("fields"), "ProtectedRange")
    if "range" in mask:
        update.area(wanted.get("range", {}))
    fields.set_fields(found, wanted, mask)


def delete_protected_range(update: Update, told: Told) -> None:
    sheet, found = _protected(update, told.get("protectedRangeId", 0))
    sheet.more["protectedRanges"].remove(found)


# -- filters ----------------------------------------------------------------------------------------------------------


def set_basic_filter(update: Update, told: Told) -> None:
    wanted = copy.deepcopy(told.get("filter", {}))
    sheet, area = update.area(wanted.get("range", {}))
    wanted["range"] = {
        **({"sheetId": sheet.id} if sheet.id else {}),
        "startRowIndex": area.top,
        "endRowIndex": area.bottom,
        "startColumnIndex": area.left,
        "endColumnIndex": area.right,
    }
    sheet.more["basicFilter"] = wanted


def clear_basic_filter(update: Update, told: Told) -> None:
    update.sheet(told.get("sheetId", 0)).more.pop("basicFilter", None)


# -- merged areas -----------------------------------------------------------------------------------------------------


def merge_cells(update: Update, told: Told) -> None:
    """What is in the other cells of a merged area is lost."""
    sheet, area = update.writable(told.get("range", {}))
    _check_whole(sheet, area)
    kind = told.get("mergeType", "MERGE_ALL")
    if kind == "MERGE_ROWS":
        parts = [Area(row, area.left, row + 1, area.right) for row in range(area.top, area.bottom)]
    elif kind == "MERGE_COLUMNS":
        parts = [Area(area.top, column, area.bottom, column + 1) for column in range(area.left, area.right)]
    else:
        parts = [area]
    sheet.merges = [one for one in sheet.merges if not one.overlaps(area)]
    sheet.merges += [part for part in parts if part.height * part.width > 1]
    for part in parts:
        for row, column, cell in list(sheet.filled(part)):
            if (row, column) != (part.top, part.left) and not is_empty(cell):
                sheet.put(row, column, [with_content(cell, None)])


def unmerge_cells(update: Update, told: Told) -> None:
    sheet, area = update.writable(told.get("range", {}))
    _check_whole(sheet, area)
    sheet.merges = [one for one in sheet.merges if not one.overlaps(area)]


def _check_whole(sheet: Sheet, area: Area) -> None:
    if any(one.overlaps(area) and not area.covers(one) for one in sheet.merges):
        raise Refused(_PARTLY_MERGED)


DOINGS: dict[str, Doing] = {
    "addNamedRange": add_named_range,
    "updateNamedRange": update_named_range,
    "deleteNamedRange": delete_named_range,
    "addProtectedRange": add_protected_range,
    "updateProtectedRange": update_protected_range,
    "deleteProtectedRange": delete_protected_range,
    "setBasicFilter": set_basic_filter,
    "clearBasicFilter": clear_basic_filter,
    "mergeCells": merge_cells,
    "unmergeCells": unmerge_cells,
}
