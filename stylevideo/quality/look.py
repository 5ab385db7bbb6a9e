"""How a film looks, judged by what no painter optimises: likeness to the style by patches, colour, edges, strokes.

`judge_film` sums up a film of one shot beside its source and its style; knows pictures, no files:

    from stylevideo.media.images.pictures import read_picture, to_image
    style = to_image(read_picture(Path("style.jpg")))
    print(judge_film(source_frames, film_images, style))
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from stylevideo.engine.targets import fit_style
from stylevideo.errors import ShapeError
from stylevideo.motion.frame import Frame
from stylevideo.ops.pyramid import require_same_size
from stylevideo.quality.measures import MotionBetween
from stylevideo.quality.metrics import ratio
from stylevideo.quality.patches import copied_extent, nearest_patches
from stylevideo.quality.regions import Regions, by_farneback, find_regions
from stylevideo.quality.traits import color_dirt, legibility, stroke_width
from stylevideo.settings.settings import Settings
from stylevideo.text import counted

PATCHES_PX = (7, 13)
MOTIF_PX = 13
JUDGED_FRAMES = 4


@dataclass(frozen=True)
class Look:
    """How a picture looks, or a film: then means over its frames, but for `copied`, and NaN does not count.

    Attributes:
        to_style: root mean square difference, in units of CIE Lab, of the picture's patches from the style's nearest,
            by `SIZE px, REGION`; see `Regions`.
        from_style: the same of the style's patches from the picture's nearest, by `SIZE px`: high where only some of
            the style was taken.
        copied: longest side of the largest motif that was copied whole, in parts of the style's width; of a film the
            largest of any frame.
        dirt, source_dirt, style_dirt: see `color_dirt`; the style's at the size that the painter sees.
        recall, chance, precision, precision_chance: see `Legibility`.
        stroke_width: in parts of the height.
    """

    to_style: Mapping[str, float]
    from_style: Mapping[str, float]
    copied: float
    dirt: float
    source_dirt: float
    style_dirt: float
    recall: float
    chance: float
    precision: float
    precision_chance: float
    stroke_width: float

    @property
    def dirt_ratio(self) -> float:
        """Times the source's."""
        return ratio(self.dirt, self.source_dirt)

    @property
    def dirt_ratio_to_style(self) -> float:
        """Times the style's: 1 is as clean as the painting, whatever the source."""
        return ratio(self.dirt, self.style_dirt)

    @property
    def legibility(self) -> float:
        """Recall of the source's edges less what chance gives."""
        return self.recall - self.chance

    @property
    def edge_precision(self) -> float:
        """Part of the film's edges that are the source's, less what chance gives."""
        return self.precision - self.precision_chance


def judge_film(
    frames: Sequence[Frame],
    film: Sequence[Tensor],
    style_picture: Tensor,
    *,
    stroke_size: float | None = None,
    judged: int = JUDGED_FRAMES,
    between: MotionBetween = by_farneback,
) -> Look:
    """Judge a film of one shot.

    Args:
        frames: of the source, neighbours in order.
        film: (1, 3, H, W), RGB, 0..1, what was made of each.
        style_picture: (1, 3, H, W), RGB, 0..1; it is reduced as for the painter.
        stroke_size: with which the film was made; None is the default of the settings.
        judged: how many frames, evenly spread from the first to the last; a frame of 256x144 takes some seconds.
        between: the source's motion, by which regions are found.
    Raises:
        ShapeError: the sizes differ, or the numbers of frames.
    """
    if len(frames) != len(film) or not frames:
        raise ShapeError(f"{counted(len(frames), 'frame')} of a source do not go with {len(film)} of a film")
    chosen = sorted({round(place) for place in np.linspace(0, len(frames) - 1, min(judged, len(frames)))})
    looks = [
        judge_picture(
            frames[index].image,
            film[index],
            style_picture,
            find_regions(frames, index, between),
            stroke_size=stroke_size,
        )
        for index in chosen
    ]
    return summarize_looks(looks)


def judge_picture(
    source: Tensor, image: Tensor, style_picture: Tensor, regions: Regions, *, stroke_size: float | None = None
) -> Look:
    """Judge one frame of a film, as `judge_film` does."""
    require_same_size(source, image)
    scale = Settings().strokes.stroke_size if stroke_size is None else stroke_size
    style = fit_style(style_picture, (image.shape[2], image.shape[3]), scale)
    nearest = {size: nearest_patches(image, style, size) for size in PATCHES_PX}
    edges = legibility(source, image)
    return Look(
        to_style={
            f"{size} px, {name}": found.mean_difference(region)
            for size, found in nearest.items()
            for name, region in regions.named().items()
        },
        from_style={f"{size} px": nearest_patches(style, image, size).mean_difference() for size in PATCHES_PX},
        copied=copied_extent(nearest[MOTIF_PX]) / style.shape[3],
        dirt=color_dirt(image),
        source_dirt=color_dirt(source),
        style_dirt=color_dirt(style),
        recall=edges.recall,
        chance=edges.chance,
        precision=edges.precision,
        precision_chance=edges.precision_chance,
        stroke_width=stroke_width(image),
    )


def summarize_looks(looks: Sequence[Look]) -> Look:
    """One for all, of which there is at least one."""
    return Look(
        to_style=_means([look.to_style for look in looks]),
        from_style=_means([look.from_style for look in looks]),
        copied=max(look.copied for look in looks),
        **_means([{name: getattr(look, name) for name in _NUMBERS} for look in looks]),
    )


_NUMBERS = (
    "dirt",
    "source_dirt",
    "style_dirt",
    "recall",
    "chance",
    "precision",
    "precision_chance",
    "stroke_width",
)


def _means(values: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: mean_of_known([value[name] for value in values]) for name in values[0]}


def mean_of_known(values: Sequence[float]) -> float:
    """The mean of what is not NaN, or NaN."""
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan
