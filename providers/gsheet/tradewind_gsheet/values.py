"""The values of ranges, by Airflow's methods: the part of `GSheetsHook` that is close to the API."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from tradewind_gsheet.errors import GSheetsError

if TYPE_CHECKING:
    from tradewind_gsheet.cells import Cell
    from tradewind_gsheet.client import Client


class Values(ABC):
    """Methods on ranges. `GSheetsHook` is one of these.

    `spreadsheet_id` is a key or an URL. Values that are written are those of `tradewind_gsheet.cells`; None makes a
    cell empty.
    """

    @property
    @abstractmethod
    def _client(self) -> Client:
        """What talks to Google."""

    @abstractmethod
    def _key(self, spreadsheet: str) -> str:
        """The key in an URL, or the key that is given."""

    def get_values(
        self,
        spreadsheet_id: str,
        range_: str,
        major_dimension: str = "DIMENSION_UNSPECIFIED",
        value_render_option: str = "FORMATTED_VALUE",
        date_time_render_option: str = "SERIAL_NUMBER",
    ) -> list[list[Any]]:
        """The rows of a range as Google gives them: blank cells at their ends are cut off. See `get_rows`."""
        options = _rendered(major_dimension, value_render_option, date_time_render_option)
        return self._client.values(self._key(spreadsheet_id), range_, **options)

    def batch_get_values(
        self,
        spreadsheet_id: str,
        ranges: list[str],
        major_dimension: str = "DIMENSION_UNSPECIFIED",
        value_render_option: str = "FORMATTED_VALUE",
        date_time_render_option: str = "SERIAL_NUMBER",
    ) -> dict[str, Any]:
        """Several ranges with one request; the answer of the API, with `valueRanges` in their order."""
        key = self._key(spreadsheet_id)
        options = _rendered(major_dimension, value_render_option, date_time_render_option)
        with self._client.explained(f"read {', '.join(ranges)} of the spreadsheet {key}", key):
            found: dict[str, Any] = self._client.http.values_batch_get(key, ranges, options)
        return found

    def update_values(
        self,
        spreadsheet_id: str,
        range_: str,
        values: Iterable[Sequence[Any]],
        major_dimension: str = "ROWS",
        value_input_option: str = "RAW",
        include_values_in_response: bool = False,
        value_render_option: str = "FORMATTED_VALUE",
        date_time_render_option: str = "SERIAL_NUMBER",
    ) -> dict[str, Any]:
        """Write rows, all of one length, into a range from its first cell on. What lies beyond them stays.

        Raises GSheetsError, before anything is sent, for rows of different lengths, more cells than a spreadsheet has,
        and values that have no place in a cell.
        """
        key = self._key(spreadsheet_id)
        params = {
            "valueInputOption": value_input_option,
            "includeValuesInResponse": include_values_in_response,
            "responseValueRenderOption": value_render_option,
            "responseDateTimeRenderOption": date_time_render_option,
        }
        body = {"range": range_, "majorDimension": major_dimension, "values": checked(values)}
        with self._client.explained(f"write {range_} of the spreadsheet {key}", key):
            found: dict[str, Any] = self._client.http.values_update(key, range_, params, body)
        return found

    def batch_update_values(
        self,
        spreadsheet_id: str,
        ranges: list[str],
        values: list[Any],
        major_dimension: str = "ROWS",
        value_input_option: str = "RAW",
        include_values_in_response: bool = False,
        value_render_option: str = "FORMATTED_VALUE",
        date_time_render_option: str = "SERIAL_NUMBER",
    ) -> dict[str, Any]:
        """Write several ranges with one request; `values` has the rows for each."""
        if len(ranges) != len(values):
            raise GSheetsError(
                f"There are {len(ranges)} ranges, and values for {len(values)}: give rows for each range."
            )
        key = self._key(spreadsheet_id)
        data = [
            {"range": range_, "majorDimension": major_dimension, "values": checked(rows)}
            for range_, rows in zip(ranges, values)
        ]
        body = {
            "valueInputOption": value_input_option,
            "data": data,
            "includeValuesInResponse": include_values_in_response,
            "responseValueRenderOption": value_render_option,
            "responseDateTimeRenderOption": date_time_render_option,
        }
        with self._client.explained(f"write {', '.join(ranges)} of the spreadsheet {key}", key):
            found: dict[str, Any] = self._client.http.values_batch_update(key, body)
        return found

    def append_values(
        self,
        spreadsheet_id: str,
        range_: str,
        values: Iterable[Sequence[Any]],
        major_dimension: str = "ROWS",
        value_input_option: str = "RAW",
        insert_data_option: str = "INSERT_ROWS",
        include_values_in_response: bool = False,
        value_render_option: str = "FORMATTED_VALUE",
        date_time_render_option: str = "SERIAL_NUMBER",
    ) -> dict[str, Any]:
        """Add rows below the table that Google finds in a range.

        They are inserted, so that nothing below is overwritten; with `OVERWRITE`, Airflow's default, it is. The request
        is not repeated if its answer is lost, for the rows may be there: `append_rows` is safe to repeat.
        """
        key = self._key(spreadsheet_id)
        params: dict[str, Any] = {
            "valueInputOption": value_input_option,
            "insertDataOption": insert_data_option,
            "includeValuesInResponse": include_values_in_response,
            "responseValueRenderOption": value_render_option,
            "responseDateTimeRenderOption": date_time_render_option,
        }
        body = {"range": range_, "majorDimension": major_dimension, "values": checked(values)}
        with self._client.explained(f"append to {range_} of the spreadsheet {key}", key, once=True):
            found: dict[str, Any] = self._client.http.values_append(key, range_, params, body)
        return found

    def clear(self, spreadsheet_id: str, range_: str) -> dict[str, Any]:
        """Take the values out of a range; formats stay."""
        key = self._key(spreadsheet_id)
        with self._client.explained(f"clear {range_} of the spreadsheet {key}", key):
            found: dict[str, Any] = self._client.http.values_clear(key, range_)
        return found

    def batch_clear(self, spreadsheet_id: str, ranges: list[str]) -> dict[str, Any]:
        """Take the values out of several ranges with one request."""
        key = self._key(spreadsheet_id)
        with self._client.explained(f"clear {', '.join(ranges)} of the spreadsheet {key}", key):
            found: dict[str, Any] = self._client.http.values_batch_clear(key, body={"ranges": ranges})
        return found


def checked(values: Iterable[Sequence[Any]]) -> list[list[Cell]]:
    """Rows as cells. Raises GSheetsError if they cannot be sent."""
    from tradewind_gsheet.book import MAX_CELLS
    from tradewind_gsheet.cells import to_cell

    given = list(values)
    width = len(given[0]) if given else 0
    if len(given) * width > MAX_CELLS:
        raise GSheetsError(
            f"{len(given):,} rows of {width} values are more than the {MAX_CELLS:,} cells of a spreadsheet. "
            "Nothing was sent."
        )
    rows: list[list[Cell]] = []
    for number, row in enumerate(given, 1):
        if len(row) != width:
            raise GSheetsError(
                f"Row {number} has {len(row)} values, and the first one {width}: rows must be of one length. "
                "Nothing was sent."
            )
        try:
            rows.append([to_cell(value) for value in row])
        except ValueError as error:
            raise GSheetsError(f"Row {number} has {error}. Nothing was sent.") from None
    return rows


def _rendered(major_dimension: str, value_render_option: str, date_time_render_option: str) -> dict[str, str]:
    return {
        "majorDimension": major_dimension,
        "valueRenderOption": value_render_option,
        "dateTimeRenderOption": date_time_render_option,
    }
