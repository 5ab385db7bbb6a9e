"""Many clips on this machine: the scheduler, with a pool of processes that work for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from stylevideo.batch.check import check_clips
from stylevideo.batch.executor import Executor
from stylevideo.batch.outcomes import BatchChecked, BatchListener, BatchOptions, Outcome
from stylevideo.batch.pool import Pool
from stylevideo.batch.scheduler import make_clips
from stylevideo.planning.request import ClipRequest
from stylevideo.system.heartbeat import broken_off_when


def check_batch(
    requests: Sequence[ClipRequest],
    options: BatchOptions = BatchOptions(),
    stop: Callable[[], bool] = lambda: False,
) -> BatchChecked:
    """Check every clip of a batch, decode it for what it will cost, and begin none.

    A clip that ends its process is a problem of that clip.

    Args:
        requests: the clips.
        options: how many are checked side by side.
        stop: asked all the time whether to end early.
    Raises:
        DeviceMemoryError: there is too little memory to load what makes films.
    """
    with _pool(options) as pool, broken_off_when(stop):
        return check_clips(requests, options, pool, stop, closely=True)


def run_batch(
    requests: Sequence[ClipRequest],
    options: BatchOptions = BatchOptions(),
    on_event: BatchListener = lambda event: None,
    stop: Callable[[], bool] = lambda: False,
) -> tuple[Outcome, ...]:
    """Make the films of many clips.

    Films that are already made from the same things are left alone; frames that an interrupted run left are gone on
    from; a clip that another run is making is waited for.

    Args:
        requests: the clips.
        options: how it is run.
        on_event: told when all are checked, of each clip's events, and of its end.
        stop: asked all the time whether to end early; clips that were begun end within seconds.
    Returns:
        An outcome for each request, in order. Failures are outcomes, not exceptions.
    Raises:
        DeviceMemoryError: there is too little memory to load what makes films; nothing was begun.
    """
    with _pool(options) as pool, broken_off_when(stop):
        return make_clips(requests, options, pool, on_event, stop)


def _pool(options: BatchOptions) -> AbstractContextManager[Executor]:
    return Pool(options.workers, options.devices, options.log_level, options.patience_s)
