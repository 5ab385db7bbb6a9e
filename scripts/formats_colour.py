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

PAGES, ROWS, COLUMNS, STEPS = 5, 4, 8, 16
"""Few fields on each page, so that no other field's colour reaches the middle of one in 4:2:0."""
SHOWN = 2
"""Frames for which each page is shown; the last of them is measured."""
SD, HD = (256, 144), (1280, 720)
MOST = 3.0
BAR = (
    "the mean over the middle of each of 160 fields (ramps of grey, of the primaries and their mixtures; skin; soft "
    "and dark hues) is at most 3/255 off the chart in each channel, as ffmpeg and as OpenCV decode the film."
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
    """The colours of the fields: (pages, rows, columns, 3) uint8."""
    steps = np.linspace(0, 255, STEPS).round()
    mixtures = [(1, 1, 1), (1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 1, 1), (1, 0, 1), (1, 1, 0)]
    ramps = [np.outer(steps, mixture) for mixture in mixtures]
    hues = [_hues(saturation, value) for saturation, value in ((0.5, 0.8), (1, 0.5))]
    colors = np.rint(np.concatenate([*ramps, np.array(SKIN), *hues])).astype(np.uint8)
    return colors.reshape(PAGES, ROWS, COLUMNS, 3)


def _hues(saturation: float, value: float) -> np.ndarray:
    return np.array([colorsys.hsv_to_rgb(i / STEPS, saturation, value) for i in range(STEPS)]) * 255


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
    figures["source by ffmpeg"] = _error(decode(path, "rgb24", tagging.size, matrix=matrix))
    figures["source by OpenCV"] = _error(_opencv_frames(path))
    films = {"ffmpeg": decode(film, "rgb24", tagging.size), "OpenCV": _opencv_frames(film)}
    errors = {name: _error(pictures) for name, pictures in films.items()}
    figures |= {f"film by {name}": error for name, error in errors.items()}
    figures["worst field by OpenCV"] = _worst_field(films["OpenCV"])
    return Row(tagging.what, figures, tuple(f"{e}/255 off by {name}" for name, e in errors.items() if e > MOST))


def _pictures(size: tuple[int, int]) -> np.ndarray:
    """The pages, one after another: (n, h, w, 4) uint16."""
    width, height = size
    fields = chart().repeat(height // ROWS, axis=1).repeat(width // COLUMNS, axis=2).astype(np.uint16) * 257
    opaque = np.full((PAGES, height, width, 1), 65535, np.uint16)
    return np.concatenate([fields, opaque], axis=-1).repeat(SHOWN, axis=0)


def _encoder(tagging: Tagging) -> Encoder:
    if tagging.tagged:
        scale, shape, tags = conversion("yuv420p", tagging.full_range, tagging.matrix)
    else:
        scale, shape, _ = conversion("yuv420p", False, tagging.matrix)
        tags = UNTAGGED
    return Encoder(LOSSLESS, "", MUTE, filters=(scale, shape, tags))


def _opencv_frames(path: Path) -> np.ndarray:
    """Every picture, as OpenCV decodes it: (n, h, w, 3) RGB."""
    capture, frames = cv2.VideoCapture(file_url(path), cv2.CAP_FFMPEG), []
    while (read := capture.read())[0]:
        frames.append(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB))
    capture.release()
    return np.stack(frames)


def _middles(pictures: np.ndarray) -> np.ndarray:
    """The mean over the middle of each field: (pages, rows, columns, 3)."""
    height, width = pictures.shape[1] // ROWS, pictures.shape[2] // COLUMNS
    fields = pictures[SHOWN - 1 :: SHOWN].reshape(PAGES, ROWS, height, COLUMNS, width, 3).astype(float)
    rows, columns = slice(height // 3, -(height // 3)), slice(3 * width // 8, -(3 * width // 8))
    return fields[:, :, rows, :, columns].mean(axis=(2, 4))


def _error(pictures: np.ndarray) -> float:
    return round(float(np.abs(_middles(pictures) - chart()).max()), 2)


def _worst_field(pictures: np.ndarray) -> str:
    middles = _middles(pictures)
    off = np.abs(middles - chart()).max(axis=-1)
    place = np.unravel_index(off.argmax(), off.shape)
    return f"{tuple(int(v) for v in chart()[place])} shows {tuple(int(v) for v in middles[place].round())}"
