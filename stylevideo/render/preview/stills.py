"""The frames by which a clip is judged, decoded once, and the shots that they are of."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from stylevideo.errors import Stopped
from stylevideo.media.decode.reader import SourceFrame, read_frames
from stylevideo.media.images.exposure import exposure_of
from stylevideo.media.images.pictures import Reading, fit_picture
from stylevideo.ops.color import Palette
from stylevideo.render.job import Job
from stylevideo.render.shots import detect
from stylevideo.text import counted
from stylevideo.timeline.clip import Shot
from stylevideo.timeline.selection import FrameSelection

SHARE_FOR_SHOTS = 1 / 6
"""Part of the time in which shots are looked for; then those of as many frames count as were seen."""
SPARE_STILLS = 2
SPARES_OF_FEW = 3
"""Of so many more shots a frame is looked at, since some may be black; where shots are few, so many times as many."""
_Shots: TypeAlias = tuple[tuple[Shot, ...], tuple[Palette | None, ...]]


def chosen_stills(shots: Sequence[Shot], count: int) -> list[tuple[Shot, int]]:
    """Frames by which a clip is judged: the middle ones of its longest shots, or evenly spread where shots are few.

    Args:
        shots: all of the clip's, in order.
        count: how many are wanted.
    Returns:
        Shots and indices in the order in which they are wanted: some more, if there are, since some may be blank.
    """
    if len(shots) >= count:
        longest = sorted(shots, key=lambda shot: shot.start - shot.stop)[: count + SPARE_STILLS]
        return [(shot, (shot.start + shot.stop - 1) // 2) for shot in longest]
    frames = range(shots[0].start, shots[-1].stop)
    middle = (frames.start + frames.stop) // 2
    spares = sorted(_spread(frames, SPARES_OF_FEW * count), key=lambda index: abs(index - middle))
    return [(shot_of(shots, index), index) for index in dict.fromkeys([*_spread(frames, count), *spares])]


def _spread(frames: range, count: int) -> list[int]:
    return [frames[(2 * place + 1) * len(frames) // (2 * count)] for place in range(count)]


def shot_of(shots: Sequence[Shot], index: int) -> Shot:
    """The one that a frame with this index is of."""
    return next(shot for shot in shots if shot.start <= index < shot.stop)


class Stills:
    """Shots, and the stills that are chosen, found once for all requests that ask for the same.

    Args:
        jobs: as they are asked for.
        count: of stills.
        until: when no more shots are looked for, on the monotonic clock.
        stop: asked whether to end early.
    Attributes:
        stills: their indices, ascending.
        notes: what could not be done in time, as sentences.
    """

    def __init__(self, jobs: Sequence[Job], count: int, until: float, stop: Callable[[], bool]) -> None:
        self._until, self._stop = until, stop
        self._shots: dict[object, _Shots] = {}
        self._frames: dict[Reading, dict[int, SourceFrame]] = {}
        self._seen: int | None = None
        self.notes: tuple[str, ...] = ()
        first = jobs[0]
        self.stills = self._chosen(first, chosen_stills(self.shots_of(first)[0], count), count)

    def shots_of(self, job: Job) -> _Shots:
        """The shots of the clip, or of as much of it as was seen in time, as this job is asked to find them."""
        settings = job.settings
        key = (settings.shots, settings.colors, job.paints, job.size, job.reading)
        if key not in self._shots:
            self._shots[key] = detect(self._first_part(job), self._stop) if self._seen else self._found(job)
        return self._shots[key]

    def frames_of(self, job: Job) -> Mapping[int, SourceFrame]:
        """The stills as this job reads them."""
        if job.reading not in self._frames:
            self._frames[job.reading] = _decoded(job, self.stills)
        return self._frames[job.reading]

    def _found(self, job: Job) -> _Shots:
        """Those of the whole clip, or of so much of it as is seen in time."""
        seen = 0

        def is_over() -> bool:
            nonlocal seen
            seen += 1
            return self._stop() or time.monotonic() > self._until

        try:
            return detect(job, is_over)
        except Stopped:
            if self._stop():
                raise
        chosen = job.clip.selection.chosen
        self._seen = max(1, sum(index <= chosen[0] + seen for index in chosen))
        self.notes += (
            f"Only the first {counted(self._seen, 'frame')} were looked at: {job.clip.source.name} is too long for the "
            "time there is. Choose others with --frames.",
        )
        return detect(self._first_part(job), self._stop)

    def _first_part(self, job: Job) -> Job:
        selection = job.clip.selection
        seen = FrameSelection(selection.info, selection.chosen[: self._seen])
        return replace(job, clip=replace(job.clip, selection=seen))

    def _chosen(self, job: Job, wanted: Sequence[tuple[Shot, int]], count: int) -> tuple[int, ...]:
        """Those that are wanted most, without faded and blank ones as long as there are others."""
        frames = _decoded(job, sorted(index for _, index in wanted))
        ordered = sorted(wanted, key=lambda each: _is_faded(frames[each[1]], each[0], job))
        stills = tuple(sorted(index for _, index in ordered[:count]))
        self._frames[job.reading] = {index: frames[index] for index in stills}
        return stills


def _is_faded(frame: SourceFrame, shot: Shot, job: Job) -> bool:
    image = fit_picture(frame.picture.image, job.size)
    part = image[shot.active.rows, shot.active.columns] if shot.active else image
    return exposure_of(part).strength(shot) < 1


def _decoded(job: Job, indices: Sequence[int]) -> dict[int, SourceFrame]:
    stretch = range(indices[0], indices[-1] + 1)
    frames = job.watch.over(read_frames(job.clip.selection, job.reading, stretch))
    return {frame.index: frame for frame in frames if frame.index in indices}
