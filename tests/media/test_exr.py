"""An OpenEXR picture comes back as it was, with everything that travels in the file; what cannot be read is refused."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stylevideo.errors import InputError, ShapeError, StorageError
from stylevideo.media.images.exr import ExrPicture, read_exr, write_exr

HEIGHT, WIDTH = 6, 8
HALF = st.floats(-65504, 65504, width=16)
RANDOM = np.random.default_rng(0)


def some(dtype: type[np.generic] = np.float16) -> np.ndarray:
    return (RANDOM.random((HEIGHT, WIDTH)) * 9).astype(dtype)


def colors(dtype: type[np.generic] = np.float16) -> dict[str, np.ndarray]:
    return {name: some(dtype) for name in "RGB"}


def window(left: int, top: int, right: int, bottom: int) -> tuple[np.ndarray, np.ndarray]:
    return np.array([left, top], np.int32), np.array([right, bottom], np.int32)


def write_file(path: Path, channels: dict[str, Any], header: dict[str, Any] | None = None) -> Path:
    """With the package itself, as another program would."""
    with OpenEXR.File(dict(header or {}), dict(channels)) as file:
        file.write(str(path))
    return path


def read_file(path: Path) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """The header, as text that can be compared, and the channels."""
    with OpenEXR.File(str(path), separate_channels=True) as file:
        pixels = {name: channel.pixels for name, channel in file.channels().items()}
        return {name: repr(value) for name, value in file.header().items()}, pixels


def assert_same_file(first: Path, second: Path) -> None:
    (header, channels), (other_header, other_channels) = read_file(first), read_file(second)
    assert header == other_header
    assert channels.keys() == other_channels.keys()
    for name, pixels in channels.items():
        assert pixels.dtype == other_channels[name].dtype, name
        np.testing.assert_array_equal(pixels, other_channels[name], name)


def copy(source: Path) -> tuple[ExrPicture, Path]:
    picture = read_exr(source)
    target = source.with_name("copy.exr")
    assert write_exr(target, picture.linear, picture.alpha, picture) == ()
    return picture, target


def full_header() -> dict[str, Any]:
    timecode = OpenEXR.TimeCode()
    timecode.hours, timecode.minutes, timecode.frame, timecode.dropFrame = 10, 41, 7, True
    return {
        "compression": OpenEXR.PIZ_COMPRESSION,
        "lineOrder": OpenEXR.DECREASING_Y,
        "owner": "Ångström Pictures",
        "shot": "lake_040",
        "timeCode": timecode,
        "framesPerSecond": Fraction(24000, 1001),
        "chromaticities": (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767),
        "pixelAspectRatio": 2.0,
        "worldToCamera": np.arange(16, dtype=np.float32).reshape(4, 4),
        "exposure": np.array([1.25]),
        "views": ["left", "right"],
        "weights": [0.5, 2.0],
        "isoSpeed": 800,
        "hash": OpenEXR.Bytes(b"\0\1", ""),
    }


def test_everything_in_a_file_comes_back(tmp_path: Path) -> None:
    channels = {
        "R": some(),
        "G": some(),
        "B": some(np.float32),
        "A": some(np.float32),
        "Z": some(np.float32) * 1e6,
        "id": RANDOM.integers(2**32, size=(HEIGHT, WIDTH), dtype=np.uint32),
        "diffuse.R": some(),
        "depth.nan": np.full((HEIGHT, WIDTH), np.nan, np.float32),
    }
    source = write_file(tmp_path / "source.exr", channels, full_header())
    picture, target = copy(source)
    assert_same_file(source, target)
    for i, name in enumerate("RGB"):
        np.testing.assert_array_equal(picture.linear[..., i], channels[name])
    assert picture.alpha is not None
    np.testing.assert_array_equal(picture.alpha, channels["A"])
    assert picture.linear.dtype == picture.alpha.dtype == np.float32
    assert picture.others.keys() == {"Z", "id", "diffuse.R", "depth.nan"}
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["copy.exr", "source.exr"]


def test_what_the_package_cannot_write_or_is_no_longer_true_is_not_passed_on(tmp_path: Path) -> None:
    preview = OpenEXR.PreviewImage(np.zeros((2, 2), [(c, np.uint8) for c in "rgba"]))
    source = write_file(tmp_path / "a.exr", colors(), {"preview": preview, "list": [0.5], "owner": "me"})
    data = source.read_bytes()
    empty = data.replace(b"list\0floatvector\0\4\0\0\0\0\0\0?", b"list\0floatvector\0\0\0\0\0")
    source.write_bytes(empty.replace(b"owner\0string\0\2\0\0\0me", b"owner\0string\0\6\0\0\0me too"))
    assert read_file(source)[0]["list"] == "[]"
    written = read_file(copy(source)[1])[0]
    assert written["owner"] == "'me too'"
    assert not {"list", "preview"} & written.keys()


@settings(max_examples=25)
@given(data=st.data(), dtype=st.sampled_from([np.float16, np.float32]))
def test_any_finite_light_comes_back(
    data: st.DataObject, dtype: type, tmp_path_factory: pytest.TempPathFactory
) -> None:
    linear = data.draw(arrays(np.float32, (3, 2, 3), elements=HALF))
    folder = tmp_path_factory.mktemp("light")
    like = read_exr(write_file(folder / "like.exr", {c: np.zeros((3, 2), dtype) for c in "RGB"}))
    write_exr(folder / "light.exr", linear, None, like)
    read = read_exr(folder / "light.exr")
    np.testing.assert_array_equal(read.linear, linear)
    assert read.alpha is None and set(read.types.values()) == {np.dtype(dtype)}


def test_tiles_stay_and_their_reduced_copies_do_not(tmp_path: Path) -> None:
    tiles = OpenEXR.TileDescription()
    tiles.xSize, tiles.ySize = 4, 2
    source = write_file(tmp_path / "source.exr", colors(), {"type": OpenEXR.tiledimage, "tiles": tiles})
    picture, target = copy(source)
    assert_same_file(source, target)
    picture.attributes["tiles"].mode = OpenEXR.MIPMAP_LEVELS
    write_exr(target, picture.linear, None, picture)
    assert_same_file(source, target)


def test_a_picture_of_our_own_is_half(tmp_path: Path) -> None:
    linear = np.array([[[1e9, -1e9, 0.1]]], np.float32)
    assert write_exr(tmp_path / "own.exr", linear) == ()
    header, channels = read_file(tmp_path / "own.exr")
    assert {name: float(pixels[0, 0]) for name, pixels in channels.items()} == {
        "R": 65504,
        "G": -65504,
        "B": float(np.float16(0.1)),
    }
    assert "ZIP_COMPRESSION" in header["compression"]
    write_exr(tmp_path / "own.exr", linear, np.full((1, 1), 0.5, np.float32))
    assert read_file(tmp_path / "own.exr")[1]["A"].dtype == np.float16


def test_any_order_in_memory_will_do(tmp_path: Path) -> None:
    linear = np.stack(list(colors().values()), axis=-1).astype(np.float32)
    for held in (np.asfortranarray(linear), np.repeat(linear, 2, axis=1)[:, ::2]):
        write_exr(tmp_path / "a.exr", held, held[..., 0])
        read = read_exr(tmp_path / "a.exr")
        np.testing.assert_array_equal(read.linear, linear)
        np.testing.assert_array_equal(read.alpha, linear[..., 0])


def test_luminance_is_gray_and_painted_in_color(tmp_path: Path) -> None:
    luminance = some(np.float32)
    picture, target = copy(write_file(tmp_path / "y.exr", {"Y": luminance, "Z": some()}))
    np.testing.assert_array_equal(picture.linear, np.repeat(luminance[..., None], 3, axis=-1))
    written = read_file(target)[1]
    assert {name: pixels.dtype.name for name, pixels in written.items()} == {
        "R": "float32", "G": "float32", "B": "float32", "Z": "float16"
    }  # fmt: skip


def test_luminance_beside_some_colors_is_still_gray(tmp_path: Path) -> None:
    whole = np.full((HEIGHT, WIDTH), 2**20 + 1, np.uint32)
    picture, target = copy(write_file(tmp_path / "y.exr", {"Y": whole, "R": some()}))
    assert (picture.linear == 2**20 + 1).all()
    assert read_file(target)[1]["G"].dtype == np.float32
    assert (read_exr(target).linear == 2**20 + 1).all()


def test_what_is_not_finite_is_replaced_and_told(tmp_path: Path) -> None:
    channels = colors(np.float32) | {"A": some()}
    channels["R"][0, :3] = np.nan, np.inf, -np.inf
    channels["B"][2, 2] = np.nan
    picture = read_exr(write_file(tmp_path / "fireflies.exr", channels))
    assert picture.linear[0, :3, 0].tolist() == [0, 65504, -65504]
    assert picture.linear[2, 2, 2] == 0
    assert picture.notes == ("Values of R, G, B that are NaN or infinite are read as 0 and ±65504.",)


@pytest.mark.parametrize(
    ("data", "display", "size"),
    [
        (window(2, 1, 9, 6), window(0, 0, 19, 9), (10, 20)),  # a render cropped to what is in sight
        (window(-2, -1, 5, 4), window(0, 0, 3, 3), (HEIGHT, WIDTH)),  # overscan
        (window(-3, 4, 4, 9), window(0, 0, 9, 7), (10, 13)),  # neither holds the other
        (window(1001, 1001, 1008, 1006), window(1001, 1001, 1008, 1006), (HEIGHT, WIDTH)),
    ],
)
def test_the_picture_holds_both_windows(data: Any, display: Any, size: tuple[int, int], tmp_path: Path) -> None:
    channels = colors() | {"A": some(), "Z": some(np.float32)}
    source = write_file(tmp_path / "a.exr", channels, {"dataWindow": data, "displayWindow": display})
    picture, target = copy(source)
    assert_same_file(source, target)
    assert picture.alpha is not None and picture.linear.shape[:2] == picture.alpha.shape == size
    left, top = data[0] - np.minimum(data[0], display[0])
    stored = np.zeros(size, bool)
    stored[top : top + HEIGHT, left : left + WIDTH] = True
    np.testing.assert_array_equal(picture.linear[stored][:, 0], channels["R"].ravel())
    np.testing.assert_array_equal(picture.alpha[stored], channels["A"].ravel())
    assert not picture.linear[~stored].any() and not picture.alpha[~stored].any()


@pytest.mark.parametrize(
    ("data", "display", "new_data", "new_display"),
    [
        (window(0, 0, 7, 5), window(0, 0, 7, 5), window(0, 0, 3, 2), window(0, 0, 3, 2)),
        (window(3, 5, 10, 10), window(3, 5, 10, 10), window(2, 2, 5, 4), window(2, 2, 5, 4)),
        (window(-2, -2, 5, 3), window(0, 0, 3, 1), window(-1, -1, 2, 1), window(0, 0, 1, 0)),
    ],
)
def test_a_reduced_picture_has_reduced_windows(
    data: Any, display: Any, new_data: Any, new_display: Any, tmp_path: Path
) -> None:
    header = full_header() | {"dataWindow": data, "displayWindow": display, "originalDataWindow": data}
    source = write_file(tmp_path / "a.exr", colors(np.float32) | {"Z": some(), "left.R": some()}, header)
    picture = read_exr(source)
    half = picture.linear[::2, ::2]
    assert half.shape == (HEIGHT // 2, WIDTH // 2, 3)
    assert set(write_exr(tmp_path / "b.exr", half, None, picture)) == {"Z", "left.R"}
    expected = {name: value for name, value in read_file(source)[0].items() if name != "originalDataWindow"}
    expected |= {"dataWindow": repr(new_data), "displayWindow": repr(new_display)}
    found, channels = read_file(tmp_path / "b.exr")
    assert {**found, "channels": ""} == {**expected, "channels": ""}
    np.testing.assert_array_equal(np.stack([channels[c] for c in "RGB"], axis=-1), half)


def test_of_several_parts_the_first_with_color_is_read(tmp_path: Path) -> None:
    beauty = colors()
    depth = OpenEXR.Part({"comments": "no"}, {"Z": some(np.float32)}, "depth")
    parts = [depth, OpenEXR.Part({"comments": "yes"}, dict(beauty), "beauty"), OpenEXR.Part({}, colors(), "right")]
    with OpenEXR.File(parts) as file:
        file.write(str(tmp_path / "parts.exr"))
    picture, target = copy(tmp_path / "parts.exr")
    np.testing.assert_array_equal(picture.linear[..., 1], beauty["G"])
    assert picture.attributes["comments"] == "yes"
    np.testing.assert_array_equal(read_exr(target).linear, picture.linear)
    assert "chunkCount" not in read_file(target)[0]
    assert picture.notes == ("OpenEXR files have several parts; these are left out: depth, right.",)


def test_files_without_usable_color_are_refused(tmp_path: Path) -> None:
    layers = write_file(tmp_path / "layers.exr", {"beauty.R": some(), "R": some(), "Z": some()})
    samples = np.empty((2, 2), object)
    samples[:] = [[np.ones(1, np.float32)] * 2] * 2
    deep = {"type": OpenEXR.deepscanline, "compression": OpenEXR.ZIPS_COMPRESSION}
    flat = write_file(tmp_path / "deep.exr", dict.fromkeys("RGB", samples), deep)
    thin = {
        "Y": OpenEXR.Channel(some(), 1, 1),
        "RY": OpenEXR.Channel(some(), 2, 2),
        "BY": OpenEXR.Channel(some(), 2, 2),
    }
    for path, message in (
        (layers, r"no channels R, G, B and no Y \(it has: R, Z, beauty\.R\)"),
        (flat, "deep picture"),
        (write_file(tmp_path / "thin.exr", thin), r"less than full size \(BY, RY\)"),
    ):
        with pytest.raises(InputError, match=message):
            read_exr(path)


def test_damaged_and_wrong_files_are_refused(tmp_path: Path) -> None:
    whole = write_file(tmp_path / "whole.exr", colors()).read_bytes()
    broken = tmp_path / "broken.exr"
    for data, message in (
        (b"", "is empty"),
        (b"\x89PNG" + bytes(100), "not an OpenEXR picture"),
        (whole[:20], "header is damaged"),
        (whole[:-1], "not written to its end"),
        (whole[: len(whole) - 60], "not written to its end"),
    ):
        broken.write_bytes(data)
        with pytest.raises(InputError, match=rf"broken\.exr.*{message}"):
            read_exr(broken)
    for place in (tmp_path / "none.exr", tmp_path):
        with pytest.raises(InputError, match=r"cannot be read|is a folder"):
            read_exr(place)


def test_an_absurd_size_is_not_tried(tmp_path: Path) -> None:
    source = write_file(tmp_path / "a.exr", colors(), {"displayWindow": window(0, 0, 59_999, 59_999)})
    with pytest.raises(InputError, match=r"a\.exr has 60000x60000 pixels by its header"):
        read_exr(source)


def test_refusals_leave_nothing_behind(tmp_path: Path) -> None:
    linear = np.ones((2, 3, 3), np.float32)
    with pytest.raises(StorageError, match="cannot be written"):
        write_exr(tmp_path / "nowhere" / "a.exr", linear)
    for shape, alpha in (((2, 3), None), ((2, 3, 4), None), ((2, 3, 3), np.ones((3, 2), np.float32))):
        with pytest.raises(ShapeError, match=r"a\.exr"):
            write_exr(tmp_path / "a.exr", np.ones(shape, np.float32), alpha)
    assert not list(tmp_path.iterdir())


def test_the_package_is_asked_for_only_when_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_file(tmp_path / "a.exr", colors())
    monkeypatch.setitem(sys.modules, "OpenEXR", None)
    monkeypatch.delitem(sys.modules, "stylevideo.media.images.exr")
    from stylevideo.media.images import exr

    for use in (
        lambda: exr.read_exr(path),
        lambda: exr.write_exr(path, np.ones((1, 1, 3), np.float32)),
    ):
        with pytest.raises(InputError, match=r'pip install "stylevideo\[exr\]"'):
            use()
