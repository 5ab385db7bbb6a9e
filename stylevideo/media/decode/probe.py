"""Exact facts about a video file, found without ffprobe and, but for its orientation, without decoding a frame.

ffmpeg lists the streams on standard error, and its `framecrc` muxer prints every packet's time stamp, from
which follow the exact number of frames and the exact rate. Says nothing about whether the frames decode.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from stylevideo.errors import InputError, StorageError
from stylevideo.limits import CHAPTERS, FRAMES, MESSAGE_BYTES, PIXELS, STREAMS, TAGS
from stylevideo.media.clock import JUMPED, all_in_use
from stylevideo.media.decode.packets import shown_times
from stylevideo.media.decode.tags import TAG_OUTPUT, printed_tags
from stylevideo.media.ffmpeg import FfmpegRun, file_url, format_of, last_lines, reading_time_s, run_ffmpeg, source_input
from stylevideo.media.formats import refusal
from stylevideo.media.framecrc import Listing, parse_framecrc
from stylevideo.media.orientation import ONE_FRAME, UNTURNED, Orientation, orientation_of, read_orientation
from stylevideo.system.files import refuse_address, temporary_folder
from stylevideo.timeline.clip import Said, StreamInfo, VideoInfo
from stylevideo.timeline.rates import HELD_FRAMES, constant_rate, film_rate

logger = logging.getLogger(__name__)


COVER = "(attached pic)"
COLOR_MATRICES = frozenset(
    {
        *("gbr", "bt709", "fcc", "bt470bg", "smpte170m", "smpte240m", "bt2020nc", "bt2020c", "smpte2085"),
        *("ycgco", "ycgco-re", "ycgco-ro", "chroma-derived-nc", "chroma-derived-c", "ictcp", "ipt-c2"),
    }
)
UNKNOWN = ("unknown", "reserved")
JOINED = "The clip's clock jumps, as where recordings were joined. The film runs on from one to the next."

_STREAM_LINE = re.compile(
    r"^ +Stream #0:(?P<index>\d+)(?:\[0x[0-9a-f]+\])?(?:\((?P<language>[^)]*)\))?: "
    r"(?P<kind>Video|Audio|Subtitle|Data|Attachment): (?P<codec>[\w.-]+)(?P<detail>.*)$"
)
_ALPHA_LINE = re.compile(r"^ +alpha_mode +: 1$", re.IGNORECASE)
_TIMECODE_LINE = re.compile(r"^ +timecode +: (\d\d:\d\d:\d\d[:;]\d{1,3})$", re.MULTILINE | re.IGNORECASE)
# QuickTime's word for it is "name".
_TITLE_LINE = re.compile(r"^ +(?:title|name) +: (.+)$", re.IGNORECASE)
_CHAPTER_LINE = re.compile(r"^    Chapter #0:\d+: start ", re.MULTILINE)
_METADATA_LINE = re.compile(r"^ +Metadata:$", re.MULTILINE)
_TAG_LINE = re.compile(r"^ {4,8}(?!Chapter #0:\d+: start )\S.*: ", re.MULTILINE)
_PICTURE = re.compile(r"(?:^|, )([a-z]\w*)(?:\((.*?)\))?, \d+x\d+")
_FORMAT = re.compile(r"^Input #0, ([^, ]+)", re.MULTILINE)
_PACKETS = (
    *("-map", "0:V:0", "-c", "copy", "-copyinkf"),
    *("-map_metadata", "-1", "-map_chapters", "-1", "-f", "framecrc", "-"),
)
"""`V` picks the first video stream that is not a cover picture."""
_SHOWN = re.compile(r"^\[Parsed_showinfo.*", re.MULTILINE)
_REFUSED = "Format not on whitelist"
_MISNAMED_PLAYLIST = "Not detecting m3u8/hls"
_TOO_MANY_STREAMS = "max_streams"
_REFERENCE = "Skipped opening external track"


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
        TimeLimitError: it takes too long.
    """
    require_file(path)
    run, said, film = _ask(path)
    _refuse_other_formats(path, run)
    _refuse_many(path, run.messages)
    streams = _parse_streams(run.messages)
    main = next((s for s in streams if _is_moving_picture(s.info)), None)
    if not streams and "moov atom not found" in run.remarks and _begins_as_mp4(path):
        raise InputError(
            f"{path.name} was not recorded or copied to its end: its index is missing. "
            "Copy it again, or mend it with a tool such as untrunc."
        )
    if not streams and run.status != 0 and not _FORMAT.search(run.messages):
        raise InputError(
            f"{path.name} is not a video that ffmpeg can read: {_reason(run.messages)}. "
            "Check the file, or convert it first."
        )
    if main is None:
        found = ", ".join(f"{s.info.kind} ({s.info.codec})" for s in streams) or "nothing"
        raise InputError(f"{path.name} has no video stream; it holds {found}. Choose a file with a moving picture.")
    if run.status != 0:
        raise InputError(f"{path.name} could not be read to its end by ffmpeg:\n  {last_lines(run.messages)}")
    if _REFERENCE in run.remarks and not re.search(r"^\d", run.output, re.MULTILINE):
        raise InputError(
            f"{path.name} keeps its picture in another file, and only the file that you name is opened. "
            "Save it as one file first."
        )
    others = [s.info for s in streams if s is not main]
    if jumps := JUMPED in run.remarks:
        run = _run_framecrc(path, all_in_use())
    timecode, named = _TIMECODE_LINE.search(run.messages), _FORMAT.search(run.messages)
    demuxer = named[1] if named else ""
    packets = _require_packets(path, run.output)
    info = _video_info(path, demuxer, main, others, packets, timecode and timecode[1], jumps)
    notes = (*_program_notes(run.messages), *([JOINED] if jumps else []))
    info = replace(info, picture=main.info, notes=notes, said=said)
    late = round(info.zero_of_picture / info.time_base)
    info = replace(info, pts=tuple(time + late for time in info.pts))
    return _turned(info, orientation_of(film) if film else read_orientation(info, reading_time_s(path)))


def _program_notes(messages: str) -> Iterator[str]:
    """What broadcasts have and no film: several programmes in one file."""
    programs = set(re.findall(r"^  Program (\d+)", messages, re.MULTILINE))
    if len(programs) > 1:
        yield f"The clip holds {len(programs)} programmes. The film shows the first picture, with the tracks of all."


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
    refuse_address(path)
    if not path.exists():
        raise InputError(f"{path}: there is no such file. Check the spelling and the folder.")
    if not path.is_file():
        raise InputError(f"{path} is not an ordinary file. Copy the video to a file first.")
    if path.stat().st_size == 0:
        raise InputError(f"{path.name} is empty (0 bytes). Copy or record it again.")


def _begins_as_mp4(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(8)[4:] == b"ftyp"


def _run_framecrc(path: Path, company: Sequence[str] = ()) -> FfmpegRun:
    """Have ffmpeg describe the file's streams and list every packet of the video stream, and no more."""
    return run_ffmpeg(["-nostats", *source_input(path), *_PACKETS, *company], reading_time_s(path))


def _ask(path: Path) -> tuple[FfmpegRun, Said | None, bytes]:
    """Have ffmpeg describe the file's streams, list every packet of the video stream, and say all else, in one run.

    Where anything fails but the limit of time, the streams and packets are asked for alone: they tell all the same of a
    clip of which no frame decodes, for example, and need no room for temporary files.

    Returns:
        The run; what else was said; and a film of the first frame, for its orientation. Of the last two nothing where
        they have to be asked for.
    """
    with suppress(StorageError), temporary_folder() as folder:
        tags, frame = folder / "tags", folder / "frame"
        others = [*TAG_OUTPUT, file_url(tags), *ONE_FRAME, file_url(frame)]
        run = run_ffmpeg(["-nostats", *UNTURNED, *source_input(path), *_PACKETS, *others], reading_time_s(path))
        if run.status == 0 and len(run.messages) < MESSAGE_BYTES:  # else the middle is missing
            printed, shown = printed_tags(tags), "\n".join(_SHOWN.findall(run.messages))
            return run, None if printed is None else Said(printed, shown), frame.read_bytes()
    return _run_framecrc(path), None, b""


def _require_packets(path: Path, output: str) -> Listing:
    listing = parse_framecrc(output)
    if listing is None or listing.width * listing.height == 0 or all(row.is_discarded for row in listing.rows):
        raise InputError(
            f"{path.name} holds a video stream but no frame of it that can be decoded. "
            "The recording may have been cut off at its begin or end; repair or convert the file first."
        )
    if listing.width * listing.height > PIXELS:
        raise InputError(
            f"{path.name} has pictures of {listing.width}x{listing.height}; the most that one may have is {PIXELS:,} "
            "pixels. Reduce it first."
        )
    if len(listing.rows) > FRAMES:
        raise InputError(f"{path.name} has more frames than a clip may have ({FRAMES:,}). Cut it into parts first.")
    return listing


def _video_info(
    path: Path,
    demuxer: str,
    main: _Stream,
    others: Sequence[StreamInfo],
    packets: Listing,
    timecode: str | None,
    jumps: bool,
) -> VideoInfo:
    """Put together what the stream list and the packets say."""
    stated = _stated_rates(main.info.detail)
    begin = min(stream.start for stream in (main.info, *others) if stream.kind in ("video", "audio"))
    times = shown_times(path, demuxer, packets, stated, min(begin, Fraction(0)), all_in_use() if jumps else ())
    time_base, pts, lasts = times.time_base, times.pts, times.last_lasts
    rate = constant_rate(pts, time_base, stated, lasts)
    held = rate is not None and times.timed and lasts * rate >= HELD_FRAMES
    picture = _parse_pixel_format(main.info.detail)
    return VideoInfo(
        path=path,
        width=packets.width,
        height=packets.height,
        frame_count=len(pts),
        rate=rate or film_rate(pts, time_base, stated),
        time_base=time_base,
        pts=pts,
        variable_rate=rate is None or held,
        sample_aspect=packets.sample_aspect,
        rotation=0,
        codec=main.info.codec,
        pixel_format=picture.format.replace("yuv", "yuva") if main.alpha_apart else picture.format,
        color_matrix=picture.matrix,
        primaries=picture.primaries,
        transfer=picture.transfer,
        interlaced=picture.interlaced,
        timecode=timecode,
        demuxer=demuxer,
        streams=tuple(others),
        timed=times.timed,
        orderly=times.orderly,
        jumps=jumps,
        last_lasts=lasts if lasts and (rate is None or held) else None,
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
            found.setdefault(latest.index, _Stream(latest))
        elif latest is not None and _ALPHA_LINE.match(line):
            found[latest.index] = replace(found[latest.index], alpha_apart=True)
        elif latest is not None and (match := _TITLE_LINE.match(line)) and not found[latest.index].info.title:
            stream = found[latest.index]
            found[latest.index] = replace(stream, info=replace(stream.info, title=match[1]))
    return [found[index] for index in sorted(found)]


def _is_moving_picture(stream: StreamInfo) -> bool:
    still = ("(timed thumbnails)", "(still image)")
    return stream.kind == "video" and not any(mark in stream.detail for mark in still)


def _refuse_other_formats(path: Path, run: FfmpegRun) -> None:
    """Say what a file is that ffmpeg did not open because its format is not among those that clips have."""
    remarks, before_the_clip = run.remarks, run.messages.partition("Input #0,")[0]
    if _MISNAMED_PLAYLIST in before_the_clip:  # which no part of ffmpeg signs
        raise InputError(refusal(path.name, "hls"))
    if _TOO_MANY_STREAMS in remarks:
        raise InputError(f"{path.name} has more streams than a clip may have ({STREAMS}). Leave some out first.")
    if _REFUSED in remarks:
        raise InputError(refusal(path.name, format_of(path)))


def _refuse_many(path: Path, messages: str) -> None:
    """Refuse a clip that says so much of itself that each look at it would take long."""
    listed = messages.partition("\nOutput #")[0]
    if len(_CHAPTER_LINE.findall(listed)) > CHAPTERS:
        raise InputError(
            f"{path.name} has more chapters than a clip may have ({CHAPTERS:,}). Copy it without them first: "
            "ffmpeg -i CLIP -map 0 -c copy -map_chapters -1 COPY"
        )
    if any(len(_TAG_LINE.findall(said)) > TAGS for said in _METADATA_LINE.split(listed)):
        raise InputError(
            f"{path.name} has more tags than a clip may have ({TAGS:,}). Copy it without them first: "
            "ffmpeg -i CLIP -map 0 -c copy -map_metadata -1 COPY"
        )


def _stated_rates(detail: str) -> tuple[str, ...]:
    """The rates that ffmpeg prints for the stream, e.g. ("29.97", "29.97"); they are rounded."""
    return tuple(re.findall(r"([\d.]+) (?:fps|tbr)\b", detail))


@dataclass(frozen=True)
class _PixelFormat:
    """What ffmpeg says of a stream's pictures; names are None where the file does not say."""

    format: str
    matrix: str | None
    primaries: str | None
    transfer: str | None
    interlaced: bool


def _parse_pixel_format(detail: str) -> _PixelFormat:
    """Read e.g. "(High) (avc1), yuv420p10le(tv, bt2020nc/bt2020/smpte2084, top first), 640x480"."""
    found = _PICTURE.search(detail)
    name, tags = (found[1], (found[2] or "").split(", ")) if found else ("unknown", [])
    colors = next((tag for tag in tags if tag.split("/")[0] in (*COLOR_MATRICES, *UNKNOWN)), "unknown").split("/")
    matrix, primaries, transfer = colors if len(colors) == 3 else colors[:1] * 3  # one word where all three agree
    interlaced = any(tag.startswith(("top ", "bottom ")) for tag in tags)
    return _PixelFormat(name, _known(matrix), _known(primaries), _known(transfer), interlaced)


def _known(name: str) -> str | None:
    return None if name in UNKNOWN else name
