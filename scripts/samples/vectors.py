"""The sample clip's motion vectors, as a renderer writes them beside its pictures: EXR files with Nuke's channels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import OpenEXR

from scripts.samples.frames import RenderedFrame
from scripts.samples.noise import FloatArray
from scripts.samples.scenes import SHOT_FRAMES, SHOTS, render_shot

NAME = "lake.vec.{:04d}.exr"


def make_vectors(folder: Path, width: int, height: int, frames: int | None = None) -> None:
    """Write the vectors of every frame of the clip, numbered from 1 on.

    width, height: of the pictures in pixels.
    frames: so many of each shot; all of them when None.
    """
    folder.mkdir(parents=True, exist_ok=True)
    begin = 1
    for name in SHOTS:
        save_vectors(list(render_shot(name, frames, width, height, both_ways=True)), folder, begin)
        begin += frames or SHOT_FRAMES[name]


def save_vectors(shot: Sequence[RenderedFrame], folder: Path, begin: int) -> None:
    """Write a shot's vectors, zero where it begins and ends, in half floats with y up.

    shot: rendered both ways.
    begin: number of its first file.
    """
    following = [*(frame.flow_from_previous for frame in shot[1:]), None]
    for number, (frame, forth) in enumerate(zip(shot, following, strict=True), begin):
        there = np.zeros_like(frame.flow_to_previous) if forth is None else forth
        channels = {**_channels("backward", frame.flow_to_previous), **_channels("forward", there)}
        with OpenEXR.File({"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}, channels) as file:
            file.write(str(folder / NAME.format(number)))


def _channels(layer: str, offsets: FloatArray) -> dict[str, np.ndarray]:
    planes = {"u": offsets[..., 0], "v": -offsets[..., 1]}
    return {f"{layer}.{name}": np.ascontiguousarray(plane, np.float16) for name, plane in planes.items()}
