"""The state to go on from, as plain values that a store keeps, and back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from stylevideo.media.pictures import to_8_bits
from stylevideo.media.store import FrameStore
from stylevideo.optimize import CarriedState, FrameLosses
from stylevideo.temporal import Reference, SequenceState
from stylevideo.timeline import VideoInfo


def state_to_dict(state: SequenceState) -> dict[str, Any]:
    carried = vars(state.carried.to("cpu"))
    references = [reference.index for reference in state.references]  # their pictures are finished frames
    return {
        "index": state.index,
        "last_moved": state.last_moved,
        "losses": asdict(state.losses),
        "recent_losses": list(state.recent_losses),
        "carried": carried,
        "finished": state.finished.to("cpu"),
        "references": references,
    }


def load_state(store: FrameStore, info: VideoInfo, device: torch.device) -> SequenceState | None:
    saved = store.last_state()
    if saved is None:
        return None
    carried = CarriedState(**saved["carried"]).to(device)
    references = tuple(
        Reference(index, as_tensor(store.picture(info.number(index))).to(device)) for index in saved["references"]
    )
    return SequenceState(
        index=saved["index"],
        last_moved=saved["last_moved"],
        carried=carried,
        finished=saved["finished"].to(device),
        losses=FrameLosses(**saved["losses"]),
        recent_losses=tuple(saved["recent_losses"]),
        references=references,
    )


def as_tensor(picture: np.ndarray) -> torch.Tensor:
    """(H, W, 3) of any kind to (1, 3, H, W) uint8, as earlier results are referred to."""
    return torch.from_numpy(to_8_bits(picture)).permute(2, 0, 1)[None].contiguous()
