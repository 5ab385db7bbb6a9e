"""A process that makes clips for a batch, one after another; `stylevideo.batch.pool` starts it.

A crash of a decoder or of a driver, or a lack of memory, ends this process and nothing else. Tasks come in on
standard input, events and answers go out on standard output, pickled; logging goes the same way. Nobody but the
parent, which made them, has a hand in these pipes. The process ends when its parent does.
"""

from __future__ import annotations

import logging
import os
import pickle
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import IO

from stylevideo.batch.messages import (
    Alive,
    Answer,
    Begun,
    Configuration,
    Failed,
    FromWorker,
    Logged,
    Stop,
    Task,
    Told,
    ToWorker,
)
from stylevideo.errors import DeviceMemoryError, Stopped, StyleVideoError
from stylevideo.reports.events import Event, Listener
from stylevideo.system.heartbeat import steps
from stylevideo.system.loading import PAINTING, load_at_once
from stylevideo.system.memory import TOO_LITTLE, lacks_memory
from stylevideo.system.threads import start_thread

BEAT_S = 1.0
"""Between two looks at whether work goes on."""


def main() -> None:
    """Do tasks until there is no parent, or it kills this process."""
    tell = _Teller(_private_output())
    configuration: Configuration = pickle.load(sys.stdin.buffer)
    logging.basicConfig(level=configuration.log_level, handlers=[_LogTeller(tell)], force=True)
    ending = _Ending()
    tasks: queue.Queue[tuple[Task, threading.Event]] = queue.Queue()
    start_thread(_listen, sys.stdin.buffer, tasks)
    start_thread(_tell_of_life, tell)
    while True:
        task, stopped = tasks.get()
        with ending.after_this():
            tell(Begun())
            tell(answer(task, tell.event, partial(ending.is_asked, stopped)))
            _release_memory()


class _Ending:
    """Ends this process when SIGTERM asks for it: at once where it has nothing to do, else after its task."""

    def __init__(self) -> None:
        self._is_asked = self._is_busy = False
        with suppress(ValueError, AttributeError):
            signal.signal(signal.SIGTERM, self._hear)

    @contextmanager
    def after_this(self) -> Iterator[None]:
        """Let what is inside come to an end."""
        self._is_busy = True
        yield
        self._is_busy = False
        if self._is_asked:
            os._exit(1)

    def is_asked(self, stopped: threading.Event) -> bool:
        """Whether the task shall end early: it was stopped, or all that this process does."""
        return self._is_asked or stopped.is_set()

    def _hear(self, *_: object) -> None:
        self._is_asked = True
        if not self._is_busy:
            os._exit(1)


def _release_memory() -> None:
    if "torch" in sys.modules:
        from stylevideo.system.device import release_memory

        release_memory()


def _private_output() -> IO[bytes]:
    """Standard output for ourselves; whatever else writes to it writes to standard error."""
    own = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return own


class _Teller:
    """Sends messages, whichever thread they come from."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._lock = stream, threading.Lock()

    def event(self, event: Event) -> None:
        """Send an event of the task."""
        self(Told(event))

    def __call__(self, message: FromWorker) -> None:
        data = pickle.dumps(message)
        with self._lock:
            self._stream.write(data)
            self._stream.flush()


class _LogTeller(logging.Handler):
    def __init__(self, tell: Callable[[FromWorker], None]) -> None:
        super().__init__()
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        self._tell(Logged(record.name, record.levelno, self.format(record)))


def _tell_of_life(tell: Callable[[FromWorker], None]) -> None:
    """Pass on that there is progress, so that the parent notices when there is none."""
    told = steps()
    while True:
        time.sleep(BEAT_S)
        if steps() != told:
            told = steps()
            tell(Alive())


def _listen(stream: IO[bytes], tasks: queue.Queue[tuple[Task, threading.Event]]) -> None:
    """Take in messages while a task is worked on; without a parent, end at once."""
    stop = threading.Event()  # of the task that was handed out last
    while True:
        try:
            message: ToWorker = pickle.load(stream)
        except Exception:  # mostly the end of what the parent says; else nothing more can be understood
            os._exit(1)
        if isinstance(message, Stop):
            stop.set()
        else:
            stop = threading.Event()
            tasks.put((message, stop))


def answer(task: Task, on_event: Listener, stop: Callable[[], bool]) -> Answer:
    """Do a task; what goes wrong becomes its answer.

    Args:
        task: to be done.
        on_event: told of what happens meanwhile.
        stop: asked all the time whether to end early.
    """
    try:
        load_at_once(PAINTING)
        from stylevideo.batch.tasks import perform

        return perform(task, on_event, stop)
    except (StyleVideoError, Stopped) as error:
        return Failed(error, traceback.format_exc())
    except Exception as error:
        if lacks_memory(error):
            return Failed(DeviceMemoryError(TOO_LITTLE), traceback.format_exc())
        notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
        unexpected = StyleVideoError(f"unexpected {type(error).__name__}: {error}{notes}.")
        return Failed(unexpected, traceback.format_exc())
