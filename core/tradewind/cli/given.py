"""Finds what a command was given by name: the metadata database, a run, a DAG to be loaded into this process."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tradewind import settings
from tradewind.cli.values import parse_moment
from tradewind.errors import DagError, NotFound, UsageError, nearest

if TYPE_CHECKING:
    from tradewind.dag import DAG
    from tradewind.records import DagSpec, Run
    from tradewind.store import Store


def existing_store() -> Store:
    """The metadata database, to be closed; a StoreError says what to do if there is none."""
    from tradewind.store import open_store

    return open_store(settings.read())


def created_store() -> Store:
    """The metadata database, made and migrated if there is none yet, to be closed."""
    from tradewind.store import open_store

    return open_store(settings.read(), create=True)


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def find_run(store: Store, dag_id: str, name: str | None) -> Run:
    """The run with this run id or logical date; the newest one if `name` is None. Raises NotFound."""
    store.dag(dag_id)  # says so, with the nearest name, if there is no such DAG
    if name is None:
        newest = store.runs(dag_id=dag_id, limit=1)
        if not newest:
            raise NotFound(f"The DAG {dag_id!r} has no run yet. `tradewind dags trigger {dag_id}` makes one.")
        return newest[0]
    try:
        wanted = parse_moment(name)
    except ValueError:
        return store.run(dag_id, name)
    of_date = store.runs(dag_id=dag_id, limit=1, earliest=wanted, latest=wanted)
    return of_date[0] if of_date else store.run(dag_id, name)


def spec_of(dag_id: str, file: str | None = None) -> DagSpec:
    """What the scheduler knows of a DAG; without a database, or with `file`, what the DAG file says."""
    from tradewind.errors import StoreError

    if file is None:
        try:
            with existing_store() as store:
                return store.dag(dag_id).spec
        except (StoreError, NotFound):
            pass  # the file may be newer than what was read so far
    return load_dag(dag_id, file).spec()


def load_dag(dag_id: str, file: str | None = None) -> DAG:
    """The DAG, loaded into this process: from `file`, or from the file that the database or the DAG folder knows."""
    if file:
        return only_dag(file, dag_id)
    known: set[str] = set()
    broken = ""
    for path in _files_of(dag_id):
        try:
            found = load_file(path)
        except DagError as error:
            broken = broken or f" {error}"  # it may be this very file that has it
            continue
        if dag_id in found:
            return found[dag_id]
        known |= found.keys()
    hint = nearest(dag_id, known, "--file names another place.")
    raise NotFound(f"There is no DAG {dag_id!r} in {settings.read().dags_folder}; {hint}{broken}")


def only_dag(file: str, dag_id: str | None) -> DAG:
    """The DAG of a file; `dag_id` says which one if there are several."""
    found = load_file(Path(file))
    if dag_id is None and len(found) == 1:
        return next(iter(found.values()))
    if dag_id in found:
        return found[dag_id]
    if not found:
        raise DagError(f"{file} makes no DAG.")
    known = ", ".join(sorted(found))
    if dag_id is None:
        raise NotFound(f"{file} has the DAGs {known}: name one of them with --dag.")
    raise NotFound(f"{file} has no DAG {dag_id!r}, but: {known}.")


def load_file(path: Path) -> dict[str, DAG]:
    """The DAGs of a file, loaded into this process. Raises DagError, with the line, if it cannot be read."""
    from tradewind.parser import import_failure, load_dags
    from tradewind.parser.source import absolute

    if not path.is_file():
        raise UsageError(f"There is no file {path}.")
    path = Path(absolute(path))  # as the frames of its errors name it, so that the line is found
    try:
        return load_dags(path)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a DAG file may raise SystemExit too
        failure = import_failure(path, error)
        place = f"{path}, line {failure.line}" if failure.line else str(path)
        raise DagError(f"{place}: {failure.error}") from error


def _files_of(dag_id: str) -> Iterator[Path]:
    """Where the DAG may be: first the file it was last seen in, then the files that mention it, then all others."""
    from tradewind.errors import StoreError
    from tradewind.parser import DagFolder

    try:
        with existing_store() as store:
            yield Path(store.dag(dag_id).path)
    except (StoreError, NotFound):
        pass  # it may not have been read yet, or by nobody ever: then the folder knows
    name = dag_id.encode()
    files = map(Path, DagFolder(Path(settings.read().dags_folder)).files())
    yield from sorted(files, key=lambda path: name not in path.read_bytes())
