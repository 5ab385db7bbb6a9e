"""Whether a clip is still what it was when a run began: looked at before any of its frames counts.

A look is quick: size and times of the one file that a frame was read from. Where it has changed, the content decides:
another one ends the run, the same one (put back, linked, copied onto itself) only makes it go on from the last frame
that was saved, since what was read meanwhile is not known. The content of large clips is known by parts of it, see
`stylevideo.store.identity.read_source`.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from stylevideo.errors import ANEW, InputError, StyleVideoError, TouchedError
from stylevideo.media.decode.reader import SourceFrame
from stylevideo.store.identity import read_source, whole_hash
from stylevideo.system.files import READ_FLAGS
from stylevideo.system.heartbeat import beat
from stylevideo.timeline.selection import FrameSelection


class SourceWatch:
    """Knows what a clip was like at the beginning.

    Args:
        selection: the clip's frames that are read.
    Attributes:
        identity: of the files that are read, see `stylevideo.store.identity.read_source`.
        only_written: whether a file counts as touched only where its size or the time of its last change says so; not
            where only its entry was changed, as by backups, links, permissions, and, on some disks, by nothing.
    Raises:
        InputError: a file cannot be read.
    """

    def __init__(self, selection: FrameSelection) -> None:
        self._selection, self._files, self.only_written = selection, selection.files, False
        self._path = selection.info.path
        self._at_first = {file: _look(file) for file in self._files if file}
        self._content = read_source(self._files)
        self.identity = self._content.identity

    def sha256(self) -> str:
        """Of all that the files hold, one after another; a large clip is read for it.

        Raises:
            InputError: a file can no longer be read.
        """
        return self._content.sha256 or whole_hash(file for file, look in self._at_first.items() if look)

    def over(self, frames: Iterator[SourceFrame]) -> Generator[SourceFrame]:
        """Frames of the clip, each after a look at the file that it comes from.

        Raises:
            InputError: the clip has become another.
            TouchedError: it was touched, and is what it was.
            What reading a frame raises, where the clip is what it was.
        """
        try:
            with self.explain():
                for frame in frames:
                    self.require_untouched([self._selection.file(frame.index)])
                    yield frame
        finally:
            if isinstance(frames, Generator):
                frames.close()

    @contextmanager
    def explain(self) -> Iterator[None]:
        """Look at all files where something went wrong that may come of a change; see `over`."""
        try:
            yield
        except TouchedError:
            raise
        except StyleVideoError:
            self.require_untouched(self._files)
            raise

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Look at all files when what reads them is done, and whatever comes of it; see `over`."""
        with self.explain():
            yield
            self.require_untouched(self._files)

    def require_unchanged(self) -> None:
        """Refuse a film of two versions of its clip; see `over`.

        The content is looked at, too: what is written through a map of memory moves no time at once, and some disks
        keep no time of a file's entry.
        """
        self._require_same_content()
        self.require_untouched(self._files)

    def require_untouched(self, files: Iterable[Path | None]) -> None:
        """Look at some of the files; see `over`."""
        if any(self._is_touched(file) for file in files if file):
            self._require_same_content()
            raise TouchedError(
                f"{self._path} was written to, replaced or linked while it was read, and is what it was. "
                "Run the same command again when nothing touches it any more."
            )

    def _is_touched(self, file: Path) -> bool:
        now, before = _look(file), self._at_first[file]
        return (now and now[:2]) != (before and before[:2]) if self.only_written else now != before

    def _require_same_content(self) -> None:
        gone = next((file for file, before in self._at_first.items() if before and not file.exists()), None)
        if gone:
            raise InputError(f"{gone} can no longer be read: it is gone. Put it back.")
        if read_source(self._files).identity != self.identity:
            raise InputError(
                f"{self._path} has changed since the run began, and the film would be of two versions. Put back "
                f"what it was. {ANEW}"
            )


def _look(file: Path) -> tuple[int, int, int] | None:
    """A file's size and times; None where there is none. It is opened, so that network disks do not answer from memory.

    When the file's entry was changed comes last; it is the one time that nobody can set back. Each look is a step of
    work.
    """
    beat()
    try:
        descriptor = os.open(file, READ_FLAGS)
    except OSError:
        return None
    try:
        status = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns
