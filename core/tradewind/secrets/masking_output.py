"""Masks what a process writes: a logging filter, and a stream to put in place of stdout and stderr."""

from __future__ import annotations

import codecs
import io
import logging
import os
import threading
from typing import Any, TextIO

from tradewind.secrets.masking import known_forms, mask_text, pattern, redact

#: Text without a line end is written out from this size on.
BUFFER = 65_536  # characters

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
_plain = logging.Formatter()


class MaskingFilter(logging.Filter):
    """Masks every log record that passes: message, arguments, traceback and extra fields.

    Put it on handlers: a filter of a logger does not see the records of the loggers below it.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            record.msg = mask_text(record.getMessage())
            record.args = None
        except Exception:  # arguments that do not fit: logging says so itself, masked
            record.msg, record.args = redact(record.msg), redact(record.args)
        if record.exc_info and record.exc_info[1] is not None:
            record.exc_text = record.exc_text or _plain.formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = mask_text(record.exc_text)
        if record.stack_info:
            record.stack_info = mask_text(record.stack_info)
        for name in vars(record).keys() - _STANDARD:
            setattr(record, name, redact(getattr(record, name), name))
        return True


def install_masking_filter(logger: logging.Logger | None = None) -> MaskingFilter:
    """Put one MaskingFilter on each handler of `logger` (the root logger) that has none yet."""
    masking = MaskingFilter()
    for handler in (logger or logging.getLogger()).handlers:
        if not any(isinstance(known, MaskingFilter) for known in handler.filters):
            handler.addFilter(masking)
    return masking


class MaskingStream(io.TextIOBase):
    """A text stream that masks known secrets and writes to another one, line by line.

    A secret that arrives in several pieces is masked all the same: the start of what may become a secret is held back
    till the next write, also on `flush`. `buffer` takes bytes, as that of a real stream does.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._start_afresh()

    def _start_afresh(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._held = ""
        self._bytes: _MaskingBytes | None = None

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if os.getpid() != self._pid:  # forked: the lock may be held for ever, and the held text is the parent's
            self._start_afresh()
        with self._lock:
            self._held += text
            if "\n" in self._held or len(self._held) > BUFFER:
                self._write_certain(lines=len(self._held) <= BUFFER)
        return len(text)

    def flush(self) -> None:
        if os.getpid() != self._pid:
            self._start_afresh()
        with self._lock:
            self._write_certain(lines=False)
            if not self._stream.closed:
                self._stream.flush()

    def close(self) -> None:
        """Write out what is held and close this stream; the one below stays open."""
        if not self.closed and os.getpid() == self._pid and not self._stream.closed:
            with self._lock:
                self._stream.write(mask_text(self._held))
                self._held = ""
                self._stream.flush()
        super().close()

    def _write_certain(self, *, lines: bool) -> None:
        """Write the held text as far as no later text can change how it is masked; with `lines`, whole lines only."""
        cut = self._held.rindex("\n") + 1 if lines else len(self._held)
        cut = certain_length(self._held, cut)
        if cut:
            self._stream.write(mask_text(self._held[:cut]))
            self._held = self._held[cut:]

    @property
    def buffer(self) -> io.RawIOBase:
        """For those who write bytes."""
        if self._bytes is None:
            self._bytes = _MaskingBytes(self)
        return self._bytes

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self._stream, "encoding", None) or "utf-8"

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        return getattr(self._stream, "errors", None)

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def writable(self) -> bool:
        return True


class _MaskingBytes(io.RawIOBase):
    """The `buffer` of a MaskingStream."""

    def __init__(self, stream: MaskingStream) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def write(self, data: Any) -> int:
        taken = bytes(data)
        self._stream.write(self._decoder.decode(taken))
        return len(taken)

    def flush(self) -> None:
        if not self._stream.closed:
            self._stream.flush()

    def writable(self) -> bool:
        return True


def certain_length(text: str, cut: int) -> int:
    """The largest length up to `cut` at which `text` may be cut: not within a secret, nor within the start of one.

    A secret without a line end cannot go on behind one, so a cut at a line end is nearly always good as it is.
    """
    at_line_end = text[:cut].endswith("\n")
    forms = [form for form in known_forms() if not at_line_end or "\n" in form]
    firsts = {form[0] for form in forms}
    longest = max(map(len, forms), default=0)
    for start in range(max(0, len(text) - longest + 1), cut):
        tail = text[start:]
        if tail[0] in firsts and any(len(form) > len(tail) and form.startswith(tail) for form in forms):
            cut = start
            break
    found = pattern()
    if found is not None and cut < len(text):
        cut = min([cut, *(match.start() for match in found.finditer(text) if match.start() < cut < match.end())])
    return cut
