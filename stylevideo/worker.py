"""A process that makes clips for a batch, one after another: `python -m stylevideo.worker`.

A crash of a decoder or of a driver, or a lack of memory, ends this process and nothing else. Tasks come in on
standard input, events and answers go out on standard output, pickled; logging goes the same way. The process ends
when its parent does.
"""

from __future__ import annotations

import logging
import os
import pickle
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

from stylevideo.errors import StyleVideoError
from stylevideo.request import ClipRequest

CHECK, MAKE = "check", "make"


@dataclass(frozen=True)
class Task:
    """What a worker is asked for.

    Attributes:
        kind: `CHECK`, whose answer is a `Prospect`, or `MAKE`, whose answer is a `ClipResult`.
        index: of the clip in the batch.
        request: the clip.
    """

    kind: str
    index: int
    request: ClipRequest


@dataclass(frozen=True)
class Told:
    """An event of the task that is being worked on."""

    event: Any


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
        kind: the exception's class.
        reason: a sentence.
        detail: the traceback.
    """

    kind: str
    reason: str
    detail: str = ""


@dataclass(frozen=True)
class Stop:
    """Asks a worker to end its task after the current frame."""


@dataclass(frozen=True)
class Configuration:
    """What every task of a worker has in common.

    Attributes:
        log_level: of what is told of the log.
    """

    log_level: int


def main() -> None:
    """Do tasks until there is no parent, or it kills this process."""
    tell = _Teller(_private_output())
    configuration: Configuration = pickle.load(sys.stdin.buffer)
    logging.basicConfig(level=configuration.log_level, handlers=[_LogTeller(tell)], force=True)
    stop = threading.Event()
    with suppress(ValueError, AttributeError):
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
    tasks: queue.Queue[Task] = queue.Queue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, tasks, stop), daemon=True).start()
    while True:
        tell(_answer(tasks.get(), tell, stop))


def _private_output() -> IO[bytes]:
    """Standard output for ourselves; whatever else writes to it writes to standard error."""
    own = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return own


class _Teller:
    """Sends messages, whichever thread they come from."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._lock = stream, threading.Lock()

    def __call__(self, message: object) -> None:
        data = pickle.dumps(message)
        with self._lock:
            self._stream.write(data)
            self._stream.flush()


class _LogTeller(logging.Handler):
    def __init__(self, tell: Callable[[object], None]) -> None:
        super().__init__()
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        self._tell(Logged(record.name, record.levelno, self.format(record)))


def _listen(stream: IO[bytes], tasks: queue.Queue[Task], stop: threading.Event) -> None:
    """Take in tasks while others are worked on; without a parent, end at once."""
    while True:
        try:
            message = pickle.load(stream)
        except (EOFError, OSError, pickle.UnpicklingError):
            os._exit(1)
        if isinstance(message, Stop):
            stop.set()
        else:
            tasks.put(message)


def _answer(task: Task, tell: Callable[[object], None], stop: threading.Event) -> Done | Failed:
    try:
        return Done(_do(task, tell, stop))
    except StyleVideoError as error:
        return Failed(type(error).__name__, str(error), traceback.format_exc())
    except MemoryError as error:
        return Failed("MemoryError", f"There is too little memory ({error}).", traceback.format_exc())
    except Exception as error:
        notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
        return Failed(
            type(error).__name__, f"unexpected {type(error).__name__}: {error}{notes}.", traceback.format_exc()
        )


def _do(task: Task, tell: Callable[[object], None], stop: threading.Event) -> Any:
    request = task.request
    if task.kind == CHECK:
        from stylevideo.prospect import foresee

        return foresee(request)
    from stylevideo.jobs import stylize
    from stylevideo.prospect import check_folder

    check_folder(request.output)
    return stylize(
        request.source,
        request.styles,
        request.output,
        request.settings,
        on_event=lambda event: tell(Told(event)),
        stop=stop.is_set,
    )


if __name__ == "__main__":
    # Under its own name, so that what it sends is of the classes that the parent knows.
    from stylevideo.worker import main as as_imported

    as_imported()
