"""A DAG folder, a zygote that parses in it, and short ways to write and parse DAG files."""

from __future__ import annotations

import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tradewind.parser import PRELOAD, parse_file
from tradewind.records import ParsedFile
from tradewind.zygote import Zygote

GOOD = """\
from datetime import datetime
from tradewind import DAG
from tradewind.operators.empty import EmptyOperator

with DAG("{id}", schedule="@daily", start_date=datetime(2024, 1, 1)):
    EmptyOperator(task_id="first") >> EmptyOperator(task_id="second")
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home folder of everything here, in the environment before the zygote is started."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRADEWIND_HOME", str(folder))
        patch.delenv("AIRFLOW_HOME", raising=False)
        patch.delenv("TRADEWIND_DAGS_FOLDER", raising=False)
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        yield folder


@pytest.fixture(scope="module")
def zygote(home: Path) -> Iterator[Zygote]:
    with Zygote(PRELOAD, start="fork") as found:
        found.start()
        yield found


@pytest.fixture
def folder(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own for each test, inside the DAG folder."""
    found = home / "dags" / tmp_path.name
    found.mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [*sys.path])  # loading a file adds its folder
    return found


@pytest.fixture
def parse(folder: Path, zygote: Zygote) -> Callable[..., ParsedFile]:
    def write_and_parse(source: str | bytes, name: str = "sales.py", *, timeout: float = 20) -> ParsedFile:
        path = folder / name
        data = source if isinstance(source, bytes) else textwrap.dedent(source).encode()
        path.write_bytes(data)
        return parse_file(path, timeout=timeout, memory_mb=512, zygote=zygote)

    return write_and_parse


@pytest.fixture
def good() -> Callable[[str], str]:
    """Source of a DAG file that makes one DAG with this id."""
    return lambda dag_id: GOOD.format(id=dag_id)


@pytest.fixture
def until() -> Callable[..., bool]:
    """Wait for a condition; False if it does not come true in time."""

    def wait(condition: Callable[[], bool], seconds: float = 60) -> bool:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    return wait
