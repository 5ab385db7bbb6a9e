"""The files by which unfinished work knows its shots: which are complete, and from what the others are gone on from."""

from __future__ import annotations

import re
from collections.abc import Collection

from stylevideo.store.notes import Notes, names_in

SHOTS_NAME = "shots"
"""Under this name the film's shots are remembered, by their indices and frames."""
SHOTS_FOLDER = "shots"
_COMPLETE = re.compile(r"([0-9]+)\.complete")
_KEPT_STATE = re.compile(r"([0-9]+)-([0-9]+)\.pt")


def complete_shots(notes: Notes, known: Collection[int] = ()) -> set[int]:
    """Indices of the shots that are complete, by one listing, beside those that are known to be."""
    names = names_in(notes.folder / SHOTS_FOLDER)
    marked = {int(found[1]) for found in filter(None, map(_COMPLETE.fullmatch, names))}.difference(known)
    return {shot for shot in marked if notes.read(shot_file(shot, "complete")) is not None}


def is_painted(notes: Notes) -> bool:
    """Whether all shots are known and complete."""
    shots = notes.read(f"{SHOTS_NAME}.json")
    return shots is not None and complete_shots(notes).issuperset(shot["index"] for shot in shots)


def kept_states(notes: Notes, shot: int) -> list[int]:
    """Indices of the frames after which there is a kept state of a shot, in order."""
    found = filter(None, map(_KEPT_STATE.fullmatch, names_in(notes.folder / SHOTS_FOLDER)))
    return sorted(int(parts[2]) for parts in found if int(parts[1]) == shot)


def shot_file(shot: int, kind: str) -> str:
    """Of a shot: `complete` says that it is, `pt` is the state that it is gone on from."""
    return f"{SHOTS_FOLDER}/{shot:05d}.{kind}"


def kept_state_file(shot: int, index: int) -> str:
    """A shot's state after the frame with this index, which stays when the shot is complete."""
    return f"{SHOTS_FOLDER}/{shot:05d}-{index:08d}.pt"
