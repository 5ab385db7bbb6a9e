"""One run at a time for each film: the operating system holds the lock, and lets go of it when a run dies.

A run that is halted does not die. So a run touches its lock as claims are touched, and who has waited and seen it
untouched for as long removes it and makes another. Who finds another's lock in place of its own, when it wakes, ends.

What lies at the lock's place is looked at before it is opened, and again before it is written to: links, pipes and
files of other content are refused, and stay as they are.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from stylevideo.errors import InputError, LockedError, Stopped, StorageError, StyleVideoError
from stylevideo.media.hidden import Places
from stylevideo.store.claims import LEASE_S, TOUCH_S, WATCH, discard, holder_of_any, taken_over, watch_claims
from stylevideo.store.notes import asked_for
from stylevideo.system.files import kind_of_file, read_file
from stylevideo.system.process import process_in_words, process_mark
from stylevideo.system.threads import start_thread

_NOTE_FLAGS = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_NOTE_BYTES = 1024
_NOTE = re.compile(rb"(process [^\n]*)?")
_IS_OURS = re.compile(_NOTE.pattern + rb"|[0-9]+\n[^\0]*")
"""Also what filelock writes where the disk knows no locks."""


@contextmanager
def sole_run(places: Places) -> Iterator[Callable[[], bool]]:
    """Keep other runs off a film.

    Yields:
        What tells whether another run has taken over, as this one was halted; then work inside is to be ended.
    Raises:
        LockedError: another run is making it, or has taken over.
        InputError: something else lies at the lock's place.
        StorageError: the lock cannot be made.
    """
    path = places.lock
    require_own_lock(places)
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        watch_claims(places)
        if not (WATCH.is_left(path) and _take_over(lock, path)):
            raise LockedError(
                f"{places.film} is being made by another run{_owner(path)}. Wait for it, or choose another output."
            ) from error
    except OSError as error:
        raise StorageError(f"{path} cannot be made ({error.strerror}). Choose another place for the film.") from error
    is_lost, end = threading.Event(), threading.Event()
    own = b""
    try:
        with suppress(OSError):
            _write_note(path)
        own = _content(path)
        start_thread(_touch, path, own, is_lost, end, name="lock")
        yield is_lost.is_set
    except (StyleVideoError, Stopped) as error:
        found = _content(path)
        if is_lost.is_set() or (own and found and found != own):
            raise taken_over() from error
        if own and not found:
            raise LockedError(
                f"{path} is gone or cannot be read: it was removed, or this process did nothing for {LEASE_S:g} s or "
                "more, and another one has taken over what it painted. Run the same command again to go on with what "
                "is left."
            ) from error
        raise
    finally:
        end.set()
        with suppress(OSError):
            if _content(path) == own:  # that of whoever takes it over has nothing in it at first
                path.unlink()  # while it is held, so that nobody holds a lock that has no name
        lock.release()
        with suppress(OSError):
            if os.name == "nt":  # which removes no open file
                path.unlink()


def _take_over(lock: FileLock, path: Path) -> bool:
    """Take a film from a run that is halted; whether that went well. Of several that try, one does at a time."""
    turn = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]  # no longer than a name may be
    try:
        with sole_run(Places(path, turn)):
            if WATCH.is_left(path):  # still
                path.unlink()
            lock.acquire()
    except (StyleVideoError, Timeout, OSError):
        return False
    return True


def _touch(path: Path, own: bytes, is_lost: threading.Event, end: threading.Event) -> None:
    """Show that a lock's run is at work, as long as nobody else's lock is there."""
    while not end.wait(TOUCH_S):
        if _is_anothers(path, own):
            is_lost.set()
            return
        with suppress(OSError):  # the next time
            os.utime(path)


def _is_anothers(path: Path, own: bytes) -> bool:
    """Whether a lock says that it is another run's than of whom this was in it; nobody knows where that was nothing."""
    return own != b"" and _content(path) not in (b"", own)


def require_own_lock(places: Places) -> None:
    """Refuse what lies at a lock's place and is no lock of this program.

    Raises:
        InputError: with what to do about it.
    """
    path = places.lock
    with suppress(OSError):  # gone again; of another user, or held on Windows: locking it tells
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            raise _foreign(path, kind_of_file(status.st_mode))
        if status.st_size > _NOTE_BYTES or not _IS_OURS.fullmatch(read_file(path, _NOTE_BYTES)):
            raise _foreign(path, "a file of somebody else")


def remove_stale(places: Places, key: Callable[[], str]) -> None:
    """Throw away what a run has left that was killed when its film was complete; not what is to become another film.

    Args:
        places: of the film.
        key: tells what the run was asked for, as a request key; asked if anything is left.
    """
    if places.work.exists() or places.lock.exists():
        with suppress(StyleVideoError), sole_run(places):
            asked = asked_for(places)
            if asked is None or asked == key():
                discard(places)


def is_locked(places: Places) -> bool:
    """Whether a run is working on a film now, or somebody paints a shot of it.

    Raises:
        OSError, StorageError: that cannot be found out.
    """
    if holder_of_any(places) is not None:
        return True
    path = places.lock
    if not path.exists():
        return False
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return True
    lock.release()
    return False


def _write_note(path: Path) -> None:
    """Say in the lock who has it, if it is an ordinary file of one name, as no backup's, with nothing else in it."""
    with os.fdopen(os.open(path, _NOTE_FLAGS), "rb+") as file:
        status = os.fstat(file.fileno())
        if stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and _NOTE.fullmatch(file.read(_NOTE_BYTES)):
            file.seek(0)
            file.truncate()
            file.write(f"{process_in_words()}, {process_mark()}".encode())  # names and numbers of containers may agree


def _owner(path: Path) -> str:
    note = _content(path)
    return f" ({note.partition(b',')[0].decode(errors='replace')})" if note and _NOTE.fullmatch(note) else ""


def _content(path: Path) -> bytes:
    """What is in a lock, by which each run's is another; nothing where it cannot be read, or is not there."""
    try:
        return read_file(path, _NOTE_BYTES)
    except (OSError, InputError):
        return b""


def _foreign(path: Path, kind: str) -> InputError:
    return InputError(f"{path} is {kind}, not the lock of a run. Move it away, or choose another name for the film.")
