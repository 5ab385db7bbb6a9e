"""What ffmpeg lists of a file on standard error: its format, its streams, and what their pictures are said to be.

Reads text; runs nothing and opens nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from stylevideo.timeline.clip import StreamInfo

COVER = "(attached pic)"
COLOR_MATRICES = frozenset(
    {
        *("gbr", "bt709", "fcc", "bt470bg", "smpte170m", "smpte240m", "bt2020nc", "bt2020c", "smpte2085"),
        *("ycgco", "ycgco-re", "ycgco-ro", "chroma-derived-nc", "chroma-derived-c", "ictcp", "ipt-c2"),
    }
)
UNKNOWN = ("unknown", "reserved")

_STREAM_LINE = re.compile(
    r"^ +Stream #0:(?P<index>\d+)(?:\[0x[0-9a-f]+\])?(?:\((?P<language>[^)]*)\))?: "
    r"(?P<kind>Video|Audio|Subtitle|Data|Attachment): (?P<codec>[\w.-]+)(?P<detail>.*)$"
)
_ALPHA_LINE = re.compile(r"^ +alpha_mode +: 1$", re.IGNORECASE)
_TIMECODE_LINE = re.compile(r"^ +timecode +: (\d\d:\d\d:\d\d[:;]\d{1,3})$", re.MULTILINE | re.IGNORECASE)
# QuickTime's word for it is "name".
_TITLE_LINE = re.compile(r"^ +(?:title|name) +: (.+)$", re.IGNORECASE)
_PICTURE = re.compile(r"(?:^|, )([a-z]\w*)(?:\((.*?)\))?, \d+x\d+")
_FORMAT = re.compile(r"^Input #0, ([^, ]+)", re.MULTILINE)


@dataclass(frozen=True)
class ListedStream:
    """One stream as ffmpeg lists it.

    Attributes:
        info: what is known of it.
        alpha_apart: whether it has an alpha channel that the pixel format does not tell of (VP8, VP9).
    """

    info: StreamInfo
    alpha_apart: bool = False

    @property
    def is_moving_picture(self) -> bool:
        """Whether it is neither a cover nor pictures for a player's time line."""
        still = ("(timed thumbnails)", "(still image)")
        return self.info.kind == "video" and not any(mark in self.info.detail for mark in still)


@dataclass(frozen=True)
class FileListing:
    """A file as ffmpeg lists it.

    Attributes:
        demuxer: ffmpeg's name of its format; empty where it could not open the file.
        streams: in the container's order.
        timecode: of its beginning; None where it says none.
    """

    demuxer: str
    streams: tuple[ListedStream, ...]
    timecode: str | None

    @classmethod
    def of(cls, messages: str) -> FileListing:
        """What stands in ffmpeg's messages."""
        named, timecode = _FORMAT.search(messages), _TIMECODE_LINE.search(messages)
        return cls(named[1] if named else "", tuple(_parse_streams(messages)), timecode[1] if timecode else None)

    @property
    def picture(self) -> ListedStream | None:
        """The stream that is the clip: the first with a moving picture, if there is one."""
        return next((stream for stream in self.streams if stream.is_moving_picture), None)

    @property
    def others(self) -> tuple[StreamInfo, ...]:
        """All streams but the picture."""
        return tuple(stream.info for stream in self.streams if stream is not self.picture)


def _parse_streams(messages: str) -> list[ListedStream]:
    """Read ffmpeg's list of input streams, in the container's order; programs may list one twice."""
    found: dict[int, ListedStream] = {}
    latest: StreamInfo | None = None
    for line in messages.split("\n"):  # not at what else ends lines elsewhere: titles may hold it
        if line.startswith(("Stream mapping:", "Output #")):
            break
        if match := _STREAM_LINE.match(line):
            latest = StreamInfo(
                index=int(match["index"]),
                kind="cover" if COVER in match["detail"] else match["kind"].lower(),
                codec=match["codec"],
                language=None if match["language"] in (None, "und") else match["language"],
                detail=match["detail"].strip(" ,"),
            )
            found.setdefault(latest.index, ListedStream(latest))
        elif latest is not None and _ALPHA_LINE.match(line):
            found[latest.index] = replace(found[latest.index], alpha_apart=True)
        elif latest is not None and (match := _TITLE_LINE.match(line)) and not found[latest.index].info.title:
            stream = found[latest.index]
            found[latest.index] = replace(stream, info=replace(stream.info, title=match[1]))
    return [found[index] for index in sorted(found)]


def stated_rates(detail: str) -> tuple[str, ...]:
    """The rates that ffmpeg prints for the stream, e.g. ("29.97", "29.97"); they are rounded."""
    return tuple(re.findall(r"([\d.]+) (?:fps|tbr)\b", detail))


@dataclass(frozen=True)
class PixelFormat:
    """What ffmpeg says of a stream's pictures; names are None where the file does not say."""

    format: str
    matrix: str | None
    primaries: str | None
    transfer: str | None
    interlaced: bool


def parse_pixel_format(detail: str) -> PixelFormat:
    """Read e.g. "(High) (avc1), yuv420p10le(tv, bt2020nc/bt2020/smpte2084, top first), 640x480"."""
    found = _PICTURE.search(detail)
    name, tags = (found[1], (found[2] or "").split(", ")) if found else ("unknown", [])
    colors = next((tag for tag in tags if tag.split("/")[0] in (*COLOR_MATRICES, *UNKNOWN)), "unknown").split("/")
    matrix, primaries, transfer = colors if len(colors) == 3 else colors[:1] * 3  # one word where all three agree
    interlaced = any(tag.startswith(("top ", "bottom ")) for tag in tags)
    return PixelFormat(name, _known(matrix), _known(primaries), _known(transfer), interlaced)


def _known(name: str) -> str | None:
    return None if name in UNKNOWN else name
