"""Motion vectors mean the same whichever program wrote them; what cannot be understood is refused in one sentence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
from sequence_fixtures import save_numbered
from vector_fixtures import plane, save_channels, save_shift

from stylevideo.errors import InputError
from stylevideo.media.decode.reader import open_clip
from stylevideo.media.decode.vectors import VectorSource, find_vectors
from stylevideo.media.images.exr import HEADER_BYTES
from stylevideo.media.images.vectors import CONVENTIONS, FAR, VectorReading, read_vectors, vectors_size
from stylevideo.settings.motion import VECTOR_FORMATS
from stylevideo.timeline.ranges import select_frames
from stylevideo.timeline.selection import FrameSelection

SIZE = (20, 40)
BEFORE, AFTER = (3.0, 2.0), (-1.5, 4.0)
"""Where every pixel was, and will be: pixels to the right, and down."""


WRITTEN = {
    "plain": {"u": 3.0, "v": 2.0},
    "blender": {"Layer.Vector.X": 3.0, "Layer.Vector.Y": -2.0, "Layer.Vector.Z": 1.5, "Layer.Vector.W": 4.0},
    "nuke": {"backward.u": 3.0, "backward.v": -2.0, "forward.u": -1.5, "forward.v": -4.0},
    "fusion": {"BackVector.X": 3.0, "BackVector.Y": -2.0, "Vector.X": -1.5, "Vector.Y": -4.0},
    "unreal": {
        "FinalImageMovieRenderQueue_MotionVectors.R": 0.5 - 3 / 40,
        "FinalImageMovieRenderQueue_MotionVectors.G": 0.5 + 2 / 20,
    },
}
"""What each program writes of that."""


@pytest.mark.parametrize("program", VECTOR_FORMATS)
def test_every_program_says_the_same(program: str, tmp_path: Path) -> None:
    assert set(CONVENTIONS) == set(VECTOR_FORMATS) == set(WRITTEN)
    beside = {"R": 0.25, "G": 0.5, "B": 0.75, "A": 1.0}
    channels = {name: plane(*SIZE, value) for name, value in {**beside, **WRITTEN[program]}.items()}
    found = read_vectors(save_channels(tmp_path / "a.exr", channels), VectorReading(program))
    assert np.allclose(found.to_previous, BEFORE, atol=1e-5)
    if CONVENTIONS[program].to_next:
        assert found.to_next is not None
        assert np.allclose(found.to_next, AFTER, atol=1e-5)
    else:
        assert found.to_next is None


def test_blenders_vectors_may_be_the_picture_itself(tmp_path: Path) -> None:
    values = dict(zip("RGBA", WRITTEN["blender"].values(), strict=True))
    path = save_channels(tmp_path / "a.exr", {name: plane(*SIZE, value) for name, value in values.items()})
    found = read_vectors(path, VectorReading("blender"))
    assert np.allclose(found.to_previous, BEFORE)
    assert found.to_next is not None
    assert np.allclose(found.to_next, AFTER)


@pytest.mark.parametrize(("y", "down"), [("auto", 2.0), ("down", 2.0), ("up", -2.0)])
def test_scale_and_direction_of_y_can_be_said(y: str, down: float, tmp_path: Path) -> None:
    path = save_channels(tmp_path / "a.exr", {"u": plane(*SIZE, 1.5), "v": plane(*SIZE, 1.0)})
    assert np.allclose(read_vectors(path, VectorReading("plain", 2.0, y)).to_previous, (3.0, down))


def test_layers_may_lie_in_parts_and_outside_the_data_window_nothing_is_known(tmp_path: Path) -> None:
    window = (np.array([10, 5], np.int32), np.array([29, 14], np.int32))
    display = (np.zeros(2, np.int32), np.array([39, 19], np.int32))
    parts = [
        OpenEXR.Part(
            {"type": OpenEXR.scanlineimage, "dataWindow": window, "displayWindow": display},
            {f"{layer}.{name}": plane(10, 20, value) for name in "uv"},
            layer,
        )
        for layer, value in (("forward", -2.0), ("backward", 2.0))
    ]
    with OpenEXR.File(parts) as file:
        file.write(str(tmp_path / "a.exr"))
    found = read_vectors(tmp_path / "a.exr", VectorReading("nuke"))
    assert found.size == SIZE
    assert np.isnan(found.to_previous[0, 0]).all()
    assert found.to_previous[7, 15].tolist() == [2.0, -2.0]
    assert found.unknown_share == pytest.approx(0.75)


@pytest.mark.parametrize(("written", "read"), [(-5.0, 5.0), (float("inf"), FAR), (float("nan"), FAR), (1e20, FAR)])
def test_depth_is_a_distance_and_what_has_none_is_far(written: float, read: float, tmp_path: Path) -> None:
    """A sky has none in many a render: it is behind all things, not hidden by them."""
    channels = {"u": plane(*SIZE, 1), "v": plane(*SIZE, 0), "Z": plane(*SIZE, written)}
    found = read_vectors(save_channels(tmp_path / "a.exr", channels), VectorReading())
    assert found.depth is not None
    assert (found.depth == np.float32(read)).all()


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), np.finfo(np.float32).max, -1e10])
def test_what_no_thing_moves_by_is_no_vector(value: float, tmp_path: Path) -> None:
    u = plane(*SIZE, 1)
    u[:, 30:] = value
    found = read_vectors(save_channels(tmp_path / "a.exr", {"u": u, "v": plane(*SIZE, 0)}), VectorReading())
    assert found.unknown_share == 0.25
    assert np.isfinite(found.to_previous[:, :30]).all()


def test_overscan_is_cut_off_for_a_picture_without_it(tmp_path: Path) -> None:
    height, width = SIZE
    window = (np.array([-10, -5], np.int32), np.array([width + 9, height + 4], np.int32))
    display = (np.zeros(2, np.int32), np.array([width - 1, height - 1], np.int32))
    u = np.arange(width + 20, dtype=np.float32)[None].repeat(height + 10, axis=0)
    channels = {"u": u, "v": np.zeros_like(u)}
    path = save_channels(tmp_path / "a.exr", channels, dataWindow=window, displayWindow=display)
    for shown, size, first in ((None, u.shape, 0), (SIZE, SIZE, 10), (u.shape, u.shape, 0)):
        found = read_vectors(path, VectorReading(), shown)
        assert found.size == vectors_size(path, VectorReading(), shown or u.shape) == size
        assert found.to_previous[0, 0, 0] == first


def test_a_header_is_looked_at_however_long_it_is(tmp_path: Path) -> None:
    channels = {name: plane(*SIZE, 1) for name in "uv"}
    path = save_channels(tmp_path / "a.exr", channels, manifest="x" * 2 * HEADER_BYTES)
    assert vectors_size(path, VectorReading(), SIZE) == SIZE


def test_other_channels_are_refused_by_name(tmp_path: Path) -> None:
    path = save_channels(tmp_path / "a.exr", {name: plane(*SIZE, 1) for name in ("left.u", "velocity.x")})
    with pytest.raises(InputError, match=r"format nuke names them: backward.u and backward.v \(it has: left.u, vel"):
        read_vectors(path, VectorReading("nuke"))
    twice = {f"{layer}.Vector.{name}": plane(*SIZE, 1) for layer in ("sky", "car") for name in "XYZW"}
    with pytest.raises(InputError, match=r"Vector.X in several layers \(car.Vector.X, sky.Vector.X\)"):
        read_vectors(save_channels(tmp_path / "b.exr", twice), VectorReading("blender"))


# -- a clip's files --------------------------------------------------------------------------------


def clip_of(folder: Path, frames: str = "") -> FrameSelection:
    """Pictures of 64x48 with the numbers 11 to 16."""
    save_numbered(folder, "a.{:04d}.png", range(11, 17))
    return select_frames(open_clip(folder / "a.####.png"), frames)


def found_of(selection: FrameSelection, pattern: Path, size: tuple[int, int]) -> tuple[VectorSource, tuple[str, ...]]:
    found, notes = find_vectors(pattern, VectorReading("nuke"), selection)
    return VectorSource(found, size), notes


def test_a_file_belongs_to_the_frame_of_its_number(tmp_path: Path) -> None:
    selection = clip_of(tmp_path)
    size = (selection.info.height, selection.info.width)
    for number in (12, 13, 15, 16, 20):
        save_shift(tmp_path / f"v.{number}.exr", size, number, 0)
    source, notes = found_of(selection, tmp_path / "v.##.exr", size)
    assert notes == ("1 frame had no vectors; the motion found in the pictures took their place: 14.",)
    read = [source.read(index) for index in range(6)]
    assert [picture and float(picture.to_previous[0, 0, 0]) for picture in read] == [None, 12, 13, None, 15, 16]
    for number in range(1001, 1007):
        save_shift(tmp_path / f"w.{number}.exr", size, number - 1000, 0)
    with pytest.raises(InputError, match=r"none of them of frames 12-16.*w.1001-1072####.exr"):
        found_of(selection, tmp_path / "w.####.exr", size)
    source, notes = found_of(selection, tmp_path / "w.1001-1006####.exr", size)
    first = source.read(0)
    assert not notes
    assert first is not None
    assert first.to_previous[0, 0, 0] == 1


def test_vectors_of_another_size_are_scaled_and_of_another_aspect_refused(tmp_path: Path) -> None:
    selection = clip_of(tmp_path, "11-12")
    height, width = selection.info.height, selection.info.width
    save_shift(tmp_path / "v.12.exr", (2 * height, 2 * width), 4, -2)
    source, notes = found_of(selection, tmp_path / "v.##.exr", (height // 2, width // 2))
    found = source.read(1)
    assert found is not None
    assert found.size == (height // 2, width // 2)
    assert np.allclose(found.to_previous, (1, -0.5))
    assert notes == (f"The vectors are of {2 * width}x{2 * height} pixels; they were scaled to the film's size.",)
    save_shift(tmp_path / "v.12.exr", (height, 2 * width), 4, 0)
    with pytest.raises(InputError, match=f"vectors for {2 * width}x{height} pixels, and a.####.png has {width}x"):
        found_of(selection, tmp_path / "v.##.exr", (height, width))


def test_every_file_is_looked_at_before_work(tmp_path: Path) -> None:
    """One in the middle of a render may be of another size, another pass, or not there yet."""
    selection = clip_of(tmp_path)
    height, width = size = (selection.info.height, selection.info.width)
    for number in range(11, 17):
        save_shift(tmp_path / f"v.{number}.exr", size, 1, 0)
    odd = tmp_path / "v.14.exr"
    save_shift(odd, (2 * height, 2 * width), 2, 0)
    (note,) = found_of(selection, tmp_path / "v.##.exr", size)[1]
    assert f"{2 * width}x{2 * height} pixels; they were scaled" in note
    save_shift(odd, (height, height), 1, 0)
    with pytest.raises(InputError, match=f"v.14.exr has vectors for {height}x{height} pixels"):
        found_of(selection, tmp_path / "v.##.exr", size)
    save_channels(odd, {name: plane(*size, 1) for name in "RGB"})
    with pytest.raises(InputError, match=r"v.14.exr has no vectors .* \(it has: B, G, R\)"):
        found_of(selection, tmp_path / "v.##.exr", size)
    odd.write_bytes(b"")
    with pytest.raises(InputError, match=r"v.14.exr is empty"):
        found_of(selection, tmp_path / "v.##.exr", size)


def test_a_quarter_of_an_odd_size_has_the_same_aspect(tmp_path: Path) -> None:
    """1998x1080, DCI flat, at a quarter has 500x270."""
    selection = clip_of(tmp_path, "11-12")
    wide = replace(selection, info=replace(selection.info, width=1998, height=1080))
    save_shift(tmp_path / "v.12.exr", (270, 500), 1, 0)
    assert "500x270" in found_of(wide, tmp_path / "v.##.exr", (1080, 1998))[1][0]


def test_what_is_no_number_is_said_and_a_file_that_changes_is_refused(tmp_path: Path) -> None:
    selection = clip_of(tmp_path, "11-13")
    size = (selection.info.height, selection.info.width)
    save_shift(tmp_path / "v.12.exr", size, 1, 0)
    save_shift(tmp_path / "v.13.exr", size, float("nan"), 0)
    source, _ = found_of(selection, tmp_path / "v.##.exr", size)
    assert source.notes(0) == source.notes(1) == ()
    assert "taken as hidden" in source.notes(2)[0]
    again, _ = found_of(selection, tmp_path / "v.##.exr", size)
    save_shift(tmp_path / "v.13.exr", (size[0] // 2, size[1] // 2), 1, 0)
    with pytest.raises(InputError, match=r"v.13.exr has changed since the run began"):
        again.read(2)
    save_shift(tmp_path / "v.12.exr", size, float("inf"), 0)
    with pytest.raises(InputError, match="no vector that is a number"):
        found_of(selection, tmp_path / "v.##.exr", size)
