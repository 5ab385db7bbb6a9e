"""Pictures: read as 8-bit RGB, made into tensors and back, written so that they are whole or not there."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from stylevideo.errors import InputError, StorageError


def read_picture(path: Path) -> np.ndarray:
    """Read a picture of any format that OpenCV knows.

    Returns:
        (H, W, 3) uint8, RGB; orientation tags applied, alpha dropped.
    Raises:
        InputError: there is no such file, or it is not a picture.
    """
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise InputError(f"{path}: the picture cannot be read ({error.strerror}). Check the name.") from error
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if picture is None:
        raise InputError(f"{path} is not a picture that can be read. Use a PNG, JPEG, TIFF or WebP file.")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def fit_picture(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Reduce a picture (H, W, 3) to a height and width by averaging."""
    if picture.shape[:2] == size:
        return picture
    return cv2.resize(picture, (size[1], size[0]), interpolation=cv2.INTER_AREA)


def to_image(picture: np.ndarray) -> Tensor:
    """(H, W, 3) uint8 to (1, 3, H, W) float32, 0..1."""
    return torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255


def to_picture(image: Tensor) -> np.ndarray:
    """(1, 3, H, W), 0..1, to (H, W, 3) uint8."""
    rounded: np.ndarray = (image[0] * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    return rounded


def write_png(path: Path, picture: np.ndarray) -> None:
    """Write a PNG that is complete once it has its name, even if the machine stops.

    Args:
        path: ends in .png.
        picture: (H, W, 3) uint8, RGB.
    Raises:
        StorageError: the disk is full, or the folder cannot be written.
    """
    coded, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    assert coded, "PNG takes any 8-bit RGB picture"
    write_atomically(path, data.tobytes())


def check_writable(path: Path) -> None:
    """Refuse a file's name before any work is done for it.

    Raises:
        InputError: it is a folder, or its folder is missing or cannot be written to.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder. Give a file name.")
    if not path.parent.is_dir():
        raise InputError(f"{path}: the folder {path.parent} does not exist. Make it first, or choose another place.")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise InputError(
            f"{path}: the folder {path.parent} cannot be written to ({error.strerror}). Choose another place."
        ) from error


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file under a hidden name, flush it to the disk, and only then give it its own name.

    Raises:
        StorageError: the disk is full, or the folder cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise StorageError(f"{path} cannot be written ({error.strerror}).") from error
