"""What becomes of memory that is freed while frames are computed. Loads no library."""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, M_MMAP_MAX = -3, -1, -4
"""Of `mallopt`, in glibc's malloc.h."""
KEEPING = {M_MMAP_THRESHOLD: 32 * 2**20, M_TRIM_THRESHOLD: -1, M_MMAP_MAX: 0}
"""No block is a map of its own, and nothing is given back."""
USUAL = {M_MMAP_THRESHOLD: 32 * 2**20, M_TRIM_THRESHOLD: 64 * 2**20, M_MMAP_MAX: 65536}
"""What glibc comes to by itself once a block of 32 MiB was freed; it would not again once it was told anything."""
_LOCK = threading.RLock()
"""Entered again by its own thread where garbage is collected inside, and a generator in it that was begun ends."""
_users = 0


@contextmanager
def freed_memory_stays() -> Iterator[None]:
    """Keep what is freed for what is wanted next; in the end what nothing uses is given back.

    glibc gives each large block back at once, and takes it from the system again for the next map of the same size: it
    is cleared and mapped page by page then, which takes up to a third of an iteration at film size. Other libraries
    than glibc are left as they are. May be entered again inside, and by several threads: the last one out ends it.
    """
    _count(+1)
    try:
        yield
    finally:
        _count(-1)


def _count(change: int) -> None:
    global _users
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    if library is None or not hasattr(library, "gnu_get_libc_version"):
        return
    with _LOCK:
        _users += change
        users: int | None = None
        while users != _users:  # which may change meanwhile
            users = _users
            for parameter, value in (KEEPING if users else USUAL).items():
                library.mallopt(parameter, value)
        if not users:
            library.malloc_trim(0)
