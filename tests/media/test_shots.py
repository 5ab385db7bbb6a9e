"""Cuts are found where they are, nowhere else, and the shots cover the clip."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from media_fixtures import make_video, shared
from numpy.random import default_rng
from sequence_fixtures import save

from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.reader import read_frames
from stylevideo.media.decode.sequence import probe_sequence
from stylevideo.media.decode.shots import detect_shots
from stylevideo.rectangle import Rectangle
from stylevideo.settings.sections import ShotSettings
from stylevideo.timeline.clip import Shot
from stylevideo.timeline.ranges import select_frames
from stylevideo.timeline.selection import FrameSelection

CUTS = (20, 45, 60)


def scene(seed: int, count: int) -> list[np.ndarray]:
    """A picture of soft random shapes that pans: `count` images (96, 128, 3) uint8."""
    random = default_rng(seed)
    coarse = random.integers(0, 256, (12, 40, 3), np.uint8)
    wide = coarse.repeat(8, axis=0).repeat(8, axis=1)
    return [np.ascontiguousarray(wide[:, 2 * i : 2 * i + 128]) for i in range(count)]


@pytest.fixture(scope="module")
def cut_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    edges = (0, *CUTS, 80)
    images = [image for k in range(4) for image in scene(k, edges[k + 1] - edges[k])]
    return make_video(tmp_path_factory.mktemp("shots") / "cuts.mp4", images)


def test_hard_cuts_are_found_exactly(cut_clip: Path) -> None:
    shots = detect_shots(FrameSelection(probe(cut_clip), range(80)))
    assert shots == (Shot(0, 0, 20), Shot(1, 20, 45), Shot(2, 45, 60), Shot(3, 60, 80))


def test_indices_stay_those_of_the_source_in_a_stretch(cut_clip: Path) -> None:
    shots = detect_shots(FrameSelection(probe(cut_clip), range(30, 70)))
    assert shots == (Shot(0, 30, 45), Shot(1, 45, 60), Shot(2, 60, 70))


@pytest.mark.parametrize("chosen", ["18-24", "1-80x9", "3,30,40,44-47,79", "21"])
@pytest.mark.parametrize("detect_cuts", [True, False])
def test_who_looks_on_sees_the_frames_that_are_meant(cut_clip: Path, chosen: str, detect_cuts: bool) -> None:
    selection, seen = select_frames(probe(cut_clip), chosen), dict[int, np.ndarray]()
    detect_shots(selection, ShotSettings(detect_cuts), look=lambda index, picture: seen.update({index: picture.image}))
    frames = {frame.index: frame.image for frame in read_frames(selection)}
    assert list(seen) == list(frames) == list(selection.frames)
    assert all(np.array_equal(seen[index], frames[index]) for index in frames)


@pytest.mark.parametrize(
    ("chosen", "firsts"),
    {
        "too short to tell alone": ("18-24", [18, 21]),
        "a cut between the last two": ("12-21", [12, 21]),
        "a cut before the first": ("21-30", [21]),
        "steps over whole shots": ("1-80x25", [1, 26, 51, 76]),
        "steps": ("1-80x9", [1, 28, 46, 64]),
        "a list": ("3,30,40,44-47,79", [3, 30, 46, 79]),
        "two frames of one shot": ("22,44", [22]),
        "one frame": ("21", [21]),
    }.values(),
)
def test_cuts_are_found_whichever_frames_are_wanted(cut_clip: Path, chosen: str, firsts: list[int]) -> None:
    selection = select_frames(probe(cut_clip), chosen)
    shots = detect_shots(selection)
    assert [selection.number(shot.start) for shot in shots] == firsts
    assert (shots[0].start, shots[-1].stop) == (selection.frames.start, selection.frames.stop)


def test_pictures_of_another_size_around_a_stretch_do_not_matter(tmp_path: Path) -> None:
    for number in range(1, 9):
        save(tmp_path / f"a.{number}.png", np.zeros((64, 96 if number < 6 else 32, 3), np.uint8))
    selection = select_frames(probe_sequence(tmp_path, Fraction(24)), "2-5")
    assert detect_shots(selection) == (Shot(0, 1, 5),)


def test_a_pan_is_one_shot(tmp_path: Path) -> None:
    info = probe(make_video(tmp_path / "pan.mp4", scene(7, 60)))
    assert detect_shots(FrameSelection(info, range(60))) == (Shot(0, 0, 60),)


def test_where_nothing_is_looked_for_nothing_is_decoded(tmp_path: Path, cut_clip: Path) -> None:
    info, nothing = probe(cut_clip), ShotSettings(detect_cuts=False, bars="paint", fades="paint")
    cut_clip_moved = cut_clip.rename(tmp_path / "moved.mp4")
    try:
        assert detect_shots(FrameSelection(info, range(3, 80)), nothing) == (Shot(0, 3, 80),)
    finally:
        cut_clip_moved.rename(cut_clip)


def test_cuts_too_close_to_the_last_are_ignored(cut_clip: Path) -> None:
    shots = detect_shots(FrameSelection(probe(cut_clip), range(80)), ShotSettings(min_shot_frames=18))
    assert shots == (Shot(0, 0, 20), Shot(1, 20, 45), Shot(2, 45, 80))


def test_a_threshold_out_of_reach_finds_none(cut_clip: Path) -> None:
    assert detect_shots(FrameSelection(probe(cut_clip), range(80)), ShotSettings(cut_threshold=100.0)) == (
        Shot(0, 0, 80),
    )


def test_a_single_frame_is_a_shot(cut_clip: Path) -> None:
    assert detect_shots(FrameSelection(probe(cut_clip), range(19, 20))) == (Shot(0, 19, 20),)


@pytest.mark.parametrize("name", ["bigbuckbunny", "friday", "stream"])
def test_clips_without_a_cut(name: str) -> None:
    info = probe(shared(f"clips/{name}.mp4"))
    shots = detect_shots(FrameSelection.whole(info))
    assert [(shot.start, shot.stop) for shot in shots] == [(0, info.frame_count)]


def blank(level: int, count: int) -> list[np.ndarray]:
    return [np.full((96, 128, 3), level, np.uint8)] * count


def test_a_flash_is_no_cut_and_behind_black_there_is_one_if_another_picture_follows(tmp_path: Path) -> None:
    one, other = scene(0, 50), scene(1, 30)
    images = [*blank(0, 5), *one[:20], *blank(255, 1), *one[21:40], *blank(0, 9), *one[40:], *blank(0, 9), *other]
    info = probe(make_video(tmp_path / "flash.mp4", images))
    shots = detect_shots(FrameSelection.whole(info))
    assert [shot.start for shot in shots] == [0, len(images) - len(other)]


def test_each_shot_knows_its_picture_in_pixels_of_the_film(tmp_path: Path) -> None:
    letterboxed = [image.copy() for image in scene(0, 30)]
    for image in letterboxed:
        image[:17] = image[79:] = 0
    dim = [image // 5 for image in scene(1, 30)]
    info = probe(make_video(tmp_path / "bars.mp4", [*letterboxed, *dim]))
    first, second = detect_shots(FrameSelection.whole(info), size=(48, 64))
    assert first.active == Rectangle(8, 40, 0, 64)
    assert second.active is None
    assert first.full_light > second.full_light
    halved = detect_shots(FrameSelection.whole(info), ShotSettings(bars="paint"))
    assert [shot.active for shot in halved] == [None, None]


@pytest.mark.parametrize("detects", [True, False])
def test_a_shot_without_edges_has_the_bars_of_its_clip(tmp_path: Path, detects: bool) -> None:
    """Such as a title on black; and one frame of it shows none by itself."""
    letterboxed = [image.copy() for image in scene(0, 30)]
    title = blank(0, 30)[0].copy()
    title[40:46, 30:34] = title[40:46, 50:60] = 255
    for image in letterboxed:
        image[:16] = image[80:] = 0
    info = probe(make_video(tmp_path / "title.mp4", [*letterboxed, *[title] * 30]))
    shots = detect_shots(FrameSelection.whole(info), ShotSettings(detect_cuts=detects))
    assert len(shots) == 1 + detects
    assert {shot.active for shot in shots} == {Rectangle(16, 80, 0, 128)}
    assert detect_shots(FrameSelection(info, range(40, 41)))[0].active is None
