"""Every kind of picture comes in and goes out whole, in order; gaps and damage do not end a sequence."""

from __future__ import annotations

import io
import json
import struct
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from conftest import STYLE
from media_fixtures import SIZE, ffmpeg, number_in, numbered_frame
from PIL import Image
from sequence_fixtures import cut_short, deep_frame, save, save_numbered

import stylevideo
from stylevideo.errors import DecodeError, EncodeError, InputError, ShapeError, StorageError
from stylevideo.media.decode import sequence
from stylevideo.media.decode.reader import check_decodable, read_frames
from stylevideo.media.decode.sequence import decode_sequence, probe_sequence
from stylevideo.media.encode import sequence as encode_sequence
from stylevideo.media.encode.sequence import check_sequence_output, sequence_files, write_sequence
from stylevideo.media.hidden import Places
from stylevideo.media.images.exr import read_exr, write_exr
from stylevideo.media.images.files import read_file
from stylevideo.media.images.pictures import Picture, Reading, premultiplied
from stylevideo.media.images.tiff import has_alpha_multiplied_in, with_straight_alpha
from stylevideo.media.images.view import SRGB
from stylevideo.media.pattern import is_sequence, parse_pattern
from stylevideo.settings.settings import Settings
from stylevideo.timeline.ranges import select_frames
from stylevideo.timeline.selection import FrameSelection

RATE = Fraction(24000, 1001)
CODECS = {"png": "png", "PNG": "png", "tif": "tiff", "tiff": "tiff", "jpg": "jpeg", "JPEG": "jpeg", "dpx": "dpx"}
WRITTEN = ["png", "tif", "TIFF", "jpg", "jpeg"]
EIGHT, SIXTEEN, FLOATS = Reading(8), Reading(16), Reading(32)
KEEP = Reading(16, alpha="keep")


def numbers_read(path: Path) -> list[tuple[int, int]]:
    """Index and drawn number of each picture."""
    info = probe_sequence(path, RATE)
    return [
        (index, number_in(picture.image)) for index, picture in decode_sequence(FrameSelection.whole(info), EIGHT, 0)
    ]


def numbered_pictures(count: int) -> list[Picture]:
    return [Picture(numbered_frame(number)) for number in range(count)]


# -- names -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "file", "stated"),
    [
        ("shot.####.png", "shot.0007.png", None),
        ("shot.#.png", "shot.7.png", None),
        ("shot.@@@@.png", "shot.0007.png", None),
        ("shot.%04d.exr", "shot.0007.exr", None),
        ("shot.%d.exr", "shot.7.exr", None),
        ("shot.1001-1050#.tif", "shot.7.tif", range(1001, 1051)),
        ("shot.1-50%03d.tif", "shot.007.tif", range(1, 51)),
        ("shot-5-9##.tif", "shot-07.tif", range(5, 10)),
        ("shot.5##.tif", "shot.07.tif", range(5, 6)),
        ("####.JPG", "0007.JPG", None),
        ("plate2-####.png", "plate2-0007.png", None),
        ("a 'b' \"c\": 100% Zoë 映画_v02.####.left.png", "a 'b' \"c\": 100% Zoë 映画_v02.0007.left.png", None),
    ],
)
def test_notations(tmp_path: Path, name: str, file: str, stated: range | None) -> None:
    assert is_sequence(tmp_path / name)
    pattern, numbers = parse_pattern(tmp_path / name) or pytest.fail("not a pattern")
    assert (pattern.file(7), numbers) == (tmp_path / file, stated)


@pytest.mark.parametrize("name", ["clip.mp4", "shot.1001.png", "clip #1.mp4", "100%.mp4", "a", "#1 take.1001.png"])
def test_names_without_a_pattern(tmp_path: Path, name: str) -> None:
    assert not is_sequence(tmp_path / name)


@pytest.mark.parametrize("name", ["a%03d.mp4", "shot.####.png", "take #.mp4"])
def test_a_file_of_that_very_name_is_a_file(tmp_path: Path, name: str) -> None:
    assert is_sequence(tmp_path / name)
    (tmp_path / name).touch()
    assert is_sequence(tmp_path / name) == name.endswith(".png"), "a picture is a still"


@pytest.mark.parametrize("name", ["shot.1-10x2#.png", "shot.10-1#.png", "shot.1,5#.png"])
def test_numbers_that_are_not_a_plain_range(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"is not a range of numbers\. Write it like 1001-1050"):
        probe_sequence(tmp_path / name, RATE)


# -- in --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", CODECS)
def test_contract_of_every_kind(tmp_path: Path, suffix: str) -> None:
    files = save_numbered(tmp_path, "shot.{:04d}." + suffix, range(1001, 1005))
    info = probe_sequence(tmp_path / f"shot.####.{suffix}", RATE)
    assert (info.width, info.height) == SIZE
    assert (info.frame_count, info.first_number, info.files) == (4, 1001, tuple(files))
    assert (info.rate, info.time_base, info.pts) == (RATE, 1 / RATE, (0, 1, 2, 3))
    assert (info.codec, info.bits, info.has_alpha, info.is_linear) == (CODECS[suffix], 8, False, False)
    assert (info.path, info.is_sequence) == (tmp_path / f"shot.####.{suffix}", True)
    decoded = list(decode_sequence(FrameSelection.whole(info), FLOATS, 0))
    assert [(index, number_in(p.image)) for index, p in decoded] == [(i, (1001 + i) % 256) for i in range(4)]
    assert {(p.image.shape, p.image.dtype, p.alpha) for _, p in decoded} == {((96, 128, 3), np.dtype("uint8"), None)}
    assert probe_sequence(tmp_path, RATE) == info


@pytest.mark.parametrize("suffix", ["png", "tif", "dpx"])
def test_eight_bits_are_exact(tmp_path: Path, suffix: str) -> None:
    pixels = (deep_frame() >> 8).astype(np.uint8)
    assert np.array_equal(read_file(save(tmp_path / f"a.1.{suffix}", pixels), EIGHT).image, pixels)


@pytest.mark.parametrize("suffix", ["png", "tif", "dpx"])
def test_sixteen_bits_are_exact(tmp_path: Path, suffix: str) -> None:
    deep = deep_frame()
    path = save(tmp_path / f"a.1.{suffix}", deep)
    assert probe_sequence(tmp_path, RATE).bits == 16
    assert np.array_equal(read_file(path, SIXTEEN).image, deep)
    assert np.array_equal(read_file(path, FLOATS).image, deep)
    assert np.array_equal(read_file(path, EIGHT).image, np.rint(deep / 257).astype(np.uint8))


def test_ten_bit_dpx_is_kept(tmp_path: Path) -> None:
    ramp = np.tile(np.arange(1024, dtype="<u2"), (8, 1))
    levels = np.stack([ramp, ramp[:, ::-1], np.roll(ramp, 5, axis=1)], axis=-1)
    (tmp_path / "raw").write_bytes(levels[..., [1, 2, 0]].transpose(2, 0, 1).tobytes())
    raw = ["-f", "rawvideo", "-pix_fmt", "gbrp10le", "-s", "1024x8", "-i", tmp_path / "raw"]
    ffmpeg(*raw, "-pix_fmt", "gbrp10be", tmp_path / "ramp.dpx")
    path = (tmp_path / "ramp.dpx").rename(tmp_path / "ramp.0001.dpx")
    info = probe_sequence(tmp_path, RATE)
    assert (info.pixel_format, info.bits, info.has_alpha) == ("gbrp10le", 10, False)
    image = read_file(path, SIXTEEN).image
    assert np.abs(image.astype(int) - np.rint(levels * (65535 / 1023)).astype(int)).max() <= 1
    assert np.array_equal(np.rint(image * (1023 / 65535)), levels)


def test_dpx_pixel_aspect(tmp_path: Path) -> None:
    path = save(tmp_path / "a.1.dpx", numbered_frame(1))
    assert probe_sequence(tmp_path, RATE).sample_aspect == 1
    data = bytearray(path.read_bytes())
    struct.pack_into(">II" if data[:4] == b"SDPX" else "<II", data, 1628, 2, 1)
    path.write_bytes(data)
    assert probe_sequence(tmp_path, RATE).sample_aspect == 2


def test_float_tiff(tmp_path: Path) -> None:
    values = np.random.default_rng(0).random((48, 64, 3), np.float32)
    path = save(tmp_path / "a.1.tif", values)
    assert (probe_sequence(tmp_path, RATE).bits, probe_sequence(tmp_path, RATE).is_linear) == (32, False)
    assert np.array_equal(read_file(path, FLOATS).image, values)
    assert np.abs(read_file(path, SIXTEEN).image - values.astype(np.float64) * 65535).max() < 0.51
    save(path, np.array([[[-1, 2, np.nan]]], np.float32))
    assert read_file(path, EIGHT).image.tolist() == [[[0, 255, 0]]]
    assert read_file(path, FLOATS).image.tolist() == [[[0, 1, 0]]]


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("suffix", ["png", "tif", "dpx"])
def test_alpha_in(tmp_path: Path, suffix: str, bits: int) -> None:
    pixels = deep_frame(channels=4)
    pixels[..., 3][pixels[..., 3] < 9000] = 0
    pixels = pixels if bits == 16 else (pixels >> 8).astype(np.uint8)
    path = save(tmp_path / f"a.1.{suffix}", pixels)
    info = probe_sequence(tmp_path, RATE)
    assert (info.has_alpha, info.bits) == (True, bits)
    dropped, kept = read_file(path, SIXTEEN), read_file(path, KEEP)
    multiplied = read_file(path, Reading(16, alpha="premultiply"))
    assert dropped.alpha is None
    assert kept.alpha is not None
    assert multiplied.alpha is not None
    assert np.array_equal(dropped.image, pixels[..., :3])
    assert np.array_equal(np.dstack([kept.image, kept.alpha]), pixels)
    expected = pixels[..., :3].astype(float) * pixels[..., 3:] / pixels.dtype.type(-1 % 2**bits)
    assert np.abs(multiplied.image - expected).max() <= 0.5
    assert np.array_equal(multiplied.alpha, pixels[..., 3])
    eight = read_file(path, Reading(8, alpha="keep"))
    assert (eight.image.dtype, eight.alpha is not None and eight.alpha.dtype) == (np.uint8, np.uint8)


def test_tiff_that_names_its_alpha_straight(tmp_path: Path) -> None:
    pixels = (deep_frame(channels=4) >> 8).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.1.tif")
    kept = read_file(tmp_path / "a.1.tif", KEEP)
    assert kept.alpha is not None
    assert np.array_equal(np.dstack([kept.image, kept.alpha]), pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_alpha_that_a_tiff_says_is_multiplied_in_is_divided_out(dtype: type, tmp_path: Path) -> None:
    white = np.iinfo(dtype).max
    pixels: np.ndarray = (deep_frame(channels=4) >> (0 if dtype == np.uint16 else 8)).astype(dtype)
    pixels[:8, :, 3], pixels[8:16, :, 3] = 0, white
    colors, alpha = pixels[..., :3], pixels[..., 3]
    path = save(tmp_path / "a.1.tif", np.dstack([premultiplied(colors, alpha), alpha]))
    unpremultiplied, multiplied_in = (struct.pack("<HHIH", 338, 3, 1, value) for value in (2, 1))
    path.write_bytes(with_straight_alpha(path.read_bytes()).replace(unpremultiplied, multiplied_in))
    kept = read_file(path, KEEP)
    assert kept.alpha is not None and np.array_equal(kept.alpha, alpha)
    allowed = 0.5 * white / np.maximum(alpha, 1)[..., None] + 0.5
    assert (np.abs(kept.image.astype(int) - colors) <= allowed)[alpha > 0].all()
    assert not kept.image[alpha == 0].any()
    multiplied = read_file(path, replace(KEEP, alpha="premultiply"))
    assert np.abs(multiplied.image.astype(int) - premultiplied(colors, alpha)).max() <= 1


@pytest.mark.parametrize("value", [0, 1, 2])
def test_what_a_tiff_says_of_its_alpha(value: int) -> None:
    entries = [(256, 3, 1, 1), (338, 3, 1, value)]
    for order, mark in (("<", b"II"), (">", b"MM")):
        head = mark + struct.pack(f"{order}HIH", 42, 8, 2)
        plain = head + b"".join(struct.pack(f"{order}HHIHxx", *entry) for entry in entries)
        head = mark + struct.pack(f"{order}HHHQQ", 43, 8, 0, 16, 2)
        big = head + b"".join(struct.pack(f"{order}HHQH6x", *entry) for entry in entries)
        assert has_alpha_multiplied_in(plain) == has_alpha_multiplied_in(big) == (value == 1)
        assert not any(has_alpha_multiplied_in(data[:length]) for data in (plain, big) for length in (0, 3, 9, 17))


@pytest.mark.parametrize("mode", ["1", "L", "P", "I;16"])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_gray_palette_and_one_bit(tmp_path: Path, mode: str, suffix: str) -> None:
    gray = np.tile(np.arange(0, 256, 4, dtype=np.uint16)[None] * 257, (48, 1))
    picture = Image.fromarray(gray) if mode == "I;16" else Image.fromarray((gray // 257).astype(np.uint8)).convert(mode)
    picture.save(tmp_path / f"a.1.{suffix}")
    expected = gray if mode == "I;16" else np.asarray(picture.convert("L"))
    assert probe_sequence(tmp_path, RATE).bits == (16 if mode == "I;16" else 8)
    image = read_file(tmp_path / f"a.1.{suffix}", SIXTEEN).image
    assert all(np.array_equal(image[..., channel], expected) for channel in range(3))


def test_a_cameras_orientation_is_applied(tmp_path: Path) -> None:
    tag = Image.Exif()
    tag[0x112] = 6
    Image.fromarray(numbered_frame(77)).save(tmp_path / "a.1.jpg", exif=tag, quality=95)
    info = probe_sequence(tmp_path, RATE)
    assert (info.height, info.width) == SIZE
    assert number_in(np.rot90(read_file(tmp_path / "a.1.jpg", EIGHT).image)) == 77


def test_files_without_the_alpha_that_others_have(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rgb = [numbered_frame(number) for number in range(4)]
    for number, image in enumerate(rgb):
        save(tmp_path / f"a.{number}.png", np.dstack([image, image[..., 0]]) if number == 0 else image)
    info = probe_sequence(tmp_path, RATE)
    for _ in range(2):
        frames = [frame.picture for frame in read_frames(FrameSelection(info, range(4)), KEEP)]
        assert [picture.alpha is not None and picture.alpha.mean() == 255 for picture in frames] == [False, *[True] * 3]
        notes = [picture.notes for picture in frames]
        told = "a.1.png, unlike the sequence's first file, has no alpha channel: it is taken as opaque."
        assert notes == [(), (told,), (), ()]
    assert caplog.messages == [f"{info.path}: {told}"], "once"
    assert all(frame.picture.alpha is None for frame in read_frames(FrameSelection(info, range(4)), EIGHT))
    result = stylevideo.stylize(
        tmp_path / "a.#.png",
        [STYLE],
        tmp_path / "made.####.png",
        Settings().with_values(iterations=0, detect_cuts=False),
    )
    assert told in result.warnings
    assert len(list(tmp_path.glob("made.*.png"))) == 4
    (tmp_path / "a.0.png").unlink()
    save(tmp_path / "a.3.png", np.dstack([rgb[3], rgb[3][..., 0]]))
    frames = [
        frame.picture
        for frame in read_frames(FrameSelection(probe_sequence(tmp_path / "a.#.png", RATE), range(3)), EIGHT)
    ]
    assert [picture.alpha for picture in frames] == [None, None, None] and np.array_equal(frames[2].image, rgb[3])
    told = "a.3.png, unlike the sequence's first file, has an alpha channel: it is left out."
    assert [picture.notes for picture in frames] == [(), (), (told,)]
    settings = Settings().with_values(iterations=0, detect_cuts=False, report=str(tmp_path / "report.json"))
    result = stylevideo.stylize(tmp_path / "a.#.png", [STYLE], tmp_path / "film.mp4", settings)
    assert result.warnings.count(told) == 1, "also where no alpha is read along"
    assert told in json.loads((tmp_path / "report.json").read_text())["clips"][0]["warnings"]


def test_of_some_of_a_sequence_only_the_wanted_files_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_numbered(tmp_path, "a.{}.png", (number for number in range(1, 12) if number != 7))
    opened = []
    monkeypatch.setattr(sequence, "read_file", lambda path, reading: opened.append(path) or read_file(path, reading))
    selection = select_frames(probe_sequence(tmp_path, RATE), "1-11x3")
    check_decodable(selection)
    frames = list(read_frames(selection))
    assert [number_in(frame.image) for frame in frames] == [1, 4, 4, 10]
    assert [frame.repaired for frame in frames] == [False, False, True, False]
    assert [path.name for path in opened] == ["a.1.png", "a.1.png", "a.4.png", "a.10.png"]


def test_gaps_are_left_out(tmp_path: Path) -> None:
    save_numbered(tmp_path, "shot.{:04d}.png", [8, 9, 12])
    info = probe_sequence(tmp_path, RATE)
    assert [file.name if file else None for file in info.files] == [
        "shot.0008.png",
        "shot.0009.png",
        None,
        None,
        "shot.0012.png",
    ]
    assert (info.first_number, info.number(4)) == (8, 12)
    assert numbers_read(tmp_path) == [(0, 8), (1, 9), (4, 12)]


def test_reading_begins_where_it_is_told(tmp_path: Path) -> None:
    save_numbered(tmp_path, "shot.{:04d}.png", range(5))
    info = probe_sequence(tmp_path, RATE)
    assert [index for index, _ in decode_sequence(FrameSelection.whole(info), EIGHT, 3)] == [3, 4]
    every_second = FrameSelection(info, range(1, info.frame_count, 2))
    drawn = [(i, number_in(p.image)) for i, p in decode_sequence(every_second, EIGHT, 1)]
    assert drawn == [(1, 3)]


@pytest.mark.parametrize("suffix", ["png", "tif", "jpg", "dpx"])
def test_damaged_files_are_left_out(tmp_path: Path, suffix: str, capfd: pytest.CaptureFixture[str]) -> None:
    files = save_numbered(tmp_path, "shot.{:04d}." + suffix, range(5))
    cut_short(files[0])
    files[2].write_bytes(b"")
    assert numbers_read(tmp_path) == [(1, 1), (3, 3), (4, 4)]
    with pytest.raises(DecodeError, match=r"shot\.0002.* is damaged"):
        read_file(files[2], EIGHT)
    assert "WARN" not in capfd.readouterr().err


def test_a_file_that_vanishes_is_left_out(tmp_path: Path) -> None:
    files = save_numbered(tmp_path, "shot.{:04d}.png", range(3))
    info = probe_sequence(tmp_path, RATE)
    files[1].unlink()
    assert [index for index, _ in decode_sequence(FrameSelection.whole(info), EIGHT, 0)] == [0, 2]


def test_a_sequence_that_vanishes_is_not_taken_for_damaged(tmp_path: Path) -> None:
    files = save_numbered(tmp_path / "shots", "shot.{:04d}.png", range(3))
    info = probe_sequence(tmp_path / "shots", RATE)
    frames = read_frames(FrameSelection(info, range(3)))
    next(frames)
    for file in files:
        file.unlink()
    with pytest.raises(InputError, match=r"shot\.####\.png can no longer be read: it is gone\. Put it back"):
        next(frames)


def test_a_sequence_of_rubbish_is_refused(tmp_path: Path) -> None:
    for file in save_numbered(tmp_path, "shot.{:04d}.png", range(3)):
        cut_short(file)
    with pytest.raises(InputError, match=r"shot\.####\.png: the first pictures cannot be decoded.*shot\.0002\.png"):
        probe_sequence(tmp_path, RATE)


def test_a_file_of_another_size_is_refused(tmp_path: Path) -> None:
    save_numbered(tmp_path, "shot.{:04d}.png", range(3))
    save(tmp_path / "shot.0003.png", numbered_frame(3, (128, 48)))
    info = probe_sequence(tmp_path, RATE)
    pictures = decode_sequence(FrameSelection.whole(info), EIGHT, 0)
    assert [next(pictures)[0] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(InputError, match=r"shot\.0003\.png is 128x48, but shot\.####\.png begins with 128x96"):
        next(pictures)


def test_odd_names(tmp_path: Path) -> None:
    for name in ("a b", 'it\'s "so"', "100%", "a:b", "Zoë 映画", "[0]*?", "shot-v02-", "{x}", "%20"):
        folder = tmp_path / f"{name} %03d #"
        escaped = name.replace("{", "{{").replace("}", "}}")
        save_numbered(folder, escaped + ".{:03d}.png", [9, 10])
        assert numbers_read(folder) == [(0, 9), (1, 10)]
        assert numbers_read(folder / f"{name}.###.png") == [(0, 9), (1, 10)]


def test_a_dpx_of_odd_name(tmp_path: Path) -> None:
    save_numbered(tmp_path, "it's 100% %03d: 映画.{:03d}.dpx", [9])
    assert numbers_read(tmp_path) == [(0, 9)]


def test_a_dash_before_the_number_is_no_minus(tmp_path: Path) -> None:
    save_numbered(tmp_path, "shot-{:03d}.png", [9, 10])
    assert probe_sequence(tmp_path, RATE).path == tmp_path / "shot-###.png"
    assert numbers_read(tmp_path) == [(0, 9), (1, 10)]


def test_numbers_that_outgrow_their_zeros(tmp_path: Path) -> None:
    save_numbered(tmp_path, "shot.{:02d}.png", [98, 99, 100, 101])
    assert probe_sequence(tmp_path, RATE).path.name == "shot.##.png"
    assert numbers_read(tmp_path / "shot.##.png") == [(0, 98), (1, 99), (2, 100), (3, 101)]


def test_stated_numbers(tmp_path: Path) -> None:
    save_numbered(tmp_path, "shot.{}.png", [9, 10, 12, 13, 14])
    info = probe_sequence(tmp_path / "shot.10-13#.png", RATE)
    assert (info.first_number, info.frame_count, info.path) == (10, 4, tmp_path / "shot.#.png")
    assert numbers_read(tmp_path / "shot.10-13#.png") == [(0, 10), (2, 12), (3, 13)]
    with pytest.raises(InputError, match=r"only the frames 9-14 of shot\.#\.png"):
        probe_sequence(tmp_path / "shot.10-15#.png", RATE)


def test_a_single_frame(tmp_path: Path) -> None:
    save_numbered(tmp_path, "shot.{:04d}.png", [1001])
    info = probe_sequence(tmp_path / "shot.%04d.png", RATE)
    assert (info.frame_count, info.first_number, info.duration) == (1, 1001, 1 / RATE)


def test_other_files_in_a_folder_do_not_matter(tmp_path: Path) -> None:
    save_numbered(tmp_path, "shot.{:04d}.png", [1, 2])
    for name in ("Thumbs.db", ".DS_Store", "._shot.0001.png", ".shot.0003.png", "notes.txt", "poster.png", "v2.0001"):
        (tmp_path / name).touch()
    assert numbers_read(tmp_path) == [(0, 1), (1, 2)]


def test_several_sequences_in_a_folder(tmp_path: Path) -> None:
    save_numbered(tmp_path, "shot.{:04d}.png", [1, 2])
    save_numbered(tmp_path, "matte.{:04d}.png", [1, 2])
    with pytest.raises(InputError, match=r"2 sequences: matte\.####\.png, shot\.####\.png\. Give the pattern"):
        probe_sequence(tmp_path, RATE)
    assert numbers_read(tmp_path / "shot.####.png") == [(0, 1), (1, 2)]


def test_different_counts_of_digits(tmp_path: Path) -> None:
    save_numbered(tmp_path, "shot.{:02d}.png", [8, 9, 10, 11])
    with pytest.raises(InputError, match=r"the number of shot\.08\.png has another count of digits"):
        probe_sequence(tmp_path / "shot.#.png", RATE)
    save_numbered(tmp_path, "shot.{:04d}.png", [8, 9, 10, 11])
    with pytest.raises(InputError, match=r"2 sequences: shot\.####\.png, shot\.##\.png"):
        probe_sequence(tmp_path, RATE)
    assert len(numbers_read(tmp_path / "shot.####.png")) == 4


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no numbered pictures"):
        probe_sequence(tmp_path, RATE)
    with pytest.raises(InputError, match=r"no file is named like shot\.0001\.png\. The folder holds no"):
        probe_sequence(tmp_path / "shot.####.png", RATE)
    with pytest.raises(InputError, match=r"The folder .*gone cannot be read \(No such file"):
        probe_sequence(tmp_path / "gone" / "shot.####.png", RATE)
    save_numbered(tmp_path, "shot_v002.{:04d}.png", [1])
    with pytest.raises(InputError, match=r"Did you mean shot_v002\.####\.png\?"):
        probe_sequence(tmp_path / "shot_v001.####.png", RATE)
    with pytest.raises(InputError, match=r"The folder has shot_v002\.####\.png\."):
        probe_sequence(tmp_path / "q.####.tif", RATE)
    with pytest.raises(InputError, match=r"\.webp is no kind of picture that is read\. Use PNG"):
        probe_sequence(tmp_path / "shot.####.webp", RATE)


# -- scene-linear light ----------------------------------------------------------------------------


def save_light(folder: Path, numbers: range) -> np.ndarray:
    """EXR files with highlights, alpha, another channel and attributes; the light in them."""
    light = np.random.default_rng(0).random((96, 128, 3), np.float32).astype(np.float16).astype(np.float32) * 4
    for number in numbers:
        path = folder / f"plate.{number:04d}.exr"
        write_exr(path, light * (number - 1000), np.full((96, 128), 0.5, np.float32))
        exr = read_exr(path)
        more = replace(
            exr,
            attributes=exr.attributes | {"owner": f"frame {number}", "pixelAspectRatio": 2.0},
            others={"Z": np.full((96, 128), number, np.float32)},
        )
        write_exr(path, exr.linear, exr.alpha, more)
    return light


def test_exr_comes_in_as_a_picture_with_gain(tmp_path: Path) -> None:
    light = save_light(tmp_path, range(1001, 1003))
    info = probe_sequence(tmp_path, RATE)
    assert (info.codec, info.is_linear, info.bits, info.has_alpha) == ("exr", True, 32, True)
    assert ((info.width, info.height), info.first_number, info.sample_aspect) == (SIZE, 1001, 2)
    (_, first), (_, second) = decode_sequence(FrameSelection.whole(info), Reading(32, alpha="keep"), 0)
    assert (first.image.dtype, first.image.max() <= 1) == (np.float32, True)
    assert first.gain is not None
    assert np.allclose(SRGB.decode(first.image, first.gain), light, rtol=1e-5, atol=1e-6)
    assert second.gain is not None
    assert np.allclose(SRGB.decode(second.image, second.gain), 2 * light, rtol=1e-5, atol=1e-6)
    assert first.exr is not None
    assert (first.alpha is not None and first.alpha.mean(), first.exr.attributes["owner"]) == (0.5, "frame 1001")
    coarse = read_file(tmp_path / "plate.1001.exr", Reading(8, alpha="keep"))
    assert coarse.alpha is not None
    assert (coarse.image.dtype, coarse.alpha.dtype, coarse.alpha[0, 0]) == (np.uint8, np.uint8, 128)
    assert np.abs(coarse.image / 255 - first.image).max() <= 0.5001 / 255
    assert read_file(tmp_path / "plate.1001.exr", SIXTEEN).image.dtype == np.uint16
    assert read_file(tmp_path / "plate.1001.exr", FLOATS).alpha is None


def test_exr_goes_out_with_what_came_in(tmp_path: Path) -> None:
    light = save_light(tmp_path, range(1001, 1003))
    pictures = [
        p
        for _, p in decode_sequence(FrameSelection.whole(probe_sequence(tmp_path, RATE)), Reading(32, alpha="keep"), 0)
    ]
    report = write_sequence(pictures, tmp_path / "styled.####.exr", range(1001, 1003), 16)
    for path, number in zip(report.paths, (1001, 1002), strict=True):
        back = read_exr(path)
        assert np.allclose(back.linear, light * (number - 1000), rtol=1e-3, atol=1e-4)
        assert back.alpha is not None
        assert (back.alpha.mean(), back.others["Z"].mean()) == (0.5, number)
        assert back.attributes["owner"] == f"frame {number}"
    small = write_sequence([p.fitted((48, 64)) for p in pictures], tmp_path / "small.#.exr", [1, 2], 32)
    assert small.notes == ("Channels of another size than the pictures are left out: Z.",)


def test_any_picture_becomes_light(tmp_path: Path) -> None:
    (path,) = write_sequence([Picture(numbered_frame(9))], tmp_path / "a.#.exr", [1], 8).paths
    linear, plain = read_exr(path).linear, numbered_frame(9).astype(np.float32) / 255
    assert np.allclose(SRGB.decode(plain, np.ones((96, 128), np.float32)), linear, rtol=1e-3, atol=1e-4)
    assert number_in(read_file(path, EIGHT).image) == 9


def test_a_damaged_exr_is_left_out(tmp_path: Path) -> None:
    save_light(tmp_path, range(1001, 1004))
    cut_short(tmp_path / "plate.1002.exr")
    assert [index for index, _ in decode_sequence(FrameSelection.whole(probe_sequence(tmp_path, RATE)), EIGHT, 0)] == [
        0,
        2,
    ]


def test_without_the_package_exr_is_refused_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_light(tmp_path, range(1001, 1002))
    monkeypatch.setitem(sys.modules, "OpenEXR", None)
    for refuse in (lambda: probe_sequence(tmp_path, RATE), lambda: check_sequence_output(tmp_path / "a.#.exr")):
        with pytest.raises(InputError, match=r"^OpenEXR pictures need the package OpenEXR"):
            refuse()


# -- out -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", WRITTEN)
def test_contract_of_every_kind_written(tmp_path: Path, suffix: str) -> None:
    output = tmp_path / f"it's 100% Zoë: 映画.####.{suffix}"
    report = write_sequence(numbered_pictures(4), output, range(9998, 10002), 8)
    assert [path.name.split(".", 1)[1] for path in report.paths] == [f"{n}.{suffix}" for n in range(9998, 10002)]
    assert sorted(tmp_path.iterdir()) == sorted(report.paths)
    assert report.notes == ()
    info = probe_sequence(tmp_path, RATE)
    assert (info.first_number, info.frame_count, (info.width, info.height), info.bits) == (9998, 4, SIZE, 8)
    assert numbers_read(tmp_path) == [(i, i) for i in range(4)]
    jpeg = "j" in suffix
    for path, picture in zip(report.paths, numbered_pictures(4), strict=True):
        difference = np.abs(read_file(path, EIGHT).image.astype(int) - picture.image)
        assert difference.mean() < 1 if jpeg else difference.max() == 0


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("bits", [8, 16, 32])
def test_depth_and_alpha_out(tmp_path: Path, suffix: str, bits: int) -> None:
    pixels = deep_frame(channels=4)
    picture = Picture(pixels[..., :3].copy(), pixels[..., 3].copy())
    (path,) = write_sequence([picture], tmp_path / f"a.#.{suffix}", [7], bits).paths
    assert path.name == f"a.7.{suffix}"
    written = min(bits, 16) if suffix == "png" else bits
    assert (probe_sequence(tmp_path, RATE).bits, probe_sequence(tmp_path, RATE).has_alpha) == (written, True)
    back = read_file(path, Reading(32, alpha="keep"))
    assert back.alpha is not None
    expected = {8: np.rint(pixels / 257), 16: pixels, 32: pixels.astype(np.float32) / np.float32(65535)}[written]
    assert np.array_equal(np.dstack([back.image, back.alpha]), expected)


@pytest.mark.parametrize("bits", [8, 16])
def test_tiff_says_that_its_alpha_is_straight(tmp_path: Path, bits: int) -> None:
    alpha = np.full((96, 128), 128, np.uint8)
    (path,) = write_sequence([Picture(numbered_frame(1), alpha)], tmp_path / "a.#.tif", [1], bits).paths
    data = path.read_bytes()
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    entries = [struct.unpack_from("<HHIH", data, start + 2 + 12 * i) for i in range(count)]
    assert (338, 3, 1, 2) in entries
    assert [tag for tag, *_ in entries] == sorted(tag for tag, *_ in entries)
    if bits == 8:
        assert Image.open(io.BytesIO(data)).mode == "RGBA"


def test_eight_bits_become_sixteen_and_floats_sixteen(tmp_path: Path) -> None:
    values = np.array([[[0, 0.5, 1.5]]], np.float32)
    for image, expected in ((numbered_frame(9), numbered_frame(9).astype(int) * 257), (values, [[[0, 32768, 65535]]])):
        (path,) = write_sequence([Picture(image)], tmp_path / "a.#.png", [1], 16).paths
        assert read_file(path, SIXTEEN).image.tolist() == np.asarray(expected).tolist()


def test_jpeg_leaves_alpha_out_and_says_so(tmp_path: Path) -> None:
    picture = Picture(numbered_frame(5), np.zeros((96, 128), np.uint8))
    report = write_sequence([picture] * 2, tmp_path / "a.#.jpg", [1, 2], 16)
    assert report.notes == ("JPEG cannot hold alpha: it is left out.",)
    assert number_in(read_file(report.paths[1], EIGHT).image) == 5


@pytest.mark.parametrize("count", [0, 2, 4])
def test_a_wrong_count_leaves_everything_as_it_was(tmp_path: Path, count: int) -> None:
    write_sequence(numbered_pictures(1), tmp_path / "a.##.png", [1], 8)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(EncodeError, match=r"more than the 3 frames" if count == 4 else rf"only {count} of 3 frames"):
        write_sequence(reversed(numbered_pictures(count)), tmp_path / "a.%02d.png", [1, 2, 3], 8)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_files_of_before_are_replaced_at_the_end(tmp_path: Path) -> None:
    output = tmp_path / "a.##.png"
    write_sequence(numbered_pictures(3), output, [1, 2, 3], 8)
    left_over = Places.of(output).work / "part-0123abcd" / "a.02.png"
    left_over.parent.mkdir(parents=True)
    left_over.touch()
    assert sequence_files(output, [3, 4]) == [tmp_path / "a.03.png", tmp_path / "a.04.png"]
    seen = []

    def pictures() -> object:
        for number in (20, 30):
            yield Picture(numbered_frame(number))
            seen.append(number_in(read_file(tmp_path / "a.02.png", EIGHT).image))

    write_sequence(pictures(), output, [2, 3], 8)
    assert seen == [1, 1]
    assert numbers_read(tmp_path) == [(0, 0), (1, 20), (2, 30)]
    assert len(list(tmp_path.glob("[!.]*"))) == 3
    assert not left_over.parent.exists()


def test_an_error_from_within_leaves_nothing(tmp_path: Path) -> None:
    def pictures() -> object:
        yield Picture(numbered_frame(1))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_sequence(pictures(), tmp_path / "a.#.png", [1, 2], 8)
    assert not list(tmp_path.iterdir())


def test_pictures_of_different_sizes_are_refused(tmp_path: Path) -> None:
    small = Picture(numbered_frame(1, (128, 48)))
    with pytest.raises(ShapeError, match=r"every picture must be 128x96"):
        write_sequence([Picture(numbered_frame(1)), small], tmp_path / "a.#.png", [1, 2], 8)
    with pytest.raises(ShapeError):
        write_sequence([Picture(small.image, numbered_frame(1)[..., 0])], tmp_path / "a.#.png", [1], 8)
    assert not list(tmp_path.iterdir())


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        raise StorageError("no") from OSError(28, "No space left on device")

    monkeypatch.setattr(encode_sequence, "write_atomically", full)
    with pytest.raises(StorageError, match=r"a\.#\.png cannot be written \(No space left.*Free some space"):
        write_sequence(numbered_pictures(1), tmp_path / "a.#.png", [1], 8)
    assert not list(tmp_path.iterdir())


def test_a_place_that_is_taken(tmp_path: Path) -> None:
    (tmp_path / "a.2.png").mkdir()
    with pytest.raises(StorageError, match=r"a\.2\.png could not be put in place"):
        write_sequence(numbered_pictures(2), tmp_path / "a.#.png", [1, 2], 8)
    assert not list(tmp_path.glob(".*"))


def test_a_picture_too_large_for_its_kind(tmp_path: Path) -> None:
    wide = Picture(np.zeros((1, 70000, 3), np.uint8))
    with pytest.raises(EncodeError, match=r"70000x1 pixels cannot be written as \.jpg"):
        write_sequence([wide], tmp_path / "a.#.jpg", [1], 8)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (".", r"is a folder\. Write it like .*frame\.####\.png"),
        ("shot.1-5#.png", r"the numbers are those of the frames\. Write shot\.#\.png"),
        ("shot.####.webp", r"\.webp cannot be written\. Choose one of \.png"),
        ("shot.####", r"this cannot be written"),
        ("gone/shot.####.png", r"the folder .*gone does not exist\. Make it first"),
    ],
)
def test_outputs_are_refused_early(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        check_sequence_output(tmp_path / name)


def test_a_good_output_leaves_no_trace(tmp_path: Path) -> None:
    check_sequence_output(tmp_path / "shot.####.png")
    assert not list(tmp_path.iterdir())
