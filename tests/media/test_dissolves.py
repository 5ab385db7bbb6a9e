"""Dissolves are found where they are, and what else changes slowly is none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from media_fixtures import make_video
from numpy.random import default_rng

from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.shots import detect_shots
from stylevideo.media.images.dissolves import Dissolve, DissolveFinder
from stylevideo.settings.sections import ShotSettings
from stylevideo.timeline.clip import Shot
from stylevideo.timeline.ranges import select_frames
from stylevideo.timeline.selection import FrameSelection

HEIGHT, WIDTH, COUNT = 54, 96, 48
FIRST, STOP = 16, 28


def wide(seed: int) -> np.ndarray:
    """A picture of soft shapes, wider than a frame: (HEIGHT, 4 WIDTH, 3) float, 0..255."""
    coarse = default_rng(seed).random((6, 40, 3)).astype(np.float32)
    return 255 * cv2.resize(coarse, (4 * WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC).clip(0, 1)


def panned(seed: int, px: float, count: int = COUNT) -> list[np.ndarray]:
    return [wide(seed)[:, (left := round(px * index)) : left + WIDTH] for index in range(count)]


def share(index: int) -> float:
    return float(np.clip((index - FIRST + 1) / (STOP - FIRST + 1), 0, 1))


def dissolved(before: Sequence[np.ndarray], after: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [a + share(index) * (b - a) for index, (a, b) in enumerate(zip(before, after, strict=True))]


def as_bytes(frames: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [np.ascontiguousarray(frame.round().clip(0, 255).astype(np.uint8)) for frame in frames]


def found(frames: Sequence[np.ndarray | None]) -> tuple[Dissolve, ...]:
    finder = DissolveFinder()
    for index, frame in enumerate(frames):
        finder.add(index, None if frame is None else as_bytes([frame])[0])
    return finder.found()


@pytest.mark.parametrize("px", [0, 0.4])
@pytest.mark.parametrize("grain", [0, 8])
def test_a_dissolve_is_found_where_it_is(px: float, grain: int) -> None:
    random = default_rng(5)
    mixed = dissolved(panned(1, px), panned(2, -px if px < 0 else px))
    (dissolve,) = found([frame + grain * random.standard_normal(frame.shape) for frame in mixed])
    assert abs(dissolve.first - FIRST) <= 1 and abs(dissolve.stop - STOP) <= 1


def test_two_dissolves_are_two() -> None:
    one, two = dissolved(panned(1, 0), panned(2, 0)), dissolved(panned(2, 0), panned(3, 0))
    assert found([*one, *two]) == (Dissolve(FIRST, STOP), Dissolve(COUNT + FIRST, COUNT + STOP))


def _lit(frame: np.ndarray, index: int) -> np.ndarray:
    """Light goes over the picture, from the left to the right."""
    across = np.linspace(0, 1, WIDTH)[None, :, None]
    return frame * (0.15 + 0.85 * ((1 - share(index)) * (1 - across) + share(index) * across))


def _graded(frame: np.ndarray, index: int) -> np.ndarray:
    """Colours change places, as from day to night."""
    return frame + share(index) * (0.4 * frame[..., ::-1] - frame)


def _zoomed(frame: np.ndarray, index: int) -> np.ndarray:
    side = 1 - 0.6 * share(index)
    height, width = round(side * HEIGHT), round(side * WIDTH)
    top, left = (HEIGHT - height) // 2, (WIDTH - width) // 2
    return cv2.resize(np.ascontiguousarray(frame[top : top + height, left : left + width]), (WIDTH, HEIGHT))


def _crossed(frame: np.ndarray, index: int) -> np.ndarray:
    """Something large goes through the picture."""
    crossed, right = frame.copy(), 8 * (index - FIRST)
    crossed[:, max(0, right - 80) : max(0, right)] = 40
    return crossed


def _wiped(frame: np.ndarray, index: int) -> np.ndarray:
    edge = round(share(index) * WIDTH)
    return np.concatenate((wide(2)[:, :edge], frame[:, edge:]), axis=1)


def _blurred(frame: np.ndarray, index: int) -> np.ndarray:
    """The focus goes."""
    return frame + share(index) * (cv2.GaussianBlur(np.ascontiguousarray(frame), (0, 0), 10) - frame)


def _cut(frame: np.ndarray, index: int) -> np.ndarray:
    return wide(2)[:, :WIDTH] if index >= FIRST else frame


def _flashed(frame: np.ndarray, index: int) -> np.ndarray:
    return np.full_like(frame, 230) if index == FIRST else frame


def _through_black(frame: np.ndarray, index: int) -> np.ndarray:
    way = share(index)
    return frame * (1 - 2 * way) if way < 0.5 else wide(2)[:, :WIDTH] * (2 * way - 1)


@pytest.mark.parametrize(
    "change",
    [_lit, _graded, _zoomed, _crossed, _wiped, _blurred, _cut, _flashed, _through_black],
    ids=lambda f: f.__name__,
)
@pytest.mark.parametrize("seed", [1, 4])
def test_what_else_changes_is_none(change: object, seed: int) -> None:
    assert callable(change)
    assert found([change(frame, index) for index, frame in enumerate(panned(seed, 0))]) == ()


@pytest.mark.parametrize("px", [1, 3, 6])
def test_a_pan_is_none(px: int) -> None:
    assert found(panned(1, px)) == ()


def test_nothing_dissolves_over_a_blank_frame() -> None:
    mixed: list[np.ndarray | None] = list(dissolved(panned(1, 0), panned(2, 0)))
    mixed[(FIRST + STOP) // 2] = None
    assert found(mixed) == ()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    frames = as_bytes([*dissolved(panned(1, 0.4), panned(2, 0.4)), *panned(3, 0.4, 20)])
    return make_video(tmp_path_factory.mktemp("dissolve") / "clip.mkv", frames, "24", ("-c:v", "ffv1"))


@pytest.mark.parametrize(
    ("chosen", "shots"),
    {
        "all": ("1-68", [(1, 29, 13), (30, 48, 0), (49, 68, 0)]),
        "from within it": ("20-60", [(20, 29, 9), (30, 48, 0), (49, 60, 0)]),
        "up to its last frame": ("1-28", [(1, 28, 0)]),
        "every second": ("1-59x2", [(1, 29, 7), (31, 47, 0), (49, 59, 0)]),
        "without the first shot": ("30-68", [(30, 48, 0), (49, 68, 0)]),
    }.values(),
)
def test_the_mixed_frames_end_the_first_shot(clip: Path, chosen: str, shots: list[tuple[int, int, int]]) -> None:
    selection = select_frames(probe(clip), chosen)
    of_shots = [
        (selection.number(shot.start), selection.number(shot.stop - 1), shot.dissolving)
        for shot in detect_shots(selection)
    ]
    assert of_shots == shots


def test_who_looks_for_no_cuts_finds_no_dissolves(clip: Path) -> None:
    shots = detect_shots(FrameSelection(probe(clip), range(68)), ShotSettings(detect_cuts=False))
    assert shots == (Shot(0, 0, 68),)
