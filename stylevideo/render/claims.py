"""What the work on a clip tells and asks its caller; among that, who paints which shots."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from stylevideo.reports.events import Listener


class Claims(Protocol):
    """What one who paints asks before each shot."""

    def take(self, shot: int) -> bool:
        """Whether the shot with this index is now the asker's: nobody else paints it, or will."""

    def was_helped(self) -> bool:
        """Whether anybody else has painted, or was about to, since the asker began."""

    def end_help(self) -> bool:
        """Ask all others to let go of the clip; whether they have."""


class Alone:
    """The claims of somebody whom nobody helps."""

    def take(self, shot: int) -> bool:
        """Every shot is its own."""
        return True

    def was_helped(self) -> bool:
        """Never."""
        return False

    def end_help(self) -> bool:
        """There is none to end."""
        return True


@dataclass(frozen=True)
class Hooks:
    """What the work on a clip tells and asks its caller.

    Attributes:
        on_event: told of the plan, of the forecast, and of each frame once it is safe on disk; in the painting thread,
            so when the next one is made.
        stop: asked all the time whether to end early; a frame that is begun is finished if it takes a few seconds, else
            its work is broken off.
        claims: asked before each shot, where others help to paint the clip.
    """

    on_event: Listener = lambda event: None
    stop: Callable[[], bool] = lambda: False
    claims: Claims = field(default_factory=Alone)
