"""A clip's frames as they are painted: decoded forwards or backwards, between their bars, and put back there.

Knows where frames come from and what of them is a picture; knows nothing of how they are painted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import chain
from typing import Protocol

import numpy as np
import torch

from stylevideo.engine.given.legs import Backwards
from stylevideo.engine.sequence import PaintedFrame, SequenceState
from stylevideo.media.decode.reader import SourceFrame, read_frames
from stylevideo.media.images.exposure import exposure_of
from stylevideo.media.images.pictures import to_8_bits, to_image
from stylevideo.motion.estimate import Motion, earliest_reference, with_motion
from stylevideo.motion.frame import Frame
from stylevideo.ops.regions import Regions
from stylevideo.render.job import Job
from stylevideo.timeline.clip import Shot

HELD_FRAMES, HELD_BYTES = 24, 1 << 26
"""Videos cannot be read backwards: so many frames, or more if they are small, are decoded forwards and held, with 8
bits, until they are used up; for the next ones the clip is decoded again."""


class Footage(Protocol):
    """Where a painter's frames come from."""

    def read(self, frames: range) -> Iterator[SourceFrame]:
        """The frames with these indices, in order."""
        ...

    def close(self) -> None:
        """Read no more."""
        ...


class ClipFootage:
    """The clip's frames, decoded forwards once, as long as nobody asks for earlier ones."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._decoded: Iterator[SourceFrame] = iter(())
        self._next = job.clip.frames.stop

    def read(self, frames: range) -> Iterator[SourceFrame]:
        """A stretch of the clip; skips what lies between it and the last one by decoding and discarding it."""
        if frames.start < self._next:
            self.close()
            rest = range(frames.start, self._job.clip.frames.stop)
            decoded = read_frames(self._job.clip.selection, self._job.reading, rest)
            self._decoded, self._next = self._job.watch.over(decoded), frames.start
        while self._next < frames.stop:
            frame = next(self._decoded)
            self._next += 1
            if frame.index >= frames.start:
                yield frame

    def close(self) -> None:
        """End the decoder."""
        if isinstance(self._decoded, Generator):
            self._decoded.close()


def as_frame(job: Job, source: SourceFrame, shot: Shot, regions: Regions | None = None) -> Frame:
    """A frame of the source with what of it is a picture, and where looks are painted, at the film's size."""
    picture = source.picture.fitted(job.size)
    counted = job.clip.selection.counted
    follows = source.index > job.clip.frames.start  # the first frame's lead out of the film
    of_vectors = job.vectors.notes(counted[source.index]) if job.vectors and follows else ()
    frame = of_shot(job, shot, source.index, picture.image, source.repaired, regions)
    return replace(frame, notes=(*picture.notes, *of_vectors))


def of_shot(job: Job, shot: Shot, index: int, image: np.ndarray, repaired: bool, regions: Regions | None) -> Frame:
    """A frame (H, W, 3) with what of it is a picture, and where looks are painted."""
    active = shot.active
    part = image[active.rows, active.columns] if active else image
    strength = exposure_of(part).strength(shot) if job.settings.shots.fades == "keep" else 1.0
    whole = to_image(image) if active else None
    regions = regions.of(active) if regions and active else regions
    return Frame(index, to_image(part), repaired, strength=strength, whole=whole, regions=regions)


def shown(frame: Frame, painted: PaintedFrame, shot: Shot) -> PaintedFrame:
    """What the film shows of a painted frame: as much of it as the frame is a picture, between the source's bars."""
    if frame.strength == 1 and frame.whole is None:
        return painted
    device = painted.image.device
    image = torch.lerp(frame.image.to(device), painted.image, frame.strength) if frame.strength < 1 else painted.image
    if frame.whole is not None and shot.active:
        image, active = frame.whole.to(device, copy=True), image
        shot.active.of(image).copy_(active)
    return replace(painted, image=image)


def backwards_with_motion(
    job: Job, shot: Shot, turn: Backwards, state: SequenceState | None
) -> Iterator[tuple[Frame, Motion | None]]:
    """Frames, last first, each with its motion from the one behind it; before them the one that they are made from.

    That one comes without motion; where it is another shot's or look's first it does not come itself. Motion is found
    in the pictures: vectors lead from a frame to the one before it, and from no shot's end to another's beginning.

    Args:
        job: of the clip.
        shot: of the frames.
        turn: which they are.
        state: after the last one that an earlier run made; those before it are left out.
    """
    origin, last_moved, first = turn.origin, None, 0
    leads_out = turn.into is not None
    begin = turn.frames[-1] if leads_out else origin
    if state is not None:
        begin, last_moved = state.index - 1, state.last_moved
        first = max(0, min(earliest_reference(origin - begin), origin - last_moved))
    indices = range(turn.frames.start, origin - first + (not leads_out))
    with job.regions(origin if turn.into == origin else None) as regions:  # as their look is that of the origin
        frames = read_backwards(job, shot, indices, regions)
        if turn.into is not None and first == 0:
            frames = chain([replace(read_frame(job, shot, turn.into, regions), index=origin)], frames)
        yield from with_motion(frames, job.find_motion(), (origin,), begin, last_moved, origin)


def read_frame(
    job: Job, shot: Shot, index: int, regions: Callable[[int], Regions | None] = lambda index: None
) -> Frame:
    """One frame of the clip, between the bars of a shot."""
    with closing(read_frames(job.clip.selection, job.reading, range(index, index + 1))) as decoded:
        return as_frame(job, next(job.watch.over(decoded)), shot, regions(index))


def read_backwards(
    job: Job, shot: Shot, frames: range, regions: Callable[[int], Regions | None] = lambda index: None
) -> Iterator[Frame]:
    """Frames of a shot, last first."""
    count = max(HELD_FRAMES, HELD_BYTES // (3 * math.prod(job.size)))
    for stop in range(frames.stop, frames.start, -count):
        part = range(max(frames.start, stop - count), stop)
        sources = job.watch.over(read_frames(job.clip.selection, job.reading, part))
        held = [(source.index, to_8_bits(source.picture.fitted(job.size).image), source.repaired) for source in sources]
        while held:
            index, image, repaired = held.pop()
            yield of_shot(job, shot, index, image, repaired, regions(index))
