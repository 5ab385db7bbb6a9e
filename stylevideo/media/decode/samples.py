"""Some pictures of a clip that stand for all of it, where it is a style: no two alike, none blank.

Little of a long clip is decoded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from stylevideo.errors import DecodeError, InputError
from stylevideo.media.colors import require_conversion
from stylevideo.media.decode.ffmpeg import seek_with_ffmpeg
from stylevideo.media.decode.reader import open_clip, read_frames
from stylevideo.media.images.bars import bars_of, border_of
from stylevideo.media.images.pictures import Reading, fit_picture
from stylevideo.text import counted
from stylevideo.timeline.clip import VideoInfo
from stylevideo.timeline.selection import FrameSelection

DECODED_PIXELS = 1 << 30
"""So many are decoded at most to get at a clip's pictures one after the other, some seconds; in longer clips they are
looked up, each by itself."""
COMPARED_EDGE_PX = 64
ALIKE = 2.0
"""Root of the mean square, in steps of 255, by which pictures of this size differ that count as one: less than a
compressed clip of a still picture flickers."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Pictures of a clip.

    Attributes:
        pictures: (H, W, 3) uint8, RGB, between the clip's bars; at least one.
        indices: of frames that were asked for and are not blank, ascending.
        numbers: of the picture of each of them, from 0.
    """

    pictures: tuple[np.ndarray, ...]
    indices: tuple[int, ...]
    numbers: tuple[int, ...]


def open_style_clip(path: Path, rate: Fraction) -> VideoInfo:
    """Find out about a clip that is a style.

    Args:
        path: see `stylevideo.media.images.style_files.is_style_clip`.
        rate: frames a second of an image sequence.
    Raises:
        InputError: it cannot be read, or is HDR.
    """
    try:
        info = open_clip(path, rate)
    except InputError as error:
        raise InputError(f"The style {path.name} is no picture, and no clip that can be read: {error}") from error
    if info.is_hdr:
        raise InputError(
            f"The style {path.name} is HDR ({info.transfer}), which would look flat and grey. Grade it to SDR first."
        )
    if not info.is_sequence:
        require_conversion(info, False)
    return info


def sample(info: VideoInfo, wanted: Sequence[int]) -> Samples:
    """Read frames of a clip, leave out those that are of one colour, and of those that are alike all but the first.

    Args:
        info: of the clip.
        wanted: indices of frames, ascending.
    Raises:
        InputError: no frame can be decoded, or all are of one colour.
    """
    pictures, small, borders = list[np.ndarray](), list[np.ndarray](), []
    indices, numbers = list[int](), list[int]()
    looked_at = 0
    for index, image in _frames(info, wanted):
        looked_at += 1
        if (border := border_of(image)) is None:
            continue
        own = fit_picture(image, _compared_size(info)).astype(np.float32)
        found = next((number for number, other in enumerate(small) if _apart(own, other) < ALIKE), len(small))
        if found == len(small):
            pictures.append(image)
            small.append(own)
            borders.append(border)
        indices.append(index)
        numbers.append(found)
    if not looked_at:
        raise InputError(f"No frame of the style {info.path.name} can be decoded. Convert it first.")
    if not pictures:
        what = "its frame is" if looked_at == 1 else f"the {counted(looked_at, 'frame')} that were looked at are"
        raise InputError(
            f"The style {info.path.name} shows nothing: {what} black, or of one other colour. Choose another clip."
        )
    bars = bars_of(borders, (info.height, info.width))
    if bars is not None:
        part = bars.active
        pictures = [np.ascontiguousarray(image[part.rows, part.columns]) for image in pictures]
    return Samples(tuple(pictures), tuple(indices), tuple(numbers))


def _frames(info: VideoInfo, wanted: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
    """Those of the wanted frames that there are: index and (H, W, 3) uint8."""
    # With alpha, so that nothing is multiplied with it; it is left out then, as a picture's is.
    reading = Reading(alpha="keep" if info.has_alpha else "drop", deinterlace=info.interlaced)
    if not info.is_sequence and wanted[-1] * info.width * info.height > DECODED_PIXELS:
        for index in wanted:
            if (picture := seek_with_ffmpeg(info, reading, index)) is not None:
                yield index, picture.image
        return
    try:
        with closing(read_frames(FrameSelection(info, wanted), reading)) as decoded:
            for frame in decoded:
                yield wanted[frame.index], frame.image
    except DecodeError:  # not one can be
        return


def _compared_size(info: VideoInfo) -> tuple[int, int]:
    scale = min(1.0, COMPARED_EDGE_PX / max(info.height, info.width))
    return max(1, round(info.height * scale)), max(1, round(info.width * scale))


def _apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(cv2.norm(one, other, cv2.NORM_L2) / np.sqrt(one.size))
