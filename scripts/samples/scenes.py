"""The shots of the sample clip, each rendered with its exact motion and occlusion."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from scripts.samples.balloon import render_balloon
from scripts.samples.flight import render_flight
from scripts.samples.frames import RenderedFrame

SHOTS = ("flight", "balloon")
SHOT_FRAMES = {"flight": 40, "balloon": 32}

_RENDERERS: dict[str, Callable[[int, int, int, bool], Iterator[RenderedFrame]]] = {
    "flight": render_flight,
    "balloon": render_balloon,
}


def render_shot(
    name: str, frames: int | None = None, width: int = 640, height: int = 360, both_ways: bool = False
) -> Iterator[RenderedFrame]:
    """Render a shot frame by frame.

    name: one of SHOTS. frames: how many, all of the shot's (SHOT_FRAMES) when None.
    width, height: size of the pictures in pixels; every size shows the same scene and the same motion.
    both_ways: with the motion from the picture before too.
    """
    return _RENDERERS[name](SHOT_FRAMES[name] if frames is None else frames, width, height, both_ways)
