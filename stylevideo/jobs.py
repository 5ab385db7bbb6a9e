"""One clip, from source to film: everything is checked first, then frames are made, kept and written.

The path of a frame stands in `stylize` and `_stylize_frames`. Tells what happens through events; prints nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch

from stylevideo.checkpoint import as_tensor, fingerprint, load_state
from stylevideo.errors import (
    DecodeError,
    DeviceMemoryError,
    EncodeError,
    InputError,
    Stopped,
    StorageError,
    frame_context,
)
from stylevideo.fallback import FALLBACK_NAME, in_words, next_fallback
from stylevideo.film import displayed
from stylevideo.identity import request_key
from stylevideo.line import Line
from stylevideo.loop import MEETING, Turn, state_before_turn, turning_frames
from stylevideo.media.leftovers import REQUEST_NAME, throw_away
from stylevideo.media.lock import sole_run
from stylevideo.media.pictures import fit_picture, to_8_bits, to_image, to_picture
from stylevideo.media.read_ahead import Stopwatch, read_ahead
from stylevideo.media.reader import read_frames
from stylevideo.media.sheet import COLUMNS, write_sheet
from stylevideo.media.store import FrameStore, finished_frames, forgive, note, recall
from stylevideo.models.device import cpu_threads, describe, memory_context
from stylevideo.motion import Frame, Motion, earliest_reference, with_motion
from stylevideo.outputs import check_names
from stylevideo.preparation import Job, prepare
from stylevideo.prospect import check_room, check_space, pixels_of
from stylevideo.report import describe_result, write_report
from stylevideo.results import (
    Checked,
    ClipResult,
    Forecast,
    FrameFinished,
    FrameRecord,
    Listener,
    Planned,
    Waits,
    frame_warnings,
    loop_warnings,
    source_warnings,
)
from stylevideo.settings import Settings, Style
from stylevideo.shots import detect_shots
from stylevideo.styles import style_targets
from stylevideo.targets import StyleTargets
from stylevideo.temporal import (
    FrameResult,
    Pull,
    Reference,
    SequenceState,
    as_reference,
    leave_as_they_are,
    stylize_sequence,
)
from stylevideo.timeline import Shot

logger = logging.getLogger(__name__)

READ_AHEAD_FRAMES = 2
TURN_NAME = "turn"
"""Under this name a store remembers a turn that is complete."""

Made = tuple[FrameResult, SequenceState]
"""A frame, and the state to go on from."""


def stylize(
    source: str | Path,
    styles: Sequence[str | Path | Style],
    output: str | Path,
    settings: Settings | None = None,
    on_event: Listener = lambda event: None,
    stop: Callable[[], bool] = lambda: False,
) -> ClipResult:
    """Stylise a clip and write it as a film with its original sound.

    An interrupted run is gone on with when it is started again with the same arguments; the film is then
    the same, byte for byte on the same CPU, as that of an uninterrupted one.

    Args:
        source: a video file; or an image sequence: its pattern, such as `shot.####.exr`, or its folder.
        styles: at least one picture, or `Style(path, weight)`.
        output: the film: a video file, or a pattern of an image sequence; see `stylevideo.media.delivery`.
        settings: `Settings()`, which is the preset "standard", if not given.
        on_event: told of the plan, of the forecast, and of each frame once it is safe on disk; in this thread, so
            when the next one is made.
        stop: asked between frames whether to end early.
    Raises:
        InputError, SettingsError, DeviceError: something cannot be done as asked; nothing was begun.
        ResumeError: an interrupted run's frames were made from something else.
        LockedError: another run is making this film.
        Stopped: because of `stop`; the finished frames are kept.
        DecodeError, EncodeError, StorageError, DeviceMemoryError: it went wrong on the way; the finished frames
            are kept. (InputError where the source turned out to be odd before there were any.)
    """
    settings = settings or Settings()
    output = Path(output).absolute()
    check_names(output, settings.output)
    source = Path(source).absolute()
    with sole_run(output), cpu_threads(settings.optimizer.threads):
        given_up = {} if settings.output.restart else recall(output, FALLBACK_NAME) or {}
        while True:
            try:
                return _stylize(source, styles, output, settings, given_up, on_event, stop)
            except DeviceMemoryError as error:
                eased = settings.with_values(**given_up)
                with memory_context(str(error)):
                    more = next_fallback(eased, partial(_long_edge, source, styles, output, eased))
                if more is None:
                    raise
                logger.warning("%s Going on with %s.", error, more)
            # Only here the error, and with it all that it holds of the device's memory, is gone.
            given_up = {**given_up, **more}
            _make_way(output, given_up, more)


def _long_edge(source: Path, styles: Sequence[str | Path | Style], output: Path, settings: Settings) -> int:
    return max(prepare(source, styles, output, settings).size)


def _make_way(output: Path, given_up: Mapping[str, Any], more: Mapping[str, Any]) -> None:
    """Prepare what an attempt left for one that does without more; frames of another size are of no use to it."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if "size" in more:
        throw_away(output)
    else:
        note(output, FALLBACK_NAME, given_up)


def _stylize(
    source: Path,
    styles: Sequence[str | Path | Style],
    output: Path,
    settings: Settings,
    given_up: Mapping[str, Any],
    on_event: Listener,
    stop: Callable[[], bool],
) -> ClipResult:
    """`stylize`, while no other run works on the film."""
    began = time.perf_counter()
    with memory_context(f"There is too little memory for {source.name}. Reduce it first, or find a larger machine."):
        job = prepare(source, styles, output, settings.with_values(**given_up))
    anew = settings.output.restart and not given_up
    check_space(job, 0 if anew else finished_frames(output))
    if "precision" in given_up:  # the frames that were made before it was given up stay
        forgive(output, {"convolution_dtype": str(torch.bfloat16)})
    store = FrameStore(output, fingerprint(job), anew)
    if given_up:
        store.remember(FALLBACK_NAME, given_up)
        asked = request_key(source, [read.style for read in job.styles], settings)
        job = replace(job, notes=(*job.notes, in_words(given_up)), request=asked)
    store.remember(REQUEST_NAME, job.request)
    on_event(Checked(job.clip))
    try:
        with memory_context(_too_large(job)):
            shots = _remembered_shots(store, job)
            state = load_state(store, job.clip.info, job.device)
            _announce(job, len(shots), state, on_event)
            forecast = None
            with (
                Line(job, store, _next_index(job, state)) as line,
                closing(_stylize_frames(job, shots, state, store, line.waiting_for_frames)) as results,
            ):
                for result, after in _until(stop, job.clip.frames, results):
                    line.add(result, after)
                    check_room(job)
                    if forecast is None and result.iterations:
                        forecast = Forecast(_forecast_seconds(job, shots, result))
                        on_event(forecast)
                    _tell_finished(line, on_event)
                line.finish_frames()
                _tell_finished(line, on_event)
                notes = line.finish_film()
            result_of_clip = _finish(job, store, shots, notes, line.waits(), began)
    except (DecodeError, DeviceMemoryError, EncodeError, StorageError, InputError) as error:
        if not store.has_frames:
            store.remove()
            raise
        kind = EncodeError if isinstance(error, InputError) else type(error)  # the input vanished on the way
        raise kind(
            f"{error} The finished frames are kept in {store.folder}: run the same command again to go on from there."
        ) from error
    store.remove()
    return result_of_clip


def _until(stop: Callable[[], bool], frames: range, results: Iterator[Made]) -> Iterator[Made]:
    """The same, unless it is asked to stop while there is more to come."""
    for result, after in results:
        yield result, after
        if stop() and result.index + 1 < frames.stop:
            raise Stopped("It was stopped after the last finished frame.")


def stylize_frames(
    source: str | Path, styles: Sequence[str | Path | Style], settings: Settings | None = None
) -> Iterator[FrameResult]:
    """Stylise a clip frame by frame, without writing anything.

    Args:
        source, styles, settings: as for `stylize`.
    Yields:
        One result per frame, in order.
    Raises:
        InputError, SettingsError, DeviceError: something cannot be done as asked.
        DecodeError: the source cannot be decoded.
    """
    path = Path(source).absolute()
    settings = settings or Settings()
    job = prepare(path, styles, None, settings)
    with (
        cpu_threads(settings.optimizer.threads),
        closing(_stylize_frames(job, _detect(job), None, None)) as results,
    ):
        for result, _ in results:
            yield result


def _next_index(job: Job, state: SequenceState | None) -> int:
    """Of the first frame that is not yet made."""
    return job.clip.frames.start if state is None else state.index + 1


def _tell_finished(line: Line, on_event: Listener) -> None:
    for record in line.saved():
        on_event(FrameFinished(record))


def _stylize_frames(
    job: Job,
    shots: Sequence[Shot],
    state: SequenceState | None,
    store: FrameStore | None,
    waiting_time: Stopwatch | None = None,
) -> Generator[Made, None, None]:
    """Every frame that is not yet made, with the state that follows it; the end of a looped film turns back."""
    frames = job.clip.frames
    begin = _next_index(job, state)
    if begin == frames.stop:
        return
    turning = turning_frames(frames, shots[-1], job.settings.temporal)
    last_moved = None if state is None else state.last_moved
    with closing(read_ahead(_with_motion(job, shots, begin, last_moved), READ_AHEAD_FRAMES, waiting_time)) as prepared:
        targets = style_targets(job.styles, job.vgg, job.settings) if job.vgg else None
        first = None
        for result, after in _made(job, targets, range(begin, turning.start), prepared, state):
            first = as_reference(result) if result.index == frames.start else first
            state = after
            yield result, after
        if not turning:
            return
        assert state is not None and targets is not None, "frames were painted before those that turn"
        turn = _turn(job, targets, turning, first, state, store, waiting_time)
        for result, after in _made(job, targets, range(state.index + 1, frames.stop), prepared, state, turn.pulls()):
            yield _with_cost_of(turn, result) if result.index == turning.start else result, after


def _made(
    job: Job,
    targets: StyleTargets | None,
    indices: Iterable[int],
    prepared: Iterator[tuple[Frame, Motion | None]],
    state: SequenceState | None,
    pulls: Mapping[int, Pull] | None = None,
) -> Iterator[Made]:
    """The frames with these indices, which come next in `prepared`, and no more of it; errors name the frame."""
    if job.vgg and targets:
        results = stylize_sequence(prepared, state, job.vgg, targets, job.settings, pulls)
    else:
        results = leave_as_they_are(prepared)
    for index in indices:
        with frame_context(job.clip.source, job.clip.info.number(index)), memory_context(_too_large(job)):
            made = next(results)
        yield made


def _turn(
    job: Job,
    targets: StyleTargets,
    turning: range,
    first: Reference | None,
    state: SequenceState,
    store: FrameStore | None,
    waiting_time: Stopwatch | None,
) -> Turn:
    """What the last frames shall turn into: as an earlier run left it in the store, or made now, and kept there.

    Args:
        job, targets: of the film.
        turning: the last frames.
        first: the film's first frame; None if an earlier run made it, then it is taken from the store.
        state: after the frame before `turning`, unless the store has the whole turn.
        store: None keeps nothing on disk.
        waiting_time: runs while a frame is waited for.
    """
    kept = store.recall(TURN_NAME) if store else None
    if store and kept is not None:
        pictures = {index: as_tensor(store.turned(job.clip.info.number(index))) for index in kept.pop("indices")}
        return Turn(pictures=pictures, **kept)
    if first is None:
        assert store is not None, "what this run has not made is in the store"
        first = Reference(job.clip.frames.start, as_tensor(store.picture(job.clip.info.number(job.clip.frames.start))))
    logger.info("%s: the last %d frames are first made backwards from the first", job.clip.source.name, len(turning))
    turn = _make_turn(job, targets, turning, state_before_turn(first, state), store, waiting_time)
    if store:
        costs = {"visible": turn.visible, "iterations": turn.iterations, "seconds": turn.seconds}
        store.remember(TURN_NAME, {**costs, "indices": sorted(turn.pictures)})
    return turn


def _make_turn(
    job: Job,
    targets: StyleTargets,
    turning: range,
    state: SequenceState,
    store: FrameStore | None,
    waiting_time: Stopwatch | None,
) -> Turn:
    """Make the last frames backwards, if the source's last frame shows enough of its first."""
    began, iterations, pictures = time.perf_counter(), 0, {}
    with closing(read_ahead(_with_motion_backwards(job, turning), READ_AHEAD_FRAMES, waiting_time)) as prepared:
        with frame_context(job.clip.source, job.clip.info.number(turning[-1])):
            last, motion = next(prepared)
        assert motion is not None, "the last frame follows the first"
        visible = float(motion.visible.mean())
        indices = reversed(turning) if visible >= MEETING else ()
        for result, _ in _made(job, targets, indices, chain([(last, motion)], prepared), state):
            iterations += result.iterations
            pictures[result.index] = as_reference(result).picture.cpu()
            if store:
                store.save_turned(job.clip.info.number(result.index), to_picture(result.image))
    return Turn(visible, pictures, iterations, time.perf_counter() - began)


def _with_cost_of(turn: Turn, result: FrameResult) -> FrameResult:
    """The first frame that is pulled bears the cost of what it is pulled to."""
    return replace(result, iterations=result.iterations + turn.iterations, seconds=result.seconds + turn.seconds)


def _with_motion(
    job: Job, shots: Sequence[Shot], begin: int, last_moved: int | None
) -> Iterator[tuple[Frame, Motion | None]]:
    """The frames from `begin` on, with their motion; those of the shot that they look back at are read too."""
    starts = {shot.start for shot in shots}
    first = begin
    if begin not in starts and last_moved is not None and job.carries:
        shot_start = max(start for start in starts if start <= begin)
        first = min(last_moved, max(shot_start, earliest_reference(begin)))
    frames = _source_frames(job, range(first, job.clip.frames.stop))
    yield from with_motion(frames, job.carries, starts, begin, last_moved)


def _with_motion_backwards(job: Job, turning: range) -> Iterator[tuple[Frame, Motion | None]]:
    """The last frames, last first: its motion from the film's first frame, the others' each from the one after it."""
    first = job.clip.frames.start
    frames = chain(_source_frames(job, range(first, first + 1)), _source_frames_backwards(job, turning))
    yield from with_motion(frames, True, begin=turning.start)


def _source_frames(job: Job, frames: range) -> Iterator[Frame]:
    for source in read_frames(job.clip.info, frames, job.reading):
        picture = source.picture.fitted(job.size)
        yield Frame(source.index, to_image(picture.image), source.repaired, picture.notes)


def _source_frames_backwards(job: Job, frames: range) -> Iterator[Frame]:
    """Decoded forwards, since videos cannot be read backwards, and held with 8 bits until they are used up."""
    sources = read_frames(job.clip.info, frames, job.reading)
    held = [(source.index, to_8_bits(source.picture.fitted(job.size).image), source.repaired) for source in sources]
    while held:
        index, image, repaired = held.pop()
        yield Frame(index, to_image(image), repaired)


def _too_large(job: Job) -> str:
    elsewhere = "find a larger machine" if job.device.type == "cpu" else "use --device cpu"
    return (
        f"{describe(job.device)} has too little memory for {job.size[1]}x{job.size[0]} pixels. "
        f"Choose a smaller --size with --restart, or {elsewhere}."
    )


def _detect(job: Job) -> tuple[Shot, ...]:
    return detect_shots(job.clip.info, job.clip.frames, job.settings.shots, job.looking)


def _remembered_shots(store: FrameStore, job: Job) -> tuple[Shot, ...]:
    remembered = store.recall("shots")
    if remembered is not None:
        return tuple(Shot(**shot) for shot in remembered)
    shots = _detect(job)
    store.remember("shots", [asdict(shot) for shot in shots])
    return shots


def _announce(job: Job, shots: int, state: SequenceState | None, on_event: Listener) -> None:
    finished = 0 if state is None else state.index + 1 - job.clip.frames.start
    on_event(Planned(job.clip, job.size[1], job.size[0], shots, describe(job.device), finished))


def _forecast_seconds(job: Job, shots: Sequence[Shot], first: FrameResult) -> float:
    """Seconds for the frames after `first`, which was painted, at its pace; coarse evaluations count less."""
    frames, firsts = job.clip.frames, {shot.start for shot in shots} | {job.clip.frames.start}
    spent = pixels_of(job, range(first.index, first.index + 1), firsts)
    if first.index not in firsts:
        spent *= first.iterations / job.settings.optimizer.iterations
    turning = turning_frames(frames, shots[-1], job.settings.temporal)
    return (
        first.seconds
        / spent
        * sum(pixels_of(job, later, firsts) for later in (range(first.index + 1, frames.stop), turning))
    )


def _finish(
    job: Job, store: FrameStore, shots: tuple[Shot, ...], notes: tuple[str, ...], waits: Waits, began: float
) -> ClipResult:
    """Write the sheet and the report from the finished frames, beside the film."""
    clip, options = job.clip, job.settings.output
    numbers = [clip.info.number(index) for index in clip.frames]
    records = tuple(FrameRecord.from_dict(store.record(number)) for number in numbers)
    if options.sheet:
        _write_sheet(job, store)
    turn = store.recall(TURN_NAME)
    visible = 1.0 if turn is None else turn["visible"]
    warnings = (
        *source_warnings(clip.info, job.reading, job.film_bits, job.delivery.has_alpha),
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
        shots=tuple((clip.info.number(shot.start), clip.info.number(shot.stop - 1)) for shot in shots),
        frames=records,
        seconds=time.perf_counter() - began,
        waits=waits,
        device=describe(job.device),
        warnings=warnings,
    )
    if options.report:
        write_report(Path(options.report).absolute(), [describe_result(result)], result.seconds)
    return result


def _write_sheet(job: Job, store: FrameStore) -> None:
    frames = job.clip.frames
    columns = min(COLUMNS, len(frames))
    wanted = sorted({frames[round(place)] for place in np.linspace(0, len(frames) - 1, columns)})
    sources = [frame for frame in read_frames(job.clip.info, frames, job.looking) if frame.index in wanted]
    show = partial(displayed, job.clip.info, job.reading)
    numbers = [job.clip.info.number(frame.index) for frame in sources]
    pairs = [
        (show(fit_picture(frame.image, job.size)), to_8_bits(show(store.picture(number))))
        for frame, number in zip(sources, numbers, strict=True)
    ]
    labels = [str(number) for number in numbers]
    write_sheet(Path(job.settings.output.sheet).absolute(), pairs, labels)
