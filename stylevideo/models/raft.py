"""RAFT, by torchvision's code: its weights from a file, checked before they are used. Downloads nothing.

Z. Teed, J. Deng: RAFT: Recurrent all-pairs field transforms for optical flow (2020), arXiv:2003.12039.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from torch import Tensor, nn

from stylevideo.errors import InputError
from stylevideo.models.files import load_tensors, read_weights

INSTEAD = "use --motion dis"


class RAFT(nn.Module):
    """A frozen network that finds flow between two pictures.

    Args:
        network: torchvision's.
        name: of the network, with the beginning of its weights' SHA-256.
    """

    def __init__(self, network: nn.Module, name: str) -> None:
        super().__init__()
        self.network, self.name = network.eval().requires_grad_(False), name

    @torch.no_grad()
    def forward(self, image: Tensor, other: Tensor) -> Tensor:
        """Find where the pixels of a picture lie in another.

        Args:
            image, other: (1, 3, H, W), RGB, -1..1; edges are multiples of 8 and at least 128.
        Returns:
            (1, 2, H, W), pixels.
        """
        flow: Tensor = self.network(image, other)[-1]
        return flow


def load_raft(path: Path, device: torch.device | str = "cpu") -> RAFT:
    """Load raft_small or raft_large, whichever a file's weights are for.

    Args:
        path: a file as torchvision has it; in a name like `raft_small_C_T_V2-01064c6d.pth` the part behind the dash
            must be the beginning of the file's SHA-256.
        device: where the network goes.
    Raises:
        InputError: the file is not there, its checksum is wrong, or its weights are neither's.
    """
    from torchvision.models.optical_flow import raft_large, raft_small

    data = read_weights(path, INSTEAD)
    try:
        entries = load_tensors(path.name, data, INSTEAD)
    except (InputError, MemoryError):
        raise
    except Exception as error:  # whatever PyTorch makes of a damaged file
        raise InputError(
            f"{path.name} is not a PyTorch weights file, or a damaged one. Download it again, or {INSTEAD}."
        ) from error
    for name, make in (("raft_small", raft_small), ("raft_large", raft_large)):
        network = make(weights=None, progress=False)
        if network.state_dict().keys() == entries.keys():
            return RAFT(_filled(network, entries, path.name), _identity(name, data)).to(device)
    raise InputError(
        f"{path.name} does not hold RAFT: its {len(entries)} tensors are not named as those of torchvision's "
        f"raft_small or raft_large. Use torchvision's file, or {INSTEAD}."
    )


def _filled(network: nn.Module, entries: dict[str, Tensor], name: str) -> nn.Module:
    try:
        network.load_state_dict(entries, strict=True)
    except RuntimeError as error:
        raise InputError(
            f"{name} does not hold RAFT: its tensors have other shapes than torchvision's. Use torchvision's file, or "
            f"{INSTEAD}."
        ) from error
    if not all(values.isfinite().all() for values in network.state_dict().values()):
        raise InputError(f"{name} holds weights that are no numbers. Download it again, or {INSTEAD}.")
    return network


def _identity(name: str, data: bytes) -> str:
    return f"{name} {hashlib.sha256(data).hexdigest()[:16]}"
