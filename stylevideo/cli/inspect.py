"""The commands that show what there is: `probe` and `shots` of a clip, `presets`, `looks`, `deliveries`."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fileseq.frameset import FrameSet

from stylevideo.cli.parser import Commands, Parser, add_common, add_json, set_command
from stylevideo.errors import SettingsError
from stylevideo.media.encode.delivery import DELIVERIES
from stylevideo.planning.looks import describe_looks
from stylevideo.rectangle import Rectangle
from stylevideo.settings.presets import PRESETS
from stylevideo.settings.settings import as_flag
from stylevideo.system.streams import print_json, print_line
from stylevideo.timeline.clip import Shot, VideoInfo
from stylevideo.timeline.selection import FrameSelection
from stylevideo.timeline.timecode import timecode_after


def add_parsers(commands: Commands) -> None:
    """Add the five commands."""
    probe = commands.add_parser("probe", help="show exactly what a video holds")
    set_command(probe, "probe", _probe, loads="stylevideo.media.decode.reader")
    shots = commands.add_parser("shots", help="show a video's shots")
    set_command(shots, "shots", _shots, loads="stylevideo.media.decode.shots")
    for parser in (probe, shots):
        _add_file(parser)
    presets = commands.add_parser("presets", help="list the presets and what they mean")
    set_command(presets, "presets", _presets)
    deliveries = commands.add_parser("deliveries", help="list the forms in which a film can be written")
    set_command(deliveries, "deliveries", _deliveries)
    looks = commands.add_parser("looks", help="list the looks that --look can name, and what is wrong with any")
    set_command(looks, "looks", _looks)
    looks.add_argument("job", type=Path, nargs="?", metavar="JOB.toml", help="a job file beside which some may lie")
    for parser in (presets, looks, deliveries):
        add_common(parser)


def _add_file(parser: Parser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE")
    add_json(parser)
    add_common(parser)


def _probe(options: argparse.Namespace) -> None:
    from stylevideo.media.decode.reader import open_clip

    info = open_clip(options.file)
    if options.json:
        print_json(as_json(info))
        return
    for line in as_lines(info):
        print_line(line)


def _shots(options: argparse.Namespace) -> None:
    from stylevideo.media.decode.reader import open_clip
    from stylevideo.media.decode.shots import detect_shots

    info = open_clip(options.file)
    shots = [shot_as_json(info, shot) for shot in detect_shots(FrameSelection.whole(info))]
    if options.json:
        print_json(shots)
        return
    for shot in shots:
        timecode = f", timecode {shot['timecode']}" if shot["timecode"] else ""
        picture = ", picture {width}x{height} at {left},{top}".format(**shot["picture"]) if shot["picture"] else ""
        turn = f", the last {shot['dissolving']} dissolve into the next shot" if shot["dissolving"] else ""
        print_line(
            f"shot {shot['shot']}: frames {shot['first']}-{shot['last']} ({shot['frames']}), "
            f"{shot['start_s']:.3f}-{shot['end_s']:.3f} s{timecode}{picture}{turn}"
        )


def _presets(options: argparse.Namespace) -> None:
    for entry in PRESETS.values():
        print_line(f"{entry.name}: {entry.description}")
        if entry.values:
            print_line(
                f"    {shlex.join(word for name, value in entry.values.items() for word in as_flag(name, value))}"
            )


def _looks(options: argparse.Namespace) -> None:
    beside = options.job.parent if options.job else Path()
    for name, description in describe_looks(beside):
        print_line(f"{name}: {description}")


def _deliveries(options: argparse.Namespace) -> None:
    for delivery in DELIVERIES.values():
        print_line(f"{delivery.name}: {delivery.description} ({', '.join(delivery.suffixes)})")


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
        "first_number": info.first_number,
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
        yield f"  numbers   {FrameSelection.whole(info).text}{_without(info)}"
    yield f"  time      starts at {float(info.start_time):.3f} s, lasts {float(info.duration):.3f} s"
    if info.timecode:
        yield f"  timecode  {info.timecode}"
    for stream in info.streams:
        language = f" ({stream.language})" if stream.language else ""
        yield f"  {stream.kind:<9} {stream.codec}{language}, {stream.detail}"


def shot_as_json(info: VideoInfo, shot: Shot) -> dict[str, Any]:
    """A shot: its place in the clip and its frames' numbers, from 1; its ends in seconds from the clip's first frame.

    Its first frame's timecode is None where the clip has none, or one that makes no sense; its picture, in pixels,
    where there are no bars around it. So many of its last frames dissolve into the next shot.
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
        "picture": _rectangle(shot.active) if shot.active else None,
        "dissolving": shot.dissolving,
    }


def _rectangle(part: Rectangle) -> dict[str, int]:
    height, width = part.size
    return {"left": part.left, "top": part.top, "width": width, "height": height}


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
