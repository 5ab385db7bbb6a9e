"""The device the work runs on, its memory, and the number format it is fast with."""

from __future__ import annotations

import gc
import logging
import os
import platform
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import torch

from stylevideo.errors import DeviceError, DeviceMemoryError, StyleVideoError
from stylevideo.system.cards import nvidia_card
from stylevideo.system.memory import give_back_freed_memory, lacks_memory, machine_bytes
from stylevideo.text import counted, printable

logger = logging.getLogger(__name__)

WITH_CUDA = "pip install --force-reinstall torch torchvision"
"""What gets a build for CUDA in Linux; elsewhere it needs to be told where from."""

MOST_MOTION_THREADS = 4
"""That find motion while a card paints."""


def choose_device(name: str) -> torch.device:
    """The device that `--device` names; `auto` takes CUDA, then MPS, then the CPU.

    Raises:
        DeviceError: the name is unknown, or the device is not on this machine.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        if torch.backends.mps.is_available():
            return torch.device("mps")
        _warn_of_idle_card()
        return torch.device("cpu")
    if not re.fullmatch(r"cpu|mps|cuda(:\d+)?", name):
        raise DeviceError(f"--device {name} is not a device. Choose auto, cpu, cuda, cuda:N or mps.")
    device = torch.device(name)
    if device.type == "cuda":
        _require_cuda(device)
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise DeviceError("--device mps was asked for, but PyTorch finds no Apple GPU here. Use --device auto or cpu.")
    return device


@contextmanager
def cpu_threads(count: int) -> Iterator[None]:
    """Compute with so many threads on a CPU; 0 leaves PyTorch its own number, one for each core."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def memory_context(advice: str) -> Iterator[None]:
    """Say what to do when the memory inside is too small, that of a GPU or the machine's own.

    Args:
        advice: what happened, and what to do.
    Raises:
        DeviceMemoryError: in place of whatever a library raises then.
    """
    try:
        yield
    except StyleVideoError:
        raise
    except Exception as error:
        if not lacks_memory(error):
            raise
        raise DeviceMemoryError(advice) from error


def release_memory() -> None:
    """Give back what no tensor uses any more, so that others on the device have it."""
    gc.collect()
    give_back_freed_memory()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()


def wait_for(device: torch.device) -> None:
    """Wait until a device has done all that it was told to, as before a clock is read."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    if device.type == "mps":
        torch.mps.synchronize()


def motion_threads(device: torch.device) -> int:
    """How many threads find motion while frames are painted: one beside a CPU that paints, several beside a card."""
    return 1 if device.type == "cpu" else max(1, min(MOST_MOTION_THREADS, os.cpu_count() or 1))


def memory_bytes(device: torch.device) -> int:
    """All the memory that work on a device may have, whatever is free just now."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory())
    return machine_bytes()


def describe(device: torch.device) -> str:
    """The device's name as a person knows it."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    if device.type == "cpu":
        return f"cpu ({counted(torch.get_num_threads(), 'thread')})"
    return str(device)


def model_of(device: torch.device) -> str:
    """What kind of thing a device is, whichever of its kind and wherever: by this others paint alike or do not."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{cpu_name()}, {counted(torch.get_num_threads(), 'thread')}" if device.type == "cpu" else device.type


@cache
def cpu_name() -> str:
    """The processor's model, as far as the system tells."""
    with suppress(OSError):  # Linux alone
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return printable(line.partition(":")[2].strip())
    return platform.processor() or platform.machine()


def idle_card() -> str:
    """A sentence on an NVIDIA card that this PyTorch cannot use, with what to do; nothing where there is none."""
    name = printable(nvidia_card())
    if not name or torch.cuda.is_available() or "CUDA_VISIBLE_DEVICES" in os.environ:
        return ""
    idle = f"{name} lies idle, and frames take many times as long: "
    if torch.version.cuda:
        return f"{idle}its driver is too old for CUDA {torch.version.cuda}. Install a newer one."
    if platform.system() == "Linux":
        return f"{idle}this PyTorch is built without CUDA. Run: {WITH_CUDA}"
    return (
        f"{idle}this PyTorch is built without CUDA. Choose CUDA on PyTorch's page 'Get Started', and run the line that "
        f"it shows with --force-reinstall in it: {WITH_CUDA} …"
    )


@cache
def _warn_of_idle_card() -> None:
    if said := idle_card():
        logger.warning("%s", said)


def convolution_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The number format for convolutions; Gram matrices and the optimiser stay in float32 whatever it is.

    Args:
        precision: "fp32", "bf16", or "auto": bf16 where the device computes it faster than fp32.
    """
    if precision == "auto":
        return torch.bfloat16 if is_fast_with_bf16(device) else torch.float32
    return torch.bfloat16 if precision == "bf16" else torch.float32


def is_fast_with_bf16(device: torch.device) -> bool:
    """Whether a device computes bf16 by instructions of its own."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        # A CPU without the instructions emulates bf16, 50 times slower than fp32 (measured on AVX2).
        # Older versions of PyTorch cannot tell what the CPU has; then fp32 is the safe choice.
        capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
        return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return False


def _require_cuda(device: torch.device) -> None:
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if count == 0:
        raise DeviceError(
            f"--device {device} was asked for, but PyTorch finds no CUDA GPU here. Use --device auto or cpu, "
            "or install a driver and a CUDA build of PyTorch."
        )
    if device.index is not None and device.index >= count:
        last = f"cuda:0 to cuda:{count - 1}" if count > 1 else "cuda:0"
        raise DeviceError(f"--device {device} was asked for, but there is only {last}.")
