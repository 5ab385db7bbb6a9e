"""What the motion of a following frame takes, by its parts; nothing is painted.

Knows the motion alone, and what the painter makes of it before it begins.
"""

from __future__ import annotations

import cProfile
import math
import pstats
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2

from scripts.benchmark.clips import FOOTAGE, load_clip
from scripts.benchmark.report import Bar, number, table
from stylevideo.engine.carry import extended_motion
from stylevideo.media.images.pictures import fit_picture, to_image, to_picture
from stylevideo.motion.estimate import REFERENCE_EVERY, REFERENCES, Following, Motion, following, with_motion
from stylevideo.motion.flow import DISFlow
from stylevideo.motion.frame import Frame
from stylevideo.ops.margin import with_margin
from stylevideo.system.background import read_ahead, worked_ahead
from stylevideo.system.device import cpu_threads
from stylevideo.system.memory import freed_memory_stays

PARTS = {
    "flow": ("between",),
    "blurs": ("blur_roughly",),
    "warps": ("warp_roughly", "warp_smoothly"),
    "camera": ("camera_motion",),
    "for the painter": ("extended_motion",),
}
"""Functions of the package that do not call each other, by what they are called in the table."""
MOST_SECONDS = {1920: 0.6, 3840: 1.5}
"""A frame on two cores, by the long edge."""
FIRST = (REFERENCES - 1) * REFERENCE_EVERY + 1
"""Index of the first frame that has all references."""

LONG_ENOUGH = [name for name, frames in FOOTAGE.items() if len(frames) > FIRST]
"""Clips that have such a frame."""


def check_motion(
    clip: str, media: Path, size: tuple[int, int], count: int, ways: Sequence[tuple[int, int]]
) -> Iterator[str]:
    """A table of seconds a frame in Markdown, then what is asked of two cores.

    In threads beside this one, as in a run: OpenMP's teams of the first thread wait in loops.

    Args:
        clip, media: as of `load_clip`; its frames are brought to the size.
        size: height and width.
        count: of frames that have all references; making these small is counted in.
        ways: threads of each operation, and of motion: frames that are looked at at once.
    """
    frames, title = _frames(clip, media, size, count), f"{clip} at {size[1]}x{size[0]}"
    rows: list[list[str]] = []
    seconds: dict[int, float] = {}
    for cores, threads in ways:
        with _threads(cores):
            began, spent = time.perf_counter(), time.process_time()
            (parts,) = read_ahead(map(_parts, [frames])) if threads == 1 else (_found(frames, threads),)
            spent, taken = (time.process_time() - spent) / count, (time.perf_counter() - began) / count
        seconds[cores] = min(taken, seconds.get(cores, math.inf))
        rest = spent - sum(parts.values()) / count
        figures = (taken, spent, *(part / count for part in parts.values()), rest)
        rows.append([f"{cores}, {threads}", *map(number, figures)])
    yield table([f"{title}, cores and frames at once", "seconds a frame", "of the processor", *PARTS, "rest"], rows)
    if 2 in seconds and size[1] in MOST_SECONDS:
        yield str(Bar(f"{title}: seconds a frame on two cores", seconds[2], most=MOST_SECONDS[size[1]]))


def _frames(clip: str, media: Path, size: tuple[int, int], count: int) -> list[Frame]:
    """The six that are looked back at, then those that follow each other."""
    whole = load_clip(clip, max(size), FIRST + count, media).frames
    start = whole[0].index
    chosen = [*whole[: FIRST - 1 : REFERENCE_EVERY], *whole[FIRST - 1 :]]
    return [replace(f, index=f.index - start, image=to_image(fit_picture(to_picture(f.image), size))) for f in chosen]


def _parts(frames: Sequence[Frame]) -> Mapping[str, float]:
    """Seconds of the processor."""
    profile, painted = cProfile.Profile(time.process_time), with_margin(frames[0].image)
    with profile:
        for _, motion in with_motion(frames, DISFlow(), begin=FIRST):
            extended_motion(_known(motion), painted)
    found = pstats.Stats(profile).get_stats_profile().func_profiles
    return {part: sum(found[name].cumtime for name in names if name in found) for part, names in PARTS.items()}


def _found(frames: Sequence[Frame], threads: int) -> Mapping[str, float]:
    """The same work, of which no parts are known."""
    painted = with_margin(frames[0].image)

    def in_a_thread() -> Callable[[Following], Motion]:
        source = DISFlow()
        return lambda pair: extended_motion(_known(pair.motion(source)), painted)

    for _ in worked_ahead(following(frames, begin=FIRST), in_a_thread, threads):
        pass
    return dict.fromkeys(PARTS, math.nan)


def _known(motion: Motion | None) -> Motion:
    assert motion is not None, "there is a frame before it"
    return motion


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = cv2.getNumThreads()
    cv2.setNumThreads(count)
    try:
        with cpu_threads(count), freed_memory_stays():
            yield
    finally:
        cv2.setNumThreads(before)
