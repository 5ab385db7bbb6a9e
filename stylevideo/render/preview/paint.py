"""A preview: a few frames of one clip in several looks, all of them small enough to be there within a given time.

Frames of different shots are chosen and decoded once; every look paints them as shots' first frames, with the bars,
colours and exposures that a film would have. How large, and with how many iterations, follows from how long the first
one takes. Writes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

import numpy as np

from stylevideo.engine.pace import cold_frame
from stylevideo.errors import Problems, SettingsError, Stopped
from stylevideo.media.decode.reader import SourceFrame
from stylevideo.media.images.pictures import fit_picture, to_8_bits, to_picture
from stylevideo.planning.request import ClipRequest
from stylevideo.render.assemble import as_seen
from stylevideo.render.job import Job
from stylevideo.render.opening import Mode, open_job, reduced_size
from stylevideo.render.painter import Painter
from stylevideo.render.preview.scale import Scale, scaled, scales_for
from stylevideo.render.preview.stills import SHARE_FOR_SHOTS, Stills, shot_of
from stylevideo.render.styles import read_styles
from stylevideo.system.device import cpu_threads
from stylevideo.system.heartbeat import broken_off_when
from stylevideo.text import counted, duration
from stylevideo.timeline.clip import Shot

SHARE_PLANNED = 0.8
"""Part of the time that is left which the painting may take by its forecast."""
ENDING_S = 10.0
"""Kept back of the time: until a picture is given up that is not there in time, and for writing."""
PATIENCE = 4
"""A trial that takes so many times its forecast is given up."""
TRIALS = 3
"""So often the first picture is painted at most, each time at what its pace allows."""
WORTH_A_TRIAL = 1.5
"""More work by this factor is worth another trial."""
STYLE_EDGE_PX = 480
"""Long edge at which a style is shown."""
PICTURES_OF_CLIP = 3
"""So many are shown at most of a clip that is a style."""
FIRST_TRIAL = 3
"""Of the last ones the first trial takes this: a smaller picture tells little of a larger one's pace."""


@dataclass
class Painted:
    """What became of one look.

    Attributes:
        pictures: (H, W, 3) uint8, one for each still that was painted, in their order.
        seconds: of each.
        styles: the style pictures, (H, W, 3) uint8.
    """

    styles: tuple[np.ndarray, ...]
    pictures: list[np.ndarray] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def add(self, picture: np.ndarray, seconds: float) -> None:
        """One more picture."""
        self.pictures.append(picture)
        self.seconds.append(seconds)


@dataclass(frozen=True)
class Preview:
    """What was painted in time.

    Attributes:
        numbers: of the stills, as the user counts frames.
        sources: the stills, (H, W, 3) uint8, at the size of the largest pictures.
        looks: one for each request.
        size: width and height of the largest pictures.
        iterations: part of those that were asked for, 0..1.
        notes: what could not be done as asked, as sentences.
        is_whole: whether all pictures are there.
    """

    numbers: tuple[int, ...]
    sources: tuple[np.ndarray, ...]
    looks: tuple[Painted, ...]
    size: tuple[int, int]
    iterations: float
    notes: tuple[str, ...]
    is_whole: bool


@dataclass(frozen=True)
class Chosen:
    """It was decided how a preview is painted; told before it is.

    Attributes:
        size: width and height of the largest pictures.
        iterations: part of those that are asked for, 0..1.
        pictures: how many there will be.
        seconds: that they will take, by the first one's pace.
    """

    size: tuple[int, int]
    iterations: float
    pictures: int
    seconds: float


@dataclass(frozen=True)
class Progress:
    """So many pictures are painted."""

    pictures: int


def paint_preview(
    requests: Sequence[ClipRequest],
    stills: int,
    seconds: float,
    on_event: Callable[[Chosen | Progress], None] = lambda event: None,
    stop: Callable[[], bool] = lambda: False,
) -> Preview:
    """Paint frames of one clip by several requests, within a time.

    Args:
        requests: at least one; all of one clip and the same frames.
        stills: how many frames of it, each of another shot where there are so many.
        seconds: that all of it may take, with some for writing; what is not painted then is left out.
        on_event: told what was decided, and of each picture.
        stop: asked all the time whether to end early; what is painted by then is returned.
    Raises:
        InputError, SettingsError, DeviceError: something cannot be done as asked, or not within the time.
        DecodeError, DeviceMemoryError, PaintingError: it went wrong on the way.
        Stopped: because of `stop`, before there was a picture.
    """
    deadline = time.monotonic() + seconds - min(ENDING_S, seconds / 4)
    with cpu_threads(requests[0].settings.optimizer.threads), broken_off_when(stop):
        jobs = _opened(requests)
        look = Stills(jobs, stills, time.monotonic() + SHARE_FOR_SHOTS * (deadline - time.monotonic()), stop)
        return _Work(requests, jobs, look, deadline, on_event, stop).done()


def _opened(requests: Sequence[ClipRequest]) -> list[Job]:
    """All that can be checked is, before anything is painted."""
    jobs, problems = list[Job](), Problems()
    for request in requests:
        with problems.noted():
            jobs.append(open_job(request, Mode.FRAMES))
    problems.raise_all()
    return jobs


@dataclass(frozen=True)
class _HeldFootage:
    """Frames that were decoded already, as a painter's footage."""

    frames: Mapping[int, SourceFrame]

    def read(self, frames: range) -> Iterator[SourceFrame]:
        for index in frames:
            yield self.frames[index]

    def close(self) -> None:
        return


class _Cell:
    """One look at one scale: paints stills when it is asked to; a context."""

    def __init__(self, request: ClipRequest, job: Job, look: Stills, largest: int, scale: Scale) -> None:
        shots, palettes = look.shots_of(job)
        settings = scaled(request.settings, job.size, largest, scale)
        self._job = open_job(replace(request, settings=settings), Mode.FRAMES)
        self._frames = look.frames_of(self._job)
        self._shots = {index: self._alone(shot_of(shots, index), index, job.size) for index in look.stills}
        footage = _HeldFootage(self._frames)
        singles = [self._shots[index] for index in look.stills]
        self._painter = Painter(self._job, singles, None, palettes=palettes, footage=lambda: footage)

    def __enter__(self) -> _Cell:
        self._painter.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._painter.__exit__(*error)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self._job.size

    def paint(self, index: int) -> tuple[np.ndarray, float]:
        """What is painted of a still, as screens show it, and the seconds that took."""
        (made,) = self._painter.paint(self._shots[index])
        image = to_picture(made.result.image.cpu(), self._job.bits)
        source = self._frames[index].picture.fitted(self._job.size)
        return to_8_bits(as_seen(self._job, index, image, source, None)[1]), made.result.seconds

    def _alone(self, shot: Shot, index: int, size: tuple[int, int]) -> Shot:
        """A still as a shot of its own, in a picture of this cell's size."""
        active = shot.active.fitted(size, self._job.size) if shot.active else None
        return replace(shot, start=index, stop=index + 1, active=active, dissolving=0)


class _Work:
    """A preview that is being painted: all looks of one still after the other, so that it is of use early."""

    def __init__(
        self,
        requests: Sequence[ClipRequest],
        jobs: Sequence[Job],
        look: Stills,
        deadline: float,
        on_event: Callable[[Chosen | Progress], None],
        stop: Callable[[], bool],
    ) -> None:
        self._requests, self._jobs, self._look = requests, jobs, look
        self._deadline, self._on_event, self._stop = deadline, on_event, stop
        self._largest = max(max(job.size) for job in jobs)
        self._looks = tuple(Painted(_styles_of(job)) for job in jobs)
        self._notes: list[str] = [*look.notes, *(note for job in jobs for note in job.notes)]

    def done(self) -> Preview:
        """All that is painted in time."""
        with ExitStack() as opened:
            scale, first, pace = self._begun(opened)
            cells = [first]
            for request, job in list(zip(self._requests, self._jobs, strict=True))[1:]:
                cells.append(opened.enter_context(_Cell(request, job, self._look, self._largest, scale)))
            size = max((cell.size for cell in cells), key=max)
            pictures = len(cells) * len(self._look.stills)
            self._on_event(Chosen((size[1], size[0]), scale.iterations, pictures, self._forecast(scale, pace)))
            self._on_event(Progress(1))
            is_whole = self._painted(cells)
        numbers = map(self._jobs[0].clip.selection.number, self._look.stills)
        sources = tuple(self._source(index, size) for index in self._look.stills)
        notes = tuple(dict.fromkeys(self._notes))
        return Preview(tuple(numbers), sources, self._looks, (size[1], size[0]), scale.iterations, notes, is_whole)

    def _begun(self, opened: ExitStack) -> tuple[Scale, _Cell, float]:
        """The first picture at the scale that its own pace allows for all; and that pace, in seconds by work."""
        scales = scales_for(next(job.size for job in self._jobs if max(job.size) == self._largest))
        scale = scales[-min(FIRST_TRIAL, len(scales))]
        until, found = self._deadline, None
        for _ in range(TRIALS):
            cell = opened.enter_context(_Cell(self._requests[0], self._jobs[0], self._look, self._largest, scale))
            began = time.monotonic()
            painted = self._try(cell, until)
            if painted is None:
                break
            pace = (time.monotonic() - began) / max(1.0, self._work_of(0, scale))
            found, first = (scale, cell, pace), painted
            best = self._best(scales, pace)
            more = self._work_of(0, best) / max(1.0, self._work_of(0, scale))
            if 1 <= more <= WORTH_A_TRIAL:
                break
            scale = best
            until = time.monotonic() + PATIENCE * pace * self._work_of(0, best)
        if found is None:
            raise SettingsError("Not one picture could be painted in time. Allow more --budget.")
        self._looks[0].add(*first)
        return found

    def _try(self, cell: _Cell, until: float) -> tuple[np.ndarray, float] | None:
        """The first picture; None where it is not there in time."""
        try:
            with broken_off_when(lambda: self._stop() or time.monotonic() > until):
                return cell.paint(self._look.stills[0])
        except Stopped:
            if self._stop():
                raise
            return None

    def _best(self, scales: Sequence[Scale], pace: float) -> Scale:
        """The best scale at which all is there in time, or else the least."""
        allowed = SHARE_PLANNED * (self._deadline - time.monotonic())
        return next((scale for scale in scales if self._forecast(scale, pace) <= allowed), scales[-1])

    def _forecast(self, scale: Scale, pace: float) -> float:
        """Seconds that all pictures take."""
        each = sum(self._work_of(place, scale) for place in range(len(self._jobs)))
        return pace * each * len(self._look.stills)

    def _work_of(self, place: int, scale: Scale) -> float:
        """Pixels of a still, times how often the network sees them."""
        job = self._jobs[place]
        settings = scaled(self._requests[place].settings, job.size, self._largest, scale)
        if not job.paints:
            return 0.0
        return cold_frame(settings, reduced_size(*job.size, settings.scales.size)).evaluated_pixels

    def _painted(self, cells: Sequence[_Cell]) -> bool:
        """Paint all that is not there; returns whether all is."""
        try:
            for round_, index in enumerate(self._look.stills):
                for place, cell in enumerate(cells):
                    if len(self._looks[place].pictures) <= round_:
                        if self._is_over():
                            raise Stopped
                        with broken_off_when(self._is_over):
                            self._looks[place].add(*cell.paint(index))
                        self._on_event(Progress(sum(len(look.pictures) for look in self._looks)))
        except Stopped:
            pass
        wanted = len(cells) * len(self._look.stills)
        done = sum(len(look.pictures) for look in self._looks)
        if done < wanted:
            why = "it was stopped" if self._stop() else "the time was over"
            self._notes.append(f"{done} of {counted(wanted, 'picture')} were painted, then {why}.")
        return done == wanted

    def _is_over(self) -> bool:
        return self._stop() or time.monotonic() > self._deadline

    def _source(self, index: int, size: tuple[int, int]) -> np.ndarray:
        job = max(self._jobs, key=lambda each: max(each.size))
        source = self._look.frames_of(job)[index].picture.fitted(job.size)
        return fit_picture(to_8_bits(as_seen(job, index, source.image, source, None)[0]), size)


def _styles_of(job: Job) -> tuple[np.ndarray, ...]:
    """The style pictures, (H, W, 3) uint8, small; some of a clip's."""
    images: list[np.ndarray] = []
    for read in job.styles:
        as_read = read.pictures
        if read.picture.dtype != np.uint8:  # as the painter sees them, through a view
            as_read = read_styles([read.style])[0].pictures
        images += as_read[:: max(1, -(-len(as_read) // PICTURES_OF_CLIP))]
    return tuple(fit_picture(image, reduced_size(image.shape[0], image.shape[1], STYLE_EDGE_PX)) for image in images)


def told_scale(chosen: Chosen) -> str:
    """What was chosen, in words."""
    part = "all" if chosen.iterations == 1 else f"{chosen.iterations:.0%}"
    return (
        f"{counted(chosen.pictures, 'picture')} of {chosen.size[0]}x{chosen.size[1]} with {part} of the iterations, "
        f"about {duration(chosen.seconds)}"
    )
