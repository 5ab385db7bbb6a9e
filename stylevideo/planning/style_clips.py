"""Clips that are styles: which of their pictures stand for them, and what each of these counts at which time.

Knows times of frames; reads no pictures.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from stylevideo.settings.direction import STYLE_CLIP_WORDS
from stylevideo.settings.over_time import Shares
from stylevideo.timeline.clip import VideoInfo
from stylevideo.timeline.selection import FrameSelection

MEAN, STRETCH, LOOP, HOLD = STYLE_CLIP_WORDS
_WORDS = {
    MEAN: "their mean",
    STRETCH: "followed, stretched over the clip",
    LOOP: "followed at its own pace, again and again",
    HOLD: "followed at its own pace, its end is held",
}
MEAN_PICTURES = 8
FOLLOWED_PICTURES = 16
"""So many of a clip are looked at for its mean, all of which are known at once; or to follow it, of which two count at
a time."""


@dataclass(frozen=True)
class Course:
    """What each picture of a style counts, at any time; of one picture, if nothing is said.

    Attributes:
        mean: its part of the style's weight on the whole, 1 in all.
        times: seconds of the style's clip, ascending; none where it is not followed.
        pictures: number of the picture that is shown at each of them; between two it fades evenly.
        pace: seconds of the style's clip in one second of the clip that is painted.
        period: seconds after which the style's clip begins again, fading from its last picture into its first; 0 where
            the last one stays.
    """

    mean: tuple[float, ...] = (1.0,)
    times: tuple[float, ...] = ()
    pictures: tuple[int, ...] = ()
    pace: float = 1.0
    period: float = 0.0

    @property
    def is_followed(self) -> bool:
        """Whether it changes over time."""
        return len(self.mean) > 1 and bool(self.times)

    def at(self, seconds: float) -> tuple[float, ...]:
        """What part of the style's weight each picture has.

        Args:
            seconds: from the beginning of the clip that is painted.

        Example:
            >>> Course((0.5, 0.5), (0.0, 2.0), (0, 1)).at(0.5)
            (0.75, 0.25)
        """
        if not self.is_followed:
            return self.mean
        place = seconds * self.pace
        place = place % self.period if self.period else min(max(place, self.times[0]), self.times[-1])
        after = bisect.bisect_right(self.times, place)
        begin, end = after - 1, after % len(self.times)
        length = self.times[end] - self.times[begin]
        part = 0.0
        if self.period:
            part = (place - self.times[begin]) % self.period / (length % self.period)
        elif length > 0:  # else the last one is reached
            part = (place - self.times[begin]) / length
        shares = [0.0] * len(self.mean)
        first, second = self.pictures[begin], self.pictures[end]
        shares[first] = 1.0 - part
        shares[second] = 1.0 if first == second else part
        return tuple(shares)


ONE_PICTURE = Course()


@dataclass(frozen=True)
class Following:
    """How clips count that are styles.

    Attributes:
        how: one of `STYLE_CLIP_WORDS`.
        lasts: seconds from the first frame of the clip that is painted to its last.
        rate: frames a second of an image sequence that is a style.
    """

    how: str = MEAN
    lasts: Fraction = Fraction(0)
    rate: Fraction = Fraction(24)

    @classmethod
    def of(cls, how: str, painted: VideoInfo) -> Following:
        """Beside a clip that is painted: an image sequence has a picture for each of its frames."""
        return cls(how, (painted.pts[-1] - painted.pts[0]) * painted.time_base, painted.rate)

    def wanted(self, style: VideoInfo) -> tuple[int, ...]:
        """Indices of the frames of a style's clip that are to stand for it, ascending: evenly from what is shown."""
        shown, count = self._shown(style), FOLLOWED_PICTURES
        if self.how == MEAN:
            found = ((2 * place + 1) * shown // (2 * MEAN_PICTURES) for place in range(MEAN_PICTURES))
        elif self._repeats(style):
            found = (place * shown // count for place in range(count))
        else:
            found = (place * (shown - 1) // (count - 1) for place in range(count))
        return tuple(dict.fromkeys(found))

    def course(self, style: VideoInfo, indices: Sequence[int], pictures: Sequence[int]) -> Course:
        """What the pictures of a style's clip count.

        Args:
            style: the clip.
            indices: of its frames that stand for it, ascending.
            pictures: the number of each one's picture, from 0; those that are alike have the same.
        """
        mean = tuple(pictures.count(number) / len(pictures) for number in range(max(pictures) + 1))
        if self.how == MEAN:
            return Course(mean)
        times = tuple(float(_time(style, index)) for index in indices)
        pace, period = 1.0, 0.0
        if self.how == STRETCH:
            pace = float(_time(style, style.frame_count - 1) / self.lasts) if self.lasts else 0.0
        elif self._repeats(style):
            period = float(style.duration)
        return Course(mean, times, tuple(pictures), pace, period)

    def told(self, course: Course) -> str:
        """How a clip counts, in words."""
        if len(course.mean) == 1:
            return "it stands still"
        return _WORDS[self.how]

    def _repeats(self, style: VideoInfo) -> bool:
        return self.how == LOOP and style.duration <= self.lasts

    def _shown(self, style: VideoInfo) -> int:
        """How many frames of a style's clip are shown: at its own pace no more than the other clip has time for."""
        if self.how in (MEAN, STRETCH):
            return style.frame_count
        times = (_time(style, index) for index in range(style.frame_count))
        shown = sum(time < self.lasts for time in times)
        return min(shown + 1, style.frame_count)


MEAN_OF_CLIPS = Following()


def _time(style: VideoInfo, index: int) -> Fraction:
    """Seconds from a clip's first frame to another."""
    return (style.pts[index] - style.pts[0]) * style.time_base


def shares_over(course: Course, selection: FrameSelection) -> Shares:
    """What a style's pictures count, by the index of a frame that is painted.

    Times count from the clip's first frame, whichever of its frames are meant: a frame looks the same in any of them.
    """
    return lambda index: course.at(float(selection.time(index) - selection.info.start_time))
