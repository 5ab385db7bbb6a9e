"""A film's shots: found once, then painted by whoever has claimed them, into work that several processes share."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from stylevideo.engine.given.loop import with_one_picture
from stylevideo.errors import RequestError, Stopped
from stylevideo.media.decode.shots import detect_shots
from stylevideo.ops.color import Palette
from stylevideo.planning.request import ClipRequest
from stylevideo.render.disk import check_room
from stylevideo.render.hooks import Hooks
from stylevideo.render.job import Job
from stylevideo.render.opening import Mode, open_job, remember_asked
from stylevideo.render.painter import Made, Painter
from stylevideo.render.pipeline import Saver
from stylevideo.render.styles import ShotPalettes
from stylevideo.reports.events import Listener, Planned
from stylevideo.store.checkpoint import load_palettes, load_shots, next_indices, read_shots, save_palettes, save_shots
from stylevideo.store.claims import discard, holders
from stylevideo.store.frames import FrameStore, completed_shots
from stylevideo.system.background import POLL_S
from stylevideo.system.device import cpu_threads, describe, memory_context
from stylevideo.system.heartbeat import beat, broken_off_when
from stylevideo.timeline.clip import Shot

logger = logging.getLogger(__name__)

Order = Callable[[Job, FrameStore, tuple[Shot, ...]], Iterator[Shot | None]]
"""Which shots are painted, of all of a film's, and when: each once this process has claimed it; None where there is
nothing to do for now but to wait for others."""


def detect(job: Job, stop: Callable[[], bool] = lambda: False) -> tuple[tuple[Shot, ...], tuple[Palette | None, ...]]:
    """The clip's shots, and their palettes where the styles' are fitted to them."""
    settings = job.settings.shots
    if not job.paints:
        settings = replace(settings, bars="paint", fades="paint")  # nobody asks what is a picture
    find = partial(detect_shots, job.clip.selection, settings)
    with job.watch.guard():
        is_fitted = any(settings.colors.color == "match" for settings in job.all_settings) and job.paints
        together = job.settings.colors.palette == "film"
        palettes = ShotPalettes(together) if is_fitted and job.palette is None else None
        if palettes:
            shots = find(replace(job.reading, bits=8), stop, job.size, palettes.look)
        else:
            shots = find(job.analysis_options, stop, job.size)
    shots = with_one_picture(shots, job.settings.temporal)
    return shots, palettes.of(shots) if palettes else (job.palette,) * len(shots) if job.palette and is_fitted else ()


def remembered_shots(store: FrameStore, job: Job, stop: Callable[[], bool]) -> tuple[Shot, ...]:
    """A film's shots as the store has them, where they are kept if they have to be found first."""
    shots = load_shots(store)
    if shots is None:
        shots, palettes = detect(job, stop)
        if job.tables:
            _remember_looks(store, job, shots)
        if palettes:
            save_palettes(store, palettes)  # first: where there are shots, there are palettes
        save_shots(store, shots)
    return shots


def _remember_looks(store: FrameStore, job: Job, shots: tuple[Shot, ...]) -> None:
    """Keep what frames are asked for, once shots are found; where tables do not fit these, leave nothing.

    Raises:
        InputError: see `Job.in_shots`.
    """
    try:
        remember_asked(store, job.in_shots(shots))
    except RequestError:
        discard(job.places)
        raise


def announce(job: Job, store: FrameStore, shots: tuple[Shot, ...], on_event: Listener) -> list[int]:
    """Tell the plan; returns the indices of the frames that are to be made.

    Args:
        job: of the film.
        store: knows what is finished.
        shots: that this process is to see painted.
        on_event: is told.
    """
    following = next_indices(store, shots, job.size)
    unfinished = tuple(shot for shot in shots if following[shot] < shot.stop)
    to_do = [index for shot in unfinished for index in range(following[shot], shot.stop)]
    height, width = job.size
    finished = sum(shot.stop - shot.start for shot in shots) - len(to_do)
    on_event(Planned(job.clip, width, height, shots, unfinished, describe(job.device), finished, job.look_turns))
    return to_do


def shots_to_paint(store: FrameStore, shots: Sequence[Shot], require_more: Callable[[], None]) -> Iterator[Shot | None]:
    """Every shot that nobody else has, and in the end those that others did not complete.

    Args:
        store: says which are complete, and claims those that are painted.
        shots: those that shall be complete in the end.
        require_more: called where one is done and frames are missing; raises where there shall be no more.
    Yields:
        See `Order`.
    """
    complete = store.complete_shots()
    left = [shot for shot in shots if shot.index not in complete]
    is_told = False
    while left:
        painted = set()
        for shot in left:
            if store.take(shot.index):
                painted.add(shot)
                yield shot
                if shot is not left[-1]:
                    require_more()
        complete = store.complete_shots()
        left = [shot for shot in left if shot not in painted and shot.index not in complete]
        if left:
            require_more()
            if not is_told and (holder := store.claims.holder(left[0].index)):
                logger.info("Shot %d is painted by %s. Waiting for it.", left[0].index + 1, holder)
                is_told = True
            yield None


def require_more(job: Job, stop: Callable[[], bool]) -> None:
    """End work where frames are missing, and there is no room for them or no wish; all that is painted becomes a film.

    Raises:
        StorageError: the disk is nearly full.
        Stopped: because of `stop`.
    """
    check_room(job)
    if stop():
        raise Stopped


def paint_free_shots(request: ClipRequest, hooks: Hooks) -> None:
    """Paint shots of a film that another process makes with `make_film`, those that nobody has, and wait for none.

    Args:
        request: as `make_film` was given it, but for the device.
        hooks: told of each frame that is safe.
    Raises:
        ResumeError: the work goes by without, or frames made here would be others.
        StyleVideoError: as `stylize`; what was made stays.
    """
    taken = completed_shots(request.places) | holders(request.places).keys()
    if all(shot.index in taken for shot in read_shots(request.places) or ()):  # before anything is loaded for it
        return

    def free(job: Job, store: FrameStore, shots: tuple[Shot, ...]) -> Iterator[Shot]:
        for shot in shots:
            require_more(job, hooks.stop)
            if not store.is_complete(shot.index) and store.take(shot.index):
                yield shot

    _paint(request, free, hooks, f"There is too little memory to paint a shot of {request.source.name} beside others.")


def paint_shots(request: ClipRequest, choose: Callable[[tuple[Shot, ...]], tuple[Shot, ...]], hooks: Hooks) -> None:
    """See that shots of a film that was planned are complete: paint those that nobody has, wait for the others.

    Args:
        request: the film.
        choose: those of all shots that are meant.
        hooks: told of the shots, and of each frame that is safe.
    Raises:
        ResumeError: the work is gone, or was begun as another film.
        UnlikeError: frames made here would be others.
        Stopped: because of `hooks.stop`; what was made stays.
        StyleVideoError: as `stylize`; likewise.
    """

    def chosen(job: Job, store: FrameStore, shots: tuple[Shot, ...]) -> Iterator[Shot | None]:
        own = choose(shots)
        announce(job, store, own, hooks.on_event)
        yield from shots_to_paint(store, own, partial(require_more, job, hooks.stop))

    lack = f"There is too little memory here for {request.source.name} as it was planned. Leave it to larger machines."
    shots, complete = _paint(request, chosen, hooks, lack)
    if not complete.issuperset(shot.index for shot in choose(shots)):
        raise Stopped


def _paint(request: ClipRequest, order: Order, hooks: Hooks, lack: str) -> tuple[tuple[Shot, ...], frozenset[int]]:
    """Paint shots into work that was begun, as long as nobody wants this process to stop.

    Args:
        request: the film.
        order: of the shots.
        hooks: see `Hooks`.
        lack: what to say where there is too little memory.
    Returns:
        All of the film's shots, and the indices of those that are complete, whoever painted them.
    """
    threads = cpu_threads(request.settings.optimizer.threads)
    with broken_off_when(hooks.stop), threads, memory_context(lack):
        job = open_job(request, Mode.JOIN)
        store = job.store
        assert store is not None, "it was joined"
        shots, palettes = load_shots(store) or (), load_palettes(store)
        job = job.in_shots(shots)
        with (
            store.claims,
            Saver(job, store) as saver,
            Painter(job, shots, store, stop=hooks.stop, palettes=palettes) as painter,
        ):
            with suppress(Stopped):
                for shot in order(job, store, shots):
                    if shot is None:
                        saver.require_saved()
                        beat()
                        time.sleep(POLL_S)
                    else:
                        _paint_one(job, painter.paint(shot), saver, hooks)
                    saver.tell_saved(hooks.on_event)
            saver.finish()
            saver.tell_saved(hooks.on_event)
        return shots, store.complete_shots()


def _paint_one(job: Job, frames: Iterable[Made], saver: Saver, hooks: Hooks) -> None:
    check_room(job)
    for made in frames:
        saver.add(made)
        saver.tell_saved(hooks.on_event)
        if not made.ends_shot:
            require_more(job, hooks.stop)
