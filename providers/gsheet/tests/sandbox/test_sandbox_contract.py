"""The sandbox keeps the contract."""

from __future__ import annotations

from tradewind.testing import SandboxContract


class TestGSheetSandbox(SandboxContract):
    conn_type = "google_cloud_platform"
