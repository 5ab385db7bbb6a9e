"""One file of an image sequence: what is known of it, and its picture.

PNG, TIFF and JPEG are decoded by OpenCV, DPX by ffmpeg, EXR by OpenEXR. Pixels are taken as they are stored, but for
the colours of an ICC profile: a logarithmic DPX stays logarithmic. Alpha is divided out of colours where a TIFF says
that it was multiplied in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from stylevideo.errors import DecodeError, InputError
from stylevideo.limits import PICTURE_FILE_BYTES
from stylevideo.media.ffmpeg import ffmpeg_output, reading_time_s, run_ffmpeg, source_input
from stylevideo.media.images.exr import ExrPicture, read_exr
from stylevideo.media.images.picture_size import is_picture
from stylevideo.media.images.pictures import Picture, Reading, as_picture, to_8_bits, to_16_bits, unpremultiplied
from stylevideo.media.images.profiles import Embedded, embedded, to_srgb
from stylevideo.media.images.tiff import has_alpha_multiplied_in
from stylevideo.media.images.view import sequence_view
from stylevideo.media.orientation import upright
from stylevideo.media.pattern import CODECS
from stylevideo.system import files
from stylevideo.system.memory import lacks_memory, rule_out_lack_of_memory

_PIXEL_FORMATS = {
    (np.dtype(np.uint8), 1): "gray",
    (np.dtype(np.uint8), 3): "rgb24",
    (np.dtype(np.uint8), 4): "rgba",
    (np.dtype(np.uint16), 1): "gray16le",
    (np.dtype(np.uint16), 3): "rgb48le",
    (np.dtype(np.uint16), 4): "rgba64le",
    (np.dtype(np.float32), 1): "grayf32le",
    (np.dtype(np.float32), 3): "gbrpf32le",
    (np.dtype(np.float32), 4): "gbrapf32le",
}
LARGEST_DENOMINATOR = 1000
_PNG_BYTES = 2 * PICTURE_FILE_BYTES
_DPX_LINE = re.compile(r"Video: dpx, (?P<format>\w+).*?(?:\[SAR (?P<width>\d+):(?P<height>\d+) |$)", re.MULTILINE)
# For a picture that only passes through a pipe: 4K takes a second, and thirteen with ffmpeg's defaults.
_FAST_PNG = ("-c:v", "png", "-compression_level", "0", "-pred", "none", "-f", "image2pipe", "-")


@dataclass(frozen=True)
class FileFacts:
    """What is known of a file.

    Attributes:
        width, height: pixels.
        pixel_format: ffmpeg's name of what the pixels are.
        sample_aspect: width of a pixel over its height; 1 where unknown.
    """

    width: int
    height: int
    pixel_format: str
    sample_aspect: Fraction


def file_facts(path: Path) -> FileFacts:
    """Find out about a file, by decoding it.

    Raises:
        DecodeError: it cannot be decoded.
        InputError: the package that its kind needs is not installed.
    """
    if _codec(path) == "exr":
        return _exr_facts(_decode_exr(path))
    pixels, _ = _decode(path)
    height, width = pixels.shape[:2]
    pixel_format, aspect = _PIXEL_FORMATS[pixels.dtype, _channels(pixels)], Fraction(1)
    if _codec(path) == "dpx":
        pixel_format, aspect = _dpx_facts(path, pixel_format)
    return FileFacts(width, height, pixel_format, aspect)


def read_file(path: Path, reading: Reading) -> Picture:
    """Read one picture of a sequence.

    Args:
        path: its suffix, one of `CODECS`, decides how it is read.
        reading: how many bits to keep, what to do about alpha, and how light becomes a picture.
    Raises:
        DecodeError: the file is gone, damaged, or of a kind that is not understood.
        InputError: the view is not there, or the package that it or the kind of file needs.
    """
    if _codec(path) == "exr":
        return _read_exr(path, reading)
    pixels, notes = _decode(path)
    return replace(as_picture(pixels, reading), notes=notes)


def _codec(path: Path) -> str:
    return CODECS[path.suffix.lower()]


# -- scene-linear light ----------------------------------------------------------------------------


def _read_exr(path: Path, reading: Reading) -> Picture:
    """A picture of light; its colours are multiplied with alpha already, as is usual in this format."""
    exr = _decode_exr(path)
    view = sequence_view(reading.view)
    image, gain = view.encode(view.light(exr.linear, exr.attributes.get("chromaticities")))
    alpha = None if exr.alpha is None or reading.alpha == "drop" else _at_most(exr.alpha, reading.bits)
    return Picture(_at_most(image, reading.bits), alpha, gain, exr, exr.notes)


def _decode_exr(path: Path) -> ExrPicture:
    try:
        return read_exr(path)
    except InputError as error:
        if isinstance(error.__cause__, ImportError):
            raise
        raise DecodeError(str(error)) from error


def _exr_facts(exr: ExrPicture) -> FileFacts:
    height, width = exr.linear.shape[:2]
    pixel_format = "gbrpf32le" if exr.alpha is None else "gbrapf32le"
    aspect = Fraction(float(exr.attributes.get("pixelAspectRatio", 1))).limit_denominator(LARGEST_DENOMINATOR)
    return FileFacts(width, height, pixel_format, aspect if aspect > 0 else Fraction(1))


def _at_most(picture: np.ndarray, bits: int) -> np.ndarray:
    if bits == 8:
        return to_8_bits(picture)
    return to_16_bits(picture) if bits == 16 else picture


# -- display-like pictures -------------------------------------------------------------------------


def _decode(path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """The pixels as OpenCV orders them, (H, W) or (H, W, 3 or 4), floats within 0..1; and notes on them."""
    try:
        data = files.read_file(path, PICTURE_FILE_BYTES)
        known = is_picture(path, data)
    except InputError as error:
        raise DecodeError(str(error)) from error
    except OSError as error:
        raise DecodeError(f"{path} cannot be read ({error.strerror}).") from error
    if not known:
        raise DecodeError(_damaged(path))
    if _codec(path) == "dpx":
        return _decode_with_ffmpeg(path, "dpx_pipe"), ()
    said = embedded(data)
    pixels = _decode_with_opencv(path, data, said)
    if pixels.dtype == np.float32:
        np.clip(np.nan_to_num(pixels, copy=False), 0, 1, out=pixels)
    pixels, note = to_srgb(pixels, data, said.profile) if said.profile else (pixels, "")
    return pixels, ((note[0].upper() + note[1:],) if note else ())


def _damaged(path: Path) -> str:
    return f"{path} is damaged, or not a picture that can be read. Make or copy it again."


def _decode_with_opencv(path: Path, data: bytes, said: Embedded) -> np.ndarray:
    # In this mode OpenCV turns a TIFF as its tag says, and nothing else.
    pixels = _decode_quietly(data, cv2.IMREAD_COLOR if _codec(path) == "jpeg" else cv2.IMREAD_UNCHANGED)
    if pixels is not None and _codec(path) not in ("jpeg", "tiff"):
        pixels = upright(pixels, said.rotation, said.mirrored)
    if pixels is None:
        rule_out_lack_of_memory()
    if pixels is None or (pixels.dtype, _channels(pixels)) not in _PIXEL_FORMATS:
        raise DecodeError(_damaged(path))
    return (
        _with_straight_tiff_alpha(path, pixels, data) if _codec(path) == "tiff" and _channels(pixels) == 4 else pixels
    )


def _with_straight_tiff_alpha(path: Path, pixels: np.ndarray, data: bytes) -> np.ndarray:
    if pixels.dtype == np.uint8:
        # OpenCV multiplies such colours with alpha, which loses them where it is small.
        pixels = _decode_with_ffmpeg(path, "tiff_pipe")
    if not has_alpha_multiplied_in(data):
        return pixels
    alpha = pixels[..., 3]
    return np.dstack((unpremultiplied(pixels[..., :3], alpha), alpha))


def _decode_quietly(data: bytes, mode: int) -> np.ndarray | None:
    with _no_warnings():
        try:
            return cv2.imdecode(np.frombuffer(data, np.uint8), mode)
        except cv2.error as error:
            if lacks_memory(error):
                raise
            return None


@contextmanager
def _no_warnings() -> Iterator[None]:
    """OpenCV's complaints about a file would tear the progress display; what matters we say ourselves."""
    before = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(before)


def _decode_with_ffmpeg(path: Path, demuxer: str) -> np.ndarray:
    try:
        data = ffmpeg_output(
            ["-v", "error", *source_input(path, demuxer), *_FAST_PNG], reading_time_s(path), _PNG_BYTES
        )
    except DecodeError as error:
        raise DecodeError(_damaged(path)) from error
    pixels = _decode_quietly(data, cv2.IMREAD_UNCHANGED)
    assert pixels is not None, "ffmpeg writes whole PNG files"
    return pixels


def _dpx_facts(path: Path, decoded_format: str) -> tuple[str, Fraction]:
    """The pixel format before it was decoded, such as gbrp10le, and the pixels' aspect."""
    match = _DPX_LINE.search(run_ffmpeg([*source_input(path, "dpx_pipe")]).messages)
    if match is None:
        return decoded_format, Fraction(1)
    width, height = int(match["width"] or 0), int(match["height"] or 0)
    return match["format"], Fraction(width, height) if width and height else Fraction(1)


def _channels(pixels: np.ndarray) -> int:
    return int(pixels.shape[2]) if pixels.ndim == 3 else 1
