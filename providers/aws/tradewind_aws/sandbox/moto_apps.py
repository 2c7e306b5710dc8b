"""What moto does for the sandbox: it keeps the objects, secrets and parameters of each account, and answers for them.

Requests come here once they are known to be genuine. moto speaks WSGI, and is told the account in a header of its own.
"""

from __future__ import annotations

import io
import threading
import traceback
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from tradewind.sandbox import Request, Response

#: Name of a service in signatures -> moto's name of it.
SERVICES = {"s3": "s3", "secretsmanager": "secretsmanager", "ssm": "ssm"}

_ACCOUNT_HEADER = "x-moto-account-id"


class _OwnNames(dict[str, tuple[str, str]]):
    """moto's table of all buckets. Each thread sees those of the account that it works for, as if there were no other:
    on AWS a name can be had but once, which would make tests that run side by side fail each other.
    """

    def __init__(self) -> None:
        super().__init__()
        self.current = threading.local()
        self._all: dict[str, dict[str, tuple[str, str]]] = {}

    def _own(self) -> dict[str, tuple[str, str]]:
        return self._all.setdefault(self.current.account, {})

    def __contains__(self, name: object) -> bool:
        return name in self._own()

    def __getitem__(self, name: str) -> tuple[str, str]:
        return self._own()[name]

    def __setitem__(self, name: str, owner: tuple[str, str]) -> None:
        self._own()[name] = owner

    def keys(self) -> Any:
        return self._own().keys()

    def pop(self, name: str, *default: Any) -> Any:
        return self._own().pop(name, *default)

    def forget(self, account: str) -> None:
        self._all.pop(account, None)


class MotoApps:
    """The services, each a WSGI application that is made when it is first asked."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._apps: dict[str, Callable[..., Iterable[bytes]]] = {}
        self._buckets = import_module("moto.s3.models").s3_backends
        self._names = self._buckets.bucket_accounts = _OwnNames()

    def ask(self, service: str, account: str, request: Request) -> Response:
        """The answer of a service to a request of an account."""
        self._names.current.account = account
        head: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], error: Any = None) -> Any:
            head[:] = [int(status.split()[0]), headers]

        try:
            body = b"".join(self._app(service)(_environ(request, account), start_response))
        except Exception:
            traceback.print_exc()  # into the log of the sandbox
            raise
        status, headers = head
        told = {name: value for name, value in headers if not name.lower().startswith("access-control-")}
        return Response(body, status, told)

    def has_bucket(self, account: str, name: str) -> bool:
        return name in self._buckets[account]["aws"].buckets

    def has_upload(self, account: str, bucket: str, upload: str) -> bool:
        """Whether there is an unfinished upload with this id; moto asks for it without looking."""
        found = self._buckets[account]["aws"].buckets.get(bucket)
        return found is not None and upload in found.multiparts

    def create_bucket(self, account: str, name: str, region: str) -> None:
        """Make a bucket, unless it is there."""
        self._names.current.account = account
        with self._lock:
            if not self.has_bucket(account, name):
                self._buckets[account]["aws"].create_bucket(name, region)

    def forget(self, account: str) -> None:
        """Let go of everything that an account has."""
        get_backend = import_module("moto.backends").get_backend
        self._names.current.account = account
        for bucket in list(self._buckets[account]["aws"].buckets.values()):  # its `reset` is for those of all accounts
            for key in list(bucket.keys):
                bucket.keys.pop(key)
            for upload in list(bucket.multiparts.values()):
                upload.dispose()
        for service in SERVICES.values():
            get_backend(service).pop(account, None)
        self._names.forget(account)

    def _app(self, service: str) -> Callable[..., Iterable[bytes]]:
        make = import_module("moto.server").create_backend_app
        with self._lock:
            if service not in self._apps:
                self._apps[service] = make(service)
            return self._apps[service]


def _environ(request: Request, account: str) -> dict[str, Any]:
    """The request as WSGI has it."""
    split = urlsplit(request.target)
    host, _, port = request.headers.get("host", "127.0.0.1").partition(":")
    headers = {name: value for name, value in request.headers.items() if name != "transfer-encoding"}
    headers[_ACCOUNT_HEADER] = account
    named = {f"HTTP_{name.upper().replace('-', '_')}": (name, value) for name, value in headers.items()}
    return {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(split.path).decode("latin-1"),
        "RAW_URI": request.target,
        "REQUEST_URI": request.target,
        "QUERY_STRING": split.query,
        "SERVER_NAME": host,
        "SERVER_PORT": port or "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.input_terminated": True,  # read it at one go, and not by 64 kB
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "moto.preserved_header_names": {key: name for key, (name, _) in named.items() if "_" in name},
        **{key: value for key, (_, value) in named.items()},
        "CONTENT_TYPE": headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(request.body)),
    }
