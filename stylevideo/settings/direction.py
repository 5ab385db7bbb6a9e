"""The settings that direct the look: how strong it is, and what changes within a film."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import partial

from stylevideo.settings.places import check_painted
from stylevideo.settings.schema import Affects, setting
from stylevideo.settings.sections import LossSettings, nothing_is_painted
from stylevideo.settings.style import MATTE_FORM, check_matte

USUAL_STRENGTH = 0.5
"""Of which the weights are what they are said to be."""
STRENGTH_RANGE = 300.0
"""By so many times content and structure count more at strength 0 than at 0.5, and less at 1."""
STEEPNESS = 1.5
"""Of that factor's logarithm over strength, below 0.5: each quarter is a step that is seen."""
SOURCE_WEIGHT, SOURCE_RANGE = 1000.0, 1e5
"""Of the source's pixels at strength 0, and how much steeper that rises from none at 0.5: from 0.25 on it is felt."""
STYLE_CLIP_WORDS = ("mean", "stretch", "loop", "hold")
"""How a clip that is a style counts: its mean, or as it goes on; see `stylevideo.planning.style_clips`."""
_STYLE_WEIGHT = re.compile(r"style_([1-9][0-9]{0,3})")
"""By which keys name the weight of a style, counted from 1."""


@dataclass(frozen=True)
class DirectionSettings:
    """The look as a whole, and how it changes within a film."""

    strength: float = setting(
        USUAL_STRENGTH,
        "how far frames go from the source to the style: 0 is almost the source, 1 almost abstract; a factor of "
        "--content-weight and --structure-weight, and below 0.5 some --source-weight",
        minimum=0,
        maximum=1,
    )
    strength_matte: str = setting(
        "",
        "a matte of the strength: white is painted at the strength that is asked for, black at strength 0, grey in "
        "between; named and read like those of --matte",
        metavar=MATTE_FORM,
        affects=Affects.FILM,
        no_files=(),
        check=partial(check_matte, "--strength-matte"),
        idle=nothing_is_painted,
    )
    key: tuple[str, ...] = setting(
        (),
        "a setting's values over the clip, by frame, time or timecode, such as strength "
        "1001=0.2,1024=0.9:smooth; easings: linear, smooth, hold; style_1 and so on: the styles' weights; look: "
        "whole looks by name, such as look 1001=oil,1024=storm",
        by_shot=True,
    )
    style_clip: str = setting(
        STYLE_CLIP_WORDS[0],
        "how a style counts that is a clip: mean: the mean of its pictures, all the time; or as it goes on, stretch: "
        "over the whole clip that is painted, loop: at its own pace and again from its beginning, hold: at its own "
        "pace up to its end, which stays",
        choices=STYLE_CLIP_WORDS,
        idle=lambda _, clip: "" if clip.has_style_clip else "no style is a clip",
    )
    painted: tuple[str, ...] = setting(
        (),
        "a frame, by number, time or timecode, that somebody has painted over: it stays as it is painted, and its "
        "strokes spread to the frames before and after it; may be given several times",
        metavar="FRAME=PICTURE",
        affects=Affects.FILM,
        no_files=(),
        check=check_painted,
        repeated=True,
    )
    style_weights: tuple[float, ...] = field(default=())
    """What the styles' pictures weigh in a frame, in their order; empty where that is as on the whole. No setting: keys
    and clips as styles say it, and `SettingsOverTime.at` makes it of them."""


def style_number(name: str) -> int | None:
    """Of which style keys of this name are the weight, counted from 1; None where they are a setting's."""
    found = _STYLE_WEIGHT.fullmatch(name)
    return int(found[1]) if found else None


def weighted_by(strength: float, losses: LossSettings) -> LossSettings:
    """The weights by which frames of a strength are painted.

    Content and structure count by a factor; the terms are parts of their targets, so that it means the same for every
    style and size. Above 0.5 it falls evenly, since what of the source is still left falls as it does. Below 0.5 its
    logarithm is steeper towards the end, where it takes more to be seen, and the source's pixels count as well:
    content says little of colours, and Adam's steps leave something in a picture that should stay as it is.
    """
    way = 1 - strength / USUAL_STRENGTH  # from 1 to -1
    weaker = max(0.0, way) ** STEEPNESS
    factor = STRENGTH_RANGE**weaker if way >= 0 else 1 + way - way / STRENGTH_RANGE
    source = SOURCE_WEIGHT * (SOURCE_RANGE**weaker - 1) / (SOURCE_RANGE - 1)
    return replace(
        losses,
        content_weight=factor * losses.content_weight,
        structure_weight=factor * losses.structure_weight,
        source_weight=losses.source_weight + source,
    )
