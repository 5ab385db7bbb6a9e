"""Frames of a video decoded by OpenCV: the quick way, for 8 bits without alpha.

The probe's packet times say which frame each picture is.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from functools import lru_cache
from typing import Any

import cv2

from stylevideo.media.decode.timestamps import index_at, times_ms
from stylevideo.media.ffmpeg import file_url, opencv_options
from stylevideo.media.images.pictures import Picture, fit_picture
from stylevideo.media.orientation import upright
from stylevideo.system.heartbeat import beat
from stylevideo.timeline.clip import VideoInfo

# Reads that may fail beyond the frames still missing: a decoder may report one damaged packet twice.
SPARE_FAILURES = 8
ROUNDED_DOWN = frozenset({"yuv420p", "yuv422p", "yuvj420p", "yuvj422p", "uyvy422", "yuyv422"})
"""Formats that OpenCV makes into RGB by products that are rounded down: levels come 0 to 2.8 too dark, often 1."""
OPTIONS_VARIABLE = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
_opening = threading.Lock()


def decode_with_opencv(info: VideoInfo, first: int) -> Generator[tuple[int, Picture]]:
    """Decode from the file's start: the index, ascending, and the picture of each good frame from index `first` on.

    Earlier frames are decoded, because later ones depend on them, but not converted. Where the container gives no
    times, a hole is placed where the decoder reported its errors.
    """
    with _opened(info) as capture:
        times = times_ms(info)
        position = decoded = failures = pending = 0
        while position < info.frame_count and failures <= info.frame_count - decoded + SPARE_FAILURES:
            beat()
            if not capture.grab():
                failures += 1
                pending += 1
                continue
            time_ms = capture.get(cv2.CAP_PROP_POS_MSEC)
            index = index_at(times, time_ms, position) if info.timed else None
            if index is None:
                index = min(position + pending, info.frame_count - 1)
            good, image = capture.retrieve() if index >= first else (True, None)
            if not good:
                failures += 1
                continue
            position, decoded, pending = index + 1, decoded + 1, 0
            if image is not None:
                if info.pixel_format in ROUNDED_DOWN:
                    image += (image - 1) < 254  # neither black nor white
                image = upright(image, info.rotation, info.mirrored)
                # A broken stream may change its size half way.
                yield index, Picture(cv2.cvtColor(fit_picture(image, (info.height, info.width)), cv2.COLOR_BGR2RGB))


@lru_cache(maxsize=16)
def opencv_decodes(info: VideoInfo) -> bool:
    """Whether OpenCV has a decoder for this video: its wheels lack some that ffmpeg has, such as AV1's."""
    try:
        str(info.path).encode()
    except UnicodeEncodeError:  # a name that is not UTF-8 would be OpenCV's death
        return False
    with closing(decode_with_opencv(info, 0)) as decoded:
        return next(decoded, None) is not None


@contextmanager
def _opened(info: VideoInfo) -> Iterator[Any]:
    # The decoder's complaints about damaged frames would tear the progress display; we count them ourselves.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    with _only_as(info.demuxer):
        capture = cv2.VideoCapture(file_url(info.path), cv2.CAP_FFMPEG)
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)
    try:
        yield capture
    finally:
        capture.release()


@contextmanager
def _only_as(demuxer: str) -> Iterator[None]:
    """Have what OpenCV opens inside opened as this format or not at all.

    OpenCV reads its options from the environment whenever it opens a file. A value of the user's own has no say: what
    a film looks like would depend on it; but it is put back for whoever else uses OpenCV in this process.
    """
    with _opening:
        before = os.environ.get(OPTIONS_VARIABLE)
        os.environ[OPTIONS_VARIABLE] = opencv_options(demuxer)
        try:
            yield
        finally:
            if before is None:
                del os.environ[OPTIONS_VARIABLE]
            else:
                os.environ[OPTIONS_VARIABLE] = before
