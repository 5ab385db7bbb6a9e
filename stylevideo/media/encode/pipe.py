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
from stylevideo.system.memory import tells_of_memory
from stylevideo.system.process import Watch, end_process
from stylevideo.system.threads import start_thread
from stylevideo.text import duration

STDERR_LINES_KEPT = 50
SILENCE_S = 3600.0
"""ffmpeg is ended that takes no picture, or does not end its work, for so long: slow encoders take minutes."""


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
    drain: threading.Thread | None = None
    try:
        drain = start_thread(_drain, process.stderr, messages)
        watch = Watch(process, SILENCE_S, stop)
        broken = _feed(process.stdin, chunks, watch)
        status = watch.wait()
    finally:
        if end_process(process):
            with suppress(OSError):
                process.stdin.close()
            if drain:
                drain.join()
            process.stderr.close()
    if watch.is_over:
        raise EncodeError(
            f"ffmpeg made no step in writing {output.name} for {duration(SILENCE_S)}, and was ended. "
            "Check the disk that it goes to."
        )
    if status != 0 or broken is not None:
        raise _encode_error(output, "\n".join(messages)) from broken


def _feed(pipe: IO[bytes], chunks: Iterable[memoryview | bytes], watch: Watch) -> OSError | None:
    """Write the chunks and close the pipe; returns the error where ffmpeg closed it first."""
    for chunk in chunks:
        try:
            with watch.waiting():
                pipe.write(chunk)
        except OSError as error:
            return error
    try:
        with watch.waiting():
            pipe.close()
    except OSError as error:
        return error
    return None


def _drain(pipe: IO[bytes], messages: deque[str]) -> None:
    for line in pipe:
        messages.append(line.decode("utf-8", errors="replace").rstrip())


def _encode_error(output: Path, messages: str) -> EncodeError | MemoryError:
    if "No space left on device" in messages:
        return EncodeError(f"{output.name} could not be written, because the disk is full. Free some space and resume.")
    if tells_of_memory(messages):
        return MemoryError(f"ffmpeg: {last_lines(messages, 1)}")
    return EncodeError(f"ffmpeg could not write {output.name}:\n  {last_lines(messages)}")
