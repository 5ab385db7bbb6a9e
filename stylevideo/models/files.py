"""Weights files: read with a bound, checked against the hash in their name, their tensors by name."""

from __future__ import annotations

import hashlib
import re
import zipfile
from io import BytesIO
from pathlib import Path

import torch
from torch import Tensor

from stylevideo.errors import InputError
from stylevideo.limits import WEIGHTS_BYTES
from stylevideo.system.files import read_file

MOST_VALUES = 2**27
"""Of one tensor: the largest of VGG-19's classifier has 103 million."""


def read_weights(path: Path, instead: str) -> bytes:
    """A weights file, whole.

    Args:
        path: of the file. In a name like `vgg19-dcbb9e9d.pth` the part behind the dash must be the beginning of the
            file's SHA-256.
        instead: what to do if it is none, as a half-sentence.
    Raises:
        InputError: it cannot be read, or its SHA-256 is not the one that its name says.
    """
    try:
        data = read_file(path, WEIGHTS_BYTES)
    except OSError as error:
        raise InputError(
            f"{path}: the weights file cannot be read ({error.strerror}). Check the name, or {instead}."
        ) from error
    match = re.search(r"-([0-9a-f]{8,64})$", path.stem)
    found = hashlib.sha256(data).hexdigest()
    if match and not found.startswith(match[1]):
        raise InputError(
            f"{path.name}: the weights file's SHA-256 begins with {found[:8]}, not with {match[1]} as its "
            f"name says. Download it again, or {instead}."
        )
    return data


def load_tensors(name: str, data: bytes, instead: str) -> dict[str, Tensor]:
    """The tensors of a weights file by their names, but for those that no network of ours can have.

    Args:
        name: of the file.
        data: all of it.
        instead: what to do if it is none, as a half-sentence.
    Raises:
        InputError: it unpacks to more than it has, which no file of PyTorch's does.
        Anything that PyTorch makes of a damaged file.
    """
    file = BytesIO(data)
    if zipfile.is_zipfile(file) and sum(part.file_size for part in zipfile.ZipFile(file).infolist()) > len(data):
        raise InputError(f"{name} is a compressed weights file. Save it with torch.save, or {instead}.")
    file.seek(0)
    entries = torch.load(file, map_location="cpu", weights_only=True)
    named = {key: value for key, value in entries.items() if isinstance(key, str) and isinstance(value, Tensor)}
    return {key: value for key, value in named.items() if _is_plain(value) and value.numel() <= MOST_VALUES}


def _is_plain(tensor: Tensor) -> bool:
    return tensor.layout == torch.strided and tensor.device.type == "cpu" and not tensor.is_complex()
