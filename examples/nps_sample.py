"""Made-up data for the pipeline in nps_pipeline.py: what a survey tool would have written, and a manager entered.

Everything follows from the day, so that whoever makes it again makes the same: 200,000 answers a week. They have the
defects of real ones: some are delivered twice (the second time perhaps corrected), some have no score or no customer.
"""

from __future__ import annotations

import datetime
import random
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tradewind_aws import S3Hook
    from tradewind_gsheet import GSheetsHook
    from tradewind_mysql import MySqlHook
    from tradewind_slack import SlackHook

FIRST_DAY = datetime.date(2025, 11, 3)
DAYS = 7
ANSWERS_A_WEEK = 200_000

#: The day of which most answers come late: so many of a hundred are there in time.
LATE_DAY = FIRST_DAY + datetime.timedelta(days=3)
IN_TIME = 20

#: Channel -> how often it is used, and chances of a promoter, a passive and a detractor.
CHANNELS = {
    "e-mail": (0.52, (0.46, 0.31, 0.23)),
    "app": (0.31, (0.58, 0.25, 0.17)),
    "telephone": (0.17, (0.37, 0.30, 0.33)),
}
#: How much likelier than usual a detractor is, from Monday on: on Thursdays the vans stand still.
_TROUBLE = (1.0, 1.15, 0.9, 1.9, 1.3, 0.8, 0.7)
_SCORES = {"promoter": (9, 10), "passive": (7, 8), "detractor": range(7)}
_COMMENTS = (
    "",
    "",
    "",
    "Great service",
    "Sehr gut!",
    "送料が高い",
    "slow, but friendly",
    'They said "tomorrow"',
    "très bien",
)

BUCKET = "surveys"
TARGET_SHEET = "NPS targets"
SUMMARY_SHEET = "NPS by day"
CHANNEL = "#nps"

#: The manager's targets: from this day on, this NPS.
TARGETS = ((FIRST_DAY, 22), (FIRST_DAY + datetime.timedelta(days=4), 26))


class Answer(NamedTuple):
    """A row of the table `survey_scores`."""

    response_id: int
    customer: str | None
    channel: str
    score: int | None  #: 0 to 10; None: the question was left blank
    comment: str
    answered_at: datetime.datetime
    received_at: datetime.datetime


def days() -> list[datetime.date]:
    return [FIRST_DAY + datetime.timedelta(days=number) for number in range(DAYS)]


def answers(day: datetime.date) -> list[Answer]:
    """All rows of one day, in the order in which they were received."""
    size = ANSWERS_A_WEEK // 7 + (day.weekday() < ANSWERS_A_WEEK % 7)
    chance = random.Random(day.toordinal())
    midnight = datetime.datetime.combine(day, datetime.time())
    moments = sorted(chance.randrange(24 * 3600) for _ in range(size))
    made: list[Answer] = []
    for place, second in enumerate(moments):
        if made and chance.random() < 0.03:
            made.append(_again(chance.choice(made[-500:]), midnight + datetime.timedelta(seconds=second), chance))
        else:
            made.append(
                _answer(day.toordinal() * 100_000 + place, midnight + datetime.timedelta(seconds=second), chance)
            )
    return made


def late(answer: Answer) -> bool:
    """Whether it comes only after the pipeline has run for its day."""
    return answer.answered_at.date() == LATE_DAY and answer.response_id % 100 >= IN_TIME


def _answer(response_id: int, at: datetime.datetime, chance: random.Random) -> Answer:
    channel = chance.choices(list(CHANNELS), [part for part, _ in CHANNELS.values()])[0]
    promoter, passive, detractor = CHANNELS[channel][1]
    mood = chance.choices(list(_SCORES), (promoter, passive, detractor * _TROUBLE[at.weekday()]))[0]
    score = None if chance.random() < 0.04 else chance.choice(_SCORES[mood])
    customer = None if chance.random() < 0.01 else f"C{chance.randrange(60_000):05}"
    return Answer(response_id, customer, channel, score, chance.choice(_COMMENTS), at, at)


def _again(answer: Answer, at: datetime.datetime, chance: random.Random) -> Answer:
    """The same answer once more; sometimes its author has thought better of it."""
    score = chance.randrange(11) if chance.random() < 0.2 else answer.score
    return answer._replace(score=score, received_at=at)


def fill(day: datetime.date, survey: MySqlHook, sheets: GSheetsHook, lake: S3Hook, chat: SlackHook) -> None:
    """Make what is not there: bucket, sheets, channel, table, and the answers of a day but for the late ones."""
    if not lake.check_for_bucket(BUCKET):
        lake.create_bucket(BUCKET)
    known = {one["name"] for one in sheets.client().list_spreadsheet_files()}
    for title, tab in ((TARGET_SHEET, "Targets"), (SUMMARY_SHEET, "Summary")):
        if title not in known:
            sheets.create_spreadsheet({"properties": {"title": title}, "sheets": [{"properties": {"title": tab}}]})
    if TARGET_SHEET not in known:
        rows = [(day.isoformat(), target) for day, target in TARGETS]
        sheets.replace_rows(TARGET_SHEET, "Targets", rows, columns=["valid_from", "target"])
    if CHANNEL.removeprefix("#") not in {channel["name"] for channel in chat.call("conversations.list")["channels"]}:
        chat.call("conversations.create", json={"name": CHANNEL.removeprefix("#")})
    survey.run(_TABLE)
    tomorrow = day + datetime.timedelta(days=1)
    there = "SELECT 1 FROM survey_scores WHERE answered_at >= %s AND answered_at < %s LIMIT 1"
    if not survey.get_first(there, parameters=(day, tomorrow)):
        rows = [answer for answer in answers(day) if not late(answer)]
        survey.insert_rows("survey_scores", rows, target_fields=Answer._fields, commit_every=0)


def deliver_late(survey: MySqlHook) -> int:
    """The late answers arrive. Returns how many."""
    rows = [answer for answer in answers(LATE_DAY) if late(answer)]
    survey.insert_rows("survey_scores", rows, target_fields=Answer._fields, commit_every=0)
    return len(rows)


_TABLE = """
CREATE TABLE IF NOT EXISTS survey_scores (
    delivery BIGINT AUTO_INCREMENT PRIMARY KEY,
    response_id BIGINT NOT NULL,
    customer VARCHAR(20),
    channel VARCHAR(20) NOT NULL,
    score TINYINT,
    comment VARCHAR(200) NOT NULL,
    answered_at DATETIME NOT NULL,
    received_at DATETIME NOT NULL,
    KEY by_day (answered_at)
)
"""
