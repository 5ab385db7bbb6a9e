"""Small clips for batches, and the command that makes them."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from media_fixtures import make_video, numbered_frame, sine


def make_clip(path: Path, frames: int = 4) -> Path:
    """A small clip of numbered frames with sound."""
    images = [numbered_frame(k) for k in range(frames)]
    return make_video(path, images, "24", ("-c:a", "aac"), sine(frames / 24))


def run_command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "stylevideo", "run", *map(str, arguments)]


def workers() -> list[int]:
    """The workers that are children of this process; Linux only."""
    if not sys.platform.startswith("linux"):
        pytest.skip("needs /proc")
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(pid) for pid in children if "stylevideo.batch.worker" in Path(f"/proc/{pid}/cmdline").read_text()]


def wait_until(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    """Wait for something that another process does."""
    until = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.01)
