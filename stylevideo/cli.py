"""The command line: results on stdout, messages on stderr, exit codes.

Exit codes: 0 done; 1 failed on the way, or some clips of a batch did; 2 wrong usage, settings or input; 130
stopped by Ctrl-C. Only this module, `commands`, `running` and `progress` print, and only this one configures
logging or exits.
"""

from __future__ import annotations

import argparse
import io
import logging
import sys
from collections.abc import Sequence
from contextlib import suppress

from stylevideo.commands import COMMANDS
from stylevideo.errors import (
    DeviceError,
    InputError,
    ResumeError,
    SettingsError,
    Stopped,
    StyleVideoError,
)
from stylevideo.flags import build_parser

USAGE_ERRORS = (InputError, SettingsError, DeviceError, ResumeError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: without the program's name; those of the process if not given.
    Returns:
        The exit code.
    """
    options = build_parser().parse_args(arguments)
    _print_any_name()
    runs = options.command == "run"
    try:
        _configure_logging(options)
        return COMMANDS[options.command](options) or 0
    except (KeyboardInterrupt, Stopped):
        kept = " The finished frames are kept: run the same command again to go on." if runs else ""
        print(f"Stopped.{kept}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 1 if runs else 0
    except StyleVideoError as error:
        if options.debug:
            raise
        print(f"stylevideo: {error}", file=sys.stderr)
        return 2 if isinstance(error, USAGE_ERRORS) else 1
    except Exception as error:
        if options.debug:
            raise
        notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
        kept = " The finished frames are kept." if runs else ""
        print(
            f"stylevideo: unexpected {type(error).__name__}: {error}{notes}.{kept} "
            "Run again with --debug and report what it shows.",
            file=sys.stderr,
        )
        return 1


def _configure_logging(options: argparse.Namespace) -> None:
    level = logging.ERROR if options.quiet else logging.INFO if options.verbose else logging.WARNING
    if options.debug:
        level = logging.DEBUG
    console = _Console()
    console.setLevel(level)
    console.addFilter(lambda record: not getattr(record, "shown", False))
    handlers: list[logging.Handler] = [console]
    if options.log_file:
        handlers.append(_log_file(options.log_file))
        level = min(level, logging.INFO)
    logging.basicConfig(level=level, format="%(message)s", handlers=handlers, force=True)


class _Console(logging.Handler):
    """Standard error, above the bars that there may be."""

    def emit(self, record: logging.LogRecord) -> None:
        from tqdm import tqdm

        with suppress(OSError):  # nobody may be listening any more
            tqdm.write(self.format(record), file=sys.stderr)


def _log_file(name: str) -> logging.Handler:
    try:
        handler = logging.FileHandler(name, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise InputError(f"--log-file {name} cannot be written ({error.strerror}). Choose another place.") from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    return handler


def _print_any_name() -> None:
    """A name that is not UTF-8 comes out as it is; one that the terminal has no letters for, with backslashes."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        unicode = sys.stdout.encoding.lower().replace("-", "") == "utf8"
        sys.stdout.reconfigure(errors="surrogateescape" if unicode else "backslashreplace")
