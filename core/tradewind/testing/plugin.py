"""The pytest plugin that comes with tradewind: fixtures for tests of DAGs and providers."""

from __future__ import annotations
