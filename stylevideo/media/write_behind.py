"""Writing finished things while the next one is worked on: the mirror of `read_ahead`."""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import Generic, TypeVar

from stylevideo.media.read_ahead import POLL_S
from stylevideo.system.threads import start_thread

T = TypeVar("T")


class WriteBehind(Generic[T]):
    """A thread that writes items one after another; one at most waits for it.

    After an item that could not be written no later one is: they would leave a hole.

    Args:
        write: called in the thread with each item, in order.
    """

    def __init__(self, write: Callable[[T], None]) -> None:
        self._write = write
        self._waiting: queue.Queue[T | None] = queue.Queue(1)
        self._error: BaseException | None = None
        self._thread = start_thread(self._run, name="write-behind")

    def put(self, item: T) -> None:
        """Hand over an item, which nobody may change any more; waits while one is waiting already.

        Raises:
            What writing an earlier one raised.
        """
        while True:
            self.raise_error()
            try:
                return self._waiting.put(item, timeout=POLL_S)
            except queue.Full:
                continue

    def finish(self) -> None:
        """Wait until everything is written.

        Raises:
            What writing raised.
        """
        self.close()
        self.raise_error()

    def close(self) -> None:
        """Write what was handed over, as far as that is possible, and end the thread."""
        while self._thread.is_alive():
            try:
                self._waiting.put(None, timeout=POLL_S)
                break
            except queue.Full:
                continue
        while self._thread.is_alive():  # in short turns, so that Ctrl-C is heard on every system
            self._thread.join(POLL_S)

    def raise_error(self) -> None:
        """Raise what writing has raised so far."""
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        while (item := self._waiting.get()) is not None:
            if self._error is None:
                try:
                    self._write(item)
                except BaseException as error:  # it belongs to the thread that hands over, whatever it is
                    self._error = error
