"""Where messages go: to standard error, above the bars, and to the log file that was asked for."""

from __future__ import annotations

import argparse
import logging
import sys
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from tqdm import tqdm

from stylevideo.errors import InputError
from stylevideo.media.encode.delivery import CONTAINERS
from stylevideo.media.hidden import is_hidden_name
from stylevideo.media.pattern import CODECS
from stylevideo.system.log_file import open_log
from stylevideo.system.streams import bar_stream
from stylevideo.text import printable, printable_message


def configure_logging(options: argparse.Namespace) -> None:
    """Send what is logged where the command line says.

    Raises:
        InputError: a log file cannot be written, or has the name of something else.
    """
    level = logging.ERROR if options.quiet else logging.INFO if options.verbose else logging.WARNING
    if options.debug:
        level = logging.DEBUG
    console = _Console()
    console.setLevel(level)
    console.setFormatter(_Line())
    console.addFilter(lambda record: not getattr(record, "shown", False))
    handlers: list[logging.Handler] = [console]
    if options.log_file:
        handlers.append(_log_file(options.log_file))
        level = min(level, logging.INFO)
    logging.basicConfig(level=level, format="%(message)s", handlers=handlers, force=True)


class _Console(logging.Handler):
    """Standard error, above the bars that there may be."""

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):  # nobody may be listening any more
            tqdm.write(self.format(record), file=bar_stream())


class _Line(logging.Formatter):
    """A record with foreign text in it as a line of a log, and its traceback below."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return printable_message(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:
        return printable(super().formatException(ei), "\n")


class _LogFile(logging.FileHandler):
    """A log that is given up, with a sentence, when it cannot be written: its disk may be full."""

    def _open(self) -> TextIOWrapper:
        return open_log(Path(self.baseFilename))

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exception()
        if not isinstance(error, OSError):
            super().handleError(record)
            return
        logging.getLogger().removeHandler(self)
        say_error(
            f"The log {self.baseFilename} cannot be written any more ({error.strerror}); the work goes on without it."
        )


def _log_file(name: str) -> logging.Handler:
    path, others = Path(name), {*CONTAINERS, *CODECS, ".json", ".toml", ".pth"}  # so that no output can be the log
    if is_hidden_name(path.absolute()):
        raise InputError(f"--log-file {name}: such hidden names are those of unfinished work. Choose another name.")
    if path.suffix.lower() in others:
        raise InputError(f"--log-file {name} is no name for a log. Give it one that ends in .log.")
    try:
        handler = _LogFile(name, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise InputError(f"--log-file {name} cannot be written ({error.strerror}). Choose another place.") from error
    handler.setFormatter(_Line("%(asctime)s %(levelname)s %(message)s"))
    return handler


def say_error(message: str) -> None:
    """A line on standard error, whatever is logged."""
    sys.stderr.write(f"{printable_message(message)}\n")
