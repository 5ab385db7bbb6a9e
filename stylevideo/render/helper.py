"""Helping with a clip that another process makes: painting shots that nobody has into its unfinished work."""

from __future__ import annotations

from contextlib import suppress

from stylevideo.errors import Stopped
from stylevideo.planning.request import ClipRequest
from stylevideo.render.claims import Hooks
from stylevideo.render.disk import check_room
from stylevideo.render.opening import Mode, open_job
from stylevideo.render.painter import Painter
from stylevideo.render.pipeline import Saver
from stylevideo.store.checkpoint import load_palettes, load_shots
from stylevideo.system.device import cpu_threads, memory_context
from stylevideo.system.heartbeat import broken_off_when


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
        with Saver(job, store) as saver, Painter(job, shots, store, stop=stop, palettes=palettes) as painter:
            for shot in shots[first_shot:]:
                if store.is_complete(shot.index):
                    continue
                if stop() or not hooks.claims.take(shot.index):
                    break
                if store.is_complete(shot.index):  # by somebody who died before it could say so
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
        return tuple(shot.index for shot in shots[first_shot:] if store.is_complete(shot.index))
