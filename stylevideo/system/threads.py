"""Threads, started only where there is memory for them."""

from __future__ import annotations

import threading
from collections.abc import Callable

from stylevideo.system.memory import rule_out_lack_of_memory

ROOM_BYTES = 64 * 2**20
"""The stack of a thread, 8 MiB on most systems, and what it begins with."""


def start_thread(work: Callable[..., None], *arguments: object, name: str | None = None) -> threading.Thread:
    """Start a thread that does not keep the process alive.

    One that has its stack and nothing more dies before it says that it has begun, and Python would wait for that for
    ever.

    Raises:
        MemoryError, RuntimeError: there is no room for it.
    """
    rule_out_lack_of_memory(ROOM_BYTES)
    thread = threading.Thread(target=work, args=arguments, name=name, daemon=True)
    thread.start()
    return thread
