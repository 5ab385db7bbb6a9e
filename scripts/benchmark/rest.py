"""What a locked-off shot costs in which a fifth of the picture moves, and whether what rests can be told from the rest.

Knows the engine; knows nothing of films and files. The shot is rendered: a waterfall between rocks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from scripts.benchmark.report import Bar, number, table
from scripts.samples.noise import fractal_noise
from stylevideo.engine.objective import Objective
from stylevideo.engine.sequence import SequenceState, stylize_sequence
from stylevideo.engine.targets import StyleTargets
from stylevideo.media.images.pictures import to_picture, write_png
from stylevideo.models.vgg import VGG19
from stylevideo.motion.estimate import Motion, with_motion
from stylevideo.motion.flow import DISFlow
from stylevideo.motion.frame import Frame
from stylevideo.rectangle import Rectangle
from stylevideo.settings.settings import Settings
from stylevideo.system.heartbeat import beat

MOVING_PART = 0.2
LEFT_PART = 0.37
"""Of the width, left of the waterfall."""
FALL_PART = 0.012
"""Of the height, that it falls in a frame."""
MOST_PIXELS, MOST_ABOVE = 0.3, 0.01
"""Bars: the network's pixels of a following frame in parts of those without rest; losses beside those without."""
STILL_FROM_PX = 64
"""Beside the waterfall nothing may change from so far on."""
BAND_PX = 24
"""Each way of a box's border, where a seam would be."""
CUT_PX = 160
"""Edge of the parts around a border that are enlarged."""
ENLARGED, DIFFERENCE_GAIN = 4, 8


@dataclass(frozen=True)
class Followed:
    """A frame that followed another.

    Attributes:
        image: (1, 3, H, W), the frame.
        pixels: that the network has seen, there and back.
        seconds: of processors, for painting it.
    """

    image: Tensor
    pixels: int
    seconds: float


def waterfall(size: tuple[int, int], count: int) -> list[Frame]:
    """Frames of this height and width that differ in an upright stripe alone."""
    height, width = size
    generator = np.random.default_rng(1)
    rock = fractal_noise(size, width / 8, 6, generator, ridged=True)
    hue = fractal_noise(size, width / 4, 4, generator)
    rocks = np.stack([0.25 + 0.5 * rock + 0.1 * hue, 0.25 + 0.42 * rock, 0.22 + 0.35 * rock - 0.1 * hue], axis=2)
    step, wide, left = max(1, round(FALL_PART * height)), round(MOVING_PART * width), round(LEFT_PART * width)
    water = fractal_noise((height + step * count, wide), width / 40, 5, generator)
    frames = []
    for index in range(count):
        picture, top = rocks.copy(), step * (count - index)
        seen = water[top : top + height]
        picture[:, left : left + wide] = np.stack([0.5 + 0.35 * seen, 0.65 + 0.35 * seen, 0.78 + 0.25 * seen], axis=2)
        frames.append(Frame(index, torch.from_numpy(picture.clip(0, 1)).permute(2, 0, 1)[None].float().contiguous()))
    return frames


def check_rest(
    vgg: VGG19, targets: StyleTargets, size: tuple[int, int], count: int, settings: Settings, output: Path
) -> Iterator[str]:
    """A table in Markdown of frames that follow a first one with rest and without, then what is asked of them.

    Args:
        vgg, targets: as the engine takes them.
        size: height and width.
        count: of the following frames.
        settings: of both.
        output: folder for the difference picture.
    """
    pairs = list(with_motion(waterfall(size, 1 + count), DISFlow()))
    ((begun, first),) = stylize_sequence(pairs[:1], None, vgg, targets, settings)
    resting, painted = (
        list(_followed(vgg, targets, pairs[1:], first, settings, before))
        for before in (lambda state: state, lambda state: replace(state, resting=None))
    )
    rows, losses = [], []
    for (frame, _), ours, usual in zip(pairs[1:], resting, painted, strict=True):
        looked = [_loss(vgg, targets, frame, each.image, settings) for each in (ours, usual)]
        losses.append([looked[0][term] / looked[1][term] for term in range(2)])
        of_usual = (ours.pixels / usual.pixels, ours.seconds / usual.seconds, *losses[-1])
        cost = map(number, (ours.pixels / 1e6, ours.seconds, *of_usual[:2]))
        rows.append([str(frame.index), *cost, *(f"{each:.4f}" for each in of_usual[2:])])
    head = [
        "frame",
        "network's pixels, millions",
        "processor seconds",
        "pixels, of all painted",
        "processor seconds",
        "style",
        "content",
    ]
    yield table(head, rows)
    images = [begun.image, *(each.image for each in resting)]
    moved = [(before != after).any(1)[0] for before, after in pairwise(images)]
    box = _around(torch.stack(moved).any(dim=0))
    pixels = [ours.pixels / usual.pixels for ours, usual in zip(resting, painted, strict=True)]
    above = [max(each[term] - 1 for each in losses) for term in range(2)]
    still = [1 - float(each.float().mean()) for each in moved]
    yield f"The box has {box.pixels / moved[0].numel():.3f} of the picture; {min(still):.3f} of it stays byte for byte."
    yield from _seam(images[-1], painted[-1].image, box, output)
    for bar in (
        Bar("the network's pixels after the first following frame, of all painted", max(pixels[1:]), most=MOST_PIXELS),
        Bar("style loss of a finished picture, most above that without rest", above[0], most=MOST_ABOVE),
        Bar("content loss of a finished picture, most above that without rest", above[1], most=MOST_ABOVE),
        Bar(f"byte for byte the same, of what is {STILL_FROM_PX} pixels beside the waterfall", _beside(moved), least=1),
    ):
        yield str(bar)


def _followed(
    vgg: VGG19,
    targets: StyleTargets,
    pairs: Sequence[tuple[Frame, Motion | None]],
    state: SequenceState,
    settings: Settings,
    before: Callable[[SequenceState], SequenceState],
) -> Iterator[Followed]:
    for pair in pairs:
        beat()
        began = time.process_time()
        with _network_pixels() as pixels:
            ((result, state),) = stylize_sequence([pair], before(state), vgg, targets, settings)
        yield Followed(result.image, sum(pixels), time.process_time() - began)


@contextmanager
def _network_pixels() -> Iterator[list[int]]:
    """Pixels that networks see meanwhile, once for the way there and once for the way back."""
    pixels: list[int] = []
    real = {name: getattr(VGG19, name) for name in ("forward", "trace")}

    def counted(name: str, ways: int) -> Callable[..., Any]:
        def look(self: VGG19, image: Tensor, layers: Sequence[str]) -> Any:
            pixels.append(ways * image[0, 0].numel())
            return real[name](self, image, layers)

        return look

    try:
        VGG19.forward, VGG19.trace = counted("forward", 1), counted("trace", 2)  # type: ignore[method-assign]
        yield pixels
    finally:
        VGG19.forward, VGG19.trace = real["forward"], real["trace"]  # type: ignore[method-assign]


def _loss(vgg: VGG19, targets: StyleTargets, frame: Frame, picture: Tensor, settings: Settings) -> tuple[float, float]:
    """Style and content term of a finished picture, as one, by targets that are found for it."""
    image = frame.image.to(vgg.mean.device)
    objective = Objective(vgg, image, targets.at((image.shape[2], image.shape[3])), None, settings.losses)
    losses = objective.value(picture).numbers()
    return losses.style, losses.content


def _around(mask: Tensor) -> Rectangle:
    rows, columns = (mask.any(dim=axis).nonzero() for axis in (1, 0))
    return Rectangle(int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)


def _beside(moved: Sequence[Tensor]) -> float:
    wide = moved[0].shape[1]
    left, right = round(LEFT_PART * wide) - STILL_FROM_PX, round((LEFT_PART + MOVING_PART) * wide) + STILL_FROM_PX
    same = ~torch.stack(tuple(moved)).any(dim=0)
    return float(torch.cat((same[:, : max(0, left)], same[:, right:]), dim=1).float().mean())


def _seam(resting: Tensor, painted: Tensor, box: Rectangle, output: Path) -> Iterator[str]:
    """What the box's upright borders look like, in the picture and in what it differs from the one without rest."""
    apart = (resting - painted).abs().amax(1)[0] * 255
    borders = [column for column in (box.left, box.right) if 0 < column < apart.shape[1]]
    band = torch.zeros_like(apart, dtype=torch.bool)
    for column in borders:
        band[:, max(0, column - BAND_PX) : column + BAND_PX] = True
    beside = ~band
    beside[:, box.left : box.right] = False
    inside = ~band & ~beside
    rows = [
        [where, number(float(apart[mask].mean())), number(float(apart[mask].max()))]
        for where, mask in (("the box's borders", band), ("beside it", beside), ("within it", inside))
    ]
    yield table(["with rest from without, 1/255", "mean", "largest"], rows)
    steps = [float(_across(image, borders)) for image in (resting, painted)]
    yield f"From pixel to pixel over the borders: {number(steps[0])}/255, without rest {number(steps[1])}/255."
    signed = (0.5 + DIFFERENCE_GAIN * (resting - painted) / 2).clamp(0, 1)
    path = output / "rest.png"
    output.mkdir(parents=True, exist_ok=True)
    write_png(path, np.vstack([_cuts(resting, borders), _cuts(painted, borders), _cuts(signed, borders)]))
    yield f"{path}: both borders with rest, without, and {DIFFERENCE_GAIN // 2} times the difference, enlarged."


def _across(image: Tensor, columns: Sequence[int]) -> Tensor:
    return torch.stack([(image[..., column] - image[..., column - 1]).abs().mean() for column in columns]).mean() * 255


def _cuts(image: Tensor, columns: Sequence[int]) -> np.ndarray:
    """Around the middle of each border, enlarged, side by side."""
    top = max(0, (image.shape[2] - CUT_PX) // 2)
    cuts = [to_picture(image[..., top : top + CUT_PX, max(0, x - CUT_PX // 2) : x + CUT_PX // 2]) for x in columns]
    return np.hstack([cv2.resize(cut, None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_NEAREST) for cut in cuts])
