"""Every kind of footage that is read: whether it comes whole through a run that paints nothing.

The film is FFV1 with 16 bits, which keeps whatever was read; it is compared with the source as ffmpeg decodes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from scripts.formats.footage import (
    FRAMES,
    RAMP_ROWS,
    RATE,
    Encoder,
    Source,
    Studio,
    Timing,
    constant,
    halved,
    numbered_picture,
    run,
    save_picture,
    target,
)
from scripts.formats.measures import decode, identity, largest_difference, shown_numbers, sync_errors, worst
from scripts.formats.report import Row
from stylevideo.errors import StyleVideoError
from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.reader import open_clip
from stylevideo.reports.results import ClipResult
from stylevideo.timeline.clip import VideoInfo

FIRST_NUMBER = 1001
SHALLOW_LEVELS, DEEP_LEVELS = 514, 64
"""Of 16 bits, by which the film's ramp may differ from the source's: two of 8 bits; a sixteenth of one of 8 bits."""
GREY_ROWS = slice(RAMP_ROWS.start + 8, RAMP_ROWS.stop - 8)
"""Where no colour from above or below reaches into the ramp."""
TIME_MS = 1.0
SYNC_MS = 5.0
BAR = (
    "every frame in order, the exact rate (frame times within 1 ms), no frame repaired but those that were damaged on "
    "purpose, the ramp within 64 levels of 16 bits of the source's where it has more than 8 bits (514 where it has 8), "
    "alpha likewise, and sound no more than 5 ms farther from the picture than in the source."
)

H264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "6", "-bf", "2")
HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-crf", "8", "-x265-params", "log-level=error")
VP9 = ("-c:v", "libvpx-vp9", "-crf", "8", "-b:v", "0", "-cpu-used", "8", "-deadline", "realtime")
# Faster presets blend frames into each other.
AV1 = ("-c:v", "libsvtav1", "-preset", "8", "-crf", "16")
DNXHR = ("-c:v", "dnxhd", "-profile:v", "dnxhr_hqx")
MPEG2 = ("-c:v", "mpeg2video", "-q:v", "2", "-bf", "2")
PRORES = ("-c:v", "prores_ks", "-profile:v")
FFV1 = ("-c:v", "ffv1", "-level", "3")
PCM, AC3, MP2, OPUS = ("-c:a", "pcm_s16le"), ("-c:a", "ac3"), ("-c:a", "mp2"), ("-c:a", "libopus")
MUTE = ()
GIF = ("split[a][b];[a]palettegen[p];[b][p]paletteuse=dither=none",)

Shot = Callable[[Studio], Source]


@dataclass(frozen=True)
class Format:
    """A kind of footage.

    Attributes:
        what: in words.
        shoot: makes it.
        decoder: ffmpeg's arguments for reading it, where its own choice leaves something out.
        values: settings that it needs.
    """

    what: str
    shoot: Shot
    decoder: tuple[str, ...] = ()
    values: tuple[tuple[str, str], ...] = ()


def _video(name: str, encoder: Encoder, timing: Timing | None = None) -> Shot:
    return lambda studio: studio.shoot(name, encoder, timing or constant())


def _formats() -> Iterator[Format]:
    for what, name, encoder in _FILES:
        yield Format(what, _video(name, encoder))
    for what, name, encoder, rate in _OTHER_RATES:
        yield Format(what, _video(name, encoder, constant(Fraction(rate))))
    yield Format("webm, VP9 with alpha", _video("a.webm", _VP9_ALPHA), decoder=("-c:v", "libvpx-vp9"))
    yield Format("mp4, variable rate (24, then 12)", _video("vfr.mp4", Encoder(H264), halved()))
    yield Format("mkv, variable rate (24, then 12)", _video("vfr.mkv", Encoder(H264), halved()))
    late = constant(late_picture=Fraction(1, 4))
    yield Format("mp4, picture 250 ms late", _video("late.mp4", Encoder(H264), late))
    yield Format("mp4, edit list", _edit_list)
    yield Format("mp4, turned by 90 degrees", _turned)
    yield Format("mov, PNG, two frames damaged", _damaged)
    for what, suffix, dtype, channels in _SEQUENCES:
        yield Format(what, _files(suffix, dtype, channels), values=(("rate", str(RATE)),))
    for what, pixels in (("DPX sequence, 10 bits", "gbrp10be"), ("DPX sequence, 12 bits", "gbrp12be")):
        yield Format(what, _video("f.####.dpx", _dpx(pixels)), values=(("rate", str(RATE)),))


_VP9_ALPHA = Encoder((*VP9, "-auto-alt-ref", "0"), "yuva420p", OPUS)
_FILES = (
    ("mp4, H.264", "a.mp4", Encoder(H264)),
    ("mp4, H.264, 10 bits", "b.mp4", Encoder(H264, "yuv420p10le")),
    ("mkv, H.264, 4:4:4, 10 bits", "c.mkv", Encoder(H264, "yuv444p10le")),
    ("mp4, HEVC", "d.mp4", Encoder(HEVC)),
    ("mp4, HEVC, 10 bits", "e.mp4", Encoder(HEVC, "yuv420p10le")),
    ("mkv, HEVC, 12 bits", "f.mkv", Encoder(HEVC, "yuv420p12le")),
    ("webm, VP9", "g.webm", Encoder(VP9, audio=OPUS)),
    ("mkv, VP9, 10 bits", "h.mkv", Encoder(VP9, "yuv420p10le", OPUS)),
    ("mp4, AV1", "i.mp4", Encoder(AV1)),
    ("webm, AV1, 10 bits", "j.webm", Encoder(AV1, "yuv420p10le", OPUS)),
    ("mov, ProRes 422 HQ", "k.mov", Encoder((*PRORES, "3"), "yuv422p10le", PCM)),
    ("mov, ProRes 4444 with alpha", "l.mov", Encoder((*PRORES, "4444", "-alpha_bits", "16"), "yuva444p10le", PCM)),
    ("mov, DNxHR HQX", "m.mov", Encoder(DNXHR, "yuv422p10le", PCM)),
    ("mxf, DNxHR HQX", "n.mxf", Encoder(DNXHR, "yuv422p10le", PCM)),
    ("mkv, FFV1, 10 bits", "o.mkv", Encoder(FFV1, "yuv422p10le", ("-c:a", "flac"))),
    ("mkv, FFV1, 16 bits with alpha", "p.mkv", Encoder(FFV1, "gbrap16le", PCM)),
    ("mov, PNG, 16 bits with alpha", "q.mov", Encoder(("-c:v", "png"), "rgba64be", PCM)),
    ("mov, Animation with alpha", "r.mov", Encoder(("-c:v", "qtrle"), "argb", PCM)),
    ("avi, MJPEG", "s.avi", Encoder(("-c:v", "mjpeg", "-q:v", "2"), "yuv422p", PCM, full_range=True)),
    ("avi, MPEG-4", "t.avi", Encoder(("-c:v", "mpeg4", "-q:v", "2"), audio=AC3)),
    ("avi, uncompressed", "u.avi", Encoder(("-c:v", "rawvideo"), "bgr24", PCM)),
    ("ts, H.264", "v.ts", Encoder(H264)),
    ("ts, MPEG-2", "w.ts", Encoder(MPEG2, audio=MP2)),
    ("mpg, MPEG-2", "x.mpg", Encoder(MPEG2, audio=MP2, container=("-f", "vob"))),
    ("mxf, MPEG-2 4:2:2", "y.mxf", Encoder((*MPEG2, "-b:v", "20M"), "yuv422p", PCM)),
    ("raw H.264 stream", "z.h264", Encoder(H264, audio=MUTE)),
    ("raw HEVC stream", "z.hevc", Encoder(HEVC, audio=MUTE)),
    ("y4m, uncompressed", "z.y4m", Encoder(("-c:v", "rawvideo"), audio=MUTE)),
    ("mp4, H.264, pixels of 16:15", "sar.mp4", Encoder(H264, filters=("setsar=16/15",))),
    ("mp4, H.264, full range", "full.mp4", Encoder(H264, full_range=True)),
)
_WOVEN = (*H264, "-flags", "+ilme+ildct", "-x264-params", "tff=1")
_WOVEN_HEVC = (*HEVC[:-1], "interlace=tff:log-level=error")
_WOVEN_MPEG4 = ("-c:v", "mpeg4", "-q:v", "2", "-flags", "+ilme+ildct")
_OTHER_RATES = (
    ("mts, H.264, interlaced, 25", "i.mts", Encoder(_WOVEN, audio=AC3, filters=("setfield=tff",)), "25"),
    ("ts, HEVC, interlaced, 25", "i.ts", Encoder(_WOVEN_HEVC, audio=AC3, filters=("setfield=tff",)), "25"),
    ("avi, MPEG-4, interlaced, 25", "i.avi", Encoder(_WOVEN_MPEG4, audio=AC3, filters=("setfield=tff",)), "25"),
    ("mp4, H.264, 30000/1001", "ntsc.mp4", Encoder(H264), "30000/1001"),
    ("mov, H.264, 60000/1001", "fast.mov", Encoder(H264), "60000/1001"),
    ("gif, 25", "g.gif", Encoder(("-c:v", "gif"), "pal8", MUTE, filters=GIF), "25"),
)
_SEQUENCES = (
    ("PNG sequence", ".png", np.uint8, 3),
    ("PNG sequence, 16 bits with alpha", ".png", np.uint16, 4),
    ("TIFF sequence, 16 bits", ".tif", np.uint16, 3),
    ("TIFF sequence, 16 bits with alpha", ".tif", np.uint16, 4),
    ("JPEG sequence", ".jpg", np.uint8, 3),
    ("EXR sequence, half", ".exr", np.float16, 3),
)


def _dpx(pixels: str) -> Encoder:
    return Encoder(("-c:v", "dpx"), pixels, MUTE, container=("-f", "image2", "-start_number", str(FIRST_NUMBER)))


# -- footage that takes more than an encoder -------------------------------------------------------


def _edit_list(studio: Studio) -> Source:
    """The first 15 frames are in the file, but are not to be shown."""
    whole = studio.shoot("whole.mp4", Encoder((*H264, "-sc_threshold", "0", "-g", "48")), constant())
    path, hidden = studio.folder / "edited.mp4", 15
    run(["-ss", f"{float(hidden / RATE):.6f}", "-i", target(whole.path), "-c", "copy", target(path)])
    return replace(whole, path=path, numbers=whole.numbers[hidden:], times=whole.times[: FRAMES - hidden])


def _turned(studio: Studio) -> Source:
    """Lying on its side in the file, with a word on how to turn it."""
    lying = studio.shoot("lying.mp4", Encoder(H264, filters=("transpose=clock",)), constant())
    path = studio.folder / "turned.mp4"
    run(["-display_rotation", "90", "-i", target(lying.path), "-c", "copy", target(path)])
    return replace(lying, path=path)


def _damaged(studio: Studio) -> Source:
    """Of two frames the beginning is lost; the last good one stands in for them."""
    source = studio.shoot("damaged.mov", Encoder(("-c:v", "png"), "rgb24", PCM), constant())
    head, lost = b"\x89PNG\r\n\x1a\n", (20, 21)
    pieces = source.path.read_bytes().split(head)
    heads = [bytes(len(head)) if i in lost else head for i in range(len(pieces) - 1)]
    source.path.write_bytes(b"".join(p + h for p, h in zip(pieces, [*heads, b""], strict=True)))
    numbers = tuple(lost[0] - 1 if number in lost else number for number in source.numbers)
    return replace(source, numbers=numbers, repaired=len(lost))


def _files(suffix: str, dtype: type[np.generic], channels: int) -> Shot:
    """A file for each frame, numbered from 1001."""

    def shoot(studio: Studio) -> Source:
        timing = constant()
        for number in range(FRAMES):
            pixels = numbered_picture(number, number in timing.flashes)[..., :channels]
            _save(studio.folder / f"f.{FIRST_NUMBER + number}{suffix}", pixels, dtype)
        return Source(studio.folder / f"f.####{suffix}", tuple(range(FRAMES)), timing.times, timing.rate)

    return shoot


def _save(path: Path, pixels: np.ndarray, dtype: type[np.generic]) -> None:
    if path.suffix == ".exr":
        _save_exr(path, pixels / 65535)
    else:
        save_picture(path, pixels if dtype is np.uint16 else (pixels // 257).astype(np.uint8))


def _save_exr(path: Path, encoded: np.ndarray) -> None:
    """Display-like values as the light that they show (IEC 61966-2-1)."""
    import OpenEXR

    light = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    channels = {name: np.ascontiguousarray(light[..., i], np.float16) for i, name in enumerate("RGB")}
    with OpenEXR.File({}, channels) as file:
        file.write(str(path))


# -- a row -----------------------------------------------------------------------------------------


def check_in(studio: Studio) -> Iterator[Row]:
    """A row for each format."""
    for kind in _formats():
        yield check_format(kind, studio)


def check_format(kind: Format, studio: Studio) -> Row:
    """Make footage, run it, and compare the film with it."""
    source = kind.shoot(studio)
    film = studio.folder / "film.mkv"
    values = {
        "delivery": "ffv1",
        "depth": "16",
        "variable_rate": "keep",
        "overwrite": True,
        "restart": True,
        **dict(kind.values),
    }
    try:
        result = identity(source.path, film, **values)
    except StyleVideoError as error:
        return Row(kind.what, {}, (f"refused: {error}",))
    return _row(kind, source, film, result)


def _row(kind: Format, source: Source, film: Path, result: ClipResult) -> Row:
    made, info = probe(film), open_clip(source.path, source.rate or RATE)
    pictures = decode(film, "rgba64le" if info.has_alpha else "rgb48le")
    figures, faults = _order(source, pictures, made)
    for found, wrong in (_depth(kind, info, pictures), _repairs(source, result), _sync(source, info, film)):
        figures |= found
        faults += wrong
    return Row(kind.what, figures, tuple(faults))


Found = tuple[dict[str, Any], list[str]]


def _order(source: Source, pictures: np.ndarray, made: VideoInfo) -> Found:
    """Whether every frame is there, in order, at its time."""
    right = shown_numbers(pictures) == list(source.numbers)
    late = max(
        abs(float((pts - made.pts[0]) * made.time_base - due)) * 1000
        for pts, due in zip(made.pts, source.times, strict=False)
    )
    exact = late <= TIME_MS and (source.rate is None or made.rate == source.rate)
    figures = {"frames": f"{len(pictures)} of {len(source.numbers)}", "in order": right}
    figures["rate"] = str(made.rate) if source.rate else "varies"
    figures["frame times, ms off"] = round(late, 2)
    faults = [] if right else [f"frames show {shown_numbers(pictures)}"]
    return figures, faults if exact else [*faults, f"rate {made.rate} instead of {source.rate}, {late:.2f} ms off"]


def _depth(kind: Format, info: VideoInfo, pictures: np.ndarray) -> Found:
    """The film's ramp and alpha beside the source's, in levels of 16 bits."""
    truth = _truth(kind, info)
    count = min(len(truth), len(pictures))
    colors = largest_difference(truth[:count, GREY_ROWS, :, :3], pictures[:count, GREY_ROWS, :, :3])
    alpha = largest_difference(truth[:count, ..., 3], pictures[:count, ..., 3]) if info.has_alpha else None
    limit = SHALLOW_LEVELS if info.bits == 8 else DEEP_LEVELS
    figures = {"bits": info.bits, "ramp, levels of 16 bits off": colors, "alpha off": alpha}
    return figures, [f"{name} off by {off}" for name, off in (("ramp", colors), ("alpha", alpha)) if (off or 0) > limit]


def _truth(kind: Format, info: VideoInfo) -> np.ndarray:
    """The source as ffmpeg decodes it; of light, the pictures that it was made from; without the damaged ones."""
    if info.is_linear:
        return np.stack([numbered_picture(number, False) for number in range(FRAMES)])
    number = ["-start_number", str(FIRST_NUMBER)] if info.is_sequence else []
    # The ramp is the same in all frames, so that one that is missing shifts nothing that is compared.
    return decode(info.path, "rgba64le" if info.has_alpha else "rgb48le", options=[*number, *kind.decoder])


def _repairs(source: Source, result: ClipResult) -> Found:
    repaired = sum(record.repaired for record in result.frames)
    wrong = repaired != source.repaired
    return {"repaired": repaired}, [f"{repaired} frames repaired, {source.repaired} damaged"] if wrong else []


def _sync(source: Source, info: VideoInfo, film: Path) -> Found:
    """Flash and beep in the film, and in the source, which may be off by itself; of a damaged one that is not known."""
    if not info.audio():
        return {"sync error, ms": None, "the source's own": None}, []
    try:
        made = sync_errors(film)
        own = [0.0] * len(made) if source.repaired else sync_errors(info.path)
    except AssertionError as error:
        return {}, [str(error)]
    figures = {"sync error, ms": worst(made), "the source's own": None if source.repaired else worst(own)}
    apart = max(abs(a - b) for a, b in zip(made, own, strict=True))
    return figures, [f"sound moved by {apart:.1f} ms"] if apart > SYNC_MS else []
