"""HttpJson as the source of transfers."""

import csv
from decimal import Decimal

import pytest

from tradewind.errors import TradewindError, TransferError
from tradewind.transfer import LocalFile, Transfer
from tradewind_http import Cursor, HttpJson, NextLink


@pytest.fixture
def copy(run_task, tmp_path):
    """The lines that a transfer from this source writes."""

    def run(**given):
        target = tmp_path / "out.csv"
        run_task(Transfer(task_id="copy", source=HttpJson(conn_id="shop", **given), sink=LocalFile(target)))
        with target.open(newline="") as file:
            return list(csv.reader(file))

    return run


def test_the_fields_of_records_are_columns(put, copy):
    put("orders", [{"id": 1, "price": 1.10, "tags": ["a"], "note": None}, {"price": 12345678901234567890.5, "id": 2}])
    assert copy(endpoint="orders") == [
        ["id", "price", "tags", "note"],
        ["1", "1.1", "{a}", ""],
        ["2", "12345678901234567000", "", ""],
    ]


def test_chosen_fields_are_taken_from_where_they_lie(put, copy):
    put("orders", {"data": {"rows": [{"id": 1, "customer": {"city": "Oslo"}, "more": 1}, {"id": 2}]}})
    fields = {"id": "id", "city": "customer.city"}
    assert copy(endpoint="orders", records="data.rows", fields=fields, types={"id": "int"}) == [
        ["id", "city"],
        ["1", "Oslo"],
        ["2", ""],
    ]


@pytest.mark.parametrize(
    ("given", "params"),
    [
        ({"pages": NextLink()}, {}),
        ({"pages": Cursor("next_cursor", "cursor"), "records": "items"}, {"envelope": 1}),
    ],
    ids=["link", "cursor"],
)
def test_all_pages_are_read(put, copy, control, given, params):
    put("orders", [{"id": number} for number in range(250)])
    control.fault("status", status=429, times=2, after=1, method="GET")
    control.fault("drop", after=2, method="GET")
    lines = copy(endpoint="orders", params={"limit": 50, **params}, **given)
    assert [line[0] for line in lines] == ["id", *map(str, range(250))]


def test_a_service_that_fails_half_way_leaves_the_target_as_it_was(put, copy, control, tmp_path):
    put("orders", [{"id": number} for number in range(250)])
    (tmp_path / "out.csv").write_text("before")
    control.fault("status", status=500, times=9, after=3, method="GET")
    with pytest.raises(TradewindError, match="answered with 500"):
        copy(endpoint="orders", params={"limit": 50}, pages=NextLink())
    assert (tmp_path / "out.csv").read_text() == "before"
    control.clear()
    assert len(copy(endpoint="orders", params={"limit": 50}, pages=NextLink())) == 251


@pytest.mark.parametrize(
    ("document", "given", "told"),
    [
        ([{"id": 1}, {"id": 2, "new": 3}], {}, "Record 2 of http://.*/orders has a value for 'new'"),
        ([{"id": "x"}], {"types": {"id": "int"}}, "Record 1 of .*'id' has a value that is not of type int"),
        ([], {}, "has no records, and neither fields= nor types="),
        ({"a": 1, "b": []}, {"records": "c"}, "The answer has no 'c': below its top there is a, b"),
        ([1, 2], {}, "has no list of objects at its top; say with records="),
    ],
)
def test_what_cannot_be_rows_is_told(put, copy, document, given, told):
    put("orders", document)
    with pytest.raises(TradewindError, match=told):
        copy(endpoint="orders", **given)


def test_no_records_of_known_columns_are_an_empty_file(put, copy):
    put("orders", [])
    assert copy(endpoint="orders", types={"id": "int"}) == [["id"]]


def test_a_page_that_names_itself_is_noticed(put, copy):
    put("orders", {"items": [{"id": 1}], "next_cursor": "7"})
    with pytest.raises(TransferError, match="there would be no end"):
        copy(endpoint="orders", records="items", pages=Cursor("next_cursor"))


def test_numbers_keep_their_digits(put, run_task, service):
    from tradewind_http import HttpHook

    with HttpHook("PUT", "shop") as hook:
        hook.run("orders", data='[{"a": 0.1, "b": 12345678901234567890}]')
    with HttpJson("orders", conn_id="shop", types={"a": "decimal(10,2)", "b": "decimal"}).reader() as reader:
        assert next(reader.rows()) == [(Decimal("0.1"), Decimal(12345678901234567890))]
