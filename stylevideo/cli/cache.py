"""The command `cache`: unfinished films, and what their frames take on disk."""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from pathlib import Path

from stylevideo.cli.parser import Commands, add_common, add_json, set_command
from stylevideo.errors import Problems, SettingsError
from stylevideo.store.unfinished import Unfinished, find_unfinished, remove_unfinished
from stylevideo.system.streams import print_json, print_line
from stylevideo.text import bytes_in_words, counted


def add_parsers(commands: Commands) -> None:
    """Add the command with its actions."""
    parser = commands.add_parser("cache", help="show unfinished work, or throw it away")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    shown = actions.add_parser(
        "list", help="show films that are unfinished or keep frames, and what those take on disk"
    )
    set_command(shown, "cache list", _list)
    add_json(shown)
    cleared = actions.add_parser("clear", help="throw away the frames of unfinished films, and those that are kept")
    set_command(cleared, "cache clear", _clear)
    cleared.add_argument("-y", "--yes", action="store_true", help="do not ask")
    for action in (shown, cleared):
        action.add_argument(
            "folders",
            type=Path,
            nargs="*",
            default=[Path()],
            metavar="FOLDER",
            help="where to look, also in all folders within (default: here)",
        )
        add_common(action)


def _list(options: argparse.Namespace) -> None:
    found = find_unfinished(options.folders)
    if options.json:
        print_json([dataclasses.asdict(work) for work in found])
        return
    for work in found:
        print_line(_unfinished(work))
    if not options.quiet:
        unfinished = sum(not work.is_whole for work in found)
        kept = f", {len(found) - unfinished} kept" if unfinished < len(found) else ""
        print_line(f"{unfinished} unfinished{kept}, {bytes_in_words(sum(work.bytes for work in found))}", sys.stderr)


def _clear(options: argparse.Namespace) -> None:
    found = find_unfinished(options.folders)
    idle = [work for work in found if not work.in_use]
    for work in found:
        kept = "" if work in idle else " (kept)"
        print_line(f"{_unfinished(work)}{kept}", sys.stderr)
    if idle and not options.yes:
        _require_yes(f"Throw away what was made of {counted(len(idle), 'film')}? [y/N] ")
    problems = Problems()
    for work in idle:
        with problems.noted():
            if stays := remove_unfinished(work):
                print_line(stays, sys.stderr)
            else:
                print_line(work.folder)
    problems.raise_all()


def _require_yes(question: str) -> None:
    if not sys.stdin.isatty():
        raise SettingsError("Nothing was thrown away: add -y to say that it may be.")
    sys.stderr.write(question)
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise SettingsError("Nothing was thrown away.")


def _unfinished(work: Unfinished) -> str:
    touched = time.strftime("%Y-%m-%d %H:%M", time.localtime(work.touched))
    working = ", a run is working on it" if work.in_use else ""
    size, kept = bytes_in_words(work.bytes), "kept" if work.is_whole else "finished"
    return f"{work.film}: {counted(work.frames, 'frame')} {kept}, {size}, last touched {touched}{working}"
