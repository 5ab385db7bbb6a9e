"""How a video's pictures are to be turned and mirrored, and the one place where that is done for every decoder.

Containers and the streams of H.264, HEVC and JPEG say it in different ways. ffmpeg prints degrees alone, which do not
tell a mirror from a turn; but it passes the whole matrix on, so that a film of one frame, of which only the header
counts, holds it whoever said it.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stylevideo.errors import DecodeError
from stylevideo.media.ffmpeg import ffmpeg_output, source_input
from stylevideo.timeline.clip import VideoInfo

if TYPE_CHECKING:
    import numpy as np

TURN_TOLERANCE_DEGREES = 1.0
"""So near to a multiple of 90 degrees a turn is taken for it, as ffmpeg does."""
TRACK_HEADER = b"tkhd"
MATRIX_OFFSETS = (44, 56)
"""Where a track header has its matrix, from its name on, by the header's version."""
UNTURNED = ("-noautorotate",)
ONE_FRAME = (
    *("-map", "0:V:0", "-frames:v", "1", "-vf", "showinfo=checksum=0,scale=16:16,format=rgb24", "-c:v", "rawvideo"),
    *("-map_metadata", "-1", "-map_metadata:s", "-1", "-map_chapters", "-1", "-f", "mov", "-movflags", "empty_moov"),
)
"""ffmpeg's arguments before an input, and for a film of its first frame that has the matrix."""


@dataclass(frozen=True)
class Orientation:
    """How a picture is made upright.

    Attributes:
        rotation: degrees counterclockwise: 0, 90, 180 or 270.
        mirrored: whether left and right are exchanged before that.
        left_out: degrees of a turn that is not applied, because it is no multiple of 90; else 0.
    """

    rotation: int = 0
    mirrored: bool = False
    left_out: float = 0.0


def read_orientation(info: VideoInfo, timeout_s: float) -> Orientation:
    """Find out how the first frame that decodes is to be shown; it holds for the whole clip.

    Args:
        info: of the video.
        timeout_s: seconds after which ffmpeg is killed.
    Returns:
        Where no frame decodes, that nothing is to be done.
    Raises:
        TimeLimitError: it takes longer.
    """
    command = ["-v", "error", *UNTURNED, *source_input(info.path, info.demuxer), *ONE_FRAME, "-"]
    try:
        film = ffmpeg_output(command, timeout_s)
    except DecodeError:
        return Orientation()
    return orientation_of(film)


def orientation_of(film: bytes) -> Orientation:
    """How the first frame is to be shown, by a film that `ONE_FRAME` made of it."""
    return _orientation(_matrix(film))


def upright(pixels: np.ndarray, rotation: int, mirrored: bool) -> np.ndarray:
    """Apply an orientation.

    Args:
        pixels: (H, W) or (H, W, C), as they are stored.
        rotation, mirrored: as of `Orientation`.
    Returns:
        The same pixels, or those of a picture that is as wide as this one was high after a quarter turn.
    """
    import numpy as np  # not needed where a film is only known again

    if mirrored:
        pixels = np.fliplr(pixels)
    return np.ascontiguousarray(np.rot90(pixels, rotation // 90))


def _matrix(film: bytes) -> tuple[int, int, int, int]:
    """The four numbers of a QuickTime film's matrix that turn and mirror: x to x, x to y, y to x, y to y."""
    start = film.find(TRACK_HEADER)
    if start < 0:
        return 1, 0, 0, 1
    offset = start + MATRIX_OFFSETS[film[start + len(TRACK_HEADER)]]
    a, b, _, c, d = struct.unpack_from(">5i", film, offset)
    return a, b, c, d


def _orientation(matrix: tuple[int, int, int, int]) -> Orientation:
    a, b, c, d = matrix
    mirrored = a * d < b * c
    degrees = -math.degrees(math.atan2(-b, -a) if mirrored else math.atan2(b, a))
    rotation = round(degrees / 90) * 90
    if abs(degrees - rotation) > TURN_TOLERANCE_DEGREES:
        return Orientation(left_out=degrees)
    return Orientation(rotation % 360, mirrored)
