"""AWS on a laptop: a server for S3, Secrets Manager, SSM and STS that checks signatures and keeps accounts apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.lazy import lazy_names

if TYPE_CHECKING:
    from tradewind_aws.sandbox.stand_ins import AwsSandbox as AwsSandbox
    from tradewind_aws.sandbox.stand_ins import S3Sandbox as S3Sandbox

_HOME = dict.fromkeys(("AwsSandbox", "S3Sandbox"), "stand_ins")

__all__ = list(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
