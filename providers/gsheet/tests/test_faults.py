"""What goes wrong on the way: a table is right in the end, or as it was, and no row is ever there twice."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from tradewind.connection import Connection
from tradewind.errors import TransferError
from tradewind.testing.memory import Rows
from tradewind.transfer import Column, Transfer, Type
from tradewind_gsheet import GSheetsHook, Sheet
from tradewind_gsheet.errors import GSheetsError, OutcomeUnknown, QuotaExceeded
from tradewind_gsheet.spool import MAX_REQUEST
from tradewind_gsheet.transport import Stopped

OLD = [(1, "old"), (2, "old")]
NEW = [(2, "new"), (3, "new")]

#: What a table holds after NEW was written once, by mode.
AFTER = {"replace": NEW, "append": [*OLD, *NEW], "upsert": [OLD[0], *NEW]}

MODES = [{"mode": "replace"}, {"mode": "append"}, {"mode": "upsert", "keys": ["id"]}]


def source(rows: list[tuple[Any, ...]]) -> Rows:
    return Rows([Column("id", Type("int")), Column("name", Type("text"))], rows)


def write(key: str, rows: list[tuple[Any, ...]], **how: Any) -> None:
    Transfer(task_id="load", source=source(rows), sink=Sheet(key, "Sheet1", conn_id="sheets", **how)).execute({})


def held(hook: GSheetsHook, key: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in hook.get_rows(key)[1:]]


@pytest.fixture
def old(hook: GSheetsHook, key: str) -> str:
    write(key, OLD, mode="replace")
    return key


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        *((how, kind) for how in MODES for kind in ("lost", "twice")),
        (MODES[0], "status"),
        (MODES[1], "drop"),
        (MODES[2], "cut"),
        (MODES[0], "slow"),
    ],
    ids=lambda told: told if isinstance(told, str) else told["mode"],
)
def test_every_request_may_go_wrong_once(hook, control, old, how, kind):
    """The first, the second, the third ... request in turn, until a write has no further one."""
    number, met = 0, True
    while met:
        control.clear()
        control.fault(kind, after=number, path="^/v4/", bytes_per_second=1_000_000)
        write(old, NEW, **how)
        met = any(call.fault for call in control.calls("/v4/"))
        control.clear()
        assert held(hook, old) == AFTER[how["mode"]], f"request {number}"
        assert hook.get_sheet_titles(old) == ["Sheet1"]
        write(old, OLD, mode="replace")
        number += 1
    assert number == 6  # metadata, what is there, the hidden tab, its rows, the swap; and a write without a fault


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
@pytest.mark.parametrize("how", MODES, ids=lambda how: how["mode"])
def test_what_goes_wrong_for_long_leaves_the_table_as_it_was(
    hook, control, old, how, method, server, with_extra, monkeypatch
):
    monkeypatch.setenv("AIRFLOW_CONN_SHEETS", with_extra(server, num_retries=2).get_uri())
    control.fault("status", status=503, times=3, method=method, path="^/v4/")
    with pytest.raises((GSheetsError, TransferError)) as caught:
        write(old, NEW, **how)
    assert "'sheets'" in str(caught.value)
    control.clear()
    assert held(hook, old) == OLD
    assert hook.get_sheet_titles(old) == ["Sheet1"]
    write(old, NEW, **how)
    assert held(hook, old) == AFTER[how["mode"]]


def test_a_storm_of_429(hook, control, old):
    control.fault("status", status=429, times=4, headers={"Retry-After": "0.05"}, path="^/v4/")
    started = time.monotonic()
    write(old, NEW, mode="replace")
    assert time.monotonic() - started > 0.2
    assert held(hook, old) == NEW
    control.fault("status", status=429, times=100, path="^/v4/")
    with pytest.raises(QuotaExceeded, match="set reads_per_minute and writes_per_minute"):
        write(old, OLD, mode="replace")
    control.clear()
    control.fault("status", status=429, headers={"Retry-After": "86400"}, path="^/v4/")
    with pytest.raises(QuotaExceeded):
        hook.get_rows(old)
    assert len(control.calls("/v4/")) == 1


def test_the_quota_of_the_service_is_kept(server, control, key, with_extra):
    """The stand-in counts as Google does; the hook waits, and gets no 429."""
    control.act("set_quota", read=5, write=None, per_project=None, minute=60.0)
    stopped = []
    with with_extra(server, reads_per_minute=5).get_hook() as hook:
        for _ in range(5):
            hook.get_values(key, "A1")

        def one_too_many() -> None:
            try:
                hook.get_values(key, "A1")
            except Stopped as error:
                stopped.append(error)

        waiting = threading.Thread(target=one_too_many)
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
        hook.stop()
        waiting.join(60)
    assert len(stopped) == 1
    assert [call.status for call in control.calls("/values/")] == [200] * 5


def test_what_adds_is_not_repeated(hook, control, key):
    """Google did it, and the answer was lost: repeating it would add the rows again."""
    control.fault("lost", path=":append")
    with pytest.raises(OutcomeUnknown, match="may have been done all the same"):
        hook.append_values(key, "Sheet1", [[1]])
    assert hook.get_rows(key) == [[1]]
    control.fault("status", status=429, times=2, path=":append")
    hook.append_values(key, "Sheet1", [[2]])
    assert hook.get_rows(key) == [[1], [2]]
    control.fault("lost", path="/v4/spreadsheets$")
    with pytest.raises(OutcomeUnknown):
        hook.create_spreadsheet({"properties": {"title": "Twice"}})
    assert hook.resolve("Twice")


def test_a_source_that_fails_costs_no_request_that_writes(control, old):
    control.clear()
    failing = Rows([Column("id", Type("int")), Column("name", Type("text"))], NEW * 100, 150)
    with pytest.raises(Exception, match="fails half-way"):
        Transfer(task_id="load", source=failing, sink=Sheet(old, conn_id="sheets", mode="replace")).execute({})
    assert {call.method for call in control.calls("/v4/")} == {"GET"}


def test_a_stop_before_the_swap_leaves_the_table_as_it_was(hook, control, old):
    sink = Sheet(old, conn_id="sheets", mode="replace")
    with sink.writer() as writer:
        writer.begin(writer.adopt([Column("id", Type("int"))]))
        writer.rows([[(1,), (2,)]])
        writer.cancel()
        with pytest.raises((TransferError, Stopped)):
            writer.commit()
    assert held(hook, old) == OLD
    assert hook.get_sheet_titles(old) == ["Sheet1"]


def test_what_a_killed_process_left_goes_with_a_later_write(hook, old):
    sheet = hook.client().open_by_key(old)
    sheet.add_worksheet("tradewind 20200101T000000Z 0123abcd", 1, 1)
    sheet.add_worksheet("tradewind 29990101T000000Z 0123abcd", 1, 1)
    sheet.add_worksheet("tradewind plans", 1, 1)
    write(old, NEW, mode="replace")
    assert hook.get_sheet_titles(old) == ["Sheet1", "tradewind 29990101T000000Z 0123abcd", "tradewind plans"]


def test_many_rows_take_as_few_requests_as_they_can(hook, control, key):
    rows = [(number, "x" * 990) for number in range(5000)]  # a thousand bytes each
    control.clear()
    write(key, rows, mode="replace")
    calls = control.calls("/v4/")
    parts = -(-sum(len(f'[{number},"{text}"],') for number, text in rows) // MAX_REQUEST)
    assert [call.method for call in calls] == ["GET", "GET", "POST", *["PUT"] * parts, "POST"]
    assert len(held(hook, key)) == 5000


def test_nothing_secret_is_logged(server: Connection, control, old, caplog):
    caplog.set_level("DEBUG")
    with server.get_hook() as hook:
        control.fault("status", status=500, times=3)
        hook.get_rows(old)
        token = hook.get_credentials().token
    hidden = [token, *str(server.extra_dejson["keyfile_dict"]).split("\\n")[1:3]]
    assert caplog.records
    for record in caplog.records:
        assert not any(secret in record.getMessage() for secret in hidden)
