"""Whose colours films have, judged on their own frames beside the source's; and a sheet of all kinds for the eye.

Chroma is Cb and Cr of ITU-R BT.709, of pictures as screens show them; a plate's light is seen as the painter sees it,
at the plate's own gain.
"""

from __future__ import annotations

import itertools
import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scripts.benchmark.clips import BenchmarkClip
from scripts.benchmark.pictures import WHOLE, cut, grid
from scripts.benchmark.report import Bar, Findings, number, table
from stylevideo.media.images.exr import read_exr, write_exr
from stylevideo.media.images.pictures import read_picture, to_image, to_picture, write_png
from stylevideo.media.images.view import SRGB
from stylevideo.motion.estimate import Motion
from stylevideo.motion.flow import FarnebackFlow
from stylevideo.motion.frame import Frame
from stylevideo.ops.color import brightness_709
from stylevideo.quality.measures import motion_by
from stylevideo.quality.metrics import ratio, warping_error
from stylevideo.render.stylize import stylize
from stylevideo.settings.settings import Settings

FEW = {"first_iterations": 40}
KINDS = (("style", 1), ("source", 0.5), ("source", 1), ("match", 0.5), ("match", 1))
MEASURED = ("style", "source")
"""In full, on all frames."""
MOST_OFF = 2.0
"""Mean error of chroma, 1/255, that is allowed with 8 bits."""
MOST_OFF_LIGHT = 1.0
"""The same of light, % of the plate's mean chroma."""
MOST_FLICKER = 1.0
"""Warping error of the film's chroma in times of the source's."""
SPANS = (1.8556, 1.5748)
"""By which blue's and red's differences from luma are divided to be Cb and Cr."""
UNSEEN = 0.05 / 255
"""Chroma of footage that is grey, such as floats are rounded to."""
HIGHLIGHT = 8
"""Times by which what is white in a picture is brighter in the plate that is made of it."""
HEADINGS = (
    *("style", "chroma off, 1/255", "the source's chroma", "its warping error, 1e-6", "film's, times that"),
    *("in the style's colours", "luma's, times that in the style's colours"),
    *("luma changed, 1/255", "light's chroma off, %"),
)


@dataclass(frozen=True)
class _Figures:
    """Of a film with its source's colours.

    Attributes:
        off, own: mean error of chroma, and the source's mean chroma, 0..1.
        warped, own_warped: warping errors of chroma.
        style_warped: that of the same film in the style's colours.
        luma_warped: warping error of luma, in times of that film's.
        luma: root mean square change of luma, 0..1.
        light_off: of the same of a plate, error of chroma in parts of the plate's.
    """

    off: float
    own: float
    warped: float
    own_warped: float
    style_warped: float
    luma_warped: float
    luma: float
    light_off: float

    @property
    def flicker(self) -> float:
        """How much more the film's chroma flickers than the source's, in times; floats are rounded beyond that."""
        return self._times_own(self.warped)

    @property
    def flicker_in_style(self) -> float:
        """The same of the film in the style's colours."""
        return self._times_own(self.style_warped)

    def _times_own(self, warped: float) -> float:
        return round((warped + UNSEEN**2) / (self.own_warped + UNSEEN**2), 3)


def check_color(clip: BenchmarkClip, styles: Sequence[Path], values: Mapping[str, Any]) -> Findings:
    """Films of a clip in each style, of all `KINDS`; those with the source's colours are measured, beside the style's.

    Args:
        clip: all of its frames are painted with the source's colours and with the style's, its first in the other ways.
        styles: pictures.
        values: of settings, by name.
    """
    settings = Settings().with_values(**FEW, detect_cuts=False, provenance=False, threads=1).with_values(**values)
    rows, bars, lines = [], list[Bar](), []
    for style in styles:
        shown, figures = _films(clip, style, settings)
        lines.append([cut(clip.frames[0].image, WHOLE), *(cut(picture, WHOLE) for picture in shown)])
        flicker = figures.flicker
        rows.append(
            [
                style.stem,
                *map(
                    number,
                    (255 * figures.off, 255 * figures.own, 1e6 * figures.own_warped, flicker, figures.flicker_in_style),
                ),
                *map(number, (figures.luma_warped, 255 * figures.luma, 100 * figures.light_off)),
            ]
        )
        about = f"{clip.name}, {style.stem}"
        bars += [
            Bar(f"{about}: mean error of chroma, 1/255", 255 * figures.off, most=MOST_OFF),
            Bar(f"{about}: mean error of a plate's chroma, %", 100 * figures.light_off, most=MOST_OFF_LIGHT),
            Bar(f"{about}: warping error of chroma, times the source's", flicker, most=MOST_FLICKER),
        ]
    names = ["source", *(kind if amount == 1 else f"{kind} {amount:g}" for kind, amount in KINDS)]
    sheet = grid(lines, names, [f"{clip.name} {style.stem}"[:32] for style in styles])
    return Findings(f"## {clip.name}\n\n" + table(list(HEADINGS), rows), tuple(bars), {f"color-{clip.name}": sheet})


def _films(clip: BenchmarkClip, style: Path, settings: Settings) -> tuple[list[Tensor], _Figures]:
    """The first frame of every kind, and what is found of the film with the source's colours."""
    shown, films, light_off = list[Tensor](), dict[str, list[Tensor]](), 0.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for place, frame in enumerate(clip.frames, 1):
            write_png(folder / f"source.{place:04d}.png", to_picture(frame.image))
        write_exr(folder / "plate.0001.exr", _plate(clip.frames[0]))
        for kind, amount in KINDS:
            chosen = settings.with_values(color=kind, color_amount=amount)
            is_measured = kind in MEASURED and amount == 1
            film = folder / f"{kind}-{amount:g}.####.png"
            few = chosen if is_measured else chosen.with_values(frames="1")
            stylize(folder / "source.####.png", [style], film, few)
            pictures = [to_image(read_picture(file)) for file in sorted(folder.glob(f"{kind}-{amount:g}.*.png"))]
            shown.append(pictures[0])
            if is_measured:
                films[kind] = pictures
            if is_measured and kind == "source":
                stylize(folder / "plate.####.exr", [style], folder / "light.####.exr", chosen)
                light_off = _light_off(folder)
    return shown, _measured(clip, films["source"], films["style"], light_off)


def _plate(frame: Frame) -> np.ndarray:
    """A frame's light, in which what is nearly white is brighter by far."""
    light: np.ndarray = SRGB.decode(to_picture(frame.image, 32), None)
    brighter: np.ndarray = light * (1 + (HIGHLIGHT - 1) * light.max(axis=-1, keepdims=True) ** 4)
    return brighter


def _light_off(folder: Path) -> float:
    plate, film = (read_exr(folder / f"{name}.0001.exr").linear for name in ("plate", "light"))
    picture, gain = SRGB.encode(plate)
    own, found = (_chroma(to_image(each)) for each in (picture, SRGB.forward(film / gain[..., None])))
    return _mean_length(found - own) / (_mean_length(own) + UNSEEN)


def _measured(clip: BenchmarkClip, pictures: Sequence[Tensor], styled: Sequence[Tensor], light_off: float) -> _Figures:
    sources = [to_image(to_picture(frame.image)) for frame in clip.frames]
    own, film, in_style = [list(map(_chroma, images)) for images in (sources, pictures, styled)]
    between = clip.exact or motion_by(FarnebackFlow())
    motions = list(itertools.starmap(between, itertools.pairwise(clip.frames)))
    luma = [
        float((brightness_709(b) - brightness_709(a)).square().mean()) for a, b in zip(sources, pictures, strict=True)
    ]
    return _Figures(
        off=statistics.fmean(_mean_length(b - a) for a, b in zip(own, film, strict=True)),
        own=statistics.fmean(map(_mean_length, own)),
        warped=statistics.fmean(_warped(film, motions)),
        own_warped=statistics.fmean(_warped(own, motions)),
        style_warped=statistics.fmean(_warped(in_style, motions)),
        luma_warped=ratio(
            *(statistics.fmean(_warped(list(map(brightness_709, x)), motions)) for x in (pictures, styled))
        ),
        luma=statistics.fmean(luma) ** 0.5,
        light_off=light_off,
    )


def _warped(images: Sequence[Tensor], motions: Sequence[Motion]) -> Iterator[float]:
    pairs = itertools.pairwise(images)
    return (warping_error(*pair, motion) for pair, motion in zip(pairs, motions, strict=True))


def _chroma(image: Tensor) -> Tensor:
    """Cb and Cr of BT.709: (1, 3, H, W) to (1, 2, H, W), -0.5..0.5."""
    return (image - brightness_709(image))[:, [2, 0]] / image.new_tensor(SPANS).view(2, 1, 1)


def _mean_length(chroma: Tensor) -> float:
    return float(torch.linalg.vector_norm(chroma, dim=1).mean())
