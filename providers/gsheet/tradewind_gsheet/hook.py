"""`GSheetsHook`: Google Sheets, by key, URL or title.

    google-cloud-platform://?key_path=/run/secrets/sheets.json

The key may also be the whole value of the connection: the JSON file as Google's console gives it. Extras are those in
`extras.py`. What a method needs from other modules it imports itself, so that importing the hook costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tradewind.hook import BaseHook
from tradewind_gsheet.values import Values

if TYPE_CHECKING:
    import os

    from tradewind_gsheet.a1 import Place
    from tradewind_gsheet.book import Book
    from tradewind_gsheet.client import Client
    from tradewind_gsheet.records import Numericise
    from tradewind_gsheet.settings import Settings

#: Seconds that a test of the connection waits for an answer.
TEST_TIMEOUT = 15.0

#: Format -> type of the file, as Drive knows it.
EXPORTS: dict[str, str] = {
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "pdf": "application/pdf",
    "zip": "application/zip",
}


class GSheetsHook(Values, BaseHook):
    """Reads and writes spreadsheets.

    - `gcp_conn_id`: the connection. It must exist; one without a key means what the machine is logged in with.
    - `api_version`: of the Sheets API: only v4 is there.
    - `impersonation_chain`: an account to act as, or a list of accounts, of which each may act as the next.
    - `api_endpoint`: address of a server in the place of Google's.

    Wherever a spreadsheet is asked for, its key or URL will do; methods that are not Airflow's take its title as well.
    Requests keep to the quota of the connection and are repeated where that is safe; see `tradewind_gsheet.transport`.
    """

    conn_name_attr: ClassVar[str] = "gcp_conn_id"
    default_conn_name: ClassVar[str] = "google_cloud_default"
    conn_type: ClassVar[str] = "google_cloud_platform"
    hook_name: ClassVar[str] = "Google Sheets"

    def __init__(
        self,
        gcp_conn_id: str = default_conn_name,
        api_version: str = "v4",
        impersonation_chain: str | Sequence[str] | None = None,
        api_endpoint: str | None = None,
    ) -> None:
        self.gcp_conn_id = gcp_conn_id
        self.api_version = api_version
        self.impersonation_chain = impersonation_chain
        self.api_endpoint = api_endpoint
        self._opened: Client | None = None
        self._stopped = False

    # The connection

    def settings(self) -> Settings:
        """What the connection says. Raises ConnectionNotFound or BrokenConnection."""
        from tradewind_gsheet import settings

        return settings.read(
            self.get_connection(self.gcp_conn_id),
            self.gcp_conn_id,
            impersonation_chain=self.impersonation_chain,
            api_endpoint=self.api_endpoint,
        )

    @property
    def _client(self) -> Client:
        if self._opened is None:
            from tradewind_gsheet.client import Client

            self._opened = Client(self.settings(), self.log)
            if self._stopped:
                self._opened.stop()
        return self._opened

    def get_conn(self) -> Any:
        """The Sheets service of google-api-python-client, as in Airflow. `close` closes it."""
        return self._client.service("sheets", self.api_version)

    def client(self) -> Any:
        """A `gspread.Client` with the login, the server and the limits of the connection. `close` closes it."""
        return self._client.gspread

    def get_credentials(self) -> Any:
        """The credentials, of google-auth."""
        return self._client.credentials

    @property
    def account_email(self) -> str | None:
        """With whom spreadsheets are to be shared; None if the login does not tell."""
        return self._client.account()

    def close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    def stop(self) -> None:
        """Give up what waits for its turn or another try. Called from another thread; the hook is of no use then."""
        self._stopped = True
        opened = self._opened
        if opened is not None:
            opened.stop()

    def test_connection(self) -> tuple[bool, str]:
        """Whether Google accepts the login and Drive answers it. It asks once, and does not wait for long."""
        import dataclasses
        from contextlib import closing

        from tradewind.errors import TradewindError
        from tradewind_gsheet.client import Client

        try:
            settings = self.settings()
            brief = min(settings.timeout or TEST_TIMEOUT, TEST_TIMEOUT)
            with closing(Client(dataclasses.replace(settings, num_retries=0, timeout=brief), self.log)) as client:
                who = client.ask_who() or "the account of this machine"
        except TradewindError as error:
            return False, str(error)
        return True, f"Google answers. Spreadsheets must be shared with {who}."

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None}

    # Spreadsheets

    def _key(self, spreadsheet: str) -> str:
        from tradewind_gsheet.book import key_in

        return key_in(spreadsheet) or spreadsheet

    def resolve(self, spreadsheet: str) -> str:
        """The key of the spreadsheet that an URL, a key or a title means.

        Raises SpreadsheetNotFound, and GSheetsError for a title that several have.
        """
        from tradewind_gsheet.book import key_of

        return key_of(self._client, spreadsheet)

    def open(self, spreadsheet: str) -> Any:
        """The `gspread.Spreadsheet` of an URL, a key or a title. What is asked of it raises gspread's own errors."""
        key = self.resolve(spreadsheet)
        self._client.metadata(key)
        return self._client.gspread.open_by_key(key)

    def get_spreadsheet(self, spreadsheet_id: str) -> dict[str, Any]:
        """All that the API tells of a spreadsheet but its cells."""
        key = self._key(spreadsheet_id)
        with self._client.explained(f"read the spreadsheet {key}", key):
            found: dict[str, Any] = self._client.http.spreadsheets_get(key)
        return found

    def get_sheet_titles(self, spreadsheet_id: str, sheet_filter: list[str] | None = None) -> list[str]:
        """The titles of its tabs; with `sheet_filter` those of them that are named there."""
        titles = self._client.titles(self._key(spreadsheet_id))
        return titles if sheet_filter is None else [title for title in titles if title in sheet_filter]

    def create_spreadsheet(self, spreadsheet: Mapping[str, Any], *, folder_id: str | None = None) -> dict[str, Any]:
        """Make a spreadsheet, as the API describes one: `{"properties": {"title": "Sales"}, "sheets": [...]}`.

        In `folder_id` (a folder, or a shared drive) it is put there, with everything that `spreadsheet` says. Nobody
        sees what an account makes for itself until it is shared: see `share`. Returns what the API tells of it.
        """
        with self._client.explained("make a spreadsheet", once=True):
            made = self._client.post("", spreadsheet, repeatable=False)
        if folder_id:
            self._move(made["spreadsheetId"], folder_id)
        return made

    def _move(self, key: str, folder_id: str) -> None:
        from tradewind_gsheet.client import DRIVE

        url = f"{DRIVE}/files/{key}"
        with self._client.explained(f"put the spreadsheet {key} into the folder {folder_id}"):
            told = self._client.http.request(
                "get", url, params={"fields": "parents", "supportsAllDrives": "true"}
            ).json()
            self._client.http.request(
                "patch",
                url,
                params={
                    "addParents": folder_id,
                    "removeParents": ",".join(told.get("parents", ())),
                    "supportsAllDrives": "true",
                    "fields": "id,parents",
                },
                json={},
            )

    def share(
        self, spreadsheet: str, email: str, role: str = "reader", *, kind: str = "user", notify: bool = False
    ) -> None:
        """Let a person (or a `kind="group"` or `"domain"`) read it, or as `commenter` or `writer` do more."""
        key = self.resolve(spreadsheet)
        with self._client.explained(f"share the spreadsheet {key}"):
            self._client.gspread.insert_permission(key, email, perm_type=kind, role=role, notify=notify)

    def export(self, spreadsheet: str, path: str | os.PathLike[str] | None = None, format: str | None = None) -> bytes:
        """The spreadsheet as a file: csv and tsv (its first tab), xlsx, ods, pdf, zip; `path` gets it, if it is given.

        By default the format is what the suffix of `path` says, else xlsx.
        """
        from tradewind_gsheet.client import DRIVE
        from tradewind_gsheet.errors import GSheetsError

        kind = format or (Path(path).suffix.removeprefix(".").lower() if path is not None else "xlsx")
        if kind not in EXPORTS:
            raise GSheetsError(f"There is no format {kind!r}; there are {', '.join(EXPORTS)}.")
        key = self.resolve(spreadsheet)
        with self._client.explained(f"export the spreadsheet {key} as {kind}"):
            url = f"{DRIVE}/files/{key}/export"
            content: bytes = self._client.http.request("get", url, params={"mimeType": EXPORTS[kind]}).content
        if path is not None:
            Path(path).write_bytes(content)
        return content

    # Tables

    def find_table(self, spreadsheet: str, tab: str | None = None, *, create: bool = False) -> tuple[Book, Place]:
        """The spreadsheet, and where in it the table is: `Targets`, `Targets!B3`, `Targets!B3:F`.

        By default the tab that the URL leads to, else the first one. Raises BadRange for one that is not there, unless
        it is to be made.
        """
        from tradewind_gsheet import a1
        from tradewind_gsheet.book import Book, tab_in
        from tradewind_gsheet.errors import BadRange

        book = Book(self._client, self.resolve(spreadsheet))
        if tab:
            named = book.find(tab)
            place = a1.Place(named.title) if named is not None else a1.parse(tab)
            if not create:
                book.require(place.tab)
            return book, place
        gid = tab_in(spreadsheet)
        found = book.by_id(gid) if gid is not None else next(iter(book.tabs), None)
        if found is None:
            raise BadRange(f"Connection {self.gcp_conn_id!r}: the spreadsheet {book.title!r} has no tab {gid}.")
        return book, a1.Place(found.title)

    def get_rows(
        self,
        spreadsheet: str,
        tab: str | None = None,
        *,
        value_render_option: str = "UNFORMATTED_VALUE",
        date_time_render_option: str = "SERIAL_NUMBER",
        blank: Any = "",
    ) -> list[list[Any]]:
        """The cells of a tab or a part of it, header included: rows of one length, with `blank` where nothing is."""
        from tradewind_gsheet import table

        book, place = self.find_table(spreadsheet, tab)
        options = {"valueRenderOption": value_render_option, "dateTimeRenderOption": date_time_render_option}
        rows: list[list[Any]] = []
        for first, part in table.read_rows(book, book.require(place.tab), place, options):
            if part:
                rows += [[] for _ in range(first - place.row - len(rows))]
                rows += part
        filled = table.rectangular(rows)
        return filled if blank == "" else [[blank if cell == "" else cell for cell in row] for row in filled]

    def get_records(
        self,
        spreadsheet: str,
        tab: str | None = None,
        *,
        head: int = 1,
        expected_headers: Sequence[str] | None = None,
        numericise: Numericise = False,
        numericise_ignore: Collection[str] = (),
        default_blank: Any = "",
        value_render_option: str = "UNFORMATTED_VALUE",
    ) -> list[dict[str, Any]]:
        """The rows of a table as dicts, by the names in its header; blank rows are left out.

        - `head`: the row of the header, counted from 1, from where the table begins.
        - `expected_headers`: names that must be there.
        - `numericise`: read texts that are numbers as numbers: True for `1,234.5`, or `Numbers(...)`;
          `numericise_ignore` names columns that stay as they are. Numbers are numbers in any case, and `007` stays a
          text without it.
        - `default_blank`: what an empty cell is.

        Raises GSheetsError for a header with a blank name, or the same one twice.
        """
        names, rows = self._named_rows(
            spreadsheet, tab, head, expected_headers, numericise, numericise_ignore, default_blank, value_render_option
        )
        return [dict(zip(names, row)) for row in rows]

    def get_df(
        self,
        spreadsheet: str,
        tab: str | None = None,
        *,
        df_type: str = "pandas",
        head: int = 1,
        expected_headers: Sequence[str] | None = None,
        numericise: Numericise = False,
        numericise_ignore: Collection[str] = (),
    ) -> Any:
        """The rows of a table as a data frame of pandas or `polars`; the arguments are those of `get_records`."""
        from tradewind_gsheet.records import make_frame

        names, rows = self._named_rows(
            spreadsheet, tab, head, expected_headers, numericise, numericise_ignore, None, "UNFORMATTED_VALUE"
        )
        return make_frame(names, rows, df_type)

    def _named_rows(
        self,
        spreadsheet: str,
        tab: str | None,
        head: int,
        expected: Sequence[str] | None,
        numericise: Numericise,
        ignored: Collection[str],
        default_blank: Any,
        render: str,
    ) -> tuple[list[str], list[list[Any]]]:
        from tradewind_gsheet import records, table

        book, place = self.find_table(spreadsheet, tab)
        where = f"Connection {self.gcp_conn_id!r}, tab {place.tab!r} of the spreadsheet {book.title!r}"
        options = {"valueRenderOption": render, "dateTimeRenderOption": "SERIAL_NUMBER"}
        found = table.read_rows(book, book.require(place.tab), place, options)
        rows = [row for _, part in found for row in part]
        names = table.header_names(rows[head - 1] if len(rows) >= head else [], place.below(head - 1), where)
        records.check_expected(names, expected, where)
        convert = records.Converter(names, numericise, ignored, default_blank, where)
        return names, [convert(row) for row in rows[head:] if not table.is_blank(row[: len(names)])]

    def replace_rows(
        self, spreadsheet: str, tab: str | None, rows: Iterable[Any], columns: Sequence[str] | None = None, **how: Any
    ) -> int:
        """Let a table have these rows and no others; returns how many. See the endpoint `Sheet` for `how`.

        Rows are sequences with `columns` as their names, dicts, or a data frame. All is there at once, or nothing.
        """
        return self._write(spreadsheet, tab, rows, columns, {"mode": "replace", **how})

    def append_rows(
        self, spreadsheet: str, tab: str | None, rows: Iterable[Any], columns: Sequence[str] | None = None, **how: Any
    ) -> int:
        """Add rows below those of a table, by the names in its header; returns how many.

        With `partition={"day": "2025-11-21"}` its rows are taken out before, so that it can be done twice.
        """
        return self._write(spreadsheet, tab, rows, columns, {"mode": "append", **how})

    def upsert_rows(
        self,
        spreadsheet: str,
        tab: str | None,
        rows: Iterable[Any],
        keys: Sequence[str],
        columns: Sequence[str] | None = None,
        **how: Any,
    ) -> int:
        """Let each row take the place of the one with its `keys`, or be added; returns how many came.

        Columns of the table that the rows do not have stay as they are.
        """
        return self._write(spreadsheet, tab, rows, columns, {"mode": "upsert", "keys": keys, **how})

    def _write(
        self, spreadsheet: str, tab: str | None, rows: Any, columns: Sequence[str] | None, how: dict[str, Any]
    ) -> int:
        from contextlib import closing

        from tradewind_gsheet.incoming import named
        from tradewind_gsheet.writing import How, TableWrite

        chosen = How(**how)
        names, batches = named(rows, columns)
        book, place = self.find_table(spreadsheet, tab, create=chosen.create)
        with closing(TableWrite(book, place, chosen)) as write:
            write.begin(names)
            count = sum(write.add(batch) for batch in batches)
            write.commit()
        return count

    def format_header(
        self,
        spreadsheet: str,
        tab: str | None = None,
        *,
        bold: bool = True,
        background: str | None = None,
        freeze: bool = True,
    ) -> None:
        """Make the header of a table bold, with a `background` (`#rrggbb`), and keep it in sight."""
        from tradewind_gsheet import updates
        from tradewind_gsheet.a1 import Place

        book, place = self.find_table(spreadsheet, tab)
        found = book.require(place.tab)
        area = Place(place.tab, place.row, place.column, place.row + 1, place.end_column)
        requests = updates.format_header(found.sheet_id, area, background=background, bold=bold, freeze=freeze)
        self._client.batch_update(book.spreadsheet_id, requests, "format a header", repeatable=True)

    def iter_rows(self, spreadsheet: str, tab: str | None = None) -> Iterator[list[Any]]:
        """The rows of a tab one by one, header included, read some at a time: for more than fit in memory."""
        from tradewind_gsheet import table

        book, place = self.find_table(spreadsheet, tab)
        for _, part in table.read_rows(book, book.require(place.tab), place):
            yield from part
