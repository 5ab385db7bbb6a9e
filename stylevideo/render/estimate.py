"""What a clip will cost before it is made: VGG evaluations and disk space; and whether there is room for it."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from stylevideo.media.hidden import finished_frames
from stylevideo.models.vgg import VGG19
from stylevideo.planning.request import ClipRequest
from stylevideo.render.disk import bytes_needed, pixels_of
from stylevideo.render.opening import Mode, open_job
from stylevideo.settings.settings import Settings
from stylevideo.store.checkpoint import load_shots, require_whole
from stylevideo.system.device import cpu_threads, describe
from stylevideo.system.heartbeat import beat

PROBE_EDGE_PX = 192
PROBE_EVALUATIONS = 3


@dataclass(frozen=True)
class Estimate:
    """What is known of a clip that passed all checks.

    Attributes:
        frames: how many will be made, those included that are finished.
        width, height: of the film, pixels.
        finished: frames that an interrupted run has made.
        pixels: VGG evaluations that remain, each times the pixels it sees; cuts, which cost more, are not known yet.
        bytes_needed: of disk space, most of it until the film is complete.
        device: in words.
    """

    frames: int
    width: int
    height: int
    finished: int
    pixels: float
    bytes_needed: int
    device: str


def estimate_clip(request: ClipRequest, to_be_made: Collection[Path] = ()) -> Estimate:
    """Check all of a clip that can be checked, and tell what it will cost; nothing is written.

    Args:
        request: the clip.
        to_be_made: folders beside the film's own that will be there when it is made.
    Raises:
        InputError, SettingsError, DeviceError: something cannot be done as asked.
        StorageError: the disk is too full.
    """
    with cpu_threads(request.settings.optimizer.threads):
        job = open_job(request, Mode.CHECK, to_be_made=to_be_made)
    frames, finished = job.clip.frames, 0
    if job.store:
        require_whole(job.store, load_shots(job.store) or (), job.clip.selection, job.size, pictures=False)
        finished = finished_frames(request.places)
    return Estimate(
        frames=len(frames),
        width=job.size[1],
        height=job.size[0],
        finished=finished,
        pixels=pixels_of(job, range(frames.start + finished, frames.stop), {frames.start}),
        bytes_needed=bytes_needed(job, finished),
        device=describe(job.device),
    )


def seconds_a_pixel(vgg: VGG19, settings: Settings) -> float:
    """How long one VGG evaluation, forward and backward, takes here for each pixel: measured with a small picture."""
    image = torch.rand(1, 3, PROBE_EDGE_PX, PROBE_EDGE_PX, device=vgg.mean.device)
    losses = settings.losses
    layers = tuple(dict.fromkeys((*losses.layers_of_style, *losses.content_layers)))
    began = time.perf_counter()
    for number in range(PROBE_EVALUATIONS + 1):
        beat()
        if number == 1:
            began = time.perf_counter()  # the first one also prepares
        trace = vgg.trace(image, layers)
        parts = {layer: [partial(torch.Tensor.add_, other=features)] for layer, features in trace.features.items()}
        float(trace.gradient(parts).sum())  # waits for the device
    return (time.perf_counter() - began) / PROBE_EVALUATIONS / PROBE_EDGE_PX**2
