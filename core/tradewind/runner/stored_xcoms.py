"""The `TaskApi` of an attempt whose large XComs go to an XCom store."""

from __future__ import annotations

import logging
from typing import Any

from tradewind.context import TaskApi
from tradewind.errors import XComError
from tradewind.records import TaskKey
from tradewind.remote import values

log = logging.getLogger("tradewind.runner")


class StoredXComs:
    """Puts large values away and keeps references; everything else is what `api` answers.

    References are read by whoever reads the XCom, see `tradewind.xcom.loads`.
    """

    def __init__(self, api: TaskApi, run: int, threshold: int) -> None:
        self._api = api
        self._run = run  #: Run.id
        self._threshold = threshold  #: bytes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._api, name)

    def xcom_put(self, key: TaskKey, xcom_key: str, json_text: str) -> None:
        if len(json_text.encode()) <= self._threshold:
            self._api.xcom_put(key, xcom_key, json_text)
            return
        reference = values.put_away(self._run, key, xcom_key, json_text)
        try:
            self._api.xcom_put(key, xcom_key, reference)
        except BaseException:
            self._forget(reference)
            raise

    def xcom_clear(self, key: TaskKey) -> list[str]:
        cleared = self._api.xcom_clear(key)
        for text in cleared:
            if values.is_reference(text):
                self._forget(text)
        return cleared

    def _forget(self, reference: str) -> None:
        try:
            values.forget(reference)
        except XComError as error:  # it stays till the run is deleted; that is no reason for the task to fail
            log.warning("A value that nobody needs any more could not be deleted: %s", error)
