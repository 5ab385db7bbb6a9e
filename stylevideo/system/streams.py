"""Standard input, output and error: missing, closed or full ones end no work, and foreign text is shown harmless.

What is printed while `guarded_streams` is entered passes through it, whoever prints it. Writes no words of its own.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, TextIO, cast

from stylevideo.text import printable

_NAMES = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))
"""Python's names of the descriptors 0, 1 and 2, and how they are opened."""


class GuardedStream:
    """A text stream that shows control characters as escapes, and is given up when it fails.

    Args:
        stream: to write to.
        keep: control characters that pass as they are.
    Attributes:
        failure: why nothing more is written; None while all is well.
        for_bars: the same stream for those who move the cursor, and make foreign text harmless themselves.
    """

    def __init__(self, stream: TextIO, keep: str = "\n\t") -> None:
        self._stream, self._keep = stream, keep
        self.failure: Exception | None = None
        self.for_bars = self if "\r" in keep else GuardedStream(stream, keep + "\r\x1b")

    def write(self, text: str) -> int:
        """Write, or do nothing where nothing can be written any more."""
        if self.failure is None:
            try:
                self._stream.write(printable(text, self._keep))
            except (OSError, ValueError) as error:  # ValueError: somebody has closed it
                self._give_up(error)
        return len(text)

    def flush(self) -> None:
        """Write what is waiting, likewise."""
        if self.failure is None:
            try:
                self._stream.flush()
            except (OSError, ValueError) as error:
                self._give_up(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _give_up(self, error: Exception) -> None:
        """Send what it still holds nowhere: at the interpreter's end it would fail once more, and change the status."""
        self.failure = error
        with suppress(OSError, ValueError):
            _connect_to_nothing(self._stream.fileno())


@contextmanager
def guarded_streams() -> Iterator[GuardedStream]:
    """Guard everything that is printed inside; yields standard output.

    A stream that is missing becomes one that leads nowhere, so that no file of ours gets its number.
    """
    _open_missing()
    _print_any_name(sys.stdout)
    before = sys.stdout, sys.stderr
    output, errors = GuardedStream(sys.stdout), GuardedStream(sys.stderr)
    sys.stdout, sys.stderr = cast(TextIO, output), cast(TextIO, errors)
    try:
        yield output
    finally:
        output.flush()
        errors.flush()
        sys.stdout, sys.stderr = before


def bar_stream() -> TextIO:
    """Standard error for bars, whose control characters pass."""
    return cast(TextIO, getattr(sys.stderr, "for_bars", sys.stderr))


def print_line(text: object, stream: TextIO | None = None) -> None:
    """Print one line, whatever is in it; on standard output, where results go, if no stream is given."""
    (stream or sys.stdout).write(f"{printable(str(text))}\n")


def print_json(value: Any) -> None:
    """Print a result for programs, in ASCII."""
    sys.stdout.write(json.dumps(value, indent=1, default=str).replace("\x7f", "\\u007f") + "\n")


def print_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print a traceback as `sys.excepthook` does, harmless."""
    sys.stderr.write(printable("".join(traceback.format_exception(kind, error, trace)), "\n"))


def _open_missing() -> None:
    for descriptor, (name, mode) in enumerate(_NAMES):
        try:
            os.fstat(descriptor)
        except OSError:
            _connect_to_nothing(descriptor)
        if getattr(sys, name) is None:
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def _connect_to_nothing(descriptor: int) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    if nothing == descriptor:
        os.set_inheritable(descriptor, True)
    else:
        os.dup2(nothing, descriptor)
        os.close(nothing)


def _print_any_name(stream: TextIO) -> None:
    """A name that is not UTF-8 comes out as it is; one that the terminal has no letters for, with backslashes."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        is_unicode = stream.encoding.lower().replace("-", "") == "utf8"
        reconfigure(errors="surrogateescape" if is_unicode else "backslashreplace")
