"""Who paints which shots of a clip: alone, or side by side with others."""

from __future__ import annotations

from typing import Protocol


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
