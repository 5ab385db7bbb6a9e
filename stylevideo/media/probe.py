"""Exact facts about a video file, found without ffprobe and, but for its orientation, without decoding a frame.

ffmpeg lists the streams on standard error, and its `framecrc` muxer prints every packet's time stamp, from
which follow the exact number of frames and the exact rate. Says nothing about whether the frames decode.
"""

from __future__ import annotations

import logging
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from stylevideo.errors import InputError
from stylevideo.media.ffmpeg import FfmpegRun, format_of, last_lines, run_ffmpeg, source_input
from stylevideo.media.formats import refusal
from stylevideo.media.orientation import Orientation, read_orientation
from stylevideo.media.rates import DEFAULT_RATE, STANDARD_RATES, constant_rate, film_rate, prints_as
from stylevideo.timeline import StreamInfo, VideoInfo

logger = logging.getLogger(__name__)

PROBE_TIMEOUT_S = 60.0
PROBE_BYTES_PER_SECOND = 5_000_000

NO_TIME = -(2**63)
DISCARD_FLAG = 4
COVER = "(attached pic)"
COLOR_MATRICES = frozenset(
    {
        *("gbr", "bt709", "fcc", "bt470bg", "smpte170m", "smpte240m", "bt2020nc", "bt2020c", "smpte2085"),
        *("ycgco", "ycgco-re", "ycgco-ro", "chroma-derived-nc", "chroma-derived-c", "ictcp", "ipt-c2"),
    }
)

_STREAM_LINE = re.compile(
    r"^ +Stream #0:(?P<index>\d+)(?:\[0x[0-9a-f]+\])?(?:\((?P<language>[^)]*)\))?: "
    r"(?P<kind>Video|Audio|Subtitle|Data|Attachment): (?P<codec>[\w.-]+)(?P<detail>.*)$"
)
_ALPHA_LINE = re.compile(r"^ +alpha_mode +: 1$", re.IGNORECASE)
_TIMECODE_LINE = re.compile(r"^ +timecode +: (\d\d:\d\d:\d\d[:;]\d{1,3})$", re.MULTILINE | re.IGNORECASE)
_PICTURE = re.compile(r"(?:^|, )([a-z]\w*)(?:\((.*?)\))?, \d+x\d+")
_FORMAT = re.compile(r"^Input #0, ([^, ]+)", re.MULTILINE)
_REFUSED = "Format not on whitelist"
_MISNAMED_PLAYLIST = "Not detecting m3u8/hls"
_REFERENCE = "Skipped opening external track"


@dataclass(frozen=True)
class _Packets:
    """What `framecrc` prints: facts of the stream, and the shown packets' times in units of `time_base`."""

    width: int
    height: int
    sample_aspect: Fraction
    time_base: Fraction
    pts: tuple[int | None, ...]
    dts: tuple[int | None, ...]

    @property
    def timed(self) -> bool:
        """Whether each packet says when it is shown."""
        return None not in self.pts and _tell_frames_apart(self.pts)


def _tell_frames_apart(times: Sequence[int | None]) -> bool:
    return len(times) == 1 or len(set(times)) > 1


@dataclass(frozen=True)
class _Stream:
    """One stream as ffmpeg lists it.

    `alpha_apart`: whether it has an alpha channel that the pixel format does not tell of (VP8, VP9).
    """

    info: StreamInfo
    alpha_apart: bool = False


def probe(path: Path) -> VideoInfo:
    """Find out everything about a video file that can be known without decoding more than a frame.

    Args:
        path: a file; its name may hold any character.
    Returns:
        The facts of its first video stream that is not a cover picture. `pts` count from the container's
        own start, which is the clock of ffmpeg's `-ss`.
    Raises:
        InputError: there is no such file, or ffmpeg cannot read a moving picture from it.
    """
    require_file(path)
    run = _run_framecrc(path)
    _refuse_other_formats(path, run.messages)
    streams = _parse_streams(run.messages)
    main = next((s for s in streams if _is_moving_picture(s.info)), None)
    if not streams and "moov atom not found" in run.messages and _begins_as_mp4(path):
        raise InputError(
            f"{path.name} was not recorded or copied to its end: its index is missing. "
            "Copy it again, or mend it with a tool such as untrunc."
        )
    if not streams and run.status != 0 and "Input #0," not in run.messages:
        raise InputError(
            f"{path.name} is not a video that ffmpeg can read: {_reason(run.messages)}. "
            "Check the file, or convert it first."
        )
    if main is None:
        found = ", ".join(f"{s.info.kind} ({s.info.codec})" for s in streams) or "nothing"
        raise InputError(f"{path.name} has no video stream; it holds {found}. Choose a file with a moving picture.")
    if run.status != 0:
        raise InputError(f"{path.name} could not be read to its end by ffmpeg:\n  {last_lines(run.messages)}")
    if _REFERENCE in run.messages and not re.search(r"^\d", run.output, re.MULTILINE):
        raise InputError(
            f"{path.name} keeps its picture in another file, and only the file that you name is opened. "
            "Save it as one file first."
        )
    others = [s.info for s in streams if s is not main]
    timecode, demuxer = _TIMECODE_LINE.search(run.messages), _FORMAT.search(run.messages)
    info = _video_info(path, main, others, _parse_packets(path, run.output), timecode and timecode[1])
    info = replace(info, demuxer=demuxer[1] if demuxer else "")
    return _turned(info, read_orientation(info, _timeout_s(path)))


def _reason(messages: str) -> str:
    """What ffmpeg said of a file that it cannot open: what its demuxer said, before it is said in general."""
    lines = [line for line in messages.splitlines() if line.strip() and not line.startswith("Error opening input")]
    said = re.sub(r"^\[[^]]*\] ", "", lines[0]) if lines else ""
    general = last_lines(messages, 1)
    return general if not said or said in general else f"{said}; {general}"


def require_file(path: Path) -> None:
    """Refuse what is no file that can be read.

    Raises:
        InputError: with what it is instead.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder, not a video file. Name the file in it.")
    if not path.exists():
        raise InputError(f"{path}: there is no such file. Check the spelling and the folder.")
    if not path.is_file():
        raise InputError(f"{path} is not an ordinary file. Copy the video to a file first.")
    if path.stat().st_size == 0:
        raise InputError(f"{path.name} is empty (0 bytes). Copy or record it again.")


def _begins_as_mp4(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(8)[4:] == b"ftyp"


def _run_framecrc(path: Path) -> FfmpegRun:
    """Have ffmpeg describe the file's streams and list every packet of the video stream.

    `V` picks the first video stream that is not a cover picture.
    """
    timeout_s = _timeout_s(path)
    arguments = ["-nostats", *source_input(path), "-map", "0:V:0", "-c", "copy", "-f", "framecrc", "-"]
    try:
        return run_ffmpeg(arguments, timeout_s)
    except subprocess.TimeoutExpired as error:
        raise InputError(
            f"{path.name} could not be read within {timeout_s:.0f} seconds. "
            "Check the disk or the network it lies on, or convert the file first."
        ) from error


def _timeout_s(path: Path) -> float:
    return PROBE_TIMEOUT_S + path.stat().st_size / PROBE_BYTES_PER_SECOND


def _video_info(
    path: Path, main: _Stream, others: Sequence[StreamInfo], packets: _Packets, timecode: str | None
) -> VideoInfo:
    """Put together what the stream list and the packets say."""
    stated = _stated_rates(main.info.detail)
    time_base, pts = _presentation_times(packets, stated)
    rate = constant_rate(pts, time_base, stated)
    picture = _parse_pixel_format(main.info.detail)
    return VideoInfo(
        path=path,
        width=packets.width,
        height=packets.height,
        frame_count=len(pts),
        rate=rate or film_rate(pts, time_base, stated),
        time_base=time_base,
        pts=pts,
        variable_rate=rate is None,
        sample_aspect=packets.sample_aspect,
        rotation=0,
        codec=main.info.codec,
        pixel_format=picture.format.replace("yuv", "yuva") if main.alpha_apart else picture.format,
        color_matrix=picture.matrix,
        transfer=picture.transfer,
        interlaced=picture.interlaced,
        timecode=timecode,
        streams=tuple(others),
        timed=packets.timed,
    )


def _turned(info: VideoInfo, orientation: Orientation) -> VideoInfo:
    """The facts as they are once the pictures are upright."""
    if orientation.left_out:
        return replace(info, notes=(*info.notes, _left_out(orientation.left_out)))
    turned = replace(info, rotation=orientation.rotation, mirrored=orientation.mirrored)
    if orientation.rotation % 180 == 0:
        return turned
    return replace(turned, width=info.height, height=info.width, sample_aspect=1 / info.sample_aspect)


def _left_out(degrees: float) -> str:
    return (
        f"The clip says that it is to be turned by {degrees:.1f} degrees. It is left as it lies: "
        "only quarter turns are applied, since any other would show black corners."
    )


# -- the stream list -------------------------------------------------------------------------------


def _parse_streams(messages: str) -> list[_Stream]:
    """Read ffmpeg's list of input streams, in the container's order; programs may list one twice."""
    found: dict[int, _Stream] = {}
    latest: StreamInfo | None = None
    for line in messages.splitlines():
        if line.startswith(("Stream mapping:", "Output #0")):
            break
        if match := _STREAM_LINE.match(line):
            latest = StreamInfo(
                index=int(match["index"]),
                kind="cover" if COVER in match["detail"] else match["kind"].lower(),
                codec=match["codec"],
                language=None if match["language"] in (None, "und") else match["language"],
                detail=match["detail"].strip(" ,"),
            )
            found.setdefault(latest.index, _Stream(latest))
        elif latest is not None and _ALPHA_LINE.match(line):
            found[latest.index] = replace(found[latest.index], alpha_apart=True)
    return [found[index] for index in sorted(found)]


def _is_moving_picture(stream: StreamInfo) -> bool:
    still = ("(timed thumbnails)", "(still image)")
    return stream.kind == "video" and not any(mark in stream.detail for mark in still)


def _refuse_other_formats(path: Path, messages: str) -> None:
    """Say what a file is that ffmpeg did not open because its format is not among those that clips have."""
    if _MISNAMED_PLAYLIST in messages:
        raise InputError(refusal(path.name, "hls"))
    if _REFUSED in messages:
        raise InputError(refusal(path.name, format_of(path)))


def _stated_rates(detail: str) -> tuple[str, ...]:
    """The rates that ffmpeg prints for the stream, e.g. ("29.97", "29.97"); they are rounded."""
    return tuple(re.findall(r"([\d.]+) (?:fps|tbr)\b", detail))


@dataclass(frozen=True)
class _PixelFormat:
    """What ffmpeg says of a stream's pictures; names are None where the file does not say."""

    format: str
    matrix: str | None
    transfer: str | None
    interlaced: bool


def _parse_pixel_format(detail: str) -> _PixelFormat:
    """Read e.g. "(High) (avc1), yuv420p10le(tv, bt2020nc/bt2020/smpte2084, top first), 640x480"."""
    found = _PICTURE.search(detail)
    name, tags = (found[1], (found[2] or "").split(", ")) if found else ("unknown", [])
    colors = next((tag for tag in tags if tag.split("/")[0] in (*COLOR_MATRICES, "unknown")), "unknown").split("/")
    matrix, transfer = colors[0], colors[-1]  # one word where all three agree
    interlaced = any(tag.startswith(("top ", "bottom ")) for tag in tags)
    return _PixelFormat(name, _known(matrix), _known(transfer), interlaced)


def _known(name: str) -> str | None:
    return None if name == "unknown" else name


# -- the packets -----------------------------------------------------------------------------------


def _parse_packets(path: Path, output: str) -> _Packets:
    """Read the output of `framecrc`, leaving out packets that only prime the decoder."""
    header = dict(re.findall(r"^#(\w+) 0: (\S+)$", output, re.MULTILINE))
    rows = [line.split(",") for line in output.splitlines() if line and not line.startswith("#")]
    shown = [row for row in rows if not _is_discarded(row)]
    width, _, height = header.get("dimensions", "0x0").partition("x")
    if not shown or int(width) * int(height) == 0:
        raise InputError(
            f"{path.name} holds a video stream but no frame of it. The recording may have been cut off; "
            "repair or convert the file first."
        )
    aspect = Fraction(*map(int, header["sar"].split("/"))) if "/0" not in header["sar"] else Fraction(1)
    return _Packets(
        width=int(width),
        height=int(height),
        sample_aspect=aspect or Fraction(1),
        time_base=Fraction(header["tb"]),
        pts=tuple(_time(row[2]) for row in shown),
        dts=tuple(_time(row[1]) for row in shown),
    )


def _time(text: str) -> int | None:
    value = int(text)
    return None if value == NO_TIME else value


def _is_discarded(row: Sequence[str]) -> bool:
    flags = (field.strip() for field in row[5:])
    return any(int(field[2:], 16) & DISCARD_FLAG for field in flags if field.startswith("F=0x"))


def _presentation_times(packets: _Packets, stated: Sequence[str]) -> tuple[Fraction, tuple[int, ...]]:
    """The frames' times in ascending order, and their unit in seconds.

    Where packets lack them (AVI, some MPEG-PS) the decoding times, which have the same spacing, stand in;
    where those are missing too (raw streams), or all the same, the stated rate does.
    """
    pts = sorted(time for time in packets.pts if time is not None)
    if packets.timed:
        return packets.time_base, tuple(pts)
    dts = sorted(time for time in packets.dts if time is not None)
    if len(dts) == len(packets.dts) and _tell_frames_apart(dts):
        shift = pts[0] - dts[0] if pts else 0
        return packets.time_base, tuple(time + shift for time in dts)
    rate = next((r for r in STANDARD_RATES for text in stated if prints_as(r, text)), DEFAULT_RATE)
    return 1 / rate, tuple(range(len(packets.pts)))
