"""FSHook: the folder that a connection names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradewind.connection import Connection
from tradewind.errors import ConnectionNotFound
from tradewind.hook import BaseHook
from tradewind.operators.filesystem import FSHook

pytestmark = pytest.mark.usefixtures("fresh_secrets")


class TestFolder:
    def test_the_extra_path_is_the_folder(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_LANDING", f"fs://?path={tmp_path}")
        assert FSHook("landing").get_path() == str(tmp_path)
        assert FSHook("landing").test_connection() == (True, f"{tmp_path} is a folder.")
        assert isinstance(BaseHook.get_hook("landing"), FSHook)

    def test_a_folder_that_is_not_there_is_told(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_LANDING", f"fs://?path={tmp_path}/nope")
        assert FSHook("landing").test_connection() == (False, f"{tmp_path}/nope is not a folder.")

    def test_the_default_connection_need_not_exist(self) -> None:
        assert FSHook().get_path() == ""
        assert FSHook().test_connection()[0]

    def test_any_other_connection_must_exist(self) -> None:
        with pytest.raises(ConnectionNotFound, match="landing"):
            FSHook("landing").get_path()

    def test_a_connection_in_hand_works(self, tmp_path: Path) -> None:
        connection = Connection("adhoc", conn_type="fs", extra={"path": str(tmp_path)})
        assert connection.get_hook().get_path() == str(tmp_path)
