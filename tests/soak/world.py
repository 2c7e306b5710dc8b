"""The schedulers and the database server of a soak, and what is done to them: kill -9, SIGTERM, a pause, a restart."""

import contextlib
import os
import random
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.end_to_end.conftest import ROOT, Deployment
from tests.soak.checks import PARALLELISM
from tests.soak.journal import FOLDER
from tradewind import plugins
from tradewind.sandbox import server as servers

#: How a scheduler may end whom somebody stopped or killed, and one that found no server when it started.
_ENDS = {0, -signal.SIGKILL, -signal.SIGTERM, 2}
#: The environment variable of processes that nothing is done to: people's commands.
_SPARED = "SOAK_SPARED"
_SIGNALS = {signal.SIGKILL: 6, signal.SIGSTOP: 2, signal.SIGTERM: 2}
_VICTIMS = {"scheduler": 2, "attempt": 7, "helper": 6, "server": 0.5}


def restartable(kind):
    """The sandbox of this type, whose server keeps what it has told to be committed even if it is killed."""
    sandbox = plugins.current().resolve("register_sandboxes", kind)
    careful = {"postgres": "--synchronous_commit=on", "mysql": "--innodb-flush-log-at-trx-commit=2"}[kind]
    pid_file = {"postgres": "postmaster.pid", "mysql": "server.pid"}[kind]

    class Restartable(sandbox):
        words = None  #: the server's command; none if the server is not ours

        def command(self, folder, port):
            self.words = [*super().command(folder, port), careful]
            return self.words

        def hurt(self, number, seconds):
            """Send the signal to the server; have it back after so long."""
            pid = int((self._guard.folder / "data" / pid_file).read_text().split()[0])
            os.kill(pid, number)
            if number != signal.SIGSTOP:
                self._guard.exit_code(pid, servers.START_TIMEOUT)
            time.sleep(seconds)
            if number == signal.SIGSTOP:
                os.kill(pid, signal.SIGCONT)
            else:
                self._bring_back()

        def _bring_back(self):
            """What a killed server leaves behind may keep the next one from starting for a while."""
            environ = servers._environ(self._guard.folder)
            for _ in range(20):
                pid = self._guard.start(self.words, log="server.log", environ=environ, stop_signal=self.stop_signal)
                if self._wait(self._guard, pid, self.server) is None:
                    return
                time.sleep(0.3)
            raise self._failed(self._guard, "it was killed, and does not come back")

    return Restartable()


class World:
    """Some schedulers in one home, `here` to look at them from outside, and perhaps a `server` of their database."""

    def __init__(self, folder, database, seed):
        self.dice = random.Random(seed)
        self.folder = folder
        self.server = None if database == "sqlite" else restartable(database)
        self.wrong = []
        self.hurt = 0
        self._asleep = []  #: (when to wake it, pid)
        (folder / "locks").mkdir()

    def __enter__(self):
        common = {
            "TRADEWIND_HEARTBEAT_INTERVAL": "0.5",
            "TRADEWIND_PARALLELISM": str(PARALLELISM),
            "TRADEWIND_KILL_GRACE": "2",
            "TRADEWIND_LOGS_URL": f"file://{self.folder}/uploaded",
            "TRADEWIND_LOGS_UPLOAD_INTERVAL": "1",
            **({"TRADEWIND_DATABASE_URL": self.server.start().get_uri()} if self.server else {}),
        }
        marks = {
            FOLDER: str(self.folder),
            "SOAK_START": datetime.now(UTC).isoformat(timespec="seconds"),
            "PYTHONPATH": str(ROOT),
        }
        # Where no scheduler is, a command does its work, and may need all that it has.
        self.here = Deployment(self.folder / "home", **common, **marks, **{_SPARED: "yes"})
        self.schedulers = [Deployment(self.folder / "home", **common, **marks) for _ in range(2 if self.server else 1)]
        return self

    def __exit__(self, *_):
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for one in (self.here, *self.schedulers):
            one.store.close()
            if one.process is not None:
                one.process.wait()
        if self.server is not None:
            self.server.stop()

    def start(self):
        """Start the schedulers that are not there."""
        for one in self.schedulers:
            code = one.process.poll() if one.process else 0
            if code not in (None, *_ENDS):
                self.wrong.append(f"a scheduler ended by itself, with {code}")
            if code is not None:
                one.start()

    def pids(self):
        """All living processes of the schedulers, and what these started, also those whose parents are gone."""
        mark = f"{FOLDER}={self.folder}".encode()
        for path in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                found = path.read_bytes().split(b"\0")  # nothing, of a zombie
                if mark in found and f"{_SPARED}=yes".encode() not in found:
                    yield int(path.parent.name)

    def disturb(self):
        """Do something bad to somebody."""
        victim = self.dice.choices(list(_VICTIMS), list(_VICTIMS.values()))[0]
        how = self.dice.choices(list(_SIGNALS), list(_SIGNALS.values()))[0]
        if victim == "server":
            if self.server is not None and self.server.words is not None:
                self.hurt += 1
                self.server.hurt(self.server.stop_signal if how == signal.SIGTERM else how, self.dice.uniform(0, 2))
            return
        schedulers = {one.process.pid for one in self.schedulers}
        attempts = {task.pid for task in self.here.held()}
        everybody = set(self.pids())
        found = {
            "scheduler": everybody & schedulers,
            "attempt": everybody & attempts,
            "helper": everybody - schedulers - attempts,
        }[victim]
        if found:
            pid = self.dice.choice(sorted(found))
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, how)
                self.hurt += 1
            if how == signal.SIGSTOP:
                long = self.dice.uniform(0.05, 3 if victim == "scheduler" else 1)
                self._asleep.append((time.monotonic() + long, pid))

    def wake(self, everybody=False):
        """Let those go on that have been paused for long enough."""
        for due, pid in list(self._asleep):
            if everybody or due < time.monotonic():
                self._asleep.remove((due, pid))
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def stop(self, patience=30.0):
        """Stop the schedulers as it should be done; nothing of them may be left then."""
        for one in self.schedulers:
            if (code := one.stop()) not in (0, -signal.SIGTERM):  # a new one may not have been ready for it
                self.wrong.append(f"a scheduler that was told to stop ended with {code}")
        end = time.monotonic() + patience
        while (left := list(self.pids())) and time.monotonic() < end:
            time.sleep(0.1)
        self.wrong += [f"left behind: process {pid}" for pid in left]
        if "Traceback" in self.here.scheduler_log():
            self.wrong.append("a traceback in scheduler.log")
