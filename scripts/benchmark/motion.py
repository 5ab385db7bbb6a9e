"""What the motion of a following frame takes, by its parts; nothing is painted.

Knows the motion alone, and what the painter makes of it before it begins.
"""

from __future__ import annotations

import cProfile
import pstats
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import torch

from scripts.benchmark.clips import FOOTAGE, load_clip
from scripts.benchmark.report import Bar, number, table
from stylevideo.engine.carry import extended_motion
from stylevideo.media.images.pictures import fit_picture, to_image, to_picture
from stylevideo.motion.estimate import REFERENCE_EVERY, REFERENCES, with_motion
from stylevideo.motion.flow import DISFlow
from stylevideo.motion.frame import Frame
from stylevideo.ops.margin import with_margin

PARTS = {
    "flow": ("between",),
    "blurs": ("gaussian_blur",),
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


def check_motion(clip: str, media: Path, size: tuple[int, int], count: int, cores: Sequence[int]) -> Iterator[str]:
    """A table of seconds a frame in Markdown, then what is asked of two cores.

    Args:
        clip, media: as of `load_clip`; its frames are brought to the size.
        size: height and width.
        count: of frames that have all references; making these small is counted in.
        cores: numbers of threads of each operation.
    """
    frames, title = _frames(clip, media, size, count), f"{clip} at {size[1]}x{size[0]}"
    rows, seconds = [], {}
    for many in cores:
        with _threads(many):
            began, spent = time.perf_counter(), time.process_time()
            parts = _parts(frames)
            spent, seconds[many] = (time.process_time() - spent) / count, (time.perf_counter() - began) / count
        rest = spent - sum(parts.values()) / count
        rows.append([str(many), *map(number, (seconds[many], spent, *(part / count for part in parts.values()), rest))])
    yield table([f"{title}, cores", "seconds a frame", "of the processor", *PARTS, "rest"], rows)
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
            assert motion is not None, "there is a frame before it"
            extended_motion(motion, painted)
    found = pstats.Stats(profile).get_stats_profile().func_profiles
    return {part: sum(found[name].cumtime for name in names if name in found) for part, names in PARTS.items()}


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = cv2.getNumThreads(), torch.get_num_threads()
    cv2.setNumThreads(count)
    torch.set_num_threads(count)
    try:
        yield
    finally:
        cv2.setNumThreads(before[0])
        torch.set_num_threads(before[1])
