"""What happens while a clip is made, as values for a listener."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stylevideo.reports.results import FrameRecord
from stylevideo.settings.curves import LookTurn
from stylevideo.timeline.clip import Shot
from stylevideo.timeline.selection import Clip


@dataclass(frozen=True)
class Checked:
    """Everything that can be checked has been; the cuts are looked for next, which may take a while.

    Attributes:
        clip: source, film and frames.
        view: what the source's light is painted as; empty where it has none.
    """

    clip: Clip
    view: str = ""


@dataclass(frozen=True)
class Planned:
    """The cuts are known, the work is about to start.

    Attributes:
        clip: source, film and frames.
        width, height: of the film, pixels.
        shots: all of them; where a part of a film is painted, those of the part.
        unfinished: those of which frames are to be made.
        device: in words.
        finished: frames that an interrupted run has already made.
        look_turns: where one whole look turns into another.
    """

    clip: Clip
    width: int
    height: int
    shots: tuple[Shot, ...]
    unfinished: tuple[Shot, ...]
    device: str
    finished: int
    look_turns: tuple[LookTurn, ...] = ()


@dataclass(frozen=True)
class FrameFinished:
    """A frame is made and safe on disk; where several workers paint a clip, in no order."""

    record: FrameRecord


@dataclass(frozen=True)
class Forecast:
    """How long the rest will take, guessed from the first frame."""

    seconds: float


Event = Checked | Planned | FrameFinished | Forecast


Listener = Callable[[Event], None]
