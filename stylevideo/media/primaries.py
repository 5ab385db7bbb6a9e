"""Primaries: which light red, green, blue and white are; and the matrix from any to those of the film, bt709's.

Numbers alone; knows no files and no filters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

XY = tuple[float, float]
SAME_XY = 5e-4
"""So near, two chromaticities are the same; files round them."""


class Primaries(NamedTuple):
    """The CIE 1931 chromaticities of red, green, blue and white."""

    red: XY
    green: XY
    blue: XY
    white: XY

    def is_like(self, other: Primaries) -> bool:
        """Whether both are the same but for rounding."""
        return bool(np.abs(np.subtract(self, other)).max() <= SAME_XY)


D65, DCI, C = (0.3127, 0.3290), (0.314, 0.351), (0.310, 0.316)
BT709 = Primaries((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), D65)
_SMPTE_C = Primaries((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), D65)
_EBU_PHOSPHORS = Primaries((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), D65)
BY_NAME = {
    "bt2020": Primaries((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), D65),
    "smpte432": Primaries((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), D65),
    "smpte431": Primaries((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), DCI),
    "smpte170m": _SMPTE_C,
    "smpte240m": _SMPTE_C,
    "bt470bg": Primaries((0.640, 0.330), (0.290, 0.600), (0.150, 0.060), D65),
    "bt470m": Primaries((0.670, 0.330), (0.210, 0.710), (0.140, 0.080), C),
    "film": Primaries((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), C),
    "jedec-p22": _EBU_PHOSPHORS,
    "ebu3213": _EBU_PHOSPHORS,
}
"""Those of ITU-T H.273 that differ from bt709's, by ffmpeg's names."""
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
"""From XYZ to the cones of Lam's model, as ICC profiles have it."""


def to_bt709(primaries: Primaries) -> np.ndarray:
    """The matrix (3, 3) from linear light in some primaries to the same light in bt709's; white becomes white.

    >>> to_bt709(BY_NAME["bt2020"]).round(4)
    array([[ 1.6605, -0.5876, -0.0728],
           [-0.1246,  1.1329, -0.0083],
           [-0.0182, -0.1006,  1.1187]])

    Raises:
        ValueError: they span no colours.
    """
    adapted = _adaptation(primaries.white, BT709.white) @ _to_xyz(primaries)
    matrix: np.ndarray = np.linalg.inv(_to_xyz(BT709)) @ adapted
    return matrix


def from_attribute(chromaticities: object) -> Primaries | None:
    """The primaries that OpenEXR's attribute of this name has; None where it is missing or describes no colours."""
    if not isinstance(chromaticities, Sequence) or len(chromaticities) != 8:
        return None
    try:
        x, y = (tuple(map(float, chromaticities[begin::2])) for begin in (0, 1))
        primaries = Primaries(*zip(x, y, strict=True))
        if not np.isfinite(primaries).all():
            return None
        to_bt709(primaries)
    except (TypeError, ValueError, np.linalg.LinAlgError):
        return None
    return primaries


def _to_xyz(primaries: Primaries) -> np.ndarray:
    """From RGB to CIE XYZ, white having Y = 1."""
    columns = np.array([_xyz(xy, unit_y=False) for xy in primaries[:3]]).T
    if abs(np.linalg.det(columns)) < 1e-6 or primaries.white[1] <= 0:
        raise ValueError(f"{primaries} are no primaries.")
    return columns * np.linalg.solve(columns, _xyz(primaries.white))


def _xyz(xy: XY, unit_y: bool = True) -> np.ndarray:
    x, y = xy
    found = np.array([x, y, 1 - x - y])
    return found / y if unit_y else found


def _adaptation(white: XY, to: XY) -> np.ndarray:
    """From XYZ under one white to XYZ that looks the same under another."""
    if np.abs(np.subtract(white, to)).max() <= SAME_XY:
        return np.eye(3)
    cones = (_BRADFORD @ _xyz(to)) / (_BRADFORD @ _xyz(white))
    adapted: np.ndarray = np.linalg.inv(_BRADFORD) @ np.diag(cones) @ _BRADFORD
    return adapted
