"""Memory: by which of many errors want of it shows, whether the system refuses any, and what becomes of it when freed.

Loads no library.
"""

from __future__ import annotations

import errno
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ctypes

OPENCV_HAS_NO_MEMORY = -4
"""`cv2.Error.StsNoMem`."""
TOO_LITTLE = (
    "There is too little memory. Close other programs, raise the limit that is set for a process's memory (`ulimit -v` "
    "shows it), or choose a smaller --size."
)
LITTLE_BYTES = 256 * 2**20
"""What a decoder may want for a large picture."""
GROUPS = Path("/sys/fs/cgroup")
PROCESS_GROUPS = Path("/proc/self/cgroup")
STRICT = "2"
"""The policy of a Linux that promises no memory that it does not have."""
_SIGNS = re.compile(
    r"out of memory|insufficient memory|not enough memory|std::bad_alloc|bad allocation"  # any library, C++
    r"|cannot allocate memory|unable to allocate|failed to allocate|error allocating"  # the system, numpy, ffmpeg
    r"|DefaultCPUAllocator|ALLOC_FAILED"  # PyTorch, cuBLAS and cuDNN
    r"|could not create a (primitive|memory)"  # oneDNN
    r"|can't start new thread|thread creation failed|pthread_create\(?\)? failed"  # Python, OpenMP, OpenBLAS, FFmpeg
    r"|failed to map segment|cannot map zero-fill pages|paging file is too small",  # who loads libraries
    re.IGNORECASE,
)
M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, M_MMAP_MAX = -3, -1, -4
"""Of `mallopt`, in glibc's malloc.h."""
KEEPING = {M_TRIM_THRESHOLD: -1, M_MMAP_MAX: 0}
"""No block is a map of its own, and nothing is given back."""
USUAL = {M_MMAP_THRESHOLD: 32 * 2**20, M_TRIM_THRESHOLD: 64 * 2**20, M_MMAP_MAX: 65536}
"""What glibc comes to by itself once a block of 32 MiB was freed; it would not again once it was told anything."""
_LOCK = threading.RLock()
"""Entered again by its own thread where garbage is collected inside, and a generator in it that was begun ends."""
_users = 0


def tells_of_memory(text: str) -> bool:
    """Whether another program's message gives want of memory as its reason, and that may be true.

    Where the system refuses none, a program that got too little had asked for an absurd amount: its file is damaged.
    """
    return _SIGNS.search(text) is not None and memory_is_limited()


def lacks_memory(error: BaseException | None) -> bool:
    """Whether want of memory is behind an error, whoever raised it: what it says, its kind, or what went before it."""
    if error is None:
        return False
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    if getattr(error, "code", None) == OPENCV_HAS_NO_MEMORY or _SIGNS.search(str(error)):
        return True
    return lacks_memory(error.__cause__ or (None if error.__suppress_context__ else error.__context__))


def rule_out_lack_of_memory(size: int = LITTLE_BYTES) -> None:
    """Look whether want of memory may be why something could not be done, before another reason is given.

    Args:
        size: bytes that may have been wanted.
    Raises:
        MemoryError: the system refuses memory, and has little left.
    """
    if memory_is_limited():
        bytearray(size)


def machine_bytes() -> int:
    """The memory that a process may have, used or not: the machine's, or less where a limit is set for it.

    Always the same on one machine, unlike what is free.
    """
    if sys.platform == "win32":
        return _windows_bytes()
    import resource

    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), *_group_bytes()]
    if (most := resource.getrlimit(resource.RLIMIT_AS)[0]) != resource.RLIM_INFINITY:
        limits.append(most)
    return min(limits)


def _group_bytes() -> Iterator[int]:
    """What is allowed to the groups of processes that this one is in, in Linux: containers, jobs of a farm."""
    with suppress(OSError):
        for line in PROCESS_GROUPS.read_text().splitlines():
            _, controllers, name = line.split(":", 2)
            if controllers not in ("", "memory"):
                continue
            root, file = (GROUPS / "memory", "memory.limit_in_bytes") if controllers else (GROUPS, "memory.max")
            group = root / name.lstrip("/")
            for folder in (group, *group.parents):
                with suppress(OSError, ValueError):
                    yield int((folder / file).read_text())  # "max" is no number
                if folder == root:
                    break


def _windows_bytes() -> int:
    from ctypes import Structure, byref, c_uint32, c_uint64, sizeof

    class Status(Structure):
        """MEMORYSTATUSEX."""

        _fields_ = (
            ("length", c_uint32),
            ("load", c_uint32),
            *(
                (name, c_uint64)
                for name in ("physical", "free", "pages", "free_pages", "virtual", "free_virtual", "more")
            ),
        )

    import ctypes

    status = Status(sizeof(Status))
    getattr(ctypes, "windll").kernel32.GlobalMemoryStatusEx(byref(status))  # noqa: B009 - elsewhere there is none
    return int(status.physical)


def memory_is_limited() -> bool:
    """Whether the system refuses memory that a process asks for; else it ends processes when there is none left."""
    if sys.platform == "win32":
        return False
    import resource

    if resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY:
        return True
    with suppress(OSError):
        return Path("/proc/sys/vm/overcommit_memory").read_text().strip() == STRICT
    return False


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


def give_back_freed_memory() -> None:
    """Give back what nothing uses now, though it stays otherwise."""
    if library := _glibc():
        library.malloc_trim(0)


def _count(change: int) -> None:
    global _users
    library = _glibc()
    if library is None:
        return
    with _LOCK:
        _users += change
        told: int | None = None
        while told != _users:  # which may change meanwhile
            told = _users
            for parameter, value in (KEEPING if told else USUAL).items():
                library.mallopt(parameter, value)
        if not told:
            library.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    """The system's library where it is glibc."""
    if sys.platform != "linux":
        return None
    import ctypes

    library = ctypes.CDLL(None)
    return library if hasattr(library, "gnu_get_libc_version") else None
