"""A preview: a few frames of one clip in several looks, all of them small enough to be there within a given time.

Frames of different shots are chosen and decoded once; every look paints them as shots' first frames, with the bars,
colours and exposures that a film would have. How large, and with how many iterations, follows from how long the first
one takes. Writes nothing.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np

from stylevideo.engine.pace import cold_frame
from stylevideo.errors import Problems, SettingsError, Stopped
from stylevideo.media.decode.reader import SourceFrame, read_frames
from stylevideo.media.images.exposure import exposure_of
from stylevideo.media.images.pictures import Reading, fit_picture, read_as_srgb, to_8_bits, to_picture
from stylevideo.ops.color import Palette
from stylevideo.ops.pyramid import LEAST_EDGE_PX
from stylevideo.planning.request import ClipRequest
from stylevideo.render.assemble import as_seen
from stylevideo.render.job import Job
from stylevideo.render.opening import Mode, open_job, reduced_size
from stylevideo.render.painter import Painter
from stylevideo.render.stylize import find_shots
from stylevideo.settings.settings import Settings
from stylevideo.system.device import cpu_threads
from stylevideo.system.heartbeat import broken_off_when
from stylevideo.text import counted, duration
from stylevideo.timeline.clip import Shot
from stylevideo.timeline.selection import FrameSelection

SHARE_FOR_SHOTS = 1 / 6
"""Part of the time in which shots are looked for; then those of as many frames count as were seen."""
SHARE_PLANNED = 0.8
"""Part of the time that is left which the painting may take by its forecast."""
ENDING_S = 6.0
"""Kept back of the time: until a picture is given up that is not there in time, and for writing."""
PATIENCE = 4
"""A trial that takes so many times its forecast is given up."""
TRIALS = 3
"""So often the first picture is painted at most, each time at what its pace allows."""
WORTH_A_TRIAL = 1.5
"""More work by this factor is worth another trial."""
SPARE_STILLS = 2
SPARES_OF_FEW = 3
"""Of so many more shots a frame is looked at, since some may be black; where shots are few, so many times as many."""
STYLE_EDGE_PX = 480
"""Long edge at which a style is shown."""
SCALES = (
    *((1920, 1.0), (1280, 1.0), (960, 1.0), (640, 1.0), (512, 1.0), (448, 0.7), (384, 0.5), (320, 0.5)),
    *((320, 0.35), (288, 0.3), (256, 0.3), (224, 0.25), (192, 0.25), (160, 0.2), (128, 0.2)),
)
"""Long edges, in pixels, with parts of the iterations that are asked for; the best first."""
FIRST_TRIAL = 3
"""Of the last ones the first trial takes this: a smaller picture tells little of a larger one's pace."""
_Shots: TypeAlias = tuple[tuple[Shot, ...], tuple[Palette | None, ...]]


@dataclass(frozen=True)
class Scale:
    """How a preview is painted.

    Attributes:
        long_edge: of the largest picture, pixels; the others are as much smaller as their films are.
        iterations: part of those that are asked for, 0..1.
    """

    long_edge: int
    iterations: float


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
        look = _Looking(jobs, stills, time.monotonic() + SHARE_FOR_SHOTS * (deadline - time.monotonic()), stop)
        return _Work(requests, jobs, look, deadline, on_event, stop).done()


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
    return [(_shot_of(shots, index), index) for index in dict.fromkeys([*_spread(frames, count), *spares])]


def _spread(frames: range, count: int) -> list[int]:
    return [frames[(2 * place + 1) * len(frames) // (2 * count)] for place in range(count)]


def scales_for(size: tuple[int, int]) -> tuple[Scale, ...]:
    """How films of this height and width may be shown, the best first: as they are asked for, or with less work."""
    long_edge = max(size)
    smaller = (Scale(min(edge, long_edge), part) for edge, part in SCALES)
    large_enough = (scale for scale in smaller if min(reduced_size(*size, scale.long_edge)) >= LEAST_EDGE_PX)
    return tuple(dict.fromkeys((Scale(long_edge, 1.0), *large_enough)))


def scaled(settings: Settings, size: tuple[int, int], largest: int, scale: Scale) -> Settings:
    """A film's settings for its preview.

    Args:
        settings: of the film.
        size: its height and width.
        largest: long edge of the largest film that is shown beside it.
        scale: how that one is shown.
    """
    optimizer, values = settings.optimizer, dict[str, object]()
    if scale.long_edge < largest:
        # No smaller than the network needs, whatever is shown beside it.
        least = math.ceil(LEAST_EDGE_PX * max(size) / min(size))
        values["size"] = min(max(size), max(least, round(max(size) * scale.long_edge / largest)))
    for name in ("iterations", "first_iterations"):
        values[name] = math.ceil(getattr(optimizer, name) * scale.iterations)
    values["coarse_iterations"] = max(1, math.ceil(settings.scales.coarse_iterations * scale.iterations))
    return settings.with_values(**values, loop=False)


def _opened(requests: Sequence[ClipRequest]) -> list[Job]:
    """All that can be checked is, before anything is painted."""
    jobs, problems = list[Job](), Problems()
    for request in requests:
        with problems.noted():
            jobs.append(open_job(request, Mode.FRAMES))
    problems.raise_all()
    return jobs


class _Looking:
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
        key = (settings.shots, settings.colors.color, job.paints, job.size, job.reading)
        if key not in self._shots:
            self._shots[key] = find_shots(self._first_part(job), self._stop) if self._seen else self._found(job)
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
            return find_shots(job, is_over)
        except Stopped:
            if self._stop():
                raise
        chosen = job.clip.selection.chosen
        self._seen = max(1, sum(index <= chosen[0] + seen for index in chosen))
        self.notes += (
            f"Only the first {counted(self._seen, 'frame')} were looked at: {job.clip.source.name} is too long for the "
            "time there is. Choose others with --frames.",
        )
        return find_shots(self._first_part(job), self._stop)

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

    def __init__(self, request: ClipRequest, job: Job, look: _Looking, largest: int, scale: Scale) -> None:
        shots, palettes = look.shots_of(job)
        settings = scaled(request.settings, job.size, largest, scale)
        self._job = open_job(replace(request, settings=settings), Mode.FRAMES)
        self._frames = look.frames_of(self._job)
        self._shots = {index: self._alone(_shot_of(shots, index), index, job.size) for index in look.stills}
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
        return to_8_bits(as_seen(self._job, index, image, source)[1]), made.result.seconds

    def _alone(self, shot: Shot, index: int, size: tuple[int, int]) -> Shot:
        """A still as a shot of its own, in a picture of this cell's size."""
        active = shot.active.fitted(size, self._job.size) if shot.active else None
        return replace(shot, start=index, stop=index + 1, active=active)


def _shot_of(shots: Sequence[Shot], index: int) -> Shot:
    return next(shot for shot in shots if shot.start <= index < shot.stop)


class _Work:
    """A preview that is being painted: all looks of one still after the other, so that it is of use early."""

    def __init__(
        self,
        requests: Sequence[ClipRequest],
        jobs: Sequence[Job],
        look: _Looking,
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
                if round_ and self._is_too_late(round_):
                    break
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

    def _is_too_late(self, done: int) -> bool:
        """Whether one more picture of each look would not be there in time, by how long those did that are."""
        spent = sum(sum(look.seconds) for look in self._looks)
        return time.monotonic() + spent / done > self._deadline

    def _is_over(self) -> bool:
        return self._stop() or time.monotonic() > self._deadline

    def _source(self, index: int, size: tuple[int, int]) -> np.ndarray:
        job = self._jobs[0]
        source = self._look.frames_of(job)[index].picture.fitted(job.size)
        return fit_picture(to_8_bits(as_seen(job, index, source.image, source)[0]), size)


def _styles_of(job: Job) -> tuple[np.ndarray, ...]:
    """The style pictures, (H, W, 3) uint8, small."""
    images = (read_as_srgb(read.style.path)[0] for read in job.styles)
    return tuple(fit_picture(image, reduced_size(image.shape[0], image.shape[1], STYLE_EDGE_PX)) for image in images)


def told_scale(chosen: Chosen) -> str:
    """What was chosen, in words."""
    part = "all" if chosen.iterations == 1 else f"{chosen.iterations:.0%}"
    return (
        f"{counted(chosen.pictures, 'picture')} of {chosen.size[0]}x{chosen.size[1]} with {part} of the iterations, "
        f"about {duration(chosen.seconds)}"
    )
