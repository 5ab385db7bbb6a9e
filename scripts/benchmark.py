"""Measure what stylevideo claims, in one run on one machine.

    python scripts/benchmark.py methods CLIP STYLE [--frames 1-24] [--size 256]
    python scripts/benchmark.py memory CLIP STYLE [--frames 48 132] [--size 256]

`methods` compares the preset `standard` with frames made one by one by the same losses: VGG evaluations, seconds,
loss, warping error and sharpness, all measured alike on the finished 8-bit frames. `memory` compares the peak memory
of a short and a long run. Run it in the environment that `scripts/test.py` makes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

import stylevideo
from stylevideo.media.pictures import read_picture
from stylevideo.media.probe import probe
from stylevideo.media.reader import read_frames
from stylevideo.models.device import choose_device, describe
from stylevideo.models.vgg import load_vgg19
from stylevideo.ops.warp import warp
from stylevideo.optimize import Objective
from stylevideo.settings import Settings
from stylevideo.targets import StylePicture, StyleTargets
from stylevideo.temporal import Frame, Motion, with_motion
from stylevideo.timeline import FrameRange

ONE_BY_ONE_ITERATIONS = 60


@dataclass(frozen=True)
class Measured:
    """One method on one clip; loss is without the temporal term, E_warp in squared units of 0..1."""

    method: str
    evaluations: int
    seconds: float
    mean_loss: float
    worst_loss: float
    style: float
    content: float
    warping_error: float
    sharpness: float


def compare_methods(clip: Path, style: Path, frames: str, size: int, iterations: int) -> Iterator[Measured]:
    """Run and measure the methods, the slow one last."""
    standard = Settings().with_values(frames=frames, size=size)
    one_by_one = standard.with_values(
        carry=False, coarse_scales=0, first_iterations=iterations, tolerance=0.0, start_noise=0.0
    )
    yield measure("standard", clip, style, standard)
    yield measure(f"frame by frame, {iterations} iterations", clip, style, one_by_one)


def measure(method: str, clip: Path, style: Path, settings: Settings) -> Measured:
    """Stylise with one method, then measure its frames at 8 bits, as a film holds them."""
    began = time.perf_counter()
    results = list(stylevideo.stylize_frames(clip, [style], settings))
    seconds = time.perf_counter() - began
    images = [(result.image * 255).round() / 255 for result in results]
    paired = list(source_with_motion(clip, settings, (images[0].shape[2], images[0].shape[3])))
    losses = frame_losses([frame for frame, _ in paired], images, style, settings)
    return Measured(
        method=method,
        evaluations=sum(result.iterations for result in results),
        seconds=seconds,
        mean_loss=float(np.mean([loss.appearance for loss in losses])),
        worst_loss=max(loss.appearance for loss in losses),
        style=float(np.mean([loss.style for loss in losses])),
        content=float(np.mean([loss.content for loss in losses])),
        warping_error=warping_error(images, [motion for _, motion in paired]),
        sharpness=float(np.mean([sharpness(image) for image in images])),
    )


def source_with_motion(clip: Path, settings: Settings, size: tuple[int, int]) -> Iterator[tuple[Frame, Motion | None]]:
    """The source's frames at the film's size, with DIS flow."""
    info = probe(clip)

    def frames() -> Iterator[Frame]:
        for source in read_frames(info, FrameRange.parse(settings.output.frames).indices(info)):
            small = cv2.resize(source.image, (size[1], size[0]), interpolation=cv2.INTER_AREA)
            yield Frame(source.index, torch.from_numpy(small).permute(2, 0, 1)[None].float() / 255)

    return with_motion(frames(), carry=True)


def frame_losses(frames: list[Frame], images: list[torch.Tensor], style: Path, settings: Settings) -> list:
    """Each finished frame's loss, by the settings' own terms and weights."""
    device = choose_device(settings.optimizer.device)
    vgg = load_vgg19(settings.weights.weights, device)
    picture = torch.from_numpy(read_picture(style)).permute(2, 0, 1)[None].float().to(device) / 255
    targets = StyleTargets(vgg, [StylePicture(picture, 1.0)], settings.losses.style_layers, settings.scales.style_scale)
    losses = []
    for frame, image in zip(frames, images, strict=True):
        grams = targets.at((image.shape[2], image.shape[3]))
        objective = Objective(vgg, frame.image.to(device), grams, None, settings.losses)
        with torch.no_grad():
            losses.append(objective.losses(objective.terms(image.to(device))))
    return losses


def warping_error(images: list[torch.Tensor], motions: list[Motion | None]) -> float:
    """Mean over the frames of the mean square difference from the warped previous frame, where visible.

    Ruder, Dosovitskiy, Brox (2016). Uses the flow that was optimised with, which flatters the carried method.
    """
    errors = []
    for previous, image, motion in zip(images, images[1:], motions[1:], strict=False):
        if motion is not None:
            difference = (image.cpu() - warp(previous.cpu(), motion.flow_to_previous)).square()
            errors.append(float((motion.visible * difference).sum() / (3 * motion.visible.sum())))
    return float(np.mean(errors)) if errors else 0.0


def sharpness(image: torch.Tensor) -> float:
    """Variance of the Laplacian of the luma, 0..255."""
    picture = (image[0].permute(1, 2, 0).cpu().numpy() * 255).astype(np.float32)
    return float(cv2.Laplacian(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.CV_32F).var())


def peak_memory_mib(clip: Path, style: Path, count: int, size: int) -> float:
    """Peak resident memory of a whole `stylevideo run`, with one iteration a frame: MiB. POSIX only."""
    code = (
        "import resource, sys, tempfile, pathlib\n"
        "from stylevideo.cli import main\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    assert main([*sys.argv[1:], '-o', str(pathlib.Path(folder) / 'film.mp4')]) == 0\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    arguments = ["run", str(clip), "--style", str(style), "--size", str(size), "--frames", f"1-{count}"]
    few = ["--iterations", "1", "--first-iterations", "1", "--coarse-scales", "0", "-q"]
    done = subprocess.run([sys.executable, "-c", code, *arguments, *few], capture_output=True, text=True, check=True)
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return int(done.stdout.splitlines()[-1]) / unit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    methods, memory = commands.add_parser("methods"), commands.add_parser("memory")
    for command in (methods, memory):
        command.add_argument("clip", type=Path)
        command.add_argument("style", type=Path)
        command.add_argument("--size", type=int, default=256, help="long edge, pixels")
    methods.add_argument("--frames", default="1-24")
    methods.add_argument("--iterations", type=int, default=ONE_BY_ONE_ITERATIONS, help="of frame by frame")
    methods.add_argument("--json", type=Path, help="also write the figures here")
    memory.add_argument("--frames", type=int, nargs=2, default=(48, 132), help="short and long")
    options = parser.parse_args()
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(f"{options.clip.name}, {options.style.name}, {options.size} pixels, {describe(choose_device('auto'))}{load}")
    if options.command == "methods":
        print_methods(options)
    else:
        print_memory(options)


def print_methods(options: argparse.Namespace) -> None:
    columns = ["VGG evaluations", "seconds", "mean loss", "worst loss", "style", "content", "E_warp", "sharpness"]
    print(f"| method | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
    rows = []
    for row in compare_methods(options.clip, options.style, options.frames, options.size, options.iterations):
        rows.append(vars(row))
        print(
            f"| {row.method} | {row.evaluations} | {row.seconds:.0f} | {row.mean_loss:.4f} | {row.worst_loss:.4f} | "
            f"{row.style:.4f} | {row.content:.4f} | {row.warping_error:.5f} | {row.sharpness:.0f} |",
            flush=True,
        )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


def print_memory(options: argparse.Namespace) -> None:
    short, long = (peak_memory_mib(options.clip, options.style, n, options.size) for n in options.frames)
    print(
        f"peak memory: {options.frames[0]} frames {short:.0f} MiB, {options.frames[1]} frames {long:.0f} MiB, "
        f"{100 * (long / short - 1):+.1f} %"
    )


if __name__ == "__main__":
    main()
