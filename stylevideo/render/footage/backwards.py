"""Frames that are made last first, from one whose result is given: kept and read again.

They lie in the film's unfinished work, or in a folder of their own while nothing is written, so that memory does not
grow with their number. An interrupted run goes on where it was left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from stylevideo.engine.frame_losses import FrameLosses
from stylevideo.engine.sequence import PaintedFrame, SequenceState
from stylevideo.media.hidden import Places
from stylevideo.media.images.pictures import to_image, to_picture
from stylevideo.ops.margin import without_margin
from stylevideo.render.job import Job
from stylevideo.store.checkpoint import as_tensor, load_state, state_to_dict
from stylevideo.store.frames import FrameStore
from stylevideo.timeline.clip import Shot

CHECKPOINT_S = 10.0
"""Seconds of work after which a state is saved."""


@dataclass(frozen=True)
class Turned:
    """What was made backwards from one frame.

    Attributes:
        visible: part of the frame that it begins from that the first of them shows too, 0..1.
        indices: of the frames, ascending; none where the two do not meet.
        iterations: VGG evaluations (forward and backward) they cost.
        seconds: wall time they took.
    """

    visible: float
    indices: tuple[int, ...]
    iterations: int
    seconds: float


class BackwardFrames:
    """Keeps the frames of a film that are made backwards, until it is closed.

    Args:
        job: of the clip.
        store: the film's unfinished work; None where nothing is written.
    """

    def __init__(self, job: Job, store: FrameStore | None) -> None:
        self._job, self._kept = job, store
        self._folder: TemporaryDirectory[str] | None = None

    def close(self) -> None:
        """Let go of the folder, where it is of its own."""
        if self._folder:
            self._folder.cleanup()

    @property
    def _store(self) -> FrameStore:
        if self._kept is None:
            self._folder = TemporaryDirectory(prefix="stylevideo-")
            self._kept = FrameStore(Places.of(Path(self._folder.name) / "film.mkv"), {})
        return self._kept

    def find(self, shot: Shot, origin: int) -> Turned | None:
        """What was made backwards from a frame; None where not all of it is made."""
        told = self._store.finished_backwards(shot.index, origin)
        if told is None:
            return None
        records = [self._store.backwards_record(self._number(index)) for index in told["indices"]]
        iterations, seconds = (sum(record[name] for record in records) for name in ("iterations", "seconds"))
        return Turned(told["visible"], tuple(told["indices"]), iterations, seconds)

    def finish(self, shot: Shot, origin: int, visible: float, indices: range) -> Turned:
        """Note that all of it is made."""
        self._store.finish_backwards(shot.index, origin, {"visible": visible, "indices": list(indices)})
        made = self.find(shot, origin)
        assert made is not None, "it was noted"
        return made

    def state(
        self, shot: Shot, origin: int, reference: Callable[[int], torch.Tensor], given: Callable[[int], torch.Tensor]
    ) -> SequenceState | None:
        """Where an interrupted run was left on the way from a frame; see `stylevideo.store.checkpoint.load_state`."""
        return load_state(self._store, shot, self._job.size, self._job.device, reference, given, origin)

    def save_state(self, shot: Shot, state: SequenceState) -> None:
        """Keep the state to go on from."""
        self._store.save_back_state(shot.index, state_to_dict(state))

    def save(self, result: PaintedFrame, state: SequenceState) -> None:
        """Keep a frame, as it is shown or blended in, with how much of it is of the frame that it was made from."""
        share = None
        if self._job.painted:
            shares = without_margin(state.spread.share) if state.spread else torch.zeros_like(result.image[:, :1])
            share = (255 * shares[0, 0]).round().byte().cpu().numpy()
        record = {
            "losses": asdict(result.losses),
            "iterations": result.iterations,
            "seconds": result.seconds,
            "redone": result.redone,
            "repaired": result.repaired,
            "notes": list(result.notes),
        }
        self._store.save_backwards(self._number(result.index), to_picture(result.image, self._job.bits), record, share)

    def result(self, index: int) -> PaintedFrame:
        """A frame that was saved."""
        record: dict[str, Any] = self._store.backwards_record(self._number(index))
        image = to_image(self._picture(index)).to(self._job.device)
        losses = FrameLosses(**record.pop("losses"))
        return PaintedFrame(index=index, image=image, losses=losses, **{**record, "notes": tuple(record["notes"])})

    def target(self, index: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        """A frame's picture and its share, as of `BlendTarget`; only where a given picture spreads is there a share."""
        share = None
        if self._job.painted:
            share = torch.from_numpy(self._store.backwards_share(self._number(index)))[None, None]
        return as_tensor(self._picture(index)), share

    def reference(self, index: int, shot: Shot, is_whole: bool) -> torch.Tensor:
        """A frame's picture as of `Reference`; `is_whole` where it was saved as it is shown."""
        return as_tensor(self._picture(index), shot.active if is_whole else None)

    def _picture(self, index: int) -> np.ndarray:
        return self._store.backwards(self._number(index))

    def _number(self, index: int) -> int:
        return self._job.clip.selection.number(index)
