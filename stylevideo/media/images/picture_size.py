"""The size of a picture by its file's header, so that one that is too large is refused before it is decoded.

Decoders take whatever size a header claims, and a file of some kilobytes may claim a gigapixel. Knows PNG, JPEG, TIFF,
WebP, BMP, GIF, AVIF and DPX.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from stylevideo.errors import InputError
from stylevideo.limits import JPEG_SCANS, PIXELS
from stylevideo.media.images.tiff import tiff_size

_JPEG_SIZE_MARKERS = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_JPEG_SCAN, _JPEG_END = 0xDA, 0xD9
# Those that stand alone are left out; what lies in between, such as a scan's data, decoders skip.
_JPEG_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])")
_SIGNATURE = re.compile(rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|II[*+]\0|MM\0[*+]|RIFF....WEBP|BM|SDPX|XPDS", re.DOTALL)
_AVIF_BRAND = re.compile(rb"....ftyp.{0,64}?avi[fs]", re.DOTALL)


def is_picture(path: Path, data: bytes) -> bool:
    """Whether a file is of a kind of picture that is read; one that is too large is refused.

    Args:
        path: of the file, to be named.
        data: what it holds.
    Raises:
        InputError: it has more pixels than `limits.PIXELS`, or more scans than `limits.JPEG_SCANS`.
    """
    try:
        size = _size(data)
    except struct.error:  # cut off
        return False
    if size is None or min(size) < 1:
        return False
    width, height = size
    if width * height > PIXELS:
        raise InputError(
            f"{path} has {width}x{height} pixels by its header; the most that a picture may have is {PIXELS:,} pixels. "
            "Reduce it first."
        )
    if data.startswith(b"\xff\xd8") and _has_many_scans(data):
        raise InputError(f"{path} is a JPEG of more than {JPEG_SCANS} scans. Save it again from an image editor.")
    return True


def has_signature(path: Path) -> bool:
    """Whether a file begins as a picture of these kinds does, but for GIF, which may be a film; see `is_picture`.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(64)
    return bool(_SIGNATURE.match(head) or _AVIF_BRAND.match(head))


def _size(data: bytes) -> tuple[int, int] | None:
    """Width and height; None where the kind is not known."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return _unpacked(">II", data, 16)
    if data.startswith(b"\xff\xd8\xff"):
        return _jpeg_size(data)
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return tiff_size(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp_size(data)
    if data.startswith(b"BM"):
        (header,) = struct.unpack_from("<I", data, 14)
        width, height = _unpacked("<HH" if header == 12 else "<ii", data, 18)
        return abs(width), abs(height)  # from the top down, where it is negative
    if data.startswith((b"GIF87a", b"GIF89a")):
        return _unpacked("<HH", data, 6)
    if data.startswith((b"SDPX", b"XPDS")):
        return _unpacked(">II" if data.startswith(b"S") else "<II", data, 772)
    if _AVIF_BRAND.match(data):
        sizes = [_unpacked(">II", data, match.end() + 4) for match in re.finditer(b"ispe", data)]
        return max(sizes, key=lambda size: size[0] * size[1], default=None)
    return None


def _unpacked(layout: str, data: bytes, place: int) -> tuple[int, int]:
    first, second = struct.unpack_from(layout, data, place)
    return first, second


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    place = next((place for marker, place in _jpeg_segments(data) if marker in _JPEG_SIZE_MARKERS), None)
    if place is None:
        return None
    height, width = _unpacked(">HH", data, place + 3)
    return width, height


def _has_many_scans(data: bytes) -> bool:
    scans = (place for marker, place in _jpeg_segments(data) if marker == _JPEG_SCAN)
    return next(islice(scans, JPEG_SCANS, None), None) is not None


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """The marker of each segment of the picture and where its length stands; what comes behind the end is no part."""
    place = 2
    while (found := _JPEG_MARKER.search(data, place)) and found[1][0] != _JPEG_END and found.end() + 2 <= len(data):
        yield found[1][0], found.end()
        place = found.end() + struct.unpack_from(">H", data, found.end())[0]


def _webp_size(data: bytes) -> tuple[int, int] | None:
    kind = data[12:16]
    if kind == b"VP8 ":
        width, height = _unpacked("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        return tuple(int.from_bytes(data[place : place + 3], "little") + 1 for place in (24, 27))  # type: ignore[return-value]
    return None
