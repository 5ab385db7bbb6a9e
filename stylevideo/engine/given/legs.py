"""In which legs a shot is painted where results of some of its frames are given: from one to the next, both ways.

The frames before a given one are made backwards from it. What is made backwards before a shot's first given frame is
the result; between two given frames what is made forwards from the one turns into what is made backwards from the
other. The end of a looped film turns in the same way into frames that are made backwards from its first, a shot that
dissolves into frames that are made backwards from the next one's first, and a look that gives way to another into
frames that are made backwards from the first one in that. Knows indices alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from stylevideo.engine.carry import BlendTarget
from stylevideo.settings.curves import LookTurn
from stylevideo.timeline.clip import Shot


@dataclass(frozen=True)
class Backwards:
    """Frames that are made last first.

    Attributes:
        frames: their indices, ascending.
        into: index of the first frame of the shot, or of the look, that they lead into, and are made from: the film's
            first, where it is looped; None where they are made from the given frame behind them.
        look_turn: that they are of, if one look turns into another.
    """

    frames: range
    into: int | None = None
    look_turn: LookTurn | None = None

    @property
    def origin(self) -> int:
        """The index behind them, at which the frame counts that they are made from."""
        return self.frames.stop


@dataclass(frozen=True)
class Leg:
    """Frames of a shot that follow from each other.

    Attributes:
        frames: their indices.
        origin: of the given frame that they begin with, if they do.
        backwards: what their last ones turn into.
        is_taken: whether what was made backwards is their result.
    """

    frames: range
    origin: int | None = None
    backwards: Backwards | None = None
    is_taken: bool = False

    @property
    def given(self) -> tuple[int, ...]:
        """Indices of the given frames at its ends."""
        after = self.backwards.origin if self.backwards and self.backwards.into is None else None
        return tuple(index for index in (self.origin, after) if index is not None)

    def way(self, index: int) -> float:
        """How far a frame is on its way from the beginning to what lies behind the end, 0..1."""
        return (index - self.frames.start) / len(self.frames)


class Blends(Mapping[int, BlendTarget]):
    """What each frame of a leg turns into: it goes an equal part of the way that is left, so that the last one arrives.

    Where looks turn, it goes as much of the way as its weights do, and the look's first frame arrives.

    Args:
        leg: that turns.
        read: tells a frame's picture as it was made backwards, and its share, as of `BlendTarget`; asked when needed.
    """

    def __init__(self, leg: Leg, read: Callable[[int], tuple[Tensor, Tensor | None]]) -> None:
        self._leg, self._read = leg, read
        self._frames = leg.backwards.frames if leg.backwards else range(0)

    def __getitem__(self, index: int) -> BlendTarget:
        """Of the frame with this index."""
        if index not in self._frames:
            raise KeyError(index)
        picture, share = self._read(index)
        way = self._leg.way(index)
        if self._leg.backwards and (look := self._leg.backwards.look_turn):
            before, way = look.way(index - 1), look.way(index)
            return BlendTarget(picture, (way - before) / ((1 - before) or 1.0), way, is_look=True)
        if self._leg.backwards and self._leg.backwards.into is not None:  # all of the picture is another shot's
            way = (index + 1 - self._frames.start) / (len(self._frames) + 1)
            share = None if share is None else torch.full_like(share, 255)
        return BlendTarget(picture, 1 / (self._frames.stop - index), way, share)

    def __iter__(self) -> Iterator[int]:
        return iter(self._frames)

    def __len__(self) -> int:
        return len(self._frames)


def legs_of(
    shot: Shot, given: Sequence[int], turn: Backwards | None = None, look_turns: Sequence[LookTurn] = ()
) -> tuple[Leg, ...]:
    """The legs of a shot, in order.

    Args:
        shot: of the film.
        given: indices of its frames whose results are given, ascending.
        turn: its last frames, where they lead out of it.
        look_turns: where one look of the film turns into another; where frames are given, their styles are painted.

    >>> [leg.frames for leg in legs_of(Shot(0, 0, 9), [3, 6])]
    [range(0, 3), range(3, 6), range(6, 9)]
    """
    if not given:
        return tuple(_legs_of_looks(shot, turn, look_turns))
    before = range(shot.start, given[0])
    legs = [Leg(before, None, Backwards(before), is_taken=True)] if before else []
    for first, after in pairwise(given):
        between = range(first + 1, after)
        legs.append(Leg(range(first, after), first, Backwards(between) if between else None))
    last = given[-1]
    if turn is not None:
        rest = range(max(turn.frames.start, last + 1), shot.stop)
        turn = replace(turn, frames=rest) if rest else None
    return (*legs, Leg(range(last, shot.stop), last, turn))


def _legs_of_looks(shot: Shot, turn: Backwards | None, look_turns: Sequence[LookTurn]) -> Iterator[Leg]:
    start = shot.start
    for look in look_turns_in(shot, look_turns):
        turning = range(max(look.first, start + 1), look.begin)
        yield Leg(range(start, look.begin), None, Backwards(turning, look.begin, look) if turning else None)
        start = look.begin
    yield Leg(range(start, shot.stop), None, turn)


def look_turns_in(shot: Shot, look_turns: Sequence[LookTurn]) -> list[LookTurn]:
    """Those that turn within a shot; one that had begun to turn before is painted from the shot's first frame on."""
    return [look for look in look_turns if shot.start < look.first and look.begin < shot.stop]


def begun_anew(shots: Sequence[Shot], given: Sequence[int], look_turns: Sequence[LookTurn] = ()) -> set[int]:
    """Indices of the frames that begin from nothing: the first ones of shots in which no frame is given, and of looks.

    Args:
        shots: of the film.
        given: indices of the frames whose results are given.
        look_turns: as of `legs_of`.
    """
    free = [shot for shot in shots if not any(shot.start <= index < shot.stop for index in given)]
    return {index for shot in free for index in (shot.start, *(look.begin for look in look_turns_in(shot, look_turns)))}


def made_twice(
    shots: Sequence[Shot], given: Sequence[int], turns: Sequence[Backwards | None], look_turns: Sequence[LookTurn] = ()
) -> int:
    """How many frames of a film are made backwards first and then forwards; `turns` are those of its shots' ends."""
    count = 0
    for shot, turn in zip(shots, turns, strict=True):
        own = [index for index in given if shot.start <= index < shot.stop]
        legs = legs_of(shot, own, turn, look_turns)
        count += sum(len(leg.backwards.frames) for leg in legs if leg.backwards and not leg.is_taken)
    return count
