"""Which frame a decoder's picture is, by its time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from stylevideo.timeline.clip import VideoInfo

# A decoder's time of a frame and the packet's agree to rounding; farther apart, the time is not to be trusted.
TIME_TOLERANCE_MS = 1.0


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
