"""The commands `farm`: films that several machines paint, which have nothing in common but a folder.

Their exit codes say what a farm's scheduler should do: 0 done, or done before; 1 another attempt may help, perhaps on
another machine; 2 none will; 130 asked to end.
"""

from __future__ import annotations

import argparse
import dataclasses
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from stylevideo.cli.log import say_error
from stylevideo.cli.parser import (
    Commands,
    Parser,
    add_common,
    add_films,
    add_json,
    add_settings,
    add_stall,
    count,
    overrides,
    set_command,
)
from stylevideo.cli.progress import ClipProgress, OpenJDProgress, say
from stylevideo.cli.summary import report_path, write_outcomes
from stylevideo.errors import ANEW, StyleVideoError
from stylevideo.farm.parts import Part
from stylevideo.planning.plan import plan_requests
from stylevideo.planning.request import ClipRequest
from stylevideo.render.hooks import Hooks
from stylevideo.system.heartbeat import ended_when_stalled
from stylevideo.system.interrupts import Interrupts
from stylevideo.system.loading import PAINTING
from stylevideo.system.streams import print_json, print_line
from stylevideo.text import counted

DONE, AGAIN, NEVER = 0, 1, 2
CHUNK_FRAMES = 250
WAIT_S = 90
"""So long network disks may take to show what others have written."""
Work = Callable[[argparse.Namespace, Sequence[ClipRequest], Hooks], None]


def add_parsers(commands: Commands) -> None:
    """Add the command with its actions."""
    parser = commands.add_parser("farm", help="make films on several machines that share a folder")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    plan = actions.add_parser("plan", help="check the films, find their shots, and settle how they are painted")
    plan.add_argument(
        "--parts", type=count, default=0, metavar="N", help="deal them out in so many parts (as --part says)"
    )
    _add_work(plan, "farm plan", _plan)
    paint = actions.add_parser("paint", help="paint the shots of one part")
    paint.add_argument("--part", required=True, metavar="K/N", help="which of how many, such as 3/8")
    _add_work(paint, "farm paint", _paint)
    assemble = actions.add_parser("assemble", help="write the films, once all shots are painted")
    _add_work(assemble, "farm assemble", _assemble)
    _add_export(actions.add_parser("export", help="write the three steps down for OpenJD, for Slurm, or as commands"))
    status = actions.add_parser("status", help="show how far films are, by what is in their folders")
    set_command(status, "farm status", _status)
    status.add_argument("films", type=Path, nargs="+", metavar="FILM", help="as it will be called when it is made")
    add_json(status)
    add_common(status)


def _add_work(parser: Parser, name: str, work: Work) -> None:
    set_command(parser, name, partial(_carry_out, work), loads=PAINTING)
    add_films(parser)
    parser.add_argument(
        "--wait",
        type=count,
        default=WAIT_S,
        metavar="SECONDS",
        help=f"how long to wait for what other machines have written, or are about to ({WAIT_S})",
    )
    parser.add_argument(
        "--progress", choices=("bars", "openjd"), default="bars", help="openjd: lines that OpenJD's runners read"
    )
    add_stall(parser, "end with a traceback where no step is made for so long")
    add_common(parser)
    add_settings(parser)


def _add_export(parser: Parser) -> None:
    set_command(parser, "farm export", _export)
    parser.add_argument("engine", choices=("openjd", "slurm", "commands"), metavar="{openjd,slurm,commands}")
    add_films(parser, has_output=False)
    parser.add_argument("-o", "--folder", type=Path, required=True, metavar="FOLDER", help="where to write")
    parser.add_argument(
        "--chunk-frames",
        type=_at_least_one,
        default=CHUNK_FRAMES,
        metavar="N",
        help=f"about how many frames a part has ({CHUNK_FRAMES})",
    )
    parser.add_argument("--gpu", type=count, default=0, metavar="N", help="so many GPUs are needed to paint (0)")
    add_common(parser)
    add_settings(parser)


def _at_least_one(text: str) -> int:
    number = count(text)
    if not number:
        raise argparse.ArgumentTypeError("a part has one frame at least")
    return number


def _carry_out(work: Work, options: argparse.Namespace) -> int:
    """Do one step of a farm's job; what goes wrong is told with the machine's name."""
    openjd = OpenJDProgress(len(options.clips)) if options.progress == "openjd" else None
    try:
        requests = plan_requests(options.clips, overrides(options), options.config)
        openjd = openjd and OpenJDProgress(len(requests))
        progress = openjd or ClipProgress(options.quiet)
        with Interrupts() as interrupts, ended_when_stalled(60 * options.stall_minutes):
            try:
                work(options, requests, Hooks(progress, interrupts.requested))
            finally:
                if isinstance(progress, ClipProgress):
                    progress.close()
    except StyleVideoError as error:
        if options.debug:
            raise
        said = str(error) if options.command == "farm plan" else str(error).replace(f" {ANEW}", "")
        say_error(f"stylevideo on {socket.gethostname()}: {said}")
        if openjd:
            openjd.fail(said)
        return AGAIN if error.retryable or error.elsewhere else NEVER
    if openjd:
        openjd.end()
    return DONE


def _plan(options: argparse.Namespace, requests: Sequence[ClipRequest], hooks: Hooks) -> None:
    from stylevideo.farm.plan import plan_films

    for film in plan_films(requests, options.parts, hooks, options.wait):
        frames = sum(shot.stop - shot.start for shot in film.shots)
        what = f"{counted(frames, 'frame')}, {counted(len(film.shots), 'shot')}" if film.shots else "already made"
        say(f"{film.request.output}: {what}", options.quiet)


def _paint(options: argparse.Namespace, requests: Sequence[ClipRequest], hooks: Hooks) -> None:
    from stylevideo.farm.paint import paint_part

    paint_part(requests, Part.parse(options.part), hooks, options.wait)


def _assemble(options: argparse.Namespace, requests: Sequence[ClipRequest], hooks: Hooks) -> None:
    from stylevideo.farm.assemble import assemble_films

    began, report = time.monotonic(), report_path(requests) if len(requests) > 1 else None
    if report:
        requests = [replace(request, settings=request.settings.with_values(report="")) for request in requests]
    outcomes = []
    for outcome in assemble_films(requests, hooks, options.wait):
        for warning in outcome.result.warnings if outcome.result else ():
            say(f"Note: {warning}", options.quiet)
        print_line(outcome.request.output)
        outcomes.append(outcome)
    if report:
        write_outcomes(report, outcomes, time.monotonic() - began)


def _export(options: argparse.Namespace) -> None:
    from stylevideo.farm.export import EXPORTS, farm_jobs, write_exports

    requests = plan_requests(options.clips, overrides(options), options.config)
    files = EXPORTS[options.engine](farm_jobs(requests, options.chunk_frames, options.gpu))
    for path in write_exports(files, options.folder):
        print_line(path)


def _status(options: argparse.Namespace) -> None:
    from stylevideo.farm.status import film_status

    found = [film_status(film.absolute()) for film in options.films]
    if options.json:
        print_json([dataclasses.asdict(status) for status in found])
        return
    for status in found:
        for line in status.lines():
            print_line(line)
