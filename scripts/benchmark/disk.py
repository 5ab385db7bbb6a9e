"""What a clip needs of the disk until its film is complete, beside what was foreseen."""

from __future__ import annotations

import math
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

from scripts.benchmark.report import table
from stylevideo import Settings, Style, stylize
from stylevideo.media.encode.delivery import DELIVERIES
from stylevideo.media.hidden import Places
from stylevideo.ops.margin import painted_size
from stylevideo.planning.request import ClipRequest
from stylevideo.render.disk import bytes_needed, frame_bytes, state_bytes
from stylevideo.render.opening import Mode, open_job
from stylevideo.text import bytes_in_words

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike

LOOK_EVERY_S = 0.01
FEW = {"first_iterations": 20, "iterations": 2, "new_iterations": 0, "coarsest_size": 0}
"""Enough for strokes; noise compresses no better."""
HEADINGS = (
    *("delivery", "frame kept, bytes a pixel: foreseen", "found", "film: foreseen", "found"),
    *("state: foreseen", "found", "at most in all: foreseen", "found", "found / foreseen"),
)


@dataclass
class Seen:
    """The most that lay on the disk at once, in bytes: in all, and its parts."""

    peak: int = 0
    frames: int = 0
    state: int = 0


class _Watch:
    """Looks at a folder all the time, and whenever a file is flushed to the disk, as a context.

    A file of ours is flushed while the one that it is to replace is still there.
    """

    def __init__(self, film: Path) -> None:
        self._film, self._ended, self._flush = film, threading.Event(), os.fsync
        self._thread, self._looking = threading.Thread(target=self._run, daemon=True), threading.Lock()
        self.seen = Seen()

    def __enter__(self) -> Seen:
        os.fsync = self._flush_and_look  # type: ignore[assignment]
        self._thread.start()
        return self.seen

    def __exit__(self, *_: object) -> None:
        os.fsync = self._flush
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(LOOK_EVERY_S):
            self._look()

    def _flush_and_look(self, file: FileDescriptorLike) -> None:
        self._flush(file)
        self._look()

    def _look(self) -> None:
        store = Places.of(self._film).work
        with self._looking:  # or a slow look would put back what a later one has found
            self.seen.peak = max(self.seen.peak, _bytes(self._film.parent))
            self.seen.frames = max(self.seen.frames, _bytes(store / "frames"))
            self.seen.state = max(self.seen.state, _bytes(store / "shots"))


def _bytes(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):  # which passes over folders that have just gone
        for name in names:
            with suppress(OSError):
                total += Path(place, name).stat().st_size
    return total


def check_disk(clip: Path, style: Path, frames: int, size: int, deliveries: Sequence[str]) -> Iterator[str]:
    """A table of deliveries, each with what its frames, its film and its state take."""
    rows = []
    for name in deliveries or DELIVERIES:
        if name == "exr" and find_spec("OpenEXR") is None:
            yield "exr is left out: the package OpenEXR is not installed."
            continue
        rows.append(_row(clip, style, frames, size, name))
    yield table(list(HEADINGS), rows)


def _row(clip: Path, style: Path, frames: int, size: int, name: str) -> list[str]:
    delivery = DELIVERIES[name]
    settings = Settings().with_values(**FEW, size=size, frames=f"1-{frames}", delivery=name, provenance=False)
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / (
            f"film.####{delivery.suffixes[0]}" if delivery.is_sequence else f"film{delivery.suffixes[0]}"
        )
        job = open_job(ClipRequest(clip.absolute(), (Style(style.absolute()),), film, settings), Mode.CHECK)
        needed = bytes_needed(job)
        # At their most, a state lies beside its successor.
        with _Watch(film) as seen, patch("stylevideo.render.pipeline.CHECKPOINT_S", 0.0):
            stylize(clip, [style], film, settings)
        film_bytes = _bytes(film.parent)
    pixels, painted = math.prod(job.size), math.prod(painted_size(*job.size))
    film_foreseen = (needed - frames * frame_bytes(job) - state_bytes(job)) / frames / pixels
    return [
        name,
        *(f"{frame_bytes(job) / pixels:.2f}", f"{seen.frames / frames / pixels:.2f}"),
        *(f"{film_foreseen:.2f}", f"{film_bytes / frames / pixels:.2f}"),
        *(f"{state_bytes(job) / painted:.0f}", f"{seen.state / painted:.0f}"),
        *(bytes_in_words(needed), bytes_in_words(seen.peak), f"{seen.peak / needed:.2f}"),
    ]
