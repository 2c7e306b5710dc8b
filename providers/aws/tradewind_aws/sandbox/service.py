"""The AWS of the sandbox: says who asks and whether it is signed rightly, then lets moto answer."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tradewind.errors import SandboxError
from tradewind.sandbox import Application, Request, Response
from tradewind_aws.sandbox import answers, sts
from tradewind_aws.sandbox.accounts import Account, Accounts, expire_sessions
from tradewind_aws.sandbox.answers import BadRequest, Refused
from tradewind_aws.sandbox.bodies import plain
from tradewind_aws.sandbox.moto_apps import SERVICES, MotoApps
from tradewind_aws.sandbox.signing import claim_of, verify

REGION = "us-east-1"

#: A bucket that every account has from the beginning.
BUCKET = "sandbox"

#: Buckets whose name begins so belong to somebody else.
TAKEN = "taken-"

_WEB_IDENTITY = "AssumeRoleWithWebIdentity"


class AwsService(Application):
    """S3, Secrets Manager, the parameters of Systems Manager, and STS."""

    def __init__(self, url: str, folder: Path) -> None:
        from moto import __version__

        super().__init__(url, folder)
        type(self).version = f"S3 of moto {__version__}"
        self._accounts = Accounts()
        self._moto = MotoApps()
        self._making = threading.Lock()

    def create_tenant(self, name: str, conn_type: str) -> Mapping[str, Any]:
        account, new = self._accounts.make(name, conn_type)
        if new:
            self._moto.create_bucket(account.number, BUCKET, REGION)
        # Roles are asked for at AWS unless the connection names a server for them.
        roles = {"service_config": {"sts": {"endpoint_url": self.url}}} if account.conn_type == "aws" else {}
        return {
            "login": account.access_key,
            "password": account.secret,
            "schema": BUCKET,
            "extra": {"tls": False, "region_name": REGION, **roles},
        }

    def drop_tenant(self, name: str) -> None:
        account = self._accounts.drop(name)
        if account is not None:
            self._moto.forget(account.number)

    def tenant_of(self, request: Request) -> str | None:
        if _web_identity(request):
            return self._accounts.owner_of_role(request.form().get("RoleArn", ""))
        try:
            claim = claim_of(request)
        except Refused:
            return None
        return self._accounts.owner_of(claim.access_key) if claim else None

    def handle(self, request: Request) -> Response:
        try:
            return self._answer(request, datetime.datetime.now(datetime.UTC))
        except Refused as refused:
            return answers.refusal(request, refused.trouble)
        except BadRequest as bad:
            return answers.error("s3", bad.code, bad.message, bad.status)
        except Exception:  # moto has told it to the log
            return answers.refusal_with(request, 500)

    def refusal(self, request: Request, status: int) -> Response:
        return answers.refusal_with(request, status)

    def act(self, tenant: str, action: str, arguments: Mapping[str, Any]) -> Any:
        """`expire_sessions`: what STS gave out has ended. `create_bucket(name)`. `create_buckets_on_write`: a bucket
        that is not there is made when something is written to it.
        """
        account = self._accounts.get(tenant)
        if action == "expire_sessions":
            return expire_sessions(account, datetime.datetime.now(datetime.UTC))
        if action == "create_bucket":
            self._moto.create_bucket(account.number, arguments["name"], REGION)
        elif action == "create_buckets_on_write":
            account.buckets_on_write = True
        else:
            raise SandboxError(f"{self.version} has no action {action!r}.")
        return None

    def _answer(self, request: Request, now: datetime.datetime) -> Response:
        if _web_identity(request):
            form = request.form()
            name = self._accounts.owner_of_role(form.get("RoleArn", ""))
            return sts.assume_role_with_web_identity(self._accounts.get(name) if name else None, form, now)
        claim = claim_of(request)
        if claim is None:
            raise Refused("anonymous")
        account, secret = self._accounts.secret_for(claim, now)
        verify(request, claim, secret, now)
        if claim.service == "sts":
            return sts.answer(account, claim.access_key, request.form(), now)
        if claim.service not in SERVICES:
            known = ", ".join([*SERVICES, "sts"])
            raise BadRequest("NotImplemented", f"The sandbox has no {claim.service!r}; it has {known}.", 501)
        if claim.service == "s3":
            request = plain(request, claim, secret)
            self._look_at_bucket(request, account)
        return self._moto.ask(SERVICES[claim.service], account.number, request)

    def _look_at_bucket(self, request: Request, account: Account) -> None:
        bucket, _, key = request.path.lstrip("/").partition("/")
        if bucket.startswith(TAKEN):
            if request.method == "PUT" and not key and not request.query:
                message = "The requested bucket name is not available. The bucket namespace is shared by all users."
                raise BadRequest("BucketAlreadyExists", message, 409)
            raise BadRequest("AccessDenied", "Access Denied", 403)
        upload = request.query.get("uploadId")
        has_bucket = self._moto.has_bucket(account.number, bucket)
        if upload is not None and has_bucket and not self._moto.has_upload(account.number, bucket, upload):
            message = "The specified upload does not exist. It may have been aborted or completed."
            raise BadRequest("NoSuchUpload", message, 404)
        writes = request.method == "PUT" or (request.method == "POST" and "uploads" in request.query)
        if account.buckets_on_write and key and writes:
            self._moto.create_bucket(account.number, bucket, REGION)


def _web_identity(request: Request) -> bool:
    """The one request that is not signed."""
    return answers.protocol_of(request) == "query" and request.form().get("Action") == _WEB_IDENTITY
