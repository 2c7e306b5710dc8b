"""Specs of DAG versions, decoded once per process: a version never changes, and its hash names it."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, select

from tradewind.records import DagSpec, spec_from_json
from tradewind.tables import dag_versions

#: How many decoded specs a process keeps.
KEPT = 1000

_SPEC = select(dag_versions.c.spec).where(dag_versions.c.version == bindparam("version")).limit(1)
_SPECS = select(dag_versions.c.version, dag_versions.c.spec).where(
    dag_versions.c.version.in_(bindparam("versions", expanding=True))
)


class Specs:
    """Decoded specs by version."""

    def __init__(self) -> None:
        self._known: dict[str, DagSpec] = {}

    def get(self, connection: Connection, version: str) -> DagSpec:
        """The spec of a version that is stored; it is fetched only if this process has not decoded it yet."""
        known = self._known.get(version)
        if known is None:
            known = spec_from_json(connection.execute(_SPEC, {"version": version}).scalar_one())
            self._keep({version: known})
        return known

    def get_many(self, connection: Connection, versions: Iterable[str]) -> dict[str, DagSpec]:
        """The specs of all these versions, with at most one query."""
        wanted = set(versions)
        unknown = sorted(wanted - self._known.keys())
        if unknown:
            found = connection.execute(_SPECS, {"versions": unknown})
            fetched = {version: spec_from_json(spec) for version, spec in found}
            self._keep(fetched)
            return {**fetched, **{version: self._known[version] for version in wanted - fetched.keys()}}
        return {version: self._known[version] for version in wanted}

    def _keep(self, fetched: dict[str, DagSpec]) -> None:
        self._known.update(fetched)
        for version in list(self._known)[: max(0, len(self._known) - KEPT)]:
            if version not in fetched:
                del self._known[version]
