"""Whether there is memory for the libraries that the work needs: tried in a process of its own, since some crash."""

from __future__ import annotations

import gc
import importlib
import mmap
import subprocess
import sys

from stylevideo.errors import DeviceMemoryError
from stylevideo.system.environment import module_command
from stylevideo.system.heartbeat import end_if_asked
from stylevideo.system.memory import memory_is_limited
from stylevideo.system.process import TooMuch, TooSlow, collect, own_session

PAINTING = "stylevideo.render.stylize"
"""The module by which all is loaded that makes a film."""
TRIAL_S = 120.0
ROOM_BYTES = 256 * 2**20
"""For threads, pictures and whatever else this process has and the trial has not."""
_MESSAGE_BYTES = 1 << 16
_loaded_at_once: set[str] = set()


def require_memory_to_load(module: str) -> None:
    """Try to load one of our modules with the libraries that it uses, where the system refuses memory.

    What this process has loaded at once needs no trial.

    Args:
        module: its full name.
    Raises:
        DeviceMemoryError: a process in which that is tried comes to no good end.
        Stopped: this thread's work is to be broken off.
    """
    if memory_is_limited() and module not in _loaded_at_once and not _can_be_loaded(module):
        raise DeviceMemoryError(
            "There is too little memory to load the libraries that this needs, such as PyTorch and OpenCV. Raise the "
            "limit that is set for a process's memory (`ulimit -v` shows it), or close other programs."
        )


def load_at_once(module: str) -> None:
    """Load one of our modules; where the system refuses memory, take the buffers that its libraries need as well.

    OpenCV's OpenBLAS crashes where it gets none for its first product of matrices, so that comes before all else that
    wants memory.
    """
    looks_for_garbage = gc.isenabled()
    gc.disable()  # what is loaded stays: to look for garbage in it takes a tenth of the time
    try:
        importlib.import_module(module)
    finally:
        if looks_for_garbage:
            gc.enable()
    if memory_is_limited():
        _load(module)
        _loaded_at_once.add(module)


def _can_be_loaded(module: str) -> bool:
    command, pipe = module_command("stylevideo.system.loading", module), subprocess.PIPE
    try:
        trial = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, **own_session())
        collect(trial, TRIAL_S, _MESSAGE_BYTES, _MESSAGE_BYTES, lambda: end_if_asked(is_kept=False))
    except (OSError, TooMuch, TooSlow):
        return False
    return trial.returncode == 0


def main() -> None:
    """Load a module where there is less memory than the work will have."""
    with mmap.mmap(-1, ROOM_BYTES):
        _load(sys.argv[3])


def _load(module: str) -> None:
    """Load a module, and compute a little with what it loads, so that threads are started too."""
    importlib.import_module(module)
    if "torch" in sys.modules:
        import torch

        torch.nn.functional.conv2d(torch.ones(1, 64, 64, 64), torch.ones(64, 64, 3, 3))
        torch.linalg.solve(torch.eye(64), torch.ones(64, 1))
    if "cv2" in sys.modules:
        import cv2
        import numpy as np

        cv2.resize(np.zeros((512, 512, 3), np.uint8), (256, 256))
        square = np.eye(256)
        cv2.gemm(square, square, 1.0, square, 0.0)
        np.linalg.inv(square @ square)
