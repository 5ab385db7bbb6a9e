"""A container's tags and chapters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from stylevideo.encoder_options import names
from stylevideo.errors import DecodeError, InputError
from stylevideo.limits import TAG_BYTES
from stylevideo.media.ffmpeg import ffmpeg_output, reading_time_s, source_input
from stylevideo.timeline import VideoInfo

_SECTION = re.compile(rb"\[\w+\]")
_BACKSLASH = ord("\\")
_PRINTED = ("-map_metadata", "0", "-f", "ffmetadata", "-")
OF_THE_CONTAINER = names(
    "major_brand minor_version compatible_brands encoder duration timecode "
    # MXF's
    "operational_pattern_ul uid generation_uid company_name product_name product_version product_version_num "
    "product_uid application_platform modification_date toolkit_version_num material_package_umid"
)
"""Tags that a muxer writes, or that go another way."""
LONGEST_TAG_BYTES = 1 << 20
MOST_TAGS_BYTES = 1 << 23


@dataclass(frozen=True)
class Chapter:
    """A chapter: its title, its time in seconds, and the names of whatever else is said of it."""

    title: str
    start: Fraction
    stop: Fraction
    others: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Tags:
    """What a container says of itself: values by their names in lower case, and its chapters."""

    values: dict[str, str]
    chapters: tuple[Chapter, ...]

    @property
    def own(self) -> dict[str, str]:
        """Those that its makers gave it, not its muxer."""
        return {name: value for name, value in self.values.items() if not _is_of_the_container(name)}


@dataclass(frozen=True)
class FilmTags:
    """What a film shall say of itself.

    Attributes:
        file: the text of a file for ffmpeg's `ffmetadata` demuxer.
        names: of the tags in it, in lower case.
        too_long: names of those that are left out for their length.
    """

    file: bytes
    names: frozenset[str]
    too_long: tuple[str, ...]


def read_tags(info: VideoInfo) -> Tags:
    """The tags and chapters of a video file.

    Raises:
        InputError: ffmpeg cannot read it.
    """
    (_, own), *others = _sections(_printed(info, *_PRINTED))
    return Tags(_values(own), tuple(_chapter(_values(lines)) for name, lines in others if name == b"[CHAPTER]"))


def film_tags(info: VideoInfo, comment: str) -> FilmTags:
    """The source's own tags as they are, byte by byte, with a comment behind its own.

    They go to ffmpeg in a file: systems limit how long a program's arguments are.

    Args:
        info: of the source; an image sequence has none.
        comment: "" for no more than the source's own.
    Raises:
        InputError: ffmpeg cannot read them.
    """
    lines = {} if info.is_sequence else _lines(info)
    if comment:
        added = re.sub(rb"([\\=;#\n])", rb"\\\1", comment.encode(errors="surrogateescape"))
        own = lines.get("comment")
        lines["comment"] = own + b"\\\n" + added if own else b"comment=" + added
    too_long = tuple(name for name, line in lines.items() if len(line) > LONGEST_TAG_BYTES)
    room = MOST_TAGS_BYTES
    kept: dict[str, bytes] = {}
    for name, line in lines.items():
        room -= len(line)
        if name not in too_long and room >= 0:
            kept[name] = line
    # ffmpeg's reader takes the end of a line for escaped behind any backslash, unless a zero comes first; it ends one
    # at a carriage return, too.
    file = b";FFMETADATA1\n" + b"".join(line.replace(b"\r", b"\\\r") + b"\0\n" for line in kept.values())
    return FilmTags(file, frozenset(kept), tuple(name for name in lines if name not in kept))


def _lines(info: VideoInfo) -> dict[str, bytes]:
    """Each of the source's own tags as `ffmetadata` writes it, by its name in lower case."""
    _, found = _sections(_printed(info, *_PRINTED))[0]
    lines = {name: line for name, line in found.items() if not _is_of_the_container(name)}
    if "creation_time" in found:  # QuickTime may say it twice
        lines["creation_time"] = re.split(rb"\\?;", found["creation_time"], maxsplit=1)[0]
    return lines


def _sections(printed: bytes) -> list[tuple[bytes, dict[str, bytes]]]:
    """What `ffmetadata` prints: each section's headline, and its lines by their names in lower case.

    The first section is the container's own, without a headline. Of two lines of one name the first counts: what
    ffmpeg says of a chapter comes before the chapter's tags.
    """
    found: list[tuple[bytes, dict[str, bytes]]] = [(b"", {})]
    begin = 0
    while begin < len(printed):
        end = _plain_place(printed, b"\n", begin)
        line, begin = printed[begin:end], end + 1
        named = _plain_place(line, b"=")
        if named < len(line) and not line.startswith((b";", b"#")):
            found[-1][1].setdefault(_plain(line[:named]).lower(), line)
        elif _SECTION.fullmatch(line):
            found.append((line, {}))
    return found


def _plain_place(text: bytes, mark: bytes, begin: int = 0) -> int:
    """The first place from `begin` on of a mark that has its meaning, as no backslash takes it; the end if none has."""
    place = text.find(mark, begin)
    while place >= 0:
        back = place
        while back > begin and text[back - 1] == _BACKSLASH:
            back -= 1
        if (place - back) % 2 == 0:
            return place
        place = text.find(mark, place + 1)
    return len(text)


def _is_of_the_container(name: str) -> bool:
    """Whether a muxer writes it, or it repeats another in a language."""
    return name in OF_THE_CONTAINER or name.startswith(("[", "location-"))


def ask(info: VideoInfo, *arguments: str) -> str:
    """What ffmpeg prints about a video file.

    Raises:
        InputError: it cannot read it.
    """
    return _printed(info, *arguments).decode("utf-8", errors="replace")


def _printed(info: VideoInfo, *arguments: str) -> bytes:
    command = ["-v", "error", *source_input(info.path, info.demuxer), *arguments]
    try:
        return ffmpeg_output(command, reading_time_s(info.path), TAG_BYTES)
    except DecodeError as error:
        raise InputError(f"{info.path.name} could not be examined by ffmpeg: {error}.") from error


def _chapter(values: dict[str, str]) -> Chapter:
    unit = Fraction(values["timebase"])
    others = frozenset(values) - {"timebase", "start", "end", "title"}
    return Chapter(values.get("title", ""), int(values["start"]) * unit, int(values["end"]) * unit, others)


def _values(lines: dict[str, bytes]) -> dict[str, str]:
    return {name: _plain(line[_plain_place(line, b"=") + 1 :]) for name, line in lines.items()}


def _plain(text: bytes) -> str:
    """Without the backslashes that take meanings away."""
    unescaped = b"\\".join(part.replace(b"\\", b"") for part in text.split(b"\\\\"))
    return unescaped.decode("utf-8", errors="replace")
