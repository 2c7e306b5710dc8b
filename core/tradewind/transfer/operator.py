"""`Transfer`: moves the rows of any source into any sink."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tradewind.errors import DagError
from tradewind.operator import BaseOperator
from tradewind.transfer.contract import Sink, Source
from tradewind.transfer.move import Move


class Transfer(BaseOperator):
    """Moves all rows of a source into a sink, in one piece: if anything fails, the target stays as it was.

        Transfer(task_id="load", source=LocalFile("orders.csv"), sink=SqliteTable("orders", mode="replace"))

    - `source`, `sink`: endpoints. Their own template fields are rendered.
    - `columns`: what is moved: a list of names, or a dict of names in the source to names in the sink. By default all
      columns, and both sides must have the same names; the order does not matter.
    - `progress`: seconds between two lines in the log.

    Its XCom is a dict: `rows`, `bytes` (of the text that was passed on; None where rows were), `seconds`, `checksum`
    (`sha256:...` of that text, or None). The task fails if the target took another number of rows than were read.
    When it is stopped, what both sides do on their servers is stopped as well.
    """

    template_fields: Sequence[str] = ("source", "sink", "columns")
    template_ext: Sequence[str] = (".sql",)
    ui_color = "#d5e8d4"

    def __init__(
        self,
        *,
        source: Source,
        sink: Sink,
        columns: Mapping[str, str] | Sequence[str] | None = None,
        progress: float = 10.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(source, Source):
            raise DagError(f"Task {self.task_id!r}: a {type(source).__name__} is no source that rows can be read from.")
        if not isinstance(sink, Sink):
            raise DagError(f"Task {self.task_id!r}: a {type(sink).__name__} is no sink that rows can be written to.")
        if not progress > 0:
            raise DagError(f"Task {self.task_id!r}: progress={progress!r} must be a number of seconds above 0.")
        sink.check_sink()
        self.source = source
        self.sink = sink
        self.columns = columns
        self.progress = progress
        self._move: Move | None = None

    def execute(self, context: Any) -> dict[str, Any]:
        self.log.info("From %s to %s", self.source, self.sink)
        self._move = Move(
            self.source,
            self.sink,
            self.columns,
            title=f"Task {self.task_id!r}",
            log=self.log,
            progress=self.progress,
        )
        done = self._move.run()
        self._move = None
        self.log.info("Moved %s rows in %.1f s", f"{done.rows:,}", done.seconds)
        return {"rows": done.rows, "bytes": done.bytes, "seconds": done.seconds, "checksum": done.checksum}

    def on_kill(self) -> None:
        """Stop both sides."""
        move = self._move
        if move is not None:
            move.cancel()
