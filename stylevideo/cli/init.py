"""The command `init`: a commented job file to begin with."""

from __future__ import annotations

import argparse
from pathlib import Path

from stylevideo.cli.parser import Commands, add_common, set_command
from stylevideo.planning.template import write_job_file
from stylevideo.system.streams import print_line


def add_parsers(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("init", help="write a commented job file to begin with")
    set_command(parser, "init", _init)
    parser.add_argument(
        "file", type=Path, nargs="?", default=Path("job.toml"), metavar="FILE", help="the job file (default: job.toml)"
    )
    add_common(parser)


def _init(options: argparse.Namespace) -> None:
    write_job_file(options.file)
    print_line(options.file)
