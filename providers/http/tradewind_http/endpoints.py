"""`HttpJson`: records that a service answers with, as the source of a transfer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from tradewind.errors import TransferError
from tradewind.transfer import Column, RowReader, Source, Type
from tradewind.transfer.json_rows import JsonRows
from tradewind.transfer.types import ANY
from tradewind_http.address import shown
from tradewind_http.hook import HttpHook
from tradewind_http.pagination import Pages, pick

if TYPE_CHECKING:
    import requests

    from tradewind.transfer.contract import Batch


@dataclass(frozen=True, repr=False)
class HttpJson(Source):
    """The records of an answer in JSON, page after page.

        HttpJson("orders", conn_id="shop", params={"day": "{{ ds }}"}, records="data", pages=Cursor("next", "cursor"))

    - `records`: where in the answer the list of records is: `data.items`. Empty: the answer is the list. One object in
      place of a list is one record.
    - `pages`: how the next page is asked for; see `tradewind_http.pagination`.
    - `fields`: column -> where in a record its value is: `{"id": "id", "city": "address.city"}`. Without it, the
      columns are the names of the first record, and a later record with a name more is an error: nothing is lost.
    - `types`: column -> type, as `tradewind.transfer.Type` writes them; else values are what JSON says they are.
    """

    template_fields: ClassVar[Sequence[str]] = ("endpoint", "params", "json", "headers", "conn_id")

    endpoint: str
    _: KW_ONLY
    conn_id: str = HttpHook.default_conn_name
    method: str = "GET"
    params: Mapping[str, Any] | None = None
    json: Any = None
    headers: Mapping[str, str] | None = field(default=None, repr=False)  # it may hold a token
    records: str = ""
    pages: Pages | None = None
    fields: Mapping[str, str] | None = None
    types: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        self.column_types()

    def column_types(self) -> dict[str, Type]:
        return {name: Type.parse(text) for name, text in (self.types or {}).items()}

    def reader(self) -> HttpJsonReader:
        return HttpJsonReader(self)


class HttpJsonReader(RowReader):
    """Asks for one page after the other, while the sink takes the rows of the page before."""

    def __init__(self, endpoint: HttpJson) -> None:
        self.endpoint = endpoint
        self._hook = HttpHook(endpoint.method, endpoint.conn_id)
        self._place = ""

    def __enter__(self) -> HttpJsonReader:
        try:
            one = self.endpoint
            given = {"params": one.params, "json": one.json, "headers": one.headers}
            self._answer = self._hook.run(one.endpoint, **{name: value for name, value in given.items() if value})
            self._first = self._records(self._answer)
            self.columns = self._columns()
        except BaseException:
            self._hook.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._hook.close()

    def rows(self) -> Iterator[Batch]:
        maker = JsonRows(self.columns, lambda number: f"Record {number} of {self._place}")
        records, answer, asked, done = self._first, self._answer, {self._answer.url}, 0
        while True:
            self._check_not_cancelled()
            yield [maker.row(self._fields(record), done + number) for number, record in enumerate(records, 1)]
            done += len(records)
            url = self.endpoint.pages.following(answer) if self.endpoint.pages is not None else None
            if url is None:
                return
            if url in asked:
                raise TransferError(
                    f"{self._place} names itself, or a page that was read already, as the next one: there would be no "
                    "end. Look at pages=."
                )
            asked.add(url)
            answer = self._hook.run(url, headers=self.endpoint.headers, json=self.endpoint.json)
            records = self._records(answer)

    def _check_not_cancelled(self) -> None:
        if self.cancelled:
            raise TransferError(f"Reading {self._place} was told to stop.")

    def _records(self, answer: requests.Response) -> list[dict[str, Any]]:
        self._place = shown(answer.url)
        data = JsonRows.decode(answer.content, self._place)
        found = pick(data, self.endpoint.records)
        records = [found] if isinstance(found, dict) else found
        if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
            where = f"at {self.endpoint.records!r}" if self.endpoint.records else "at its top"
            raise TransferError(f"{self._place} has no list of objects {where}; say with records= where it is.")
        return records

    def _columns(self) -> tuple[Column, ...]:
        types = self.endpoint.column_types()
        names = list(self.endpoint.fields or types or (self._first[0] if self._first else ()))
        if not names:
            raise TransferError(
                f"{self._place} has no records, and neither fields= nor types= names its columns, so there is nothing "
                "to tell the sink."
            )
        return tuple(Column(name, types.get(name, ANY)) for name in names)

    def _fields(self, record: dict[str, Any]) -> dict[str, Any]:
        fields = self.endpoint.fields
        if fields is None:
            return record
        return {name: pick(record, path, None) for name, path in fields.items()}
