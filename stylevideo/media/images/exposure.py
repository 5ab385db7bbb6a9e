"""How much of a frame is a picture: what is black, white or of one colour all over is none, and fades lie between.

Knows one picture and what is usual in its shot; knows nothing of painting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from stylevideo.media.images.pictures import to_floats
from stylevideo.timeline.clip import FULL_EXPOSURE, Shot

JUDGED_LONG_EDGE = 128
LEAST_PLACE_PX = 4
"""At so many places across, and of so many pixels, lettering still counts, and grain, stars and dead pixels do not."""
PLACES_ACROSS_REGION = 4
"""Contrast is that of larger regions, or noise would count."""
NO_LIGHT = 0.08
"""How far from black, or from white, a picture begins: 20 of 255."""
LEAST_FULL_EXPOSURE = 0.2
"""A shot that never is further from black, or from white, than this is as good as black, or white."""
USUAL = 0.9
"""A frame is not faded if it has so much of its shot's greatest exposure."""
BUT_FOR_FLASHES = 0.9
"""Part of a shot's frames among which its greatest exposure is looked for."""
NO_CONTRAST, ENOUGH_CONTRAST = 2 / 255, 6 / 255
"""Range of the regions of a frame, 0..1, that is of one colour all over, and of one that is a picture."""


@dataclass(frozen=True)
class Exposure:
    """How bright a picture is.

    Attributes:
        light: of its brightest place, 0..1, in its brightest channel.
        shade: how far from white its darkest place is, 0..1, in its darkest channel.
        contrast: the greatest range of a channel, 0..1, over its regions.
    """

    light: float
    shade: float
    contrast: float

    @property
    def is_blank(self) -> bool:
        """Whether there is no picture, whatever the shot is like."""
        return self.light <= NO_LIGHT or self.shade <= NO_LIGHT or self.contrast <= NO_CONTRAST

    def strength(self, shot: Shot) -> float:
        """How much of a frame of this shot is a picture: 0 for a blank one, 1 for one that is not faded."""
        return min(
            _part_of_way(self.light, NO_LIGHT, shot.full_light),
            _part_of_way(self.shade, NO_LIGHT, shot.full_shade),
            _part_of_way(self.contrast, NO_CONTRAST, ENOUGH_CONTRAST),
        )


def exposure_of(image: np.ndarray) -> Exposure:
    """The exposure of a picture.

    Args:
        image: (H, W, 3), RGB; uint8, uint16, or float32 with white at 1.
    """
    places = to_floats(_reduced(image, min(1 / LEAST_PLACE_PX, JUDGED_LONG_EDGE / max(image.shape))))
    regions = _reduced(places, 1 / PLACES_ACROSS_REGION)
    contrast = (regions.max(axis=(0, 1)) - regions.min(axis=(0, 1))).max()
    return Exposure(float(places.max()), float(1 - places.min()), float(contrast))


def _reduced(image: np.ndarray, factor: float) -> np.ndarray:
    """A picture (H, W, 3) with its edges times this, by averaging."""
    height, width = (max(1, round(edge * factor)) for edge in image.shape[:2])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def full_exposure(of_frames: Sequence[float]) -> float:
    """From which light on, or shade, a shot's frames are not faded: less in a shot that is dark, or bright, throughout.

    Args:
        of_frames: light, or shade, of those that are not blank; none counts as usual.
    """
    if not of_frames:
        return FULL_EXPOSURE
    greatest = sorted(of_frames)[int(BUT_FOR_FLASHES * (len(of_frames) - 1))]
    return min(FULL_EXPOSURE, max(LEAST_FULL_EXPOSURE, USUAL * greatest))


def _part_of_way(value: float, start: float, end: float) -> float:
    return min(1.0, max(0.0, (value - start) / (end - start)))
