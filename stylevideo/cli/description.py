"""What `stylevideo probe` and `shots` say of a clip: JSON values for programs, lines for people.

Knows facts, reads nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from fileseq.frameset import FrameSet

from stylevideo.errors import SettingsError
from stylevideo.timeline.clip import Shot, VideoInfo
from stylevideo.timeline.timecode import timecode_after


def as_json(info: VideoInfo) -> dict[str, Any]:
    """All facts but each frame's time; rates and aspects are fractions as text, such as "30000/1001"."""
    return {
        "path": str(info.path),
        "codec": info.codec,
        "pixel_format": info.pixel_format,
        "bits": info.bits,
        "alpha": info.has_alpha,
        "linear": info.is_linear,
        "color_matrix": info.color_matrix,
        "primaries": info.primaries,
        "transfer": info.transfer,
        "hdr": info.is_hdr,
        "interlaced": info.interlaced,
        "width": info.width,
        "height": info.height,
        "sample_aspect": str(info.sample_aspect),
        "rotation": info.rotation,
        "mirrored": info.mirrored,
        "sequence": info.is_sequence,
        "frame_count": info.frame_count,
        "first_number": info.number(0),
        "missing": list(info.missing),
        "rate": str(info.rate),
        "variable_rate": info.variable_rate,
        "time_base": str(info.time_base),
        "timed": info.timed,
        "start_time_s": float(info.start_time),
        "duration_s": float(info.duration),
        "timecode": info.timecode,
        "streams": [asdict(stream) for stream in info.streams],
    }


def as_lines(info: VideoInfo) -> Iterator[str]:
    """The same in words; what is as usual is not said."""
    yield f"{info.path.name}: {', '.join(_picture(info))}"
    turned = f"rotation {info.rotation}{', mirrored' if info.mirrored else ''}"
    yield f"  size      {info.width}x{info.height}, sample aspect {info.sample_aspect}, {turned}"
    kind = "variable rate" if info.variable_rate else "constant rate"
    if info.is_still:
        return
    how = "unless --rate says otherwise" if info.is_sequence else kind
    yield f"  frames    {info.frame_count}, {info.rate} a second ({float(info.rate):.3f}), {how}"
    if info.is_sequence:
        yield f"  numbers   {info.numbers(range(info.frame_count))}{_without(info)}"
    yield f"  time      starts at {float(info.start_time):.3f} s, lasts {float(info.duration):.3f} s"
    if info.timecode:
        yield f"  timecode  {info.timecode}"
    for stream in info.streams:
        language = f" ({stream.language})" if stream.language else ""
        yield f"  {stream.kind:<9} {stream.codec}{language}, {stream.detail}"


def shot_as_json(info: VideoInfo, shot: Shot) -> dict[str, Any]:
    """A shot: its place in the clip and its frames' numbers, from 1; its ends in seconds from the clip's first frame.

    Its first frame's timecode is None where the clip has none, or one that makes no sense.
    """
    start = (info.pts[shot.start] - info.pts[0]) * info.time_base
    end = info.duration if shot.stop == info.frame_count else (info.pts[shot.stop] - info.pts[0]) * info.time_base
    return {
        "shot": shot.index + 1,
        "first": info.number(shot.start),
        "last": info.number(shot.stop - 1),
        "frames": shot.stop - shot.start,
        "start_s": float(start),
        "end_s": float(end),
        "timecode": _timecode(info, round(start * info.rate)),
    }


def _timecode(info: VideoInfo, frames: int) -> str | None:
    with suppress(SettingsError):
        return timecode_after(info.timecode, frames, info.rate) if info.timecode else None
    return None


def _picture(info: VideoInfo) -> Iterator[str]:
    yield from (info.codec, info.pixel_format, f"{info.bits} bits")
    yield "scene-linear" if info.is_linear else f"color matrix {info.color_matrix or 'not said'}"
    if info.primaries not in (None, info.color_matrix):
        yield f"primaries {info.primaries}"
    if info.is_hdr:
        yield f"HDR ({info.transfer})"
    if info.interlaced:
        yield "interlaced"
    if info.has_alpha:
        yield "with alpha"


def _without(info: VideoInfo) -> str:
    return f", of which {len(info.missing)} are missing: {FrameSet(info.missing)}" if info.missing else ""
