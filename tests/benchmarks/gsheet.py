"""A large table into a spreadsheet: how many requests it takes, and how long beside plain gspread."""

import json
import time

from tests.benchmarks.measure import timed, told
from tradewind.connection import Connection
from tradewind.connection.presets import connections
from tradewind.sandbox import Control
from tradewind.testing.memory import Rows
from tradewind.transfer import Column, Transfer, Type
from tradewind_gsheet import GSheetsHook, Sheet
from tradewind_gsheet.sandbox import GSheetSandbox
from tradewind_gsheet.spool import MAX_REQUEST

ROWS, COLUMNS = 50_000, 20


def run():
    rows = [
        tuple(f"{number}-{column}" if column % 2 else number for column in range(COLUMNS)) for number in range(ROWS)
    ]
    size = sum(len(json.dumps(row, separators=(",", ":"))) + 1 for row in rows)
    with GSheetSandbox() as server:
        unlimited = {**server.extra_dejson, "reads_per_minute": 0, "writes_per_minute": 0}
        connection = Connection("bench", server.conn_type, host=server.host, port=server.port, extra=unlimited)
        control = Control(connection)
        control.act("set_quota", read=None, write=None, per_project=None)
        with connections({"bench": connection}), GSheetsHook("bench") as hook:
            key = hook.create_spreadsheet({"properties": {"title": "Large"}})["spreadsheetId"]
            source = Rows([Column(f"c{number}", Type("any")) for number in range(COLUMNS)], rows)
            sink = Sheet(key, "Sheet1", conn_id="bench", mode="replace")
            control.clear()
            ours, our_cpu = _timed(lambda: Transfer(task_id="load", source=source, sink=sink).execute({}))
            calls = control.calls("/v4/")
            plain, plain_cpu = _timed(lambda: _plain(hook, key, rows))
            assert len(hook.get_rows(key, "Sheet1")) == ROWS + 1
    pieces = -(-size // MAX_REQUEST)
    told(
        f"{ROWS:,} x {COLUMNS} cells, {size / 1e6:.0f} MB: requests with rows",
        sum(one.method == "PUT" for one in calls),
    )
    told("the fewest, at 2 MB each", pieces)
    told("all requests: what is there (2), the hidden tab, the rows, the swap", len(calls))
    told("Transfer / plain gspread in six pieces: CPU of the client", f"{our_cpu / plain_cpu:.2f} x")
    told("the same, the stand-in's own work included", f"{ours / plain:.2f} x")


def _timed(action):
    """Seconds by the clock, and of this process's CPU."""
    before = time.process_time()
    return timed(action), time.process_time() - before


def _plain(hook, key, rows):
    sheet = hook.client().open_by_key(key).add_worksheet("Plain", ROWS, COLUMNS)
    step = ROWS // 6
    for first in range(0, ROWS, step):
        sheet.update([list(row) for row in rows[first : first + step]], f"A{first + 1}")
