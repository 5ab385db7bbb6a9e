"""What a source's picture carries beside its pixels, which no repainted one has: captions, projections, HDR."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stylevideo.errors import TimeLimitError
from stylevideo.media.ffmpeg import ANSWER_TIMEOUT_S, run_ffmpeg, source_input
from stylevideo.timeline.clip import VideoInfo

WORDS = {
    "ATSC A53 Part 4 Closed Captions": "closed captions",
    "Stereo 3D": "the layout of a stereoscopic picture",
    "Spherical Mapping": "the projection of a panorama",
    "Active format description": "the part of it that is to be shown",
    "Mastering display metadata": "HDR data",
    "Content light level metadata": "HDR data",
    "Ambient viewing environment": "HDR data",
    "HDR Dynamic Metadata": "HDR data",
    "Dynamic HDR": "HDR data",
    "Dolby Vision": "Dolby Vision data",
}
"""How ffmpeg's names of it begin, and what it is; all else serves decoders alone, or is applied by them."""
_SIDE_DATA = re.compile(r"side data - (.*)")


def picture_notes(info: VideoInfo) -> Iterator[str]:
    """A sentence on what the first frame of a video file carries; none of a sequence, or where it does not decode."""
    said = "" if info.is_sequence else info.said.first_frame if info.said else _first_frame(info)
    found = [words for name in _SIDE_DATA.findall(said) for start, words in WORDS.items() if name.startswith(start)]
    if found:
        yield f"The source's picture carries {' and '.join(dict.fromkeys(found))}; the film's does not."


def _first_frame(info: VideoInfo) -> str:
    one_frame = ["-map", "0:V:0", "-frames:v", "1", "-vf", "showinfo", "-f", "null", "-"]
    try:
        return run_ffmpeg([*source_input(info.path, info.demuxer), *one_frame], ANSWER_TIMEOUT_S).remarks
    except TimeLimitError:
        return ""
