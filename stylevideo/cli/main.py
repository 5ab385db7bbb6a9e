"""The command line: results on stdout, messages on stderr, exit codes.

Exit codes: 0 done; 1 failed on the way, or some clips of a batch did; 2 wrong usage, settings or input; 130 stopped
by Ctrl-C. Only this package prints, all through `stylevideo.system.streams`; only this module exits. Each
command has its parser and what it does in a module of its own.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from stylevideo.cli import cache, doctor, farm, init, inspect, measure, preview, run
from stylevideo.cli.log import configure_logging, say_error
from stylevideo.cli.parser import Parser
from stylevideo.errors import Stopped, StyleVideoError
from stylevideo.planning.jobfile import CONFIG_VARIABLE, NO_FILE
from stylevideo.settings.places import PAINTED
from stylevideo.settings.sections import WEIGHTS_WORDS
from stylevideo.settings.settings import leaves
from stylevideo.system.environment import leave_folder_that_is_gone, look_in_absolute_folders
from stylevideo.system.loading import load_at_once, require_memory_to_load
from stylevideo.system.memory import TOO_LITTLE, lacks_memory
from stylevideo.system.streams import GuardedStream, guarded_streams, print_traceback
from stylevideo.version import __version__

SETTINGS_OF_FILES = tuple(leaf.name for leaf in leaves() if leaf.no_files is not None)
TEXTS_OF_FILES = ("clips", "clip", "style", "config", "log_file", *SETTINGS_OF_FILES)
"""Arguments that name files, though they are no paths: they may be patterns, or have more in them."""
DONE, FAILED = 0, StyleVideoError.exit_code
MAKE_FILMS = ("run", "farm plan", "farm paint", "farm assemble")
"""Commands whose results are films, not what they print; what they have finished is kept."""


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
            options.words = sys.argv[1:] if arguments is None else list(arguments)
        except SystemExit:  # of help, the version, and wrong usage
            if _could_not_print(output):
                raise SystemExit(FAILED) from None
            raise
        code = _carry_out(options)
        is_lost = _could_not_print(output)
        return FAILED if is_lost and code == DONE and options.command not in MAKE_FILMS else code


def build_parser() -> Parser:
    """The parser of the whole command line."""
    parser = Parser(prog="stylevideo", description="Repaint footage in the style of pictures, with strokes that stick.")
    parser.add_argument("--version", action="version", version=f"stylevideo {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for module in (run, preview, farm, measure, inspect, init, doctor, cache):
        module.add_parsers(commands)
    return parser


def _carry_out(options: argparse.Namespace) -> int:
    """Do what a command line says; what goes wrong becomes a sentence and an exit code."""
    runs = options.command in MAKE_FILMS
    try:
        leave_folder_that_is_gone(_files_named(options))
        configure_logging(options)
        if options.loads:
            require_memory_to_load(options.loads)
            load_at_once(options.loads)
        code: int | None = options.carry_out(options)
        return code or DONE
    except (KeyboardInterrupt, Stopped):
        kept = " The finished frames are kept: run the same command again to go on." if runs else ""
        say_error(f"Stopped.{kept}")
        return Stopped.exit_code
    except StyleVideoError as error:
        if options.debug:
            sys.excepthook = print_traceback
            raise
        say_error(f"stylevideo: {error}")
        return error.exit_code
    except Exception as error:
        if options.debug:
            sys.excepthook = print_traceback
            raise
        if lacks_memory(error):
            say_error(f"stylevideo: {TOO_LITTLE}")
            return FAILED
        notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
        kept = " The finished frames are kept." if runs else ""
        say_error(
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
                yield str(word).partition("=")[2] if name == PAINTED else str(word)


def _could_not_print(output: GuardedStream) -> bool:
    """Whether results were lost, which is said then; who closes a pipe early has read what it wanted."""
    output.flush()
    if output.failure is None or isinstance(output.failure, BrokenPipeError):
        return False
    why = getattr(output.failure, "strerror", None) or output.failure
    say_error(f"stylevideo: standard output cannot be written ({why}): what should stand there is lost.")
    return True
