"""A container's tags and chapters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

from stylevideo.errors import DecodeError, InputError
from stylevideo.limits import TAG_BYTES
from stylevideo.media.ffmpeg import ffmpeg_output, reading_time_s, source_input
from stylevideo.settings.encoder_options import names
from stylevideo.timeline.clip import VideoInfo

_SECTION = re.compile(rb"\[\w+\]")
_BACKSLASH = ord("\\")
_NUMBER = r"[+-]\d+(?:\.\d+)?"
_PLACE = re.compile(rf"{_NUMBER}{_NUMBER}(?:{_NUMBER})?(?:CRS\w+)?/?")
"""ISO 6709: latitude, longitude, perhaps height and the system that they are in."""
TAG_OUTPUT = ("-map_metadata", "0", "-f", "ffmetadata")
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
        return {name: value for name, value in self.values.items() if not _is_of_the_container(name, self.values)}


@dataclass(frozen=True)
class FilmTags:
    """What a film shall say of itself.

    Attributes:
        file: the text of a file for ffmpeg's `ffmetadata` demuxer.
        values: of the tags in it, by their names in lower case.
        too_long: names of those that are left out for their length.
    """

    file: bytes
    values: dict[str, str]
    too_long: tuple[str, ...]


def read_tags(info: VideoInfo) -> Tags:
    """The tags and chapters of a video file.

    Raises:
        InputError: ffmpeg cannot read it.
    """
    sections = _sections(_said(info))
    _, own = next(sections)
    return Tags(_values(own), tuple(_chapter(_values(lines)) for name, lines in sections if name == b"[CHAPTER]"))


def film_tags(source: Mapping[str, bytes] | None, comment: str) -> FilmTags:
    """The source's own tags as they are, byte by byte, with a comment behind its own.

    They go to ffmpeg in a file: systems limit how long a program's arguments are.

    Args:
        source: as of `tag_lines`; an image sequence has none.
        comment: "" for no more than the source's own.
    """
    lines = dict(source or {})
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
    file = b";FFMETADATA1\n" + b"".join(map(_escaped, kept.values()))
    return FilmTags(file, _values(kept), tuple(name for name in lines if name not in kept))


def _escaped(line: bytes) -> bytes:
    """A tag's line as ffmpeg's reader takes it for nothing else.

    The end of a line is escaped for it behind any backslash, unless a zero comes first; it ends one at a carriage
    return, too, and finds a section in whatever begins with "[CHAPTER]".
    """
    return (b"\\" if line.startswith(b"[") else b"") + line.replace(b"\r", b"\\\r") + b"\0\n"


def compare_tags(wanted: Mapping[str, str], found: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The names of tags that a film lacks, and of those that it has with another value.

    Args:
        wanted, found: values by their names in lower case.
    """
    there = {comparable(name): value for name, value in found.items()}
    missing = [name for name in wanted if comparable(name) not in there]
    other = [name for name in wanted if name not in missing and not says(name, wanted[name], there[comparable(name)])]
    return sorted(missing), sorted(other)


def says(name: str, wanted: str, found: str) -> bool:
    """Whether two values of a tag say the same, however a container writes places and times."""
    if name == "creation_time":
        return _moment(wanted) == _moment(found)
    if name == "location" or name.startswith("location-"):
        return _coordinates(wanted) == _coordinates(found)
    return wanted == found


def comparable(name: str) -> str:
    """A tag's name as containers have it: Matroska writes no spaces."""
    return name.replace(" ", "_")


def _moment(text: str) -> datetime | str:
    """The first of the times that are said, since QuickTime may say it twice; without a zone it is Greenwich's."""
    try:
        moment = datetime.fromisoformat(text.partition(";")[0])
    except ValueError:
        return text
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _coordinates(text: str) -> list[float] | str:
    """The numbers of a place, however many digits they have; of anything else the text."""
    return [round(float(number), 4) for number in re.findall(_NUMBER, text)] if _PLACE.fullmatch(text) else text


def tag_lines(info: VideoInfo) -> dict[str, bytes]:
    """Each of a video file's own tags as `ffmetadata` writes it, by its name in lower case.

    Raises:
        InputError: ffmpeg cannot read them.
    """
    _, found = next(_sections(_said(info)))
    own = _values(found)
    lines = {name: line for name, line in found.items() if not _is_of_the_container(name, own)}
    if isinstance(_moment(own.get("creation_time", "")), datetime):  # QuickTime may say it twice
        lines["creation_time"] = re.split(rb"\\?;", found["creation_time"], maxsplit=1)[0]
    return lines


def _sections(printed: bytes) -> Iterator[tuple[bytes, dict[str, bytes]]]:
    """What `ffmetadata` prints: each section's headline, and its lines by their names in lower case.

    The first section is the container's own, without a headline. Of two lines of one name the first counts: what
    ffmpeg says of a chapter comes before the chapter's tags.
    """
    headline, found = b"", dict[str, bytes]()
    begin = 0
    while begin < len(printed):
        end = _plain_place(printed, b"\n", begin)
        line, begin = printed[begin:end], end + 1
        named = _plain_place(line, b"=")
        if named < len(line) and not line.startswith((b";", b"#")):
            found.setdefault(_plain(line[:named]).lower(), line)
        elif _SECTION.fullmatch(line):
            yield headline, found
            headline, found = line, {}
    yield headline, found


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


def _is_of_the_container(name: str, values: Mapping[str, str]) -> bool:
    """Whether a muxer writes it, or it repeats the place for a language."""
    if name.startswith("location-") and "location" in values:
        return says(name, values["location"], values[name])
    return name in OF_THE_CONTAINER


def printed_tags(path: Path) -> bytes | None:
    """What `ffmetadata` wrote into a file; None where it is more than is taken."""
    return path.read_bytes() if path.stat().st_size <= TAG_BYTES else None


def _said(info: VideoInfo) -> bytes:
    return info.said.tags if info.said else _printed(info, *TAG_OUTPUT, "-")


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
    seconds, units = map(int, values["timebase"].split("/"))
    start, stop = (Fraction(int(values[name]) * seconds, units) for name in ("start", "end"))
    return Chapter(values.get("title", ""), start, stop, frozenset(values) - {"timebase", "start", "end", "title"})


def _values(lines: dict[str, bytes]) -> dict[str, str]:
    return {name: _plain(line[_plain_place(line, b"=") + 1 :]) for name, line in lines.items()}


def _plain(text: bytes) -> str:
    """Without the backslashes that take meanings away."""
    if b"\\" in text:
        text = b"\\".join(part.replace(b"\\", b"") for part in text.split(b"\\\\"))
    return text.decode("utf-8", errors="replace")
