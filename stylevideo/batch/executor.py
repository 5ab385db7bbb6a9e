"""What a scheduler knows of those who work for it: it hands out tasks and takes their answers.

`stylevideo.batch.pool` fulfils it with processes of this machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from stylevideo.batch.messages import Answer, Task
from stylevideo.reports.events import Event


@dataclass(frozen=True)
class NotBegun:
    """A task was not worked on: there was nobody to do it, or who there was had died before; it may be given out again.

    Attributes:
        reason: a sentence.
    """

    reason: str


@dataclass(frozen=True)
class Ended:
    """A task that somebody has ended.

    Attributes:
        worker: its number, from 0.
        task: as it was handed out.
        answer: of the task's own kind, unless it failed.
    """

    worker: int
    task: Task
    answer: Answer | NotBegun


class Client(Protocol):
    """Whose tasks are worked on."""

    def next_task(self, worker: int) -> Task | None:
        """A task for a worker that is free; None where there is nothing for it just now."""

    def tell(self, worker: int, task: Task, event: Event) -> None:
        """Hear of an event of a task."""

    def is_stopping(self) -> bool:
        """Whether tasks that were begun shall end within seconds, and no more begin; asked all the time."""


class Executor(Protocol):
    """Workers, known by numbers."""

    def prepare(self) -> None:
        """Find out, before the first task, whether a worker could do one at all.

        Raises:
            DeviceMemoryError: there is too little memory to load what makes films.
            Stopped: this thread's work is to be broken off.
        """

    def work(self, client: Client) -> Iterator[Ended]:
        """Do a client's tasks until no worker is busy and there are no more; each as it ends."""

    def stop(self, workers: Iterable[int]) -> None:
        """Ask these workers to end their tasks within seconds."""
