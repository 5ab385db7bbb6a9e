"""Helping with a clip that another process makes: painting shots that nobody has into its unfinished work."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress

from stylevideo.errors import Stopped
from stylevideo.planning.request import ClipRequest
from stylevideo.render.claims import Hooks
from stylevideo.render.disk import check_room
from stylevideo.render.opening import Mode, open_job
from stylevideo.render.painter import Painter
from stylevideo.render.pipeline import Saver
from stylevideo.store.checkpoint import load_palettes, load_shots
from stylevideo.store.frames import FrameStore
from stylevideo.system.background import POLL_S
from stylevideo.system.device import cpu_threads, memory_context
from stylevideo.system.heartbeat import beat, broken_off_when
from stylevideo.timeline.clip import Shot

logger = logging.getLogger(__name__)


def help_make(request: ClipRequest, first_shot: int, hooks: Hooks) -> tuple[int, ...]:
    """Paint shots of a clip that another process makes with `make_film`; their frames go into its store.

    Args:
        request: as `make_film` was given it, but for the device.
        first_shot: index of the shot to begin with; goes on from there until one is somebody else's.
        hooks: told of each frame that is safe.
    Returns:
        Indices of the shots from there on that are now complete, whoever painted them.
    Raises:
        ResumeError: there is nothing to help with: it goes by without, or frames made here would be others.
        StyleVideoError: as `stylize`; what was made stays.
    """
    stop, threads = hooks.stop, cpu_threads(request.settings.optimizer.threads)
    lack = memory_context(f"There is too little memory to help with {request.source.name}.")
    with broken_off_when(stop), threads, lack:
        job = open_job(request, Mode.HELP)
        store = job.store
        assert store is not None, "it was joined"
        shots = load_shots(store) or ()
        palettes = load_palettes(store)
        with (
            store.claims,
            Saver(job, store) as saver,
            Painter(job, shots, store, stop=stop, palettes=palettes) as painter,
        ):
            for shot in shots[first_shot:]:
                if store.is_complete(shot.index):
                    continue
                if stop() or not hooks.claims.take(shot.index):
                    break
                if not _take(store, shot, stop):
                    continue
                check_room(job)
                with suppress(Stopped):
                    for made in painter.paint(shot):
                        saver.add(made)
                        saver.tell_saved(hooks.on_event)
                        if not made.ends_shot:
                            check_room(job)
                        if stop():
                            break
            saver.finish()
            saver.tell_saved(hooks.on_event)
        complete = store.complete_shots()
        return tuple(shot.index for shot in shots[first_shot:] if shot.index in complete)


def _take(store: FrameStore, shot: Shot, stop: Callable[[], bool]) -> bool:
    """Claim a shot, after a wait where a process of somebody else paints it; whether there is any of it left to paint.

    Raises:
        ResumeError: the work is gone.
    """
    is_told = False
    while not store.take(shot.index):
        if store.is_complete(shot.index) or stop():
            return False
        if not is_told:
            logger.info("Shot %d is painted by %s. Waiting for it.", shot.index + 1, store.claims.holder(shot.index))
            is_told = True
        beat()
        time.sleep(POLL_S)
    return True
