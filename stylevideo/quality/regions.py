"""Parts of a source frame that a painter finds hard: what moves, what is plain, what is new.

Found from the source alone, by a flow that no painter uses; knows no film.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from torch import Tensor

from stylevideo.motion.camera import camera_motion
from stylevideo.motion.estimate import Motion, estimate_motion
from stylevideo.motion.flow import FarnebackFlow
from stylevideo.motion.frame import Frame
from stylevideo.ops.filters import luma
from stylevideo.quality.measures import MotionBetween

MOVING_PX = 0.5
"""Speed against the camera, in pixels a frame, from which on a thing moves."""
NEW_FOR_FRAMES = 3
"""Frames for which a place counts as newly uncovered."""
PLAIN_WINDOW_PX = 13
PLAIN_SIGMA = 8.0
"""Deviation of luma, 0..255, from its mean over the window, below which a place is plain: shading may be smooth."""


@dataclass(frozen=True, eq=False)
class Regions:
    """Masks (H, W), bool, of one source frame.

    Attributes:
        moving: by more than half a pixel a frame against the camera.
        plain: where luma deviates by less than 8 of 255 from its mean over 13x13 pixels, as on smoothly shaded things.
        uncovered: what was not to be seen three frames before.
    """

    moving: np.ndarray
    plain: np.ndarray
    uncovered: np.ndarray

    def named(self) -> dict[str, np.ndarray | None]:
        """Each region by its name; None is the whole."""
        still = ~(self.moving | self.uncovered)
        return {
            "whole": None,
            "moving": self.moving,
            "still": still,
            "plain": self.plain,
            "uncovered": self.uncovered,
        }


def by_farneback(earlier: Frame, later: Frame) -> Motion:
    """Motion by Farneback's flow; visible is what looks the same, carried along it."""
    return estimate_motion(FarnebackFlow(), earlier, later)


def find_regions(frames: Sequence[Frame], position: int, between: MotionBetween = by_farneback) -> Regions:
    """The regions of the frame at a position among the frames of a shot, all of one size.

    The first frame moves as the second does, and nothing in it is new. A frame by itself stands still.
    """
    frame = frames[position]
    nothing = np.zeros(frame.image.shape[2:], bool)
    moving, uncovered = nothing, nothing
    if len(frames) > 1:
        near = frames[position - 1] if position else frames[1]
        moving = _speed(between(near, frame), frame.image) > MOVING_PX
    if position:
        before = frames[max(0, position - NEW_FOR_FRAMES)]
        uncovered = between(before, frame).visible[0, 0].cpu().numpy() < 0.5
    return Regions(moving, plain(frame.image), uncovered)


def plain(image: Tensor) -> np.ndarray:
    """Where a picture (1, 3, H, W), 0..1, has next to no detail: (H, W), bool."""
    brightness = luma(image).cpu().numpy()
    window = (PLAIN_WINDOW_PX, PLAIN_WINDOW_PX)
    variance = cv2.blur((brightness - cv2.blur(brightness, window)) ** 2, window)
    found: np.ndarray = variance < PLAIN_SIGMA**2
    return found


def _speed(motion: Motion, image: Tensor) -> np.ndarray:
    """Against the camera's motion, where there is one: (H, W), pixels."""
    flow = motion.flow_to_previous
    camera = camera_motion(flow, motion.visible, image)
    speed: np.ndarray = (flow if camera is None else flow - camera)[0].square().sum(0).sqrt().cpu().numpy()
    return speed
