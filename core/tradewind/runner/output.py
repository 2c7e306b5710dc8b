"""The log of one attempt: all that its process prints or logs, masked, line by line, as it happens.

Python's own streams and logging write to the file directly. What programs or C libraries write to the file
descriptors 1 and 2 comes through a pipe, so that it is masked as well, and so that a full disk stops nobody: a log
that cannot be written is a pity, and no reason for a task to fail.
"""

from __future__ import annotations

import codecs
import datetime
import io
import logging
import os
import select
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TextIO, cast

from tradewind.secrets import MaskingStream, redact

#: A line that does not end is written after so many characters.
LONGEST_LINE = 64 * 1024


def format_line(source: str, text: str) -> str:
    """One line of a log, of this moment. `source` is a level, or OUT and ERR for what was printed."""
    at = datetime.datetime.now(datetime.UTC)
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}Z {source:<7} {text}\n"


class LogFile:
    """Where an attempt logs to. Writing never raises: `trouble` says what could not be written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trouble = ""  #: why the log is not complete, in words; empty when it is
        self._lost = 0
        self._fd: int | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            self._note_loss(error, 0)

    def line(self, source: str, text: str) -> None:
        """Write one line, with the time."""
        self._write(format_line(source, text))

    def fileno(self) -> int:
        """Of the open file; -1 if it could not be opened."""
        return -1 if self._fd is None else self._fd

    def close(self) -> None:
        if self._fd is not None:
            with suppress(OSError):
                os.close(self._fd)
            self._fd = None

    def _write(self, text: str) -> None:
        data = text.encode("utf-8", "backslashreplace")
        if self._fd is None:
            self._lost += len(data)
            return
        try:
            if self._lost:
                os.write(self._fd, format_line("WARNING", f"(here {self._lost} bytes are missing)").encode())
                self._lost = 0
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError as error:
            self._note_loss(error, len(data))

    def _note_loss(self, error: OSError, size: int) -> None:
        self._lost += size
        self.trouble = f"its log is not complete: {error.strerror or error} ({self.path})"


class Lines(io.TextIOBase):
    """Takes masked text in pieces of any size, and writes whole lines to the log."""

    def __init__(self, log: LogFile, source: str, fd: int) -> None:
        self._log = log
        self._source = source
        self._fd = fd
        self._begun = ""

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        """What is written there arrives in the same log."""
        return self._fd

    def write(self, text: str) -> int:
        *lines, self._begun = split_lines(self._begun + text)
        for line in lines:
            self._log.line(self._source, line)
        return len(text)

    def finish(self) -> None:
        """Write the line that was not ended."""
        if self._begun:
            self._log.line(self._source, self._begun)
            self._begun = ""


def split_lines(text: str) -> list[str]:
    """Complete lines, and the rest as the last item. A progress bar's carriage return ends a line too."""
    text = text.replace("\r\n", "\n")
    parts = text.replace("\r", "\n").split("\n")
    rest = parts.pop()
    if "\r" in text:
        parts = [part for part in parts if part]
    while len(rest) > LONGEST_LINE:
        parts.append(rest[:LONGEST_LINE])
        rest = rest[LONGEST_LINE:]
    return [*parts, rest]


class LogHandler(logging.Handler):
    """Writes log records to the attempt's log."""

    def __init__(self, log: LogFile) -> None:
        super().__init__()
        self._log = log
        self.setFormatter(logging.Formatter())

    def emit(self, record: logging.LogRecord) -> None:
        try:
            name = "" if record.name.split(".")[0] in ("tradewind", "root") else f"{record.name}: "
            self._log.line(record.levelname, redact(name + self.format(record)))
        except Exception:
            self.handleError(record)


class Output:
    """Takes over what this process prints and logs; `close` gives nothing back, for the process ends then."""

    def __init__(self, log: LogFile, level: str) -> None:
        self.log = log
        self._lines = Lines(log, "OUT", 1), Lines(log, "ERR", 2)
        self._streams = tuple(MaskingStream(cast(TextIO, lines)) for lines in self._lines)
        self._pump = Pump(log)
        sys.stdout, sys.stderr = self._streams
        root = logging.getLogger()
        root.handlers[:] = [LogHandler(log)]
        known = logging.getLevelNamesMapping()
        root.setLevel(known.get(level.upper(), logging.INFO))
        if level.upper() not in known:
            root.warning("The setting log_level cannot be %r; INFO is used. There are: %s.", level, ", ".join(known))
        logging.captureWarnings(True)

    def close(self) -> None:
        for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
            with suppress(Exception):  # the task may have put anything there
                stream.flush()  # type: ignore[union-attr]
        for stream, lines in zip(self._streams, self._lines):
            stream.close()
            lines.finish()
        self._pump.close()


class Pump:
    """Carries what is written to the file descriptors 1 and 2 to the log, in a thread."""

    def __init__(self, log: LogFile) -> None:
        self._lines = Lines(log, "OUT", 1)
        self._stream = MaskingStream(cast(TextIO, self._lines))
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._out, write_end = os.pipe()
        self._stop, self._stop_end = os.pipe()
        os.set_blocking(self._out, False)
        for fd in (1, 2):
            os.dup2(write_end, fd)
        os.close(write_end)
        self._thread = threading.Thread(target=self._run, name="task-output", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Carry over what is there. Programs that still run in the background are not waited for."""
        nothing = os.open(os.devnull, os.O_WRONLY)
        for fd in (1, 2):
            os.dup2(nothing, fd)
        os.close(self._stop_end)
        self._thread.join()

    def _run(self) -> None:
        stopped = False
        while not stopped:
            ready, _, _ = select.select([self._out, self._stop], [], [])
            stopped = self._stop in ready
            if not self._read_all():
                break
        self._stream.close()
        self._lines.finish()

    def _read_all(self) -> bool:
        """Take what the pipe holds now; False at its end."""
        while True:
            try:
                data = os.read(self._out, 65536)
            except BlockingIOError:
                self._stream.flush()
                return True
            if not data:
                return False
            self._stream.write(self._decoder.decode(data))
