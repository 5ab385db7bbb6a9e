"""A colour chart in every kind of YUV and RGB through `h264` and `png16`, beside what zscale makes of the same file."""

from __future__ import annotations

import colorsys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from scripts.formats.footage import Encoder, Studio, constant, run, target
from scripts.formats.inputs import MUTE
from scripts.formats.measures import identity
from scripts.formats.report import Row
from stylevideo.errors import StyleVideoError
from stylevideo.media.decode.ffmpeg import needs_ffmpeg
from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.reader import read_frames
from stylevideo.media.images.pictures import Reading, to_floats
from stylevideo.timeline.clip import VideoInfo
from stylevideo.timeline.selection import FrameSelection

PAGES, ROWS, COLUMNS, STEPS = 5, 4, 8, 16
"""Few fields on each page, so that no other field's colour reaches the middle of one in 4:2:0."""
SHOWN = 2
"""Frames for which each page is shown; the last of them is measured."""
SD, HD = (256, 144), (1280, 720)
MOST_IN_H264, MOST_IN_PNG16 = 3.0, 1.5
BAR = (
    "the mean over the middle of each of 160 fields (ramps of grey, of the primaries and their mixtures; skin; soft "
    "and dark hues) is at most 3/255 off in the film of `h264`, and 1.5/255 in the files of `png16`, in each channel: "
    "off what zscale makes of the same file in floats, in bt709's primaries; zscale decodes the film, too."
)
SKIN = (
    *((115, 82, 68), (194, 150, 130), (45, 34, 30), (60, 46, 40), (75, 57, 50), (92, 72, 61), (114, 90, 77)),
    *((132, 103, 88), (146, 106, 87), (160, 126, 86), (186, 149, 110), (215, 189, 150), (234, 218, 186)),
    *((243, 231, 219), (246, 237, 228), (255, 219, 172)),
)
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-qp", "0")
RAW, V210, FFV1 = ("-c:v", "rawvideo"), ("-c:v", "v210"), ("-c:v", "ffv1")
FLOATS = "format=gbrpf32le"


@dataclass(frozen=True)
class System:
    """What numbers mean: ffmpeg's names of matrix, primaries and curve."""

    name: str
    matrix: str
    primaries: str
    transfer: str


BT601_525 = System("bt601, 525 lines", "smpte170m", "smpte170m", "smpte170m")
BT601_625 = System("bt601, 625 lines", "bt470bg", "bt470bg", "smpte170m")
BT709 = System("bt709", "bt709", "bt709", "bt709")
BT2020 = System("bt2020", "bt2020nc", "bt2020", "bt709")
P3 = System("P3", "bt709", "smpte432", "bt709")
SYSTEMS = (BT601_525, BT601_625, BT709, BT2020, P3)
UNTOLD_SD = System("untagged", "smpte170m", "bt709", "bt709")
UNTOLD_HD = System("untagged HD", "bt709", "bt709", "bt709")


@dataclass(frozen=True)
class Chart:
    """How a source is made.

    Attributes:
        system: what its numbers mean.
        pixels: ffmpeg's pixel format.
        encoder: ffmpeg's arguments.
        suffix: of the file.
        full_range: whether black and white are the least and the largest number.
        tagged: whether the file says what its numbers mean.
        size: width and height.
    """

    system: System
    pixels: str
    encoder: tuple[str, ...] = X264
    suffix: str = ".mp4"
    full_range: bool = False
    tagged: bool = True
    size: tuple[int, int] = SD

    def __str__(self) -> str:
        kind = "v210" if self.encoder is V210 else self.pixels
        return f"{self.system.name}, {kind}, {'full' if self.full_range else 'limited'}"

    @property
    def is_rgb(self) -> bool:
        return self.pixels.startswith("gbr")


def charts() -> Iterator[Chart]:
    """All that are tried: each system in both ranges with 8 and 10 bits, packed, as RGB, and untagged."""
    for system in SYSTEMS:
        for full_range in (False, True):
            for pixels in ("yuv420p", "yuv420p10le"):
                yield Chart(system, pixels, full_range=full_range)
        yield Chart(system, "yuv444p")
        yield Chart(system, "uyvy422", RAW, ".mov")
        yield Chart(system, "yuv422p10le", V210, ".mov")
        yield Chart(system, "gbrp", FFV1, ".mkv", full_range=True)
        yield Chart(system, "gbrp10le", FFV1, ".mkv", full_range=True)
    for system, size in ((UNTOLD_SD, SD), (UNTOLD_HD, HD)):
        yield Chart(system, "yuv420p", tagged=False, size=size)
        yield Chart(system, "yuv420p10le", tagged=False, size=size)
        yield Chart(system, "uyvy422", RAW, ".mov", tagged=False, size=size)


def fields() -> np.ndarray:
    """The colours of the fields: (pages, rows, columns, 3) uint8."""
    steps = np.linspace(0, 255, STEPS).round()
    mixtures = [(1, 1, 1), (1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 1, 1), (1, 0, 1), (1, 1, 0)]
    ramps = [np.outer(steps, mixture) for mixture in mixtures]
    hues = [_hues(saturation, value) for saturation, value in ((0.5, 0.8), (1, 0.5))]
    colors: np.ndarray = np.rint(np.concatenate([*ramps, np.array(SKIN), *hues])).astype(np.uint8)
    return colors.reshape(PAGES, ROWS, COLUMNS, 3)


def _hues(saturation: float, value: float) -> np.ndarray:
    return np.array([colorsys.hsv_to_rgb(i / STEPS, saturation, value) for i in range(STEPS)]) * 255


def check_colour(studio: Studio) -> Iterator[Row]:
    """A row for each chart."""
    for number, chart in enumerate(charts()):
        yield check_chart(chart, studio.folder / f"chart{number}{chart.suffix}", studio)


def check_chart(chart: Chart, path: Path, studio: Studio) -> Row:
    """Make the source, read it, run it, and measure its fields in what comes out."""
    studio.encode(path, _pictures(chart.size), _encoder(chart), constant())
    film, files = path.with_name(f"film-{path.stem}.mp4"), path.with_name(f"{path.stem}.####.png")
    try:
        identity(path, film, delivery="h264")
        identity(path, files, delivery="png16")
    except StyleVideoError as error:
        return Row(str(chart), {}, (f"refused: {error}",))
    info, wanted = probe(path), _reference(chart, path)
    figures: dict[str, object] = {"the source says": f"{info.color_matrix or '–'}/{info.primaries or '–'}"}
    figures["8 bits read by"] = "ffmpeg" if needs_ffmpeg(info, Reading()) else "OpenCV"
    figures["read with 8 bits"] = _off(_read(info, 8), wanted)
    figures["with 16"] = _off(_read(info, 16), wanted)
    errors = {"h264": _off(_by_zscale(film, "", chart.size), wanted), "png16": _off(_files(files), wanted)}
    limits = {"h264": MOST_IN_H264, "png16": MOST_IN_PNG16}
    return Row(
        str(chart),
        figures | errors,
        tuple(f"{name} {off}/255 off" for name, off in errors.items() if off > limits[name]),
    )


def _pictures(size: tuple[int, int]) -> np.ndarray:
    """The pages, one after another: (n, h, w, 4) uint16."""
    width, height = size
    colors = fields().repeat(height // ROWS, axis=1).repeat(width // COLUMNS, axis=2).astype(np.uint16) * 257
    opaque = np.full((PAGES, height, width, 1), 65535, np.uint16)
    return np.concatenate([colors, opaque], axis=-1).repeat(SHOWN, axis=0)


def _encoder(chart: Chart) -> Encoder:
    system, span = chart.system, "pc" if chart.full_range else "tv"
    meant = f"color_primaries={system.primaries}:color_trc={system.transfer}"
    matrix = "gbr" if chart.is_rgb else system.matrix
    tags = f"setparams=range={span}:colorspace={matrix}:{meant}"
    if not chart.tagged:
        tags = "setparams=range=unknown:colorspace=unknown:color_primaries=unknown:color_trc=unknown"
    made = f"format=gbrp16le,setparams=range=pc:colorspace=gbr:{meant},zscale=matrix={matrix}:range={span}"
    return Encoder(chart.encoder, "", MUTE, filters=(made, f"format={chart.pixels}", tags))


def _reference(chart: Chart, path: Path) -> np.ndarray:
    """What zscale makes of a source's fields in bt709's primaries."""
    system = chart.system
    matrix = "gbr" if chart.is_rgb else system.matrix
    meant = f"setparams=colorspace={matrix}:color_primaries={system.primaries}:color_trc={system.transfer},"
    return _by_zscale(path, meant, chart.size)


def _by_zscale(path: Path, meant: str, size: tuple[int, int]) -> np.ndarray:
    graph = f"{meant}zscale=matrix=gbr:primaries=bt709:range=full,{FLOATS}"
    data = run(["-i", target(path), "-map", "0:V:0", "-vf", graph, "-fps_mode", "passthrough", "-f", "rawvideo", "-"])
    width, height = size
    green, blue, red = np.moveaxis(np.frombuffer(data, np.float32).reshape(-1, 3, height, width), 1, 0)
    return _middles(np.stack([red, green, blue], axis=-1).clip(0, 1))


def _read(info: VideoInfo, bits: int) -> np.ndarray:
    frames = read_frames(FrameSelection.whole(info), Reading(bits=bits))
    return _middles(np.stack([to_floats(frame.image) for frame in frames]))


def _files(pattern: Path) -> np.ndarray:
    paths = sorted(pattern.parent.glob(pattern.name.replace("####", "*")))
    pictures = [
        np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))[..., ::-1] / np.float32(65535) for path in paths
    ]
    return _middles(np.stack(pictures))


def _middles(pictures: np.ndarray) -> np.ndarray:
    """The mean over the middle of each field, in parts of 255: (pages, rows, columns, 3)."""
    height, width = pictures.shape[1] // ROWS, pictures.shape[2] // COLUMNS
    parts = pictures[SHOWN - 1 :: SHOWN].reshape(PAGES, ROWS, height, COLUMNS, width, 3).astype(float)
    rows, columns = slice(height // 3, -(height // 3)), slice(3 * width // 8, -(3 * width // 8))
    middles: np.ndarray = parts[:, :, rows, :, columns].mean(axis=(2, 4)) * 255
    return middles


def _off(found: np.ndarray, wanted: np.ndarray) -> float:
    return round(float(np.abs(found - wanted).max()), 2)
