"""`GSheetsHook`: Google Sheets, by key, URL or title.

    google-cloud-platform://?key_path=/run/secrets/sheets.json

The key may also be the whole value of the connection: the JSON file as Google's console gives it. Extras are those in
`extras.py`. What a method needs from other modules it imports itself, so that importing the hook costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from tradewind.hook import BaseHook
from tradewind_gsheet.tables import Tables

if TYPE_CHECKING:
    from tradewind_gsheet.client import Client
    from tradewind_gsheet.settings import Settings

#: Seconds that a test of the connection waits for an answer.
TEST_TIMEOUT = 15.0


class GSheetsHook(Tables, BaseHook):
    """Reads and writes spreadsheets.

    - `gcp_conn_id`: the connection. It must exist; one without a key means what the machine is logged in with.
    - `api_version`: of the Sheets API: only v4 is there.
    - `impersonation_chain`: an account to act as, or a list of accounts, of which each may act as the next.
    - `api_endpoint`: address of a server in the place of Google's.

    Wherever a spreadsheet is asked for, its key or URL will do; methods that are not Airflow's take its title as well.
    Requests keep to the quota of the connection and are repeated where that is safe; see `tradewind_gsheet.transport`.
    """

    conn_name_attr: ClassVar[str] = "gcp_conn_id"
    default_conn_name: ClassVar[str] = "google_cloud_default"
    conn_type: ClassVar[str] = "google_cloud_platform"
    hook_name: ClassVar[str] = "Google Sheets"

    def __init__(
        self,
        gcp_conn_id: str = default_conn_name,
        api_version: str = "v4",
        impersonation_chain: str | Sequence[str] | None = None,
        api_endpoint: str | None = None,
    ) -> None:
        self.gcp_conn_id = gcp_conn_id
        self.api_version = api_version
        self.impersonation_chain = impersonation_chain
        self.api_endpoint = api_endpoint
        self._opened: Client | None = None
        self._stopped = False

    # The connection

    def settings(self) -> Settings:
        """What the connection says. Raises ConnectionNotFound or BrokenConnection."""
        from tradewind_gsheet import settings

        return settings.read(
            self.get_connection(self.gcp_conn_id),
            self.gcp_conn_id,
            impersonation_chain=self.impersonation_chain,
            api_endpoint=self.api_endpoint,
        )

    @property
    def _client(self) -> Client:
        if self._opened is None:
            from tradewind_gsheet.client import Client

            self._opened = Client(self.settings(), self.log)
            if self._stopped:
                self._opened.stop()
        return self._opened

    def get_conn(self) -> Any:
        """The Sheets service of google-api-python-client, as in Airflow. `close` closes it."""
        return self._client.service("sheets", self.api_version)

    def client(self) -> Any:
        """A `gspread.Client` with the login, the server and the limits of the connection. `close` closes it."""
        return self._client.gspread

    def get_credentials(self) -> Any:
        """The credentials, of google-auth."""
        return self._client.credentials

    @property
    def account_email(self) -> str | None:
        """With whom spreadsheets are to be shared; None if the login does not tell."""
        return self._client.account()

    def close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    def stop(self) -> None:
        """Give up what waits for its turn or another try. Called from another thread; the hook is of no use then."""
        self._stopped = True
        opened = self._opened
        if opened is not None:
            opened.stop()

    def test_connection(self) -> tuple[bool, str]:
        """Whether Google accepts the login and Drive answers it. It asks once, and does not wait for long."""
        import dataclasses
        from contextlib import closing

        from tradewind.errors import TradewindError
        from tradewind_gsheet.client import Client

        try:
            settings = self.settings()
            brief = min(settings.timeout or TEST_TIMEOUT, TEST_TIMEOUT)
            with closing(Client(dataclasses.replace(settings, num_retries=0, timeout=brief), self.log)) as client:
                who = client.ask_who() or "the account of this machine"
        except TradewindError as error:
            return False, str(error)
        return True, f"Google answers. Spreadsheets must be shared with {who}."

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None}
