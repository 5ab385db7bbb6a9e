"""Who paints which shots of a clip: one process by itself, or several that help each other.

Nothing is carried over a cut, so shots may be painted in any order, by anyone whose device is alike: the
film is the same. A looped film is the exception: its end needs its beginning, so nobody helps with it. The *owner* of a
clip walks through its shots from the first on, paints those that nobody else has, and makes the film. A *helper*
begins somewhere in the middle of what is left and goes forward until it meets what somebody has. Knows no processes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stylevideo.batch.executor import NotBegun
from stylevideo.batch.messages import Answer, EndHelp, Failed, Help, HelpDone, Question, TakeShot, Task, WasHelped
from stylevideo.planning.request import ClipRequest
from stylevideo.reports.events import Planned
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


class Assistance:
    """Keeps account of what each worker paints of which clip.

    Args:
        requests: the batch.
    """

    def __init__(self, requests: Sequence[ClipRequest]) -> None:
        self._requests = requests
        self._clips: dict[int, SharedShots] = {}
        self._declined: set[tuple[int, int]] = set()
        self._unwelcome: set[int] = set()

    def begin(self, index: int, plan: Planned) -> None:
        """The worker that makes a clip knows its shots now."""
        settings = self._requests[index].settings
        # A looped film's end needs its beginning; what is not painted at all is sooner done than helped with.
        alone = settings.temporal.loop or not settings.optimizer.iterations or index in self._unwelcome
        self._clips.setdefault(index, SharedShots()).begin(plan.unfinished, not alone)

    def is_helped(self, index: int) -> bool:
        """Whether somebody still helps with a clip."""
        return index in self._clips and bool(self._clips[index].helpers)

    def end(self, index: int, worker: int, was_killed: bool) -> frozenset[int]:
        """A clip is no longer being made, at least not by this worker; returns those who shall stop helping."""
        shared = self._clips.get(index)
        if shared is None:
            return frozenset()
        if was_killed and shared.was_helped:  # perhaps since there was too little memory for two
            self._unwelcome.add(index)
        shared.end()
        shared.leave(worker)
        self._forget_ended(index)
        return shared.helpers

    def task(self, worker: int) -> Help | None:
        """Something to help with, for a worker that has nothing to do: a shot of the clip with the most left."""
        open_shots = [
            (shared.frames_left, index, first)
            for index, shared in self._clips.items()
            if (index, worker) not in self._declined and (first := shared.place_for_help()) is not None
        ]
        if not open_shots:
            return None
        _, index, first = max(open_shots)
        self._clips[index].join(worker, first)
        return Help(index, self._requests[index], first)

    def take(self, worker: int, task: Help, answer: Answer | NotBegun) -> None:
        """A worker has ended helping."""
        complete = answer.complete if isinstance(answer, HelpDone) else ()
        if isinstance(answer, Failed):  # once is enough
            self._declined.add((task.index, worker))
        self._clips[task.index].leave(worker, complete)
        self._forget_ended(task.index)

    def answer(self, worker: int, task: Task, question: Question, others_wait: bool) -> tuple[bool, frozenset[int]]:
        """Answer a worker.

        Args:
            worker: that asks.
            task: that it is at.
            question: that it asks.
            others_wait: whether there is a clip that nobody makes yet, which comes before helping.
        Returns:
            The answer, and the workers that shall stop helping.
        """
        shared = self._clips.get(task.index)
        if shared is None:  # it has not begun
            return not isinstance(question, WasHelped), frozenset()
        match question:
            case WasHelped():
                return shared.was_helped, frozenset()
            case EndHelp():
                self._unwelcome.add(task.index)  # if it begins anew, there may have been too little memory
                shared.end()
                shared.was_helped = False
                return not shared.helpers, shared.helpers
            case TakeShot(shot):
                puts_off = isinstance(task, Help) and others_wait
                return not puts_off and shared.take(worker, shot), frozenset()

    def _forget_ended(self, index: int) -> None:
        if self._clips[index].is_over:
            del self._clips[index]
