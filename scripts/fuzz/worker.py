"""A child process that serves one input after another, and is replaced when it hangs or dies.

Knows processes; what is done with an input is the function that it is given.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

START_S = 900.0
"""For loading what is needed, which takes long on a busy machine."""


STOP_S = 20.0
"""For ending in peace."""


class HangError(Exception):
    """An input took too long; the worker was killed."""


class CrashError(Exception):
    """The worker died over an input."""


@dataclass(frozen=True)
class Answer:
    """What was made of an input.

    Attributes:
        value: what `serve` returned.
        seconds: by the clock.
        cpu_seconds: of the worker and of the processes that it started, without waiting for a busy machine.
    """

    value: Any
    seconds: float
    cpu_seconds: float


class Worker:
    """Serves inputs in a process of its own, which is started when it is first needed.

    Args:
        load: called once in the process, before its time counts.
        serve: called in the process, with an input; importable there. What it returns can be pickled.
        log: a file for what it, and what it starts, prints.
        memory_bytes: its address space at most, and that of each process that it starts.
    """

    def __init__(self, load: Callable[[], None], serve: Callable[[Any], Any], log: Path, memory_bytes: int) -> None:
        self._arguments = (load, serve, log, memory_bytes)
        self._process: multiprocessing.process.BaseProcess | None = None
        self._connection: Connection | None = None

    def ask(self, given: Any, timeout_s: float) -> Answer:
        """What `serve` makes of an input.

        Raises:
            HangError: it takes longer than `timeout_s`.
            CrashError: the process died; the message says how.
        """
        if self._connection is None:
            self._start()
        assert self._connection is not None
        try:
            self._connection.send(given)
            if self._connection.poll(timeout_s):
                answer: Answer = self._connection.recv()
                return answer
        except (EOFError, OSError) as error:
            raise CrashError(self._last_words()) from error
        self.stop(wait_s=0)
        raise HangError(f"no answer within {timeout_s:g} s")

    def stop(self, wait_s: float = STOP_S) -> None:
        """Let the process end, or end it and all that it started."""
        if self._process is None or self._connection is None:
            return
        self._connection.close()
        self._process.join(wait_s)
        started = _children(self._process.pid)
        self._process.kill()
        self._process.join()
        for pid in started:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
        self._process = self._connection = None

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve_all, args=(theirs, *self._arguments), daemon=True)
        self._process.start()
        theirs.close()
        if not self._connection.poll(START_S):
            raise CrashError("the worker did not start")
        self._connection.recv()

    def _last_words(self) -> str:
        assert self._process is not None
        self._process.join(5)
        code = self._process.exitcode
        self.stop()
        return signal.Signals(-code).name if code is not None and code < 0 else f"exit status {code}"


def _serve_all(
    connection: Connection, load: Callable[[], None], serve: Callable[[Any], Any], log: Path, memory_bytes: int
) -> None:
    _limit_memory(memory_bytes)
    with log.open("ab") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    load()
    connection.send("ready")
    with suppress(EOFError):
        while True:
            connection.send(_timed(serve, connection.recv()))


def _timed(serve: Callable[[Any], Any], given: Any) -> Answer:
    began, cpu_began = time.perf_counter(), sum(os.times()[:4])
    value = serve(given)
    return Answer(value, time.perf_counter() - began, sum(os.times()[:4]) - cpu_began)


def _limit_memory(limit: int) -> None:
    """Where the system can: a size that a header makes up must not take the whole machine."""
    with suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _children(pid: int | None) -> list[int]:
    """The processes that a process started and that still run; none where the system does not tell."""
    with suppress(OSError):
        texts = [file.read_text() for file in Path(f"/proc/{pid}/task").glob("*/children")]
        return [int(text) for text in " ".join(texts).split()]
    return []
