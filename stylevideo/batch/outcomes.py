"""What a batch is asked for, what happens in it, and what became of each clip."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stylevideo.errors import SettingsError, Stopped, StyleVideoError
from stylevideo.limits import WORKERS
from stylevideo.planning.request import ClipRequest
from stylevideo.reports.events import Event
from stylevideo.reports.results import ClipResult, Status

if TYPE_CHECKING:
    from stylevideo.reports.estimate import Estimate


@dataclass(frozen=True)
class Outcome:
    """How a clip of a batch ended.

    Attributes:
        request: the clip.
        status: see `Status`.
        attempts: how often it was begun.
        reason: a sentence why there is no film; "" where there is one.
        detail: a traceback, where there is one.
        result: of the film, where this run made it.
    """

    request: ClipRequest
    status: Status
    attempts: int = 0
    reason: str = ""
    detail: str = ""
    result: ClipResult | None = None


@dataclass(frozen=True)
class BatchOptions:
    """How a batch is run.

    Attributes:
        workers: clips that are made side by side; where there are fewer clips, shots of one.
        devices: one for each worker in turn; none leaves it to the clips' settings.
        retries: how often a clip that failed on the way is tried again.
        fail_fast: whether the first failure ends the batch.
        patience_s: a worker that makes no step for so long counts as crashed; 0 waits for ever.
        log_level: of what workers pass on.
    Raises:
        SettingsError: the devices are of several kinds, so that a film would depend on which worker made it; or there
            are more workers than `stylevideo.limits.WORKERS`, or none.
    """

    workers: int = 1
    devices: tuple[str, ...] = ()
    retries: int = 0
    fail_fast: bool = False
    patience_s: float = 3600.0
    log_level: int = logging.WARNING

    def __post_init__(self) -> None:
        if not 1 <= self.workers <= WORKERS:
            raise SettingsError(f"There can be 1 to {WORKERS} workers, not {self.workers}. Choose other --workers.")
        if len({device.partition(":")[0] for device in self.devices}) > 1:
            raise SettingsError(
                f"--devices {','.join(self.devices)} are of several kinds, which round differently: a film would "
                "depend on which worker made it. Name devices of one kind, or start a run for each."
            )

    def allow_another(self, error: StyleVideoError | Stopped, attempts: int) -> bool:
        """Whether a clip is tried again that was tried so often and last ended with this error."""
        return isinstance(error, StyleVideoError) and error.retryable and attempts <= self.retries


@dataclass(frozen=True)
class BatchChecked:
    """Every clip has been checked; none is begun yet.

    Attributes:
        estimates: of the clips that will be made, by their index in the batch.
        problems: of those that cannot, as sentences, likewise.
        made: indices of those that are already made.
    """

    estimates: dict[int, Estimate]
    problems: dict[int, str]
    made: tuple[int, ...]


@dataclass(frozen=True)
class ClipEvent:
    """An event of one clip.

    Attributes:
        index: of the clip.
        worker: the number of the worker that makes it, or paints shots of it, from 0.
        event: as `stylevideo.stylize` tells it.
    """

    index: int
    worker: int
    event: Event


@dataclass(frozen=True)
class Waiting:
    """A clip is put off: another run is making it, or it will be tried again.

    Attributes:
        index: of the clip.
        reason: a sentence.
    """

    index: int
    reason: str


@dataclass(frozen=True)
class ClipEnded:
    """A clip has its outcome."""

    index: int
    outcome: Outcome


BatchEvent = BatchChecked | ClipEvent | ClipEnded | Waiting


BatchListener = Callable[[BatchEvent], None]
