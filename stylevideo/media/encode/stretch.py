"""The stretch of a source's time that a film shows, and how ffmpeg is told to cut it out."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from stylevideo.timeline.selection import FrameSelection

# Sound before the first frame shorter than this is not worth a shifted video track.
SHORTEST_LATE_START = Fraction(1, 1000)


@dataclass(frozen=True)
class Cut:
    """The stretch of the source's time that the film shows, in seconds.

    Attributes:
        start: where it begins, on the source's clock; below 0 where its picture begins before that.
        length: None where it runs to the source's end.
        late: how long the film's sound runs before its first picture.
    """

    start: Fraction
    length: Fraction | None
    late: Fraction

    @property
    def is_whole(self) -> bool:
        """Whether nothing is cut off."""
        return self.start <= 0 and self.length is None


def stretch_of_time(selection: FrameSelection, timed: bool = True) -> Cut:
    """The whole clip keeps sound from before its first picture; a stretch begins with its first frame.

    Where sound has no times of its own (not `timed`), the whole clip begins with its first frame too.
    """
    last, start = selection.frames[-1], selection.time(selection.frames.start)
    runs_out = selection.successor(last) is None
    if selection.chosen[0] == 0 and runs_out:
        begins = start if abs(start) >= SHORTEST_LATE_START else Fraction(0)
        return Cut(Fraction(0), None, begins) if timed and begins > 0 else Cut(begins, None, Fraction(0))
    length = selection.time(last) + selection.length(last) - start
    return Cut(start, None if runs_out else length, Fraction(0))


def cut_arguments(cut: Cut, zero: Fraction = Fraction(0), jumps: bool = False) -> tuple[list[str], list[str]]:
    """ffmpeg's arguments for a stretch: before the source, and before what is written.

    Args:
        cut: the stretch.
        zero: where ffmpeg's clock of the streams that are used begins: see `VideoInfo.zero_of`.
        jumps: whether the file's clock jumps, by which no place can be looked up: it is read from its beginning.
    """
    seeks = cut.start > 0 and not jumps
    begin = ["-ss", _seconds(cut.start)] if seeks else []
    if late := max(zero - cut.start, Fraction(0)) if seeks else zero - cut.start:
        begin += ["-itsoffset", _seconds(late)]
    # Else a cut keeps sound and subtitles from before it. (`-copypriorss 0` spares rewritten subtitles, for
    # whose negative times mkv delays all else.) Without a cut this would drop what primes the decoder.
    from_zero = ["-ss", "0"] if cut.start > 0 else []
    return begin, [*from_zero, *(["-t", _seconds(cut.length)] if cut.length is not None else [])]


def _seconds(time: Fraction) -> str:
    """Exact to the microsecond, which is as fine as ffmpeg reads it."""
    return f"{round(time * 1_000_000)}us"
