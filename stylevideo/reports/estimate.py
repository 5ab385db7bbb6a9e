"""What is known of a clip before it is painted. Loads no PyTorch: it is told to who hands work out."""

from __future__ import annotations

from dataclasses import dataclass

from stylevideo.settings.curves import LookTurn
from stylevideo.timeline.clip import Shot
from stylevideo.work import Work

TYPICAL_NEW = 0.02
"""Part of a frame that is new, where nobody has looked."""


@dataclass(frozen=True)
class Survey:
    """What a clip's frames ask for, whatever size they are painted at.

    Attributes:
        shots: all of them.
        still: part of the frames that follow another whose source stands still, 0..1.
        new: of some of the others, which part of the frame is new, 0..1.
        painted: part of the film's area that lies between no bars, 0..1.
        look_turns: where one whole look turns into another.
    """

    shots: tuple[Shot, ...]
    still: float = 0.0
    new: tuple[float, ...] = (TYPICAL_NEW,)
    painted: float = 1.0
    look_turns: tuple[LookTurn, ...] = ()


@dataclass(frozen=True)
class Estimate:
    """What is known of a clip that passed all checks.

    Attributes:
        frames: how many will be made, those included that are finished.
        width, height: of the film, pixels.
        finished: frames that an interrupted run has made.
        work: that remains.
        bytes_needed: of disk space, most of it until the film is complete.
        device: in words.
        memory_bytes: at most, while it is painted.
        source_size: height and width of the source.
        survey: of its frames, as far as they were looked at.
        shots: what each shot is given, as sentences, where some have looks of their own and all were found.
        style_clips: of each clip that is a style, how many of its pictures are used and how, as a sentence.
    """

    frames: int
    width: int
    height: int
    finished: int
    work: Work
    bytes_needed: int
    device: str
    memory_bytes: int = 0
    source_size: tuple[int, int] = (0, 0)
    survey: Survey | None = None
    shots: tuple[str, ...] = ()
    style_clips: tuple[str, ...] = ()

    @property
    def pixels(self) -> float:
        """VGG evaluations that remain, each times the pixels it sees."""
        return self.work.evaluated_pixels
