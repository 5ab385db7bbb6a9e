"""One clock for all streams of a file, also where it jumps.

Where recordings were joined, times jump. ffmpeg makes up for that by the first packet after the jump, among the streams
that are used: sound and picture that are read apart would be moved by different amounts, and would part.
"""

from __future__ import annotations

from stylevideo.timeline.clip import VideoInfo

JUMPED = "timestamp discontinuity"
"""What ffmpeg says of a jump for which it makes up."""


def all_in_use(number: int = 0) -> list[str]:
    """ffmpeg's arguments for an output to nowhere that uses picture and sound of the input with this number."""
    used = ["-map", f"{number}:V:0", "-map", f"{number}:a?"]
    # Times are of no use there, and those after a jump would be complained of.
    return [*used, "-c", "copy", "-bsf", "setts=ts=N", "-f", "null", "-"]


def one_clock(info: VideoInfo) -> list[str]:
    """The same where it is needed, to come after all other arguments."""
    return all_in_use() if info.jumps else []
