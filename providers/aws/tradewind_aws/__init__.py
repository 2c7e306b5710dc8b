"""AWS and S3-compatible stores for tradewind. Names are loaded when they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.lazy import lazy_names

if TYPE_CHECKING:
    from tradewind_aws.hook import AwsBaseHook as AwsBaseHook
    from tradewind_aws.hook import AwsGenericHook as AwsGenericHook
    from tradewind_aws.s3.endpoint import S3Object as S3Object
    from tradewind_aws.s3.hook import S3Hook as S3Hook
    from tradewind_aws.sandbox.stand_ins import AwsSandbox as AwsSandbox
    from tradewind_aws.sandbox.stand_ins import S3Sandbox as S3Sandbox
    from tradewind_aws.sandbox import AwsSandbox as AwsSandbox
    from tradewind_aws.sandbox import S3Sandbox as S3Sandbox
    from tradewind_aws.secrets.hooks import SecretsManagerHook as SecretsManagerHook
    from tradewind_aws.secrets.hooks import SsmHook as SsmHook
    from tradewind_aws.secrets.parameter_store import (
        SystemsManagerParameterStoreBackend as SystemsManagerParameterStoreBackend,
    )
    from tradewind_aws.secrets.secrets_manager import SecretsManagerBackend as SecretsManagerBackend

_HOME = {
    "AwsBaseHook": "hook",
    "AwsGenericHook": "hook",
    "AwsSandbox": "sandbox.stand_ins",
    "S3Hook": "s3.hook",
    "S3Object": "s3.endpoint",
    "S3Sandbox": "sandbox.stand_ins",
    "AwsSandbox": "sandbox",
    "S3Hook": "s3.hook",
    "S3Sandbox": "sandbox",
    "SecretsManagerBackend": "secrets.secrets_manager",
    "SecretsManagerHook": "secrets.hooks",
    "SsmHook": "secrets.hooks",
    "SystemsManagerParameterStoreBackend": "secrets.parameter_store",
}

__all__ = list(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
