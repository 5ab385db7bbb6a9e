"""Waiting for another program: with a limit of time, a bound on what it writes, and an ear for whoever wants to stop.

Also by what a process is known that has left something on a disk, perhaps from another machine. Knows processes and
their pipes; what they do is its callers' business.
"""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, Any

from stylevideo.system.threads import start_thread

POLL_S = 0.1
CHUNK_BYTES = 2**16
LAST_WAIT_S = 5.0
"""For a process that was killed; one that hangs in a disk that is gone cannot even be killed."""
PROCESS_MARK = r"[0-9a-f]{8}-[0-9]{1,10}-[0-9]{1,20}"
"""How `process_mark` looks, as a regular expression."""


class TooSlow(Exception):
    """It did not end in time; it was killed."""


class TooMuch(Exception):
    """It wrote more than was to be taken; it was killed."""


class _Kept:
    """The beginning of what is written, and if there is more, the end.

    Args:
        first, last: bytes that are kept of each, about.
    """

    def __init__(self, first: int, last: int) -> None:
        self._first, self._last = first, last
        self._head, self._tail = bytearray(), bytearray()
        self.is_cut = False

    def take(self, pipe: IO[bytes]) -> None:
        """Read a pipe to its end."""
        with suppress(OSError, ValueError):  # closed by whoever waits no longer
            while chunk := pipe.read1(CHUNK_BYTES):  # type: ignore[attr-defined]
                room = max(0, self._first - len(self._head))
                self._head += chunk[:room]
                self._tail += chunk[room:]
                self.is_cut = self.is_cut or len(self._tail) > self._last
                if len(self._tail) > 2 * self._last + CHUNK_BYTES:
                    del self._tail[: len(self._tail) - self._last]

    def all(self) -> bytes:
        return bytes(self._head + (b"\n" if self.is_cut else b"") + self._tail)


def collect(
    process: subprocess.Popen[bytes], limit_s: float, output_bytes: int, message_bytes: int, check: Callable[[], None]
) -> tuple[bytes, bytes]:
    """Wait for a process's end and take in what it writes; it never outlives this.

    Args:
        process: with pipes for its output and its messages (standard error).
        limit_s: seconds that it may take.
        output_bytes: that its output may have.
        message_bytes: of its messages, so many are kept from the beginning, and as many from the end.
        check: called again and again; what it raises ends the process.
    Returns:
        The output and the messages.
    Raises:
        TooSlow, TooMuch: it was killed.
    """
    assert process.stdout is not None and process.stderr is not None
    output, messages = _Kept(output_bytes, 0), _Kept(message_bytes, message_bytes)
    pipes = ((output, process.stdout), (messages, process.stderr))
    readers: list[threading.Thread] = []
    end = time.monotonic() + limit_s
    try:
        for kept, pipe in pipes:
            readers.append(start_thread(kept.take, pipe))
        for reader in readers:
            while reader.is_alive():
                reader.join(POLL_S)
                check()
                _require(not output.is_cut, TooMuch)
                _require(time.monotonic() < end, TooSlow)
        with _as_too_slow():
            process.wait(max(POLL_S, end - time.monotonic()))
    finally:
        if end_process(process):
            for reader in readers:  # there may have been no memory to start them all
                reader.join(LAST_WAIT_S)
            for _, pipe in pipes:
                pipe.close()
    _require(not output.is_cut, TooMuch)
    return output.all(), messages.all()


def end_process(process: subprocess.Popen[bytes]) -> bool:
    """Kill a process and wait for its end, but not for ever.

    Returns:
        Whether it has ended; whoever uses the pipes of one that has not may wait for ever.
    """
    process.kill()
    with suppress(subprocess.TimeoutExpired):
        process.wait(LAST_WAIT_S)
    return process.returncode is not None


def _require(condition: bool, error: type[Exception]) -> None:
    if not condition:
        raise error


@contextmanager
def _as_too_slow() -> Iterator[None]:
    try:
        yield
    except subprocess.TimeoutExpired as error:
        raise TooSlow from error


class Watch:
    """Kills a process that keeps us waiting for too long, or once somebody wants that.

    Args:
        process: to be watched until its end.
        limit_s: seconds of one wait; what we do in between does not count.
        stop: once it is set, the process is killed.
    Attributes:
        is_over: whether the limit was exceeded.
    """

    def __init__(self, process: subprocess.Popen[bytes], limit_s: float, stop: threading.Event | None = None) -> None:
        self._process, self._limit_s, self._stop = process, limit_s, stop or threading.Event()
        self._since: float | None = None
        self.is_over = False
        start_thread(self._watch)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Inside, it is waited for."""
        self._since = time.monotonic()
        try:
            yield
        finally:
            self._since = None

    def wait(self) -> int | None:
        """Wait for the process's end; returns its exit status, or None where it was killed and does not end."""
        with self.waiting():
            while not (self.is_over or self._stop.is_set()):
                with suppress(subprocess.TimeoutExpired):
                    return self._process.wait(POLL_S)
        end_process(self._process)
        return self._process.returncode

    def heard(self) -> None:
        """The process has done something: a wait begins anew."""
        if self._since is not None:
            self._since = time.monotonic()

    def _watch(self) -> None:
        while self._process.poll() is None:
            stopped, since = self._stop.wait(POLL_S), self._since
            self.is_over = since is not None and time.monotonic() - since > self._limit_s
            if stopped or self.is_over:
                self._process.kill()
                return


def process_mark() -> str:
    """By what this process is known on all machines that write to one disk: its machine, its number, its start."""
    return f"{_machine_mark()}-{os.getpid()}-{_begun(os.getpid())}"


def process_in_words() -> str:
    """This process as a person knows it."""
    return f"process {os.getpid()} on {socket.gethostname()}"


def is_gone(mark: str) -> bool:
    """Whether the process with this mark was one of this machine, and has ended; of others nothing is known.

    Windows tells nothing that is safe to ask for; there a process counts as one of another machine.
    """
    machine, number, begun = mark.split("-")
    if machine != _machine_mark() or os.name == "nt":
        return False
    try:
        os.kill(int(number), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:  # somebody else's
        pass
    return _begun(int(number)) != int(begun)  # else another process has the number now


def _begun(number: int) -> int:
    """When a process began, in ticks since the machine's start; 0 where the system does not say, or it has ended."""
    try:
        state, *others = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return 0
    return 0 if state in ("Z", "X") else int(others[18])


@cache
def _machine_mark() -> str:
    """Eight digits for this machine since its start; containers differ, as process numbers mean others in each."""
    told = [socket.gethostname()]
    with suppress(OSError):  # Linux alone
        told.append(Path("/proc/sys/kernel/random/boot_id").read_text())
        told.append(str(Path("/proc/self/ns/pid").readlink()))
    return hashlib.sha256("\n".join(told).encode(errors="surrogateescape")).hexdigest()[:8]


def own_session() -> dict[str, Any]:
    """Arguments of `subprocess.Popen` that keep the terminal's Ctrl-C away from ffmpeg: only we react."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}
