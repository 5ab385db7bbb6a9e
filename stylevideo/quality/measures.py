"""A film in numbers: each frame measured beside the source's, and the means over the film.

`measure_frames` streams a film through the measures of `metrics`; `summarize` reduces them to means. Knows no files.
"""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from stylevideo.engine.targets import StyleTargets
from stylevideo.engine.terms import GramTerm
from stylevideo.models.vgg import VGG19
from stylevideo.motion.estimate import Motion
from stylevideo.motion.flow import MotionSource
from stylevideo.motion.frame import Frame
from stylevideo.motion.visibility import visibility
from stylevideo.ops.pyramid import require_same_size
from stylevideo.quality.metrics import (
    brightness,
    coarse_sharpness,
    flicker,
    frame_losses,
    ratio,
    sharpness,
    style_distance,
    warping_error,
)
from stylevideo.settings.settings import Settings

LONG_STEP_FRAMES = 10
"""Frames between the two of the long warping error."""
HELD_OUT_STYLE_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
"""Layers of which neither the style nor the content term sees anything by default."""
END_FRAMES = 5
"""Frames at either end of a film whose sharpness is told separately."""

MotionBetween = Callable[[Frame, Frame], Motion]
"""(earlier, later), two source frames: the motion of the later one from the earlier one."""
MeasuredFrame = tuple[Frame, Tensor]
"""A source frame and the film's picture of it, of one size."""


def motion_by(source: MotionSource) -> MotionBetween:
    """Motion as a source gives it, and what was visible by following it there and back.

    A film carried along the source that judges it is flattered: `FarnebackFlow`, which the optimiser does not use, is
    the fair judge.
    """

    def between(earlier: Frame, later: Frame) -> Motion:
        back = source.flow(later, earlier)
        return Motion(back, visibility(back, source.flow(earlier, later)))

    return between


@dataclass(frozen=True)
class FrameMeasures:
    """One frame of a film; NaN where there is nothing to compare it with.

    Attributes:
        index: of the source's frame.
        shot: its shot's number, from 0 at the first measured frame.
        loss: the weighted sum that was optimised, without its temporal term, targets of places found anew; of the
            picture as the film has it, without the margin that the optimiser sees, and so another than a report says.
        style, content: two of its terms, without their weights.
        held_out_style: style distance in layers that the optimiser did not see.
        sharpness, coarse_sharpness: of the film; see the functions.
        source_sharpness: of the source's frame at the film's size.
        brightness, source_brightness: mean luma, 0..255.
        flicker: against the frame before, in squared units of 0..1.
        warping_short, warping_long: warping error against the frame before, and against the tenth frame before, by
            the motion's name, in squared units of 0..1.
        source_warping_short, source_warping_long: the source's own by the same motion.
    """

    index: int
    shot: int
    loss: float
    style: float
    held_out_style: float
    content: float
    sharpness: float
    coarse_sharpness: float
    source_sharpness: float
    brightness: float
    source_brightness: float
    flicker: float
    warping_short: dict[str, float]
    warping_long: dict[str, float]
    source_warping_short: dict[str, float]
    source_warping_long: dict[str, float]


def measure_frames(
    pairs: Iterable[MeasuredFrame],
    vgg: VGG19,
    targets: StyleTargets,
    settings: Settings,
    motions: Mapping[str, MotionBetween],
    shot_starts: Collection[int] = (),
) -> Iterator[FrameMeasures]:
    """Measure a film frame by frame; holds `LONG_STEP_FRAMES` frames and the one at hand, however long the film.

    Args:
        pairs: the source's frames in order, each with the film's picture of it.
        vgg: the network.
        targets: the styles, at the settings' style layers.
        settings: weights, layers and normalisation of the loss.
        motions: by what flows the warping errors are to be measured, by name.
        shot_starts: indices of source frames that follow a cut; nothing is compared across it.
    """

    def held_out(image: Tensor) -> Sequence[GramTerm]:
        return targets.grams((image.shape[2], image.shape[3]), HELD_OUT_STYLE_LAYERS)

    before: deque[MeasuredFrame] = deque(maxlen=LONG_STEP_FRAMES)
    shot = 0
    for frame, image in pairs:
        require_same_size(frame.image, image)
        if before and frame.index in shot_starts:
            before.clear()
            shot += 1
        losses = frame_losses(vgg, frame, image, targets, settings)
        short, source_short = _warping_errors(motions, before[-1] if before else None, (frame, image))
        long, source_long = _warping_errors(
            motions, before[0] if len(before) == LONG_STEP_FRAMES else None, (frame, image)
        )
        yield FrameMeasures(
            index=frame.index,
            shot=shot,
            loss=losses.appearance,
            style=losses.style,
            held_out_style=style_distance(vgg, image, held_out(image)),
            content=losses.content,
            sharpness=sharpness(image),
            coarse_sharpness=coarse_sharpness(image),
            source_sharpness=sharpness(frame.image),
            brightness=brightness(image),
            source_brightness=brightness(frame.image),
            flicker=flicker(before[-1][0].image, frame.image, before[-1][1], image) if before else math.nan,
            warping_short=short,
            warping_long=long,
            source_warping_short=source_short,
            source_warping_long=source_long,
        )
        before.append((frame, image))


@dataclass(frozen=True)
class FilmMeasures:
    """A film in numbers: means over its frames where nothing else is said; see `FrameMeasures` for units.

    Attributes:
        frames: how many were measured.
        worst_loss: of any frame.
        sharpness_first, sharpness_last: mean of the first and of the last five frames: does it fade? Likewise for the
            other kinds of sharpness.
        brightness_drift, source_brightness_drift: the largest distance of any frame's mean luma from that of its
            shot's first frame, in 1/255.
    """

    frames: int
    mean_loss: float
    worst_loss: float
    style: float
    held_out_style: float
    content: float
    sharpness: float
    sharpness_first: float
    sharpness_last: float
    coarse_sharpness: float
    coarse_sharpness_first: float
    coarse_sharpness_last: float
    source_sharpness: float
    source_sharpness_first: float
    source_sharpness_last: float
    brightness_drift: float
    source_brightness_drift: float
    flicker: float
    warping_short: dict[str, float]
    warping_long: dict[str, float]
    source_warping_short: dict[str, float]
    source_warping_long: dict[str, float]

    @property
    def warping_short_ratio(self) -> dict[str, float]:
        """The film's short warping error over the source's own, by the motion's name."""
        return _ratios(self.warping_short, self.source_warping_short)

    @property
    def warping_long_ratio(self) -> dict[str, float]:
        """The film's long warping error over the source's own, by the motion's name."""
        return _ratios(self.warping_long, self.source_warping_long)


def summarize(measures: Sequence[FrameMeasures]) -> FilmMeasures:
    """A film's measures from its frames', of which there is at least one; what is NaN does not count."""
    first, last = measures[:END_FRAMES], measures[-END_FRAMES:]
    return FilmMeasures(
        frames=len(measures),
        mean_loss=_mean(frame.loss for frame in measures),
        worst_loss=max(frame.loss for frame in measures),
        style=_mean(frame.style for frame in measures),
        held_out_style=_mean(frame.held_out_style for frame in measures),
        content=_mean(frame.content for frame in measures),
        sharpness=_mean(frame.sharpness for frame in measures),
        sharpness_first=_mean(frame.sharpness for frame in first),
        sharpness_last=_mean(frame.sharpness for frame in last),
        coarse_sharpness=_mean(frame.coarse_sharpness for frame in measures),
        coarse_sharpness_first=_mean(frame.coarse_sharpness for frame in first),
        coarse_sharpness_last=_mean(frame.coarse_sharpness for frame in last),
        source_sharpness=_mean(frame.source_sharpness for frame in measures),
        source_sharpness_first=_mean(frame.source_sharpness for frame in first),
        source_sharpness_last=_mean(frame.source_sharpness for frame in last),
        brightness_drift=_drift((frame.shot, frame.brightness) for frame in measures),
        source_brightness_drift=_drift((frame.shot, frame.source_brightness) for frame in measures),
        flicker=_mean(frame.flicker for frame in measures),
        warping_short=_means([frame.warping_short for frame in measures]),
        warping_long=_means([frame.warping_long for frame in measures]),
        source_warping_short=_means([frame.source_warping_short for frame in measures]),
        source_warping_long=_means([frame.source_warping_long for frame in measures]),
    )


def _warping_errors(
    motions: Mapping[str, MotionBetween], earlier: MeasuredFrame | None, later: MeasuredFrame
) -> tuple[dict[str, float], dict[str, float]]:
    """The film's and the source's, by the motion's name."""
    if earlier is None:
        return dict.fromkeys(motions, math.nan), dict.fromkeys(motions, math.nan)
    found = {name: between(earlier[0], later[0]) for name, between in motions.items()}
    film = {name: warping_error(earlier[1], later[1], motion) for name, motion in found.items()}
    source = {name: warping_error(earlier[0].image, later[0].image, motion) for name, motion in found.items()}
    return film, source


def _mean(values: Iterable[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return statistics.fmean(known) if known else math.nan


def _means(values: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: _mean(value[name] for value in values) for name in values[0]}


def _ratios(film: Mapping[str, float], source: Mapping[str, float]) -> dict[str, float]:
    return {name: ratio(film[name], source[name]) for name in film}


def _drift(brightness_by_shot: Iterable[tuple[int, float]]) -> float:
    """The largest distance from the first value with the same shot."""
    first: dict[int, float] = {}
    return max(abs(value - first.setdefault(shot, value)) for shot, value in brightness_by_shot)
