"""Sensors that wait for objects of S3. Names are loaded when they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradewind.lazy import lazy_names

if TYPE_CHECKING:
    from tradewind_aws.sensors.key import S3KeySensor as S3KeySensor
    from tradewind_aws.sensors.unchanged import S3KeysUnchangedSensor as S3KeysUnchangedSensor

_HOME = {"S3KeySensor": "key", "S3KeysUnchangedSensor": "unchanged"}

__all__ = list(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
