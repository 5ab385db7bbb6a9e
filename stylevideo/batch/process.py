"""One worker process, seen from outside."""

from __future__ import annotations

import os
import pickle
import queue
import signal
import subprocess
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import IO

from stylevideo.batch.messages import Configuration, Failed, FromWorker, Stop, Task, ToWorker
from stylevideo.errors import WorkerError, WorkerUndeadError
from stylevideo.system.environment import folder_for_children, module_command
from stylevideo.system.process import own_session
from stylevideo.system.threads import start_thread

LONGEST_LOOK_S = 1.0
"""Counted between two looks at who is silent."""


LAST_LINES = 5


LONGEST_LISTENING_S = LONGEST_DYING_S = 5.0


KILLED = -9
"""The status of a process that was ended by SIGKILL; Windows has no such thing."""


@dataclass(frozen=True)
class Gone:
    """A worker's process has ended, or does not react even to being killed."""


Inbox = queue.Queue[tuple["WorkerProcess", FromWorker | Gone]]


class WorkerProcess:
    """One process, and the task that it is busy with.

    Args:
        number: from 0.
        device: that its clips are made on; "" for the one that each clip asks for.
        inbox: takes (worker, message).
        configuration: of its tasks.
    Attributes:
        task: that was handed out to it.
        has_begun: whether it works on that.
        silent_s: since it has told of anything.
    Raises:
        OSError, MemoryError, RuntimeError: the system has no room for a process, or for threads that listen to it.
    """

    def __init__(self, number: int, device: str, inbox: Inbox, configuration: Configuration) -> None:
        self.number, self._device, self._inbox = number, device, inbox
        self.task: Task | None = None
        self.has_begun = False
        self.silent_s = 0.0
        self._asked_to_stop = False
        self._why = ""
        self._said: deque[str] = deque(maxlen=LAST_LINES)
        # Threads that wait must not keep a processor busy: there may be more of them than processors.
        environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}
        self._process: subprocess.Popen[bytes] = subprocess.Popen(
            module_command("stylevideo.batch.worker"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=folder_for_children(),
            **own_session(),
        )
        assert self._process.stdout is not None and self._process.stderr is not None
        try:
            self._listener = start_thread(self._listen, self._process.stderr)
            start_thread(self._receive, self._process.stdout)
        except (MemoryError, RuntimeError):
            self.kill()
            self.end()
            raise
        self._send(configuration)

    @property
    def is_there(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    @property
    def is_given_up(self) -> bool:
        """Whether it was ended since it did nothing."""
        return bool(self._why)

    def begin(self, task: Task) -> None:
        """Hand a task out; one that could not be sent is none of this worker's."""
        sent = task
        if self._device:
            settings = task.request.settings.with_values(device=self._device)
            sent = replace(task, request=replace(task.request, settings=settings))
        self._send(sent)
        self.task, self.has_begun, self.silent_s, self._asked_to_stop = task, False, 0.0, False

    def stop(self) -> None:
        """Ask it to end its task within seconds; once, since one that hangs takes nothing out of its pipe."""
        if not self._asked_to_stop:
            self._asked_to_stop = True
            self._send(Stop())

    def give_up(self, why: str) -> None:
        """End it, since it will do nothing more; its output tells that it has gone, unless it hangs in the system."""
        self._why, self.silent_s = why, 0.0
        self._process.kill()

    def why_gone(self) -> Failed:
        """What is known of its end; it is ended if it was not."""
        status = self.end()
        kind = WorkerUndeadError if status is None else WorkerError
        if self._why:
            return Failed(kind(f"The process that worked on it {self._why}."))
        self._listener.join(LONGEST_LISTENING_S)
        last = f" It last said: {' / '.join(self._said)}" if self._said else ""
        return Failed(kind(f"The process that worked on it {ending(status)}.{last}"))

    def kill(self) -> None:
        """End it whatever it does."""
        self._process.kill()

    def end(self) -> int | None:
        """Wait for its end, which should come by itself, and close what led to it.

        What came from it is closed by those who listen.

        Returns:
            Its status; None if it hangs in the system and goes on doing so.
        """
        assert self._process.stdin is not None
        with suppress(OSError):  # what it did not take in any more
            self._process.stdin.close()
        for _ in range(2):
            with suppress(subprocess.TimeoutExpired):
                return self._process.wait(LONGEST_DYING_S)
            self.kill()
        return None

    def _send(self, message: Configuration | ToWorker) -> None:
        assert self._process.stdin is not None
        with suppress(OSError):  # it has gone, which its output tells
            self._process.stdin.write(pickle.dumps(message))
            self._process.stdin.flush()

    def _receive(self, stream: IO[bytes]) -> None:
        try:
            with stream:
                while True:
                    self._inbox.put((self, pickle.load(stream)))
        except Exception as error:  # its end, or a message that cannot be understood
            if not isinstance(error, EOFError | OSError):
                self._said.append(f"a message that cannot be read: {error}")
        self._inbox.put((self, Gone()))

    def _listen(self, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                text = line.decode(errors="replace").strip()
                if text:
                    self._said.append(text)


def ending(status: int | None) -> str:
    """How a process ended, by its exit status; what follows "the process" in a sentence."""
    if status is None:
        return "cannot be ended"
    if status == KILLED:
        return "was killed, as happens when the machine runs out of memory"
    if status < 0:
        with suppress(ValueError):
            return f"crashed ({signal.Signals(-status).name})"
    return f"ended with status {status}"
