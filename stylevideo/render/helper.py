"""Helping with a clip that another process makes: painting shots that nobody has into its unfinished work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from stylevideo.errors import Stopped
from stylevideo.render.claims import Claims
from stylevideo.render.disk import check_room
from stylevideo.render.job import fingerprint
from stylevideo.render.memory import FALLBACK_NAME
from stylevideo.render.painter import Painter
from stylevideo.render.pipeline import Saver
from stylevideo.render.preflight import prepare
from stylevideo.reports.events import Listener
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style
from stylevideo.store.checkpoint import load_shots
from stylevideo.store.frames import FrameStore, read_note
from stylevideo.system.device import cpu_threads, memory_context
from stylevideo.system.heartbeat import broken_off_when


def help_stylize(
    source: Path,
    styles: Sequence[Style],
    output: Path,
    settings: Settings,
    first_shot: int,
    claims: Claims,
    on_event: Listener = lambda event: None,
    stop: Callable[[], bool] = lambda: False,
) -> tuple[int, ...]:
    """Paint shots of a clip that another process makes into a film with `stylize`; their frames go into its store.

    Args:
        source, styles, output, settings: as `stylize` was given them, but for the device; paths are absolute.
        first_shot: index of the shot to begin with; goes on from there until one is somebody else's.
        claims: asked before each shot.
        on_event: told of each frame that is safe.
        stop: as for `stylize`.
    Returns:
        Indices of the shots from there on that are now complete, whoever painted them.
    Raises:
        ResumeError: there is nothing to help with: it goes by without, or frames made here would be others.
        StyleVideoError: as `stylize`; what was made stays.
    """
    with broken_off_when(stop), cpu_threads(settings.optimizer.threads):
        given_up = read_note(output, FALLBACK_NAME) or {}
        with memory_context(f"There is too little memory to help with {source.name}."):
            job = prepare(source, styles, output, settings.with_values(**given_up))
            store = FrameStore(output, fingerprint(job), join=True)
            shots = load_shots(store) or ()
            with Saver(job, store) as saver, Painter(job, shots, store, stop=stop) as painter:
                for shot in shots[first_shot:]:
                    if store.is_complete(shot.index):
                        continue
                    if stop() or not claims.take(shot.index):
                        break
                    if store.is_complete(shot.index):  # by somebody who died before it could say so
                        continue
                    with suppress(Stopped):
                        for made in painter.paint(shot):
                            saver.add(made)
                            check_room(job)
                            saver.tell_saved(on_event)
                            if stop():
                                break
                saver.finish()
                saver.tell_saved(on_event)
            return tuple(shot.index for shot in shots[first_shot:] if store.is_complete(shot.index))
