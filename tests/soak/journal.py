"""What tasks and callbacks of the soak do: hold locks that nobody else may hold, and write down what happens to them.

The locks are the kernel's: they go with the process that holds them and with all that it started, however these end. So
neither locks nor journal know anything of the metadata database, and it can be compared with them.
"""

import fcntl
import json
import os
import random
import subprocess
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

#: The environment variable that names the folder of locks and journal; it also marks what is ours to be killed.
FOLDER = "SOAK_FOLDER"

#: Slots of the pool that some tasks share.
SLOTS = 2


def folder():
    return Path(os.environ[FOLDER])


def note(kind, **words):
    """Append a line at one go: whoever is killed has written all of it, or nothing."""
    line = json.dumps({"kind": kind, "pid": os.getpid(), **words}) + "\n"
    handle = os.open(folder() / "journal", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, line.encode())
    finally:
        os.close(handle)


def read(path):
    """The lines of a journal."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def _lock(name):
    """The descriptor of a lock that is ours now; None if somebody has it."""
    handle = os.open(folder() / "locks" / name, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return handle
    except BlockingIOError:
        os.close(handle)
        return None


@contextmanager
def at_work(context, pooled=False):
    """The block is the attempt's work; gives the descriptors of its locks, for children to hold as well."""
    ti = context["ti"]
    who = {"dag": ti.dag_id, "run": context["run_id"], "task": ti.task_id}
    with ExitStack() as held:
        mine = _lock(".".join(who.values()))
        slot = next((slot for slot in map(_lock, [f"slot{n}" for n in range(SLOTS)]) if slot), None) if pooled else None
        locks = [lock for lock in (mine, slot) if lock is not None]
        for lock in locks:
            held.callback(os.close, lock)
        if mine is None:
            note("twice at once", **who)
        if pooled and slot is None:
            note("too many in the pool", **who)
        note("begun", **who)
        yield locks
        note("done", **who)


def work(fails=0.0, pooled=False):
    """A callable for a task that works for a moment, and fails with this probability."""

    def run(**context):
        with at_work(context, pooled) as locks:
            if pooled and random.random() < 0.3:
                subprocess.Popen(["sleep", "600"], pass_fds=locks)  # must not outlive the attempt, whatever ends that
            time.sleep(random.uniform(0.01, 0.3))
            if random.random() < fails:
                raise ValueError("as it should")

    return run


def third_look(**context):
    """What a sensor waits for."""
    with at_work(context):
        looks = folder() / "locks" / f"{context['run_id']}.looks"
        with looks.open("a+") as file:
            file.write("x")
            return file.tell() >= 3


def called(what):
    """A callback that writes down that it was called."""

    def call(context):
        ti = context.get("ti")
        dag_id = ti.dag_id if ti else context["dag"].dag_id
        note("called", what=what, dag=dag_id, run=context["run_id"], task=ti.task_id if ti else None)

    return call
