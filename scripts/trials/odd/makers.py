"""Clips of odd kinds, all made by the bundled ffmpeg of the same numbered frames with a beep at each flash."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from scripts.formats.footage import Encoder, Studio, constant, handheld, run
from scripts.trials.odd.account import OWN_CLOCK
from stylevideo.media.ffmpeg import file_url

LOSSLESS = Encoder(("-c:v", "libx264", "-preset", "ultrafast", "-qp", "0"), audio=("-c:a", "pcm_s16le"))
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "12", "-g", "12")
AAC = ("-c:a", "aac", "-b:a", "192k")
PCM = ("-c:a", "pcm_s16le")
PACKET_BYTES = 188
"""Of MPEG-TS."""


@dataclass(frozen=True)
class Odd:
    """A clip of an odd kind.

    Attributes:
        name: in words.
        path: its file.
        settings: of the run, beyond the usual.
        options: of ffmpeg, for its account of the source.
        plain: the same streams in a file of which ffmpeg can tell all, where it cannot of this one.
    """

    name: str
    path: Path
    settings: dict[str, object]
    options: tuple[str, ...] = OWN_CLOCK
    plain: Path | None = None


ENCODED: dict[str, tuple[str, tuple[str, ...]]] = {
    "open GOP": (
        "open.ts",
        ("-c:v", "libx264", "-qp", "12", "-bf", "3", "-x264-params", "open-gop=1:keyint=12:scenecut=0", *AAC),
    ),
    "telecined": ("telecined.ts", ("-vf", "telecine,setparams=field_mode=tff", "-c:v", "mpeg2video", "-q:v", "2",
                                   "-flags", "+ildct+ilme", "-c:a", "mp2", "-b:a", "256k")),
    "interlaced H.264": ("fields.mts", (*H264, "-flags", "+ildct+ilme", "-x264-params", "tff=1", *AAC)),
    "MPEG program stream": ("program.mpg", ("-c:v", "mpeg2video", "-q:v", "2", "-c:a", "mp2", "-b:a", "256k")),
    "AVI with B frames": ("b.avi", ("-c:v", "mpeg4", "-bf", "2", "-q:v", "2", *PCM)),
    "DV": ("tape.dv", ("-vf", "scale=720:576:flags=neighbor", "-r", "25", "-pix_fmt", "yuv420p", "-c:v", "dvvideo",
                       *PCM, "-ac", "2")),
    "WMV": ("windows.wmv", ("-c:v", "wmv2", "-q:v", "2", "-c:a", "wmav2", "-b:a", "192k")),
    "FLV": ("flash.flv", (*H264, *AAC)),
    "Ogg Theora": ("free.ogv", ("-c:v", "libtheora", "-q:v", "10", "-c:a", "libvorbis", "-q:a", "8")),
    "fragmented MP4": ("pieces.mp4", (*H264, "-bf", "0", *AAC, "-movflags", "+frag_keyframe+delay_moov")),
    "GIF": ("moving.gif", ("-an", "-r", "25")),
    "APNG": ("moving.apng", ("-an", "-f", "apng", "-plays", "0")),
    "animated WebP": ("moving.webp", ("-an", "-c:v", "libwebp_anim", "-lossless", "1", "-compression_level", "0")),
    "3GP": ("phone.3gp", ("-c:v", "mpeg4", "-q:v", "2", *AAC)),
    "MXF": ("camera.mxf", ("-c:v", "mpeg2video", "-q:v", "2", *PCM, "-ar", "48000")),
    "raw H.264": ("bare.h264", ("-an", *H264)),
    "one frame": ("one.mp4", ("-an", "-frames:v", "1", *H264)),
}  # fmt: skip


def make_all(folder: Path) -> Iterator[Odd]:
    """Make the clips, one after another; those that this ffmpeg cannot make are left out."""
    studio = Studio(folder)
    master = studio.shoot("master.mkv", LOSSLESS, constant()).path
    even = studio.shoot("even.mp4", Encoder(H264), constant()).path
    for name, (file, words) in ENCODED.items():
        if words:
            run(["-i", file_url(master), *words, file_url(folder / file)])
            yield Odd(name, folder / file, {})
    for make in MAKERS:
        yield make(studio, even)


def _cut(studio: Studio, even: Path) -> Odd:
    """A recording that begins within a group of pictures."""
    whole, path = studio.folder / "whole.ts", studio.folder / "cut.ts"
    run(["-i", file_url(even), "-c", "copy", file_url(whole)])
    data = whole.read_bytes()
    tables, begin = 3 * PACKET_BYTES, len(data) // 7 // PACKET_BYTES * PACKET_BYTES
    path.write_bytes(data[:tables] + data[begin:])
    return Odd("TS cut within a GOP", path, {})


def _edited(studio: Studio, even: Path) -> Odd:
    path = studio.folder / "edited.mp4"
    run(["-ss", "0.7", "-i", file_url(even), "-c", "copy", file_url(path)])
    return Odd("edit list", path, {})


def _uneven(studio: Studio, even: Path) -> Odd:
    path = studio.shoot("uneven.mp4", Encoder(H264), handheld()).path
    return Odd("variable rate", path, {"variable_rate": "keep"})


def _jump(studio: Studio, even: Path) -> Odd:
    """Two recordings in one file, whose clocks do not agree."""
    whole, late, path = (studio.folder / name for name in ("first.ts", "second.ts", "jump.ts"))
    run(["-i", file_url(even), "-c", "copy", file_url(whole)])
    run(["-i", file_url(even), "-c", "copy", "-output_ts_offset", "1000", file_url(late)])
    path.write_bytes(whole.read_bytes() + late.read_bytes())
    return Odd("two TS with a jump of time", path, {"variable_rate": "keep"}, ())


def _mirrored(studio: Studio, even: Path) -> Odd:
    path = studio.folder / "mirrored.mp4"
    run(["-display_hflip", "-i", file_url(even), "-c", "copy", file_url(path)])
    return Odd("mirrored", path, {})


def _negative(studio: Studio, even: Path) -> Odd:
    path = studio.folder / "negative.mkv"
    early = ("-output_ts_offset", "-0.133", "-avoid_negative_ts", "disabled")
    run(["-i", file_url(even), "-c", "copy", *early, file_url(path)])
    # Of frames before Matroska's zero ffmpeg tells no time, or one that it makes up.
    return Odd("negative start", path, {}, plain=even)


def _late(studio: Studio, even: Path) -> Odd:
    timing = constant(late_picture=Fraction(1, 4))
    return Odd("picture 250 ms late", studio.shoot("late.mp4", Encoder(H264), timing).path, {})


MAKERS: tuple[Callable[[Studio, Path], Odd], ...] = (_cut, _edited, _uneven, _jump, _mirrored, _negative, _late)
