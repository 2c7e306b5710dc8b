"""botocore's Config for a client: what the connection says, with what stores that are not AWS need.

Those are reached by path (`http://host/bucket/key`), since few have a name for each bucket, and get checksums in a form
that they understand.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tradewind.errors import UsageError

if TYPE_CHECKING:
    from tradewind_aws.connecting import AwsSettings

#: What botocore sends since 1.36 unless told otherwise, and many stores refuse.
_CHECKSUMS = ("request_checksum_calculation", "response_checksum_validation")


def make(settings: AwsSettings, service: str, given: tuple[Any, ...]) -> Any:
    """A Config. `given` are mappings or Configs (or None), the later ones counting more. Raises UsageError."""
    from botocore.config import Config

    options = dict(settings.config_kwargs)
    whole = []
    for part in given:
        if part is None:
            continue
        if isinstance(part, Mapping):
            options = _merged(options, part)
        elif isinstance(part, Config):
            whole.append(part)
        else:
            raise UsageError(f"config must be a mapping or botocore's Config, not {type(part).__name__}.")
    if service == "s3" and not settings.speaks_to_aws("s3"):
        options = _merged({"s3": {"addressing_style": "path"}, **dict.fromkeys(_CHECKSUMS, "when_required")}, options)
    if service == "s3" and settings.is_anonymous:
        from botocore import UNSIGNED

        options.setdefault("signature_version", UNSIGNED)
    try:
        made = Config(**options)
    except TypeError as error:
        raise UsageError(f"{settings.who}: config_kwargs: {error}.") from error
    for part in whole:
        made = made.merge(part)
    return made


def _merged(options: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Both, one level deep: `s3` and `retries` are mappings themselves."""
    found = dict(options)
    for name, value in more.items():
        inner = found.get(name)
        found[name] = {**inner, **value} if isinstance(inner, Mapping) and isinstance(value, Mapping) else value
    return found
