"""Who paints which shots of a clip: one process by itself, or several that help each other.

Nothing is carried over a cut, so shots may be painted in any order, by anyone whose device is alike: the
film is the same. A looped film is the exception: its end needs its beginning, so nobody helps with it. The *owner* of a
clip walks through its shots from the first on, paints those that nobody else has, and makes the film. A *helper*
begins somewhere in the middle of what is left and goes forward until it meets what somebody has. Knows no processes.
"""

from __future__ import annotations

from collections.abc import Iterable

from stylevideo.timeline.clip import Shot


class SharedShots:
    """Which of a clip's shots are still to be painted, and who has them.

    Painters are known by numbers.

    Attributes:
        was_helped: whether anybody has helped since the owner began, or last asked all to let go.
    """

    def __init__(self) -> None:
        self.was_helped = False
        self._open: dict[int, Shot] = {}
        self._holders: dict[int, int] = {}
        self._helpers: set[int] = set()
        self._ends = True

    @property
    def helpers(self) -> frozenset[int]:
        """Those who help now."""
        return frozenset(self._helpers)

    @property
    def is_over(self) -> bool:
        """Whether help has ended and nobody is at it any more."""
        return self._ends and not self._helpers

    @property
    def frames_left(self) -> int:
        """Of shots that nobody has."""
        return _frames(self._free)

    @property
    def _free(self) -> list[Shot]:
        return [shot for shot in self._open.values() if shot.index not in self._holders]

    def begin(self, shots: Iterable[Shot], is_welcome: bool = True) -> None:
        """The owner begins: these shots are to be painted; whether help is welcome."""
        self._open = {shot.index: shot for shot in shots}
        self._ends, self.was_helped = not is_welcome, False

    def take(self, painter: int, shot: int) -> bool:
        """Give a shot to a painter, if it is neither complete nor another's."""
        if shot not in self._open or (self._ends and painter in self._helpers):
            return False
        return self._holders.setdefault(shot, painter) == painter

    def place_for_help(self) -> int | None:
        """Where one more helper should begin: with the shot behind the middle of the longest run that nobody has.

        Half of the run is left to whom it is in front of. None where there is nothing to help with: the owner
        needs one shot at least.
        """
        owner_paints = any(holder not in self._helpers for holder in self._holders.values())
        if self._ends or len(self._free) < (1 if owner_paints else 2):
            return None
        longest: list[Shot] = []
        run: list[Shot] = []
        for shot in sorted(self._open.values(), key=lambda shot: shot.index):
            adjoins = bool(run) and run[-1].stop == shot.start
            run = [] if shot.index in self._holders else [*run, shot] if adjoins else [shot]
            longest = max(longest, run, key=_frames)
        if not longest:
            return None
        middle = (longest[0].start + longest[-1].stop) / 2
        return next((shot.index for shot in longest if shot.start >= middle), longest[-1].index)

    def join(self, helper: int, shot: int) -> None:
        """One more helps, and has the shot that it begins with."""
        self._helpers.add(helper)
        self._holders[shot] = helper
        self.was_helped = True

    def leave(self, painter: int, complete: Iterable[int] = ()) -> None:
        """One paints no more.

        Args:
            painter: its number.
            complete: indices of shots that are complete; what else it had is free again.
        """
        self._helpers.discard(painter)
        for shot in complete:
            self._open.pop(shot, None)
        self._holders = {shot: holder for shot, holder in self._holders.items() if holder != painter}

    def end(self) -> None:
        """No more help is welcome."""
        self._ends = True


def _frames(shots: list[Shot]) -> int:
    return sum(shot.stop - shot.start for shot in shots)
