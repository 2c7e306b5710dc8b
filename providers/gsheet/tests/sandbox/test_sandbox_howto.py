"""docs/howto/sandboxes.md says what the sandbox of Google Sheets does."""

from __future__ import annotations

import re
from inspect import signature
from pathlib import Path

from tradewind_gsheet.sandbox import discovery
from tradewind_gsheet.sandbox.actions import ACTIONS
from tradewind_gsheet.sandbox.calculation import FUNCTION_NAMES
from tradewind_gsheet.sandbox.service import HANDLERS
from tradewind_gsheet.sandbox.update_api import DOINGS

PAGE = (Path(__file__).parents[4] / "docs" / "howto" / "sandboxes.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("\n## Google Sheets\n")[2].partition("\n## ")[0]


def test_the_actions():
    told = dict(re.findall(r"^\| `(\w+)\((.*?)\)` \|", SECTION, re.MULTILINE))
    assert told.keys() == ACTIONS.keys()
    for name, parameters in told.items():
        known = [one for one in signature(ACTIONS[name]).parameters if one not in ("service", "project")]
        assert [one for one in parameters.split(", ") if one] == known


def test_the_functions():
    [told] = re.findall(r"^Functions: `([A-Z\s]+)`", SECTION, re.MULTILINE)
    assert told.split() == sorted(FUNCTION_NAMES)


def test_what_is_done_is_in_the_descriptions_of_the_apis():
    known = {method.id for api in (discovery.sheets(), discovery.drive()) for method in api.methods}
    assert HANDLERS.keys() <= known
    requests = set(discovery.sheets().schemas["Request"]["properties"])
    assert DOINGS.keys() <= requests
    named = ("autoFill", "pasteData", "randomizeRange", "textToColumns", "updateDimensionGroup")
    words = (
        r"Chart|Slicer|Banding|ConditionalFormat|FilterView|Table|Comment|DataSource|DeveloperMetadata|EmbeddedObject"
    )
    assert {one for one in requests - DOINGS.keys() if not re.search(words, one)} == set(named)
