"""What tasks and callbacks of the soak do: hold a lock that nobody else may hold, and write down what happens to them.

A lock is the kernel's: it goes with the process that holds it and with all that this one started, however they end. So
neither locks nor journal know anything of the metadata database, and it can be compared with them.
"""

import fcntl
import json
import os
import random
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

#: The environment variable that names the folder of locks and journal, and marks what is to be killed.
FOLDER = "SOAK_FOLDER"


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


@contextmanager
def at_work(context):
    """The block is the attempt's work; gives the descriptor of its lock, for children to hold as well."""
    ti = context["ti"]
    who = {"dag": ti.dag_id, "run": context["run_id"], "task": ti.task_id}
    with (folder() / "locks" / ".".join(who.values())).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            note("twice at once", **who)
        note("begun", **who)
        yield lock.fileno()
        note("done", **who)


def work(fails=0.0):
    """A callable for a task that works for a moment, and fails with this probability."""

    def run(**context):
        with at_work(context) as lock:
            if random.random() < 0.1:
                subprocess.Popen(["sleep", "600"], pass_fds=[lock])  # must not outlive the attempt, whatever ends that
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
