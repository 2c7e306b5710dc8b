"""Operators on Google Sheets: make a spreadsheet, read a table, append rows, clear ranges."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tradewind.operator import BaseOperator
from tradewind_gsheet.errors import SpreadsheetNotFound
from tradewind_gsheet.hook import GSheetsHook


class GoogleSheetsOperator(BaseOperator):
    """Base of operators on Google Sheets.

    - `gcp_conn_id`: the connection.
    - `impersonation_chain`: accounts to act as; see `GSheetsHook`.
    """

    template_fields: Sequence[str] = ("gcp_conn_id", "impersonation_chain")
    ui_color = "#d9ead3"

    def __init__(
        self,
        *,
        gcp_conn_id: str = GSheetsHook.default_conn_name,
        impersonation_chain: str | Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.gcp_conn_id = gcp_conn_id
        self.impersonation_chain = impersonation_chain
        self._used: GSheetsHook | None = None  #: the hook that a stop of the task has to reach

    def get_hook(self) -> GSheetsHook:
        """A hook for the connection, within reach of `on_kill`; close it."""
        self._used = GSheetsHook(self.gcp_conn_id, impersonation_chain=self.impersonation_chain)
        return self._used

    def on_kill(self) -> None:
        """Give up waiting for Google."""
        if self._used is not None:
            self._used.stop()


class GoogleSheetsCreateSpreadsheetOperator(GoogleSheetsOperator):
    """Makes a spreadsheet.

    - `spreadsheet`: what the API takes: `{"properties": {"title": "Sales", "locale": "de_DE"}, "sheets": [...]}`.
    - `drive_id`: a folder or shared drive that it is put into. All of `spreadsheet` counts there too.
    - `reuse`: if the login sees a spreadsheet of that title, take it, and make none: for tasks that may run again.

    Pushes `spreadsheet_id` and `spreadsheet_url`; its XCom is what the API tells of the spreadsheet.
    """

    template_fields: Sequence[str] = ("spreadsheet", "drive_id", *GoogleSheetsOperator.template_fields)

    def __init__(
        self, *, spreadsheet: dict[str, Any], drive_id: str | None = None, reuse: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.spreadsheet = spreadsheet
        self.drive_id = drive_id
        self.reuse = reuse

    def execute(self, context: Any) -> dict[str, Any]:
        with self.get_hook() as hook:
            made = self._there(hook) or hook.create_spreadsheet(self.spreadsheet, folder_id=self.drive_id)
        context["ti"].xcom_push(key="spreadsheet_id", value=made["spreadsheetId"])
        context["ti"].xcom_push(key="spreadsheet_url", value=made["spreadsheetUrl"])
        return made

    def _there(self, hook: GSheetsHook) -> dict[str, Any] | None:
        """The spreadsheet of that title, if it is to be used."""
        if not self.reuse:
            return None
        try:
            key = hook.resolve(self.spreadsheet["properties"]["title"])
        except SpreadsheetNotFound:
            return None
        return hook.get_spreadsheet(key)


class GoogleSheetsReadOperator(GoogleSheetsOperator):
    """Reads a table; its XCom is a list of dicts, by the names in the header.

    `spreadsheet` is an URL, a key or a title; `tab` and the others are those of `GSheetsHook.get_records`. For more
    than an XCom holds use the endpoint `Sheet` in a `Transfer`.
    """

    template_fields: Sequence[str] = ("spreadsheet", "tab", "expected_headers", *GoogleSheetsOperator.template_fields)

    def __init__(
        self,
        *,
        spreadsheet: str,
        tab: str | None = None,
        head: int = 1,
        expected_headers: Sequence[str] | None = None,
        numericise: Any = False,
        numericise_ignore: Collection[str] = (),
        default_blank: Any = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.spreadsheet = spreadsheet
        self.tab = tab
        self.head = head
        self.expected_headers = expected_headers
        self.numericise = numericise
        self.numericise_ignore = numericise_ignore
        self.default_blank = default_blank

    def execute(self, context: Any) -> list[dict[str, Any]]:
        with self.get_hook() as hook:
            found = hook.get_records(
                self.spreadsheet,
                self.tab,
                head=self.head,
                expected_headers=self.expected_headers,
                numericise=self.numericise,
                numericise_ignore=self.numericise_ignore,
                default_blank=self.default_blank,
            )
        self.log.info("Read %s rows", f"{len(found):,}")
        return found


class GoogleSheetsAppendOperator(GoogleSheetsOperator):
    """Adds rows to a table; its XCom is how many.

    - `spreadsheet`, `tab`: which table; see the endpoint `Sheet`.
    - `rows`: dicts, or sequences with `columns` as their names.
    - `partition`: column -> value, such as `{"day": "{{ ds }}"}`: its rows are taken out before, so that a task that is
      run again does not add them twice. Without it, it does.
    - `create`: make the tab if it is not there.
    """

    template_fields: Sequence[str] = (
        "spreadsheet",
        "tab",
        "rows",
        "columns",
        "partition",
        *GoogleSheetsOperator.template_fields,
    )

    def __init__(
        self,
        *,
        spreadsheet: str,
        rows: Any,
        tab: str | None = None,
        columns: Sequence[str] | None = None,
        partition: Mapping[str, Any] | None = None,
        create: bool = False,
        value_input_option: str = "RAW",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.spreadsheet = spreadsheet
        self.rows = rows
        self.tab = tab
        self.columns = columns
        self.partition = partition
        self.create = create
        self.value_input_option = value_input_option

    def execute(self, context: Any) -> int:
        with self.get_hook() as hook:
            return hook.append_rows(
                self.spreadsheet,
                self.tab,
                self.rows,
                self.columns,
                partition=self.partition,
                create=self.create,
                value_input_option=self.value_input_option,
            )


class GoogleSheetsClearOperator(GoogleSheetsOperator):
    """Takes the values out of ranges, and leaves their formats: `["Targets!A2:F", "Log"]`."""

    template_fields: Sequence[str] = ("spreadsheet", "ranges", *GoogleSheetsOperator.template_fields)

    def __init__(self, *, spreadsheet: str, ranges: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.spreadsheet = spreadsheet
        self.ranges = ranges

    def execute(self, context: Any) -> list[str]:
        with self.get_hook() as hook:
            ranges = [self.ranges] if isinstance(self.ranges, str) else list(self.ranges)
            answer = hook.batch_clear(hook.resolve(self.spreadsheet), ranges)
        cleared: list[str] = answer.get("clearedRanges", [])
        return cleared
