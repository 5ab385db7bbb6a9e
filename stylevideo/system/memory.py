"""Want of memory: by which of many errors it shows, and whether the system refuses memory at all. Loads no library."""

from __future__ import annotations

import errno
import re
import sys
from contextlib import suppress
from pathlib import Path

OPENCV_HAS_NO_MEMORY = -4
"""`cv2.Error.StsNoMem`."""
TOO_LITTLE = (
    "There is too little memory. Close other programs, raise the limit that is set for a process's memory (`ulimit -v` "
    "shows it), or choose a smaller --size."
)
LITTLE_BYTES = 256 * 2**20
"""What a decoder may want for a large picture."""
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
