"""Sensors: what they wait for, in both modes."""

from __future__ import annotations

import datetime
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import tradewind.sensors
from tradewind.dag import DAG
from tradewind.errors import (
    DagError,
    SensorTimeout,
    TaskFailed,
    TaskRescheduled,
    TaskSkipped,
    TemplateError,
    TradewindError,
)
from tradewind.operator import BaseSensor, PokeReturnValue
from tradewind.operator.weekday import WeekDay
from tradewind.records import Run
from tradewind.sensors import (
    BashSensor,
    DateTimeSensor,
    DayOfWeekSensor,
    FileSensor,
    PythonSensor,
    TimeDeltaSensor,
    TimeSensor,
    WaitSensor,
)

pytestmark = pytest.mark.usefixtures("fresh_secrets")

AT = datetime.datetime(2025, 11, 21, tzinfo=datetime.UTC)
BERLIN = ZoneInfo("Europe/Berlin")
SOON = datetime.timedelta(seconds=0.3)
HOUR = datetime.timedelta(hours=1)


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def sensor(kind: Any, *, zone: datetime.tzinfo = datetime.UTC, **more: Any) -> Any:
    with DAG("sales", schedule="@daily", start_date=datetime.datetime(2025, 1, 1, tzinfo=zone), params={"n": 2}):
        return kind(task_id="wait", **{"poke_interval": 0.01, "timeout": 5, **more})


@pytest.fixture
def fresh(execution: Any) -> Any:
    """An execution whose attempts start now."""
    execution.started_at = now()
    return execution


def next_look(fresh: Any, task: Any) -> float:
    """Seconds from now to the look that a sensor asks for."""
    with pytest.raises(TaskRescheduled) as caught:
        fresh.execute(task)
    return (caught.value.at - now()).total_seconds()


# -- python ------------------------------------------------------------------------------------------------------------


def counting(results: list[Any]) -> Callable[..., Any]:
    looks = iter(results)
    return lambda: next(looks)


def test_it_looks_until_the_function_says_yes(fresh: Any) -> None:
    assert fresh.execute(sensor(PythonSensor, python_callable=counting([False, None, 0, "yes"]))) is None


def test_the_function_may_pass_a_value_on(fresh: Any) -> None:
    results = [PokeReturnValue(False, "early"), PokeReturnValue(True, {"rows": 7})]
    assert fresh.execute(sensor(PythonSensor, python_callable=counting(results))) == {"rows": 7}


def test_the_function_gets_arguments_and_context(fresh: Any) -> None:
    seen = []
    task = sensor(
        PythonSensor,
        python_callable=lambda a, b, ds, templates_dict: seen.append((a, b, ds, templates_dict)) or True,
        op_args=["{{ params.n }}"],
        op_kwargs={"b": "{{ ds }}"},
        templates_dict={"t": "{{ ds_nodash }}"},
    )
    fresh.execute(task)
    assert seen == [("2", "2025-11-21", "2025-11-21", {"t": "20251121"})]


def test_a_function_that_says_no_is_asked_again_later(fresh: Any) -> None:
    task = sensor(PythonSensor, python_callable=lambda: False, mode="reschedule", poke_interval=60, timeout=600)
    assert next_look(fresh, task) == pytest.approx(60, abs=1)


def test_the_timeout_counts_from_the_first_look_of_the_try(fresh: Any) -> None:
    task = sensor(PythonSensor, python_callable=lambda: False, mode="reschedule", poke_interval=60, timeout=600)
    key = fresh.context(task)["ti"].key
    fresh.api.record_reschedule(key, now() - datetime.timedelta(seconds=570))
    assert next_look(fresh, task) == pytest.approx(30, abs=1)
    fresh.api.looks.clear()
    fresh.api.record_reschedule(key, now() - datetime.timedelta(seconds=601))
    with pytest.raises(SensorTimeout):
        fresh.execute(task)


def test_what_is_no_function_is_refused_when_the_dag_is_made() -> None:
    with pytest.raises(DagError, match="python_callable must be a function"):
        sensor(PythonSensor, python_callable=None)


# -- bash --------------------------------------------------------------------------------------------------------------


def test_a_command_is_run_until_it_succeeds(fresh: Any, tmp_path: Path) -> None:
    task = sensor(
        BashSensor, bash_command=f"echo x >> {tmp_path}/n; [ $(wc -l < {tmp_path}/n) -ge {{{{ params.n }}}} ]"
    )
    fresh.execute(task)
    assert (tmp_path / "n").read_text() == "x\nx\n"


def test_only_one_exit_code_may_mean_not_yet(fresh: Any) -> None:
    task = sensor(BashSensor, bash_command="exit 3", retry_exit_code=3, timeout=0.05)
    with pytest.raises(SensorTimeout):
        fresh.execute(task)
    with pytest.raises(TaskFailed, match="'wait' ended with exit code 4; only 3 means that it has to wait"):
        fresh.execute(sensor(BashSensor, bash_command="exit 4", retry_exit_code=3))


def test_bash_sensors_take_variables_and_template_files(fresh: Any, tmp_path: Path) -> None:
    (tmp_path / "look.sh").write_text('[ "$A" = {{ ds }} ]')
    task = sensor(BashSensor, bash_command="look.sh", env={"A": "{{ ds }}"})
    task.dag.template_searchpath = [str(tmp_path)]
    fresh.execute(task)


def test_bash_sensors_need_a_command(fresh: Any) -> None:
    with pytest.raises(TradewindError, match="bash_command must be a command"):
        fresh.execute(sensor(BashSensor, bash_command=" "))


def test_bash_sensors_stop_their_command(tmp_path: Path) -> None:
    ready, stopped = tmp_path / "ready", tmp_path / "stopped"
    task = sensor(
        BashSensor, bash_command=f"trap 'touch {stopped}; exit 0' TERM; touch {ready}; while :; do sleep 0.01; done"
    )
    thread = threading.Thread(target=task.poke, args=({},))
    thread.start()
    until = time.monotonic() + 60
    while not ready.exists() and time.monotonic() < until:
        time.sleep(0.01)
    task.on_kill()
    thread.join(60)
    assert stopped.exists()


# -- files -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def landing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIRFLOW_CONN_LANDING", f"fs://?path={tmp_path}/in")
    (tmp_path / "in" / "deep" / "deeper").mkdir(parents=True)
    return tmp_path / "in"


@pytest.mark.parametrize(
    ("made", "wanted", "more", "found"),
    [
        ("2025-11-21.csv", "{{ ds }}.csv", {}, True),
        ("2025-11-20.csv", "{{ ds }}.csv", {}, False),
        ("2025-11-21_7.csv", "{{ ds }}_*.csv", {}, True),
        ("x.csv", "[xyz].csv", {}, True),
        ("deep/deeper/x.csv", "deep", {}, True),
        ("x.csv", "deep", {}, False),
        ("deep/deeper/x.csv", "**/*.csv", {}, False),
        ("deep/deeper/x.csv", "**/*.csv", {"recursive": True}, True),
        ("deep/x y.csv", "deep/x y.csv", {}, True),
    ],
)
def test_files(made: str, wanted: str, more: Any, found: bool, landing: Path, fresh: Any) -> None:
    (landing / made).touch()
    task = sensor(FileSensor, filepath=wanted, fs_conn_id="landing", timeout=0.02, **more)
    if found:
        fresh.execute(task)
    else:
        with pytest.raises(SensorTimeout):
            fresh.execute(task)


def test_a_file_that_comes_later_is_seen(landing: Path, fresh: Any) -> None:
    threading.Timer(0.1, (landing / "late.csv").touch).start()
    fresh.execute(sensor(FileSensor, filepath="late.csv", fs_conn_id="landing"))


def test_absolute_paths_need_no_connection(tmp_path: Path, fresh: Any) -> None:
    (tmp_path / "x").touch()
    fresh.execute(sensor(FileSensor, filepath=f"{tmp_path}/x"))


def test_a_deferrable_sensor_gives_its_place_back(tmp_path: Path, fresh: Any) -> None:
    assert next_look(fresh, sensor(FileSensor, filepath=f"{tmp_path}/x", deferrable=True, poke_interval=3)) <= 3


def test_a_missing_template_name_is_an_error(fresh: Any) -> None:
    with pytest.raises(TemplateError, match="field filepath of task wait of DAG sales: 'dss' is not defined"):
        fresh.execute(sensor(FileSensor, filepath="{{ dss }}"))


# -- moments -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "form", [str, datetime.datetime.isoformat, lambda moment: moment, lambda moment: "{{ data_interval_end }}"]
)
def test_a_moment_that_has_come(form: Callable[[datetime.datetime], Any], fresh: Any) -> None:
    fresh.execute(sensor(DateTimeSensor, target_time=form(AT)))


def test_a_moment_to_come_is_waited_for(fresh: Any) -> None:
    target = now() + SOON
    fresh.execute(sensor(DateTimeSensor, target_time=target, poke_interval=60))
    assert target <= now() < target + datetime.timedelta(seconds=30)


def test_a_rescheduled_sensor_is_looked_at_again_exactly_then(fresh: Any) -> None:
    task = sensor(DateTimeSensor, target_time=now() + HOUR, mode="reschedule", timeout=86_400)
    assert next_look(fresh, task) == pytest.approx(3600, abs=2)


def test_a_moment_without_zone_is_meant_in_that_of_the_dag(fresh: Any) -> None:
    target = (now() + HOUR).astimezone(BERLIN).replace(tzinfo=None).isoformat()
    task = sensor(DateTimeSensor, target_time=target, mode="reschedule", timeout=86_400, zone=BERLIN)
    assert next_look(fresh, task) == pytest.approx(3600, abs=2)


@pytest.mark.parametrize("target", ["tomorrow", "", 7, None])
def test_what_is_no_moment_is_refused(target: Any, fresh: Any) -> None:
    with pytest.raises(TradewindError, match="target_time"):
        fresh.execute(sensor(DateTimeSensor, target_time=target))


def test_a_delta_counts_from_the_end_of_the_interval(fresh: Any, new_run: Callable[..., Run]) -> None:
    fresh.run = new_run(at=now() - 2 * HOUR, data_interval_end=now() - HOUR)
    fresh.execute(sensor(TimeDeltaSensor, delta=0.5 * HOUR))
    later = sensor(TimeDeltaSensor, delta=3 * HOUR, deferrable=True, timeout=86_400)
    assert next_look(fresh, later) == pytest.approx(7200, abs=2)


def test_a_wait_counts_from_the_first_look(fresh: Any) -> None:
    fresh.execute(sensor(WaitSensor, time_to_wait=SOON, poke_interval=60))
    assert now() - fresh.started_at >= SOON
    task = sensor(WaitSensor, time_to_wait=10, mode="reschedule", timeout=3600)  # minutes
    assert next_look(fresh, task) == pytest.approx(600, abs=2)
    fresh.api.record_reschedule(fresh.context(task)["ti"].key, now() - datetime.timedelta(minutes=9))
    assert next_look(fresh, task) == pytest.approx(60, abs=2)


def test_a_time_of_the_day(fresh: Any) -> None:
    fresh.execute(sensor(TimeSensor, target_time=datetime.time(0)))
    task = sensor(TimeSensor, target_time=datetime.time(23, 59, 59, 999999), mode="reschedule", timeout=2 * 86_400)
    midnight = now().replace(hour=23, minute=59, second=59, microsecond=999999)
    assert next_look(fresh, task) == pytest.approx((midnight - now()).total_seconds(), abs=2)


def test_a_time_of_the_day_is_meant_in_the_zone_of_the_dag() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    task = sensor(TimeSensor, target_time=datetime.time(6), zone=tokyo)
    assert task.target({}).utcoffset() == datetime.timedelta(hours=9)
    own = sensor(TimeSensor, target_time=datetime.time(6, tzinfo=BERLIN), zone=tokyo)
    assert own.target({}).tzinfo is BERLIN


def test_a_wait_past_midnight_does_not_start_over(fresh: Any) -> None:
    task = sensor(TimeSensor, target_time=datetime.time(23), mode="reschedule")
    context = fresh.context(task)
    yesterday = now() - datetime.timedelta(days=1)
    fresh.api.record_reschedule(context["ti"].key, yesterday)
    assert task.target(context).date() == yesterday.date()
    assert task.poke(context) == (now() >= task.target(context))


def test_a_time_must_be_a_time() -> None:
    with pytest.raises(DagError, match=r"must be a datetime\.time"):
        sensor(TimeSensor, target_time="06:00")


def test_a_day_of_the_week(fresh: Any) -> None:
    fresh.execute(sensor(DayOfWeekSensor, week_day=list(WeekDay)))
    fresh.execute(sensor(DayOfWeekSensor, week_day="Friday", use_task_logical_date=True))
    with pytest.raises(SensorTimeout):
        fresh.execute(sensor(DayOfWeekSensor, week_day="Monday", use_task_execution_day=True, timeout=0.02))
    other = {day for day in WeekDay if day not in (WeekDay.of(now()), WeekDay.of(now() + datetime.timedelta(days=1)))}
    assert next_look(fresh, sensor(DayOfWeekSensor, week_day=other, mode="reschedule", poke_interval=3)) <= 3
    with pytest.raises(DagError, match="'Fryday' is not a day"):
        sensor(DayOfWeekSensor, week_day="Fryday")


@pytest.mark.parametrize("how", ["soft_fail", "never_fail"])
def test_a_sensor_that_gives_up_may_skip(how: str, fresh: Any) -> None:
    with pytest.raises(TaskSkipped):
        fresh.execute(sensor(DateTimeSensor, target_time=now() + HOUR, timeout=0.02, **{how: True}))


# -- names -------------------------------------------------------------------------------------------------------------


def test_every_name_is_there_and_is_documented() -> None:
    assert tradewind.sensors.__all__ == sorted(tradewind.sensors._PLACES)
    for name in tradewind.sensors.__all__:
        found = getattr(tradewind.sensors, name)
        assert issubclass(found, BaseSensor)
        assert found.__doc__
        assert found.__module__ == f"tradewind.sensors.{tradewind.sensors._PLACES[name]}"


def test_importing_the_package_loads_no_sensor() -> None:
    code = (
        "import sys, tradewind.sensors\nassert 'tradewind.sensors.bash' not in sys.modules\n"
        "from tradewind.sensors import FileSensor\nassert 'tradewind.operators' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
