"""Exact facts about a video file, found without ffprobe and, but for its orientation, without decoding a frame.

ffmpeg lists the streams on standard error, and its `framecrc` muxer prints every packet's time stamp, from
which follow the exact number of frames and the exact rate. Says nothing about whether the frames decode.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from stylevideo.errors import InputError, StorageError
from stylevideo.limits import CHAPTERS, FRAMES, MESSAGE_BYTES, PIXELS, STREAMS, TAGS
from stylevideo.media.clock import JUMPED, all_in_use
from stylevideo.media.decode.packets import shown_times
from stylevideo.media.decode.streams import FileListing, ListedStream, parse_pixel_format, stated_rates
from stylevideo.media.decode.tags import TAG_OUTPUT, printed_tags
from stylevideo.media.ffmpeg import FfmpegRun, file_url, format_of, last_lines, reading_time_s, run_ffmpeg, source_input
from stylevideo.media.formats import refusal
from stylevideo.media.framecrc import Listing, parse_framecrc
from stylevideo.media.orientation import ONE_FRAME, UNTURNED, Orientation, orientation_of, read_orientation
from stylevideo.system.files import refuse_address, temporary_folder
from stylevideo.timeline.clip import Said, VideoInfo
from stylevideo.timeline.rates import HELD_FRAMES, constant_rate, film_rate

JOINED = "The clip's clock jumps, as where recordings were joined. The film runs on from one to the next."

_CHAPTER_LINE = re.compile(r"^    Chapter #0:\d+: start ", re.MULTILINE)
_METADATA_LINE = re.compile(r"^ +Metadata:$", re.MULTILINE)
_TAG_LINE = re.compile(r"^ {4,8}(?!Chapter #0:\d+: start )\S.*: ", re.MULTILINE)
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
    listing = FileListing.of(run.messages)
    picture = listing.picture
    if not listing.streams and "moov atom not found" in run.remarks and _begins_as_mp4(path):
        raise InputError(
            f"{path.name} was not recorded or copied to its end: its index is missing. "
            "Copy it again, or mend it with a tool such as untrunc."
        )
    if not listing.streams and run.status != 0 and not listing.demuxer:
        raise InputError(
            f"{path.name} is not a video that ffmpeg can read: {_reason(run.messages)}. "
            "Check the file, or convert it first."
        )
    if picture is None:
        found = ", ".join(f"{s.info.kind} ({s.info.codec})" for s in listing.streams) or "nothing"
        raise InputError(f"{path.name} has no video stream; it holds {found}. Choose a file with a moving picture.")
    if run.status != 0:
        raise InputError(f"{path.name} could not be read to its end by ffmpeg:\n  {last_lines(run.messages)}")
    if _REFERENCE in run.remarks and not re.search(r"^\d", run.output, re.MULTILINE):
        raise InputError(
            f"{path.name} keeps its picture in another file, and only the file that you name is opened. "
            "Save it as one file first."
        )
    if jumps := JUMPED in run.remarks:
        run = _run_framecrc(path, all_in_use())
    info = _video_info(path, listing, picture, _require_packets(path, run.output), jumps)
    notes = (*_program_notes(run.messages), *([JOINED] if jumps else []))
    info = replace(info, picture=picture.info, notes=notes, said=said)
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


def _video_info(path: Path, listing: FileListing, picture: ListedStream, packets: Listing, jumps: bool) -> VideoInfo:
    """Put together what the list of streams and the packets say."""
    stated, others = stated_rates(picture.info.detail), listing.others
    begin = min(stream.start for stream in (picture.info, *others) if stream.kind in ("video", "audio"))
    company = all_in_use() if jumps else ()
    times = shown_times(path, listing.demuxer, packets, stated, min(begin, Fraction(0)), company)
    time_base, pts, lasts = times.time_base, times.pts, times.last_lasts
    rate = constant_rate(pts, time_base, stated, lasts)
    held = rate is not None and times.timed and lasts * rate >= HELD_FRAMES
    pixels = parse_pixel_format(picture.info.detail)
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
        codec=picture.info.codec,
        pixel_format=pixels.format.replace("yuv", "yuva") if picture.alpha_apart else pixels.format,
        color_matrix=pixels.matrix,
        primaries=pixels.primaries,
        transfer=pixels.transfer,
        interlaced=pixels.interlaced,
        timecode=listing.timecode,
        demuxer=listing.demuxer,
        streams=others,
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
