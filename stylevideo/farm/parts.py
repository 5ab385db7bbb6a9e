"""The parts that a film is dealt out in: whole shots, so that nothing is carried from one machine to another.

How many parts there are is said before anybody knows the cuts, as a farm's scheduler wants it. A part is a stretch of
the film's length, all of one size, and has the shots whose middle lies in its stretch; so it may have none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from stylevideo.errors import SettingsError
from stylevideo.text import quoted
from stylevideo.timeline.clip import Shot

_PART = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")


@dataclass(frozen=True)
class Part:
    """One of a film's parts.

    Attributes:
        number: which, from 1.
        of: how many there are.
    """

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Part:
        """The part that `--part K/N` names.

        Raises:
            SettingsError: there is no such part.

        >>> Part.parse("2/8")
        Part(number=2, of=8)
        """
        found = _PART.fullmatch(text)
        number, of = (int(found[1]), int(found[2])) if found else (0, 0)
        if not 1 <= number <= of:
            raise SettingsError(f"--part {quoted(text)} is no part. Name one of several, such as 1/8 to 8/8.")
        return cls(number, of)

    def shots(self, shots: Sequence[Shot]) -> tuple[Shot, ...]:
        """Those of a film's shots that this part has: together all parts have each shot once.

        Args:
            shots: all of the film's, in order, without gaps.

        >>> film = [Shot(0, 0, 10), Shot(1, 10, 90), Shot(2, 90, 100)]
        >>> [[shot.index for shot in Part(number, 3).shots(film)] for number in (1, 2, 3)]
        [[0], [1], [2]]
        >>> [[shot.index for shot in Part(number, 2).shots(film)] for number in (1, 2)]
        [[0], [1, 2]]
        """
        return tuple(shot for shot in shots if self._has(shot, shots[0].start, shots[-1].stop))

    def _has(self, shot: Shot, start: int, stop: int) -> bool:
        """Whether the shot's middle lies in this part's stretch of a film's frames; in whole numbers, so exactly."""
        twice_the_middle = shot.start + shot.stop - 2 * start
        return twice_the_middle * self.of // (2 * (stop - start)) == self.number - 1
