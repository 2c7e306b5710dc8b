"""The pytest plugin of tradewind: its fixtures. Every session of pytest loads this module, so it loads nothing more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tradewind.connection import Connection
    from tradewind.scheduler.in_process import InProcessRun
    from tradewind.testing.runs import TaskRun
    from tradewind.testing.sandboxes import Sandboxes


class Hooks:
    """Hooks that a conftest may implement."""

    @pytest.hookspec()
    def pytest_tradewind_server_used(self, name: str) -> None:
        """A test uses a real server: "PostgreSQL 15.20"."""


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(Hooks)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Called by pytest-xdist in its controller: the servers that its workers use are started there, once for all."""
    from tradewind.testing import sandboxes

    sandboxes.serve_worker(node.config, node.workerinput)


@pytest.fixture(scope="session")
def sandboxes(request: pytest.FixtureRequest) -> Iterator[Sandboxes]:
    """The real servers of this session; `with sandboxes.open("postgres") as connection:` makes a database on one."""
    from tradewind.testing.sandboxes import Sandboxes

    with Sandboxes(request.config) as opened:
        yield opened


@pytest.fixture
def sandbox(sandboxes: Sandboxes) -> Iterator[Callable[[str], Connection]]:
    """`sandbox("postgres")` is a connection to a new, empty database (or whatever the type has) for this test alone.

    The server behind it is started when first asked for, and shared by the whole session and its xdist workers. Where
    there is none to be had the test is skipped, saying what to install; with CI=true it fails.
    """
    with sandboxes.for_one_test() as open_one:
        yield open_one


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Connection | str], Connection]:
    """`connection("warehouse", "postgres://...")` defines a connection for this test, and returns it.

    It may be given as a URI, as JSON, or as a `Connection`. It stands in the environment, where processes that the test
    starts find it as well.
    """
    from tradewind.connection import Connection
    from tradewind.secrets import variable_name

    def define(conn_id: str, value: Connection | str) -> Connection:
        text = value if isinstance(value, str) else value.get_uri()
        variable = variable_name(conn_id, prefix="TRADEWIND_")
        defined = Connection.from_value(text, conn_id, where=variable)
        monkeypatch.setenv(variable, text)
        return defined

    return define


@pytest.fixture
def run_task() -> Callable[..., TaskRun]:
    """`run_task(task)` executes one operator as the runner does, in this process: see `tradewind.testing.run_task`."""
    from tradewind.testing import runs

    return runs.run_task


@pytest.fixture
def run_dag() -> Callable[..., InProcessRun]:
    """`run_dag(dag)` runs a whole DAG in this process: see `tradewind.testing.run_dag`."""
    from tradewind.testing import runs

    return runs.run_dag
