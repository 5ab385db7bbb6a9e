"""What the work on a clip tells and asks its caller."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stylevideo.reports.events import Listener


@dataclass(frozen=True)
class Hooks:
    """What the work on a clip tells and asks its caller.

    Attributes:
        on_event: told of the plan, of the forecast, and of each frame once it is safe on disk; in the painting thread,
            so when the next one is made.
        stop: asked all the time whether to end early; a frame that is begun is finished if it takes a few seconds, else
            its work is broken off.
    """

    on_event: Listener = lambda event: None
    stop: Callable[[], bool] = lambda: False
