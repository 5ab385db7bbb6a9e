"""The parts that films are dealt out in: whole shots, so that nothing is carried from one machine to another.

How many parts there are is said before anybody knows the cuts, as a farm's scheduler wants it. A part is a stretch of
a length of film, all of one size, and has the shots whose middle lies in its stretch; so it may have none. The films
of one job lie one behind another in that length, so that a job of many short ones is shared out too.
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
class Place:
    """Where a film lies in the length that is dealt out.

    Attributes:
        before: frames of the films before it.
        total: frames of all.
        is_whole: whether its shots go to one part: the end of a looped film needs its beginning.
    """

    before: int
    total: int
    is_whole: bool = False


@dataclass(frozen=True)
class Part:
    """One of the parts.

    Attributes:
        number: which, from 1.
        of: how many there are.
    """

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

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

    @classmethod
    def having(cls, shot: Shot, shots: Sequence[Shot], of: int, place: Place | None = None) -> Part:
        """The part that has a shot, in whole numbers, so exactly.

        Args:
            shot: one of `shots`.
            shots: all of its film's, in order, without gaps.
            of: how many parts there are.
            place: of the film; alone if not given.
        """
        start, stop = shots[0].start, shots[-1].stop
        place = place or Place(0, stop - start)
        first, last = (start, stop) if place.is_whole else (shot.start, shot.stop)
        twice_the_middle = 2 * place.before + first + last - 2 * start
        return cls(1 + twice_the_middle * of // (2 * place.total), of)

    def shots(self, shots: Sequence[Shot], place: Place | None = None) -> tuple[Shot, ...]:
        """Those of a film's shots that this part has: together all parts have each shot once.

        Args:
            shots, place: as for `having`.

        >>> film = [Shot(0, 0, 10), Shot(1, 10, 90), Shot(2, 90, 100)]
        >>> [[shot.index for shot in Part(number, 3).shots(film)] for number in (1, 2, 3)]
        [[0], [1], [2]]
        >>> [[shot.index for shot in Part(number, 2).shots(film)] for number in (1, 2)]
        [[0], [1, 2]]
        >>> [[shot.index for shot in Part(number, 2).shots(film, Place(0, 200))] for number in (1, 2)]
        [[0, 1, 2], []]
        """
        return tuple(shot for shot in shots if Part.having(shot, shots, self.of, place) == self)
