"""People who trigger, clear, mark, delete and pause, one command after the other, and remember what they asked for."""

import random
import subprocess
import threading
from pathlib import Path

from tests.soak.checks import EXPECTED, Asked
from tradewind.cli import exit_codes

_DAG_FILE = Path(__file__).with_name("dags.py")

#: What is done how often.
_HABITS = {"trigger": 12, "clear": 4, "mark_task": 3, "mark_run": 1, "delete": 1, "pause": 1, "save_file": 1}
_TASKS = {
    "graph": ("start", "pooled1", "flaky", "sensor", "bash", "join", "doomed", "alarm", "branch", "right", "end"),
    "serial": ("t0", "t1", "t2", "t3"),
}


class People:
    """`here` is the deployment that they work with. Within the block they are at it, in a thread."""

    def __init__(self, here, seed):
        self.here = here
        self.dice = random.Random(seed)
        self.asked = Asked()
        self.wrong = []  #: commands that broke down
        self.commands = 0
        self._named = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="people")

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def save_file(self, _=None):
        """Write the DAG file, each time another; at one go, as editors do."""
        code = _DAG_FILE.read_text(encoding="utf-8")
        written = self.here.write("dags.new", f"{code}\n# {self.dice.random()}\n")
        written.replace(written.with_suffix(".py"))

    def say(self, *words):
        """The exit code of a command. While the database is away it is right to refuse, and wrong to break down."""
        self.commands += 1
        try:
            done = self.here.cli(*words, check=False)
        except subprocess.TimeoutExpired:
            self.wrong.append(f"hangs: {words}")
            return None
        if done.returncode == exit_codes.BUG or "Traceback" in done.stderr:
            self.wrong.append(f"{words} ended with {done.returncode}: {done.stderr}")
        return done.returncode

    def insist(self, *words):
        self.here.until(lambda: self.say(*words) == 0)

    def _work(self):
        while not self._over.wait(self.dice.uniform(0, 0.4)):
            what = self.dice.choices(list(_HABITS), list(_HABITS.values()))[0]
            known = [run for run in self._named[-14:] if run not in self.asked.deleted]
            getattr(self, what if known else "trigger")(self.dice.choice(known or [None]))

    def trigger(self, _):
        run = self.dice.choice(["graph", "graph", "serial"]), f"r{len(self._named)}"
        self._named.append(run)
        if self.say("dags", "trigger", run[0], "-r", run[1]) == 0:
            self.asked.made.add(run)

    def clear(self, run):
        self.asked.cleared[run] += 1
        some = self.dice.choice([(), ("-d", "-t", self.dice.choice(_TASKS[run[0]]))])
        self.say("tasks", "clear", run[0], "-r", run[1], "-y", *some)

    def mark_task(self, run):
        self.asked.marked.add(run)
        state = self.dice.choice(["success", "failed", "skipped"])
        self.say("tasks", "mark", run[0], self.dice.choice(_TASKS[run[0]]), state, run[1])

    def mark_run(self, run):
        self.asked.marked.add(run)
        self.say("runs", "mark", *run, self.dice.choice(["success", "failed"]))

    def delete(self, run):
        self.asked.deleted.add(run)
        self.say("runs", "delete", *run, "-y")

    def pause(self, _):
        dag_id = self.dice.choice(list(EXPECTED))
        self.say("dags", "pause", dag_id)
        self._over.wait(self.dice.uniform(0, 1.5))
        self.insist("dags", "unpause", dag_id)
