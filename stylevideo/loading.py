"""Whether there is memory to load what the work needs: tried in a process of its own, since some libraries crash."""

from __future__ import annotations

import subprocess

from stylevideo.errors import DeviceMemoryError
from stylevideo.system.memory import memory_is_limited
from stylevideo.system.places import module_command

TRIAL_S = 120.0


def require_memory_to_load() -> None:
    """Try to load the libraries, where the system refuses memory.

    Raises:
        DeviceMemoryError: a process in which that is tried comes to no good end.
    """
    if not memory_is_limited():
        return
    command = module_command("stylevideo.loading")
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TRIAL_S, check=False)
        ended_well = done.returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        ended_well = False
    if not ended_well:
        raise DeviceMemoryError(
            "There is too little memory to load PyTorch and OpenCV. Raise the limit that is set for a process's memory "
            "(`ulimit -v` shows it), or close other programs."
        )


def main() -> None:
    """Load everything, and compute a little, so that threads are started too."""
    import cv2
    import numpy as np
    import torch

    import stylevideo.jobs  # noqa: F401

    torch.nn.functional.conv2d(torch.ones(1, 64, 64, 64), torch.ones(64, 64, 3, 3))
    torch.linalg.solve(torch.eye(64), torch.ones(64, 1))
    cv2.resize(np.zeros((512, 512, 3), np.uint8), (256, 256))
