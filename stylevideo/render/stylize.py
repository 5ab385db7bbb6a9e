"""One clip, from source to film: everything is checked first, then frames are made, kept and written.

The path of a frame stands in `_Run.make`, and in `stylevideo.render.painter`. Tells what happens through events; prints
nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from stylevideo.engine.given.legs import begun_anew, made_twice
from stylevideo.engine.given.loop import turns_of
from stylevideo.engine.sequence import PaintedFrame
from stylevideo.errors import (
    DecodeError,
    DeviceMemoryError,
    EncodeError,
    InputError,
    KilledError,
    PaintingError,
    StorageError,
    StyleVideoError,
    TouchedError,
)
from stylevideo.media.decode.reader import open_clip, read_frames
from stylevideo.media.hidden import Places, finished_frames
from stylevideo.media.images.pictures import to_8_bits
from stylevideo.planning.request import ClipRequest
from stylevideo.render.assemble import all_over_source, as_seen
from stylevideo.render.estimate import pixels_of, told_shots
from stylevideo.render.hooks import Hooks
from stylevideo.render.job import Job
from stylevideo.render.memory import FALLBACK_NAME, changed_parts, next_fallback, smaller_tile
from stylevideo.render.opening import Attempt, Mode, film_size, open_job
from stylevideo.render.outputs import check_names
from stylevideo.render.painter import Painter, too_large
from stylevideo.render.pipeline import Pipeline
from stylevideo.render.shots import announce, detect, remembered_shots, require_more, shots_to_paint
from stylevideo.reports.events import Checked, Forecast, Listener
from stylevideo.reports.report import describe_result, write_report
from stylevideo.reports.results import ClipResult, FrameRecord, Waits
from stylevideo.reports.sheet import COLUMNS, write_sheet
from stylevideo.reports.warnings import device_warnings, frame_warnings, loop_warnings, source_warnings
from stylevideo.settings.over_time import ShotTable
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style
from stylevideo.store.checkpoint import (
    load_palettes,
    require_whole,
)
from stylevideo.store.claims import discard
from stylevideo.store.frames import FrameStore, accept_changes, write_note
from stylevideo.store.lock import sole_run
from stylevideo.system.background import POLL_S
from stylevideo.system.device import cpu_threads, memory_context, release_memory
from stylevideo.system.folders import folder_for
from stylevideo.system.heartbeat import beat, broken_off_when
from stylevideo.timeline.clip import Shot

logger = logging.getLogger(__name__)

MOST_TOUCHES = 5
"""So often a run goes on by itself after its source was touched, while no frame is saved in between."""
TOUCH_PAUSE_S = 2.0
"""Until whatever touched it may have gone on to the next file."""


def stylize(
    source: str | Path,
    styles: Sequence[str | Path | Style],
    output: str | Path,
    settings: Settings | None = None,
    on_event: Listener = lambda event: None,
    stop: Callable[[], bool] = lambda: False,
    shot: Sequence[ShotTable] = (),
) -> ClipResult:
    """Stylise a clip and write it as a film with its original sound.

    An interrupted run is resumed when it is started again with the same arguments; the film is then
    the same, byte for byte on the same CPU, as that of an uninterrupted one.

    Args:
        source: a video file; or an image sequence: its pattern, such as `shot.####.exr`, or its folder.
        styles: at least one picture, clip, or pattern of an image sequence, or `Style(path, weight)`; none where the
            settings have keys of looks.
        output: the film: a video file, or a pattern of an image sequence; see `stylevideo.media.encode.delivery`.
        settings: `Settings()`, which is the preset "standard", if not given.
        on_event, stop: see `Hooks`.
        shot: what some shots are asked for instead.
    Raises:
        InputError, SettingsError, DeviceError: something cannot be done as asked; nothing was begun.
        ResumeError: an interrupted run's frames were made from something else.
        LockedError: another run is making this film.
        Stopped: because of `stop`; the finished frames are kept.
        TouchedError: the source was touched while it was read, again and again; the finished frames are kept.
        DecodeError, EncodeError, KilledError, PaintingError, StorageError, DeviceMemoryError: it went wrong on the way;
            the finished frames are kept. (InputError where the source turned out to be odd before there were any.)
    """
    chosen = tuple(map(Style.of, styles))
    paths = Path(source).absolute(), Path(output).absolute()
    request = ClipRequest(paths[0], chosen, paths[1], settings or Settings(), shot=tuple(shot))
    return make_film(request, Hooks(on_event, stop))


def make_film(request: ClipRequest, hooks: Hooks, alone: bool = True) -> ClipResult:
    """`stylize` what is asked for; begun again with less where memory is too small.

    Args:
        request: the clip.
        hooks: see `Hooks`.
        alone: whether no other process of the caller's paints shots of it. Else memory may be too small for several,
            which the caller has to see to, and nothing is given up for it.
    Raises:
        As `stylize`.
    """
    with broken_off_when(hooks.stop), folder_for(request.output):
        check_names(request)
        with (
            sole_run(request.places) as is_lost,
            broken_off_when(stop := lambda: hooks.stop() or is_lost()),
            cpu_threads(request.settings.optimizer.threads),
        ):
            attempt, knows_frames = Attempt.first(request, request.settings.output.restart), False
            touches = _Touches(request.places)
            while True:
                run = _Run(request, Hooks(hooks.on_event, stop), attempt, knows_frames)
                try:
                    return run.make()
                except TouchedError:
                    if not touches.may_go_on():
                        raise
                    logger.warning(
                        "%s was touched while it was read. Going on from the last saved frame.", request.source
                    )
                    _pause(TOUCH_PAUSE_S)
                    more: dict[str, Any] = {}
                except DeviceMemoryError as error:
                    if not alone:
                        raise
                    more = run.less_after(error)
                    is_told = "tile" in more and "tile" in attempt.given_up
                    level = logging.INFO if is_told else logging.WARNING
                    less = " ".join(f"--{name} {value}" for name, value in more.items())
                    logger.log(level, "%s Going on with %s.", error, less)
                # Only here the error, and with it all that it holds of the device's memory, is gone.
                given_up, anew = {**attempt.given_up, **more}, attempt.anew and not run.has_begun
                attempt, knows_frames = Attempt(given_up, anew, touches.are_many), run.knows_frames
                _make_way(request.places, attempt, more)


class _Touches:
    """Of a source, while its film is made.

    Args:
        places: of the film.
    """

    def __init__(self, places: Places) -> None:
        self._places, self._count, self._in_vain, self._finished = places, 0, 0, 0

    @property
    def are_many(self) -> bool:
        """Whether it is the disk's, or a nightly backup's, way to touch files that are only read."""
        return self._count >= MOST_TOUCHES

    def may_go_on(self) -> bool:
        """Count one, and say whether frames were saved between the last ones."""
        finished = finished_frames(self._places)
        self._in_vain = 0 if finished > self._finished else self._in_vain + 1
        self._count, self._finished = self._count + 1, finished
        return self._in_vain <= MOST_TOUCHES


def _pause(seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        beat()
        time.sleep(POLL_S)


def _long_edge(source: Path, settings: Settings) -> int:
    """Of the film, in pixels."""
    return max(film_size(open_clip(source, Fraction(settings.footage.rate)), settings.scales.size))


def _make_way(places: Places, attempt: Attempt, more: Mapping[str, Any]) -> None:
    """Prepare what the last attempt left for one that does without more; frames of another size are of no use to it."""
    release_memory()
    if attempt.anew:  # what is there will be thrown away
        return
    if "size" in more:
        discard(places)
    elif more:
        write_note(places, FALLBACK_NAME, attempt.given_up)
        accept_changes(places, changed_parts(attempt.given_up))  # the frames that were made before stay


class _Run:
    """One attempt at a film. Holds nothing of the device's memory when it has failed.

    Args:
        request: the clip.
        hooks: of who wants it.
        attempt: how it is tried.
        knows_frames: whether this process has looked at the kept frames already, or made them.
    Attributes:
        knows_frames: likewise, later.
        has_begun: whether there is unfinished work of its own; then nothing more is thrown away.
    """

    def __init__(self, request: ClipRequest, hooks: Hooks, attempt: Attempt, knows_frames: bool) -> None:
        self._request, self._hooks, self._attempt = request, hooks, attempt
        self.knows_frames, self.has_begun = knows_frames, False
        self._smaller_tile: int | None = None
        self._is_painted = False

    def make(self) -> ClipResult:
        """Make the film, or as much of it as there is memory for."""
        began, on_event, stop = time.perf_counter(), self._hooks.on_event, self._hooks.stop
        name = self._request.source.name
        with memory_context(f"There is too little memory for {name}. Reduce it first, or find a larger machine."):
            job = open_job(self._request, Mode.RENDER, self._attempt)
        store = job.store
        assert store is not None, "a job that is rendered has begun its work"
        self.has_begun = True
        self._is_painted = job.painted_with is not None
        if self._request.settings.optimizer.tile != "off":
            self._smaller_tile = smaller_tile(job.settings, job.size)
        on_event(Checked(job.clip, job.view))
        with _kept(job, store), memory_context(too_large(job)), store.claims:
            shots = remembered_shots(store, job, stop)
            job = job.in_shots(shots)
            require_whole(store, shots, job.clip.selection, job.size, pictures=not self.knows_frames)
            self.knows_frames = True
            to_do = announce(job, store, shots, on_event)
            forecast = None
            with (
                Pipeline(job, store, shots) as pipeline,
                Painter(job, shots, store, pipeline.waiting_for_frames, stop, load_palettes(store)) as painter,
            ):
                may_go_on = partial(require_more, job, stop)
                for shot in shots_to_paint(store, shots, may_go_on):
                    if shot is None:
                        pipeline.wait_for_others()
                        pipeline.tell_saved(on_event)
                        continue
                    for made in painter.paint(shot):
                        pipeline.add(made)
                        if forecast is None and made.result.iterations:
                            forecast = Forecast(_forecast_seconds(job, shots, to_do, made.result))
                            on_event(forecast)
                        pipeline.tell_saved(on_event)
                        if not made.ends_shot:
                            may_go_on()
                pipeline.finish_frames()
                pipeline.tell_saved(on_event)
                notes = pipeline.finish_film()
            result = _finish(job, store, shots, notes, pipeline.waits(), began)
        try:
            stays = store.keep() if job.settings.output.keep_frames else store.remove()
        except StyleVideoError as error:  # the film is complete all the same
            stays = str(error)
        return replace(result, warnings=(*result.warnings, stays)) if stays else result

    def less_after(self, error: DeviceMemoryError) -> dict[str, Any]:
        """What to give up beside what this attempt did.

        Raises:
            DeviceMemoryError: this one, where nothing is left to give up.
        """
        if self._is_painted:  # whatever it was that needed memory, it was no painting
            raise error
        if self._smaller_tile:
            return {"tile": str(self._smaller_tile)}
        eased = self._request.settings.with_values(**self._attempt.given_up)
        with memory_context(str(error)):
            less = next_fallback(eased, partial(_long_edge, self._request.source, eased))
        if less is None:
            raise error
        return less


@contextmanager
def _kept(job: Job, store: FrameStore) -> Iterator[None]:
    """Say that the finished frames are kept where work on a film fails; where there are none, leave nothing."""
    try:
        yield
    except (DecodeError, DeviceMemoryError, EncodeError, KilledError, PaintingError, StorageError, InputError) as error:
        if not store.has_frames:
            with suppress(StyleVideoError):  # somebody else may have begun a shot
                discard(job.places)
            raise
        kind = EncodeError if isinstance(error, InputError) else type(error)  # the input vanished on the way
        raise kind(
            f"{error} The finished frames are kept in {store.folder}: run the same command again to go on from there."
        ) from error


def stylize_frames(
    source: str | Path,
    styles: Sequence[str | Path | Style],
    settings: Settings | None = None,
    shot: Sequence[ShotTable] = (),
) -> Iterator[PaintedFrame]:
    """Stylise a clip frame by frame, without writing anything.

    Args:
        source, styles, settings, shot: as for `stylize`.
    Yields:
        One result per frame, in order.
    Raises:
        InputError, SettingsError, DeviceError: something cannot be done as asked.
        DecodeError: the source cannot be decoded.
    """
    path, settings = Path(source).absolute(), settings or Settings()
    job = open_job(ClipRequest(path, tuple(map(Style.of, styles)), path, settings, shot=tuple(shot)), Mode.FRAMES)
    with cpu_threads(settings.optimizer.threads):
        shots, palettes = detect(job)
        job = job.in_shots(shots)
        with Painter(job, shots, None, palettes=palettes) as painter:
            results = (made.result for shot in shots for made in painter.paint(shot))
            yield from all_over_source(job, results)


def _forecast_seconds(job: Job, shots: Sequence[Shot], to_do: Sequence[int], first: PaintedFrame) -> float:
    """Seconds for the frames that are to be made but for `first`, which was painted and comes first, at its pace.

    Coarse evaluations count less. Others who paint beside are not counted.
    """
    frames, firsts = job.clip.frames, begun_anew(shots, list(job.painted), job.look_turns)
    spent = pixels_of(job, range(first.index, first.index + 1), firsts)
    if first.index not in firsts:
        spent *= first.iterations / job.settings.optimizer.iterations
    turns = turns_of(shots, job.settings.temporal, job.look_turns, list(job.painted))
    twice = made_twice(shots, list(job.painted), turns, job.look_turns) * pixels_of(job, (frames.stop,), firsts)
    left = sum(pixels_of(job, (later,), firsts) for later in to_do[to_do.index(first.index) + 1 :])
    return first.seconds / spent * (left + twice)


def _finish(
    job: Job, store: FrameStore, shots: tuple[Shot, ...], notes: tuple[str, ...], waits: Waits, began: float
) -> ClipResult:
    """Write the sheet and the report from the finished frames, beside the film."""
    clip, options = job.clip, job.settings.output
    number = clip.selection.number
    records = tuple(FrameRecord.from_dict(store.record(known)) for known in clip.selection.numbers)
    if options.sheet:
        _write_sheet(job, store)
    stretches = tuple((number(shot.start), number(shot.stop - 1)) for shot in shots)
    devices = tuple(_devices(records[shot.start - shots[0].start : shot.stop - shots[0].start]) for shot in shots)
    turn = store.finished_backwards(shots[-1].index, shots[-1].stop)
    visible = 1.0 if turn is None else turn["visible"]
    warnings = (
        *source_warnings(clip.info, job.reading, job.film_bits, job.delivery.has_alpha),
        *device_warnings(stretches, devices),
        *frame_warnings(clip.info, records),
        *loop_warnings(visible),
        *job.notes,
        *notes,
    )
    result = ClipResult(
        source=clip.source,
        output=clip.output,
        styles=tuple(read.style for read in job.styles),
        settings=job.settings,
        rate=clip.info.rate,
        width=job.size[1],
        height=job.size[0],
        shots=stretches,
        frames=records,
        seconds=time.perf_counter() - began,
        waits=waits,
        devices=devices,
        warnings=warnings,
        looks=tuple(told_shots(job)),
    )
    if options.report:
        write_report(Path(options.report).absolute(), [describe_result(result)], result.seconds, store.folder)
    return result


def _devices(records: Iterable[FrameRecord]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(record.device for record in records if record.device))


def _write_sheet(job: Job, store: FrameStore) -> None:
    frames = job.clip.frames
    columns = min(COLUMNS, len(frames))
    wanted = sorted({frames[round(place)] for place in np.linspace(0, len(frames) - 1, columns)})
    decoded = job.watch.over(read_frames(job.clip.selection, job.analysis_options))
    sources = {frame.index: frame.picture.fitted(job.size) for frame in decoded if frame.index in wanted}
    number = job.clip.selection.number
    with job.regions() as regions:
        seen = [
            as_seen(job, index, store.picture(number(index)), source, regions(index))
            for index, source in sources.items()
        ]
    pairs = [(to_8_bits(before), to_8_bits(after)) for before, after in seen]
    labels = [str(number(index)) for index in sources]
    write_sheet(Path(job.settings.output.sheet).absolute(), pairs, labels, store.folder)
