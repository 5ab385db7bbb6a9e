"""Finished frames that are kept when their film is complete, and what of them is of use when it is made again.

Work that has become a film is marked as such. Where a later run asks for something else on some frames only, each shot
keeps its frames up to the first of those: they are not painted again, and the film is the same, byte for byte, as one
that is made anew. Knows nothing of what a frame is asked for, beside whether it is the same.
"""

from __future__ import annotations

import logging
import operator
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from stylevideo.limits import FRAMES
from stylevideo.media.hidden import Places
from stylevideo.store.agreement import differing
from stylevideo.store.claims import discard, require_unclaimed
from stylevideo.store.notes import WHOLE_FILE, Notes, find_notes, write_job
from stylevideo.store.shots import SHOTS_NAME, kept_state_file, kept_states, shot_file
from stylevideo.text import counted

logger = logging.getLogger(__name__)

ASKED_NAME = "asked"
"""Under this name work remembers what each frame was asked for."""
KEPT_STATE_FRAMES = 24
"""A state is kept so many frames after the last one; each takes as much room as some thirteen frames do."""
ASKED_BYTES = 128 * FRAMES
_STATE_BYTES = 1 << 40
"""Of a state that this program wrote and whose seal is looked at before anything of it is used."""


@dataclass(frozen=True)
class Kept:
    """Frames of a film that is to be made again, though not quite as it was; or of a run that was interrupted.

    Attributes:
        places: of the film.
        changed: names of the resume key's values that have changed.
        same: of each frame whether it is asked for what it was asked for; None where nothing says so.
    """

    places: Places
    changed: tuple[str, ...]
    same: tuple[bool, ...] | None

    @classmethod
    def find(
        cls, places: Places, resume_key: Mapping[str, Any], asked: Sequence[str], of_frames: Collection[str]
    ) -> Kept | None:
        """What is there of use or was of use; None where nothing is, or nothing has changed, or it must not be changed.

        Work of a run that kept no frames, or that has not become a film and differs in more than what frames are asked
        for, must not.

        Args:
            places: of the film.
            resume_key: everything that decides how the frames look, by name; JSON values.
            asked: what each frame is asked for, in order; empty where frames depend on later ones.
            of_frames: names of the resume key's values that say the same.
        Raises:
            ResumeError: what is there is spoilt.
        """
        found = find_notes(places.work)
        if found is None:
            return None
        notes, before = found
        changed = tuple(sorted(differing(before, resume_key)))
        asked_before: Sequence[str] = notes.read(f"{ASKED_NAME}.json", ASKED_BYTES) or ()
        if changed and asked and len(asked) == len(asked_before) and set(of_frames).issuperset(changed):
            return cls(places, changed, tuple(map(operator.eq, asked_before, asked)))
        return cls(places, changed, None) if changed and notes.read(WHOLE_FILE) else None

    def change(self, resume_key: Mapping[str, Any], asked: Sequence[str]) -> None:
        """Let go of what is of no use any more, and have the rest gone on from.

        Args:
            resume_key, asked: as for `find`.
        Raises:
            LockedError: somebody paints a shot of it.
            StorageError: it cannot be written.
        """
        found = find_notes(self.places.work)
        if self.same is None or found is None:
            logger.info("The frames in %s are of no use any more: %s.", self.places.work, ", ".join(self.changed))
            discard(self.places)
            return
        require_unclaimed(self.places)
        notes, _ = found
        _shorten(notes, self.same)
        notes.write(f"{ASKED_NAME}.json", list(asked))
        write_job(notes, resume_key)


def _shorten(notes: Notes, same: Sequence[bool]) -> None:
    """Let go of each shot's frames from the first on that is asked for something else; a crash leaves less at most."""
    shots = notes.read(f"{SHOTS_NAME}.json") or ()
    first = min((shot["start"] for shot in shots), default=0)
    stay = 0
    for shot in shots:
        start, stop, dissolving = shot["start"], shot["stop"], shot.get("dissolving", 0)
        depends = stop + (dissolving > 0)  # on the frame that it dissolves into
        changed = start + sum(takewhile(bool, same[start - first : depends - first]))
        if changed < depends:
            changed = min(changed, stop - dissolving)
            for kind in ("json", "back"):
                (notes.folder / shot_file(shot["index"], kind)).unlink(missing_ok=True)
        stay += (_end_before(notes, shot["index"], changed) or start) - start if changed < stop else stop - start
    logger.info("Of the frames in %s %s stay as they are.", notes.folder, counted(stay, "frame"))


def _end_before(notes: Notes, shot: int, changed: int) -> int | None:
    """Have a shot gone on from its last state before a frame.

    Args:
        notes: of the work.
        shot: its index.
        changed: the frame's.
    Returns:
        The index of what follows that state; None where there is none.
    """
    (notes.folder / WHOLE_FILE).unlink(missing_ok=True)
    (notes.folder / shot_file(shot, "complete")).unlink(missing_ok=True)
    last = shot_file(shot, "pt")
    if (index := _index_of(notes, last)) is not None and index < changed:
        return index + 1
    (notes.folder / last).unlink(missing_ok=True)
    follows = None
    for index in kept_states(notes, shot):
        kept = kept_state_file(shot, index)
        state = notes.read_content(kept, _STATE_BYTES) if index < changed else None
        if state is None:
            (notes.folder / kept).unlink(missing_ok=True)
        else:
            notes.write_content(last, state.getbuffer()[state.tell() :])
            follows = index + 1
    return follows


def _index_of(notes: Notes, name: str) -> int | None:
    """Of the frame that a state follows, if there is one that is whole."""
    import torch  # where there is a state to look into: others ask for names alone

    content = notes.read_content(name, _STATE_BYTES)
    return None if content is None else int(torch.load(content, map_location="cpu", weights_only=True)["index"])
