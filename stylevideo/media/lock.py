"""One run at a time for each film: the operating system holds the lock, and lets go of it when a run dies."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from stylevideo.errors import LockedError, StorageError
from stylevideo.media.leftovers import asked_for, store_folder, throw_away


def lock_path(output: Path) -> Path:
    """Where a film's lock is: `.film.mp4.stylevideo.lock`; there only while a run works on it, or after it died."""
    folder = store_folder(output)
    return folder.with_name(f"{folder.name}.lock")


@contextmanager
def sole_run(output: Path) -> Iterator[None]:
    """Keep other runs off a film.

    Raises:
        LockedError: another run is making it.
        StorageError: the lock cannot be made.
    """
    path = lock_path(output)
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise LockedError(
            f"{output} is being made by another run{_owner(path)}. Wait for it, or choose another output."
        ) from error
    except OSError as error:
        raise StorageError(f"{path} cannot be made ({error.strerror}). Choose another place for the film.") from error
    try:
        with suppress(OSError):
            path.write_text(f"process {os.getpid()} on {socket.gethostname()}", encoding="utf-8")
        yield
    finally:
        with suppress(OSError):
            path.unlink()  # while it is held, so that nobody holds a lock that has no name
        lock.release()
        with suppress(OSError):
            if os.name == "nt":  # which removes no open file
                path.unlink()


def tidy(output: Path, key: str) -> None:
    """Throw away what a run has left that was killed when its film was complete; not what is to become another film.

    Args:
        output: the film.
        key: what the run was asked for, as from `stylevideo.identity.request_key`.
    """
    if store_folder(output).exists() or lock_path(output).exists():
        with suppress(LockedError, StorageError), sole_run(output):
            if asked_for(output) in (key, None):
                throw_away(output)


def is_locked(output: Path) -> bool:
    """Whether a run is working on a film now."""
    path = lock_path(output)
    if not path.exists():
        return False
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return True
    lock.release()
    return False


def _owner(path: Path) -> str:
    try:
        owner = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    return f" ({owner})" if owner else ""
