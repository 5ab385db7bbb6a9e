"""Which clips of a batch are helped with by workers that have none of their own to make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stylevideo.planning.request import ClipRequest
from stylevideo.sharing import SharedShots
from stylevideo.worker import END_HELP, HELP, WAS_HELPED, Asked, Done, Failed, Task

if TYPE_CHECKING:
    from stylevideo.crew import NotBegun
    from stylevideo.reports.events import Planned


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

    def task(self, worker: int) -> Task | None:
        """Something to help with, for a worker that has nothing to do: a shot of the clip with the most left."""
        places = [
            (shared.frames_left, index, first)
            for index, shared in self._clips.items()
            if (index, worker) not in self._declined and (first := shared.place_for_help()) is not None
        ]
        if not places:
            return None
        _, index, first = max(places)
        self._clips[index].join(worker, first)
        return Task(HELP, index, self._requests[index], first)

    def take(self, worker: int, task: Task, answer: Done | Failed | NotBegun) -> None:
        """A worker has ended helping."""
        complete: tuple[int, ...] = answer.answer if isinstance(answer, Done) else ()
        if isinstance(answer, Failed):  # once is enough
            self._declined.add((task.index, worker))
        self._clips[task.index].leave(worker, complete)
        self._forget_ended(task.index)

    def answer(self, worker: int, task: Task, asked: Asked, others_wait: bool) -> tuple[bool, frozenset[int]]:
        """Answer a worker.

        Args:
            worker: that asks.
            task: that it is at.
            asked: the question.
            others_wait: whether there is a clip that nobody makes yet, which comes before helping.
        Returns:
            The answer, and the workers that shall stop helping.
        """
        shared = self._clips.get(task.index)
        if shared is None:  # it has not begun
            return asked.question != WAS_HELPED, frozenset()
        if asked.question == WAS_HELPED:
            return shared.was_helped, frozenset()
        if asked.question == END_HELP:
            self._unwelcome.add(task.index)  # if it begins anew, there may have been too little memory
            shared.end()
            shared.was_helped = False
            return not shared.helpers, shared.helpers
        puts_off = task.kind == HELP and others_wait
        return not puts_off and shared.take(worker, asked.shot), frozenset()

    def _forget_ended(self, index: int) -> None:
        if self._clips[index].is_over:
            del self._clips[index]
