"""What each task means: checking, making, or helping with a clip; loads PyTorch."""

from __future__ import annotations

from collections.abc import Callable

from stylevideo.batch.messages import Check, CheckDone, Help, HelpDone, Make, MakeDone, Task
from stylevideo.render.claims import Claims, Hooks
from stylevideo.render.estimate import estimate_clip
from stylevideo.render.shots import help_make
from stylevideo.render.stylize import make_film
from stylevideo.reports.events import Listener
from stylevideo.system.heartbeat import broken_off_when


def perform(
    task: Task, on_event: Listener, claims: Claims, stop: Callable[[], bool]
) -> CheckDone | MakeDone | HelpDone:
    """Do a task.

    Args:
        task: to be done.
        on_event: told of what happens meanwhile.
        claims: asked before each shot.
        stop: asked all the time whether to end early.
    Raises:
        StyleVideoError, Stopped: it ended without an answer.
    """
    request, hooks = task.request, Hooks(on_event, stop, claims)
    match task:
        case Check():
            with broken_off_when(stop):
                return CheckDone(estimate_clip(request, task.to_be_made, task.closely))
        case Make():
            return MakeDone(make_film(request, hooks))
        case Help():
            return HelpDone(help_make(request, task.first_shot, hooks))
