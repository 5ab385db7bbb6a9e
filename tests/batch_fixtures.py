"""Small clips for batches, and the command that makes them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from media_fixtures import make_video, numbered_frame, sine

from stylevideo.batch.messages import Task
from stylevideo.reports.events import Event


def make_clip(path: Path, frames: int = 4) -> Path:
    """A small clip of numbered frames with sound."""
    images = [numbered_frame(k) for k in range(frames)]
    return make_video(path, images, "24", ("-c:a", "aac"), sine(frames / 24))


def run_command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "stylevideo", "run", *map(str, arguments)]


def workers() -> list[int]:
    """The workers that are children of this process, whichever thread has started them; Linux only."""
    if not sys.platform.startswith("linux"):
        pytest.skip("needs /proc")
    children = [pid for thread in Path("/proc/self/task").glob("*/children") for pid in thread.read_text().split()]
    return [int(pid) for pid in children if "stylevideo.batch.worker" in Path(f"/proc/{pid}/cmdline").read_text()]


def wait_until(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    """Wait for something that another process does."""
    until = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.01)


class OneTask:
    """The client of an executor, with one task.

    Attributes:
        tasks: that are still to be done.
    """

    def __init__(
        self,
        task: Task,
        on_event: Callable[[Event], None] = lambda event: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.tasks = [task]
        self._on_event, self._stop = on_event, stop

    def next_task(self, worker: int) -> Task | None:
        return self.tasks.pop() if self.tasks else None

    def tell(self, worker: int, task: Task, event: Event) -> None:
        self._on_event(event)

    def is_stopping(self) -> bool:
        return self._stop()
