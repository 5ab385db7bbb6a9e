"""Colour profiles that consist of a matrix and curves, applied to 16 bits, for which Pillow's Little CMS has no way."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import numpy as np
from PIL import ImageCms

COLORANTS = ("red_colorant", "green_colorant", "blue_colorant")
CURVES = (b"rTRC", b"gTRC", b"bTRC")
LEVELS = 65535
DARKEST = 1e-4
STRIP_PIXELS = 1 << 18
"""So many are converted at once: what they take beside the picture is some 20 MB."""
_PARAMETERS = ("g", "gab", "gabc", "gabcd", "gabcdef")
"""Of the kinds of formulas in ICC.1, section "parametricCurveType", in their order."""


class UnusableProfile(Exception):
    """A profile has no such conversion; its text, the end of a sentence, says why."""


def matrix_conversion(profile: bytes) -> Callable[[np.ndarray], np.ndarray]:
    """What makes sRGB of a profile's colours, relative to white.

    Args:
        profile: the file, of which Little CMS can make a conversion.
    Returns:
        A function from (H, W, 3) uint16, RGB, to a new array of the same kind.
    Raises:
        UnusableProfile: it has no matrix, or curves that are not read here.
    """
    source, tags = ImageCms.ImageCmsProfile(io.BytesIO(profile)), _tags(profile)
    if source.profile.xcolor_space != "RGB " or b"A2B0" in tags or not all(map(tags.get, CURVES)):
        raise UnusableProfile("with more than 8 bits a profile must be of a matrix and curves")
    try:
        curves = [_curve(tags[name]) for name in CURVES]
    except (struct.error, ValueError, IndexError) as error:
        raise UnusableProfile("with more than 8 bits its curves must be tables or formulas that are whole") from error
    # Little CMS moves black and white, too.
    if not all(curve[0] <= DARKEST and curve[-1] >= 1 - DARKEST for curve in curves):
        raise UnusableProfile("with more than 8 bits its curves must lead from black to white")
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    matrix = (np.linalg.inv(_matrix(srgb)) @ _matrix(source)).astype(np.float32)

    def convert(pixels: np.ndarray) -> np.ndarray:
        levels, rows = np.empty(pixels.shape, np.uint16), max(1, STRIP_PIXELS // pixels.shape[1])
        for begin in range(0, len(pixels), rows):
            strip = pixels[begin : begin + rows]
            light = np.stack([curve[strip[..., place]] for place, curve in enumerate(curves)], axis=-1) @ matrix.T
            light = light.clip(0, 1)
            encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** np.float32(1 / 2.4) - 0.055)
            levels[begin : begin + rows] = np.rint(encoded * LEVELS)
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
    """(65536,) float32: light from 0 to 1 for each level.

    Raises:
        struct.error, ValueError, IndexError: it is not whole, or of another kind.
    """
    x = np.linspace(0, 1, LEVELS + 1)
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        values = np.frombuffer(tag, ">u2", count, 12)
        if count < 2:
            return (x ** (values[0] / 256 if count else 1)).astype(np.float32)
        return np.interp(x, np.linspace(0, 1, count), values / LEVELS).astype(np.float32)
    if tag[:4] != b"para":
        raise ValueError(f"a curve of the kind {tag[:4]!r}")
    (kind,) = struct.unpack_from(">H", tag, 8)
    names = _PARAMETERS[kind]
    p = dict(zip(names, (n / 65536 for n in struct.unpack_from(f">{len(names)}i", tag, 12)), strict=True))
    g, a, b, c = p["g"], p.get("a", 1.0), p.get("b", 0.0), p.get("c", 0.0)
    if kind in (1, 2) and a == 0:  # Little CMS makes nothing of it
        return np.zeros(LEVELS + 1, np.float32)
    begin = p.get("d", -b / a if kind in (1, 2) else 0.0)
    above, below = (p.get("e", 0.0), c * x + p.get("f", 0.0)) if kind > 2 else (c, np.full_like(x, c))
    with np.errstate(all="ignore"):
        return np.where(x >= begin, (a * x + b).clip(0) ** g + above, below).clip(0, 1).astype(np.float32)
