"""Ctrl-C and its kin: the first asks a run to end within seconds, the second ends it at once."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
SAID = b"\nStopping after the frame that is being painted, if it takes seconds only. Once more to stop at once.\n"


class Interrupts:
    """Listens while it is entered; does nothing outside the main thread, which alone hears signals."""

    def __init__(self) -> None:
        self._requested = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._hear) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def requested(self) -> bool:
        """Whether the run shall end."""
        return self._requested

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self._requested:
            raise KeyboardInterrupt
        self._requested = True
        with suppress(OSError):  # nobody may be listening any more
            os.write(2, SAID)  # print may be in the middle of a line
