"""Records of frames, and the result of a clip.

Plain values without pictures, so that a long film's records stay small.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylevideo.engine.frame_losses import FrameLosses
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style
from stylevideo.timeline.selection import FrameSelection

if TYPE_CHECKING:
    from stylevideo.engine.sequence import PaintedFrame


class Status(Enum):
    """What became of a clip."""

    MADE = "made"
    ALREADY_MADE = "already made"
    FAILED = "failed"
    STOPPED = "stopped"
    """Begun, and ended early because the run was: its finished frames are kept."""
    NOT_BEGUN = "not begun"

    @property
    def has_film(self) -> bool:
        """Whether the film is there."""
        return self in (Status.MADE, Status.ALREADY_MADE)


@dataclass(frozen=True)
class FrameRecord:
    """What is reported of a frame.

    Attributes:
        number: as the user counts it.
        iterations: VGG evaluations (forward and backward) it cost; the first frame of a looped film's turn
            bears those of making the last frames backwards too.
        seconds: wall time it took, likewise.
        redone: whether the guard had it done a second time.
        repaired: whether its source could not be decoded and the last good frame stood in.
        notes: what was not as it should be in its source's file, as sentences.
        losses: as last evaluated.
        device: the model of what painted it; "" where nothing is painted.
    """

    number: int
    iterations: int
    seconds: float
    redone: bool
    repaired: bool
    losses: FrameLosses
    notes: tuple[str, ...] = ()
    device: str = ""

    @classmethod
    def of(cls, selection: FrameSelection, result: PaintedFrame, device: str) -> FrameRecord:
        """The record of one of these frames, which this model of device painted."""
        return cls(
            number=selection.number(result.index),
            iterations=result.iterations,
            seconds=round(result.seconds, 3),
            redone=result.redone,
            repaired=result.repaired,
            losses=result.losses,
            notes=result.notes,
            device=device,
        )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> FrameRecord:
        """The record whose `dataclasses.asdict` this is."""
        return cls(**{**values, "losses": FrameLosses(**values["losses"]), "notes": tuple(values["notes"])})


@dataclass(frozen=True)
class Waits:
    """How long a run's painting stood still: seconds.

    Attributes:
        for_frames: until the next frame was decoded and its motion found.
        for_saving: until a finished frame was copied from the device and the queue had room for it.
        for_film: after the last frame, until all were saved and the film was complete.
        for_others: until other workers had painted the shots that they had taken; no part of `share`.
        of: the whole time from the first frame's beginning to the complete film.
    """

    for_frames: float
    for_saving: float
    for_film: float
    for_others: float
    of: float

    @property
    def share(self) -> float:
        """The part of the time, 0..1, in which nothing was painted although there was something to paint."""
        return (self.for_frames + self.for_saving + self.for_film) / self.of


@dataclass(frozen=True)
class ClipResult:
    """A film that is complete.

    Attributes:
        source: the clip.
        output: the film.
        styles: what it was repainted with.
        settings: of the whole job.
        rate: of the source, frames a second.
        width, height: the film's size in pixels.
        shots: the first and the last frame's number of each of the source's shots.
        frames: a record of each frame, those of an interrupted run included.
        seconds: wall time of this run.
        waits: how much of it the painting waited for all else.
        devices: of each shot, the models of devices that painted it, of which some may have been on other machines.
        warnings: what the user should know, as sentences.
        looks: what each shot was given, as sentences, where some had looks of their own.
    """

    source: Path
    output: Path
    styles: tuple[Style, ...]
    settings: Settings
    rate: Fraction
    width: int
    height: int
    shots: tuple[tuple[int, int], ...]
    frames: tuple[FrameRecord, ...]
    seconds: float
    waits: Waits
    devices: tuple[tuple[str, ...], ...]
    warnings: tuple[str, ...]
    looks: tuple[str, ...] = ()

    @property
    def device(self) -> str:
        """The models of devices that painted the film; "" where nothing is painted."""
        return "; ".join(dict.fromkeys(chain.from_iterable(self.devices)))

    @property
    def evaluations(self) -> int:
        """VGG evaluations (forward and backward) that the whole film cost, at any scale."""
        return sum(record.iterations for record in self.frames)

    @property
    def mean_loss(self) -> float:
        """Mean over painted frames of the loss without its temporal term, as the optimiser saw it, margin included."""
        painted = [record.losses.appearance for record in self.frames if record.losses.total]
        return statistics.fmean(painted) if painted else 0.0
