"""Pictures: as files, as arrays of 8 or 16 bits or floats, as tensors; written so that they are whole or not there."""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from stylevideo.errors import InputError
from stylevideo.limits import PICTURE_FILE_BYTES
from stylevideo.media.images.picture_size import is_picture
from stylevideo.media.images.profiles import embedded, to_srgb
from stylevideo.system.files import read_file, real_path, write_atomically
from stylevideo.system.memory import lacks_memory, rule_out_lack_of_memory

if TYPE_CHECKING:
    from torch import Tensor

    from stylevideo.media.images.exr import ExrPicture

WHITE = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535, np.dtype(np.float32): 1}
"""The value of white, by the kind of picture."""


@dataclass(frozen=True)
class Reading:
    """How a clip is to be read.

    Attributes:
        bits: at most so many a channel: 8, 16, or 32 for floating point; never more than the clip has.
        alpha: "drop"; "keep": set aside as it is; "premultiply": the colours are multiplied with it too.
        deinterlace: make whole frames of woven fields.
        tonemap: bring high dynamic range (PQ, HLG) down to bt709.
        view: how scene-linear light is made into a picture; see `media.view`.
        display, display_view: how light is shown on screens, by OpenColorIO; as sRGB if both are empty.
    """

    bits: int = 8
    alpha: str = "drop"
    deinterlace: bool = False
    tonemap: bool = False
    view: str = "auto"
    display: str = ""
    display_view: str = ""

    @property
    def is_displayed(self) -> bool:
        """Whether light is shown on screens by OpenColorIO."""
        return bool(self.display or self.display_view)


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture with what is not painted but belongs to it.

    Attributes:
        image: (H, W, 3), RGB, sRGB-encoded; uint8, uint16, or float32 with white at 1.
        alpha: (H, W), of the same kind; None where the picture has none.
        gain: (H, W) float32, at least 1: by how much scene-linear light is brighter than the image; None for
            other pictures.
        exr: the file it was read from, for its attributes and other channels; None for other files.
        notes: what was not as it should be in the file it was read from, as sentences.
    """

    image: np.ndarray
    alpha: np.ndarray | None = None
    gain: np.ndarray | None = None
    exr: ExrPicture | None = None
    notes: tuple[str, ...] = ()

    def fitted(self, size: tuple[int, int]) -> Picture:
        """The same reduced to a height and width by averaging."""
        if self.image.shape[:2] == size:
            return self
        alpha, gain = (None if plane is None else fit_picture(plane, size) for plane in (self.alpha, self.gain))
        return replace(self, image=fit_picture(self.image, size), alpha=alpha, gain=gain)


def read_picture(path: Path) -> np.ndarray:
    """Read a picture: one of the formats that `media.picture_size` knows, its numbers as they are.

    Returns:
        (H, W, 3) uint8, RGB; orientation tags applied, alpha dropped.
    Raises:
        InputError: there is no such file, or it is not a picture.
    """
    return _decoded(path, _contents(path), cv2.IMREAD_COLOR)


def read_as_srgb(path: Path) -> tuple[np.ndarray, str]:
    """Read a picture as `read_picture` does, its colours converted to sRGB from the profile that it holds.

    Returns:
        The picture; and what was done about its profile, as a sentence, if anything.
    """
    data = _contents(path)
    picture, profile = _decoded(path, data, cv2.IMREAD_COLOR), embedded(data).profile
    if not profile:
        return picture, ""
    pixels, note = to_srgb(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), data, profile)
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), f"{path.name}: {note}" if note else ""


def _contents(path: Path) -> bytes:
    """A picture's file.

    Raises:
        InputError: there is none, or it is not a picture.
    """
    try:
        data = read_file(path, PICTURE_FILE_BYTES)
    except OSError as error:
        raise InputError(f"{path}: the picture cannot be read ({error.strerror}). Check the name.") from error
    if not is_picture(path, data):
        raise InputError(f"{path} is not a picture that can be read. Use a PNG, JPEG, TIFF or WebP file.")
    return data


def _decoded(path: Path, data: bytes, mode: int) -> np.ndarray:
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), mode)
    except cv2.error as error:
        if lacks_memory(error):
            raise
        picture = None
    if picture is None:
        rule_out_lack_of_memory()
        raise InputError(f"{path} is a damaged picture. Save or copy it again.")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def as_picture(pixels: np.ndarray, reading: Reading) -> Picture:
    """What OpenCV decoded, as it is wanted.

    Args:
        pixels: (H, W) gray, (H, W, 3) BGR or (H, W, 4) BGRA; uint8, uint16 or float32.
        reading: how many bits are kept, and what becomes of the alpha channel.
    """
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR)
    if reading.bits == 8 or (reading.bits == 16 and pixels.dtype == np.float32):
        pixels = to_8_bits(pixels) if reading.bits == 8 else to_16_bits(pixels)
    image = cv2.cvtColor(pixels[..., :3], cv2.COLOR_BGR2RGB)
    if pixels.shape[2] < 4 or reading.alpha == "drop":
        return Picture(image)
    alpha = np.ascontiguousarray(pixels[..., 3])
    return Picture(premultiplied(image, alpha) if reading.alpha == "premultiply" else image, alpha)


def premultiplied(image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Colours (H, W, 3) multiplied with how opaque they are (H, W), of the same kind."""
    return _like(image, image * (alpha / np.float64(WHITE[alpha.dtype]))[..., None])


def unpremultiplied(image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Colours that were multiplied with how opaque they are, as they were before; black where nothing is seen."""
    opacity = (alpha / np.float64(WHITE[alpha.dtype]))[..., None]
    quotient = np.clip(image / np.where(opacity > 0, opacity, np.inf), 0, WHITE[image.dtype])
    return _like(image, quotient)


def like(image: np.ndarray, plane: np.ndarray) -> np.ndarray:
    """A plane of 8, 16 bits or floats, as the same kind as an image."""
    if plane.dtype == image.dtype:
        return plane
    return _like(image, plane.astype(np.float64) * (WHITE[image.dtype] / WHITE[plane.dtype]))


def _like(image: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values as the same kind of picture."""
    converted: np.ndarray = (values if image.dtype == np.float32 else np.rint(values)).astype(image.dtype)
    return converted


def fit_picture(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Reduce a picture (H, W, 3), or one channel (H, W), to a height and width by averaging."""
    if picture.shape[:2] == size:
        return picture
    return cv2.resize(picture, (size[1], size[0]), interpolation=cv2.INTER_AREA)


def to_image(picture: np.ndarray) -> Tensor:
    """(H, W, 3) uint8, uint16 or float32 to (1, 3, H, W) float32, 0..1."""
    import torch  # here, so that what only looks at clips starts at once, and in little memory

    return torch.from_numpy(to_floats(picture)).permute(2, 0, 1)[None]


def to_picture(image: Tensor, bits: int = 8) -> np.ndarray:
    """(1, 3, H, W), 0..1, to (H, W, 3) uint8, uint16 or float32, by `bits`: 8, 16 or 32.

    8 bits are rounded from 16, so that they are the same whether or not 16 were kept in between.
    """
    values: np.ndarray = image[0].permute(1, 2, 0).cpu().numpy()
    if bits == 32:
        return np.ascontiguousarray(values)
    deep = np.rint(values * 65535).astype(np.uint16)
    return deep if bits == 16 else to_8_bits(deep)


def to_8_bits(picture: np.ndarray) -> np.ndarray:
    """A picture of any kind, rounded to uint8; what lies outside of black and white is clipped."""
    if picture.dtype == np.uint8:
        return picture
    return ((to_16_bits(picture).astype(np.uint32) + 128) // 257).astype(np.uint8)


def to_16_bits(picture: np.ndarray) -> np.ndarray:
    """A picture of any kind, as uint16; what lies outside of black and white is clipped."""
    if picture.dtype == np.uint8:
        return picture.astype(np.uint16) * 257
    if picture.dtype == np.float32:
        deep: np.ndarray = np.rint(np.clip(picture, 0, 1) * 65535).astype(np.uint16)
        return deep
    return picture


def to_floats(picture: np.ndarray) -> np.ndarray:
    """A picture of any kind as a new float32 array with white at 1."""
    values: np.ndarray = picture.astype(np.float32) / np.float32(WHITE[picture.dtype])
    return values


def write_png(path: Path, picture: np.ndarray, parts: Path | None = None) -> None:
    """Write a PNG that is complete once it has its name, even if the machine stops.

    Args:
        path: ends in .png.
        picture: (H, W, 3) uint8 or uint16, RGB.
        parts: see `write_atomically`.
    Raises:
        StorageError: the disk is full, or the folder cannot be written.
    """
    write_atomically(path, png(picture), parts)


def png(picture: np.ndarray) -> bytes:
    """A PNG file of a picture, (H, W, 3) uint8 or uint16, RGB."""
    coded, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    assert coded, "PNG takes any RGB picture of 8 or 16 bits"
    return data.tobytes()


def float_tiff(picture: np.ndarray) -> bytes:
    """A TIFF file of a picture, (H, W, 3) float32, RGB, of any values."""
    coded, data = cv2.imencode(".tiff", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    assert coded, "TIFF takes any RGB picture of floats"
    return data.tobytes()


def decode_exactly(data: bytes, path: Path) -> np.ndarray:
    """What `png` or `float_tiff` was given: (H, W, 3), RGB, of the same kind.

    Raises:
        InputError: it is no such file; named by its path.
    """
    return _decoded(path, data, cv2.IMREAD_UNCHANGED)


def check_writable(path: Path, to_be_made: Collection[Path] = ()) -> None:
    """Refuse a file's name before any work is done for it.

    Args:
        path: the file.
        to_be_made: folders that need not be there yet, without links and `..` in their paths.
    Raises:
        InputError: it is a folder, or its folder is missing or cannot be written to.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder. Give a file name.")
    if not path.parent.is_dir():
        if real_path(path.parent) in to_be_made:
            return
        raise InputError(f"{path}: the folder {path.parent} does not exist. Make it first, or choose another place.")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise InputError(
            f"{path}: the folder {path.parent} cannot be written to ({error.strerror}). Choose another place."
        ) from error
