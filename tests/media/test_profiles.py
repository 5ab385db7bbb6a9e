"""Pictures come upright and in sRGB, whatever their files say of position and colours."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageFile

from stylevideo.errors import InputError
from stylevideo.media.decode.reader import open_clip, read_frames
from stylevideo.media.images.pictures import Reading, read_as_srgb
from stylevideo.media.images.profiles import BROKEN, _change, embedded, to_srgb
from stylevideo.render.styles import read_styles
from stylevideo.settings.style import Style
from stylevideo.timeline.selection import FrameSelection

P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
"""What red, green and blue are in CIE XYZ, adapted to D50."""
GAMMA = 2.2
SUFFIXES = {"PNG": "png", "JPEG": "jpg", "TIFF": "tif"}


def profile(
    space: bytes = b"RGB ", colors: tuple[tuple[float, ...], ...] = P3, gamma: float = GAMMA, curve: bytes = b""
) -> bytes:
    """An ICC profile of version 2 with a plain gamma, or another curve: of three colours, or of grey."""
    curve = curve or struct.pack(">4sIIH2x", b"curv", 0, 1, round(gamma * 256))
    text = b"A test\0"
    tags = {b"desc": struct.pack(">4sII", b"desc", 0, len(text)) + text + bytes(78), b"wtpt": _xyz((0.9642, 1, 0.8249))}
    if space == b"GRAY":
        tags[b"kTRC"] = curve
    for letter, color in zip("rgb", colors, strict=True) if space == b"RGB " else ():
        tags[f"{letter}XYZ".encode()], tags[f"{letter}TRC".encode()] = _xyz(color), curve
    table, body, start = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += struct.pack(">4sII", name, start + len(body), len(data))
        body += data
    head = struct.pack(">I4sI4s4s4s12x4s", start + len(body), bytes(4), 0x02400000, b"mntr", space, b"XYZ ", b"acsp")
    head = head.ljust(68, b"\0") + struct.pack(">3i", *(round(v * 65536) for v in (0.9642, 1, 0.8249)))
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def _xyz(values: tuple[float, ...]) -> bytes:
    return struct.pack(">4sI3i", b"XYZ ", 0, *(round(value * 65536) for value in values))


def colors() -> np.ndarray:
    """Fields of soft colours, greys in the first row: (64, 64, 3) uint8."""
    fields = np.random.default_rng(0).integers(60, 200, (8, 8, 3)).astype(np.uint8)
    fields[0] = np.linspace(0, 255, 8)[:, None]
    return fields.repeat(8, axis=0).repeat(8, axis=1)


def converted(picture: np.ndarray) -> np.ndarray:
    """From P3 with a plain gamma to sRGB, by the arithmetic of the profiles."""
    light = (picture / 255) ** GAMMA @ np.array(P3) @ np.linalg.inv(np.array(SRGB))
    light = light.clip(0, 1)
    shown: np.ndarray = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * 255
    return shown


def save(path: Path, picture: np.ndarray, kind: str, **options: object) -> Path:
    lossless = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}
    Image.fromarray(picture).save(path, kind, **lossless.get(kind, {}), **options)
    return path


@pytest.mark.parametrize("kind", [*SUFFIXES, "WEBP"])
def test_a_styles_profile_is_converted_and_said(kind: str, tmp_path: Path) -> None:
    path = save(tmp_path / "style", colors(), kind, icc_profile=profile())
    wanted = converted(colors())
    assert np.abs(wanted - colors()).max() > 15
    picture, note = read_as_srgb(path)
    assert np.abs(picture - wanted).max() <= (4 if kind == "JPEG" else 1.5)
    assert note == "style: its colours are converted from its profile (A test) to sRGB."
    (style,) = read_styles([Style(path)])
    assert (style.note, style.picture.tobytes()) == (note, picture.tobytes())


@pytest.mark.parametrize("kind", SUFFIXES)
def test_so_are_the_files_of_a_sequence(kind: str, tmp_path: Path) -> None:
    save(tmp_path / f"a.1.{SUFFIXES[kind]}", colors(), kind, icc_profile=profile())
    (frame,) = read_frames(FrameSelection(open_clip(tmp_path / f"a.#.{SUFFIXES[kind]}", Fraction(24)), range(1)))
    assert np.abs(frame.image - converted(colors())).max() <= (4 if kind == "JPEG" else 1.5)
    assert frame.picture.notes == ("Its colours are converted from its profile (A test) to sRGB.",)


def test_alpha_is_none_of_a_profiles_matter(tmp_path: Path) -> None:
    alpha = np.full((64, 64, 1), 77, np.uint8)
    save(tmp_path / "a.1.png", np.dstack((colors(), alpha)), "PNG", icc_profile=profile())
    (frame,) = read_frames(
        FrameSelection(open_clip(tmp_path / "a.#.png", Fraction(24)), range(1)), Reading(alpha="keep")
    )
    assert np.abs(frame.image - converted(colors())).max() <= 1.5
    assert frame.picture.alpha is not None and (frame.picture.alpha == 77).all()


def test_srgb_by_any_name_changes_nothing(tmp_path: Path) -> None:
    for known in (ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(), b""):
        path = save(tmp_path / "a.png", colors(), "PNG", icc_profile=known)
        picture, note = read_as_srgb(path)
        assert np.array_equal(picture, colors()) and not note


def test_grey_has_profiles_too(tmp_path: Path) -> None:
    grey = colors()[..., 1]
    path = save(tmp_path / "a.1.png", grey, "PNG", icc_profile=profile(b"GRAY", gamma=1.0))
    light = grey / 255
    wanted = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * 255
    (frame,) = read_frames(FrameSelection(open_clip(tmp_path / "a.#.png", Fraction(24)), range(1)))
    for picture in (read_as_srgb(path)[0], frame.image):
        assert np.abs(picture - wanted[..., None]).max() <= 1.5


@pytest.mark.parametrize(
    "bad", [b"no profile", profile()[:200], profile(b"GRAY")[:-20], profile(b"CMYK"), profile(b"Lab ")]
)
def test_a_broken_profile_is_told_and_taken_for_srgb(bad: bytes, tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", colors(), "PNG", icc_profile=bad)
    picture, note = read_as_srgb(path)
    assert np.array_equal(picture, colors())
    assert note == f"a.png: {BROKEN}"


def parametric(kind: int, *values: float) -> bytes:
    return struct.pack(f">4sIHH{len(values)}i", b"para", 0, kind, 0, *(round(value * 65536) for value in values))


CURVES = {
    "gamma": b"",
    "linear": struct.pack(">4sII", b"curv", 0, 0),
    "table": struct.pack(">4sII", b"curv", 0, 1024) + (np.linspace(0, 1, 1024) ** 1.9 * 65535).astype(">u2").tobytes(),
    "formula 0": parametric(0, 1.8),
    "formula 1": parametric(1, 2.2, 1.05, -0.05),
    "formula 2": parametric(2, 2.2, 1.05, -0.05, 0.0),
    "formula 3": parametric(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045),
    "formula 4": parametric(4, 2.4, 0.9, 0.055, 0.07, 0.04, 0.1046, 0.0),
}


@pytest.mark.parametrize("name", CURVES)
def test_sixteen_bits_are_converted_as_eight_are(name: str) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 4)).astype(np.uint8)
    said = profile(curve=CURVES[name])
    shallow, note = to_srgb(picture, b"", said)
    deep, deep_note = to_srgb(picture.astype(np.uint16) * 257, b"", said)
    assert note == deep_note == "its colours are converted from its profile (A test) to sRGB."
    assert np.abs(deep / 257 - shallow)[..., :3].max() <= 1
    assert np.array_equal(deep[..., 3], picture[..., 3].astype(np.uint16) * 257)
    assert (
        len(np.unique(to_srgb(np.arange(65536, dtype=np.uint16).reshape(256, -1, 1).repeat(3, 2), b"", said)[0])) > 9999
    )


def test_sixteen_bits_keep_their_numbers_where_no_matrix_says_more_and_it_is_said(tmp_path: Path) -> None:
    deep = colors()[..., 0].astype(np.uint16) * 257
    coded = cv2.imencode(".png", deep)[1].tobytes()
    chunk = b"iCCP" + b"a\0\0" + zlib.compress(profile(b"GRAY"))
    length, check = struct.pack(">I", len(chunk) - 4), struct.pack(">I", zlib.crc32(chunk))
    (tmp_path / "a.1.png").write_bytes(coded[:33] + length + chunk + check + coded[33:])
    (frame,) = read_frames(FrameSelection(open_clip(tmp_path / "a.#.png", Fraction(24)), range(1)), Reading(bits=16))
    assert np.array_equal(frame.image, np.dstack([deep] * 3))
    assert frame.picture.notes == (
        "Its colour profile (A test) is left out: with more than 8 bits a profile must be of a matrix and curves to be "
        "converted to sRGB.",
    )


def test_grey_of_sixteen_bits_goes_through_a_matrix_as_that_of_eight_does() -> None:
    grey, said = np.arange(256, dtype=np.uint8).reshape(16, 16), profile()
    shallow, note = to_srgb(grey, b"", said)
    deep, deep_note = to_srgb(grey.astype(np.uint16) * 257, b"", said)
    assert note == deep_note == "its colours are converted from its profile (A test) to sRGB."
    assert (deep.shape, deep.dtype) == (grey.shape, np.uint16)
    assert np.abs(deep / 257 - shallow).max() <= 1


NUMBERS = st.sampled_from([0.0, 1.0, -0.5, 2.2, 1 / 12.92, 1e-4, -30.0, 300.0])


@given(st.integers(0, 6), st.lists(NUMBERS, min_size=0, max_size=7), st.binary(max_size=4))
@example(1, [2.2, 0.0, 1.0], b"")
@example(2, [2.2, 0.0, 0.5, 0.0], b"")
@settings(max_examples=60, derandomize=True)
def test_whatever_its_curves_are_a_profile_does_what_little_cms_does_or_says_why_not(
    kind: int, values: list[float], end: bytes
) -> None:
    said = profile(curve=parametric(kind, *values) + end)
    picture = np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    try:
        stored, srgb = ImageCms.ImageCmsProfile(io.BytesIO(said)), ImageCms.createProfile("sRGB")
        wanted = ImageCms.profileToProfile(
            Image.fromarray(picture[..., ::-1]),
            stored,
            srgb,
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            "RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (OSError, ImageCms.PyCMSError):
        return
    shallow, note = to_srgb(picture, b"", said)
    assert "is damaged" not in note
    assert np.array_equal(shallow, np.asarray(wanted)[..., ::-1])
    deep, note = to_srgb(picture.astype(np.uint16) * 257, b"", said)
    if "is left out: with more than 8 bits its curves must" in note:
        assert np.array_equal(deep, picture.astype(np.uint16) * 257)
    elif note:
        assert "are converted" in note and np.abs(deep / 257 - shallow).max() <= 1


def test_curves_that_do_not_reach_white_are_named_as_what_is_in_the_way() -> None:
    note = to_srgb(np.zeros((8, 8, 3), np.uint16), b"", profile(curve=parametric(3, 2.2, 0.5, 0.0, 1.0, 0.0)))[1]
    assert note == (
        "its colour profile (A test) is left out: with more than 8 bits its curves must lead from black to white to be "
        "converted to sRGB."
    )


def test_large_pictures_are_converted_in_strips() -> None:
    picture, said = np.zeros((1000, 2001, 3), np.uint16), profile()
    picture[:] = np.linspace(0, 65535, 1000, dtype=np.uint16)[:, None, None]
    to_srgb(picture[:1], b"", said)
    tracemalloc.start()
    try:
        found = to_srgb(picture, b"", said)[0]
        assert tracemalloc.get_traced_memory()[1] < 2 * picture.nbytes + 40e6
    finally:
        tracemalloc.stop()
    assert np.array_equal(found[::37], to_srgb(np.ascontiguousarray(picture[::37]), b"", said)[0])


@pytest.mark.parametrize("number", range(1, 9))
@pytest.mark.parametrize("kind", [*SUFFIXES, "WEBP"])
def test_pictures_are_upright_in_every_format(kind: str, number: int, tmp_path: Path) -> None:
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[:32, :48], picture[32:, :48], picture[:, 48:] = (200, 30, 20), (20, 200, 30), (30, 20, 200)
    tag = Image.Exif()
    tag[0x0112] = number
    path = save(tmp_path / f"a.1.{SUFFIXES.get(kind, 'webp')}", picture, kind, exif=tag)
    transposed = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # Pillow's own names of what undoes each
    wanted = Image.fromarray(picture)
    if number in transposed:
        wanted = wanted.transpose(Image.Transpose(transposed[number]))
    shown = [read_as_srgb(path)[0]]
    if kind in SUFFIXES:
        shown += [
            frame.image
            for frame in read_frames(FrameSelection(open_clip(tmp_path / f"a.#.{SUFFIXES[kind]}"), range(1)))
        ]
    for image in shown:
        assert image.shape == np.asarray(wanted).shape
        assert np.abs(image.astype(int) - np.asarray(wanted)).mean() < 3


def test_a_png_that_says_nothing_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(picture: Image.Image) -> None:
        raise AssertionError("Pillow decodes it, too")

    plain = save(tmp_path / "plain.png", colors(), "PNG", icc_profile=profile()).read_bytes()
    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    assert embedded(plain).profile == profile()
    monkeypatch.undo()
    tag = Image.Exif()
    tag[0x0112] = 6
    body = b"eXIf" + tag.tobytes().removeprefix(b"Exif\0\0")
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    assert embedded(plain[:-12] + chunk + plain[-12:]).rotation == 270, "said behind the pixels"


@pytest.mark.parametrize("fails", ["PIL.Image.open", "PIL.ImageCms.buildTransform", "PIL.ImageCms.applyTransform"])
def test_want_of_memory_is_no_damaged_profile(fails: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise MemoryError

    path = save(tmp_path / "a.png", colors(), "PNG", icc_profile=profile(gamma=1.5))
    _change.cache_clear()
    monkeypatch.setattr(fails, fail)
    with pytest.raises(MemoryError):
        read_as_srgb(path)


def test_what_is_no_picture_says_nothing(tmp_path: Path) -> None:
    assert embedded(b"") == embedded(b"\x89PNG\r\n\x1a\n") == embedded(io.BytesIO().getvalue())
    (tmp_path / "a.png").write_bytes(b"text")
    with pytest.raises(InputError, match="is not a picture"):
        read_as_srgb(tmp_path / "a.png")
