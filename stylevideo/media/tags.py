"""A container's tags and chapters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from stylevideo.errors import InputError
from stylevideo.media.ffmpeg import last_lines, run_ffmpeg, source_input
from stylevideo.timeline import VideoInfo

_SECTION = re.compile(r"^\[(\w+)\]$", re.MULTILINE)
# A backslash stands before what would have a meaning, a line's end included.
_VALUE = re.compile(r"^([^;#\n](?:\\.|[^=\\\n])*)=((?:\\(?:.|\n)|[^\\\n])*)$", re.MULTILINE)


@dataclass(frozen=True)
class Chapter:
    """A chapter: its title, and its time in seconds."""

    title: str
    start: Fraction
    stop: Fraction


@dataclass(frozen=True)
class Tags:
    """What a container says of itself: values by their names in lower case, and its chapters."""

    values: dict[str, str]
    chapters: tuple[Chapter, ...]


def read_tags(info: VideoInfo) -> Tags:
    """The tags and chapters of a video file.

    Raises:
        InputError: ffmpeg cannot read it.
    """
    first, *rest = _SECTION.split(ask(info, "-f", "ffmetadata", "-"))
    sections = zip(rest[::2], rest[1::2], strict=True)
    return Tags(_values(first), tuple(_chapter(_values(body)) for name, body in sections if name == "CHAPTER"))


def ask(info: VideoInfo, *arguments: str) -> str:
    """What ffmpeg prints about a video file.

    Raises:
        InputError: it cannot read it.
    """
    run = run_ffmpeg(["-v", "error", *source_input(info.path, info.demuxer), *arguments])
    if run.status != 0:
        raise InputError(f"{info.path.name} could not be examined by ffmpeg: {last_lines(run.messages, 1)}.")
    return run.output


def _chapter(values: dict[str, str]) -> Chapter:
    unit = Fraction(values["timebase"])
    return Chapter(values.get("title", ""), int(values["start"]) * unit, int(values["end"]) * unit)


def _values(text: str) -> dict[str, str]:
    return {_plain(name).lower(): _plain(value) for name, value in _VALUE.findall(text)}


def _plain(text: str) -> str:
    return re.sub(r"\\(.|\n)", r"\1", text)
