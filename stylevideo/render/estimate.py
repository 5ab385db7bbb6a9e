"""What a clip will cost before it is made: VGG evaluations and disk space; and whether there is room for it."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch

from stylevideo.media.hidden import finished_frames
from stylevideo.models.vgg import VGG19
from stylevideo.ops.losses import gram_matrix
from stylevideo.planning.request import ClipRequest
from stylevideo.render.disk import bytes_needed, check_space, pixels_of
from stylevideo.render.job import fingerprint
from stylevideo.render.memory import FALLBACK_NAME
from stylevideo.render.outputs import check_names
from stylevideo.render.preflight import prepare
from stylevideo.settings.settings import Settings
from stylevideo.store.checkpoint import load_shots, require_whole
from stylevideo.store.frames import find_store, read_note
from stylevideo.system.device import cpu_threads, describe
from stylevideo.system.folders import folder_for
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


def estimate_clip(request: ClipRequest) -> Estimate:
    """Check all of a clip that can be checked, and tell what it will cost.

    Raises:
        InputError, SettingsError, DeviceError: something cannot be done as asked.
        StorageError: the disk is too full.
    """
    with folder_for(request.output), cpu_threads(request.settings.optimizer.threads):
        return _estimate_clip(request)


def _estimate_clip(request: ClipRequest) -> Estimate:
    check_names(request.output, request.settings.output)
    anew = request.settings.output.restart
    given_up = {} if anew else read_note(request.output, FALLBACK_NAME) or {}
    job = prepare(request.source, request.styles, request.output, request.settings.with_values(**given_up))
    frames, finished = job.clip.frames, 0
    if not anew and (store := find_store(request.output, fingerprint(job))):
        require_whole(store, load_shots(store) or (), job.clip.info, job.size, pictures=False)
        finished = finished_frames(request.output)
    check_space(job, finished)
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
    image = torch.rand(1, 3, PROBE_EDGE_PX, PROBE_EDGE_PX, device=vgg.mean.device, requires_grad=True)
    began = time.perf_counter()
    for number in range(PROBE_EVALUATIONS + 1):
        beat()
        if number == 1:
            began = time.perf_counter()  # the first one also prepares
        features = vgg(image, settings.losses.style_layers)
        loss = torch.stack([gram_matrix(feature).mean() for feature in features.values()]).sum()
        float(torch.autograd.grad(loss, image)[0].sum())  # waits for the device
    return (time.perf_counter() - began) / PROBE_EVALUATIONS / PROBE_EDGE_PX**2
