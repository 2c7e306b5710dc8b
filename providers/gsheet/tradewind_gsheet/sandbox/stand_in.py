"""`GSheetSandbox`: Google Sheets and Drive on this machine, for a while."""

from __future__ import annotations

from typing import ClassVar

from tradewind.sandbox.stand_in import StandIn


class GSheetSandbox(StandIn):
    """A local server that speaks what gspread and google-api-python-client need of the Sheets v4 and Drive v3 APIs.

    Its connection has a service account of its own, whose key is in the extra `keyfile_dict`, and says in the extra
    `api_endpoint` where the APIs are: Sheets at `/v4/`, Drive at `/drive/v3/`. The host's root is a page for people.
    """

    conn_type = "google_cloud_platform"
    label = "Google Sheets stand-in"
    application: ClassVar[str] = "tradewind_gsheet.sandbox.service:GoogleService"
