"""What is no picture is not painted: bars and blank frames stay as they are, to the bit, and fades grow into paint."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import cv2
import numpy as np
import OpenEXR
import pytest
from conftest import LIGHT, STYLE
from numpy.random import default_rng
from sequence_fixtures import save

import stylevideo
from stylevideo.cli.main import main
from stylevideo.errors import Stopped
from stylevideo.media.decode.vectors import VectorSource
from stylevideo.media.images.exr import read_channels
from stylevideo.media.images.vectors import VectorPicture
from stylevideo.rectangle import Rectangle
from stylevideo.render.job import _vectors_of
from stylevideo.reports.events import Event, FrameFinished
from stylevideo.settings.settings import Settings

FAST = Settings().with_values(**LIGHT)
HEIGHT, WIDTH = 70, 75
ROWS, COLUMNS = slice(11, 61), slice(5, 73)
"""Of the picture: odd sizes, bars of different widths."""
LIGHTS = (0.0, 0.0, 0.3, 0.6, 1.0, 1.0, None, 1.0, 1.0, 1.0)
"""Of the clip's frames; None is a white flash, bars included."""
FLASH = LIGHTS.index(None)


def picture(number: int = 0) -> np.ndarray:
    """Soft shapes that pan by a pixel a frame, (50, 68, 3) float, 0..1."""
    coarse = default_rng(1).random((8, 16, 3)).astype(np.float32)
    wide = cv2.resize(coarse, (140, 50), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    return wide[:, number : number + COLUMNS.stop - COLUMNS.start]


def clip_frames(bar: int = 0, depth: type = np.uint8) -> list[np.ndarray]:
    """A fade-in from black and a flash, between bars: (H, W, 3) each."""
    white, frames = np.iinfo(depth).max, list[np.ndarray]()
    for number, light in enumerate(LIGHTS):
        frame: np.ndarray = np.full((HEIGHT, WIDTH, 3), bar, depth)
        frame[ROWS, COLUMNS] = np.rint(picture(number) * white * (light or 0))
        frames.append(np.full_like(frame, white) if light is None else frame)
    return frames


def save_clip(folder: Path, frames: list[np.ndarray]) -> Path:
    folder.mkdir()
    for number, frame in enumerate(frames, 1):
        save(folder / f"a.{number}.png", frame)
    return folder


def painted(source: Path, folder: Path, settings: Settings = FAST, suffix: str = "png") -> list[Path]:
    folder.mkdir(exist_ok=True)
    stylevideo.stylize(source, [STYLE], folder / f"b.####.{suffix}", settings)
    return sorted(folder.glob(f"*.{suffix}"))


def read(path: Path) -> np.ndarray:
    """As it is, BGR or BGRA."""
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def change(one: np.ndarray, other: np.ndarray) -> float:
    """Root mean square of the picture's, 1/255."""
    difference = (one.astype(float) - other)[ROWS, COLUMNS]
    return float(np.sqrt(np.square(difference).mean()))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_clip(tmp_path_factory.mktemp("blank") / "clip", clip_frames())


@pytest.fixture(scope="module")
def film(source: Path) -> list[Path]:
    return painted(source, source.parent / "film")


def test_bars_and_blank_frames_are_the_sources_to_the_bit(film: list[Path]) -> None:
    frames = [frame[..., ::-1] for frame in clip_frames()]
    for light, path, frame in zip(LIGHTS, film, frames, strict=True):
        made = read(path)
        bars = np.ones((HEIGHT, WIDTH), bool)
        bars[ROWS, COLUMNS] = False
        assert np.array_equal(made[bars], frame[bars])
        assert np.array_equal(made, frame) == (light in (None, 0.0))


def test_a_fade_grows_into_paint(film: list[Path]) -> None:
    changes = [change(read(path), frame[..., ::-1]) for path, frame in zip(film, clip_frames(), strict=True)]
    assert changes[1] == 0 < changes[2] < changes[3] < changes[4]


def test_behind_a_flash_the_look_is_that_before_it(film: list[Path]) -> None:
    """And not begun anew, as where all is painted."""
    before, after = (read(film[FLASH + step]) for step in (-1, 1))
    frames = clip_frames()
    assert change(after, before) < 1.5 * change(frames[FLASH + 1], frames[FLASH - 1])


def test_a_film_that_was_stopped_anywhere_is_the_same(source: Path, film: list[Path], tmp_path: Path) -> None:
    """Each run makes a frame or two, so that states of black, faded and full frames are gone on from."""
    runs, whole = 0, [read(path) for path in film]
    while runs < 3 * len(LIGHTS):
        runs += 1
        made: list[Event] = []
        try:
            stylevideo.stylize(
                source,
                [STYLE],
                tmp_path / "b.####.png",
                FAST,
                made.append,
                lambda made=made: any(isinstance(event, FrameFinished) for event in made),
            )
            break
        except Stopped:
            continue
    assert runs > 3
    assert all(np.array_equal(read(path), one) for path, one in zip(sorted(tmp_path.glob("*.png")), whole, strict=True))


def test_without_it_all_is_painted(source: Path, tmp_path: Path) -> None:
    settings = FAST.with_values(bars="paint", fades="paint", frames="1,5", first_iterations=2)
    black, bright = (read(path) for path in painted(source, tmp_path, settings))
    assert black.any()
    assert bright[:11].any()


def test_an_all_black_clip_and_one_without_paint_stay_as_they_are(source: Path, tmp_path: Path) -> None:
    black = save_clip(tmp_path / "black", [np.full((40, 48, 3), 16, np.uint8)] * 3)
    (tmp_path / "films").mkdir()
    for settings in (FAST, FAST.with_values(loop=True, loop_frames=1)):
        for path in painted(black, tmp_path / "films", settings.with_values(overwrite=True)):
            assert (read(path) == 16).all()
    passed = painted(source, tmp_path / "passed", FAST.with_values(iterations=0))
    assert all(np.array_equal(read(path), frame[..., ::-1]) for path, frame in zip(passed, clip_frames(), strict=True))


def test_bars_of_deep_pictures_with_alpha_stay_to_the_bit(tmp_path: Path) -> None:
    frames = [
        np.dstack((frame, np.full(frame.shape[:2], 40000, np.uint16))) for frame in clip_frames(4096, np.uint16)[4:6]
    ]
    for path, frame in zip(painted(save_clip(tmp_path / "clip", frames), tmp_path / "film"), frames, strict=True):
        made = read(path)
        assert made.dtype == np.uint16
        assert (made[:11, :, :3] == 4096).all()
        assert (made[..., 3] == 40000).all()
        assert not np.array_equal(made[ROWS, COLUMNS, 2], frame[ROWS, COLUMNS, 0])


def test_bars_of_plates_stay_as_without_paint(tmp_path: Path) -> None:
    (tmp_path / "plates").mkdir()
    for number in (1, 2):
        plate = np.full((HEIGHT, WIDTH, 3), 0.01, np.float32)
        plate[ROWS, COLUMNS] = 3 * picture(number)
        channels = {name: np.ascontiguousarray(plate[..., place]) for place, name in enumerate("RGB")}
        with OpenEXR.File({"type": OpenEXR.scanlineimage}, channels) as file:
            file.write(str(tmp_path / "plates" / f"a.{number}.exr"))
    films = [
        painted(tmp_path / "plates", tmp_path / name, FAST.with_values(iterations=iterations), "exr")
        for name, iterations in (("passed", 0), ("painted", 2))
    ]
    for passed, made in zip(*films, strict=True):
        before, after = (read_channels(path)["R"] for path in (passed, made))
        assert np.array_equal(before[:11], after[:11])
        assert not np.array_equal(before[ROWS, COLUMNS], after[ROWS, COLUMNS])


def test_a_loop_between_black_and_black_needs_no_turn(tmp_path: Path) -> None:
    frames = clip_frames()
    source = save_clip(tmp_path / "clip", [frames[0], *frames[3:6], *frames[5:2:-1], frames[0]])
    made = painted(source, tmp_path / "film", FAST.with_values(loop=True, loop_frames=3))
    assert not read(made[0]).any()
    assert not read(made[-1]).any()
    assert read(made[3]).any()


def test_a_loop_of_bars_turns_inside_them(tmp_path: Path) -> None:
    frames = clip_frames()
    source = save_clip(tmp_path / "clip", [frames[4]] * 6)
    made = painted(source, tmp_path / "film", FAST.with_values(loop=True, loop_frames=2))
    assert all(not read(path)[:11].any() for path in made)


def test_the_command_takes_it_and_refuses_what_it_does_not_know(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(source), "--style", str(STYLE), "-o", str(tmp_path / "f.mp4"), "--bars", "crop"]) != 0
    assert "--bars" in capsys.readouterr().err
    assert FAST.fingerprint() != FAST.with_values(bars="paint").fingerprint()
    assert FAST.fingerprint() != FAST.with_values(fades="paint").fingerprint()


def test_a_renderers_vectors_are_cut_to_the_picture() -> None:
    """Their lengths stay: they are pixels of the film."""
    offsets = np.random.default_rng(3).normal(size=(HEIGHT, WIDTH, 2)).astype(np.float32)

    class Source:
        def read(self, index: int) -> VectorPicture:
            return VectorPicture(to_previous=offsets, to_next=None, depth=offsets[..., 0])

    active = Rectangle(ROWS.start, ROWS.stop, COLUMNS.start, COLUMNS.stop)
    found = _vectors_of(cast("VectorSource", Source()), active, 0)
    assert found is not None
    assert found.depth is not None
    assert np.array_equal(found.to_previous[0].permute(1, 2, 0), offsets[ROWS, COLUMNS])
    assert np.array_equal(found.depth[0, 0], offsets[ROWS, COLUMNS, 0])
