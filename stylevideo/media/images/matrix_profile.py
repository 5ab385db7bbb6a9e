"""Colour profiles that consist of a matrix and curves, applied to 16 bits, for which Pillow's Little CMS has no way."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
from PIL import ImageCms

COLORANTS = ("red_colorant", "green_colorant", "blue_colorant")
CURVES = (b"rTRC", b"gTRC", b"bTRC")
LEVELS = 65535
DARKEST = 1e-4
_PARAMETERS = ("g", "gab", "gabc", "gabcd", "gabcdef")
"""Of the kinds of formulas in ICC.1, section "parametricCurveType", in their order."""


def matrix_conversion(profile: bytes, source: ImageCms.ImageCmsProfile) -> Callable[[np.ndarray], np.ndarray] | None:
    """What makes sRGB of a profile's colours, relative to white; None for a profile of another kind.

    Args:
        profile: the file.
        source: the same, as Pillow reads it.
    Returns:
        A function from (H, W, 3) uint16, RGB, to the same.
    """
    if source.profile.xcolor_space != "RGB " or b"A2B0" in _tags(profile) or not all(map(_tags(profile).get, CURVES)):
        return None
    curves = [_curve(_tags(profile)[name]) for name in CURVES]
    if any(curve[0] > DARKEST or curve[-1] < 1 - DARKEST for curve in curves):
        return None  # Little CMS moves black and white, too
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    matrix = (np.linalg.inv(_matrix(srgb)) @ _matrix(source)).astype(np.float32)

    def convert(pixels: np.ndarray) -> np.ndarray:
        light = np.stack([curve[pixels[..., place]] for place, curve in enumerate(curves)], axis=-1) @ matrix.T
        light = light.clip(0, 1)
        encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** np.float32(1 / 2.4) - 0.055)
        levels: np.ndarray = np.rint(encoded * LEVELS).astype(np.uint16)
        return levels

    return convert


def _tags(profile: bytes) -> dict[bytes, bytes]:
    """A profile's tags, by their names of four letters."""
    (count,) = struct.unpack_from(">I", profile, 128)
    found = (struct.unpack_from(">4sII", profile, 132 + 12 * place) for place in range(min(count, 100)))
    return {name: profile[start : start + size] for name, start, size in found}


def _matrix(profile: ImageCms.ImageCmsProfile) -> np.ndarray:
    """(3, 3), from light to XYZ beside the white of print, D50."""
    return np.array([getattr(profile.profile, name)[0] for name in COLORANTS]).T


def _curve(tag: bytes) -> np.ndarray:
    """(65536,) float32: light from 0 to 1 for each level."""
    x = np.linspace(0, 1, LEVELS + 1)
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        values = np.frombuffer(tag, ">u2", count, 12)
        if count < 2:
            return (x ** (values[0] / 256 if count else 1)).astype(np.float32)
        return np.interp(x, np.linspace(0, 1, count), values / LEVELS).astype(np.float32)
    (kind,) = struct.unpack_from(">H", tag, 8)
    names = _PARAMETERS[kind]
    p = dict(zip(names, (n / 65536 for n in struct.unpack_from(f">{len(names)}i", tag, 12)), strict=True))
    g, a, b, c = p["g"], p.get("a", 1.0), p.get("b", 0.0), p.get("c", 0.0)
    begin = p.get("d", -b / a if kind in (1, 2) else 0.0)
    above, below = (p.get("e", 0.0), c * x + p.get("f", 0.0)) if kind > 2 else (c, np.full_like(x, c))
    return np.where(x >= begin, (a * x + b).clip(0) ** g + above, below).clip(0, 1).astype(np.float32)
