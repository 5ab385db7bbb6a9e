"""The frames of a video file, one at a time in constant memory, whatever is wrong with the file.

OpenCV decodes; the probe's packet times say which frame each picture is. A frame that cannot be decoded does
not end the film: it shows the last good one, and says so. Reads forward only: seeking fails in some formats.
"""

from __future__ import annotations

import logging
import os
import tempfile
from bisect import bisect_left
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from stylevideo.errors import DecodeError, InputError
from stylevideo.media.ffmpeg import file_url, last_lines, run_ffmpeg
from stylevideo.media.probe import probe
from stylevideo.timeline import VideoInfo

logger = logging.getLogger(__name__)

HD_WIDTH = 1280
HD_HEIGHT = 720
# OpenCV's time of a frame and the packet's agree to rounding; farther apart, the time is not to be trusted.
TIME_TOLERANCE_MS = 1.0
# Reads that may fail beyond the frames still missing: a decoder may report one damaged packet twice.
SPARE_FAILURES = 8


@dataclass(frozen=True, eq=False)
class SourceFrame:
    """One frame of the source.

    Attributes:
        index: in the source, from 0.
        image: (H, W, 3) uint8, RGB, sRGB. Frames may share it; do not write into it.
        repaired: whether it is a copy of the last good frame, because this one could not be decoded.
    """

    index: int
    image: np.ndarray
    repaired: bool


def read_frames(info: VideoInfo, frames: range) -> Iterator[SourceFrame]:
    """Decode a stretch of a video, forward, one frame at a time.

    A hole is filled with the last good frame, or with the next one where none came before. The decoder's time
    stamps tell exactly which frames are missing; in a format without them (AVI, raw streams) a hole is placed
    where the decoder reported its errors. A damaged frame that the decoder conceals counts as good.

    Args:
        info: of the file.
        frames: the wanted indices; consecutive.
    Yields:
        Exactly one frame per index, in order; the same pictures whichever index the range starts at.
    Raises:
        DecodeError: no frame at all can be decoded.
    """
    position, last = frames.start, None
    with closing(_decode(info, frames.start)) as decoded:
        for index, image in decoded:
            if index < position or image is None:
                continue
            if index > position and last is None:
                last = _last_good_before(info, frames.start)
            for missing in range(position, min(index, frames.stop)):
                yield SourceFrame(missing, image if last is None else last, repaired=True)
            if index < frames.stop:
                yield SourceFrame(index, image, repaired=False)
            position, last = index + 1, image
            if position >= frames.stop:
                return
    if position < frames.stop and last is None:
        last = _last_good_before(info, frames.start)
    for missing in range(position, frames.stop):
        if last is None:
            raise DecodeError(_nothing_decodes(info))
        yield SourceFrame(missing, last, repaired=True)


def check_decodable(info: VideoInfo) -> None:
    """Decode one frame, so that a file without a decoder is refused before any work.

    Raises:
        InputError: no frame can be decoded.
    """
    with closing(_decode(info, 0)) as decoded:
        if next(decoded, None) is None:
            raise InputError(_nothing_decodes(info))


def reads_as_bt709(info: VideoInfo) -> bool:
    """Whether a video that names no colour matrix is large enough to be bt709, as players assume."""
    is_hd = info.width >= HD_WIDTH or info.height >= HD_HEIGHT
    return info.color_matrix is None and is_hd and info.pixel_format.startswith("yuv")


def _nothing_decodes(info: VideoInfo) -> str:
    return (
        f"No frame of {info.path.name} can be decoded (codec {info.codec}, {info.pixel_format}). "
        "Convert it first, for example to H.264 or ProRes."
    )


def _last_good_before(info: VideoInfo, stop: int) -> np.ndarray | None:
    """The last frame before index `stop` that decodes, or None."""
    last = None
    with closing(_decode(info, 0)) as decoded:
        for index, image in decoded:
            if index >= stop:
                break
            last = image
    return last


def _decode(info: VideoInfo, convert_from: int) -> Generator[tuple[int, np.ndarray | None]]:
    """Decode from the file's start: each good frame's index, ascending, with its picture.

    Frames before `convert_from` are decoded, because later ones depend on them, but not converted: None.
    """
    with _readable(info) as path, _opened(path) as capture:
        times_ms = [float((time - info.pts[0]) * info.time_base * 1000) for time in info.pts]
        position = decoded = failures = pending = 0
        while position < info.frame_count and failures <= info.frame_count - decoded + SPARE_FAILURES:
            if not capture.grab():
                failures += 1
                pending += 1
                continue
            time_ms = capture.get(cv2.CAP_PROP_POS_MSEC)
            index = _index_at(times_ms, time_ms, position) if info.timed else None
            if index is None:
                index = min(position + pending, info.frame_count - 1)
            image = None
            if index >= convert_from:
                good, picture = capture.retrieve()
                if not good:
                    failures += 1
                    continue
                image = _as_rgb(picture, info)
            position, decoded, pending = index + 1, decoded + 1, 0
            yield index, image


def _index_at(times_ms: list[float], time_ms: float, position: int) -> int | None:
    """The first index from `position` on whose time is `time_ms`, or None where there is none."""
    index = bisect_left(times_ms, time_ms - TIME_TOLERANCE_MS, lo=position)
    nearest = min(range(index, min(index + 3, len(times_ms))), key=lambda i: abs(times_ms[i] - time_ms), default=None)
    if nearest is None or abs(times_ms[nearest] - time_ms) > TIME_TOLERANCE_MS:
        return None
    return nearest


def _as_rgb(picture: np.ndarray, info: VideoInfo) -> np.ndarray:
    """OpenCV's BGR picture as RGB in the video's size, which a broken stream may leave half way."""
    if picture.shape[:2] != (info.height, info.width):
        picture = cv2.resize(picture, (info.width, info.height), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    # The decoder's complaints about damaged frames would tear the progress display; we count them ourselves.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    capture = cv2.VideoCapture(file_url(path), cv2.CAP_FFMPEG)
    try:
        yield capture
    finally:
        capture.release()


@contextmanager
def _readable(info: VideoInfo) -> Iterator[Path]:
    """The file itself, or a temporary copy of its packets that names the colour matrix.

    OpenCV takes untagged video for BT.601 at any size. HD was almost surely made as BT.709, and reading it
    wrongly shifts saturated colours by up to 22/255.
    """
    if not reads_as_bt709(info):
        yield info.path
        return
    if info.codec not in ("h264", "hevc"):
        logger.warning("%s: HD without a colour tag is read as BT.601; colours may be slightly off", info.path.name)
        yield info.path
        return
    with tempfile.TemporaryDirectory(prefix="stylevideo-") as folder:
        tagged = Path(folder) / "tagged.mp4"
        yield tagged if _write_tagged_copy(info, tagged) else info.path


def _write_tagged_copy(info: VideoInfo, tagged: Path) -> bool:
    """Copy the video's packets, naming bt709 in them, and check that they kept their times."""
    logger.info("%s: HD without a colour tag is read as BT.709", info.path.name)
    tag = f"{info.codec}_metadata=matrix_coefficients=1:colour_primaries=1:transfer_characteristics=1"
    arguments = ["-v", "error", "-i", file_url(info.path), "-map", "0:V:0", "-c", "copy", "-bsf:v", tag]
    run = run_ffmpeg([*arguments, "-f", "mp4", file_url(tagged)])
    try:
        same = run.status == 0 and _relative_times_ms(probe(tagged)) == _relative_times_ms(info)
    except InputError:
        same = False
    if not same:
        reason = last_lines(run.messages, 1)
        logger.warning("%s: could not be tagged as BT.709, read as BT.601 (%s)", info.path.name, reason)
    return same


def _relative_times_ms(info: VideoInfo) -> list[int]:
    return [round((time - info.pts[0]) * info.time_base * 1000) for time in info.pts]
