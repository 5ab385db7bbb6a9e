"""What a picture's file says beside its pixels: how it lies (EXIF), and whose colours it has (an ICC profile).

Pillow reads both from the header, and Little CMS, which it brings along, converts colours to sRGB. OpenCV decodes the
pixels; it knows of no profile, and of orientation in some formats and modes only.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageCms

from stylevideo.media.images.matrix_profile import UnusableProfile, matrix_conversion
from stylevideo.media.orientation import upright
from stylevideo.system.memory import lacks_memory

FORMATS = ("PNG", "JPEG", "TIFF", "WEBP")
ORIENTATION_TAG = 0x0112
LIES = {
    **{2: (0, True), 3: (180, False), 4: (180, True)},
    **{5: (90, True), 6: (270, False), 7: (270, True), 8: (90, False)},
}
"""Rotation and mirroring that make a picture upright, by EXIF's number."""
SAME_LEVELS = 2
"""A profile that changes no colour by more is taken for sRGB's own, which programs write in many versions."""
PROFILE_BYTES = 1 << 24
MODES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}
"""Pillow's kind of picture, by the colours that a profile is for."""
BROKEN = "its colour profile is damaged or of another kind of picture: its colours are taken for sRGB's."
_EXIF_IN_PNG = re.compile(rb"eXIf|Raw profile type (?:exif|APP1)", re.IGNORECASE)
_Change = Callable[[Image.Image], Image.Image]


@dataclass(frozen=True)
class Embedded:
    """What a file says beside its pixels.

    Attributes:
        profile: an ICC profile, as it is; empty if there is none.
        rotation, mirrored: how the picture is made upright; see `media.orientation`.
    """

    profile: bytes = b""
    rotation: int = 0
    mirrored: bool = False


def embedded(data: bytes) -> Embedded:
    """Read a file's header; what is damaged in it counts as missing, since the decoder says more of it."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            profile = picture.info.get("icc_profile") or b""
            # Of a PNG that says nothing of itself before its pixels, Pillow decodes these to look behind them.
            told = picture.getexif() if picture.format != "PNG" or _EXIF_IN_PNG.search(data) else {}
            rotation, mirrored = LIES.get(told.get(ORIENTATION_TAG, 1), (0, False))
    except Exception as error:  # Pillow raises whatever its parsers come upon
        _pass_on_lack_of_memory(error)
        return Embedded()
    return Embedded(profile if isinstance(profile, bytes) else b"", rotation, mirrored)


def to_srgb(pixels: np.ndarray, data: bytes, profile: bytes) -> tuple[np.ndarray, str]:
    """Convert a picture's colours to sRGB, perceived relative to white.

    Args:
        pixels: as OpenCV decoded them, upright: (H, W), (H, W, 3) BGR or (H, W, 4) BGRA.
        data: the whole file, for the inks of CMYK, which OpenCV has made into RGB without the profile.
        profile: the file's.
    Returns:
        The pixels, of the same shape and kind; and what was done, or could not be, as a sentence's end.
    """
    change = _change(profile[:PROFILE_BYTES])
    if change is None:
        return pixels, BROKEN
    if change.is_same:
        return pixels, ""
    said = f"its colours are converted from its profile ({change.name}) to sRGB."
    if pixels.dtype != np.uint8:
        deep = _deep_change(profile[:PROFILE_BYTES]) if pixels.dtype == np.uint16 else "its numbers must be whole"
        if isinstance(deep, str):
            return pixels, f"its colour profile ({change.name}) is left out: {deep} to be converted to sRGB."
        return _deeply_changed(pixels, deep), said
    try:
        found = np.asarray(change.apply(_as_picture(pixels, data, change.mode)))
    except Exception as error:  # Little CMS and Pillow have errors of their own
        _pass_on_lack_of_memory(error)
        return pixels, BROKEN
    if found.shape[:2] != pixels.shape[:2]:
        return pixels, BROKEN
    if pixels.ndim == 2:
        return np.ascontiguousarray(found[..., 1]), said
    bgr = cv2.cvtColor(found, cv2.COLOR_RGB2BGR)
    return (np.dstack((bgr, pixels[..., 3])) if pixels.shape[2] == 4 else bgr), said


@dataclass(frozen=True)
class _Profile:
    """A profile that can be applied.

    Attributes:
        name: what it says of itself.
        mode: Pillow's kind of picture that it is for.
        is_same: whether it changes nothing.
        apply: makes a picture of that kind into RGB.
    """

    name: str
    mode: str
    is_same: bool
    apply: _Change


@lru_cache(maxsize=8)
def _change(profile: bytes) -> _Profile | None:
    """What a profile does; None where it is damaged or for something else."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = MODES[source.profile.xcolor_space]
        flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
        there: Any = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB", intent, flags)
        name = " ".join((source.profile.profile_description or "unnamed").split())
    except Exception as error:
        _pass_on_lack_of_memory(error)
        return None

    def apply(picture: Image.Image) -> Image.Image:
        changed = ImageCms.applyTransform(picture, there)
        assert changed is not None, "it is not changed in place"
        return changed

    return _Profile(name, mode, mode != "CMYK" and _is_same(apply, mode), apply)


@lru_cache(maxsize=8)
def _deep_change(profile: bytes) -> Callable[[np.ndarray], np.ndarray] | str:
    """What a profile does to (H, W, 3) uint16, RGB; or what keeps it from that."""
    try:
        return matrix_conversion(profile)
    except UnusableProfile as why:
        return str(why)


def _deeply_changed(pixels: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Of grey, (H, W), and of BGR with or without alpha."""
    if pixels.ndim == 2:
        return np.ascontiguousarray(change(np.broadcast_to(pixels[..., None], (*pixels.shape, 3)))[..., 1])
    changed = pixels.copy()
    changed[..., 2::-1] = change(pixels[..., 2::-1])
    return changed


def _is_same(apply: _Change, mode: str) -> bool:
    steps = np.linspace(0, 255, 9).astype(np.uint8)
    grid = steps[:, None] if mode == "L" else np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 1, 3)
    changed = np.asarray(apply(Image.fromarray(grid))).astype(int)
    return bool(np.abs(changed - grid.reshape(len(grid), 1, -1)).max() <= SAME_LEVELS)


def _as_picture(pixels: np.ndarray, data: bytes, mode: str) -> Image.Image:
    """The picture as a profile takes it."""
    if mode == "CMYK":
        with Image.open(io.BytesIO(data), formats=FORMATS) as stored:
            said = embedded(data)
            inks = upright(np.asarray(_require(stored, mode)), said.rotation, said.mirrored)
            return Image.frombytes(mode, (inks.shape[1], inks.shape[0]), inks.tobytes())
    if mode == "L":
        return Image.fromarray(pixels if pixels.ndim == 2 else np.ascontiguousarray(pixels[..., 1]))
    if pixels.ndim == 2:
        return Image.fromarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB))
    return Image.fromarray(cv2.cvtColor(pixels[..., :3], cv2.COLOR_BGR2RGB))


def _require(picture: Image.Image, mode: str) -> Image.Image:
    if picture.mode != mode:
        raise ValueError(f"a profile for {mode} in a picture of {picture.mode}")
    return picture


def _pass_on_lack_of_memory(error: Exception) -> None:
    """A file is not called damaged because there is too little memory to read it.

    Raises:
        MemoryError: that is what the error is.
    """
    if lacks_memory(error):
        raise MemoryError(str(error)) from error
