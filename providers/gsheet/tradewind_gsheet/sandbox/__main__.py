"""`python -m tradewind_gsheet.sandbox SCRIPT` runs a program that is written for Google against a sandbox."""

from __future__ import annotations

import argparse
import runpy
import sys
from contextlib import ExitStack

from tradewind.connection import Connection
from tradewind_gsheet.sandbox.routing import in_place_of_google
from tradewind_gsheet.sandbox.stand_in import GSheetSandbox


def main() -> None:
    """The program is run unchanged, with its own arguments; its sandbox goes when it ends."""
    parser = argparse.ArgumentParser(prog="python -m tradewind_gsheet.sandbox", description=main.__doc__)
    parser.add_argument("--conn-id", help="connection of a sandbox that runs already (default: one of its own)")
    parser.add_argument("script", help="file of the program")
    parser.add_argument("argument", nargs=argparse.REMAINDER, help="arguments of the program")
    told = parser.parse_args()
    with ExitStack() as opened:
        connection = Connection.get(told.conn_id) if told.conn_id else opened.enter_context(GSheetSandbox())
        opened.enter_context(in_place_of_google(connection))
        sys.stderr.write(f"sandbox  {connection.extra_dejson['api_endpoint']}/\n")
        sys.argv = [told.script, *told.argument]
        runpy.run_path(told.script, run_name="__main__")


if __name__ == "__main__":
    main()
