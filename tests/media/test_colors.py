"""What a file says of its colours holds: they become the film's as zscale converts them, whichever decoder reads it."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cases import some_of_all
from media_fixtures import ffmpeg, numbered_video

from stylevideo.errors import InputError
from stylevideo.media.colors import conversion_notes
from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.reader import check_decodable, read_frames
from stylevideo.media.decode.streams import parse_pixel_format
from stylevideo.media.ffmpeg import ffmpeg_path, file_url, run_ffmpeg
from stylevideo.media.images.pictures import Reading, to_floats
from stylevideo.media.primaries import BY_NAME, Primaries, to_bt709
from stylevideo.timeline.clip import VideoInfo, bits_of
from stylevideo.timeline.selection import FrameSelection

WIDTH, HEIGHT, BLOCK = 128, 96, 16
FROM = "The clip's colours are converted from"


def patches() -> np.ndarray:
    """A field of colours, greys among them, each `BLOCK` pixels wide: (H, W, 3) uint16."""
    colors = np.random.default_rng(0).integers(0, 65536, (HEIGHT // BLOCK, WIDTH // BLOCK, 3), dtype=np.uint16)
    colors[0] = np.linspace(0, 65535, WIDTH // BLOCK).astype(np.uint16)[:, None]
    return colors.repeat(BLOCK, axis=0).repeat(BLOCK, axis=1)


def film(
    path: Path, pixels: str, matrix: str, primaries: str, transfer: str, span: str = "tv", clear: bool = False
) -> VideoInfo:
    """Two frames of the patches in FFV1, whose numbers mean what they are said to mean; transparent if asked."""
    is_yuv = pixels.startswith("yuv")
    shape = f"scale=out_color_matrix={matrix}:out_range={span}:flags=accurate_rnd" if is_yuv else "null"
    alpha = f"{'lutyuv' if is_yuv else 'lutrgb'}=a=0" if clear else "null"
    tags = f"setparams=range={span}:colorspace={matrix}:color_primaries={primaries}:color_trc={transfer}"
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb48le", "-s", f"{WIDTH}x{HEIGHT}", "-i", "-"]
    encoder = ["-vf", f"{shape},format={pixels},{alpha},{tags}", "-c:v", "ffv1", file_url(path)]
    command = [ffmpeg_path(), "-v", "error", *raw, *encoder]
    subprocess.run(command, input=patches().tobytes() * 2, check=True)
    return probe(path)


@pytest.mark.parametrize(
    ("matrix", "primaries", "transfer"),
    [
        ("ictcp", "bt2020", "smpte2084"),
        ("ictcp", "bt2020", "arib-std-b67"),
        ("chroma-derived-nc", "bt2020", "smpte2084"),
        ("chroma-derived-nc", "smpte432", "bt709"),
        ("chroma-derived-nc", "bt709", "bt709"),
    ],
)
def test_matrices_that_belong_to_primaries(matrix: str, primaries: str, transfer: str, tmp_path: Path) -> None:
    """The same colours as RGB and by the matrix become the same picture."""
    plain = film(tmp_path / "plain.mkv", "gbrp16", "gbr", primaries, transfer, "pc")
    by_matrix = ("-vf", f"zscale=matrix={matrix}:range=limited,format=yuv444p12le", "-c:v", "ffv1")
    ffmpeg("-i", plain.path, *by_matrix, tmp_path / "by.mkv")
    coded = probe(tmp_path / "by.mkv")
    assert coded.color_matrix == matrix
    pictures = [
        next(iter(read_frames(FrameSelection(info, range(1)), Reading(bits=16, tonemap=info.is_hdr)))).image
        for info in (plain, coded)
    ]
    assert np.abs(middles(pictures[0]) - middles(pictures[1])).max() / 257 < 1


def middles(picture: np.ndarray) -> np.ndarray:
    """The mean over the middle of each patch."""
    blocks = picture.reshape(HEIGHT // BLOCK, BLOCK, WIDTH // BLOCK, BLOCK, 3)
    return np.asarray(blocks[:, 6:10, :, 6:10].mean(axis=(1, 3)))


def by_zscale(info: VideoInfo, options: str) -> np.ndarray:
    """The patches of the first frame as zscale has them, in floats."""
    graph = f"zscale={options}:matrix=gbr:range=full,format=gbrpf32le"
    command = [
        ffmpeg_path(),
        "-v",
        "error",
        "-i",
        file_url(info.path),
        "-frames:v",
        "1",
        "-vf",
        graph,
        "-f",
        "rawvideo",
    ]
    data = subprocess.run([*command, "-"], check=True, capture_output=True).stdout
    green, blue, red = np.frombuffer(data, np.float32).reshape(3, HEIGHT, WIDTH)
    return middles(np.stack([red, green, blue], axis=-1).clip(0, 1))


def error(info: VideoInfo, wanted: np.ndarray, reading: Reading) -> float:
    """By how many parts of 255 a patch differs at most."""
    first, second = (to_floats(frame.image) for frame in read_frames(FrameSelection(info, range(2)), reading))
    assert np.array_equal(first, second)
    return float(np.abs(middles(first) - wanted).max() * 255)


PRIMARIES = [
    ("bt2020nc", "bt2020", "bt709", "BT.2020"),
    ("bt2020nc", "bt2020", "bt2020-10", "BT.2020"),
    ("bt709", "smpte432", "bt709", "Display P3"),
    ("bt709", "smpte432", "iec61966-2-1", "Display P3"),
    ("bt709", "smpte432", "bt470m", "Display P3"),
    ("smpte170m", "smpte170m", "smpte170m", "BT.601 (525 lines)"),
    ("bt470bg", "bt470bg", "bt470bg", "BT.601 (625 lines)"),
]


@pytest.mark.parametrize(
    ("said", "pixels"), some_of_all(3, PRIMARIES, ["yuv420p", "yuv422p10le", "yuv444p12le", "gbrp10le"])
)
def test_primaries_become_the_films(tmp_path: Path, said: tuple[str, str, str, str], pixels: str) -> None:
    matrix, primaries, transfer, name = said
    told = matrix if pixels.startswith("yuv") else "gbr"
    info = film(tmp_path / "clip.mkv", pixels, told, primaries, transfer, "tv" if told != "gbr" else "pc")
    assert (info.primaries, info.transfer) == (primaries, transfer)
    assert conversion_notes(info) == (f"{FROM} {name} to BT.709, which the film has.",)
    wanted = by_zscale(info, "primaries=bt709")
    untouched = by_zscale(info, "filter=bilinear")
    assert np.abs(untouched - wanted).max() * 255 > 3
    assert np.abs(untouched - wanted)[0].max() * 255 < 0.1  # greys are greys
    assert error(info, wanted, Reading(bits=16)) < 0.3
    assert error(info, wanted, Reading(bits=8)) < 0.8


@pytest.mark.parametrize("primaries", ["smpte431", "film", "bt470m"])
def test_the_white_of_other_primaries_is_the_films(tmp_path: Path, primaries: str) -> None:
    info = film(tmp_path / "clip.mkv", "gbrp16le", "gbr", primaries, "bt709", "pc")
    (shown, _) = (
        middles(to_floats(frame.image)) for frame in read_frames(FrameSelection(info, range(2)), Reading(bits=16))
    )
    untouched = by_zscale(info, "filter=bilinear")
    assert np.abs(untouched - shown).max() * 255 > 3
    assert np.abs(untouched - shown)[0].max() * 255 < 0.1


def test_the_matrices_are_those_of_the_standards() -> None:
    """SMPTE EG 432-1 for P3; the Academy's for its AP0, with Bradford's adaptation from its own white."""
    p3 = [[1.2249, -0.2249, 0.0], [-0.0421, 1.0421, 0.0], [-0.0196, -0.0786, 1.0983]]
    np.testing.assert_allclose(to_bt709(BY_NAME["smpte432"]), p3, atol=1e-4)
    ap0 = Primaries((0.7347, 0.2653), (0.0, 1.0), (0.0001, -0.077), (0.32168, 0.33767))
    wanted = [[2.5217, -1.1341, -0.3876], [-0.2765, 1.3727, -0.0962], [-0.0154, -0.1530, 1.1684]]
    np.testing.assert_allclose(to_bt709(ap0), wanted, atol=1e-3)
    with pytest.raises(ValueError, match="no primaries"):
        to_bt709(Primaries((0.3, 0.3), (0.3, 0.3), (0.3, 0.3), (0.3, 0.3)))


@pytest.mark.parametrize(
    ("pixels", "matrix", "span"),
    some_of_all(
        3,
        ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le"],
        ["bt709", "smpte170m", "bt2020nc", "smpte240m", "fcc"],
        ["tv", "pc"],
    ),
)
def test_each_matrix_and_range(tmp_path: Path, pixels: str, matrix: str, span: str) -> None:
    """OpenCV rounds down what it makes of YUV, and one level is added."""
    info = film(tmp_path / "clip.mkv", pixels, matrix, "bt709", "bt709", span)
    assert not conversion_notes(info)
    wanted = by_zscale(info, "filter=bilinear")
    assert error(info, wanted, Reading(bits=16)) < 0.2
    assert error(info, wanted, Reading(bits=8)) < 2.5


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv422p", "yuv444p"])
def test_black_and_white_stay(tmp_path: Path, pixels: str) -> None:
    info = film(tmp_path / "clip.mkv", pixels, "bt709", "bt709", "bt709")
    for bits in (8, 16):
        (first, _) = (
            to_floats(frame.image) for frame in read_frames(FrameSelection(info, range(2)), Reading(bits=bits))
        )
        greys = middles(first)[0]
        assert (greys[0] == 0).all() and (greys[-1] > 1 - 1 / 200).all()


def test_light_is_made_into_what_screens_show(tmp_path: Path) -> None:
    info = film(tmp_path / "clip.mkv", "gbrp16le", "gbr", "bt2020", "linear", "pc")
    assert conversion_notes(info) == (f"{FROM} BT.2020, linear light to BT.709, which the film has.",)
    wanted = by_zscale(info, "primaries=bt709:transfer=bt709")
    assert error(info, wanted, Reading(bits=16)) < 0.5


def test_grey_and_unknown_colours_are_left_alone(tmp_path: Path) -> None:
    info = film(tmp_path / "clip.mkv", "yuv420p", "bt709", "bt709", "bt709")
    for others in ({"primaries": None, "transfer": None}, {"primaries": "bt2020", "pixel_format": "gray10le"}):
        assert not conversion_notes(replace(info, **others))


def test_an_ffmpeg_without_the_filter_is_told_of_before_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = film(tmp_path / "clip.mkv", "yuv420p", "bt2020nc", "bt2020", "bt709")
    monkeypatch.setattr("stylevideo.media.colors.has_zscale", lambda: False)
    with pytest.raises(InputError, match=r"clip\.mkv: its colours \(BT\.2020\) are converted by ffmpeg's filter"):
        check_decodable(FrameSelection.whole(info))


def test_the_bits_of_every_format_of_ffmpeg() -> None:
    """All but those of a camera's sensor and of graphics cards."""
    listed = [line.split() for line in run_ffmpeg(["-pix_fmts"]).output.splitlines()[8:] if line.startswith("I")]
    depths = {words[1]: max(map(int, words[4].split("-"))) for words in listed if not words[1].startswith("bayer")}
    assert len(depths) > 200
    floats = {name for name in depths if "f16" in name or "f32" in name}
    wanted = {name: 32 if name in floats else min(max(depth, 8), 16) for name, depth in depths.items()}
    assert {name: bits_of(name) for name in depths} == wanted


def test_which_formats_of_ffmpeg_are_yuv(tmp_path: Path) -> None:
    info = probe(numbered_video(tmp_path / "clip.mkv", 1, encoder=("-c:v", "ffv1")))
    yuv = ("yuv420p", "yuvj422p", "nv12", "uyvy422", "yuyv422", "y210le", "p010le", "ayuv", "vuya", "xv30le", "v30xle")
    rgb = ("rgb24", "bgr0", "0rgb", "gbrp", "gbrapf32le", "argb", "abgr", "x2rgb10le", "pal8", "rgb565le", "xyz12le")
    for name in yuv:
        assert replace(info, pixel_format=name).is_yuv and replace(info, pixel_format=name).has_colors
    for name in rgb:
        assert not replace(info, pixel_format=name).is_yuv and replace(info, pixel_format=name).has_colors
    for name in ("gray", "gray10le", "monob", "ya8", "yaf32le"):
        assert not replace(info, pixel_format=name).is_yuv and not replace(info, pixel_format=name).has_colors


@pytest.mark.parametrize(
    ("primaries", "pixels", "opaque"),
    [
        ("bt709", "yuva444p10le", "yuv444p10le"),
        ("bt2020", "yuva444p10le", "yuv444p10le"),
        ("bt2020", "gbrap12le", "gbrp12le"),
    ],
)
def test_colours_are_there_where_nothing_is_seen(tmp_path: Path, primaries: str, pixels: str, opaque: str) -> None:
    meant = ("bt709" if pixels.startswith("yuv") else "gbr", primaries, "bt709")
    clear, seen = film(tmp_path / "clear.mkv", pixels, *meant, clear=True), film(tmp_path / "seen.mkv", opaque, *meant)
    reading = Reading(bits=16, alpha="keep")
    (first, _), (second, _) = (list(read_frames(FrameSelection(info, range(2)), reading)) for info in (clear, seen))
    assert first.picture.alpha is not None and (first.picture.alpha == 0).all() and second.picture.alpha is None
    assert np.abs(first.image.astype(int) - second.image).max() <= 257


def test_colours_that_are_partly_told() -> None:
    found = parse_pixel_format(" (Main), yuv420p10le(tv, reserved/bt2020/bt709), 64x64")
    assert (found.matrix, found.primaries, found.transfer) == (None, "bt2020", "bt709")
    found = parse_pixel_format(" (Main), yuv420p(bt470bg, progressive), 64x64")
    assert (found.matrix, found.primaries, found.transfer) == ("bt470bg",) * 3


def test_packed_pixels_that_name_no_matrix_are_bt709_in_hd(tmp_path: Path) -> None:
    path = tmp_path / "clip.mov"
    untold = "setparams=colorspace=unknown:color_primaries=unknown:color_trc=unknown"
    shape = f"scale=1280:720,scale=out_color_matrix=bt709:out_range=tv,format=uyvy422,{untold}"
    color = "color=0xc83c28:s=64x64:d=0.1:r=25,format=rgb24"
    ffmpeg("-f", "lavfi", "-i", color, "-vf", shape, "-c:v", "rawvideo", path)
    info = probe(path)
    assert (info.pixel_format, info.color_matrix) == ("uyvy422", None)
    (frame,) = read_frames(FrameSelection(info, range(1)))
    assert np.abs(frame.image[360, 640].astype(int) - (200, 60, 40)).max() <= 2


@pytest.mark.parametrize("pixels", ["yuv420p", "yuvj420p", "yuv422p10le", "yuv411p", "yuv410p", "yuva420p"])
def test_odd_sides_change_no_color(pixels: str, tmp_path: Path) -> None:
    """zscale alone takes no picture whose chroma does not divide its sides."""
    found = []
    for size in ("65x47", "68x48"):
        path = tmp_path / f"{size}.mkv"
        shape = f"scale=out_color_matrix=bt709:out_range={'pc' if 'j' in pixels else 'tv'},format={pixels}"
        tags = "setparams=colorspace=bt709:color_primaries=smpte432:color_trc=bt709"
        field = ["-f", "lavfi", "-i", f"color=0xC8501E:size={size}:duration=0.1,format=gbrp"]
        ffmpeg(*field, "-vf", f"{shape},{tags}", "-c:v", "mjpeg" if "j" in pixels else "ffv1", path)
        picture = next(iter(read_frames(FrameSelection(probe(path), range(1)), Reading(bits=16)))).picture
        found.append(to_floats(picture.image)[20, 30] * 255)
    assert np.abs(found[0] - found[1]).max() < 2.5  # ffmpeg, which made them, rounds otherwise for another size
