"""Whether an image sequence has a picture for each frame that it should show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fileseq.frameset import FrameSet

from stylevideo.errors import DecodeError
from stylevideo.media.check.findings import Check, agree, same
from stylevideo.media.check.pair import Pair
from stylevideo.media.images.files import file_facts
from stylevideo.timeline.clip import VideoInfo


def check_numbers(pair: Pair) -> Iterator[Check]:
    """Whether there is a file for each frame, by its number, and each is a picture of one size."""
    made = pair.made
    wanted = set(pair.shown.numbers)
    found = {made.number(index) for index, file in enumerate(made.files) if file}
    if made.is_still:  # whose name has no number
        yield same("frames", str(len(wanted)), str(len(found)))
    else:
        yield agree("frames", _ranges(wanted), _ranges(found), wanted <= found)
    unlike = {made.number(index) for index, file in enumerate(made.files) if file and not _is_like(file, made)}
    yield agree(
        "files", f"can be read, {made.width}x{made.height}", f"not {_ranges(unlike)}" if unlike else "", not unlike
    )


def _is_like(file: Path, made: VideoInfo) -> bool:
    """Whether a picture decodes, and has the size of the first one."""
    try:
        facts = file_facts(file)
    except DecodeError:
        return False
    return (facts.width, facts.height) == (made.width, made.height)


def _ranges(numbers: set[int]) -> str:
    return str(FrameSet(numbers))
