"""What is no picture, and what is nearly none: bars, black frames, a flash, a fade-in."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from scripts.benchmark.clips import BenchmarkClip, load_clip
from scripts.benchmark.report import Bar
from stylevideo.media.decode.reader import open_clip, read_frames
from stylevideo.media.decode.shots import detect_shots
from stylevideo.media.images.exposure import exposure_of
from stylevideo.media.images.pictures import fit_picture, to_floats, to_picture, write_png
from stylevideo.motion.flow import DISFlow
from stylevideo.ops.warp import warp_smoothly
from stylevideo.quality.measures import motion_by
from stylevideo.rectangle import Rectangle
from stylevideo.render.stylize import stylize_frames
from stylevideo.settings.settings import Settings
from stylevideo.timeline.selection import FrameSelection

BARS = 1 / 7
"""Height of a letterbox bar, in parts of the picture's."""
LIGHTS = (*[0.0] * 5, 0.15, 0.3, 0.45, 0.7, 0.85, *[1.0] * 4, None, *[1.0] * 5)
"""Of the letterboxed clip's frames; None is a white one."""
FADE_FRAMES = 12
AFTER_FADE = 4
SAME_LOOK = 1.5
"""Times what the source's frames around a flash differ by, that the film's may."""
UNTOUCHED = 2
"""Of 255: what the film's bars and blank frames may differ by from the source's."""
SURELY_VISIBLE = 0.99
FORE, BEHIND = 1, 3
"""Frames before and after a flash's first that are compared."""


def check_fades(
    clip: Path | None, style: Path, size: int, media: Path, values: Mapping[str, Any], pictures: Path
) -> Iterator[str]:
    """Figures of a letterboxed clip with a fade and a flash, and of a fade-in of footage.

    Args:
        clip: a film of the first kind; a rendered one if not given.
        style: a picture.
        size: long edge, pixels.
        media: a folder of footage.
        values: settings.
        pictures: a folder for all frames.
    """
    settings = Settings().with_values(size=size, **values)
    sources, active = _letterboxed(size) if clip is None else _read(clip, size)
    film = _painted(sources, style, settings, pictures / "letterboxed")
    yield from _letterbox_bars(sources, film, active)
    whole = load_clip("friday", size, FADE_FRAMES + AFTER_FADE, media)
    faded = _faded_in(whole)
    flicker = {}
    for word in ("keep", "paint"):
        film = _painted(faded, style, settings.with_values(fades=word), pictures / f"friday-{word}")
        flicker[word] = _flicker(whole, film)
        yield f"friday, a fade-in of {FADE_FRAMES} frames, --fades {word}: flicker {flicker[word]:.2f}/255"
    yield str(Bar("friday: flicker, times that of --fades paint", flicker["keep"] / flicker["paint"], most=1))


def _letterboxed(size: int) -> tuple[list[np.ndarray], Rectangle]:
    """The sample's flight, and where it is."""
    pans, sources = load_clip("flight", size, len(LIGHTS), Path()).frames, list[np.ndarray]()
    for frame, light in zip(pans, LIGHTS, strict=True):
        picture = to_picture(frame.image * (light or 0))
        height = len(picture)
        bar = round(BARS * height)
        picture[:bar] = picture[height - bar :] = 0
        sources.append(np.full_like(picture, 255) if light is None else picture)
    return sources, Rectangle(bar, height - bar, 0, picture.shape[1])


def _read(clip: Path, size: int) -> tuple[list[np.ndarray], Rectangle]:
    """A clip's frames, and where their picture is, as we find it."""
    selection = FrameSelection.whole(open_clip(clip))
    frames = [frame.image for frame in read_frames(selection)]
    height, width = frames[0].shape[:2]
    factor = min(1.0, size / max(height, width))
    film = (round(height * factor), round(width * factor))
    active = detect_shots(selection, size=film)[0].active
    return [fit_picture(frame, film) for frame in frames], active or Rectangle(0, film[0], 0, film[1])


def _painted(sources: Sequence[np.ndarray], style: Path, settings: Settings, folder: Path) -> list[np.ndarray]:
    """The film's frames, kept beside the source's: (H, W, 3) uint8 each."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as clip:
        for number, source in enumerate(sources, 1):
            write_png(Path(clip) / f"a.{number:04d}.png", source)
        film = [to_picture(result.image) for result in stylize_frames(clip, [style], settings)]
    for number, pair in enumerate(zip(sources, film, strict=True), 1):
        write_png(folder / f"{number:04d}.png", np.vstack(pair))
    return film


def _letterbox_bars(sources: Sequence[np.ndarray], film: Sequence[np.ndarray], active: Rectangle) -> Iterator[str]:
    around = np.ones(sources[0].shape[:2], bool)
    around[active.rows, active.columns] = False
    off = [np.abs(made.astype(int) - source) for source, made in zip(sources, film, strict=True)]
    if around.any():
        worst = max(float(difference[around].max()) for difference in off)
        yield str(Bar("letterboxed: bars differ from the source's by at most, 1/255", worst, most=UNTOUCHED))
    exposures = [exposure_of(source[active.rows, active.columns]) for source in sources]
    blank = [index for index, exposure in enumerate(exposures) if exposure.is_blank]
    if blank:
        worst = max(float(off[index].max()) for index in blank)
        what = f"letterboxed: {len(blank)} blank frames differ from the source's by at most, 1/255"
        yield str(Bar(what, worst, most=UNTOUCHED))
    for index in blank:
        before, after = index - FORE, index + BEHIND
        if before < 0 or after >= len(sources) or exposures[index].light < 1 or {before, after} & {*blank}:
            continue
        ratio = _times_apart(film, sources, before, after, active)
        what = f"letterboxed: frames {before} and {after}, around a flash, differ by so many times the source's"
        yield str(Bar(what, ratio, most=SAME_LOOK))
        later = (index + 1, index + 1 + FORE + BEHIND)
        if later[1] < len(sources) and not {*range(later[0], later[1] + 1)} & {*blank}:
            ratio = _times_apart(film, sources, *later, active)
            yield f"letterboxed: frames {later[0]} and {later[1]}, without a flash between, by {ratio:.3g} times"


def _times_apart(
    film: Sequence[np.ndarray], sources: Sequence[np.ndarray], one: int, other: int, active: Rectangle
) -> float:
    """How far two frames of the film differ where they are, in times of the source's."""
    return _apart(film[one], film[other], active) / _apart(sources[one], sources[other], active)


def _apart(one: np.ndarray, other: np.ndarray, active: Rectangle) -> float:
    return float(np.abs(one.astype(float) - other)[active.rows, active.columns].mean())


def _faded_in(clip: BenchmarkClip) -> list[np.ndarray]:
    lights = (min(1.0, index / FADE_FRAMES) for index in range(len(clip.frames)))
    return [to_picture(frame.image * light) for frame, light in zip(clip.frames, lights, strict=True)]


def _flicker(clip: BenchmarkClip, film: Sequence[np.ndarray]) -> float:
    """Root mean square of what changes along the flow of the clip as it was before it was faded, 1/255.

    Besides the exposure: that an affine map of the earlier frame's values explains is no flicker.
    """
    between, squares = motion_by(DISFlow()), list[float]()
    pictures = [torch.from_numpy(to_floats(picture)).permute(2, 0, 1)[None] for picture in film]
    for place, (earlier, later) in enumerate(itertools.pairwise(clip.frames), 1):
        motion = between(earlier, later)
        seen = (motion.visible > SURELY_VISIBLE).expand_as(pictures[place])
        before = warp_smoothly(pictures[place - 1], motion.flow_to_previous)[seen].numpy()
        now = pictures[place][seen].numpy()
        known = np.stack((before, np.ones_like(before)), axis=1)
        squares.append(float(np.square(now - known @ np.linalg.lstsq(known, now)[0]).mean()))
    return 255 * float(np.sqrt(np.mean(squares)))
