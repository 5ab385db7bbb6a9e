"""A colour chart through `h264`: what ffmpeg and OpenCV show of the film, beside the chart."""

from __future__ import annotations

import colorsys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from formats_footage import Encoder, Studio, constant, conversion
from formats_in import MUTE
from formats_measures import decode, identity
from formats_report import Row

from stylevideo.errors import StyleVideoError
from stylevideo.media.ffmpeg import file_url
from stylevideo.media.probe import probe

COLUMNS, ROWS, COUNT = 16, 9, 3
SD, HD = (256, 144), (1280, 720)
MOST = 3.0
BAR = (
    "the mean over the middle of each of 144 fields (ramps of grey, of the primaries and their mixtures; skin; soft "
    "hues) is at most 3/255 off the chart in each channel, as ffmpeg and as OpenCV decode the film."
)
SKIN = (
    *((115, 82, 68), (194, 150, 130), (45, 34, 30), (60, 46, 40), (75, 57, 50), (92, 72, 61), (114, 90, 77)),
    *((132, 103, 88), (146, 106, 87), (160, 126, 86), (186, 149, 110), (215, 189, 150), (234, 218, 186)),
    *((243, 231, 219), (246, 237, 228), (255, 219, 172)),
)
UNTAGGED = "setparams=range=unknown:colorspace=unknown:color_primaries=unknown:color_trc=unknown"
LOSSLESS = ("-c:v", "libx264", "-preset", "veryfast", "-qp", "0")


@dataclass(frozen=True)
class Tagging:
    """How a source says, or does not say, what its numbers mean.

    Attributes:
        what: in words.
        size: width and height.
        matrix: by which it was made.
        tagged: whether the file says so.
        full_range: whether black and white are 0 and 255.
    """

    what: str
    size: tuple[int, int]
    matrix: str
    tagged: bool = True
    full_range: bool = False


TAGGINGS = (
    Tagging("tagged bt709", SD, "bt709"),
    Tagging("tagged bt601 (smpte170m)", SD, "smpte170m"),
    Tagging("tagged bt601 (bt470bg)", SD, "bt470bg"),
    Tagging("untagged SD (bt601)", SD, "smpte170m", tagged=False),
    Tagging("untagged HD (bt709)", HD, "bt709", tagged=False),
    Tagging("tagged bt709, full range", SD, "bt709", full_range=True),
)


def chart() -> np.ndarray:
    """The colours of the fields: (rows, columns, 3) uint8."""
    steps = np.linspace(0, 255, COLUMNS).round()
    mixtures = [(1, 1, 1), (1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 1, 1), (1, 0, 1), (1, 1, 0)]
    ramps = [np.outer(steps, mixture) for mixture in mixtures]
    hues = [np.multiply(colorsys.hsv_to_rgb(i / COLUMNS, 0.5, 0.8), 255) for i in range(COLUMNS)]
    return np.rint(np.stack([*ramps, np.array(SKIN), np.array(hues)])).astype(np.uint8)


def check_colour(studio: Studio) -> Iterator[Row]:
    """A row for each way of tagging."""
    for number, tagging in enumerate(TAGGINGS):
        yield check_chart(tagging, studio.folder / f"chart{number}.mp4", studio)


def check_chart(tagging: Tagging, path: Path, studio: Studio) -> Row:
    """Encode the chart, run it, and measure its fields in the film."""
    studio.encode(path, _pictures(tagging.size), _encoder(tagging), constant())
    film = path.with_name(f"film-{path.name}")
    try:
        identity(path, film, delivery="h264")
    except StyleVideoError as error:
        return Row(tagging.what, {}, (f"refused: {error}",))
    figures: dict[str, object] = {"the source says": probe(path).color_matrix or "nothing"}
    figures["the film says"] = probe(film).color_matrix or "nothing"
    matrix = "auto" if tagging.tagged else tagging.matrix
    figures["source off"] = _error(_middles(decode(path, "rgb24", tagging.size, matrix=matrix)[1]))
    decoded = {"ffmpeg": decode(film, "rgb24", tagging.size)[1], "OpenCV": _opencv_frame(film)}
    errors = {name: _error(_middles(picture)) for name, picture in decoded.items()}
    figures |= {f"film by {name} off": error for name, error in errors.items()}
    figures["worst field by ffmpeg"] = _worst_field(_middles(decoded["ffmpeg"]))
    return Row(tagging.what, figures, tuple(f"{name}: {e}/255 off" for name, e in errors.items() if e > MOST))


def _pictures(size: tuple[int, int]) -> np.ndarray:
    """The chart as a few equal pictures: (n, h, w, 4) uint16."""
    width, height = size
    fields = chart().repeat(height // ROWS, axis=0).repeat(width // COLUMNS, axis=1).astype(np.uint16) * 257
    picture = np.dstack([fields, np.full((height, width), 65535, np.uint16)])
    return np.stack([picture] * COUNT)


def _encoder(tagging: Tagging) -> Encoder:
    if tagging.tagged:
        scale, shape, tags = conversion("yuv420p", tagging.full_range, tagging.matrix)
    else:
        scale, shape, _ = conversion("yuv420p", False, tagging.matrix)
        tags = UNTAGGED
    return Encoder(LOSSLESS, "", MUTE, filters=(scale, shape, tags))


def _opencv_frame(path: Path) -> np.ndarray:
    """The second picture, as OpenCV decodes it: (H, W, 3) RGB."""
    capture = cv2.VideoCapture(file_url(path), cv2.CAP_FFMPEG)
    frames = [capture.read()[1] for _ in range(2)]
    capture.release()
    return cv2.cvtColor(frames[1], cv2.COLOR_BGR2RGB)


def _middles(picture: np.ndarray) -> np.ndarray:
    """The mean over the middle half of each field: (rows, columns, 3)."""
    height, width = picture.shape[0] // ROWS, picture.shape[1] // COLUMNS
    fields = picture.reshape(ROWS, height, COLUMNS, width, 3).astype(float)
    return fields[:, height // 4 : -height // 4, :, width // 4 : -width // 4].mean(axis=(1, 3))


def _error(middles: np.ndarray) -> float:
    return round(float(np.abs(middles - chart()).max()), 2)


def _worst_field(middles: np.ndarray) -> str:
    off = np.abs(middles - chart()).max(axis=-1)
    place = np.unravel_index(off.argmax(), off.shape)
    return f"{tuple(int(v) for v in chart()[place])} shows {tuple(int(v) for v in middles[place].round())}"
