"""`Sheet` as an end of a transfer: what is its own. See also test_contract.py and test_faults.py."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest

from tradewind.errors import TransferError
from tradewind.testing.memory import Rows
from tradewind.transfer import Column, Transfer, Type
from tradewind_gsheet import Numbers, Sheet, table
from tradewind_gsheet.errors import BadRange, GSheetsError


def columns(**types: str) -> tuple[Column, ...]:
    return tuple(Column(name, Type.parse(text)) for name, text in types.items())


def move(source: Any, sink: Any, **more: Any) -> Any:
    return Transfer(task_id="load", source=source, sink=sink, **more).execute({})


def write(key: str, rows: list[tuple[Any, ...]], tab: str = "Sheet1", *, names: str = "id name", **how: Any) -> Any:
    source = Rows(columns(**dict.fromkeys(names.split(), "any")), rows)
    return move(source, Sheet(key, tab, conn_id="sheets", **how))


def read(key: str, tab: str | None = "Sheet1", **told: Any) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Types of the columns, and the rows."""
    with Sheet(key, tab, conn_id="sheets", **told).reader() as reader:
        return [str(column.type) for column in reader.columns], [row for batch in reader.rows() for row in batch]


# -- replace -----------------------------------------------------------------------------------------------------------


def test_nothing_is_left_of_a_longer_or_wider_table(hook, key):
    write(key, [(n, "x", "y") for n in range(50)], names="id name more", mode="replace")
    write(key, [(1, "a")], mode="replace")
    assert hook.get_rows(key) == [["id", "name"], [1, "a"]]
    write(key, [], mode="replace")
    assert hook.get_rows(key) == [["id", "name"]]
    write(key, [], mode="replace", header=False)
    assert hook.get_rows(key) == []


def test_a_replaced_table_keeps_all_that_hangs_on_it(hook, key):
    write(key, [(1, 10), (2, 20)], mode="replace")
    [before] = hook.get_spreadsheet(key)["sheets"]
    gid = before["properties"]["sheetId"]
    form = {"userEnteredFormat": {"textFormat": {"italic": True}}}
    grid = {"sheetId": gid, "startRowIndex": 1, "endRowIndex": 3, "startColumnIndex": 1, "endColumnIndex": 2}
    hook.client().open_by_key(key).batch_update(
        {
            "requests": [
                {"repeatCell": {"range": grid, "cell": form, "fields": "userEnteredFormat.textFormat.italic"}},
                {"addProtectedRange": {"protectedRange": {"range": grid, "warningOnly": True}}},
                {"addSheet": {"properties": {"title": "Sum"}}},
            ]
        }
    )
    hook.update_values(key, "Sum!A1", [["=SUM(Sheet1!B2:B)"]], value_input_option="USER_ENTERED")
    hook.update_values(key, "D1", [["a note"], ["beside the table"]])
    write(key, [(1, 100), (2, 200), (3, 300)], mode="replace")
    assert hook.get_rows(key, "Sum") == [[600]]
    after = hook.get_spreadsheet(key)["sheets"][0]
    assert after["properties"]["sheetId"] == gid
    assert len(after["protectedRanges"]) == 1
    assert hook.get_rows(key) == [
        ["id", "name", "", "a note"],
        [1, 100, "", "beside the table"],
        [2, 200, "", ""],
        [3, 300, "", ""],
    ]
    cells = hook.client().http_client.spreadsheets_get(key, {"ranges": "Sheet1!B2", "includeGridData": "true"})
    value = cells["sheets"][0]["data"][0]["rowData"][0]["values"][0]
    assert value["userEnteredFormat"]["textFormat"]["italic"] is True
    assert hook.get_sheet_titles(key) == ["Sheet1", "Sum"]


def test_a_table_somewhere_in_a_tab(hook, key):
    hook.update_values(key, "A1", [["Title"]])
    for rows in ([(n, "x") for n in range(5)], [(1, "a")]):
        write(key, rows, "Sheet1!B3", mode="replace")
    assert hook.get_rows(key) == [["Title", "", ""], ["", "", ""], ["", "id", "name"], ["", 1, "a"]]
    assert read(key, "Sheet1!B3")[1] == [(1, "a")]
    write(key, [(2, "b")], "Sheet1!B3", mode="append")
    write(key, [(2, "c")], "Sheet1!B3:C", mode="upsert", keys=["id"])
    assert read(key, "Sheet1!B3:C")[1] == [(1, "a"), (2, "c")]
    with pytest.raises(TransferError, match="2 columns do not fit into 'Sheet1'!B3:B"):
        write(key, [(1, "a")], "Sheet1!B3:B", mode="replace")
    with pytest.raises(TransferError, match="4 rows do not fit"):
        write(key, [(1, "a")] * 3, "Sheet1!B3:C5", mode="replace")


def test_a_tab_that_is_not_there(hook, key):
    with pytest.raises(BadRange, match=r"has no tab 'Nëw'; it has 'Sheet1'"):
        write(key, [(1, "a")], "Nëw", mode="replace")
    for mode in ("replace", "append", "upsert"):
        tab = f"it's {mode}!"
        for _ in range(2):
            write(key, [(1, "a")], tab, mode=mode, keys=["id"] if mode == "upsert" else (), create=True)
        assert read(key, tab)[1] == [(1, "a")] * (2 if mode == "append" else 1)
    assert len(hook.get_sheet_titles(key)) == 4


def test_by_url_and_title(hook, key):
    url = hook.get_spreadsheet(key)["spreadsheetUrl"]
    write("Targets", [(1, "a")], "Two", mode="replace", create=True)
    gid = next(
        one["properties"]["sheetId"]
        for one in hook.get_spreadsheet(key)["sheets"]
        if one["properties"]["title"] == "Two"
    )
    assert read(f"{url}#gid={gid}", None)[1] == [(1, "a")]


def test_the_grid_grows_as_needed(hook, key):
    write(key, [(n, "x") for n in range(1500)], mode="replace")
    write(key, [(n, "x") for n in range(1500)], mode="append")
    names = [f"c{n}" for n in range(40)]
    write(key, [tuple(range(40))], names=" ".join(names), mode="replace")
    assert hook.get_rows(key) == [names, list(range(40))]


def test_ten_million_cells_are_refused_before_anything_is_written(hook, key, control):
    hook.client().open_by_key(key).add_worksheet("Full", rows=498_000, cols=20)
    control.clear()
    rows = [tuple(range(20))] * 1000
    with pytest.raises(GSheetsError, match=r"needs 20,046 more cells, .* 'Targets' has 9,986,000 of the 10,000,000"):
        write(key, rows, names=" ".join(f"c{n}" for n in range(20)), mode="replace")
    assert {call.method for call in control.calls("/v4/")} == {"GET"}


def test_the_header_can_be_made_to_stand_out(hook, key):
    write(key, [(1, "a")], "Bold", mode="replace", create=True, format_header=True)
    told = hook.client().http_client.spreadsheets_get(key, {"ranges": "Bold!A1:B2", "includeGridData": "true"})
    [sheet] = told["sheets"]
    assert sheet["properties"]["gridProperties"]["frozenRowCount"] == 1
    first, second = (row["values"][0] for row in sheet["data"][0]["rowData"])
    assert first["userEnteredFormat"]["textFormat"]["bold"] is True
    assert not second.get("userEnteredFormat", {}).get("textFormat", {}).get("bold")
    hook.format_header(key, "Sheet1", background="#ff0000")


# -- append and upsert -------------------------------------------------------------------------------------------------


def test_append_goes_by_the_names_in_the_header(hook, key):
    write(key, [(1, "a", "x")], names="id name more", mode="append")
    source = Rows(columns(name="text", id="int"), [("b", 2)])
    move(source, Sheet(key, "Sheet1", conn_id="sheets", mode="append"), columns=["name", "id"])
    assert hook.get_rows(key) == [["id", "name", "more"], [1, "a", "x"], [2, "b", ""]]
    with pytest.raises(TransferError, match="the sink has no column 'nam'"):
        write(key, [(3, "c")], names="id nam", mode="append")


def test_rows_without_a_header_are_not_overwritten(hook, key):
    hook.update_values(key, "A2", [[1, "a"]])
    for mode in ("append", "upsert"):
        with pytest.raises(TransferError, match="has rows, and no header in row 1"):
            write(key, [(2, "b")], mode=mode, keys=["id"] if mode == "upsert" else ())
    assert hook.get_rows(key, "Sheet1!A2:B2") == [[1, "a"]]


def test_a_partition_is_replaced_wherever_its_rows_are(hook, key):
    day, other = "2025-11-21", "2025-11-22"
    write(key, [(1, day), (2, other), (3, day), (4, other), (5, day)], names="id day", mode="append")
    hook.update_values(key, "D2", [["beside 1"], ["beside 2"]])
    source = Rows(columns(id="int"), [(6,), (7,)])
    for _ in range(2):
        move(source, Sheet(key, "Sheet1", conn_id="sheets", mode="append", partition={"day": day}))
    assert read(key)[1] == [(2, other), (4, other), (6, day), (7, day)]
    assert hook.get_rows(key, "Sheet1!D2:D3") == [["beside 1"], ["beside 2"]]
    move(Rows(columns(id="int"), []), Sheet(key, "Sheet1", conn_id="sheets", mode="append", partition={"day": day}))
    assert read(key)[1] == [(2, other), (4, other)]
    with pytest.raises(TransferError, match="Row 2 does not belong to the partition: its 'day' is another"):
        write(key, [(1, day), (2, other)], names="id day", mode="append", partition={"day": day})
    with pytest.raises(TransferError, match="names 'week', which is no column"):
        write(key, [(1, day)], names="id day", mode="append", partition={"week": 1})


def test_partitions_of_real_dates(hook, key):
    """A person typed the dates, or an earlier transfer wrote serials."""
    hook.update_values(
        key, "A1", [["id", "day"], [1, "2025-11-21"], [2, "2025-11-22"]], value_input_option="USER_ENTERED"
    )
    rows = Rows(columns(id="int", day="date"), [(3, datetime.date(2025, 11, 21))])
    sink = Sheet(key, "Sheet1", conn_id="sheets", mode="append", dates="serial", partition={"day": "2025-11-21"})
    for _ in range(2):
        move(rows, sink)
    assert hook.get_values(key, "Sheet1") == [["id", "day"], ["2", "2025-11-22"], ["3", "2025-11-21"]]


def test_upsert_changes_only_what_comes(hook, key):
    hook.update_values(
        key,
        "A1",
        [["id", "name", "twice", "left"], *([n, "old", f"=A{n + 1}*2", "stays"] for n in range(1, 7))],
        value_input_option="USER_ENTERED",
    )
    rows = [(5, "e"), (2, "x"), (9, "new"), (2, "b"), (8, None)]
    source = Rows(columns(id="int", name="text"), rows)
    sink = Sheet(key, "Sheet1", conn_id="sheets", mode="upsert", keys=["id"])
    for _ in range(2):
        assert move(source, sink, columns=["id", "name"])["rows"] == 5
    found = hook.get_rows(key)
    assert [row[:2] for row in found[1:]] == [
        [1, "old"], [2, "b"], [3, "old"], [4, "old"], [5, "e"], [6, "old"], [9, "new"], [8, ""],
    ]  # fmt: skip
    assert [row[2] for row in found[1:7]] == [2, 4, 6, 8, 10, 12]
    assert [row[3] for row in found[1:]] == ["stays"] * 6 + [""] * 2
    formulas = hook.get_values(key, "Sheet1!C2:C7", value_render_option="FORMULA")
    assert formulas == [[f"=A{n}*2"] for n in range(2, 8)]


def test_keys_are_found_whatever_they_are_kept_as(hook, key):
    hook.update_values(key, "A1", [["id", "day", "v"], ["1", "2025-11-21", "a"], [2, None, "b"]])
    hook.update_values(key, "B3", [["2025-11-22"]], value_input_option="USER_ENTERED")
    rows = [(1, datetime.date(2025, 11, 21), "A"), (Decimal("2.0"), datetime.date(2025, 11, 22), "B")]
    source = Rows(columns(id="any", day="any", v="any"), rows)
    move(source, Sheet(key, "Sheet1", conn_id="sheets", mode="upsert", keys=["id", "day"]))
    assert [row[2] for row in hook.get_rows(key)] == ["v", "A", "B"]


def test_keys_that_cannot_be_right(hook, key):
    write(key, [(1, "a"), (1, "b")], mode="append")
    with pytest.raises(TransferError, match="the rows 2 and 3 have the same id"):
        write(key, [(1, "c")], mode="upsert", keys=["id"])
    with pytest.raises(TransferError, match=r"Row 2: one of the keys \['id'\] is empty"):
        write(key, [(1, "c"), (None, "d")], mode="upsert", keys=["id"])
    with pytest.raises(TransferError, match="names 'ident', which is no column"):
        write(key, [(1, "c")], mode="upsert", keys=["ident"])
    assert read(key)[1] == [(1, "a"), (1, "b")]


# -- values ------------------------------------------------------------------------------------------------------------


def test_texts_are_texts_unless_one_says_that_they_are_typed(hook, key):
    rows = [(1, "=1+1"), (2, "+49 30"), (3, "1/2"), (4, "007"), (5, "'x"), (6, "TRUE")]
    write(key, rows, mode="replace")
    assert read(key)[1] == rows
    write(key, [(1, "=A2*21"), (2, "1,5")], mode="replace", value_input_option="USER_ENTERED")
    assert hook.get_values(key, "Sheet1!B2", value_render_option="FORMULA") == [["=A2*21"]]
    assert read(key, types={"name": "any"})[1][0] == (1, 21)


def test_formulas_refer_to_what_they_say_wherever_the_table_is(hook, key):
    typed = {"value_input_option": "USER_ENTERED"}
    for _ in range(2):
        write(key, [(1, "=B4*10"), (2, "=B5*10")], "Sheet1!B3", mode="replace", **typed)
    write(key, [(3, "=B6*10")], "Sheet1!B3", mode="append", **typed)
    assert hook.get_rows(key, "Sheet1!B4:C6") == [[1, 10], [2, 20], [3, 30]]
    formulas = hook.get_values(key, "Sheet1!C4:C6", value_render_option="FORMULA")
    assert formulas == [["=B4*10"], ["=B5*10"], ["=B6*10"]]
    with pytest.raises(TransferError, match="column 'name' has a formula, which cannot be upserted"):
        write(key, [(2, "=B5")], "Sheet1!B3", mode="upsert", keys=["id"], **typed)


def test_real_dates(hook, key):
    moment = datetime.datetime(2025, 11, 21, 13, 14, 15)
    source = Rows(columns(day="date", at="timestamp"), [(moment.date(), moment)])
    move(source, Sheet(key, "Sheet1", conn_id="sheets", mode="replace", dates="serial"))
    assert hook.get_values(key, "Sheet1!A2:B2") == [["2025-11-21", "2025-11-21 13:14:15"]]
    assert hook.get_rows(key, "Sheet1!A2:A2") == [[45982]]
    assert read(key, types={"day": "date", "at": "timestamp"}) == (["date", "timestamp"], [(moment.date(), moment)])
    assert read(key)[0] == ["int", "float"]


def test_a_value_that_has_no_place(key):
    with pytest.raises(TransferError, match="Row 2: column 'name' has a text of 50,001 characters"):
        write(key, [(1, "x"), (2, "x" * 50_001)], mode="replace")


def test_types_are_told_or_found(hook, key):
    hook.update_values(
        key,
        "A1",
        [
            ["n", "f", "t", "b", "mix", "none", "price", ""],
            [1, 1, "007", True, 1, None, "1.234,50 €", "beside"],
            [None, None, None, None, None, None, None, "beside"],
            [2, 2.5, "x", False, "y", None, "7", None],
        ],
    )
    types, rows = read(key)
    assert types == ["int", "float", "text", "bool", "any", "any", "text"]
    assert rows == [(1, 1.0, "007", True, 1, None, "1.234,50 €"), (2, 2.5, "x", False, "y", None, "7")]
    numbers = Numbers(decimal=",", thousands=".", currency="€")
    types, rows = read(key, types={"price": "decimal(10,2)", "n": "text"}, numbers=numbers)
    assert types[6] == "decimal(10,2)"
    assert rows[0] == ("1", 1.0, "007", True, 1, None, Decimal("1234.50"))
    with pytest.raises(TransferError, match="cell G2 is not of type decimal, which types= says of the column 'price'"):
        read(key, types={"price": "decimal"})
    with pytest.raises(TransferError, match="has no column 'prize'"):
        read(key, types={"prize": "decimal"})


def test_what_is_found_in_the_first_part_holds_for_the_others(hook, key, monkeypatch):
    hook.update_values(key, "A1", [["n", "t"], [1, "a"], [2, "b"], [None, None], ["x", "c"]])
    monkeypatch.setattr(table, "READ_CELLS", 2 * 2)
    place = "Sheet1!A1:B6"
    with pytest.raises(TransferError, match=r"cell A5 is not of type int, as those before .*types=\{'n': 'text'\}"):
        read(key, place)
    assert read(key, place, types={"n": "text"})[1] == [("1", "a"), ("2", "b"), ("x", "c")]
    assert hook.get_rows(key, place) == [["n", "t"], [1, "a"], [2, "b"], ["", ""], ["x", "c"]]
    assert len(hook.get_records(key, place)) == 3


def test_formulas_that_failed(hook, key):
    hook.update_values(key, "A1", [["n"], ["=1/0"], [2]], value_input_option="USER_ENTERED")
    with pytest.raises(TransferError, match="cell A2 has the error #DIV/0!"):
        read(key)
    assert read(key, errors="null") == (["int"], [(None,), (2,)])
    assert read(key, errors="text", types={"n": "text"}) == (["text"], [("#DIV/0!",), ("2",)])


def test_without_a_header(hook, key):
    hook.update_values(key, "A1", [[1, "a"], [2, "b"]])
    with Sheet(key, conn_id="sheets", header=False).reader() as reader:
        assert [column.name for column in reader.columns] == ["A", "B"]
    assert read(key, header=False, types={"id": "int", "name": "text"})[1] == [(1, "a"), (2, "b")]
    with pytest.raises(TransferError, match="has 2 columns, and types= names 1"):
        read(key, header=False, types={"id": "int"})
    write(key, [(3, "c")], mode="append", header=False)
    write(key, [(4, "d")], mode="append", header=False)
    assert hook.get_rows(key) == [[1, "a"], [2, "b"], [3, "c"], [4, "d"]]
    write(key, [(5, "e")], mode="replace", header=False)
    assert hook.get_rows(key) == [[5, "e"]]


def test_a_tab_without_a_table(hook, key):
    with pytest.raises(GSheetsError, match="the header in row 1 is blank"):
        read(key)
    with pytest.raises(TransferError, match="is blank, so types= must name its columns"):
        read(key, header=False)


# -- the hook's own tables ---------------------------------------------------------------------------------------------


def test_the_hook_writes_tables_too(hook, key):
    import pandas

    assert hook.replace_rows(key, "Sheet1", [{"id": 1, "name": "a"}, {"id": 2}]) == 2
    assert hook.append_rows(key, "Sheet1", [[3, "c"]], ["id", "name"]) == 1
    assert hook.upsert_rows(key, "Sheet1", pandas.DataFrame({"id": [2, 4], "name": ["b", None]}), ["id"]) == 2
    assert hook.get_rows(key) == [["id", "name"], [1, "a"], [2, "b"], [3, "c"], [4, ""]]
    with pytest.raises(GSheetsError, match="have no names"):
        hook.replace_rows(key, "Sheet1", [[1]])
    assert len(hook.get_rows(key)) == 5
