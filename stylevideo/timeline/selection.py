"""Which frames of a clip are meant: how they are counted, how long each is shown, what users call them.

Knows every step and list, so that what is known of a file need not; reads no files.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from stylevideo.timeline.clip import VideoInfo


@dataclass(frozen=True)
class FrameSelection:
    """The frames of a clip that are meant; each is shown until the next one.

    They are counted so that each one's *index* follows the index of the one before. A range counts in its steps from
    the clip's beginning, and on to its end: of every second frame from index 10 on, the first one has index 5. Without
    a step that is the index in the clip. A list counts from 0, and counts nothing else.

    Attributes:
        info: of the clip.
        chosen: their indices in the clip, ascending, at least one: a range, with a step for every n-th, or a list.
        notes: what could not be chosen as asked, as sentences.
    """

    info: VideoInfo
    chosen: Sequence[int]
    notes: tuple[str, ...] = ()

    @classmethod
    def whole(cls, info: VideoInfo) -> FrameSelection:
        """All frames of a clip."""
        return cls(info, range(info.frame_count))

    @property
    def frames(self) -> range:
        """Their indices."""
        first = self.chosen.start // self.chosen.step if isinstance(self.chosen, range) else 0
        return range(first, first + len(self.chosen))

    @property
    def counted(self) -> Sequence[int]:
        """The index in the clip of each frame that has an index: those meant, and the steps before and after."""
        if isinstance(self.chosen, range):
            return range(self.chosen.start % self.chosen.step, self.info.frame_count, self.chosen.step)
        return self.chosen

    @property
    def leaves_out(self) -> bool:
        """Whether frames of the clip lie between them that are not meant."""
        return not isinstance(self.chosen, range) or self.chosen.step > 1

    def number(self, index: int) -> int:
        """The number by which the user knows a frame."""
        return self.info.number(self.counted[index])

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of them all."""
        return tuple(map(self.info.number, self.chosen))

    @property
    def text(self) -> str:
        """The numbers as `--frames` takes them: `1-48`, `1-47x2`, `7`, or a list."""
        if isinstance(self.chosen, range):
            every = f"x{self.chosen.step}" if self.chosen.step > 1 and len(self.chosen) > 1 else ""
            return _stretch(self.numbers) + every
        runs = itertools.groupby(enumerate(self.numbers), key=lambda place: place[1] - place[0])
        return ",".join(_stretch([number for _, number in run]) for _, run in runs)

    def successor(self, index: int) -> int | None:
        """The index in the clip of the frame up to which this one is shown; None where that is the clip's end.

        That is the next one that is counted. The last one of a list is shown as long as in the clip, the last one of
        every n-th as if there were more.
        """
        if index + 1 < len(self.counted):
            return self.counted[index + 1]
        after = self.counted[index] + (self.chosen.step if isinstance(self.chosen, range) else 1)
        return after if after < self.info.frame_count else None

    def time(self, index: int) -> Fraction:
        """Seconds at which a frame is shown, on the clip's own clock."""
        return self.info.pts[self.counted[index]] * self.info.time_base

    def length(self, index: int) -> Fraction:
        """Seconds for which a frame is shown."""
        after = self.successor(index)
        end = self.info.end_time if after is None else self.info.pts[after] * self.info.time_base
        return end - self.time(index)

    @property
    def repeats(self) -> tuple[int, ...]:
        """How often each frame is written into a film of the clip's constant `rate`.

        All ones for a constant rate of which no frame is left out. Otherwise the sum of the first k values is the time
        of frame k in frames of the film, rounded: no frame is more than half a frame off, and the error does not add
        up. A frame shown for less than half a film frame may be left out (0).
        """
        ends = (*self.chosen, self.successor(self.frames[-1]) or self.info.frame_count)
        ticks = [_film_frames(self.info, ends[0], end) for end in ends]
        return tuple(after - before for before, after in itertools.pairwise(ticks))

    @property
    def files(self) -> tuple[Path | None, ...]:
        """The video file; or each frame's file of a sequence, None where there is none."""
        return tuple(map(self.file, self.frames)) if self.info.is_sequence else (self.info.path,)

    def file(self, index: int) -> Path | None:
        """The file that a frame is read from; None where there is none."""
        return self.info.files[self.counted[index]] if self.info.is_sequence else self.info.path


@dataclass(frozen=True)
class Clip:
    """A job's source and film.

    Attributes:
        source: the video file.
        output: the film to be made.
        selection: the source's frames that are to be stylised.
    """

    source: Path
    output: Path
    selection: FrameSelection

    @property
    def info(self) -> VideoInfo:
        """What is known of the source."""
        return self.selection.info

    @property
    def frames(self) -> range:
        """The indices of the frames, in the selection."""
        return self.selection.frames


def _stretch(numbers: Sequence[int]) -> str:
    return f"{numbers[0]}-{numbers[-1]}" if len(numbers) > 1 else str(numbers[0])


def _film_frames(info: VideoInfo, first: int, end: int) -> int:
    """How many frames of a film of constant rate lie between two of a clip's, or one and the clip's end."""
    if not info.variable_rate:
        return end - first
    if end == info.frame_count:
        return _film_frames(info, first, end - 1) + max(1, round(info.length_of_last * info.rate))
    return round((info.pts[end] - info.pts[first]) * info.time_base * info.rate)
