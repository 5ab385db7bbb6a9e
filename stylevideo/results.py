"""What a job tells while it runs and when it is done: events, records, the result and its report.

Plain values without pictures, so that a long film's records stay small.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from stylevideo.engine.loop import MEETING
from stylevideo.engine.objective import FrameLosses
from stylevideo.engine.sequence import FrameResult
from stylevideo.media.colors import conversion_notes, reads_as_bt709
from stylevideo.media.images.pictures import Reading
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style
from stylevideo.text import counted
from stylevideo.timeline.clip import Clip, Shot, VideoInfo

SHOWN_NUMBERS = 10


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
    """

    number: int
    iterations: int
    seconds: float
    redone: bool
    repaired: bool
    losses: FrameLosses
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, info: VideoInfo, result: FrameResult) -> FrameRecord:
        """The record of a result of this clip."""
        return cls(
            number=info.number(result.index),
            iterations=result.iterations,
            seconds=round(result.seconds, 3),
            redone=result.redone,
            repaired=result.repaired,
            losses=result.losses,
            notes=result.notes,
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
        device: in words.
        warnings: what the user should know, as sentences.
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
    device: str
    warnings: tuple[str, ...]

    @property
    def evaluations(self) -> int:
        """VGG evaluations (forward and backward) that the whole film cost, at any scale."""
        return sum(record.iterations for record in self.frames)

    @property
    def mean_loss(self) -> float:
        """Mean over the frames of the loss without its temporal term, as the optimiser saw it, margin included."""
        return statistics.fmean(record.losses.appearance for record in self.frames)


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
        shots: all of them.
        unfinished: those of which frames are to be made.
        device: in words.
        finished: frames that an interrupted run has already made.
    """

    clip: Clip
    width: int
    height: int
    shots: tuple[Shot, ...]
    unfinished: tuple[Shot, ...]
    device: str
    finished: int


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


def source_warnings(info: VideoInfo, reading: Reading, film_bits: int, film_alpha: bool) -> Iterator[str]:
    """Sentences on what of the source the film cannot have, or was taken for.

    Args:
        info: of the source.
        reading: how it was read.
        film_bits: bits a channel that the film has.
        film_alpha: whether the film's form has an alpha channel.
    """
    if min(film_bits, reading.bits) < info.bits and not info.is_linear:
        yield (
            f"The source has {info.bits} bits a channel ({info.pixel_format}); the film has {film_bits}. "
            "A --delivery with more keeps more."
        )
    if info.has_alpha and reading.alpha == "drop":
        yield "The source has an alpha channel; the film has none. Choose ffv1, prores-4444 or PNG files to keep it."
    if reading.alpha == "premultiply" and not film_alpha:
        yield (
            "The film has no alpha channel: it shows the colours multiplied with the source's, as over black. "
            "Choose ffv1, prores-4444 or PNG files to keep it."
        )
    if info.is_linear and reading.bits < 32 and reading.is_displayed:
        shown = " and ".join(f'"{name}"' for name in (reading.display, reading.display_view) if name)
        yield f"The source is scene-linear light; the film shows it by OpenColorIO's {shown}."
    elif info.is_linear and reading.bits < 32:
        yield "The source is scene-linear light; in the film everything brighter than white is white."
    if info.interlaced and not reading.deinterlace:
        yield "The source is interlaced and its fields were taken as they are. Add --deinterlace to make whole frames."
    if reading.tonemap:
        yield f"The source is HDR ({info.transfer}); it was brought down to bt709."
    yield from conversion_notes(info)
    if reads_as_bt709(info):
        yield "The source does not say which colour matrix it uses; it was taken for bt709, as is usual for HD."


def frame_warnings(info: VideoInfo, records: Sequence[FrameRecord]) -> Iterator[str]:
    """Sentences on frames of a clip that did not go as they should."""
    repaired = [record.number for record in records if record.repaired]
    missing = sorted(set(info.missing).intersection(repaired))
    damaged = [number for number in repaired if number not in missing]
    if missing:
        yield f"{counted(len(missing), 'frame')} had no file; the last good frame stands in: {_listed(missing)}."
    if damaged:
        count = counted(len(damaged), "frame")
        yield f"{count} could not be decoded; the last good frame stands in: {_listed(damaged)}."
    redone = [record.number for record in records if record.redone]
    if redone:
        count = counted(len(redone), "frame")
        yield f"{count} came out far worse than the frames around and had to be done again: {_listed(redone)}."
    yield from dict.fromkeys(note for record in records for note in record.notes)


def loop_warnings(visible: float) -> Iterator[str]:
    """A sentence on a loop that cannot close, by the part of the source's last frame that its first shows too."""
    if visible < MEETING:
        yield (
            f"The source's last frame does not lead into its first (which shows {visible:.0%} of it): "
            "the film will jump where the loop closes."
        )


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers[:SHOWN_NUMBERS])) + (", …" if len(numbers) > SHOWN_NUMBERS else "")
