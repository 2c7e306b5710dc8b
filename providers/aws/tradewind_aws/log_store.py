"""Logs on S3 and in every store that speaks its protocol: `s3://bucket/logs?conn_id=aws_logs`."""

from __future__ import annotations

from tradewind.errors import LogStoreError, TradewindError
from tradewind.remote import LogStore, StoreUrl
from tradewind_aws.s3.place import S3Place


class S3LogStore(LogStore):
    """An object for each chunk, under `<prefix>/<dag>/<run>/<task>/<try>.log/`. None is ever rewritten."""

    def __init__(self, url: StoreUrl) -> None:
        super().__init__(url)
        self._place = S3Place(url)

    def put(self, log: str, chunk: str, data: bytes) -> None:
        try:
            self._place.put(f"{log}/{chunk}", data)
        except TradewindError as error:
            raise LogStoreError(f"{self.url} takes no log: {error}") from error

    def chunks(self, log: str, after: str = "") -> list[str]:
        try:
            return [name.removeprefix(f"{log}/") for name in self._place.names(f"{log}/", after)]
        except TradewindError as error:
            raise LogStoreError(f"{self.url} does not list the log {log}: {error}") from error

    def get(self, log: str, chunk: str) -> bytes:
        try:
            return self._place.get(f"{log}/{chunk}")
        except TradewindError as error:
            raise LogStoreError(f"{self.url} does not give a part of the log {log}: {error}") from error
