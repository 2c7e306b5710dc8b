"""What an attempt needs beside its own machine when the settings name a log store or an XCom store."""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast

from tradewind.context import TaskApi
from tradewind.records import Run
from tradewind.remote import unsent
from tradewind.runner.identity import host, identity
from tradewind.settings import Settings
from tradewind.store import Store


def note_log(settings: Settings, path: Path, name: str) -> str:
    """Have a log that this process is about to write uploaded, if there is a log store. Returns what went wrong."""
    if not settings.logs_url:
        return ""
    return unsent.write(settings.logs_folder, path, name, unsent.Writer(host(), os.getpid(), identity()))


def task_api(store: Store, settings: Settings, run: Run) -> TaskApi:
    """What the tasks of a run may ask. Large values are put away, if there is an XCom store."""
    api = store.task_api()
    if not settings.xcom_store_url or settings.xcom_store_threshold < 0:
        return api
    from tradewind.runner.stored_xcoms import StoredXComs  # attempts start faster without it

    return cast(TaskApi, StoredXComs(api, run.id, settings.xcom_store_threshold))
