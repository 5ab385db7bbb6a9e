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
from stylevideo.system.device import release_memory
from stylevideo.system.memory import freed_memory_stays

def use(times=4):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        torch.full((int(sys.argv[1]),), 1, dtype=torch.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

use()
told = {"least": resident()}
with freed_memory_stays():
    with freed_memory_stays():
        use(times=20)  # until glibc has no place left in which it keeps small rests of blocks apart
    told["later"] = use()
    told["meanwhile"] = resident()
    release_memory()
    told["released"] = resident()
    use()
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
    assert told["released"] < told["least"] + MAP_BYTES * 0.1
    assert told["afterwards"] < told["least"] + MAP_BYTES * 0.1


ABANDONED = """
import gc
from stylevideo.system.memory import freed_memory_stays

def frames():
    with freed_memory_stays():
        yield

def begin_in_vain():
    begun = frames()
    next(begun)
    itself = [begun]
    itself.append(itself)

for allocations in range(2, 120):
    gc.disable()
    gc.collect()
    begin_in_vain()
    gc.set_threshold(allocations)
    gc.enable()
    with freed_memory_stays():
        pass
"""


def test_a_generator_that_is_collected_at_any_moment_is_not_waited_for() -> None:
    """That of `stylize_frames` may end as garbage while another one is begun or ended in the same thread."""
    subprocess.run([sys.executable, "-c", ABANDONED], check=True, timeout=60)
