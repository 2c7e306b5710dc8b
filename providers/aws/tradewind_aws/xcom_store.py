"""Large XComs on S3 and in every store that speaks its protocol: `s3://bucket/xcoms?conn_id=aws_xcoms`."""

from __future__ import annotations

from collections.abc import Iterator

from tradewind.errors import TradewindError, XComError
from tradewind.remote import StoreUrl, XComStore
from tradewind_aws.errors import NoSuchKey
from tradewind_aws.s3.place import S3Place


class S3XComStore(XComStore):
    """An object for each value."""

    def __init__(self, url: StoreUrl) -> None:
        super().__init__(url)
        self._place = S3Place(url)

    def put(self, name: str, data: bytes) -> None:
        try:
            self._place.put(name, data)
        except TradewindError as error:
            raise XComError(f"The XCom store {self.url} takes no value: {error}") from error

    def get(self, name: str) -> bytes | None:
        try:
            return self._place.get(name)
        except NoSuchKey:
            return None
        except TradewindError as error:
            raise XComError(f"The XCom store {self.url} cannot be read: {error}") from error

    def delete(self, name: str) -> None:
        try:
            self._place.delete(iter([name]))
        except TradewindError as error:
            raise XComError(f"The XCom store {self.url} does not delete: {error}") from error

    def delete_all(self, prefix: str) -> int:
        count = 0

        def counted(names: Iterator[str]) -> Iterator[str]:
            nonlocal count
            for name in names:
                count += 1
                yield name

        try:
            self._place.delete(counted(self._place.names(prefix)))
        except TradewindError as error:
            raise XComError(f"The XCom store {self.url} does not delete: {error}") from error
        return count
