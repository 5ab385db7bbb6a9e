"""What each task means: checking or making a clip, or painting shots of one; loads PyTorch."""

from __future__ import annotations

from collections.abc import Callable

from stylevideo.batch.messages import Check, CheckDone, Make, MakeDone, Paint, PaintDone, Task
from stylevideo.render.estimate import estimate_clip
from stylevideo.render.hooks import Hooks
from stylevideo.render.shots import paint_free_shots
from stylevideo.render.stylize import make_film
from stylevideo.reports.events import Listener
from stylevideo.system.heartbeat import broken_off_when


def perform(task: Task, on_event: Listener, stop: Callable[[], bool]) -> CheckDone | MakeDone | PaintDone:
    """Do a task.

    Args:
        task: to be done.
        on_event: told of what happens meanwhile.
        stop: asked all the time whether to end early.
    Raises:
        StyleVideoError, Stopped: it ended without an answer.
    """
    request, hooks = task.request, Hooks(on_event, stop)
    match task:
        case Check():
            with broken_off_when(stop):
                return CheckDone(estimate_clip(request, task.to_be_made, task.closely))
        case Make():
            return MakeDone(make_film(request, hooks, task.alone))
        case Paint():
            paint_free_shots(request, hooks)
            return PaintDone()
