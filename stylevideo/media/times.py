"""Which frame a decoder's picture is, by its time; and how untagged footage is taken."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from stylevideo.timeline import VideoInfo

# A decoder's time of a frame and the packet's agree to rounding; farther apart, the time is not to be trusted.
TIME_TOLERANCE_MS = 1.0
HD_WIDTH = 1280
HD_HEIGHT = 720


def times_ms(info: VideoInfo) -> list[float]:
    """Each frame's time from the first one's, in milliseconds."""
    return [float((time - info.pts[0]) * info.time_base * 1000) for time in info.pts]


def index_at(times: Sequence[float], time_ms: float, position: int) -> int | None:
    """The first index from `position` on whose time is `time_ms`, or None where there is none."""
    index = bisect_left(times, time_ms - TIME_TOLERANCE_MS, lo=position)
    nearest = min(range(index, min(index + 3, len(times))), key=lambda i: abs(times[i] - time_ms), default=None)
    if nearest is None or abs(times[nearest] - time_ms) > TIME_TOLERANCE_MS:
        return None
    return nearest


def is_hd(info: VideoInfo) -> bool:
    """Whether a video is so large that players take it for bt709 where it does not say what it is."""
    return info.width >= HD_WIDTH or info.height >= HD_HEIGHT


def reads_as_bt709(info: VideoInfo) -> bool:
    """Whether a video that names no colour matrix is taken for bt709."""
    return info.color_matrix is None and is_hd(info) and info.is_yuv
