"""`OperatorContract`: what is true of every operator and sensor, and, where it starts work on a server, of its end."""

from __future__ import annotations

import contextlib
import contextvars
import copy
import datetime
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import msgspec

from tradewind.dag import DAG
from tradewind.errors import MissingArgument, UnknownArgument
from tradewind.operator import BaseOperator
from tradewind.records import DagSpec
from tradewind.runner.interrupts import Interrupts
from tradewind.states import TaskState
from tradewind.testing.laws import Contract, fixture, needs, require
from tradewind.testing.runs import TaskRun, run_task

_TEMPLATE = "{{ params.never_given }}"
_LOOK = 0.05  # seconds between two looks at the server
_PATIENCE = 30.0  # seconds for the server to start and stop what a task asks of it


class OperatorContract(Contract, contract=True):
    """Laws of an operator.

        class TestForecast(OperatorContract):
            operator = ForecastOperator
            arguments = {"city": "Oslo", "weather_conn_id": "nowhere"}

    With `stops_its_work` a fixture `slow_task` returns a task of it that keeps a server busy for a minute at least, and
    a fixture `count_running` a function that asks the server how many such are running.
    """

    #: The class.
    operator: ClassVar[type[BaseOperator]]
    #: Keywords with which it can be made, without `task_id`.
    arguments: ClassVar[dict[str, Any]] = {}
    #: Fields whose value `__init__` must read, so that a template cannot stand there; each needs a reason beside it.
    read_early: ClassVar[tuple[str, ...]] = ()
    #: It can be pickled with these arguments.
    picklable: ClassVar[bool] = True
    #: It starts work on a server, which `on_kill` stops.
    stops_its_work: ClassVar[bool] = False

    # -- it is written down --------------------------------------------------------------------------------------------

    def test_template_fields_are_attributes(self) -> None:
        """Every template field is an attribute of that name."""
        fields = self._name("template_fields")
        task = self._make()
        for field in fields:
            require(
                hasattr(task, field), f"{self._who()} has the template field {field!r}, and no attribute of that name."
            )

    def test_template_fields_are_left_alone(self) -> None:
        """`__init__` keeps what is given for template fields: they are rendered later."""
        for field in self._name("template_fields"):
            if field in self.arguments and field not in self.read_early:
                kept = getattr(self._make(), field)
                given = self.arguments[field]
                told = f"{self._who()} makes {kept!r} of {field}={given!r} in __init__; do so in execute."
                require(kept == given, told)
                if isinstance(given, str):
                    self._check_template(field)

    def test_unknown_keywords_are_refused(self) -> None:
        """A keyword that it does not take is an error, which names it."""
        try:
            self._make(no_such_argument=1)
        except UnknownArgument as error:
            require("no_such_argument" in str(error), f"The error does not name the keyword: {error}")
        else:
            require(
                False, f"{self._who()} swallows keywords that it does not know; pass **kwargs on to super().__init__."
            )

    def test_keywords_of_every_operator_are_taken(self) -> None:
        """What BaseOperator takes reaches it: retries, pool, time limit, callbacks."""
        minute = datetime.timedelta(minutes=1)
        given: dict[str, Any] = {"retries": 3, "pool": "small", "execution_timeout": minute, "owner": "me"}
        task = self._make(**given)
        for name, value in given.items():
            got = getattr(task, name)
            told = f"{self._who()} was given {name}={value!r} and has {got!r}; pass **kwargs on to super().__init__."
            require(got == value, told)

    def test_it_asks_nobody_while_it_is_made(self) -> None:
        """It is made without its connection, for that happens whenever the DAG file is read."""
        try:
            with DAG("contract", schedule=None):
                self.operator(task_id="task", **copy.deepcopy(self.arguments))
        except Exception as error:
            require(False, f"{self._who()} cannot be made where its connection is unknown ({error}); ask in execute.")

    def test_it_survives_the_spec(self) -> None:
        """The spec of its DAG has it, and reads back as it was."""
        with DAG("contract", schedule=None) as dag:
            self.operator(task_id="task", **copy.deepcopy(self.arguments))
        spec = dag.spec()
        told = f"The spec of a DAG with {self._who()} does not read back as it was written"
        try:
            again = msgspec.json.decode(msgspec.json.encode(spec), type=DagSpec)
        except (msgspec.MsgspecError, TypeError) as error:
            require(False, f"{told}: {error}")
        require(again == spec, f"{told}.")
        require([task.task_id for task in again.tasks] == ["task"], f"The spec of its DAG lacks {self._who()}.")

    def test_it_survives_copying(self) -> None:
        """A copy is as the original, and what is changed in the copy's fields leaves the original alone."""
        task = self._make()
        before = self._fields(task)
        copied = task.prepare_for_execution()
        require(self._fields(copied) == before, f"A copy of {self._who()} has other fields: {self._fields(copied)}")
        for field in before:
            setattr(copied, field, "changed")
        require(self._fields(task) == before, f"A copy of {self._who()} shares its fields; keep them as attributes.")

    @needs("picklable")
    def test_it_survives_pickling(self) -> None:
        """It can be pickled, and is as before."""
        task = self._make()
        try:
            again = pickle.loads(pickle.dumps(task))
        except Exception as error:
            require(False, f"{self._who()} cannot be pickled ({error}); make clients in execute, not in __init__.")
        require(self._fields(again) == self._fields(task), f"{self._who()} loses fields when it is pickled.")

    # -- it is stopped -------------------------------------------------------------------------------------------------

    @fixture
    def slow_task(self) -> Any:
        """A task that keeps a server busy for a minute at least."""
        raise NotImplementedError(f"{type(self).__name__} says stops_its_work, and so needs a fixture slow_task")

    @fixture
    def count_running(self) -> Any:
        """A function that asks the server how many of these it is busy with."""
        raise NotImplementedError(f"{type(self).__name__} says stops_its_work, and so needs a fixture count_running")

    @needs("stops_its_work")
    def test_a_time_limit_stops_its_work(self, slow_task: BaseOperator, count_running: Callable[[], int]) -> None:
        """When its time is up, what it started on the server is stopped."""
        for seconds in (2, _PATIENCE):  # a busy machine may take long to begin
            slow_task.execution_timeout = datetime.timedelta(seconds=seconds)
            begun, ended = _watched(slow_task, count_running)
            if begun:
                break
        require(begun, f"The server never had anything to do for {self._who()}: is slow_task slow?")
        self._check_stopped(ended, count_running, "its execution_timeout")

    @needs("stops_its_work")
    def test_a_clear_stops_its_work(self, slow_task: BaseOperator, count_running: Callable[[], int]) -> None:
        """When it is cleared or marked, what it started on the server is stopped."""
        interrupts = Interrupts()
        usual = signal.getsignal(signal.SIGTERM)
        interrupts.install()

        def clear() -> None:
            _wait_for(count_running, 1)
            interrupts.stop("it was cleared")

        try:
            with _meanwhile(clear):
                ended = run_task(slow_task, check=False, interrupts=interrupts)
        finally:
            signal.signal(signal.SIGTERM, usual)
        self._check_stopped(ended, count_running, "a clear")

    def _check_stopped(self, ended: TaskRun, count_running: Callable[[], int], by: str) -> None:
        require(ended.state is TaskState.FAILED, f"{self._who()} ends as {ended.state} by {by}: {ended.reason}")
        left = _wait_for(count_running, 0)
        told = f"{left} of what {self._who()} started goes on on the server after {by}; stop it in on_kill."
        require(left == 0, told)

    # -- how -----------------------------------------------------------------------------------------------------------

    def _make(self, **more: Any) -> Any:
        try:
            return self.operator(task_id="task", **{**copy.deepcopy(self.arguments), **more})
        except MissingArgument as error:
            require(False, f"{error} Name it in `arguments` of the test class.")

    def _who(self) -> str:
        return self.operator.__name__

    def _name(self, attribute: str) -> tuple[str, ...]:
        found = getattr(self.operator, attribute)
        told = f"{self._who()}.{attribute} is the text {found!r}; make it a tuple: ({found!r},)."
        require(not isinstance(found, str), told)
        return tuple(found)

    def _fields(self, task: Any) -> dict[str, Any]:
        return {field: getattr(task, field, None) for field in self._name("template_fields")}

    def _check_template(self, field: str) -> None:
        try:
            kept = getattr(self._make(**{field: _TEMPLATE}), field)
        except Exception as error:
            told = f"{self._who()} refuses a template as {field} ({error}); check the value in execute."
            require(False, told)
        require(kept == _TEMPLATE, f"{self._who()} makes {kept!r} of a template as {field}; leave it as it is.")


def _watched(task: BaseOperator, count: Callable[[], int]) -> tuple[bool, TaskRun]:
    """Run the task to its end; whether the server was seen at work for it, and how it ended."""
    over = threading.Event()
    seen: list[int] = []
    with _meanwhile(lambda: seen.append(_wait_for(count, 1, over))):
        try:
            ended = run_task(task, check=False)
        finally:
            over.set()
    return seen == [1], ended


def _wait_for(count: Callable[[], int], wanted: int, over: threading.Event | None = None) -> int:
    """Ask until the answer is `wanted`, for so long as patience lasts, or till it is `over`; the last answer."""
    over = over or threading.Event()
    end = time.monotonic() + _PATIENCE
    while (found := count()) != wanted and time.monotonic() < end and not over.wait(_LOOK):
        pass
    return found


@contextlib.contextmanager
def _meanwhile(action: Callable[[], object]) -> Iterator[None]:
    """Do something in another thread while the block runs. The connections given by `connections` are there too."""
    thread = threading.Thread(target=contextvars.copy_context().run, args=(action,), name="meanwhile")
    thread.start()
    try:
        yield
    finally:
        thread.join()
