"""What unfinished work on disk says of itself."""

from __future__ import annotations

from pathlib import Path

import torch

from stylevideo.media.hidden import Places
from stylevideo.store.notes import find_notes

STATE_BYTES = 1 << 26


def state_number(film: Path, shot: int = 0) -> int:
    """How many of the film's frames are finished, as the state of this shot says; 0 where it has none."""
    found = find_notes(Places.of(film).work)
    content = found[0].read_content(f"shots/{shot:05d}.pt", STATE_BYTES) if found else None
    return 0 if content is None else int(torch.load(content, weights_only=True)["index"]) + 1


def kept_frames(film: Path) -> list[int]:
    """Numbers of the frames that are there, finished or not."""
    return sorted(int(file.stem) for file in (Places.of(film).work / "frames").glob("*.json"))
