"""Alembic revisions of the metadata database, and which of them this version of tradewind knows.

Alembic itself is imported only when a database really has to be upgraded; whether it has to is told by `REVISIONS`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

#: Every revision, oldest first. A test compares this with the files in `versions`.
REVISIONS = ("0001", "0002", "0003")

#: The revision that this version of tradewind works with.
HEAD = REVISIONS[-1]

#: Table in which a database keeps its revision. Not Alembic's own name: other programs use that in shared databases.
VERSION_TABLE = "tradewind_version"


def upgrade(connection: Connection) -> None:
    """Bring the database to `HEAD`, inside the transaction that `connection` is in.

    MySQL ends a transaction at each change of the schema: there, each revision must stand being done again.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
