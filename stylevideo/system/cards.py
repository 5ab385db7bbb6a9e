"""Whether there is an NVIDIA card, as its driver tells: runs nothing and loads nothing."""

from __future__ import annotations

import os
import platform
import re
from contextlib import suppress
from pathlib import Path

TOLD_BY_LINUX = Path("/proc/driver/nvidia/gpus")
"""A folder for each card."""
DRIVERS = {"Windows": "System32/nvcuda.dll", "Linux": "/usr/lib/wsl/lib/libcuda.so.1"}
"""A driver's file where nothing tells of the cards: in Windows, relative to its folder, and in a Linux within it."""
UNNAMED = "An NVIDIA card"


def nvidia_card() -> str:
    """The name of the first NVIDIA card that has a driver; empty where there is none."""
    with suppress(OSError):
        for card in sorted(TOLD_BY_LINUX.iterdir()):
            model = re.search(r"^Model:\s*(\S.*)$", (card / "information").read_text(errors="replace"), re.MULTILINE)
            return model[1].strip() if model else UNNAMED
    driver = DRIVERS.get(platform.system())
    return UNNAMED if driver and (Path(os.environ.get("SYSTEMROOT", "/")) / driver).is_file() else ""
