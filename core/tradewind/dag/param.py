"""`DagParam`: stands for the value that a param will have in a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tradewind.template import Resolvable


class DagParam(Resolvable):
    """The value of the param `name` in the run at hand; may be given to any template field."""

    def __init__(self, name: str) -> None:
        self.name = name

    def resolve(self, context: Mapping[str, Any]) -> Any:
        return context["params"][self.name]

    def __str__(self) -> str:
        """A template for the value, so that params can be put into f-strings."""
        return "{{ params[" + repr(self.name) + "] }}"

    def __repr__(self) -> str:
        return f"DagParam({self.name!r})"
