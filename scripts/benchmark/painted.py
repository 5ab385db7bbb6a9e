"""How far what somebody painted on a frame spreads: what is left of it frames away, and where two of them meet."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from scripts.benchmark.clips import BenchmarkClip, ExactMotion
from scripts.benchmark.methods import CODE_OF_FRAMES, Method, Workbench, remembered
from scripts.benchmark.pictures import WHOLE, cut, grid
from scripts.benchmark.report import Bar, Findings, number, table
from stylevideo.media.images.pictures import read_picture, to_image, to_picture, write_png
from stylevideo.motion.estimate import Motion
from stylevideo.motion.flow import FarnebackFlow
from stylevideo.motion.frame import Frame
from stylevideo.ops.warp import warp_crisply, warp_smoothly
from stylevideo.quality.measures import MotionBetween, motion_by
from stylevideo.render.stylize import stylize
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style
from stylevideo.store.identity import content_hash

AWAY = 5
"""Frames from a painted one to those that are measured."""
MOST_LEFT_OUT = 1.3
"""Difference so many frames away, times that of our own frames one step away."""
SHOWN = (-6, -3, -1, 0, 1, 3, 6)
"""Frames from a painted one that are shown."""
OVALS = {"balloon": (0.36, 0.38), "bigbuckbunny": (0.29, 0.6)}
"""Middle of what moves in a clip's middle frame, in parts of its width and height: something large is drawn on it."""
CERTAIN = 0.999
"""Visibility from which on a pixel is compared."""
RETURNED_PX = 0.3
"""By so much at most the exact ways there and back of what is compared miss each other, pixels."""


def check_painted(bench: Workbench, clip: BenchmarkClip, base: Method, other_style: Path) -> Findings:
    """Make a clip's film, paint over one of its frames in two ways and over two of them, and look at what spreads.

    Args:
        bench: with the style of the film.
        clip: at least eleven frames.
        base: how the films are made.
        other_style: a painting in whose style one frame is painted.
    """
    count = len(clip.frames)
    middle, first, last = count // 2, count // 4, count - 1 - count // 4
    own = [picture for _, picture in bench.make(clip, base).pairs()]
    source = _written(bench.output / "sources" / clip.name, [to_picture(frame.image) for frame in clip.frames])
    one = base.settings.with_values(frames=str(middle + 1))
    folder = bench.output / "painted" / clip.name
    (strange,) = _film(source, [Style(other_style)], one, {}, folder / "one")
    shapes = to_image(drawn_over(to_picture(own[middle]), OVALS.get(clip.name, (0.3, 0.35))))
    paintings = {
        "own": {middle: own[middle]},
        "shapes": {middle: shapes},
        "another style": {middle: strange},
        "two": {
            first: to_image(drawn_over(to_picture(own[first]), OVALS.get(clip.name, (0.3, 0.35)))),
            last: own[last],
        },
    }
    styles = [read.style for read in bench.styles]
    films = {
        name: _film(source, styles, base.settings, pictures, folder / name.replace(" ", "-"))
        for name, pictures in paintings.items()
    }
    between = _both_ways(clip)
    step = statistics.fmean(_apart(clip, between, own, middle, middle + side) for side in (-1, 1))
    near = range(middle - AWAY, middle + AWAY)

    def from_frame_to_frame(film: Sequence[Tensor]) -> str:
        return number(statistics.fmean(_apart(clip, between, film, index, index + 1) for index in near))

    name = f"{clip.name}, {bench.styles[0].style.path.stem}"
    lines, bars = [], []
    for painted, film in [("nothing", own), *list(films.items())[:3]]:
        away = [
            [_apart(clip, between, film, middle, middle + side * far) for side in (-1, 1)] for far in range(1, AWAY + 1)
        ]
        each = (f"{number(before)}, {number(after)}" for before, after in away)
        lines.append([painted, *each, from_frame_to_frame(film)])
        for side, value in zip(("before", "after"), away[-1] if painted != "nothing" else (), strict=False):
            what = f"{name}, {painted}: {AWAY} frames {side}, times our own one step away"
            bars.append(Bar(what, value / step, most=MOST_LEFT_OUT))
    headings = ["painted", *(f"{far} before, after" for far in range(1, AWAY + 1)), "from frame to frame"]
    flow = "the exact flow" if clip.exact else "Farneback's flow"
    told = f"Mean difference to the painted frame moved by {flow}, 1/255; our own one step away: {number(step)}, "
    told += f"from frame to frame: {from_frame_to_frame(own)}."
    heading = f"## {name}: {count} frames, {clip.size[1]}x{clip.size[0]}"
    sheets = {
        f"painted-{clip.name}": _sheet(clip.name, films, middle),
        f"painted-two-{clip.name}": _strip(films["two"]),
    }
    return Findings(f"{heading}\n\n{told}\n\n{table(headings, lines)}", tuple(bars), sheets)


def drawn_over(picture: np.ndarray, oval_at: tuple[float, float]) -> np.ndarray:
    """A picture (H, W, 3) uint8 on which somebody has drawn: large flat shapes, outlines, hatching."""
    drawn, (height, width) = picture.copy(), picture.shape[:2]
    thick = max(1, width // 100)

    def place(across: float, down: float) -> tuple[int, int]:
        return int(across * width), int(down * height)

    oval = (place(*oval_at), (int(0.06 * width), int(0.09 * height)), 20, 0, 360)
    cv2.ellipse(drawn, *oval, (225, 60, 40), -1, cv2.LINE_AA)
    cv2.ellipse(drawn, *oval, (20, 15, 30), thick, cv2.LINE_AA)
    corners = np.array([place(0.55, 0.55), place(0.9, 0.62), place(0.8, 0.92), place(0.5, 0.85)])
    cv2.fillPoly(drawn, [corners], (40, 160, 170), cv2.LINE_AA)
    cv2.polylines(drawn, [corners], True, (250, 240, 200), thick, cv2.LINE_AA)
    for stroke in range(12):
        across = 0.62 + 0.025 * stroke
        cv2.line(drawn, place(across, 0.12), place(across - 0.08, 0.4), (30, 20, 60), max(1, thick // 2), cv2.LINE_AA)
    return drawn


def _written(folder: Path, pictures: Sequence[np.ndarray]) -> Path:
    """Pictures as an image sequence, numbered from 1; its pattern."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, picture in enumerate(pictures):
        write_png(folder / f"frame.{index + 1:04d}.png", picture)
    return folder / "frame.####.png"


def _film(
    source: Path, styles: Sequence[Style], settings: Settings, pictures: Mapping[int, Tensor], folder: Path
) -> list[Tensor]:
    """The film as the product makes it with these painted frames; where an earlier run has it, that one."""
    folder.mkdir(parents=True, exist_ok=True)
    painted, contents = {}, {}
    for index, picture in pictures.items():
        painted[index + 1] = str(folder / f"painted{index + 1}.png")
        write_png(Path(painted[index + 1]), to_picture(picture))
        contents[str(index)] = content_hash(Path(painted[index + 1]))
    values = {"painted": painted, "detect_cuts": False, "delivery": "png", "overwrite": True}

    def make() -> list[str]:
        result = stylize(source, styles, folder / "film.####.png", settings.with_values(**values))
        return [str(record.number) for record in result.frames]

    depends_on = {"painted": contents, "settings": settings.fingerprint(), "code": CODE_OF_FRAMES}
    depends_on |= {"styles": [content_hash(style.path) for style in styles], "frames": settings.footage.frames}
    numbers = remembered(folder / "made.json", depends_on, make)
    return [to_image(read_picture(folder / f"film.{int(number):04d}.png")) for number in numbers]


def _both_ways(clip: BenchmarkClip) -> MotionBetween:
    """The motion from any frame to any other, as it was rendered, or by Farneback's flow."""
    if clip.exact is None:
        return motion_by(FarnebackFlow())
    forwards, count = clip.exact, len(clip.vectors)
    turned = [
        Motion(torch.zeros_like(clip.frames[0].image[:, :2]), torch.ones_like(clip.frames[0].image[:, :1]))
    ] * count
    for frame, after in pairwise(clip.frames):  # there and back, and seen there
        flow = clip.vectors[frame.index].to_next
        assert flow is not None, "a frame follows"
        there = forwards(frame, after)
        missed = (flow + warp_smoothly(there.flow_to_previous, flow)).square().sum(1, keepdim=True).sqrt()
        seen = (warp_smoothly(there.visible, flow) > CERTAIN) & (missed < RETURNED_PX)
        turned[count - 1 - frame.index] = Motion(flow, seen.float())
    backwards = ExactMotion(turned)

    def between(first: Frame, then: Frame) -> Motion:
        if first.index < then.index:
            return forwards(first, then)
        return backwards(*(replace(frame, index=count - 1 - frame.index) for frame in (first, then)))

    return between


def _apart(clip: BenchmarkClip, between: MotionBetween, film: Sequence[Tensor], painted: int, other: int) -> float:
    """Mean difference of a film's frame from a painted one that is moved there, over what both show, 1/255."""
    motion = between(clip.frames[painted], clip.frames[other])
    seen = (motion.visible > CERTAIN).float()
    difference = (film[other] - warp_crisply(film[painted], motion.flow_to_previous)).abs()
    return 255 * float((seen * difference).sum() / (3 * seen.sum()))


def _sheet(name: str, films: Mapping[str, Sequence[Tensor]], middle: int) -> np.ndarray:
    """A column for each film that spreads one frame, a line for each distance from it."""
    apart = {painted: film for painted, film in films.items() if painted != "two"}
    places = [far for far in SHOWN if 0 <= middle + far < len(films["own"])]
    lines = [[cut(film[middle + far], WHOLE) for film in apart.values()] for far in places]
    return grid(lines, list(apart), [f"{name} {far:+d}" for far in places])


def _strip(film: Sequence[Tensor]) -> np.ndarray:
    """All frames of a film, three in a line."""
    pictures = [cut(picture, WHOLE) for picture in film]
    rows = [pictures[start : start + 3] for start in range(0, len(pictures) - len(pictures) % 3, 3)]
    return grid(rows, ["", "", ""], [str(3 * row) for row in range(len(rows))])
