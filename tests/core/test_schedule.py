"""Schedules: what they accept, which intervals they make, and how they go through changes of the clocks."""

from __future__ import annotations

import itertools
import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from cronsim import CronSim
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tradewind.errors import ScheduleError
from tradewind.records import DagSpec, spec_from_json, to_json
from tradewind.schedule import (
    PRESETS,
    Bounds,
    ContinuousSchedule,
    CronSchedule,
    DeltaSchedule,
    Interval,
    Never,
    OnceSchedule,
    PlannedRun,
    Schedule,
    get_zone,
    parse_schedule,
)

NOW = datetime(2024, 6, 15, 10, 30, tzinfo=UTC)
START = datetime(2024, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def at(text: str) -> datetime:
    """ "2024-03-31 01:00" in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def plan(schedule: Schedule, last: Interval | None = None, **given: object) -> PlannedRun | None:
    now = given.pop("now", NOW)
    return schedule.next_run(last, now, Bounds(**{"start": START, "catchup": True, **given}))  # type: ignore[arg-type]


def chain(schedule: Schedule, count: int, last: Interval | None = None, **given: object) -> list[PlannedRun]:
    runs = []
    for _ in range(count):
        run = plan(schedule, last, **given)
        if run is None:
            break
        runs.append(run)
        last = run.interval
    return runs


# What may be written


@pytest.mark.parametrize(
    ("written", "read", "summary"),
    [
        (None, Never(), "none"),
        ("@once", OnceSchedule(), "@once"),
        ("@continuous", ContinuousSchedule(), "@continuous"),
        ("@daily", CronSchedule("0 0 * * *", "Europe/Berlin"), "0 0 * * *"),
        (" @Weekly ", CronSchedule("0 0 * * 0", "Europe/Berlin"), "0 0 * * 0"),
        ("@quarterly", CronSchedule("0 0 1 */3 *", "Europe/Berlin"), "0 0 1 */3 *"),
        ("  5  4 * *   MON-fri", CronSchedule("5 4 * * MON-fri", "Europe/Berlin"), "5 4 * * MON-fri"),
        ("0 0 L * *", CronSchedule("0 0 L * *", "Europe/Berlin"), "0 0 L * *"),
        ("0 9 * * mon#2", CronSchedule("0 9 * * mon#2", "Europe/Berlin"), "0 9 * * mon#2"),
        (DAY, DeltaSchedule(86400), "every 1 day"),
        (timedelta(days=2, hours=1, minutes=30), DeltaSchedule(178200), "every 2 days 1 hour 30 minutes"),
        (timedelta(seconds=90.5), DeltaSchedule(90.5), "every 1 minute 30.5 seconds"),
        (CronSchedule("1 1 * * *", "UTC"), CronSchedule("1 1 * * *", "UTC"), "1 1 * * *"),
        (DeltaSchedule(60), DeltaSchedule(60), "every 1 minute"),
    ],
)
def test_a_schedule_is_read_and_named(written: object, read: Schedule, summary: str) -> None:
    found = parse_schedule(written, "Europe/Berlin", "sales")  # type: ignore[arg-type]
    assert found == read
    assert found.summary == summary


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("", "has 0 fields and needs 5"),
        ("0 0 * *", "has 4 fields and needs 5"),
        ("0 0 0 * * *", "has 6 fields and needs 5"),
        ("0 25 * * *", "the hour cannot be '25'"),
        ("0 0 * * 8", "the day of week cannot be '8'"),
        ("0 0 x * *", "the day of month cannot be 'x'"),
        ("*/0 * * * *", "the minute cannot be '*/0'"),
        ("9" * 5000 + " 0 * * *", "the minute cannot be"),
        ("0 0 31 2 *", "never fires"),
        ("0 0 30 2 *", "never fires"),
        ("0 0 31 4,6,9,11 *", "never fires"),
        ("@dayly", "did you mean '@daily'?"),
        ("@x", "there are @hourly, "),
        (timedelta(0), "too short"),
        (timedelta(seconds=-5), "too short"),
        (timedelta(milliseconds=10), "too short"),
        (DeltaSchedule(float("nan")), "too short"),
        (CronSchedule("* * *", "UTC"), "has 3 fields"),
        (CronSchedule("* * * * *", "Mars/Olympus"), "no time zone 'Mars/Olympus'"),
        (3600, "cannot be a int"),
        (["@daily"], "cannot be a list"),
    ],
)
def test_what_cannot_be_a_schedule_is_refused_naming_the_dag(written: object, told: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        parse_schedule(written, "UTC", "sales")  # type: ignore[arg-type]
    assert str(caught.value).startswith("DAG 'sales': ")
    assert told in str(caught.value)


def test_a_rare_schedule_is_not_taken_for_one_that_never_fires() -> None:
    leap_days = parse_schedule("0 0 29 2 *", "UTC", "sales")
    assert [run.logical_date.year for run in chain(leap_days, 3)] == [2024, 2028, 2032]
    fifth_mondays = parse_schedule("0 0 * 2 MON#5", "UTC", "sales")
    assert [run.logical_date.year for run in chain(fifth_mondays, 2)] == [2044, 2072]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Europe/Berlim", "'Europe/Berlin'"),
        ("berlin", "'Europe/Berlin'"),
        ("utc", "'UTC'"),
        ("New York", "'America/New_York'"),
        ("", "names look like"),
        ("../../etc/passwd", "names look like"),
        ("Mars/Olympus", "names look like"),
    ],
)
def test_an_unknown_time_zone_is_refused_with_the_nearest_name(name: str, hint: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        get_zone(name)
    assert hint in str(caught.value)
    with pytest.raises(ScheduleError, match="DAG 'sales': there is no time zone"):
        parse_schedule("@daily", name, "sales")


@given(st.text(max_size=30) | st.from_regex(r"[0-9*/,LW#a-z-]{1,6}( [0-9*/,LW#a-z-]{1,6}){4}", fullmatch=True))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_schedule_that_fires_or_an_error_of_our_own(text: str) -> None:
    try:
        schedule = parse_schedule(text, "Europe/Berlin", "sales")
    except ScheduleError:
        return
    assert plan(schedule) is not None


@pytest.mark.parametrize(
    "schedule",
    [CronSchedule("0 0 * * *", "Europe/Berlin"), DeltaSchedule(90.5), OnceSchedule(), ContinuousSchedule(), Never()],
)
def test_every_schedule_survives_json_inside_a_spec(schedule: Schedule) -> None:
    spec = DagSpec("sales", (), schedule=schedule)
    assert spec_from_json(to_json(spec)) == spec
    assert msgspec.json.decode(msgspec.json.encode(schedule), type=Schedule) == schedule  # type: ignore[arg-type]


# Intervals


def test_the_first_interval_starts_at_the_first_point_at_or_after_the_start_date() -> None:
    daily = CronSchedule("0 0 * * *")
    assert plan(daily, start=START) == PlannedRun(START, START, START + DAY, START + DAY)
    later = plan(daily, start=START + timedelta(hours=9))
    assert later is not None
    assert later.logical_date == START + DAY


def test_runs_follow_each_other_without_a_gap() -> None:
    runs = chain(CronSchedule("0 6 * * MON"), 4)
    assert [run.logical_date.day for run in runs] == [1, 8, 15, 22]
    assert all(before.interval_end == after.interval_start for before, after in itertools.pairwise(runs))
    assert all(run.run_after == run.interval_end for run in runs)


def test_the_end_date_still_has_its_run_and_later_ones_have_none() -> None:
    runs = chain(CronSchedule("0 0 * * *"), 10, end=START + 2 * DAY)
    assert [run.logical_date for run in runs] == [START, START + DAY, START + 2 * DAY]
    assert plan(CronSchedule("0 0 * * *"), end=START - DAY) is None


def test_without_catchup_only_the_latest_complete_interval_is_run() -> None:
    daily = CronSchedule("0 0 * * *")
    first = plan(daily, catchup=False)
    assert first is not None
    assert first.interval == Interval(at("2024-06-14"), at("2024-06-15"))
    long_ago = Interval(START, START + DAY)
    assert plan(daily, long_ago, catchup=False) == first
    following = plan(daily, first.interval, catchup=False)
    assert following is not None
    assert following.interval == Interval(at("2024-06-15"), at("2024-06-16"))


@pytest.mark.parametrize("schedule", [CronSchedule("0 0 * * *"), DeltaSchedule(86400)])
def test_an_interval_is_complete_at_the_very_moment_of_its_end(schedule: Schedule) -> None:
    midnight = at("2024-06-15")
    on_time = plan(schedule, catchup=False, now=midnight)
    just_before = plan(schedule, catchup=False, now=midnight - timedelta(microseconds=1))
    assert on_time is not None
    assert just_before is not None
    assert on_time.interval_end == midnight
    assert just_before.interval_end == midnight - DAY


def test_without_catchup_there_is_still_no_run_before_the_start_date() -> None:
    start = at("2024-06-15 06:00")
    run = plan(CronSchedule("0 0 * * *"), start=start, catchup=False)
    assert run is not None
    assert run.logical_date == at("2024-06-16")
    assert run.run_after == at("2024-06-17")


def test_without_a_start_date_the_first_run_is_that_of_the_latest_complete_interval() -> None:
    for catchup in (True, False):
        run = plan(CronSchedule("0 0 * * *"), start=None, catchup=catchup)
        assert run is not None
        assert run.interval_end == at("2024-06-15")


def test_a_start_date_moved_to_the_future_is_waited_for() -> None:
    last = Interval(at("2024-06-14"), at("2024-06-15"))
    for catchup in (True, False):
        run = plan(CronSchedule("0 0 * * *"), last, start=at("2024-08-01 12:00"), catchup=catchup)
        assert run is not None
        assert run.logical_date == at("2024-08-02")


def test_a_start_date_moved_to_the_past_does_not_run_old_intervals() -> None:
    last = Interval(at("2024-06-14"), at("2024-06-15"))
    run = plan(CronSchedule("0 0 * * *"), last, start=at("2020-01-01"))
    assert run is not None
    assert run.logical_date == at("2024-06-15")


@pytest.mark.parametrize(
    ("last", "schedule", "first", "second"),
    [
        # hourly until 15:00, then nightly: the rest of the day, then whole ones
        (("14:00", "15:00"), CronSchedule("0 2 * * *"), ("15:00", "02:00+1"), ("02:00+1", "02:00+2")),
        # nightly at two, then at three
        (("02:00-1", "02:00"), CronSchedule("0 3 * * *"), ("02:00", "03:00"), ("03:00", "03:00+1")),
        # nightly, then hourly: no bridge is needed
        (("00:00-1", "00:00"), CronSchedule("0 * * * *"), ("00:00", "01:00"), ("01:00", "02:00")),
        # cron, then a timedelta that is counted from the start date
        (("13:00", "14:00"), DeltaSchedule(6 * 3600), ("14:00", "18:00"), ("18:00", "00:00+1")),
    ],
)
def test_after_a_change_of_schedule_nothing_is_left_out_or_done_twice(
    last: tuple[str, str], schedule: Schedule, first: tuple[str, str], second: tuple[str, str]
) -> None:
    def interval(pair: tuple[str, str]) -> Interval:
        return Interval(*(at("2024-06-10 " + text[:5]) + DAY * int(text[5:] or 0) for text in pair))

    runs = chain(schedule, 2, interval(last))
    assert [run.interval for run in runs] == [interval(first), interval(second)]


def test_a_timedelta_counts_from_the_start_date() -> None:
    start = at("2024-01-01 07:13")
    six_hours = DeltaSchedule(6 * 3600)
    assert [run.logical_date for run in chain(six_hours, 3, start=start)] == [
        start,
        start + 6 * HOUR,
        start + 12 * HOUR,
    ]
    latest = plan(six_hours, start=start, catchup=False)
    assert latest is not None
    assert latest.interval_end == at("2024-06-15 07:13")
    assert plan(six_hours, None, start=None, catchup=False) == plan(
        six_hours, None, start=at("1970-01-01"), catchup=False
    )


def test_a_timedelta_is_absolute_and_does_not_follow_the_clocks() -> None:
    berlin = datetime(2024, 3, 30, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    runs = chain(DeltaSchedule(86400), 3, start=berlin)
    assert [run.logical_date for run in runs] == [at(f"2024-03-{day} 11:00") for day in (30, 31)] + [
        at("2024-04-01 11:00")
    ]


def test_once_runs_once_at_the_start_date_or_now() -> None:
    once = OnceSchedule()
    assert plan(once) == PlannedRun(START, START, START, START)
    assert plan(once, start=None) == PlannedRun(NOW, NOW, NOW, NOW)
    assert plan(once, Interval(START, START)) is None
    assert plan(once, end=START - DAY) is None


def test_continuous_runs_cover_the_time_between_them_and_never_repeat() -> None:
    continuous = ContinuousSchedule()
    first = plan(continuous)
    assert first == PlannedRun(START, START, NOW, NOW)
    second = plan(continuous, first.interval, now=NOW + HOUR)
    assert second is not None
    assert second.interval == Interval(NOW, NOW + HOUR)
    at_once = plan(continuous, second.interval, now=NOW + HOUR)
    assert at_once is not None
    assert at_once.logical_date == NOW + HOUR
    assert at_once.interval_end > at_once.logical_date
    assert plan(continuous, second.interval, now=NOW + 2 * HOUR, end=NOW + HOUR) is None
    not_yet = plan(continuous, start=NOW + DAY)
    assert not_yet is not None
    assert not_yet.run_after > NOW + DAY


def test_never_plans_nothing() -> None:
    assert plan(Never()) is None


def test_a_manual_run_has_the_last_complete_interval() -> None:
    assert CronSchedule("0 0 * * *").manual_interval(NOW) == Interval(at("2024-06-14"), at("2024-06-15"))
    midnight = at("2024-06-15")
    assert CronSchedule("0 0 * * *").manual_interval(midnight) == Interval(midnight - DAY, midnight)
    assert DeltaSchedule(3600).manual_interval(NOW) == Interval(NOW - HOUR, NOW)
    for schedule in (OnceSchedule(), ContinuousSchedule(), Never()):
        assert schedule.manual_interval(NOW) == Interval(NOW, NOW)


def test_all_moments_are_in_utc_whatever_was_given() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    for schedule in (CronSchedule("0 9 * * *", "Asia/Tokyo"), DeltaSchedule(60), OnceSchedule(), ContinuousSchedule()):
        run = plan(schedule, start=START.astimezone(tokyo), now=NOW.astimezone(tokyo))
        assert run is not None
        moments = (run.logical_date, run.interval_start, run.interval_end, run.run_after)
        assert all(moment.tzinfo is UTC for moment in moments)
        manual = schedule.manual_interval(NOW.astimezone(tokyo))
        assert manual.start.tzinfo is manual.end.tzinfo is UTC


@pytest.mark.parametrize("expression", ["* * * * *", "*/5 * * * *", "0 0 * * *", "0 0 29 2 *", "* * 29 2 *"])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_years_without_a_run_are_not_stepped_through(expression: str, zone: str) -> None:
    last = Interval(at("1995-01-01"), at("1995-01-02"))
    began = time.monotonic()
    run = plan(CronSchedule(expression, zone), last, start=at("1990-01-01"), catchup=False)
    assert run is not None
    assert run.interval_end <= NOW
    assert time.monotonic() - began < 20  # thirty years have 15 million minutes


@pytest.mark.parametrize("moment", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
@pytest.mark.parametrize("catchup", [True, False])
@pytest.mark.parametrize("schedule", [CronSchedule("0 0 * * *", "Asia/Tokyo"), DeltaSchedule(86400)])
def test_dates_at_the_edge_of_the_calendar_do_no_harm(schedule: Schedule, catchup: bool, moment: datetime) -> None:
    run = plan(schedule, start=moment, catchup=catchup)
    assert run is None or run.interval_end > run.interval_start


# Changes of the clocks. Each table was made by hand: moments in UTC, in order.

CHANGES = [
    # Berlin, 31 March 2024: 02:00 -> 03:00 at 01:00 UTC
    ("Europe/Berlin", "30 2 * * *", "2024-03-29 12:00", ["30 01:30", "31 01:00", "01 00:30", "02 00:30"]),
    ("Europe/Berlin", "0 2,3 * * *", "2024-03-30 12:00", ["31 01:00", "01 00:00", "01 01:00"]),
    ("Europe/Berlin", "0,30 2 * * *", "2024-03-30 12:00", ["31 01:00", "01 00:00", "01 00:30"]),
    ("Europe/Berlin", "0 * * * *", "2024-03-30 23:30", ["31 00:00", "31 01:00", "31 02:00"]),
    ("Europe/Berlin", "*/30 2 * * *", "2024-03-30 12:00", ["01 00:00", "01 00:30", "02 00:00"]),
    ("Europe/Berlin", "0 0 * * *", "2024-03-29 23:30", ["30 23:00", "31 22:00", "01 22:00"]),
    # Berlin, 27 October 2024: 03:00 -> 02:00 at 01:00 UTC
    ("Europe/Berlin", "30 2 * * *", "2024-10-25 12:00", ["26 00:30", "27 00:30", "28 01:30"]),
    ("Europe/Berlin", "0 * * * *", "2024-10-26 23:30", ["27 00:00", "27 01:00", "27 02:00", "27 03:00"]),
    ("Europe/Berlin", "*/30 2 * * *", "2024-10-26 12:00", ["27 00:00", "27 00:30", "27 01:00", "27 01:30", "28 01:00"]),
    ("Europe/Berlin", "0 3 * * *", "2024-10-26 12:00", ["27 02:00", "28 02:00"]),
    # New York, 10 March 2024: 02:00 -> 03:00 at 07:00 UTC; 3 November: 02:00 -> 01:00 at 06:00 UTC
    ("America/New_York", "30 2 * * *", "2024-03-08 12:00", ["09 07:30", "10 07:00", "11 06:30"]),
    ("America/New_York", "30 1 * * *", "2024-11-01 12:00", ["02 05:30", "03 05:30", "04 06:30"]),
    ("America/New_York", "15 * * * *", "2024-11-03 04:30", ["03 05:15", "03 06:15", "03 07:15"]),
    # Lord Howe, half an hour: 7 April 2024 02:00 -> 01:30 at 15:00 UTC on the 6th; 6 October 02:00 -> 02:30 at 15:30
    ("Australia/Lord_Howe", "45 1 * * *", "2024-04-05 00:00", ["05 14:45", "06 14:45", "07 15:15"]),
    ("Australia/Lord_Howe", "*/15 * * * *", "2024-04-06 14:40", ["06 14:45", "06 15:00", "06 15:15", "06 15:30"]),
    ("Australia/Lord_Howe", "*/10 2 * * *", "2024-04-06 14:00", ["06 15:30", "06 15:40", "06 15:50", "06 16:00"]),
    ("Australia/Lord_Howe", "*/15 1 * * *", "2024-04-06 14:40", ["06 14:45", "06 15:00", "06 15:15", "07 14:30"]),
    ("Australia/Lord_Howe", "10 2 * * *", "2024-10-04 16:00", ["05 15:30", "06 15:10"]),
    ("Australia/Lord_Howe", "0 * * * *", "2024-10-05 14:00", ["05 14:30", "05 16:00", "05 17:00"]),
    # Cairo, 26 April 2024: midnight itself is jumped over
    ("Africa/Cairo", "0 0 * * *", "2024-04-24 23:00", ["25 22:00", "26 21:00"]),
    # Apia left out 30 December 2011 as a whole
    ("Pacific/Apia", "0 12 * * *", "2011-12-29 00:00", ["29 22:00", "30 10:00", "30 22:00"]),
]


@pytest.mark.parametrize(("zone", "expression", "start", "expected"), CHANGES)
def test_clocks_that_change(zone: str, expression: str, start: str, expected: list[str]) -> None:
    schedule = CronSchedule(expression, zone)
    points = [run.logical_date for run in chain(schedule, len(expected), start=at(start))]
    assert [point.strftime("%d %H:%M") for point in points] == expected
    backwards = list(
        itertools.accumulate(range(len(points) - 1), lambda p, _: schedule.points.before(p), initial=points[-1])
    )
    assert backwards[::-1] == points


ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Asia/Kolkata",
]

minutes = st.sampled_from(["*", "*/7", "*/30", "0", "30", "15,45", "10-20", "59"])
hours = st.sampled_from(["*", "*/2", "*/5", "0", "1", "2", "3", "1-3", "2,14", "23"])
days = st.sampled_from(
    ["* * *", "* * *", "* * *", "1 * *", "L * *", "* * SUN", "* * 0L", "* * MON#1", "*/10 3-11 *", "31 10 *"]
)
crons = st.builds("{} {} {}".format, minutes, hours, days)
moments = st.datetimes(datetime(2023, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC))
#: Mistakes are made near changes of the clocks.
CHANGED = {
    "Europe/Berlin": ["2024-03-31 01:00", "2024-10-27 01:00"],
    "America/New_York": ["2024-03-10 07:00", "2024-11-03 06:00"],
    "Australia/Lord_Howe": ["2024-04-06 15:00", "2024-10-05 15:30"],
    "Africa/Cairo": ["2024-04-25 22:00", "2024-10-31 21:00"],
    "Africa/Casablanca": ["2024-03-10 02:00", "2024-04-14 02:00"],
}
near_changes = st.builds(
    lambda zone_and_change, offset: (zone_and_change[0], at(zone_and_change[1]) + timedelta(minutes=offset)),
    st.sampled_from([(zone, change) for zone, changes in CHANGED.items() for change in changes]),
    st.integers(-90, 90) | st.integers(-300, 300),
)
anywhere = near_changes | st.tuples(st.sampled_from(ZONES), moments)
anytime = anywhere.map(lambda place: place[1])


@given(crons, anywhere)
@settings(max_examples=300, deadline=None)
@example("30 2 * * *", ("Europe/Berlin", at("2024-10-27 01:10")))
@example("45 1 * * *", ("Australia/Lord_Howe", at("2024-04-06 15:05")))
def test_looking_forward_and_looking_back_agree(expression: str, place: tuple[str, datetime]) -> None:
    zone, moment = place
    points = CronSchedule(expression, zone).points
    after, before = points.after(moment), points.before(moment)
    assert before < moment < after
    assert points.before(after) <= moment
    assert points.after(before) >= moment
    assert points.at_or_after(after) == points.at_or_before(after) == after
    assert points.after(moment - timedelta(microseconds=1)) in (moment, after)


@given(crons, near_changes)
@settings(max_examples=80, deadline=None)
def test_points_are_what_the_clock_on_the_wall_shows(expression: str, place: tuple[str, datetime]) -> None:
    """Against the plain reading of the rule, minute by minute."""
    zone, moment = place
    minute, hour = expression.split()[:2]
    follows_real_time = minute.startswith("*") or hour.startswith("*")
    shown_before: set[datetime] = set()
    wanted, jumped = [], False
    begin = moment.replace(second=0, microsecond=0) - 6 * HOUR
    previous = (begin - timedelta(minutes=1)).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    for step in range(12 * 60):
        now = begin + timedelta(minutes=step)
        face = now.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        skipped = [previous + timedelta(minutes=m) for m in range(1, int((face - previous).total_seconds() // 60))]
        jumped = not follows_real_time and any(_matches(expression, gone) for gone in skipped)
        again = not follows_real_time and face in shown_before
        if jumped or (_matches(expression, face) and not again):
            wanted.append(now)
        shown_before.add(face)
        previous = face
    points, found = CronSchedule(expression, zone).points, []
    at_point = points.at_or_after(begin)
    while at_point < begin + 12 * HOUR:
        found.append(at_point)
        at_point = points.after(at_point)
    # The window may begin in an hour that is shown for the second time: its first half is not in it.
    settled = begin + 2 * HOUR
    assert [point for point in found if point >= settled] == [point for point in wanted if point >= settled]


def _matches(expression: str, face: datetime) -> bool:
    return next(CronSim(expression, face - timedelta(seconds=1))) == face


schedules = st.builds(CronSchedule, crons, st.sampled_from(ZONES)) | st.builds(
    DeltaSchedule, st.sampled_from([60.0, 3600.0, 5400.0, 86400.0, 604800.0, 86399.5])
)


@given(st.lists(schedules, min_size=1, max_size=4), anytime, st.booleans(), st.data())
@settings(max_examples=150, deadline=None)
def test_intervals_touch_and_never_overlap_or_repeat_while_schedules_and_time_change(
    plans: list[Schedule], start: datetime, catchup: bool, data: st.DataObject
) -> None:
    now, last = start, None
    for schedule in plans:
        for _ in range(data.draw(st.integers(1, 4))):
            now += data.draw(st.sampled_from([timedelta(0), HOUR, DAY, 40 * DAY]))
            run = schedule.next_run(last, now, Bounds(start=start, catchup=catchup))
            assert run is not None
            assert run.logical_date == run.interval_start
            assert start <= run.interval_start < run.interval_end <= run.run_after
            if last is not None:
                assert run.interval_start > last.start
                assert run.interval_start >= last.end
                if catchup or run.interval_end > now:
                    assert run.interval_start == last.end or run.interval_start <= now
                if catchup:
                    assert run.interval_start == last.end
            if not catchup and run.run_after <= now:
                following = schedule.next_run(run.interval, now, Bounds(start=start, catchup=catchup))
                assert following is not None
                assert following.run_after > now, "only the latest complete interval is made up for"
            last = run.interval
            now = max(now, run.run_after)


@given(schedules, anytime, anytime)
@settings(max_examples=100, deadline=None)
@example(CronSchedule("30 2 * * *", "Europe/Berlin"), at("2024-03-31 01:00"), at("2024-10-27 00:30"))
def test_asking_twice_gives_the_same_answer_and_the_end_date_holds(
    schedule: Schedule, start: datetime, end: datetime
) -> None:
    assume(start < end)
    runs = chain(schedule, 5, start=start, end=end)
    assert runs == chain(schedule, 5, start=start, end=end)
    assert all(run.logical_date <= end for run in runs)
    if len(runs) < 5 and runs:
        assert schedule.next_run(runs[-1].interval, NOW, Bounds(start=start, catchup=True)).logical_date > end


def test_every_preset_is_a_cron_expression_that_fires() -> None:
    for preset in PRESETS:
        assert plan(parse_schedule(preset, "UTC", "sales")) is not None
