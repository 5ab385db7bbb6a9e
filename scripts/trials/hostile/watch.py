"""Calls of the command line under strace, with the time and memory that they take and what they leave running.

Linux. Knows processes; what of all this is allowed is the business of `judge`.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from scripts import ROOT
from scripts.trials.hostile.server import MARK
from scripts.trials.hostile.trace import LONGEST_TEXT, SYSCALLS, Event, events

SERVER = "scripts.trials.hostile.server"
START_S = 300.0
POLL_S = 0.03
TRACE_S = 60.0
"""For the last lines of a trace to arrive."""
END_S = 60.0
"""For a call that was ended, and for the server behind it."""
GRACE_S = 1.0
"""For processes that are about to end."""
PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024


@dataclass(frozen=True)
class Limits:
    """What a call may take."""

    seconds: float = 30.0
    gib: float = 2.0


@dataclass(frozen=True)
class Seen:
    """What was seen of a call.

    Attributes:
        code: the exit code; negative for a signal.
        out, err: what it wrote to its standard streams.
        seconds, gib: that it took; the memory is that of all its processes, resident.
        over: why it was ended, or "".
        left: programs that it left running, which were ended.
        events: all that strace saw of it and of its children.
    """

    code: int
    out: str
    err: str
    seconds: float
    gib: float
    over: str
    left: tuple[str, ...]
    events: tuple[Event, ...]


def can_watch() -> str:
    """Why nothing can be watched here, or ""."""
    if not sys.platform.startswith("linux"):
        return "only on Linux"
    if shutil.which("strace") is None:
        return "strace is not there"
    tried = subprocess.run(["strace", "-f", "-y", "--seccomp-bpf", "-o", os.devnull, "true"], capture_output=True)
    return "strace may not trace here" if tried.returncode else ""


class Watcher:
    """One warm server, its trace and its calls, one after another.

    Args:
        folder: for the trace and the streams' files; an empty one.
        limits: of a call.
    """

    def __init__(self, folder: Path, limits: Limits) -> None:
        self._folder, self._limits = folder, limits
        self._trace, self._count, self._size_before = folder / "trace", 0, 0
        command = ["strace", "-f", "-y", "-s", str(LONGEST_TEXT), "--seccomp-bpf", "-e", f"trace={','.join(SYSCALLS)}"]
        command += ["-o", str(self._trace), sys.executable, "-m", SERVER]
        with (folder / "server.log").open("wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, cwd=ROOT
            )
        if self._line(START_S) != "ready":
            raise RuntimeError(f"the server did not start: {(folder / 'server.log').read_text()[-500:]}")
        self._server = _children(self._process.pid)[0]

    def call(
        self, arguments: Sequence[bytes], folder: Path, environment: Mapping[str, str], closed: Sequence[int] = ()
    ) -> Seen:
        """Call `stylevideo ARGUMENTS` in a folder, in a process of its own.

        Args:
            arguments: as bytes, since names need not be UTF-8.
            folder: the working folder.
            environment: variables that are set.
            closed: standard streams that are closed.
        """
        streams = [self._folder / f"{self._count}.{name}" for name in ("out", "err")]
        order = {
            "arguments": [word.hex() for word in arguments],
            "folder": str(folder),
            "environment": dict(environment),
            "stdout": environment.get("HOSTILE_STDOUT", str(streams[0])),
            "stderr": str(streams[1]),
            "closed": list(closed),
        }
        began = time.monotonic()
        self._size_before = self._trace.stat().st_size
        _pipe(self._process.stdin).write((json.dumps(order) + "\n").encode())
        _pipe(self._process.stdin).flush()
        child = int(self._line(START_S))
        answer, over, kib = self._wait(child, began)
        seconds = time.monotonic() - began
        code, largest = map(int, answer.split())
        left = self._end_what_is_left()
        ours = (f"{self._folder}{os.sep}", str(order["stdout"]))  # which the server opens for the call
        seen = tuple(e for e in events(self._new_lines()) if e.pid != self._server and not e.path.startswith(ours))
        out, err = (stream.read_text("utf-8", "surrogateescape") if stream.exists() else "" for stream in streams)
        for stream in streams:
            stream.unlink(missing_ok=True)
        self._count += 1
        return Seen(code, out, err, seconds, max(kib, largest) / 2**20, over, left, seen)

    def stop(self) -> None:
        """End the server."""
        with suppress(OSError):
            _pipe(self._process.stdin).close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self._process.kill()
        self._process.wait()
        _pipe(self._process.stdout).close()

    def _wait(self, child: int, began: float) -> tuple[str, str, int]:
        """The server's answer, why the call was ended, the most memory in KiB."""
        over, most = "", 0
        while True:
            line = self._line(POLL_S)
            if line:
                return line, over, most
            tree = [child, *_descendants(child)]
            kib = sum(map(_resident_kib, tree))
            most = max(most, kib)
            if time.monotonic() - began > self._limits.seconds:
                over = f"takes more than {self._limits.seconds:g} s"
            elif kib > self._limits.gib * 2**20:
                over = f"takes more than {self._limits.gib:g} GiB"
            if over:
                _kill(tree)
            if time.monotonic() - began > self._limits.seconds + END_S:
                raise RuntimeError("a call that was ended has not ended")

    def _line(self, seconds: float) -> str:
        stream = _pipe(self._process.stdout)
        if not select.select([stream], [], [], seconds)[0]:
            return ""
        line = stream.readline()
        if not line:
            raise RuntimeError(f"the server died: {(self._folder / 'server.log').read_text()[-500:]}")
        return line.decode().strip()

    def _end_what_is_left(self) -> tuple[str, ...]:
        until = time.monotonic() + GRACE_S
        while (left := _running(self._server)) and time.monotonic() < until:
            time.sleep(POLL_S)
        names = tuple(_command(pid) for pid in left)
        _kill([*left, *(pid for one in left for pid in _descendants(one))])
        return names

    def _new_lines(self) -> list[str]:
        """What the trace has since the last call."""
        until, mark = time.monotonic() + TRACE_S, f'{MARK}{self._count}"'.encode()
        while time.monotonic() < until:
            with self._trace.open("rb") as file:
                file.seek(self._size_before)
                data = file.read()
            if mark in data:
                break
            time.sleep(POLL_S)
        else:
            raise RuntimeError("the trace has no end")
        return data.decode("utf-8", "surrogateescape").splitlines()


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream


def _children(pid: int) -> list[int]:
    with suppress(OSError):
        texts = [file.read_text() for file in Path(f"/proc/{pid}/task").glob("*/children")]
        return [int(text) for text in " ".join(texts).split()]
    return []


def _descendants(pid: int) -> list[int]:
    children = _children(pid)
    return children + [below for child in children for below in _descendants(child)]


def _running(pid: int) -> list[int]:
    """Children that have not ended."""
    return [child for child in _children(pid) if _state(child) not in ("Z", "X", "")]


def _state(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return ""


def _resident_kib(pid: int) -> int:
    with suppress(OSError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_KIB
    return 0


def _command(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text("utf-8", "replace").replace("\0", " ")[:120]
    return f"process {pid}"


def _kill(pids: Sequence[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
