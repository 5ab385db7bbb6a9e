"""What passes between a scheduler and those who work for it: tasks, each with its own answer.

Plain values that can be pickled; knows no processes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stylevideo.errors import Stopped, StyleVideoError, WorkerError
from stylevideo.planning.request import ClipRequest
from stylevideo.reports.events import Event
from stylevideo.reports.results import ClipResult

if TYPE_CHECKING:
    from stylevideo.reports.estimate import Estimate


@dataclass(frozen=True)
class Check:
    """Asks what a clip will cost; answered with `CheckDone`.

    Attributes:
        index: of the clip in the batch.
        request: the clip.
        to_be_made: folders of the clip's sheet and report that will be there when they are written.
        closely: see `estimate_clip` in `render/estimate.py`.
    """

    index: int
    request: ClipRequest
    to_be_made: frozenset[Path] = frozenset()
    closely: bool = False


@dataclass(frozen=True)
class Make:
    """Asks for a clip's film; answered with `MakeDone`.

    Attributes:
        index: of the clip in the batch.
        request: the clip.
        alone: see `make_film` in `render/stylize.py`.
    """

    index: int
    request: ClipRequest
    alone: bool = True


@dataclass(frozen=True)
class Paint:
    """Asks to paint shots of a clip that another worker makes, those that nobody has; answered with `PaintDone`.

    Attributes:
        index: of the clip in the batch.
        request: the clip.
    """

    index: int
    request: ClipRequest


Task = Check | Make | Paint


@dataclass(frozen=True)
class CheckDone:
    """The clip passed all checks."""

    estimate: Estimate


@dataclass(frozen=True)
class MakeDone:
    """The film is complete."""

    result: ClipResult


@dataclass(frozen=True)
class PaintDone:
    """No shot is left that nobody has."""


@dataclass(frozen=True)
class Failed:
    """Why a task has no other answer.

    Attributes:
        error: what was raised, or what stands for it.
        detail: the traceback.
    """

    error: StyleVideoError | Stopped
    detail: str = ""

    @property
    def reason(self) -> str:
        """A sentence."""
        return str(self.error)

    @property
    def unasked(self) -> Failed:
        """The same where this run asked for no stop: then another program asked the worker to end."""
        if not isinstance(self.error, Stopped):
            return self
        return Failed(WorkerError("The process that worked on it was asked to end by another program."))


Answer = CheckDone | MakeDone | PaintDone | Failed


@dataclass(frozen=True)
class Told:
    """An event of the task that is being worked on."""

    event: Event


@dataclass(frozen=True)
class Begun:
    """The task that was handed out last is being worked on."""


@dataclass(frozen=True)
class Alive:
    """Work has gone on since this was said last."""


@dataclass(frozen=True)
class Logged:
    """A line for the log."""

    name: str
    level: int
    text: str


FromWorker = Begun | Told | Alive | Logged | Answer
"""What a worker's process says."""


@dataclass(frozen=True)
class Stop:
    """Asks a worker to end its task within seconds."""


ToWorker = Task | Stop
"""What a worker's process hears after its configuration."""


@dataclass(frozen=True)
class Configuration:
    """What every task of a worker has in common.

    Attributes:
        log_level: of what is told of the log.
    """

    log_level: int
