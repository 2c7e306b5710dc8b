"""The place in a bucket that the URL of a log store or XCom store names, and the hook that works there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from tradewind.errors import SettingError
from tradewind.remote import StoreUrl
from tradewind.settings import parse_bool
from tradewind_aws.s3.hook import S3Hook

#: Options of the URL.
OPTIONS = ("encrypt", "kms_key_id")

#: What the connection does not say itself. Whoever waits has something else to do.
_CONFIG: dict[str, Any] = {
    "connect_timeout": 5,
    "read_timeout": 20,
    "retries": {"mode": "standard", "total_max_attempts": 3},
    "max_pool_connections": 10,
}


class S3Place:
    """A prefix in a bucket: `s3://bucket/prefix?conn_id=aws_logs&encrypt=true`.

    Without `conn_id` the connection is `aws_default`; without a bucket (`s3:///prefix`) it is the connection's own.
    `encrypt=true` has S3 encrypt objects with a key of its own, `kms_key_id` with that one. Several threads may use it.
    Raises SettingError for a URL that cannot be right; the connection is read when it is first used.
    """

    def __init__(self, url: StoreUrl) -> None:
        url.check_options(*OPTIONS)
        self.prefix = f"{path}/" if (path := url.path.strip("/")) else ""
        self._url = url
        self._bucket = url.place or None
        self._encryption = _encryption(url)
        self._lock = threading.Lock()
        self._hook: S3Hook | None = None

    @property
    def hook(self) -> S3Hook:
        """The hook, with its client made: threads must not make it at once."""
        with self._lock:
            if self._hook is None:
                self._hook = self._open()
            return self._hook

    def _open(self) -> S3Hook:
        conn_id = self._url.conn_id or S3Hook.default_conn_name
        plain = S3Hook(conn_id)
        said = plain.conn_config.config_kwargs
        config = {name: value for name, value in _CONFIG.items() if name not in said}
        hook = S3Hook(conn_id, config=config, extra_args={**plain.extra_args, **self._encryption})
        hook.get_conn()
        return hook

    def put(self, name: str, data: bytes) -> None:
        self.hook.load_bytes(data, self.prefix + name, self._bucket, replace=True)

    def get(self, name: str) -> bytes:
        """Raises NoSuchKey."""
        return self.hook.read_bytes(self.prefix + name, self._bucket)

    def names(self, beginning: str, after: str = "") -> Iterator[str]:
        """Names that begin so and come after the one given, in the order of their characters' codes."""
        start = self.prefix + beginning + after if after else None
        for key in self.hook.iter_keys(self._bucket, self.prefix + beginning, start_after_key=start):
            yield key.removeprefix(self.prefix)

    def delete(self, names: Iterator[str]) -> None:
        self.hook.delete_objects(self._bucket, (self.prefix + name for name in names))


def _encryption(url: StoreUrl) -> dict[str, str]:
    """Arguments of uploads."""
    key, text = url.options.get("kms_key_id"), url.options.get("encrypt", "false")
    if key:
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    try:
        return {"ServerSideEncryption": "AES256"} if parse_bool(text) else {}
    except ValueError:
        raise SettingError(f"The URL in the setting {url.setting} has encrypt={text!r}; write true or false.") from None
