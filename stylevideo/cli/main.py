"""The command line: results on stdout, messages on stderr, exit codes.

Exit codes: 0 done; 1 failed on the way, or some clips of a batch did; 2 wrong usage, settings or input; 130 stopped
by Ctrl-C. Only this module, `commands`, `running` and `progress` print, all through
`stylevideo.system.streams`, and only this one configures logging or exits.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from stylevideo.cli.commands import COMMANDS
from stylevideo.cli.parser import build_parser
from stylevideo.errors import InputError, Stopped, StyleVideoError
from stylevideo.planning.jobfile import CONFIG_VARIABLE, NO_FILE
from stylevideo.settings.sections import WEIGHTS_WORDS
from stylevideo.settings.settings import leaves
from stylevideo.system.loading import load_at_once, require_memory_to_load
from stylevideo.system.log_file import open_log
from stylevideo.system.memory import TOO_LITTLE, lacks_memory
from stylevideo.system.places import leave_folder_that_is_gone, look_in_absolute_folders
from stylevideo.system.streams import GuardedStream, bar_stream, guarded_streams, print_traceback
from stylevideo.text import printable, printable_message

LOADING = {
    "evaluate": "stylevideo.quality.evaluate",
    "verify": "stylevideo.quality.verify",
    "probe": "stylevideo.media.decode.reader",
    "shots": "stylevideo.media.decode.shots",
}
"""Commands that load large libraries, and the module by which they do; `run` does where there is something to make."""
SETTINGS_OF_FILES = tuple(leaf.name for leaf in leaves() if leaf.no_files is not None)
TEXTS_OF_FILES = ("clips", "style", "config", "log_file", *SETTINGS_OF_FILES)
"""Arguments that name files, though they are no paths: they may be patterns, or have more in them."""
DONE, FAILED = 0, StyleVideoError.exit_code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: without the program's name; those of the process if not given.
    Returns:
        The exit code.
    """
    look_in_absolute_folders()
    with guarded_streams() as output:
        try:
            options = build_parser().parse_args(arguments)
        except SystemExit:  # of help, the version, and wrong usage
            if _could_not_print(output):
                raise SystemExit(FAILED) from None
            raise
        code = _carry_out(options)
        is_lost = _could_not_print(output)
        return FAILED if is_lost and code == DONE and options.command != "run" else code  # whose results are films


def _carry_out(options: argparse.Namespace) -> int:
    """Do what a command line says; what goes wrong becomes a sentence and an exit code."""
    runs = options.command == "run"
    try:
        leave_folder_that_is_gone(_files_named(options))
        _configure_logging(options)
        if options.command in LOADING:
            require_memory_to_load(LOADING[options.command])
            load_at_once(LOADING[options.command])
        return COMMANDS[options.command](options) or DONE
    except (KeyboardInterrupt, Stopped):
        kept = " The finished frames are kept: run the same command again to go on." if runs else ""
        _say(f"Stopped.{kept}")
        return Stopped.exit_code
    except StyleVideoError as error:
        if options.debug:
            sys.excepthook = print_traceback
            raise
        _say(f"stylevideo: {error}")
        return error.exit_code
    except Exception as error:
        if options.debug:
            sys.excepthook = print_traceback
            raise
        if lacks_memory(error):
            _say(f"stylevideo: {TOO_LITTLE}")
            return FAILED
        notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
        kept = " The finished frames are kept." if runs else ""
        _say(
            f"stylevideo: unexpected {type(error).__name__}: {error}{notes}.{kept} "
            "Run again with --debug and report what it shows."
        )
        return FAILED


def _files_named(options: argparse.Namespace) -> Iterator[str]:
    """The files that a command line names, and those that the environment does where no command line can."""
    if getattr(options, "config", None) is None:
        yield from (word for word in [os.environ.get(CONFIG_VARIABLE, "")] if word not in NO_FILE)
    config, program = (os.environ.get(name, "") for name in ("OCIO", "IMAGEIO_FFMPEG_EXE"))
    yield from [config] if config and "://" not in config else []
    yield from [program] if Path(program).name != program else []  # else it is looked for in PATH
    for name, value in vars(options).items():
        for word in value if isinstance(value, list | tuple) else (value,):
            if isinstance(word, Path) or (name in TEXTS_OF_FILES and word not in (None, *NO_FILE, *WEIGHTS_WORDS)):
                yield str(word)


def _say(message: str) -> None:
    sys.stderr.write(f"{printable_message(message)}\n")


def _could_not_print(output: GuardedStream) -> bool:
    """Whether results were lost, which is said then; who closes a pipe early has read what it wanted."""
    output.flush()
    if output.failure is None or isinstance(output.failure, BrokenPipeError):
        return False
    why = getattr(output.failure, "strerror", None) or output.failure
    _say(f"stylevideo: standard output cannot be written ({why}): what should stand there is lost.")
    return True


def _configure_logging(options: argparse.Namespace) -> None:
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
        from tqdm import tqdm

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
        _say(f"The log {self.baseFilename} cannot be written any more ({error.strerror}); the work goes on without it.")


def _log_file(name: str) -> logging.Handler:
    from stylevideo.media.encode.delivery import CONTAINERS
    from stylevideo.media.hidden import is_hidden_name
    from stylevideo.media.pattern import CODECS

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
