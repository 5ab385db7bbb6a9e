"""ffmpeg fed through a pipe: started, given all it needs, waited for, and never left behind."""

from __future__ import annotations

import subprocess
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from stylevideo.errors import EncodeError
from stylevideo.media.ffmpeg import last_lines, start_ffmpeg

STDERR_LINES_KEPT = 50
POLL_S = 0.1


def encode(
    command: Sequence[str], chunks: Iterable[memoryview | bytes], output: Path, stop: threading.Event | None = None
) -> None:
    """Run ffmpeg, write chunks into its standard input, and wait for its end; it never outlives this.

    Args:
        command: the program and its arguments.
        chunks: what is written, in order; what is raised while they are made comes through.
        output: named in errors.
        stop: once it is set, by another thread, ffmpeg is killed.
    Raises:
        EncodeError: ffmpeg failed, or the disk is full.
        InputError: ffmpeg cannot be started.
    """
    process = start_ffmpeg(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stdin is not None and process.stderr is not None
    messages: deque[str] = deque(maxlen=STDERR_LINES_KEPT)
    drain = threading.Thread(target=_drain, args=(process.stderr, messages), daemon=True)
    drain.start()
    if stop is not None:
        threading.Thread(target=_kill_when, args=(stop, process), daemon=True).start()
    try:
        broken = _feed(process.stdin, chunks)
        status = process.wait()
    finally:
        process.kill()
        process.wait()
        with suppress(OSError):
            process.stdin.close()
        drain.join()
        process.stderr.close()
    if status != 0 or broken is not None:
        raise _encode_error(output, "\n".join(messages)) from broken


def _feed(pipe: IO[bytes], chunks: Iterable[memoryview | bytes]) -> OSError | None:
    """Write the chunks and close the pipe; returns the error where ffmpeg closed it first."""
    for chunk in chunks:
        try:
            pipe.write(chunk)
        except OSError as error:
            return error
    try:
        pipe.close()
    except OSError as error:
        return error
    return None


def _kill_when(stop: threading.Event, process: subprocess.Popen[bytes]) -> None:
    """End a process that may wait for ever, or for which somebody may."""
    while process.poll() is None:
        if stop.wait(POLL_S):
            process.kill()
            return


def _drain(pipe: IO[bytes], messages: deque[str]) -> None:
    for line in pipe:
        messages.append(line.decode("utf-8", errors="replace").rstrip())


def _encode_error(output: Path, messages: str) -> EncodeError:
    if "No space left on device" in messages:
        return EncodeError(f"{output.name} could not be written, because the disk is full. Free some space and resume.")
    return EncodeError(f"ffmpeg could not write {output.name}:\n  {last_lines(messages)}")
