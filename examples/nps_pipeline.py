"""What customers think, day by day: from a survey tool's table and a manager's sheet to a summary that everybody sees.

    Google Sheet of targets ──────────────────────────────┐
    MySQL table of answers ─→ S3, a file a day ─→ PostgreSQL ─→ summary by day ─→ Google Sheet, Slack

The NPS (net promoter score) of a day is the share of customers who give 9 or 10, less the share of those who give 0 to
6, in points from -100 to 100.

Every step may be repeated: a day's file is replaced, its answers are upserted by their id, summary and sheet are made
anew, and a run has one thread in Slack, whose messages are edited. `make demo` runs a week of it on sandboxes, and
`tradewind run --sandbox examples/nps_pipeline.py` yesterday. With the connections `survey` (MySQL), `sheets` (Google),
`lake` (S3), `warehouse` (PostgreSQL) and `chat` (Slack), and without the task `sample_data`, it is one to start from.
"""

from __future__ import annotations

import datetime

import nps_sample

from tradewind import DAG, Param, task
from tradewind.transfer import Transfer
from tradewind_aws import S3Hook, S3Object
from tradewind_gsheet import GSheetsHook, Sheet
from tradewind_mysql import MySqlHook, MySqlQuery
from tradewind_postgres import PostgresHook, PostgresQuery, PostgresTable
from tradewind_slack import SlackHook, SlackNotifier, SlackRunThreadOperator
from tradewind_sql import SQLColumnCheckOperator, SQLExecuteQueryOperator, SQLTableCheckOperator

FILE = S3Object("s3://surveys/answers/day={{ data_interval_start | ds }}/answers.csv.gz", conn_id="lake")

OF_THE_DAY = "answered_at >= '{{ data_interval_start | ds }}' AND answered_at < '{{ data_interval_end | ds }}'"

#: Of an answer that was delivered twice the last delivery is the one that counts.
ANSWERS = f"""
    SELECT response_id, customer, channel, score, comment, answered_at, received_at
    FROM survey_scores WHERE {OF_THE_DAY} ORDER BY delivery
"""

#: One message for each run in the channel: how it stands, what failed and why, and how to run that again.
alert = SlackNotifier(slack_conn_id="chat", channel="#nps", tell_success=True)

with DAG(
    "nps",
    description="Survey answers to a summary by day, in a sheet and in Slack",
    schedule="@daily",
    start_date=datetime.datetime(2025, 11, 3, tzinfo=datetime.UTC),
    end_date=datetime.datetime(2025, 11, 9, tzinfo=datetime.UTC),
    catchup=True,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args={"on_failure_callback": alert},
    on_failure_callback=alert,
    on_success_callback=alert,
    params={"least_answers": Param(20_000, type="integer", minimum=1, description="a day with fewer is not complete")},
) as dag:

    @task
    def sample_data(data_interval_start: datetime.datetime) -> None:
        """Make up what is not there of the outside world: the day's answers, the targets, the bucket, the sheets."""
        day = data_interval_start.date()
        nps_sample.fill(day, MySqlHook("survey"), GSheetsHook("sheets"), S3Hook("lake"), SlackHook("chat"))

    tables = SQLExecuteQueryOperator(task_id="tables", conn_id="warehouse", sql="sql/nps_tables.sql")

    targets = Transfer(
        task_id="targets",
        source=Sheet(
            "NPS targets", "Targets", conn_id="sheets", types={"valid_from": "date", "target": "decimal(5,1)"}
        ),
        sink=PostgresTable("nps.targets", conn_id="warehouse", mode="replace"),
    )
    land = Transfer(task_id="land", source=MySqlQuery(ANSWERS, conn_id="survey"), sink=FILE)
    stage = Transfer(
        task_id="stage",
        source=FILE,
        sink=PostgresTable("nps.answers", conn_id="warehouse", mode="upsert", keys=["response_id"]),
    )
    enough = SQLTableCheckOperator(
        task_id="enough",
        conn_id="warehouse",
        table="nps.answers",
        partition_clause=OF_THE_DAY,
        checks={"enough_answers": {"check_statement": "count(*) >= {{ params.least_answers }}"}},
    )
    summarise = Transfer(
        task_id="summarise",
        source=PostgresQuery("sql/nps_by_day.sql", conn_id="warehouse"),
        sink=PostgresTable("nps.by_day", conn_id="warehouse", mode="replace"),
    )
    ranges = SQLColumnCheckOperator(
        task_id="ranges",
        conn_id="warehouse",
        table="nps.by_day",
        column_mapping={
            "day": {"unique_check": {"equal_to": 0}},
            "nps": {"min": {"geq_to": -100}, "max": {"leq_to": 100}, "null_check": {"equal_to": 0}},
        },
    )
    adds_up = SQLTableCheckOperator(
        task_id="adds_up",
        conn_id="warehouse",
        table="nps.by_day",
        checks={"adds_up": {"check_statement": "promoters + passives + detractors = answers"}},
    )
    publish = Transfer(
        task_id="publish",
        source=PostgresQuery("SELECT * FROM nps.by_day ORDER BY day", conn_id="warehouse"),
        sink=Sheet("NPS by day", "Summary", conn_id="sheets", mode="replace", format_header=True),
    )

    @task
    def headline(data_interval_start: datetime.datetime) -> str:
        """What there is to say of the day."""
        sql = "SELECT nps, answers, target, reached FROM nps.by_day WHERE day = %s"
        nps, answers, target, reached = PostgresHook("warehouse").get_first(
            sql, parameters=(data_interval_start.date(),)
        )
        verdict = "reached" if reached else "*missed*"
        day = f"{data_interval_start:%A, %-d %B}"
        return f"NPS of {day}: *{nps}* from {answers:,} answers; the target {target} is {verdict}."

    announce = SlackRunThreadOperator(task_id="announce", notifier=alert, text="{{ ti.xcom_pull('headline') }}")

    sample_data() >> [targets, land]
    tables >> [targets, stage]
    land >> stage >> enough
    [targets, enough] >> summarise >> [ranges, adds_up] >> publish >> headline() >> announce
