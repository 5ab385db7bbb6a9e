"""OpenEXR pictures: scene-linear light with everything that travels in the same file, read and written back.

Knows the format, through the package OpenEXR, which is imported when a picture is read or written. Does not know what
light looks like: that is `media/images/view.py`.

The picture is the smallest rectangle that holds both the display window and the data window: all that is stored,
overscan included, and the same size for every frame of a render whose data windows shrink to what is in sight. Where
nothing is stored it is black and transparent. A picture written at its source's size has the source's windows again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from stylevideo.errors import InputError, ShapeError
from stylevideo.limits import EXR_VALUES, PICTURE_FILE_BYTES, PIXELS
from stylevideo.system.files import read_begin, read_file, require_ordinary, write_atomically

MAGIC = b"\x76\x2f\x31\x01"
LARGEST_HALF = 65504.0
HEADER_BYTES = 1 << 16
"""Most headers have less; where one has more, the whole file is read for it."""

NOT_PASSED_ON = ("channels", "chunkCount", "preview")
"""Attributes that are made anew from the pixels, and the small picture of what was there before."""

IN_PIXELS = ("dataWindow", "displayWindow", "originalDataWindow")
"""Attributes that mean nothing at another size."""


@dataclass(frozen=True)
class Window:
    """A rectangle of pixels, its last row and column included, as the format has it."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.bottom - self.top + 1, self.right - self.left + 1

    def around(self, other: Window) -> Window:
        """The smallest window that holds both."""
        return Window(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    def within(self, canvas: Window) -> tuple[slice, slice]:
        """The rows and columns that the window has in an array of the canvas."""
        height, width = self.size
        top, left = self.top - canvas.top, self.left - canvas.left
        return slice(top, top + height), slice(left, left + width)

    def scaled(self, canvas: Window, to: tuple[int, int]) -> Window:
        """The window once its canvas has another height and width; edges are rounded to whole pixels."""
        (height, width), (new_height, new_width) = canvas.size, to
        left, right = _scaled_span(self.left, self.right, canvas.left, new_width / width)
        top, bottom = _scaled_span(self.top, self.bottom, canvas.top, new_height / height)
        return Window(left, top, right, bottom)


@dataclass(frozen=True, eq=False)
class ExrPicture:
    """What an OpenEXR file holds.

    Args:
        linear: (H, W, 3) float32, R, G, B, finite.
        alpha: (H, W) float32, or None if the file has none. `linear` is usually multiplied with it already.
        attributes: the header, to be passed on: owner, timecode, chromaticities, windows, compression and so on.
        others: every other channel by its full name, as it was stored: float16, float32 or uint32, of the data
            window's size. They are held for `write_exr`: renders have dozens, so keep few pictures at a time.
        types: the pixel type of R, G, B and A, float16 or float32.
        notes: what of the file could not be taken as it is, as sentences.
    """

    linear: np.ndarray
    alpha: np.ndarray | None
    attributes: dict[str, Any]
    others: dict[str, np.ndarray]
    types: dict[str, np.dtype[Any]]
    notes: tuple[str, ...] = ()


def read_exr(path: Path) -> ExrPicture:
    """Read an OpenEXR picture, scanline or tiled.

    Of a file of several parts, the first with R, G and B, or Y, is read, and a note names the others. A file
    with luminance alone (Y) is gray. NaN becomes 0, infinities the largest half, and a note says so.

    Raises:
        InputError: there is no such file; it is not OpenEXR, damaged or incomplete; it has no colour without a
            layer's name, is deep, or has subsampled channels; or the package OpenEXR is not installed.
    """
    whole = _read(path)
    part, headers = _color_part(path, whole)
    attributes, stored = _read_part(path, whole, part, len(headers))
    data, canvas = _window(attributes["dataWindow"]), _canvas(attributes)
    colors = ("R", "G", "B") if stored.keys() >= {"R", "G", "B"} else ("Y", "Y", "Y")
    names = {*colors, "A"} & stored.keys()
    linear = np.stack([stored[name].astype(np.float32) for name in colors], axis=-1)
    alpha = _placed(stored["A"].astype(np.float32), data, canvas) if "A" in stored else None
    return ExrPicture(
        _placed(_finite(linear), data, canvas),
        alpha,
        {name: value for name, value in attributes.items() if _can_be_passed_on(name, value)},
        {name: pixels for name, pixels in stored.items() if name not in names},
        {to: _float_type(stored[name]) for to, name in zip("RGBA", (*colors, "A"), strict=True) if name in stored},
        tuple(_notes(part, headers, linear)),
    )


@dataclass(frozen=True)
class ChannelLayout:
    """What an OpenEXR file has by its header.

    Attributes:
        names: full names of its channels, those included that `read_channels` leaves out for their kind of number.
        size: height and width that `read_channels` gives them.
    """

    names: frozenset[str]
    size: tuple[int, int]


def read_layout(path: Path, shown: tuple[int, int] | None = None) -> ChannelLayout:
    """Look at the header of an OpenEXR file alone.

    Args:
        path, shown: as of `read_channels`.
    Raises:
        InputError: as of `read_channels`, as far as the header tells.
    """
    headers = _headers_alone(path)
    _check_size(path, headers)
    parts = _flat_parts(headers)
    names = frozenset(channel.name for part in parts for channel in headers[part]["channels"])
    return ChannelLayout(names, _picture(headers[0], shown).size)


def read_channels(path: Path, shown: tuple[int, int] | None = None) -> dict[str, np.ndarray]:
    """Read the floating-point channels of an OpenEXR picture, in all its parts, whatever they are called.

    Args:
        path: of the file.
        shown: height and width of a picture that the channels belong to: where the file's whole picture has others and
            its display window has these, overscan is cut off.
    Returns:
        Each channel by its full name, (H, W) float32, on the whole picture of the first part, as it was stored; NaN
        where nothing is stored. Parts of another size, deep ones and those of less than full size are left out.
    Raises:
        InputError: there is no such file; it is not OpenEXR, damaged or incomplete; or the package OpenEXR is not
            installed.
    """
    whole = _read(path)
    headers = _headers(path, whole)
    _check_size(path, headers)
    picture = _picture(headers[0], shown)
    channels: dict[str, np.ndarray] = {}
    for part in _flat_parts(headers):
        attributes, stored = _read_part(path, whole, part, len(headers))
        data, canvas = _window(attributes["dataWindow"]), _canvas(attributes)
        for name, pixels in stored.items():
            if pixels.dtype.kind == "f":
                placed = _placed(pixels.astype(np.float32), data, canvas, np.nan)
                channels.setdefault(name, placed[picture.within(canvas)])
    return channels


def _flat_parts(headers: list[dict[str, Any]]) -> list[int]:
    """Of one sample for each pixel of the first part's picture."""
    return [
        part
        for part, header in enumerate(headers)
        if _canvas(header) == _canvas(headers[0]) and not _is_deep(header, _openexr()) and not _thin(header)
    ]


def _picture(header: dict[str, Any], shown: tuple[int, int] | None) -> Window:
    """What `read_channels` gives of a file."""
    display, canvas = _window(header["displayWindow"]), _canvas(header)
    return display if display.size == shown != canvas.size else canvas


def _notes(part: int, headers: list[dict[str, Any]], linear: np.ndarray) -> Iterator[str]:
    """Alike for files that differ only in their pixels."""
    if len(headers) > 1:
        left_out = [str(header.get("name", i)) for i, header in enumerate(headers) if i != part]
        yield f"OpenEXR files have several parts; these are left out: {', '.join(left_out)}."
    if not np.isfinite(linear).all():
        yield "Values of R, G, B that are NaN or infinite are read as 0 and ±65504."


def write_exr(
    path: Path, linear: np.ndarray, alpha: np.ndarray | None = None, like: ExrPicture | None = None
) -> tuple[str, ...]:
    """Write an OpenEXR picture that is complete once it has its name, even if the machine stops.

    Args:
        path: its folder exists.
        linear: (H, W, 3), R, G, B, scene-linear. What is beyond a half's range becomes the largest half.
        alpha: (H, W), or None to write no A.
        like: the source: its attributes, compression, pixel types and other channels are passed on, except for a
            preview, which shows what was there before. Of another size, its windows are scaled along, the data
            window becomes the whole picture, and its other channels cannot be passed on. Without a source: half, ZIP.
    Returns:
        The names of the source's channels that are not in the file, because the sizes differ.
    Raises:
        InputError: the package OpenEXR is not installed.
        ShapeError: `linear` is not (H, W, 3), or `alpha` not (H, W).
        StorageError: the disk is full, or the folder cannot be written.
    """
    size = linear.shape[:2]
    if linear.ndim != 3 or linear.shape[2] != 3 or (alpha is not None and alpha.shape != size):
        raise ShapeError(f"{path}: R, G, B of {linear.shape} and A of {getattr(alpha, 'shape', None)} are no picture.")
    if like is None:
        _write(path, {}, _stored(linear, alpha, {}))
        return ()
    if size != like.linear.shape[:2]:
        _write(path, _attributes_at(like, size), _stored(linear, alpha, like.types))
        return tuple(like.others)
    place = _window(like.attributes["dataWindow"]).within(_canvas(like.attributes))
    colors = _stored(linear[place], None if alpha is None else alpha[place], like.types)
    _write(path, like.attributes, like.others | colors)
    return ()


def check_openexr() -> None:
    """Refuse OpenEXR before any work is done for it.

    Raises:
        InputError: the package OpenEXR is not installed.
    """
    _openexr()


def _openexr() -> ModuleType:
    try:
        import OpenEXR
    except ImportError as error:
        raise InputError(
            "OpenEXR pictures need the package OpenEXR, which is not installed. "
            'Install it with: pip install "stylevideo[exr]".'
        ) from error
    module: ModuleType = OpenEXR
    return module


def _color_part(path: Path, whole: bytes) -> tuple[int, list[dict[str, Any]]]:
    """The index of the first part with colour, and all parts' headers."""
    headers = _headers(path, whole)
    names = [{channel.name for channel in header["channels"]} for header in headers]
    part = next((i for i, has in enumerate(names) if has >= {"R", "G", "B"} or "Y" in has), None)
    if part is None:
        found = ", ".join(sorted(set().union(*names))) or "none"
        raise InputError(f"{path} has no channels R, G, B and no Y (it has: {found}). Write the colour to R, G, B.")
    _check_kind(path, headers[part], _openexr())
    _check_size(path, headers)
    return part, headers


def _headers(path: Path, whole: bytes) -> list[dict[str, Any]]:
    """Of all parts."""
    try:
        with _openexr().File(BytesIO(whole), header_only=True) as file:
            return [dict(file.header(i)) for i in range(len(file.parts))]
    except (RuntimeError, ValueError, ArithmeticError) as error:
        raise InputError(
            f"{path}: the OpenEXR header is damaged or not understood ({error}). Render or copy it again."
        ) from error


def _headers_alone(path: Path) -> list[dict[str, Any]]:
    """Of all parts, of a file that is read no further."""
    with suppress(OSError, InputError):  # the whole file tells why
        require_ordinary(path)
        if (begin := read_begin(path, HEADER_BYTES)).startswith(MAGIC):
            return _headers(path, begin)
    return _headers(path, _read(path))


def _read(path: Path) -> bytes:
    try:
        whole = read_file(path, PICTURE_FILE_BYTES)
    except OSError as error:
        raise InputError(f"{path}: the picture cannot be read ({error.strerror}). Check the name.") from error
    if not whole.startswith(MAGIC):
        raise InputError(f"{path} is {'not an OpenEXR picture' if whole else 'empty'}. Write it again.")
    return whole


def _check_kind(path: Path, header: dict[str, Any], openexr: ModuleType) -> None:
    if _is_deep(header, openexr):
        raise InputError(f"{path} is a deep picture, with many samples in a pixel. Flatten it first.")
    if thin := _thin(header):
        raise InputError(f"{path} has channels of less than full size ({', '.join(thin)}). Write it as R, G, B first.")


def _is_deep(header: dict[str, Any], openexr: ModuleType) -> bool:
    return header.get("type") in (openexr.deepscanline, openexr.deeptile)


def _thin(header: dict[str, Any]) -> list[str]:
    """The channels of less than full size."""
    return [channel.name for channel in header["channels"] if (channel.xSampling, channel.ySampling) != (1, 1)]


def _check_size(path: Path, headers: list[dict[str, Any]]) -> None:
    """Of all parts: the package unpacks every one."""
    values = 0
    for header in headers:
        height, width = _canvas(header).size
        if height * width > PIXELS:
            raise InputError(
                f"{path} has {width}x{height} pixels by its header; the most that a picture may have is {PIXELS:,} "
                "pixels. Reduce it, or render or copy it again."
            )
        values += height * width * len(header["channels"])
    if values > EXR_VALUES:
        raise InputError(
            f"{path} has {values:,} values in all its channels; the most that it may have is {EXR_VALUES:,}. "
            "Write fewer channels into a file."
        )


def _read_part(path: Path, whole: bytes, part: int, parts: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """A part's header, and its channels' pixels by name."""
    try:
        with _openexr().File(BytesIO(whole), separate_channels=True) as file:
            # The package leaves out a part that it cannot read, and goes on with the next one under its number.
            if len(file.parts) < parts:
                raise InputError(f"{path} is damaged, or was not written to its end. Render or copy it again.")
            # Leaving the file empties its own dicts.
            return dict(file.header(part)), {name: channel.pixels for name, channel in file.channels(part).items()}
    except (RuntimeError, ValueError, ArithmeticError) as error:
        raise InputError(f"{path} is damaged ({error}). Render or copy it again.") from error


def _window(corners: tuple[np.ndarray, np.ndarray]) -> Window:
    return Window(*(int(number) for corner in corners for number in corner))


def _corners(window: Window) -> tuple[np.ndarray, np.ndarray]:
    return np.array([window.left, window.top], np.int32), np.array([window.right, window.bottom], np.int32)


def _canvas(attributes: dict[str, Any]) -> Window:
    return _window(attributes["displayWindow"]).around(_window(attributes["dataWindow"]))


def _placed(pixels: np.ndarray, data: Window, canvas: Window, around: float = 0) -> np.ndarray:
    """What is stored, on the whole picture."""
    if data == canvas:
        return pixels
    placed = np.full((*canvas.size, *pixels.shape[2:]), around, pixels.dtype)
    placed[data.within(canvas)] = pixels
    return placed


def _finite(linear: np.ndarray) -> np.ndarray:
    finite: np.ndarray = np.nan_to_num(linear, nan=0, posinf=LARGEST_HALF, neginf=-LARGEST_HALF)
    return finite


def _can_be_passed_on(name: str, value: object) -> bool:
    # The package cannot write an empty list: it would not know of what.
    return name not in NOT_PASSED_ON and not (isinstance(value, list) and not value)


def _float_type(pixels: np.ndarray) -> np.dtype[Any]:
    return pixels.dtype if pixels.dtype.kind == "f" else np.dtype(np.float32)


def _scaled_span(first: int, last: int, origin: int, factor: float) -> tuple[int, int]:
    """A span of whole pixels, scaled; the distance to the origin is rounded by itself, so that equal spans stay so."""
    start, stop = (round(origin * factor) + round((edge - origin) * factor) for edge in (first, last + 1))
    return start, max(stop - 1, start)


def _attributes_at(like: ExrPicture, size: tuple[int, int]) -> dict[str, Any]:
    """A source's attributes, its windows scaled to a picture of another size."""
    canvas = _canvas(like.attributes)
    display = _window(like.attributes["displayWindow"])
    kept = {name: value for name, value in like.attributes.items() if name not in IN_PIXELS}
    return kept | {
        "dataWindow": _corners(canvas.scaled(canvas, size)),
        "displayWindow": _corners(display.scaled(canvas, size)),
    }


def _stored(linear: np.ndarray, alpha: np.ndarray | None, types: dict[str, np.dtype[Any]]) -> dict[str, np.ndarray]:
    """Channels in their pixel types, half where none is known."""
    channels = dict(zip("RGB", np.moveaxis(linear, -1, 0), strict=True))
    if alpha is not None:
        channels["A"] = alpha
    stored = {}
    for name, pixels in channels.items():
        to = types.get(name, np.dtype(np.float16))
        stored[name] = (pixels.clip(-LARGEST_HALF, LARGEST_HALF) if to == np.float16 else pixels).astype(to)
    return stored


def _write(path: Path, attributes: dict[str, Any], channels: dict[str, np.ndarray]) -> None:
    openexr = _openexr()
    header = dict(attributes)
    if "tiles" in header:
        header["tiles"] = _one_level(header["tiles"], openexr)
    # The package reads any array as if its rows lay one after the other.
    pixels = {name: np.ascontiguousarray(channel) for name, channel in channels.items()}
    # Into memory first: when the package writes to a full disk, it may lose the file's end without a word.
    whole = BytesIO()
    with openexr.File(header, pixels) as file:
        file.write(whole)
    write_atomically(path, whole.getvalue())


def _one_level(tiles: Any, openexr: ModuleType) -> Any:
    """Tiles of the same size, without the reduced copies, which the package cannot write."""
    single = openexr.TileDescription()
    single.xSize, single.ySize = tiles.xSize, tiles.ySize
    single.mode = openexr.ONE_LEVEL
    return single
