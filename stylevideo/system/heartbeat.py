"""Steps of work: counted, so that a process that hangs is noticed, and the places where long work can be broken off."""

from __future__ import annotations

import faulthandler
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from stylevideo.errors import Stopped
from stylevideo.system.threads import start_thread

GRACE_S = 4.0
"""For what is being worked on when a run is asked to end: frames that are nearly finished are kept."""
QUESTION_GRACE_S = 0.5
"""For a question to another program, whose answer may be the last before the film is there."""
LONGEST_LOOK_S = 1.0
"""Counted between two looks at whether there is progress: a process that was halted has not hung."""
SPARE_S = 10.0
"""After which a process that hangs is ended even where no thread of it can run."""
STDERR, HUNG = 2, 1
_steps = 0
_of_thread = threading.local()


def beat() -> None:
    """A step is made: an iteration, a decoded frame, a frame of a film. From any thread.

    Raises:
        Stopped: this thread's work is to be broken off.
    """
    global _steps
    _steps += 1  # two threads may count as one: it differs from what it was, which is all that matters
    end_if_asked()


def end_if_asked(is_kept: bool = True) -> None:
    """Break this thread's work off where that was asked for some time ago; for waits, which are no steps.

    Args:
        is_kept: whether what is being worked on is a frame, which is kept when it is finished, and no question.
    Raises:
        Stopped: it was.
    """
    asked: _Patience | None = getattr(_of_thread, "asked", None)
    if asked is not None and asked.is_over(GRACE_S if is_kept else QUESTION_GRACE_S):
        raise Stopped


@contextmanager
def broken_off_when(stop: Callable[[], bool]) -> Iterator[None]:
    """Let this thread's steps inside break the work off soon after `stop` says so.

    Args:
        stop: asked at each step; what must not be broken off has one that never says so.
    """
    before = getattr(_of_thread, "asked", None)
    _of_thread.asked = _Patience(stop)
    try:
        yield
    finally:
        _of_thread.asked = before


def steps() -> int:
    """A number that differs from the last one if a step was made in between."""
    return _steps


@contextmanager
def ended_when_stalled(patience_s: float) -> Iterator[None]:
    """End this process, with a traceback of each thread on standard error, when it makes no step for so long inside.

    Args:
        patience_s: 0 waits for ever.
    """
    over = threading.Event()
    if patience_s:
        start_thread(_end_when_stalled, patience_s, over, name="stall")
    try:
        yield
    finally:
        over.set()
        faulthandler.cancel_dump_traceback_later()


def _end_when_stalled(patience_s: float, over: threading.Event) -> None:
    told, silent_s = -1, 0.0
    while not over.wait(min(LONGEST_LOOK_S, patience_s)):
        if steps() != told:
            told, silent_s = steps(), 0.0
            # Where a library hangs and keeps Python's lock, this thread does not run, and only this ends the process.
            faulthandler.dump_traceback_later(patience_s + SPARE_S, exit=True, file=STDERR)
        else:
            silent_s += min(LONGEST_LOOK_S, patience_s)
        if silent_s >= patience_s:
            os.write(STDERR, f"\nNothing was done for {silent_s:g} s. This process ends where it hangs:\n".encode())
            faulthandler.dump_traceback(STDERR)
            os._exit(HUNG)


class _Patience:
    """Says what another says, some seconds later."""

    def __init__(self, stop: Callable[[], bool]) -> None:
        self._stop, self._since = stop, float("inf")

    def is_over(self, grace_s: float) -> bool:
        if not self._stop():
            return False
        now = time.monotonic()
        self._since = min(self._since, now)
        return now - self._since >= grace_s
