"""Memory that is freed while frames are computed stays with the process, and is the system's again afterwards."""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys

import pytest

MAP_BYTES = 128 * 2**20
TOLD = """
import json, pathlib, resource, sys
import torch
from stylevideo.system.device import computing

def use(times=4):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        torch.full((int(sys.argv[1]),), 1, dtype=torch.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

use()
told = {"least": resident()}
with computing(threads=1):
    with computing(threads=1):
        use(times=20)  # until glibc has no place left in which it keeps small rests of blocks apart
    told["later"] = use()
    told["meanwhile"] = resident()
told["afterwards"] = resident()
told["without"] = use()
print(json.dumps(told))
"""


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"), reason="is about glibc"
)
def test_freed_memory_stays_while_frames_are_computed_and_no_longer() -> None:
    done = subprocess.run([sys.executable, "-c", TOLD, str(MAP_BYTES)], stdout=subprocess.PIPE, text=True, check=True)
    told = json.loads(done.stdout)
    assert told["later"] < told["without"] / 20
    assert told["meanwhile"] > told["least"] + MAP_BYTES * 0.9
    assert told["afterwards"] < told["least"] + MAP_BYTES * 0.1
