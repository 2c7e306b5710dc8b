"""boto3's session for what a connection says: its keys or profile, or a role whose credentials refresh themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradewind.secrets import mask_secret
from tradewind_aws import extras
from tradewind_aws.errors import BadCredentials

if TYPE_CHECKING:
    from tradewind_aws.connecting import AwsSettings

#: Options of botocore's Config that have to do with one service only.
_OF_SERVICES = ("s3", "signature_version", "region_name")


def make(settings: AwsSettings, region_name: str | None) -> Any:
    """A `boto3.Session`. It asks nobody for anything yet."""
    import botocore.session

    core = botocore.session.get_session()
    if settings.profile_name:
        core.set_config_variable("profile", settings.profile_name)
    if settings.aws_access_key_id:
        core.set_credentials(settings.aws_access_key_id, settings.aws_secret_access_key, settings.aws_session_token)
    session = _boto3_session(core, region_name)
    return session if settings.role_arn is None else _with_role(session, settings)


def _boto3_session(core: Any, region_name: str | None) -> Any:
    """A session that shares what botocore knows about services with all others: reading it takes 50 ms each time."""
    import boto3

    loader = _loader(core.get_config_variable("data_path"))
    core.register_component("data_loader", loader)
    session = boto3.Session(botocore_session=core, region_name=region_name)
    loader.search_paths[:] = dict.fromkeys(loader.search_paths)  # each session adds the same one
    return session


@cache
def _loader(data_path: str | None) -> Any:
    from botocore.loaders import create_loader

    return create_loader(data_path)


def sts_client(session: Any, settings: AwsSettings, verify: bool | str | None, **config: Any) -> Any:
    """A client of STS: at AWS, or at the server that service_config.sts names, and never at one for other services."""
    from botocore.config import Config

    options = {name: value for name, value in settings.config_kwargs.items() if name not in _OF_SERVICES} | config
    return session.client(
        "sts",
        region_name=session.region_name or "us-east-1",
        endpoint_url=settings.get_service_endpoint_url("sts"),
        verify=verify,
        config=Config(**options),
    )


def _with_role(base: Any, settings: AwsSettings) -> Any:
    import botocore.session
    from botocore.credentials import CredentialProvider, CredentialResolver, DeferredRefreshableCredentials

    class RoleProvider(CredentialProvider):  # type: ignore[misc]
        METHOD = "tradewind-role"

        def load(self) -> Any:
            return DeferredRefreshableCredentials(lambda: _taken_on(base, settings), "tradewind-role")

    core = botocore.session.get_session()
    core.register_component("credential_provider", CredentialResolver([RoleProvider()]))
    return _boto3_session(core, base.region_name)


def _taken_on(base: Any, settings: AwsSettings) -> dict[str, Any]:
    """New credentials of the role, as botocore wants them."""
    wanted = {"RoleArn": settings.role_arn, "RoleSessionName": _session_name(settings), **settings.assume_role_kwargs}
    if settings.assume_role_method == extras.WEB_IDENTITY:
        from botocore import UNSIGNED

        with closing(sts_client(base, settings, settings.verify, signature_version=UNSIGNED)) as sts:
            answer = sts.assume_role_with_web_identity(**wanted, WebIdentityToken=_identity(settings))
    else:
        with closing(sts_client(base, settings, settings.verify)) as sts:
            answer = sts.assume_role(**wanted)
    return _refreshed(answer["Credentials"])


def _refreshed(found: Mapping[str, Any]) -> dict[str, Any]:
    mask_secret(found["SecretAccessKey"])
    mask_secret(found["SessionToken"])
    return {
        "access_key": found["AccessKeyId"],
        "secret_key": found["SecretAccessKey"],
        "token": found["SessionToken"],
        "expiry_time": found["Expiration"].isoformat(),
    }


def _session_name(settings: AwsSettings) -> str:
    """Airflow's name, since the trust policies of roles may ask for it."""
    return re.sub(r"[^\w+=,.@-]", "-", f"Airflow_{settings.conn_id or 'tradewind'}", flags=re.ASCII)[:64]


def _identity(settings: AwsSettings) -> str:
    path = Path(settings.web_identity_token_file or "")
    try:
        token = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise BadCredentials(
            f"{settings.who}: the file with its web identity cannot be read: {error.strerror}."
        ) from error
    mask_secret(token)
    return token
