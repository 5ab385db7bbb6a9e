"""How a frame follows from those before it: where its pixels were, which of them are new, which were seen long ago.

Knows the source's frames alone, not what became of them; so it can run ahead of the optimiser, on the CPU.

M. Ruder, A. Dosovitskiy, T. Brox: Artistic style transfer for videos (2016), arXiv:1604.08610, for the
visibility and for looking back further than one frame.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

import cv2
import torch
import torch.nn.functional as F
from torch import Tensor

from stylevideo.models.flow import DISFlow
from stylevideo.ops.pyramid import fit_long_edge, resize
from stylevideo.ops.warp import outside, settle, visibility, warp

ALIKE = 0.04
"""Difference of blurred pictures, 0..1, up to which two places are taken to show the same."""
BLUR = 1 / 128
"""Blur for that comparison, in parts of the long edge: grain and small errors of the flow do not count."""
FEATHER = 1 / 170
"""Softness of the border between what was visible and what is new, in parts of the long edge."""
REFERENCE_EVERY = 8
"""Frames from one reference to the next."""
REFERENCES = 6
"""How many references are kept."""
REFERENCE_LONG_EDGE = 640
"""References are compared at this size at most, pixels."""
ENOUGH_HIDDEN = 1e-3
"""Part of the picture that must be hidden before the references are searched."""


@dataclass(frozen=True)
class Frame:
    """A frame of the source.

    Attributes:
        index: in the clip, from 0.
        image: (1, 3, H, W), RGB, 0..1.
        repaired: whether the last good frame stands in for it, because it could not be decoded.
    """

    index: int
    image: Tensor
    repaired: bool = False


@dataclass(frozen=True)
class Sighting:
    """What an earlier frame shows of this one that the previous frame hides.

    Attributes:
        index: of the earlier frame, a reference.
        flow: (1, 2, H, W), pixels, from this frame to the earlier one.
        seen: (1, 1, H, W), 1 where the earlier frame is to be believed.
    """

    index: int
    flow: Tensor
    seen: Tensor


@dataclass(frozen=True)
class Motion:
    """How a frame follows from the one before, and from some long ago.

    Attributes:
        flow_to_previous: (1, 2, H, W), pixels.
        visible: (1, 1, H, W), 1 where the previous frame shows the same thing, 0 where it does not.
        sightings: what references show of the rest; they do not overlap.
    """

    flow_to_previous: Tensor
    visible: Tensor
    sightings: tuple[Sighting, ...] = ()


def is_reference(index: int) -> bool:
    """Whether a frame is kept for later frames to look back at."""
    return index % REFERENCE_EVERY == 0


def earliest_reference(index: int) -> int:
    """No frame from this index on looks back further than to the frame that is returned (which may be below 0)."""
    return (index - 1) // REFERENCE_EVERY * REFERENCE_EVERY - (REFERENCES - 1) * REFERENCE_EVERY


def with_motion(
    frames: Iterable[Frame], carry: bool, shot_starts: Collection[int] = (), begin: int = 0
) -> Iterator[tuple[Frame, Motion | None]]:
    """Pair each frame with its motion; None where nothing is to be carried.

    Args:
        frames: in order, of one size.
        carry: whether motion is wanted at all.
        shot_starts: indices of frames that follow a cut.
        begin: index of the first frame to be yielded; those before it are only looked back at.
    """
    engine = DISFlow() if carry else None
    references: dict[int, Tensor] = {}
    previous: Frame | None = None
    for frame in frames:
        if frame.index in shot_starts:
            previous, references = None, {}
        if frame.index >= begin:
            if engine is None or previous is None:
                yield frame, None
            else:
                yield frame, estimate_motion(engine, previous.image, frame.image, references)
        if engine is not None and is_reference(frame.index):
            references = dict([*references.items(), (frame.index, _reduced(frame.image))][-REFERENCES:])
        previous = frame


def estimate_motion(
    engine: DISFlow, previous: Tensor, image: Tensor, references: dict[int, Tensor] | None = None
) -> Motion:
    """Find where a frame's pixels were in the previous one, and in which reference those were that were not.

    A pixel counts as visible before where the previous frame, carried along the flow and blurred, looks the
    same. That is less strict than following the flow there and back, which also rejects much that is there,
    above all in footage with people or grain; what fails either test is looked for in the references.

    Args:
        engine: finds the flow.
        previous, image: (1, 3, H, W), 0..1, neighbouring frames of the source.
        references: older frames by index, reduced to the size at which they are compared.
    """
    back, forth = engine.between(image, previous), engine.between(previous, image)
    alike = (_difference(warp(previous, back), image) < ALIKE) & ~outside(back)
    consistent = alike & (visibility(back, forth) > 0)
    sightings = _look_back(engine, image, ~consistent, references or {})
    hidden = _blur((~alike).float(), FEATHER)
    return Motion(settle(back), 1 - hidden, sightings)


def _look_back(engine: DISFlow, image: Tensor, hidden: Tensor, references: dict[int, Tensor]) -> tuple[Sighting, ...]:
    """Find each hidden pixel in the reference that resembles it most."""
    if float(hidden.float().mean()) < ENOUGH_HIDDEN:
        return ()
    height, width = image.shape[2:]
    small = _reduced(image)
    best = torch.full_like(small[:, :1], ALIKE)
    choice = torch.full_like(best, -1)
    flows = {}
    for index, reference in references.items():
        flows[index] = engine.between(small, reference)
        trusted = visibility(flows[index], engine.between(reference, small)) > 0
        difference = _difference(warp(reference, flows[index]), small)
        better = trusted & (difference < best)
        best, choice = torch.where(better, difference, best), torch.where(better, index, choice)
    choice = F.interpolate(choice, size=(height, width), mode="nearest")
    return tuple(
        Sighting(index, settle(_enlarged(flow, (height, width))), seen.float())
        for index, flow in flows.items()
        if bool((seen := hidden & (choice == index)).any())
    )


def _reduced(image: Tensor) -> Tensor:
    height, width = image.shape[2:]
    if max(height, width) <= REFERENCE_LONG_EDGE:
        return image
    return resize(image, fit_long_edge(height, width, REFERENCE_LONG_EDGE))


def _enlarged(flow: Tensor, size: tuple[int, int]) -> Tensor:
    """Flow at another size: its values grow with it."""
    height, width = flow.shape[2:]
    if (height, width) == size:
        return flow
    scale = torch.tensor((size[1] / width, size[0] / height)).view(1, 2, 1, 1)
    return F.interpolate(flow, size=size, mode="bilinear", align_corners=False) * scale


def _difference(image: Tensor, other: Tensor) -> Tensor:
    """Largest difference of a channel after blurring: (1, 1, H, W)."""
    return _blur(image - other, BLUR).abs().amax(1, keepdim=True)


def _blur(values: Tensor, part: float) -> Tensor:
    """Gaussian blur of maps (1, C, H, W) on the CPU; sigma in parts of the long edge, the border repeated."""
    planes = values[0].permute(1, 2, 0).contiguous().numpy()
    sigma = part * max(planes.shape[:2])
    blurred = cv2.GaussianBlur(planes, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    return torch.from_numpy(blurred).reshape(*planes.shape).permute(2, 0, 1)[None]
