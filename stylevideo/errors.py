"""What can go wrong, as a tree of exceptions whose messages say what, where and what to do.

Each class says itself whose fault it is and whether another attempt is worth it. Knows no files, prints nothing and
never exits: only `stylevideo.cli` turns these into messages and exit codes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from stylevideo.text import INDENT

MOST_TOLD = 20
MOST_NOTED = 200
"""Of what is wrong: so much is looked for, so that a file full of faults does not take hours."""


ANEW = "Add --restart to begin the film anew."
"""What is advised last where work is spoilt; not where others have a part in it, whose work would be lost."""


class StyleVideoError(Exception):
    """Anything stylevideo raises on purpose; its text is one clear sentence for the user.

    Attributes:
        exit_code: that a command ends with: 1 where it failed on the way, 2 where what it was asked for is wrong.
        retryable: whether another attempt may do better.
        elsewhere: whether one on another machine may.
        sentences: of one that tells of several things, as `Problems` raises it, one each; else empty.
    """

    exit_code: ClassVar[int] = 1
    retryable: ClassVar[bool] = True
    elsewhere: ClassVar[bool] = False
    sentences: tuple[str, ...] = ()


class RequestError(StyleVideoError):
    """What was asked for cannot be done, however often it is tried."""

    exit_code = 2
    retryable = False


class InputError(RequestError):
    """An input file, a style picture, the weights or the output's place cannot be used as asked."""


class TimeLimitError(InputError):
    """A program that examines an input did not answer in time; it may do better next time."""

    retryable = True


class SettingsError(RequestError):
    """A setting is unknown, out of its range, or does not go with another."""


class DeviceError(RequestError):
    """The device asked for is not there, or cannot do the work."""

    elsewhere = True


class DeviceMemoryError(StyleVideoError):
    """The device's memory is too small for a frame; the finished frames are kept."""


class PaintingError(StyleVideoError):
    """A frame's numbers are not finite, so that there is no picture; the finished frames are kept."""


class ShapeError(StyleVideoError):
    """Two tensors that belong together differ in size, or one has the wrong number of dimensions."""


class DecodeError(StyleVideoError):
    """A video that opened well cannot be decoded any further."""


class KilledError(StyleVideoError):
    """A process that works for us was killed by the system or by another program; it may do better next time."""


class EncodeError(StyleVideoError):
    """ffmpeg could not write the film; the finished frames are kept."""


class VerificationError(StyleVideoError):
    """A film lacks something that its source has."""


class InstallationError(StyleVideoError):
    """Something that the program cannot work without is missing."""


class StorageError(StyleVideoError):
    """A finished frame or the carried state cannot be written to disk, or read back."""


class ResumeError(RequestError):
    """Frames of an earlier run are there, but they were made from something else."""


class UnlikeError(ResumeError):
    """Frames of an earlier run are there, and what is installed or built into this machine makes others."""

    elsewhere = True


class PlanError(InputError):
    """No plan of a film is found here: it was never made, or the folder is not shared with this machine."""

    elsewhere = True


class UnpaintedError(StyleVideoError):
    """A film cannot be put together yet: shots of it are missing."""


class TouchedError(StyleVideoError):
    """A clip was written to or replaced by its like while it was read; the finished frames are sound."""


class LockedError(StyleVideoError):
    """Another run is making the same film."""


class WorkerError(StyleVideoError):
    """The process that worked on a clip ended before its task did: it crashed, or was killed."""


class WorkerUndeadError(WorkerError):
    """The process that worked on a clip cannot be ended, not even by the system: it may hold the film's lock."""

    retryable = False


class Stopped(Exception):
    """A run ended early because it was asked to; the finished frames are kept. No fault, least of all a clip's.

    Attributes:
        exit_code: that a command ends with, as one that Ctrl-C has ended.
    """

    exit_code: ClassVar[int] = 130

    def __init__(self, message: str = "It was stopped after the last finished frame.") -> None:
        super().__init__(message)


@contextmanager
def frame_context(clip: str | Path, frame: int) -> Iterator[None]:
    """Name the clip and the frame in whatever is raised inside.

    Args:
        clip: the source's path; its file name is shown.
        frame: the frame's number as the user counts it (from 1 in a video file).
    Raises:
        StyleVideoError: of the same class, with `clip, frame N: ` in front. Other exceptions pass with
            a note of the same content.
    """
    place = f"{Path(clip).name}, frame {frame}"
    try:
        yield
    except StyleVideoError as error:
        raise type(error)(f"{place}: {error}") from error
    except Exception as error:
        error.add_note(f"while working on {place}")
        raise


class Problems:
    """What goes wrong, collected, so that a user hears of all of it at once, or of the first of very much."""

    def __init__(self) -> None:
        self._errors: list[tuple[str, StyleVideoError]] = []

    @contextmanager
    def noted(self, place: str = "") -> Iterator[None]:
        """Keep what is raised inside, and go on behind.

        Args:
            place: what stands before the sentence, such as a file's name.
        """
        try:
            yield
        except StyleVideoError as error:
            self._errors.append((place, error))

    @property
    def suffice(self) -> bool:
        """Whether there are so many that no more need to be looked for."""
        return len(self._errors) >= MOST_NOTED

    def raise_all(self) -> None:
        """Raise what was kept as one error, in order and each sentence once; nothing if there is nothing.

        Of more than `MOST_TOLD` the rest is counted.

        Raises:
            StyleVideoError: of the class of the first.
        """
        if not self._errors:
            return
        told_apart = ((place, text) for place, error in self._errors for text in error.sentences or (str(error),))
        lines = list(dict.fromkeys(f"{place}: {text}" if place else text for place, text in told_apart))
        first = self._errors[0][1]
        more, at_least = len(lines) - MOST_TOLD, "At least " if self.suffice else ""
        told = [*lines[:MOST_TOLD], f"… and {more} more."] if more > 0 else lines
        text = lines[0] if len(lines) == 1 else INDENT.join([f"{at_least}{len(lines)} things are wrong.", *told])
        error = type(first)(text)
        error.sentences = tuple(lines)
        raise error from first
