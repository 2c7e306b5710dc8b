"""Opens the stores that the settings name. What cannot be right is a SettingError; nothing is reached yet."""

from __future__ import annotations

from typing import Any, cast

from tradewind import plugins
from tradewind.errors import PluginError, SettingError
from tradewind.remote.contract import LogStore, XComStore
from tradewind.remote.url import StoreUrl
from tradewind.settings import Settings


def open_log_store(settings: Settings) -> LogStore | None:
    """The store that the setting `logs_url` names; None if it is empty."""
    return cast(LogStore | None, _open("register_log_stores", "logs_url", settings.logs_url))


def open_xcom_store(settings: Settings) -> XComStore | None:
    """The store that the setting `xcom_store_url` names; None if it is empty."""
    return cast(XComStore | None, _open("register_xcom_stores", "xcom_store_url", settings.xcom_store_url))


def _open(hook: str, setting: str, text: str) -> Any:
    if not text:
        return None
    url = StoreUrl.parse(text, setting)
    known = plugins.current()
    if url.scheme not in known.named[hook]:
        schemes = ", ".join(f"{name}://" for name in sorted(known.named[hook]))
        raise SettingError(
            f"No installed provider serves the setting {setting}, {url}: there are {schemes}. "
            "Install the provider of that scheme (tradewind-aws serves s3://)."
        )
    try:
        kind = known.resolve(hook, url.scheme)
    except PluginError as error:
        raise SettingError(f"The store of the setting {setting}, {url}, cannot be loaded: {error}") from error
    return kind(url)
