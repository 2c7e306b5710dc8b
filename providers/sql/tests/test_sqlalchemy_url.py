"""`Connection.sqlalchemy_url` of a sqlite connection leads to the same file as the hook."""

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tradewind.connection import Connection
from tradewind_sql import SqliteHook


@pytest.mark.parametrize(
    "form", ["sqlite://{path}", "sqlite:///{path}", "sqlite://relative%20x.db", "sqlite://{path}?mode=rw"]
)
def test_both_see_the_same_table(form, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("y.db").touch()
    connection = Connection.from_uri(form.format(path=tmp_path / "y.db"))
    hook = SqliteHook(connection=connection)
    hook.run("create table here (a integer)")
    engine = create_engine(connection.sqlalchemy_url)
    with engine.connect() as conn:
        assert conn.execute(text("select count(*) from here")).scalar() == 0
    engine.dispose()


def test_in_memory():
    assert Connection.from_uri("sqlite://").sqlalchemy_url == "sqlite://"
