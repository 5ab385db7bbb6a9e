"""Whether there is memory to load what the work needs: tried in a process of its own, since some libraries crash."""

from __future__ import annotations

import importlib
import subprocess
import sys

from stylevideo.errors import DeviceMemoryError
from stylevideo.heartbeat import end_if_asked
from stylevideo.media.ffmpeg import own_session
from stylevideo.system.memory import memory_is_limited
from stylevideo.system.places import module_command
from stylevideo.system.waiting import TooMuch, TooSlow, collect

PAINTING = "stylevideo.jobs"
"""The module by which all is loaded that makes a film."""
TRIAL_S = 120.0
GRACE_S = 1.0
_MESSAGE_BYTES = 1 << 16


def require_memory_to_load(module: str) -> None:
    """Try to load one of our modules with the libraries that it uses, where the system refuses memory.

    Args:
        module: its full name.
    Raises:
        DeviceMemoryError: a process in which that is tried comes to no good end.
        Stopped: this thread's work is to be broken off.
    """
    if memory_is_limited() and not _can_be_loaded(module):
        raise DeviceMemoryError(
            "There is too little memory to load the libraries that this needs, such as PyTorch and OpenCV. Raise the "
            "limit that is set for a process's memory (`ulimit -v` shows it), or close other programs."
        )


def _can_be_loaded(module: str) -> bool:
    command, pipe = module_command("stylevideo.loading", module), subprocess.PIPE
    try:
        trial = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, **own_session())
        collect(trial, TRIAL_S, _MESSAGE_BYTES, _MESSAGE_BYTES, lambda: end_if_asked(GRACE_S))
    except (OSError, TooMuch, TooSlow):
        return False
    return trial.returncode == 0


def main() -> None:
    """Load a module, and compute a little with what it loads, so that threads are started too."""
    importlib.import_module(sys.argv[3])
    if "torch" in sys.modules:
        import torch

        torch.nn.functional.conv2d(torch.ones(1, 64, 64, 64), torch.ones(64, 64, 3, 3))
        torch.linalg.solve(torch.eye(64), torch.ones(64, 1))
    if "cv2" in sys.modules:
        import cv2
        import numpy as np

        cv2.resize(np.zeros((512, 512, 3), np.uint8), (256, 256))
