"""Workers side by side: tasks are handed out, answers come back, and a worker that dies is replaced.

Knows processes and messages; what a task means is the business of `stylevideo.worker` and `stylevideo.batch`.
"""

from __future__ import annotations

import logging
import os
import pickle
import queue
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import IO, Any

from stylevideo.system.places import folder_for_children, module_command
from stylevideo.system.process import own_session
from stylevideo.system.threads import start_thread
from stylevideo.worker import Alive, Asked, Begun, Configuration, Done, Failed, Logged, Reply, Stop, Task, Told

POLL_S = 0.1
START_AGAIN_S = 1.0
STARTS = 10
"""In vain and one after another for each worker, while none is at work: then a task cannot be done."""
LONGEST_LOOK_S = 1.0
"""Counted between two looks at who is silent."""
LAST_LINES = 5
LONGEST_LISTENING_S = LONGEST_DYING_S = 5.0
WORKER_ERROR, UNDEAD = "WorkerError", "WorkerUndead"
"""Kinds of failures: a process has ended before its task had; or it should have, but the system cannot end it."""
KILLED = -9
"""The status of a process that was ended by SIGKILL; Windows has no such thing."""


@dataclass(frozen=True)
class NotBegun:
    """A task was not worked on: no process could be started for it, or the one that there was had died before.

    Attributes:
        reason: a sentence.
    """

    reason: str


@dataclass(frozen=True)
class _Gone:
    """A worker's process has ended, or does not react even to being killed."""


_Inbox = queue.Queue[tuple["_Worker", Any]]


class _Worker:
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

    def __init__(self, number: int, device: str, inbox: _Inbox, configuration: Configuration) -> None:
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
            module_command("stylevideo.worker"),
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
        """Hand a task out."""
        self.task, self.has_begun, self.silent_s, self._asked_to_stop = task, False, 0.0, False
        if self._device:
            settings = task.request.settings.with_values(device=self._device)
            task = replace(task, request=replace(task.request, settings=settings))
        self._send(task)

    def stop(self) -> None:
        """Ask it to end its task within seconds; once, since one that hangs takes nothing out of its pipe."""
        if not self._asked_to_stop:
            self._asked_to_stop = True
            self._send(Stop())

    def reply(self, yes: bool) -> None:
        """Answer what it has asked."""
        self._send(Reply(yes))

    def give_up(self, why: str) -> None:
        """End it, since it will do nothing more; its output tells that it has gone, unless it hangs in the system."""
        self._why, self.silent_s = why, 0.0
        self._process.kill()

    def why_gone(self) -> Failed:
        """What is known of its end; it is ended if it was not."""
        status = self.end()
        kind = UNDEAD if status is None else WORKER_ERROR
        if self._why:
            return Failed(kind, f"The process that worked on it {self._why}.")
        self._listener.join(LONGEST_LISTENING_S)
        last = f" It last said: {' / '.join(self._said)}" if self._said else ""
        return Failed(kind, f"The process that worked on it {_ending(status)}.{last}")

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

    def _send(self, message: object) -> None:
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
        self._inbox.put((self, _Gone()))

    def _listen(self, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                text = line.decode(errors="replace").strip()
                if text:
                    self._said.append(text)


class Crew:
    """Workers that share out tasks.

    Args:
        size: how many work side by side.
        devices: each worker takes one of them in turn; none leaves the clips' own.
        log_level: of what is passed on from their logs.
        patience_s: a worker that makes no step for so long is ended; 0 waits for ever.
    """

    def __init__(self, size: int, devices: Sequence[str], log_level: int, patience_s: float) -> None:
        self._inbox: _Inbox = queue.Queue()
        self._configuration = Configuration(log_level)
        self._devices = devices
        self._workers: dict[int, _Worker] = {}
        self._size, self._patience_s = size, patience_s
        self._looked_at = time.monotonic()
        self._in_vain = 0
        self._start_at: dict[int, float] = {}

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers.values():
            worker.kill()  # all of them, before one is waited for
        for worker in self._workers.values():
            worker.end()

    def work(
        self,
        next_task: Callable[[int], Task | None],
        on_event: Callable[[int, Task, Any], None],
        stop: Callable[[], bool],
        on_question: Callable[[int, Task, Asked], bool] = lambda worker, task, question: True,
    ) -> Iterator[tuple[int, Task, Done | Failed | NotBegun]]:
        """Do tasks until there are no more.

        Args:
            next_task: asked with the number of a worker that is free; None where there is nothing for it just now.
            on_event: told of a worker's number, its task and an event of it.
            stop: asked all the time; then tasks that were begun end within seconds.
            on_question: answers what a worker asks in the middle of a task.
        Yields:
            The number of a worker, its task as it ends, and its answer; what has not begun may be given out again. It
            ends when no worker is busy and there is no task.
        """
        stopping = False
        while True:
            if stop() and not stopping:
                stopping = True
                for worker in self._workers.values():
                    worker.stop()
            starts_later = self._starts_later()  # asked before, too, since the time may come in between
            if not stopping:
                yield from self._share_out(next_task, stop)
            starts_later = not stopping and (starts_later or self._starts_later())
            if not starts_later and not any(worker.task for worker in self._workers.values()):
                return
            self._give_up_who_hangs()
            yield from self._heard(on_event, on_question)

    def stop(self, numbers: Iterable[int]) -> None:
        """Ask these workers to end their tasks within seconds."""
        for number in numbers:
            if number in self._workers:
                self._workers[number].stop()

    def _starts_later(self) -> bool:
        """Whether a worker that could not be started will be tried again."""
        return any(at > time.monotonic() for at in self._start_at.values())

    def _give_up_who_hangs(self) -> None:
        """Count how long each worker has been silent, but not the time in which this process itself was halted."""
        now = time.monotonic()
        passed_s, self._looked_at = min(now - self._looked_at, LONGEST_LOOK_S), now
        for worker in self._workers.values():
            worker.silent_s += passed_s
            if worker.is_given_up:
                if worker.silent_s > LONGEST_DYING_S:
                    self._inbox.put((worker, _Gone()))
            elif worker.task and 0 < self._patience_s < worker.silent_s:
                worker.give_up(f"did nothing for {_in_words(worker.silent_s)} and was ended")

    def _share_out(
        self, next_task: Callable[[int], Task | None], stop: Callable[[], bool]
    ) -> Iterator[tuple[int, Task, Failed | NotBegun]]:
        """Give each free worker a task; yields those for which no process can be started."""
        for number in range(self._size):
            is_busy = number in self._workers and self._workers[number].task
            if is_busy or self._start_at.get(number, 0) > time.monotonic():
                continue
            if stop() or (task := next_task(number)) is None:
                continue
            try:
                self._worker(number).begin(task)
            except (OSError, MemoryError, RuntimeError) as error:
                why = getattr(error, "strerror", None) or str(error) or "there is too little memory"
                yield number, task, self._not_begun(number, f"No process could be started for it ({why}).")

    def _not_begun(self, number: int, reason: str) -> Failed | NotBegun:
        """What becomes of a task that no worker has begun: it is tried again, for ever while others are at work."""
        self._start_at[number] = time.monotonic() + START_AGAIN_S  # there may be room for it then
        at_work = any(worker.task and worker.has_begun for worker in self._workers.values())
        self._in_vain = 0 if at_work else self._in_vain + 1
        if self._in_vain < STARTS * self._size:
            return NotBegun(reason)
        self._in_vain = 0
        return Failed(WORKER_ERROR, reason)

    def _worker(self, number: int) -> _Worker:
        """The worker with this number, which is started if there is none, or if it has died with nothing to do."""
        if number in self._workers and (self._workers[number].is_given_up or not self._workers[number].is_there):
            self._workers.pop(number).end()
        if number not in self._workers:
            device = self._devices[number % len(self._devices)] if self._devices else ""
            self._workers[number] = _Worker(number, device, self._inbox, self._configuration)
        return self._workers[number]

    def _heard(
        self, on_event: Callable[[int, Task, Any], None], on_question: Callable[[int, Task, Asked], bool]
    ) -> Iterator[tuple[int, Task, Done | Failed | NotBegun]]:
        """Take in one message, if there is one."""
        try:
            worker, message = self._inbox.get(timeout=POLL_S)
        except queue.Empty:
            return
        if self._workers.get(worker.number) is not worker:  # it was replaced
            return
        worker.silent_s = 0.0
        if isinstance(message, Logged):
            logging.getLogger(message.name).log(message.level, "%s", message.text)
        elif isinstance(message, Told):
            if worker.task:
                on_event(worker.number, worker.task, message.event)
        elif isinstance(message, Asked):
            worker.reply(worker.task is not None and on_question(worker.number, worker.task, message))
        elif isinstance(message, Begun):
            worker.has_begun, self._in_vain = True, 0
        elif isinstance(message, _Gone):
            del self._workers[worker.number]
            why = worker.why_gone()
            if worker.task:
                has_begun = worker.has_begun or worker.is_given_up
                yield worker.number, worker.task, why if has_begun else self._not_begun(worker.number, why.reason)
        elif not isinstance(message, Alive):
            task, worker.task = worker.task, None
            if task:
                yield worker.number, task, message


def _in_words(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} minutes"


def _ending(status: int | None) -> str:
    if status is None:
        return "cannot be ended"
    if status == KILLED:
        return "was killed, as happens when the machine runs out of memory"
    if status < 0:
        with suppress(ValueError):
            return f"crashed ({signal.Signals(-status).name})"
    return f"ended with status {status}"
