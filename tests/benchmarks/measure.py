"""Small tools of the benchmarks."""

import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


def best_of(times, action):
    """The shortest of several runs, in seconds: the one that other work on the machine disturbed least."""
    return min(timed(action) for _ in range(times))


def timed(action):
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def fresh_python(code):
    """Run code in a fresh interpreter."""
    subprocess.run([sys.executable, "-c", code], check=True)


def peak_memory():
    """The most memory that this process has had so far, in bytes. Read from /proc: Linux only.

    The operating system's own figure, `ru_maxrss`, begins with that of the process that started this one.
    """
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


@dataclass(frozen=True)
class Cpu:
    """CPU seconds so far, of this process, of the helpers that fork, and of the attempts that those have reaped."""

    scheduler: float
    helpers: float
    attempts: float

    def since(self, before):
        return Cpu(self.scheduler - before.scheduler, self.helpers - before.helpers, self.attempts - before.attempts)

    @property
    def total(self):
        return self.scheduler + self.helpers + self.attempts


def cpu():
    """Read from /proc: Linux only."""
    tick = os.sysconf("SC_CLK_TCK")
    stats = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            stats[int(path.parent.name)] = (int(fields[1]), *(int(value) / tick for value in fields[11:15]))
    helpers = [pid for pid in stats if _descends(pid, os.getpid(), stats)]
    return Cpu(
        scheduler=time.process_time(),
        helpers=sum(stats[pid][1] + stats[pid][2] for pid in helpers),
        attempts=sum(stats[pid][3] + stats[pid][4] for pid in helpers),
    )


def _descends(pid, ancestor, stats):
    while pid in stats:
        pid = stats[pid][0]
        if pid == ancestor:
            return True
    return False


class Clock:
    """Adds up where the time goes, by name."""

    def __init__(self):
        self.spent = defaultdict(float)
        self.calls = defaultdict(int)

    @contextmanager
    def charge(self, name):
        started = time.perf_counter()
        try:
            yield
        finally:
            self.spent[name] += time.perf_counter() - started
            self.calls[name] += 1

    def watch(self, thing, name, methods):
        """Charge every call of these methods of one object."""
        for method in methods:
            setattr(thing, method, self._charged(getattr(thing, method), name))

    def _charged(self, function, name):
        def call(*args, **kwargs):
            with self.charge(name):
                return function(*args, **kwargs)

        return call


def told(label, value):
    print(f"  {label:<58} {value}")


def milliseconds(values):
    ordered = sorted(values)
    return (
        f"median {statistics.median(ordered) * 1e3:.1f} ms, p95 {ordered[int(len(ordered) * 0.95) - 1] * 1e3:.1f} ms, "
        f"max {ordered[-1] * 1e3:.1f} ms"
    )
