"""A shot that dissolves turns into the next one's look; nothing else of either changes, whoever paints what."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import LEAST, STYLE
from media_fixtures import make_video
from numpy.random import default_rng

import stylevideo
from stylevideo.cli.main import main
from stylevideo.errors import Stopped
from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.shots import detect_shots
from stylevideo.media.images.pictures import read_picture
from stylevideo.reports.events import Event, FrameFinished
from stylevideo.settings.over_time import ShotTable
from stylevideo.settings.settings import Settings
from stylevideo.timeline.selection import FrameSelection

SMALL = Settings().with_values(**LEAST, overwrite=True, provenance=False)
COUNT, FIRST, STOP = 26, 9, 17
"""Frames of the clip; of the first mixed one and of the next shot's first the indices."""


def scene(seed: int, index: int) -> np.ndarray:
    """Soft shapes that pan slowly: (36, 64, 3) float, 0..255."""
    coarse = default_rng(seed).random((5, 16, 3)).astype(np.float32)
    wide = 255 * cv2.resize(coarse, (128, 36), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    return wide[:, index // 8 : index // 8 + 64]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shares = np.clip((np.arange(COUNT) - FIRST + 1) / (STOP - FIRST + 1), 0, 1)
    images = [
        np.ascontiguousarray(((1 - share) * scene(1, index) + share * scene(2, index)).round().astype(np.uint8))
        for index, share in enumerate(shares)
    ]
    return make_video(tmp_path_factory.mktemp("dissolve") / "clip.mkv", images, "24", ("-c:v", "ffv1"))


def painted(
    clip: Path, folder: Path, settings: Settings = SMALL, stops_after: int = COUNT, shot: Sequence[ShotTable] = ()
) -> dict[int, bytes]:
    """Make a film of PNGs; the files by their numbers. Given up when so many frames are finished."""
    folder.mkdir(exist_ok=True)
    finished = 0

    def note(event: Event) -> None:
        nonlocal finished
        finished += isinstance(event, FrameFinished)

    stylevideo.stylize(clip, [STYLE], folder / "f.####.png", settings, note, lambda: finished >= stops_after, shot)
    return files(folder)


@pytest.fixture(scope="module")
def kept(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a film whose frames are kept."""
    assert detect_shots(FrameSelection.whole(probe(clip)))[0].dissolving
    folder = tmp_path_factory.mktemp("kept")
    painted(clip, folder, SMALL.with_values(keep_frames=True))
    return folder


@pytest.fixture(scope="module")
def film(kept: Path) -> dict[int, bytes]:
    return files(kept)


def files(folder: Path) -> dict[int, bytes]:
    return {int(path.name[2:6]): path.read_bytes() for path in sorted(folder.glob("f.*.png"))}


def apart(folder: Path, number: int, other: int) -> float:
    pictures = [read_picture(folder / f"f.{each:04d}.png").astype(float) for each in (number, other)]
    return float(np.abs(pictures[0] - pictures[1]).mean())


def require_no_seam(folder: Path) -> None:
    steps = [apart(folder, number, number + 1) for number in range(FIRST, STOP)]
    assert apart(folder, STOP, STOP + 1) < 1.5 * max(steps)


def test_both_shots_are_painted_as_if_they_stood_alone(clip: Path, film: dict[int, bytes], tmp_path: Path) -> None:
    """Up to the dissolve, and from its end on; between them no seam is seen."""
    before, after = detect_shots(FrameSelection.whole(probe(clip)))
    alone = painted(clip, tmp_path / "before", SMALL.with_values(frames=f"1-{before.stop - before.dissolving}"))
    alone |= painted(clip, tmp_path / "after", SMALL.with_values(frames=f"{after.start + 1}-{after.start + 3}"))
    assert {number: film[number] for number in alone} == alone


def test_the_shot_turns_into_the_next_one(kept: Path) -> None:
    require_no_seam(kept)


def test_an_interrupted_film_is_the_same(clip: Path, film: dict[int, bytes], tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        painted(clip, tmp_path, stops_after=FIRST + 3)
    assert painted(clip, tmp_path) == film


def test_a_change_reaches_the_shot_that_dissolves_into_it(clip: Path, kept: Path, tmp_path: Path) -> None:
    again = Path(shutil.copytree(kept, tmp_path / "kept"))
    keys = {"strength": {1: 0.5, STOP + 2: "0.9:hold", STOP + 3: "0.5:hold"}}
    made = painted(clip, again, SMALL.with_values(keep_frames=True, key=keys))
    assert made == painted(clip, tmp_path / "anew", SMALL.with_values(key=keys))


def test_a_dissolve_goes_into_what_somebody_painted(clip: Path, film: dict[int, bytes], tmp_path: Path) -> None:
    """In the next shot's first frame, and out of it in the first shot."""
    (tmp_path / "before.png").write_bytes(film[FIRST - 2])
    (tmp_path / "after.png").write_bytes(film[STOP + 2])
    given = {FIRST - 2: str(tmp_path / "before.png"), STOP + 2: str(tmp_path / "after.png")}
    made = painted(clip, tmp_path / "film", SMALL.with_values(painted=given))
    assert made[STOP + 2] == film[STOP + 2]
    require_no_seam(tmp_path / "film")


def test_what_leads_into_a_shot_knows_of_its_first_frame_alone(clip: Path, tmp_path: Path) -> None:
    """So a change of what the shot is asked for later, by its own table, leaves that as it is."""

    def table(place: int) -> list[ShotTable]:
        return [ShotTable(number=2, values={"key": {"strength": {1: 0.1, place: 0.9}}})]

    keeps = SMALL.with_values(keep_frames=True)
    painted(clip, tmp_path / "kept", keeps, shot=table(12))
    made = painted(clip, tmp_path / "kept", keeps, shot=table(STOP))
    assert made == painted(clip, tmp_path / "anew", shot=table(STOP))


def test_a_changed_painting_reaches_the_shot_that_dissolves_into_its_own(
    clip: Path, kept: Path, tmp_path: Path
) -> None:
    """Also where it is not of the shot's first frame: that is then painted like it."""
    path, keeps = tmp_path / "later.png", SMALL.with_values(keep_frames=True)
    given = {STOP + 5: str(path)}
    shutil.copy(kept / f"f.{STOP + 5:04d}.png", path)
    painted(clip, tmp_path / "kept", keeps.with_values(painted=given))
    shutil.copy(kept / "f.0001.png", path)
    made = painted(clip, tmp_path / "kept", keeps.with_values(painted=given))
    assert made == painted(clip, tmp_path / "anew", SMALL.with_values(painted=given))


def test_a_still_of_a_shot_that_dissolves_is_previewed(clip: Path, tmp_path: Path) -> None:
    words = ["--stills=3", "--first-iterations=2", "--coarse-iterations=1", "--iterations=1", "--budget=1h", "-q"]
    assert main(["preview", str(clip), "--style", str(STYLE), "-o", str(tmp_path / "sheet.png"), *words]) == 0
    assert (tmp_path / "sheet.png").exists()
