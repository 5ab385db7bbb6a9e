"""What passes between the program and its workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stylevideo.errors import Stopped, StyleVideoError
from stylevideo.planning.request import ClipRequest

CHECK, MAKE, HELP = "check", "make", "help"


TAKE, WAS_HELPED, END_HELP = "take", "was helped", "end help"


@dataclass(frozen=True)
class Task:
    """What a worker is asked for.

    Attributes:
        kind: `CHECK`, whose answer is an `Estimate`; `MAKE`, whose answer is a `ClipResult`; or `HELP`, whose answer
            is the indices of the shots from there on that are complete.
        index: of the clip in the batch.
        request: the clip.
        first_shot: of `HELP`: index of the shot to begin with.
    """

    kind: str
    index: int
    request: ClipRequest
    first_shot: int = 0


@dataclass(frozen=True)
class Told:
    """An event of the task that is being worked on."""

    event: Any


@dataclass(frozen=True)
class Asked:
    """A question whose answer, a `Reply`, is waited for; see `stylevideo.render.claims.Claims`.

    Attributes:
        question: `TAKE`, `WAS_HELPED` or `END_HELP`.
        shot: index of the shot that shall be taken.
    """

    question: str
    shot: int = 0


@dataclass(frozen=True)
class Reply:
    """The answer to what was asked."""

    yes: bool


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


@dataclass(frozen=True)
class Done:
    """The answer to a task."""

    answer: Any


@dataclass(frozen=True)
class Failed:
    """Why a task has no answer.

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


@dataclass(frozen=True)
class Stop:
    """Asks a worker to end its task within seconds."""


@dataclass(frozen=True)
class Configuration:
    """What every task of a worker has in common.

    Attributes:
        log_level: of what is told of the log.
    """

    log_level: int
