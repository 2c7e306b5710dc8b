"""Small tools of the benchmarks."""

import statistics
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import contextmanager


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
