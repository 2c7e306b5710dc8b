"""The result of a query in Slack: as a table in a message, or as a file."""

from __future__ import annotations

import tempfile
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tradewind.connection import Connection
from tradewind.errors import DagError, TaskSkipped, TradewindError
from tradewind.operator import BaseOperator
from tradewind.template import Renderer
from tradewind_slack.hook import SlackHook
from tradewind_slack.operators import check_text, refuse_ignored
from tradewind_slack.row_files import Counted, Write, writer_for
from tradewind_slack.tables import Table
from tradewind_slack.webhook import SlackWebhookHook

#: Rows of a result that a message can refer to.
MOST_ROWS = 1_000

_BATCH = 2_000


class _SqlToSlack(BaseOperator):
    """What the operators share: the query."""

    template_fields: Sequence[str] = ("sql", "sql_conn_id", "parameters")
    template_ext: Sequence[str] = (".sql", ".jinja", ".j2")
    template_fields_renderers = {"sql": "sql"}  # noqa: RUF012 - as BaseOperator declares it
    ui_color = "#e8d7f1"

    def __init__(
        self,
        *,
        sql: str,
        sql_conn_id: str,
        sql_hook_params: Mapping[str, Any] | None = None,
        parameters: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sql = sql
        self.sql_conn_id = sql_conn_id
        self.sql_hook_params = sql_hook_params
        self.parameters = parameters

    def ask(self, handler: Callable[[Any], Any]) -> Any:
        """What `handler` makes of the cursor of the query."""
        hook = Connection.get(self.sql_conn_id).get_hook(hook_params=self.sql_hook_params)
        if not callable(getattr(hook, "run", None)):
            raise DagError(
                f"Task {self.task_id!r}: the connection {self.sql_conn_id!r} is no database: its {type(hook).__name__} "
                "runs no SQL."
            )
        return hook.run(self.sql, parameters=self.parameters, handler=handler)

    def columns_of(self, cursor: Any) -> list[str]:
        if not cursor.description:
            raise TradewindError(f"Task {self.task_id!r}: its sql returns no rows; the last statement must be a query.")
        return [str(column[0]) for column in cursor.description]

    def table(self) -> Table:
        """The result, up to MOST_ROWS rows."""

        def read(cursor: Any) -> Table:
            columns = self.columns_of(cursor)
            rows = [tuple(row) for row in cursor.fetchmany(MOST_ROWS + 1)]
            return Table(columns, rows[:MOST_ROWS], more=len(rows) > MOST_ROWS)

        found: Table = self.ask(read)
        return found

    def message(self, text: str, name: str, table: Table, context: Any) -> str:
        """`text` with the result in it, under `name`. Raises TradewindError if nothing remains."""
        renderer = Renderer(ChainMap({name: table}, context), task=self)
        renderer.engine.environment.filters["tabulate"] = _tabulate
        rendered = str(renderer.render(text, "slack_message"))
        check_text(self.task_id, "slack_message", rendered)
        return rendered


def _tabulate(table: Table, *_: Any, **__: Any) -> str:
    """The filter that Airflow's messages use; a table looks one way here, whatever format is asked for."""
    return str(table)


class SqlToSlackWebhookOperator(_SqlToSlack):
    """Posts the result of a query through an incoming webhook.

        SqlToSlackWebhookOperator(
            task_id="tell", sql="select day, rows from loads", sql_conn_id="warehouse",
            slack_webhook_conn_id="alerts", slack_message="Loaded until {{ ds }}:\\n{{ results_df }}",
        )

    `slack_message`, or the template file (`.jinja`, `.j2`) that it names, is rendered with the result as `results_df`
    (or as `results_df_name` says): a table in a code block, cut to what a message can hold. `{{ results_df.records }}`
    are mappings, `{{ results_df | length }}` is the number of rows, of which there are at most 1,000. `slack_channel`
    is refused: a webhook has one channel.
    """

    template_fields: Sequence[str] = (*_SqlToSlack.template_fields, "slack_webhook_conn_id")

    def __init__(
        self,
        *,
        slack_message: str,
        slack_webhook_conn_id: str = SlackWebhookHook.default_conn_name,
        results_df_name: str = "results_df",
        slack_channel: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        refuse_ignored(self.task_id, {"channel": slack_channel})
        self.slack_message = slack_message
        self.slack_webhook_conn_id = slack_webhook_conn_id
        self.results_df_name = results_df_name

    def execute(self, context: Any) -> None:
        text = self.message(self.slack_message, self.results_df_name, self.table(), context)
        SlackWebhookHook(self.slack_webhook_conn_id).send(text=text)


class SqlToSlackOperator(_SqlToSlack):
    """Posts the result of a query to a channel; see `SqlToSlackWebhookOperator` for `slack_message`.

    Its XCom is that of `SlackAPIPostOperator`. `thread_ts`: post into the thread of this message.
    """

    template_fields: Sequence[str] = (*_SqlToSlack.template_fields, "slack_conn_id", "slack_channel", "thread_ts")

    def __init__(
        self,
        *,
        slack_channel: str,
        slack_message: str = "{{ results_df }}",
        slack_conn_id: str = SlackHook.default_conn_name,
        results_df_name: str = "results_df",
        thread_ts: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.slack_channel = slack_channel
        self.slack_message = slack_message
        self.slack_conn_id = slack_conn_id
        self.results_df_name = results_df_name
        self.thread_ts = thread_ts

    def execute(self, context: Any) -> Any:
        text = self.message(self.slack_message, self.results_df_name, self.table(), context)
        message = {"channel": self.slack_channel, "text": text, "thread_ts": self.thread_ts}
        posted = SlackHook(self.slack_conn_id).call(
            "chat.postMessage", json={name: value for name, value in message.items() if value is not None}
        )
        return {"channel": posted["channel"], "ts": posted["ts"]}


class SqlToSlackApiFileOperator(_SqlToSlack):
    """Sends the result of a query as a file: `.csv`, `.json`, `.jsonl`, or `.xlsx` (`tradewind-slack[xlsx]`).

    The rows are written one by one, so their number does not matter. Its XCom is the number of rows.

    - `slack_filename`: name of the file; its suffix is the format.
    - `slack_channels`: names or ids, a list or text with commas.
    - `action_on_empty_df`: without any rows `send` the file with the columns' names alone, `skip` the task, or `error`.
    """

    template_fields: Sequence[str] = (
        *_SqlToSlack.template_fields,
        *("slack_conn_id", "slack_channels", "slack_filename", "slack_initial_comment", "slack_title"),
    )

    def __init__(
        self,
        *,
        slack_filename: str,
        slack_conn_id: str = SlackHook.default_conn_name,
        slack_channels: str | Sequence[str] | None = None,
        slack_initial_comment: str | None = None,
        slack_title: str | None = None,
        slack_base_url: str | None = None,
        action_on_empty_df: str = "send",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if action_on_empty_df not in ("send", "skip", "error"):
            raise DagError(
                f"Task {self.task_id!r}: action_on_empty_df={action_on_empty_df!r} must be 'send', 'skip' or 'error'."
            )
        self.slack_filename = slack_filename
        self.slack_conn_id = slack_conn_id
        self.slack_channels = slack_channels
        self.slack_initial_comment = slack_initial_comment
        self.slack_title = slack_title
        self.slack_base_url = slack_base_url
        self.action_on_empty_df = action_on_empty_df

    def execute(self, context: Any) -> int:
        write = writer_for(self.slack_filename)
        with tempfile.TemporaryDirectory(prefix="tradewind-slack-") as folder:
            path = Path(folder) / "rows"
            count = self._write(write, path)
            if not count:
                self._check_empty()
            self.log.info("Sending %s rows as %s", f"{count:,}", self.slack_filename)
            SlackHook(self.slack_conn_id, self.slack_base_url).send_file_v1_to_v2(
                channels=self.slack_channels,
                file=path,
                filename=self.slack_filename,
                initial_comment=self.slack_initial_comment,
                title=self.slack_title,
            )
        return count

    def _write(self, write: Write, path: Path) -> int:
        def read(cursor: Any) -> int:
            rows = Counted(_rows(cursor))
            write(path, self.columns_of(cursor), rows)
            return rows.count

        return int(self.ask(read))

    def _check_empty(self) -> None:
        if self.action_on_empty_df == "skip":
            raise TaskSkipped(f"Task {self.task_id!r}: the query returned no rows, so nothing is sent.")
        if self.action_on_empty_df == "error":
            raise TradewindError(f"Task {self.task_id!r}: the query returned no rows.")


def _rows(cursor: Any) -> Iterator[Sequence[Any]]:
    while batch := cursor.fetchmany(_BATCH):
        yield from batch
