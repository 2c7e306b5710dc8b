"""A real scheduler process on a real SQLite file, driven from outside; wheels, and clean environments to put them in."""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tradewind import settings
from tradewind.errors import StoreError
from tradewind.records import NewRun
from tradewind.scheduler.planner import triggered_run
from tradewind.scheduler.service import ensure_folders
from tradewind.states import HELD, RunState, TaskState
from tradewind.store import open_store

ROOT = Path(__file__).parents[2]

#: What must happen is waited for so long, in seconds: a machine may be busy.
PATIENCE = 90.0


class Environment:
    """A virtual environment, in which nothing is but what it was made with, and what is in the one `below`.

    It has no pip of its own, which takes longer to install than most of what we test: the pip that runs the tests
    installs into it.
    """

    def __init__(self, folder, *requirements, below=None):
        self.folder = folder
        self.executable = folder / "bin" / "python"
        if not self.executable.exists():
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        if below is not None:
            (self.packages / "below.pth").write_text(f"{below.packages}\n", encoding="utf-8")
        if requirements:
            self.install(*requirements)

    @property
    def packages(self):
        """The folder `site-packages`."""
        (found,) = self.folder.glob("lib/python*/site-packages")
        return found

    def install(self, *requirements, **options):
        constraints = ("--constraint", str(ROOT / "constraints.txt"))
        self.pip("install", "--quiet", "--no-compile", *constraints, *requirements, **options)

    def pip(self, *words, **options):
        """What pip says."""
        command = [sys.executable, "-m", "pip", "--python", self.executable, *words]
        done = subprocess.run(command, capture_output=True, text=True, **options)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def python(self, *words, environ=None, **options):
        clean = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **(environ or {})}
        return subprocess.run([self.executable, *words], capture_output=True, text=True, env=clean, **options)


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """`once(name, make)` calls `make(folder)` in one worker of the session; all of them get the folder."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def made(name, make):
        folder, mark = shared / name, shared / f"{name}.made"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not mark.exists():
                make(folder)
                mark.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def wheel_of(once):
    """`wheel_of(folder)` is the wheel of a package, built as `make build` does it: from the source distribution."""

    def build(package, folder):
        command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, package]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def wheel(package):
        (found,) = once(f"wheel-{package.name}", lambda folder: build(package, folder)).glob("*.whl")
        return found

    return wheel


@pytest.fixture(scope="session")
def wheels(wheel_of):
    """Wheels by the name of their distribution."""
    return {"tradewind": wheel_of(ROOT / "core"), "tradewind-sql": wheel_of(ROOT / "providers/sql")}


@pytest.fixture(scope="session")
def core(once, wheels):
    """An environment with the wheel of the core and what it needs, for looking at only."""
    return Environment(once("core", lambda folder: Environment(folder, wheels["tradewind"])))


@pytest.fixture(scope="session")
def environment(core, tmp_path_factory):
    """`environment(*requirements)` makes an environment with these on top of the core, or of nothing: `below=None`."""
    return lambda *more, below=core: Environment(tmp_path_factory.mktemp("environment") / "venv", *more, below=below)


class Deployment:
    """A home folder with DAG files, and the scheduler that works there."""

    def __init__(self, home, python=sys.executable, **environ):
        self.home = home
        self.python = python
        self.environ = {**os.environ, "TRADEWIND_HOME": str(home), "TRADEWIND_DAGS_REFRESH_INTERVAL": "0.2", **environ}
        self.settings = settings.read(self.environ)
        ensure_folders(self.settings)
        self.store = open_store(self.settings, create=True)
        self.process = None

    def write(self, name, code):
        path = Path(self.settings.dags_folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(code), encoding="utf-8")
        return path

    def cli(self, *words, check=True):
        command = [self.python, "-m", "tradewind", *words]
        done = subprocess.run(command, env=self.environ, capture_output=True, text=True, timeout=120)
        assert not check or done.returncode == 0, done.stderr + done.stdout
        return done

    def start(self):
        with (self.home / "scheduler.log").open("a") as log:
            self.process = subprocess.Popen(
                [self.python, "-m", "tradewind", "scheduler"], env=self.environ, stdout=log, stderr=log
            )
        return self.process

    def kill(self):
        """kill -9 of the scheduler."""
        self.process.kill()
        self.process.wait()

    def stop(self, timeout=PATIENCE):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGTERM)
                self.process.wait(timeout)
        return self.process.returncode if self.process else None

    def until(self, what, timeout=PATIENCE):
        """Wait until `what()` is true and return it."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            found = what()
            if found:
                return found
            if self.process is not None and self.process.poll() not in (None, -9):
                raise AssertionError(f"the scheduler ended:\n{self.scheduler_log()}")
            time.sleep(0.05)
        raise AssertionError(f"waited {timeout} s in vain; the scheduler says:\n{self.scheduler_log()}")

    def scheduler_log(self):
        path = self.home / "scheduler.log"
        return path.read_text() if path.exists() else ""

    def dag(self, dag_id):
        """Wait till the DAG is known."""
        return self.until(lambda: next((dag for dag in self.store.dags() if dag.dag_id == dag_id), None))

    def trigger(self, dag_id, name=None, **options):
        from datetime import UTC, datetime

        now = datetime.now(UTC)
        new: NewRun = triggered_run(self.dag(dag_id), now, name=name, **options)
        run = self.store.create_run(new, now)
        assert run is not None
        return run

    def ended(self, run, timeout=PATIENCE):
        """Wait till the run has ended and return it."""
        return self.until(lambda: self._if_ended(run), timeout)

    def _if_ended(self, run):
        if self.store.requests():  # what was asked of the run is still to come
            return None
        found = self.store.run(run.dag_id, run.run_id)
        return found if found.state.is_finished and not found.callback_due else None

    def held(self):
        """The task instances that an executor has, or should have."""
        runs = [run for state in (RunState.RUNNING, RunState.QUEUED) for run in self.store.runs(state=state)]
        return [task for run in runs for task in self.store.tasks(run.id) if task.state in HELD]

    def states(self, run):
        return {task.task_id: str(task.state) for task in self.store.tasks(run.id)}

    def failures(self, dag_id):
        """What the logs of the failed tasks say: what to show when a run did not end as it should."""
        return "\n".join(
            f"{run.run_id} {task.task_id}:\n{self.log(run, task.task_id, task.try_number).read_text()}"
            for run in self.store.runs(dag_id)
            for task in self.store.tasks(run.id)
            if task.state is TaskState.FAILED
        )

    def log(self, run, task_id, try_number=1):
        return (Path(self.settings.logs_folder) / run.dag_id / run.run_id.replace("+", "+")).joinpath(
            task_id, f"{try_number}.log"
        )


@pytest.fixture
def deploy(tmp_path):
    """Make a `Deployment`; everything that it started is gone when the test ends."""
    made = []

    def make(**environ):
        found = Deployment(tmp_path / f"home{len(made)}", **environ)
        made.append(found)
        return found

    yield make
    for found in made:
        found.stop()
        with contextlib.suppress(StoreError, ProcessLookupError):
            for task in found.held():
                if task.pid:
                    os.kill(task.pid, signal.SIGKILL)
        found.store.close()
