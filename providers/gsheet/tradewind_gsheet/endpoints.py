"""`Sheet`: a table in a tab of a Google Sheets spreadsheet, as an end of a transfer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

from tradewind.errors import DagError
from tradewind.hook import BaseHook
from tradewind.transfer import Reader, Sink, Source, Type, Writer
from tradewind_gsheet.errors import GSheetsError
from tradewind_gsheet.hook import GSheetsHook
from tradewind_gsheet.numbers import Numbers
from tradewind_gsheet.writing import How

_CHOICES = {
    "value_input_option": ("RAW", "USER_ENTERED"),
    "dates": ("text", "serial"),
    "errors": ("raise", "null", "text"),
}


@dataclass(frozen=True, repr=False)
class Sheet(Source, Sink):
    """A table in a tab: a header with the names of the columns, and rows below it.

        Sheet("https://docs.google.com/spreadsheets/d/1AbC.../edit", "Targets", conn_id="sheets", mode="replace")

    - `spreadsheet`: its URL, its key, or its title, which only one spreadsheet that the login sees may have.
    - `tab`: the tab's title, and where in it the table is: `Targets`, `Targets!B3`, `Targets!B3:F`. By default the tab
      that the URL leads to, else the first one.
    - `header`: the first row has the names. Without it columns are called as `types` says, else A, B, C.

    Of a source:

    - `types`: name -> type of columns, as `Type` writes them: `{"day": "date", "amount": "decimal(10,2)"}`. A column
      that is not named has the type that its cells have in the first part that is read (400,000 cells): bool, int,
      float or text; where they differ, whatever comes. A date that nobody names is the number that Google keeps.
    - `numbers`: how numbers are written that are kept as text, in columns that `types` says are numbers; see `Numbers`.
    - `errors`: what the cell of a formula that failed (`#REF!`) is: an error, `null`, or `text`.
    - Blank rows are left out, and so is what stands beside the header's columns.

    Of a sink:

    - `mode`. `replace`: the table has the rows of the source and no others. `upsert`: a row with the `keys` of an old
      one takes its place, of several in the source the last one counts, others are added. `append`: rows are added,
      after those of `partition` were deleted. Without a partition a task that is run again adds its rows again.
    - `keys`: columns that tell rows apart.
    - `partition`: column -> value (templates, such as `{"day": "{{ ds }}"}`). All rows must belong to it; a column that
      the source does not have gets the value.
    - `create`: make the tab if it is not there.
    - `value_input_option`: `RAW`: texts stay texts. `USER_ENTERED`: texts are taken as if a person typed them, so that
      `=A1` is a formula and `1/2` perhaps a date, by the spreadsheet's locale. Formulas cannot be upserted.
    - `dates`: `text`, as ISO 8601 writes them, or `serial`: real dates of the spreadsheet, with a format.
    - `format_header`: make a new header bold, and keep it in sight.

    Whatever the mode, the rows are written to a hidden tab first, and one request takes them over: if anything fails,
    the table is as it was. Formats, protections, filters and formulas that refer to the table stay.
    """

    template_fields: ClassVar[Sequence[str]] = ("spreadsheet", "tab", "conn_id", "keys", "partition")
    modes: ClassVar[tuple[str, ...]] = ("replace", "append", "upsert")
    conn_type: ClassVar[str] = GSheetsHook.conn_type

    spreadsheet: str
    tab: str | None = None
    _: KW_ONLY
    conn_id: str = GSheetsHook.default_conn_name
    mode: str | None = None
    keys: Sequence[str] = ()
    partition: Mapping[str, Any] | None = None
    header: bool = True
    create: bool = False
    value_input_option: str = "RAW"
    dates: str = "text"
    format_header: bool = False
    types: Mapping[str, str] | None = None
    numbers: Numbers | None = None
    errors: str = "raise"

    def __post_init__(self) -> None:
        if not self.conn_id:
            raise DagError("Sheet names no connection: pass conn_id=.")
        if not self.spreadsheet:
            raise DagError("Sheet names no spreadsheet: pass its URL, its key or its title.")
        if self.mode is not None and self.mode not in self.modes:
            raise DagError(f"{self!r}: mode={self.mode!r} must be one of {', '.join(self.modes)}.")
        if isinstance(self.keys, str) and not self.keys.startswith("{{"):
            raise DagError(f"{self!r}: keys= must be a list of columns: [{self.keys!r}].")
        if self.partition is not None and self.mode != "append":
            raise DagError(f"{self!r}: partition= says what mode='append' clears first, and has no other use.")
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise DagError(f"{self!r}: {name}={getattr(self, name)!r} must be one of {', '.join(choices)}.")
        self.column_types()

    def check_sink(self) -> None:
        if self.mode is None:
            raise DagError(f"{self!r} is written to, so it must say how: mode='replace', 'append' or 'upsert'.")
        if self.mode == "upsert" and not self.keys:
            raise DagError(f"{self!r}: mode='upsert' needs keys=, the columns that tell rows apart.")
        if not self.header and (self.mode == "upsert" or self.partition):
            raise DagError(f"{self!r}: without a header there are no names for keys= and partition=.")

    def column_types(self) -> dict[str, Type]:
        return {name: Type.parse(text) for name, text in (self.types or {}).items()}

    def get_hook(self) -> GSheetsHook:
        hook = BaseHook.get_hook(self.conn_id)
        if not isinstance(hook, GSheetsHook):
            raise GSheetsError(
                f"Sheet needs a connection for GSheetsHook; {self.conn_id!r} is one for {type(hook).__name__}."
            )
        return hook

    def how(self) -> How:
        return How(
            mode=self.mode or "replace",
            keys=self.keys,
            partition=self.partition,
            header=self.header,
            create=self.create,
            value_input_option=self.value_input_option,
            dates=self.dates,
            format_header=self.format_header,
        )

    def reader(self) -> Reader:
        from tradewind_gsheet.sheet_reader import SheetReader

        return SheetReader(self.get_hook(), self)

    def writer(self) -> Writer:
        from tradewind_gsheet.sheet_writer import SheetWriter

        return SheetWriter(self.get_hook(), self)
