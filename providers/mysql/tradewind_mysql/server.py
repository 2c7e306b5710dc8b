"""What a server is: MariaDB or MySQL, and how old. Their SQL differs in places."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Server:
    """One server's kind and version."""

    mariadb: bool
    version: tuple[int, ...]  #: (10, 11, 4)

    @classmethod
    def from_text(cls, text: str) -> Server:
        """Read what the server calls itself: `8.0.36`, `10.11.4-MariaDB-1`, `5.5.5-10.3.2-MariaDB`."""
        mariadb = "mariadb" in text.lower()
        number = text.removeprefix("5.5.5-") if mariadb else text  # put before it for old replicas
        found = re.match(r"\d+(?:\.\d+)*", number)
        return cls(mariadb, tuple(int(part) for part in found.group().split(".")) if found else ())

    @property
    def names_new_row(self) -> bool:
        """Whether an upsert says `new.a` for the value that could not be inserted, and no longer `VALUES(a)`."""
        return not self.mariadb and self.version >= (8, 0, 19)

    def timeout_statement(self, seconds: float) -> str:
        """Limits how long a statement of the session may take: on MySQL only those that read (SELECT)."""
        if self.mariadb:
            return f"SET SESSION max_statement_time = {seconds:.6f}"
        return f"SET SESSION max_execution_time = {max(1, round(seconds * 1000))}"
