"""The bundled ffmpeg: where it is, how it is run, and what it said when it failed.

Knows processes and their exit status; what the arguments mean is its callers' business.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import imageio_ffmpeg

from stylevideo.errors import DecodeError, InputError, KilledError, StorageError, TimeLimitError
from stylevideo.limits import ANSWER_BYTES, MESSAGE_BYTES, PIXELS, STREAMS
from stylevideo.media.formats import CLIP_FORMATS
from stylevideo.system.environment import find_program
from stylevideo.system.files import temporary_place
from stylevideo.system.heartbeat import end_if_asked
from stylevideo.system.memory import tells_of_memory
from stylevideo.system.process import TooMuch, TooSlow, collect, own_session
from stylevideo.text import INDENT

logger = logging.getLogger(__name__)

STDERR_LINES_SHOWN = 6
ANSWER_TIMEOUT_S = 60.0
"""For questions that need no more of a file than its beginning."""
SLOWEST_BYTES_PER_SECOND = 5_000_000
"""Of a disk or a network; for questions that read a whole file."""
_SHORT_OF = (errno.ENOMEM, errno.EAGAIN, errno.EMFILE, errno.ENFILE)
STOPPED_STATUS = 255
"""ffmpeg's exit status after a signal that it heeds, and after some failures, of which it tells more."""
_ZSCALE = ("-h", "filter=zscale")
_PROBED = re.compile(r"Format (\S+) probed with")


class TooLongAnswerError(InputError):
    """ffmpeg writes more than is taken."""


@dataclass(frozen=True)
class FfmpegRun:
    """A finished run of ffmpeg.

    Attributes:
        status: the exit status; 0 is success.
        output: what it wrote to standard output.
        messages: what it wrote to standard error.
    """

    status: int
    output: str
    messages: str

    @property
    def remarks(self) -> str:
        """Those messages that begin with the name of a part of ffmpeg; what a clip says of itself stands elsewhere."""
        return "\n".join(line for line in self.messages.split("\n") if line.startswith("["))


@cache
def ffmpeg_path() -> str:
    """Find the ffmpeg that imageio-ffmpeg brings along, or the one IMAGEIO_FFMPEG_EXE names.

    Raises:
        InputError: there is none.
    """
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise InputError(
            "No ffmpeg was found. Reinstall it with `pip install --force-reinstall imageio-ffmpeg`, "
            "or set IMAGEIO_FFMPEG_EXE to an ffmpeg program."
        ) from error


@cache
def ffmpeg_version() -> str:
    """The first words of what ffmpeg says of itself, such as "ffmpeg version 7.1"."""
    _, said = _introduction(ffmpeg_path())
    return " ".join((run_ffmpeg(["-version"]).output if said.status else said.messages).split()[:3])


def has_zscale() -> bool:
    """Whether this ffmpeg has the filter zscale, which converts colours."""
    _, said = _introduction(ffmpeg_path())
    return "Filter zscale" in (run_ffmpeg(_ZSCALE) if said.status else said).output.splitlines()


def file_url(path: Path) -> str:
    """Name a file so that ffmpeg takes a colon, a percent sign or a leading dash in it literally."""
    return f"file:{path.absolute()}"


def source_input(path: Path, demuxer: str = "") -> list[str]:
    """ffmpeg's arguments for an input file that somebody else has made; nothing but this file is opened.

    Args:
        path: an ordinary file.
        demuxer: ffmpeg's name of its format, where that is known: a file that has become another since is refused.
            Else it is found by content among `CLIP_FORMATS`, and all others are refused.
    """
    known = ["-f", demuxer] if demuxer else []
    allowed = ["-protocol_whitelist", "file", "-format_whitelist", _allowed(demuxer)]
    return [*known, *allowed, "-max_streams", str(STREAMS), "-max_pixels", str(PIXELS), "-i", file_url(path)]


def opencv_options(demuxer: str) -> str:
    """The same for the ffmpeg inside OpenCV, as its environment variable OPENCV_FFMPEG_CAPTURE_OPTIONS has it."""
    known = f"input_format;{demuxer}|" if demuxer else ""
    return f"{known}protocol_whitelist;file|format_whitelist;{_allowed(demuxer)}"


def _allowed(demuxer: str) -> str:
    return demuxer or ",".join(CLIP_FORMATS)


def format_of(path: Path) -> str:
    """ffmpeg's name of a file's format, whichever it is, found by content without opening it as that; "" if unknown."""
    nothing = ["-protocol_whitelist", "file", "-format_whitelist", "none", "-i", file_url(path)]
    found = _PROBED.findall(run_ffmpeg(["-v", "debug", *nothing], ANSWER_TIMEOUT_S).messages)
    return found[-1].partition(",")[0] if found else ""


def reading_time_s(path: Path) -> float:
    """Seconds that ffmpeg may take for a question that reads a whole file: generous for a slow disk."""
    size = 0
    with suppress(OSError):  # ffmpeg says so
        size = path.stat().st_size
    return ANSWER_TIMEOUT_S + size / SLOWEST_BYTES_PER_SECOND


def run_ffmpeg(arguments: Sequence[str], timeout_s: float = ANSWER_TIMEOUT_S) -> FfmpegRun:
    """Run ffmpeg to its end without a terminal and collect what it wrote.

    The caller checks the status: for some questions a failure is the answer.

    Args:
        arguments: everything after the program's name.
        timeout_s: seconds after which ffmpeg is killed.
    Raises:
        InputError: ffmpeg cannot be started, or says more than `limits.ANSWER_BYTES`.
        KilledError: it was killed.
        Stopped: this thread's work is to be broken off.
        TimeLimitError: it took longer than `timeout_s`.
    """
    done = _run(arguments, timeout_s)
    return FfmpegRun(done.returncode, done.stdout.decode("utf-8", errors="replace"), _messages(done))


def ffmpeg_output(
    arguments: Sequence[str], timeout_s: float = ANSWER_TIMEOUT_S, most_bytes: int = ANSWER_BYTES
) -> bytes:
    """Run ffmpeg to its end without a terminal and return what it wrote to standard output, as it is.

    Args:
        arguments: everything after the program's name.
        timeout_s: seconds after which ffmpeg is killed.
        most_bytes: that it may write.
    Raises:
        DecodeError: ffmpeg failed; its last words are the message.
        InputError, KilledError, Stopped, TimeLimitError: as of `run_ffmpeg`.
    """
    done = _run(arguments, timeout_s, most_bytes)
    if done.returncode != 0:
        raise DecodeError(last_lines(_messages(done), 1))
    return done.stdout


def _run(
    arguments: Sequence[str], timeout_s: float, most_bytes: int = ANSWER_BYTES
) -> subprocess.CompletedProcess[bytes]:
    command = [ffmpeg_path(), "-hide_banner", "-nostdin", *arguments]
    process = start_ffmpeg(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        output, messages = collect(process, timeout_s, most_bytes, MESSAGE_BYTES, _hear)
    except TooSlow as error:
        raise TimeLimitError(
            f"{_input_name(arguments)} could not be read within {timeout_s:.0f} seconds. "
            "Check the disk or the network it lies on, or convert the file first."
        ) from error
    except TooMuch as error:
        raise TooLongAnswerError(
            f"{_input_name(arguments)}: ffmpeg has more to say of it than the {most_bytes:,} bytes that are taken. "
            "Convert the file first."
        ) from error
    if _was_killed(process.returncode, messages):  # which is no answer to any question
        raise KilledError("ffmpeg was killed by another program, or because the machine ran out of memory. Run again.")
    done = subprocess.CompletedProcess(command, process.returncode, output, messages)
    if done.returncode and tells_of_memory(_messages(done)):
        raise MemoryError(f"ffmpeg: {last_lines(_messages(done), 1)}")
    return done


def _hear() -> None:
    end_if_asked(is_kept=False)


def _input_name(arguments: Sequence[str]) -> str:
    named = [after for before, after in pairwise(arguments) if before == "-i" and after.startswith("file:")]
    return Path(named[0]).name if named else "ffmpeg's own input"


def _was_killed(status: int, messages: bytes) -> bool:
    """Whether somebody has ended ffmpeg; a crash of its own does not count."""
    if sys.platform != "win32" and status in (-signal.SIGKILL, -signal.SIGTERM):
        return True
    return status == STOPPED_STATUS and (not messages.strip() or b"received signal" in messages)


def start_ffmpeg(command: Sequence[str], **pipes: int) -> subprocess.Popen[bytes]:
    """Start ffmpeg away from the terminal's Ctrl-C; on Linux it ends with us, even if we are killed.

    There it ends with the thread that calls this, too, which therefore has to wait for it.

    Args:
        command: the program and its arguments.
        pipes: stdin, stdout and stderr as for `subprocess.Popen`.
    Raises:
        InputError: it cannot be started.
        KilledError: it cannot be started now.
    """
    logger.debug("running %s", subprocess.list2cmdline(command))
    try:
        return subprocess.Popen(  # type: ignore[call-overload, no-any-return]
            [*_tether(command[0]), *command], env=_environment(), **pipes, **own_session()
        )
    except OSError as error:
        raise cannot_start(error) from error


def _environment() -> dict[str, str]:
    """Ours without what makes ffmpeg write report files, and colours into the messages that we read."""
    return {name: value for name, value in os.environ.items() if name not in ("FFREPORT", "AV_LOG_FORCE_COLOR")}


def _tether(program: str) -> tuple[str, ...]:
    """What goes before a command of this program so that the system ends it with us; nothing where that does not work.

    Python's own way (`preexec_fn`) may deadlock in a program with threads.
    """
    return _introduction(program)[0]


@cache
def _introduction(program: str) -> tuple[tuple[str, ...], FfmpegRun]:
    """The tether of a program, tried by asking what it says of itself and of the filter zscale; and what it said."""
    setpriv = find_program("setpriv") if sys.platform == "linux" else None
    for prefix in ((setpriv, "--pdeathsig", "KILL", "--"), ()) if setpriv else ((),):
        command = [*prefix, program, "-nostdin", *_ZSCALE]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        try:
            process = subprocess.Popen(command, env=_environment(), **pipes, **own_session())  # type: ignore[call-overload]
            output, messages = collect(process, ANSWER_TIMEOUT_S, ANSWER_BYTES, MESSAGE_BYTES, _hear)
        except (OSError, TooMuch, TooSlow):
            continue
        done = subprocess.CompletedProcess(command, process.returncode, output, messages)
        if not done.returncode:
            return prefix, FfmpegRun(0, output.decode("utf-8", errors="replace"), _messages(done))
    return (), FfmpegRun(-1, "", "")


def _messages(done: subprocess.CompletedProcess[bytes]) -> str:
    return done.stderr.decode("utf-8", errors="replace")


def require_space(run: FfmpegRun) -> None:
    """Tell a full disk for temporary files from an answer.

    Raises:
        StorageError: it is full.
    """
    if run.status and "No space left on device" in run.messages:
        raise StorageError(f"The disk for temporary files, {temporary_place()}, is full. Free some space.")


def cannot_start(error: OSError) -> InputError | KilledError:
    """Say why the ffmpeg program cannot be run, and what helps against that."""
    said = f"{ffmpeg_path()} cannot be run: {error.strerror}. "
    if error.errno in _SHORT_OF:
        return KilledError(f"{said}The system is short of memory, processes or open files: end some, and run again.")
    if error.errno == errno.E2BIG:
        return InputError(f"{said}What it was to be told is longer than this system allows: shorten names and --style.")
    if error.errno in (errno.EACCES, errno.EPERM):
        return InputError(f"{said}Allow it, as by `chmod +x`, or set IMAGEIO_FFMPEG_EXE to an ffmpeg program.")
    return InputError(f"{said}Reinstall imageio-ffmpeg, or set IMAGEIO_FFMPEG_EXE to an ffmpeg program.")


def last_lines(messages: str, count: int = STDERR_LINES_SHOWN) -> str:
    """The last `count` lines that say something, to be shown in an error."""
    lines = [line.strip() for line in messages.splitlines() if line.strip()]
    return INDENT.join(lines[-count:]) if lines else "(ffmpeg gave no reason)"
