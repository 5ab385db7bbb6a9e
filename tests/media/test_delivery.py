"""Every delivery holds what it is made for: frames, rate, depth, alpha, sound, timecode; an identity run shows it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import LEAST, STYLE, check_job
from media_fixtures import (
    decoded_sound,
    edge_number_in,
    ffmpeg,
    make_video,
    number_in,
    numbered_frame,
    numbered_video,
    shared,
    sine,
    stream_hashes,
)

import stylevideo
from stylevideo.cli.progress import ClipProgress
from stylevideo.errors import InputError, SettingsError
from stylevideo.media.check.findings import Verdict
from stylevideo.media.decode.ffmpeg import decode_with_ffmpeg
from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.reader import open_clip, read_frames
from stylevideo.media.decode.tags import read_tags
from stylevideo.media.encode.delivery import DELIVERIES, Encoding, choose_delivery
from stylevideo.media.encode.trial import check_encoding
from stylevideo.media.ffmpeg import ffmpeg_path
from stylevideo.media.film import write_film
from stylevideo.media.images.exr import read_exr, write_exr
from stylevideo.media.images.pictures import Reading, to_8_bits, to_16_bits
from stylevideo.media.images.view import shown_by
from stylevideo.quality.verify import verify
from stylevideo.render.job import manifest_of
from stylevideo.settings.encoder_arguments import read_encoder_arguments
from stylevideo.settings.schema import DELIVERY_NAMES
from stylevideo.settings.settings import Settings
from stylevideo.timeline.clip import bits_of
from stylevideo.timeline.ranges import select_frames
from stylevideo.timeline.selection import Clip, FrameSelection

DEEP = Reading(bits=16, alpha="keep")
LARGEST_ERROR = {
    **dict.fromkeys(("png", "png16", "tiff16", "exr"), 0),
    "jpeg": 2,
    "h264": 3,
    "h265-10": 3,
    "prores-hq": 3,
    "prores-4444": 1,
    "dnxhr-hqx": 3,
    "ffv1": 0,
    "vp9": 4,
    "av1": 4,
}
"""Of the mean over a flat field, in 8-bit levels."""


def identity(source: Path, output: Path, **values: object) -> stylevideo.ClipResult:
    """A run that paints nothing."""
    return stylevideo.stylize(source, [STYLE], output, Settings().with_values(iterations=0, **values))


def deep_video(path: Path, images: np.ndarray, encoder: list[str]) -> Path:
    """Encode (n, h, w, 4) uint16 RGBA."""
    _, height, width, _ = images.shape
    command = [ffmpeg_path(), "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgba64le", "-s", f"{width}x{height}"]
    subprocess.run([*command, "-framerate", "24", "-i", "-", *encoder, str(path)], input=images.tobytes(), check=True)
    return path


def ramp(count: int = 3, size: tuple[int, int] = (96, 256)) -> np.ndarray:
    """Sixteen-bit ramps in three directions and an alpha channel with soft and hard edges: (n, h, w, 4)."""
    height, width = size
    levels = np.linspace(0, 65535, height * width).reshape(height, width).astype(np.uint16)
    alpha = np.zeros(size, np.uint16)
    alpha[20:76, 60:190] = 65535
    alpha[20:76, 40:60] = np.linspace(0, 65535, 20, dtype=np.uint16)
    planes = np.stack([levels, levels[::-1], levels[:, ::-1], alpha], axis=-1)
    return np.stack([np.roll(planes, 7 * i, axis=1) for i in range(count)])


@pytest.fixture(scope="module")
def ramp_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ramp as FFV1, which keeps every level."""
    return deep_video(tmp_path_factory.mktemp("ramp") / "ramp.mkv", ramp(), ["-c:v", "ffv1", "-pix_fmt", "gbrap16le"])


def deep_planes(path: Path) -> np.ndarray:
    """The frames of a clip with 16 bits, alpha included: (n, h, w, 3 or 4) int64."""
    info = probe(path)
    pictures = [frame.picture for frame in read_frames(FrameSelection.whole(info), DEEP)]
    planes = [np.dstack((p.image, p.alpha)) if p.alpha is not None else p.image for p in pictures]
    return np.stack([to_16_bits(picture) for picture in planes]).astype(int)


def test_the_settings_name_every_delivery() -> None:
    assert tuple(DELIVERIES) == DELIVERY_NAMES
    for delivery in DELIVERIES.values():
        assert choose_delivery(delivery.name, Path(f"film{delivery.suffixes[0]}")) is delivery


@pytest.mark.parametrize("suffix", [".mp4", ".m4v", ".MOV", ".mkv", ".webm", ".mxf", ".png", ".tif", ".jpg", ".exr"])
def test_a_suffix_stands_for_a_delivery_that_it_can_hold(suffix: str) -> None:
    assert suffix.lower() in choose_delivery("auto", Path(f"film{suffix}")).suffixes


def test_a_file_that_cannot_hold_a_delivery_is_refused() -> None:
    with pytest.raises(InputError, match=r"film\.mp4: --delivery ffv1 goes into \.mkv files"):
        choose_delivery("ffv1", Path("film.mp4"))


@pytest.mark.parametrize("name", DELIVERIES)
def test_contract_of_every_delivery(name: str, tmp_path: Path) -> None:
    delivery = DELIVERIES[name]
    field = np.full((144, 256, 3), (200, 80, 30), np.uint8)
    images = [field.copy() for _ in range(10)]
    for number, image in enumerate(images):
        image[:16, : 8 * 16] = numbered_frame(number)[:16]
    source = make_video(
        tmp_path / "source.mov",
        images,
        "24000/1001",
        ("-c:v", "ffv1", "-pix_fmt", "bgr0", "-c:a", "pcm_s16le", "-timecode", "10:00:00:00", "-f", "matroska"),
        sine(0.4),
    )
    for suffix in delivery.suffixes:
        film = tmp_path / (f"film.####{suffix}" if delivery.is_sequence else f"film{suffix}")
        result = identity(source, film, delivery=name, detect_cuts=False)
        made = open_clip(film, Fraction(24000, 1001))
        assert (made.frame_count, made.rate) == (10, Fraction(24000, 1001)), suffix
        assert (made.width, made.height) == (256, 144)
        assert bits_of(made.pixel_format) >= delivery.film_bits(delivery.depths[0])
        shown = [frame.image for frame in read_frames(FrameSelection(made, range(10)))]
        assert [number_in(image) for image in shown] == list(range(10)), suffix
        colors = shown[5][40:120, 40:200].mean(axis=(0, 1))
        assert np.abs(colors - (200, 80, 30)).max() <= LARGEST_ERROR[name] + 0.5, suffix
        assert not verify(source, film).wrong, suffix
        if delivery.is_sequence:
            assert [file.name for file in made.files if file] == [f"film.{n:04d}{suffix}" for n in range(1, 11)]
            continue
        assert len(made.audio()) == 1
        if not any("re-encoded" in warning for warning in result.warnings):
            assert stream_hashes(film) == stream_hashes(source)
        assert made.timecode == probe(source).timecode == "10:00:00:00", suffix


@pytest.mark.parametrize("name", [name for name, delivery in DELIVERIES.items() if not delivery.is_sequence])
def test_every_delivery_takes_odd_sides(name: str, tmp_path: Path) -> None:
    """Or is refused before any work; and what is made is read back."""
    delivery, size = DELIVERIES[name], (65, 47)
    field = np.full((size[1], size[0], 3), (200, 80, 30), np.uint8)
    field[:, :8] = 0
    source = make_video(tmp_path / "source.mkv", [field] * 3, "24", ("-c:v", "ffv1", "-pix_fmt", "bgr0"))
    film = tmp_path / f"film{delivery.suffixes[0]}"
    try:
        identity(source, film, delivery=name, detect_cuts=False)
    except InputError as error:
        assert "cannot write" in str(error) and not film.exists()
        return
    made = probe(film)
    assert (made.width, made.height, made.frame_count) == (*size, 3)
    for reading in (Reading(), DEEP):
        shown = to_8_bits(next(iter(read_frames(FrameSelection(made, range(3)), reading))).picture.image)
        assert np.abs(shown[12:32, 24:48].astype(int) - (200, 80, 30)).max() <= LARGEST_ERROR[name] + 2


@pytest.mark.parametrize(
    ("name", "suffix", "colors", "alpha"), [("ffv1", ".mkv", 0, 0), ("prores-4444", ".mov", 192, 64)]
)
def test_depth_and_alpha_are_kept(
    ramp_film: Path, name: str, suffix: str, colors: int, alpha: int, tmp_path: Path
) -> None:
    """Largest errors in levels of 16 bits; ProRes has 10 bits, one level of which is 64."""
    identity(ramp_film, tmp_path / f"film{suffix}", delivery=name)
    error = np.abs(deep_planes(tmp_path / f"film{suffix}") - deep_planes(ramp_film))
    assert error.shape[3] == 4
    assert error[..., :3].max() <= colors
    assert error[..., 3].max() <= alpha


def test_vp9_carries_alpha_with_8_bits(ramp_film: Path, tmp_path: Path) -> None:
    identity(ramp_film, tmp_path / "film.webm")
    made = probe(tmp_path / "film.webm")
    assert made.has_alpha
    error = np.abs(deep_planes(made.path) - deep_planes(ramp_film))
    assert error[..., 3].mean() < 300 and error[..., 3].max() < 2000


def test_alpha_that_a_container_cannot_hold_costs_no_depth(ramp_film: Path, tmp_path: Path) -> None:
    """VP9 has 8 bits with alpha, and MP4 cannot hold that alpha."""
    result = identity(ramp_film, tmp_path / "film.mp4", delivery="vp9")
    made = probe(tmp_path / "film.mp4")
    assert (made.pixel_format, made.has_alpha) == ("yuv420p10le", False)
    assert any("alpha channel; the film has none" in warning for warning in result.warnings)


def test_premultiplied_alpha_hides_what_lies_below(tmp_path: Path) -> None:
    """Colours where nothing is seen do not reach the painter; where all is seen they come back."""
    images = ramp(1)
    images[..., 3] = np.where(images[..., 3] > 0, 65535, 0)
    source = deep_video(tmp_path / "source.mkv", images, ["-c:v", "ffv1", "-pix_fmt", "gbrap16le"])
    info = probe(source)
    (frame,) = read_frames(FrameSelection(info, range(1)), Reading(bits=16, alpha="premultiply"))
    hidden = images[0, ..., 3] == 0
    assert frame.image[hidden].max() == 0
    assert np.array_equal(frame.image[~hidden], images[0][~hidden][:, :3])
    identity(source, tmp_path / "film.mkv", delivery="ffv1", alpha="premultiply")
    made = deep_planes(tmp_path / "film.mkv")[0]
    assert np.array_equal(made[~hidden], images[0][~hidden])
    assert np.array_equal(made[..., 3], images[0, ..., 3])


@pytest.mark.parametrize("name", ["film.mp4", "film.####.jpg"])
def test_premultiplied_colours_stay_so_in_a_film_without_alpha(name: str, tmp_path: Path) -> None:
    grey = np.full((1, 96, 128, 4), 50_000, np.uint16)
    grey[0, :, :64, 3] = 0
    grey[0, :, 64:, 3] = 32_768
    source = deep_video(tmp_path / "source.mkv", grey, ["-c:v", "ffv1", "-pix_fmt", "gbrap16le"])
    result = identity(source, tmp_path / name, alpha="premultiply")
    (warning,) = (warning for warning in result.warnings if "alpha" in warning)
    assert "as over black" in warning
    (frame,) = read_frames(FrameSelection(open_clip(tmp_path / name), range(1)))
    assert frame.image[10:90, 10:54].max() <= 2
    assert np.abs(frame.image[10:90, 74:118].astype(int) - 50_000 // 514).max() <= 3


def test_a_film_without_alpha_says_so(ramp_film: Path, tmp_path: Path) -> None:
    result = identity(ramp_film, tmp_path / "film.mp4")
    assert any("alpha channel; the film has none" in warning for warning in result.warnings)
    assert any("16 bits a channel" in warning and "the film has 8" in warning for warning in result.warnings)


def test_depth_on_request(tmp_path: Path) -> None:
    """Painted floats are kept with 16 bits although the source has 8."""
    source = numbered_video(tmp_path / "source.mp4", 2)
    identity(source, tmp_path / "film.mkv", delivery="ffv1", depth="16")
    assert probe(tmp_path / "film.mkv").pixel_format == "gbrp16le"
    identity(source, tmp_path / "flat.mkv", delivery="ffv1")
    assert probe(tmp_path / "flat.mkv").pixel_format == "bgr0"


@pytest.mark.parametrize(("name", "depth", "bits"), [("a.jpg", 16, 8), ("a.png", 16, 16), ("a.exr", 32, 32)])
def test_bits_of_a_sequence_are_those_of_its_files(name: str, depth: int, bits: int) -> None:
    assert choose_delivery("auto", Path(name)).film_bits(depth) == bits


def test_settings_without_effect_are_told(tmp_path: Path) -> None:
    clip = numbered_video(tmp_path / "clip.mp4", 2)
    idle = {"rate": "25", "view": "ACEScg", "tonemap": True, "crf": 30, "alpha": "drop", "variable_rate": "keep"}
    idle["coarse_iterations"] = 30
    given = {"delivery": "png16", "depth": "8", "ffmpeg_args": "-g 1", "coarsest_size": 0}
    result = identity(clip, tmp_path / "film.####.png", **given, **idle)
    told = sorted(warning.split()[0] for warning in result.warnings if "has no effect" in warning)
    assert told == sorted([*(f"--{name.replace('_', '-')}" for name in idle), "--depth", "--ffmpeg-args"])
    made = open_clip(tmp_path / "film.####.png")
    assert made.bits == 16
    active = {"rate": "25", "crf": 30, "depth": "8", "coarse_iterations": 30}
    result = identity(made.path, tmp_path / "film.mp4", deinterlace=True, **active)
    told = [warning for warning in result.warnings if "has no effect" in warning]
    assert told == ["--deinterlace has no effect: the files of an image sequence have no fields."]
    shallow = identity(clip, tmp_path / "flat.####.jpg", depth="16", provenance=False)
    assert "--depth has no effect: jpeg files have a depth of their own." in shallow.warnings


def test_identity_is_the_source_pixel_by_pixel(tmp_path: Path) -> None:
    source = numbered_video(tmp_path / "source.mkv", 5, "25", ("-c:v", "ffv1", "-pix_fmt", "bgr0"))
    result = identity(source, tmp_path / "film.mkv", delivery="ffv1")
    assert result.evaluations == 0
    assert np.array_equal(deep_planes(tmp_path / "film.mkv"), deep_planes(source))
    with pytest.raises(SettingsError, match="--iterations 0"):
        Settings().with_values(iterations=0, loop=True)


@pytest.mark.parametrize(("suffix", "off_ms"), [(".mp4", 0.02), (".mkv", 0.51)])
def test_edge_a_varying_rate_is_kept_on_request(suffix: str, off_ms: float, tmp_path: Path) -> None:
    source = probe(shared("edge/vfr.mp4"))
    identity(source.path, tmp_path / f"film{suffix}", variable_rate="keep")
    film = probe(tmp_path / f"film{suffix}")
    assert film.variable_rate and film.frame_count == 150
    times, due = (
        np.array([float((time - info.pts[0]) * info.time_base * 1000) for time in info.pts]) for info in (film, source)
    )
    assert np.abs(times - due).max() <= off_ms
    assert [edge_number_in(frame.image) for frame in read_frames(FrameSelection(film, range(150)))] == list(range(150))
    assert not verify(source.path, film.path).wrong


def test_every_second_frame_keeps_time_and_sound(tmp_path: Path) -> None:
    source = make_video(
        tmp_path / "source.mp4",
        [numbered_frame(number) for number in range(12)],
        "24",
        ("-c:v", "libx264", "-c:a", "aac"),
        sine(0.5),
    )
    identity(source, tmp_path / "film.mp4", frames="1-12x2")
    film = probe(tmp_path / "film.mp4")
    shown = [number_in(frame.image) for frame in read_frames(FrameSelection.whole(film))]
    assert shown == [0, 0, 2, 2, 4, 4, 6, 6, 8, 8, 10, 10]
    assert stream_hashes(film.path) == stream_hashes(source)
    assert not verify(source, film.path, "1-12x2").wrong


@pytest.mark.parametrize(
    ("chosen", "shown", "is_whole"),
    [("9-10,2,5,8", [1, 1, 1, 4, 4, 4, 7, 8, 9], False), ("12,1,4", [0] * 3 + [3] * 8 + [11], True)],
)
def test_a_list_of_frames_keeps_time_and_sound(tmp_path: Path, chosen: str, shown: list[int], is_whole: bool) -> None:
    """Each is shown until the next one, and the last as long as ever."""
    images = [numbered_frame(number) for number in range(12)]
    encoder = ("-c:v", "libx264", "-c:a", "aac")
    source = make_video(tmp_path / "source.mp4", images, "24", encoder, sine(0.5))
    identity(source, tmp_path / "film.mp4", frames=chosen)
    film = probe(tmp_path / "film.mp4")
    assert [number_in(frame.image) for frame in read_frames(FrameSelection.whole(film))] == shown
    assert (stream_hashes(film.path) == stream_hashes(source)) == is_whole
    assert not verify(source, film.path, chosen).wrong


def test_every_nth_frame_to_the_end_leaves_out_the_sound_before_it(tmp_path: Path) -> None:
    """A tone begins after the tenth frame, which is the first that is shown."""
    clip, tone = numbered_video(tmp_path / "clip.mp4", 24), tmp_path / "tone.wav"
    ffmpeg("-f", "lavfi", "-i", "aevalsrc=gte(t\\,0.5)*sin(2800*t)/2:s=48000:d=1", tone)
    ffmpeg("-i", clip, "-i", tone, "-c:v", "copy", "-c:a", "pcm_s16le", tmp_path / "source.mov")
    identity(tmp_path / "source.mov", tmp_path / "film.mov", frames="10-24x10")
    film = probe(tmp_path / "film.mov")
    assert [number_in(frame.image) for frame in read_frames(FrameSelection(film, range(15)))] == [9] * 10 + [19] * 5
    sound = decoded_sound(film.path)
    assert np.argmax(np.abs(sound) > 0.1) / 8000 == pytest.approx(0.5 - 9 / 24, abs=0.003)
    assert len(sound) / 8000 == pytest.approx(15 / 24, abs=0.01)
    assert not verify(tmp_path / "source.mov", film.path, "10-24x10").wrong


@pytest.mark.parametrize(
    ("late_picture", "late_sound", "due"), [("0", "0", 0.5), ("0.25", "0", 0.25), ("0", "0.3", 0.8)]
)
def test_sound_goes_with_the_picture_where_it_has_no_times(
    late_picture: str, late_sound: str, due: float, tmp_path: Path
) -> None:
    """MXF knows no time but the picture's: a tone begins where it did, and no frame is lost where sound ends early."""
    clip, tone = numbered_video(tmp_path / "clip.mp4", 24), tmp_path / "tone.wav"
    ffmpeg("-f", "lavfi", "-i", "aevalsrc=gte(t\\,0.5)*sin(2800*t)/2:s=48000:d=0.6", tone)
    shifted = ("-itsoffset", late_picture, "-i", clip, "-itsoffset", late_sound, "-i", tone)
    ffmpeg(*shifted, "-c:v", "copy", "-c:a", "pcm_s16le", tmp_path / "source.mov")
    result = identity(tmp_path / "source.mov", tmp_path / "film.mxf", delivery="prores-hq")
    film = probe(tmp_path / "film.mxf")
    assert [number_in(frame.image) for frame in read_frames(FrameSelection.whole(film))] == list(range(24))
    sound = decoded_sound(film.path)
    assert np.argmax(np.abs(sound) > 0.1) / 8000 == pytest.approx(due, abs=0.003)
    assert len(sound) / 8000 == pytest.approx(1, abs=0.01)
    assert any("re-encoded as pcm" in warning for warning in result.warnings)
    assert not verify(tmp_path / "source.mov", film.path).wrong


def test_edge_a_stretch_begins_at_its_own_timecode(tmp_path: Path) -> None:
    source = shared("edge/src.mov")
    identity(source, tmp_path / "film.mov", start="01:00:01:12", end="01:00:02:12", detect_cuts=False)
    film = probe(tmp_path / "film.mov")
    assert (film.frame_count, film.timecode) == (24, "01:00:01:12")
    assert not verify(source, film.path, "37-60").wrong


def test_interlaced_footage_is_warned_about_or_made_whole(tmp_path: Path) -> None:
    """A bar that moves between two fields: woven, its edge is a comb."""
    images = [np.full((96, 128, 3), 40, np.uint8) for _ in range(12)]
    for time in range(24):
        images[time // 2][time % 2 :: 2, 20 + 3 * time : 36 + 3 * time] = 220
    encoder = ("-c:v", "libx264", "-crf", "4", "-flags", "+ilme+ildct", "-x264-params", "tff=1")
    source = make_video(tmp_path / "source.mp4", images, "24", ("-vf", "setparams=field_mode=tff", *encoder))
    info = probe(source)
    assert info.interlaced and info.frame_count == 12
    woven, whole = (
        np.stack(
            [frame.image[..., 1] for frame in read_frames(FrameSelection(info, range(12)), Reading(deinterlace=on))]
        ).astype(int)
        for on in (False, True)
    )
    columns = slice(30, 90)
    expected = np.stack(images)[:, :, columns, 1].astype(int)
    assert np.abs(woven[:, :, columns] - expected).mean() < 6, "what is woven is read as it is"
    combs = [np.abs(np.diff(frames[3:9], axis=1)).mean() for frames in (woven, whole)]
    assert combs[1] < combs[0] / 3
    plain = identity(source, tmp_path / "plain.mp4")
    assert any("--deinterlace" in warning for warning in plain.warnings)
    mended = identity(source, tmp_path / "mended.mp4", deinterlace=True)
    assert not any("--deinterlace" in warning for warning in mended.warnings)
    assert probe(tmp_path / "mended.mp4").frame_count == 12


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_hdr_is_refused_or_brought_down(transfer: str, tmp_path: Path) -> None:
    tags = f"setparams=range=tv:colorspace=bt2020nc:color_primaries=bt2020:color_trc={transfer}"
    source = make_video(
        tmp_path / "hdr.mp4",
        [numbered_frame(number) for number in range(3)],
        "24",
        ("-vf", f"format=yuv420p10le,{tags}", "-c:v", "libx264"),
    )
    with pytest.raises(InputError, match=rf"hdr\.mp4 is HDR \({transfer}\).*--tonemap"):
        identity(source, tmp_path / "film.mp4")
    result = identity(source, tmp_path / "film.mp4", tonemap=True)
    assert any("brought down to bt709" in warning for warning in result.warnings)
    film = probe(tmp_path / "film.mp4")
    assert (film.frame_count, film.transfer) == (3, "bt709")
    _, plain = next(decode_with_ffmpeg(probe(source), Reading(), 0))  # OpenCV takes seconds for it
    shown = next(read_frames(FrameSelection(film, range(1)))).image
    assert np.abs(shown - plain.image.astype(int)).mean() > 3, "it does something"


def test_damaged_footage_is_refused_if_asked(tmp_path: Path) -> None:
    source = shared("edge/corrupt.mp4")
    with pytest.raises(InputError, match=r"corrupt\.mp4: 3 frames .*\(76, 77, 78\), and --strict"):
        identity(source, tmp_path / "film.mp4", strict=True)
    assert not list(tmp_path.iterdir())
    identity(source, tmp_path / "film.mp4", strict=True, frames="1-20")


def test_a_film_says_from_what_it_was_made(tmp_path: Path) -> None:
    source = make_video(
        tmp_path / "source.mp4",
        [numbered_frame(0)] * 3,
        "24",
        ("-c:v", "libx264", "-metadata", "comment=a comment; of its = own"),
    )
    film = tmp_path / "film.mp4"
    stylevideo.stylize(source, [STYLE], film, Settings().with_values(**LEAST))
    said = json.loads((tmp_path / "film.mp4.json").read_text())
    digest = subprocess.run(["sha256sum", source], capture_output=True, text=True, check=True).stdout.split()[0]
    assert said["source"] == {"name": "source.mp4", "sha256": digest}
    assert [style["name"] for style in said["styles"]] == [STYLE.name]
    assert said["settings"]["iterations"] == 1 and said["frames"] == "1-3"
    lines = read_tags(probe(film)).values["comment"].split("\n")
    assert lines[0] == "a comment; of its = own"
    assert lines[1].startswith("Repainted by stylevideo ") and digest[:16] in lines[1] and STYLE.name in lines[1]
    assert str(tmp_path) not in (tmp_path / "film.mp4.json").read_text(), "paths are nobody's business"
    assert not verify(source, film).wrong
    identity(source, tmp_path / "silent.mp4", provenance=False)
    assert read_tags(probe(tmp_path / "silent.mp4")).values["comment"] == "a comment; of its = own"
    assert not (tmp_path / "silent.mp4.json").exists()


def test_an_encoder_that_does_not_work_is_noticed_before_any_work(tmp_path: Path) -> None:
    output = tmp_path / "film.mp4"
    with pytest.raises(InputError, match="ffmpeg cannot write 256x144 at 24 frames a second as h264"):
        check_encoding(
            Encoding(extra=read_encoder_arguments("-preset no-such-preset")), output, (144, 256), Fraction(24)
        )
    check_encoding(Encoding(extra=read_encoder_arguments("-preset slow -tune grain")), output, (144, 256), Fraction(24))
    flat = Encoding(DELIVERIES["vp9"], extra=read_encoder_arguments("-profile:v:0 0"))
    check_encoding(flat, tmp_path / "film.webm", (144, 256), Fraction(24), bits=8)
    check_encoding(flat, tmp_path / "film.webm", (144, 256), Fraction(24), bits=16, alpha=True)  # which has 8 bits
    with pytest.raises(InputError, match="as vp9 into"):
        check_encoding(flat, tmp_path / "film.webm", (144, 256), Fraction(24), bits=16)
    source = numbered_video(tmp_path / "source.mp4", 2)
    with pytest.raises(InputError, match="--ffmpeg-args"):
        identity(source, output, ffmpeg_args="-preset no-such-preset")
    assert [path.name for path in tmp_path.iterdir()] == ["source.mp4"]


def test_cover_pictures_come_along(tmp_path: Path) -> None:
    clip = numbered_video(tmp_path / "clip.mp4", 12)
    make_video(tmp_path / "cover.png", [numbered_frame(9)], "1", ("-frames:v", "1"))
    maps = ["-map", "0", "-map", "1", "-c", "copy", "-disposition:v:1", "attached_pic"]
    ffmpeg("-i", clip, "-i", tmp_path / "cover.png", *maps, tmp_path / "source.mp4")
    names = ["source.mp4", "film.mkv", "back.mp4"]
    for name, next_name in pairwise(names):
        info = probe(tmp_path / name)
        for frames, film in (("", tmp_path / next_name), ("3-10", tmp_path / f"part {next_name}")):
            stretch = select_frames(info, frames)
            report = write_film((numbered_frame(i) for i in stretch.frames), Clip(info.path, film, stretch))
            made = probe(film)
            assert (made.frame_count, report.notes) == (len(stretch.frames), ())
            assert [(stream.kind, stream.codec) for stream in made.streams] == [("cover", "png")], film.name
            assert "(attached pic)" in made.streams[0].detail
            found = {check.what: check.verdict for check in verify(info.path, film, frames).checks}
            assert found["cover track 1: packets"] is Verdict.SAME
            assert Verdict.WRONG not in found.values()
    bare = tmp_path / "bare.mkv"
    ffmpeg("-i", tmp_path / "film.mkv", "-map", "0:v:0", "-c", "copy", bare)
    assert [check.what for check in verify(info.path, bare).wrong] == ["cover tracks"]
    report = write_film(
        (numbered_frame(i) for i in range(12)), Clip(info.path, tmp_path / "film.mov", FrameSelection(info, range(12)))
    )
    assert report.notes == ("Cover track 1 (png) was left out, because mov cannot hold it in any form.",)


def light(seed: int, size: tuple[int, int] = (64, 96)) -> tuple[np.ndarray, np.ndarray]:
    """Scene-linear light from far below to far above white, exact in half floats; and an alpha channel."""
    rng = np.random.default_rng(seed)
    linear = np.exp(rng.uniform(-9, 9, (*size, 3)))
    linear[:8] *= -1e-3
    alpha = np.clip(rng.uniform(-0.5, 1.5, size), 0, 1)
    return linear.astype(np.float16).astype(np.float32), alpha.astype(np.float16).astype(np.float32)


@pytest.fixture
def exr_sequence(tmp_path: Path) -> Path:
    """Three EXR files, numbered from 1001."""
    for number in range(3):
        write_exr(tmp_path / f"light.{1001 + number}.exr", *light(number))
    return tmp_path / "light.####.exr"


def test_light_goes_through_unchanged(exr_sequence: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    identity(exr_sequence, tmp_path / "out" / "made.####.exr")
    for number in range(3):
        made = read_exr(tmp_path / "out" / f"made.{1001 + number}.exr")
        linear, alpha = light(number)
        assert np.array_equal(made.linear, linear)
        assert np.array_equal(made.alpha, alpha)


def test_strokes_end_where_nothing_is_seen(exr_sequence: Path, tmp_path: Path) -> None:
    """In EXR, colours are multiplied with alpha: what has none would be added to whatever it is laid over."""
    settings = Settings().with_values(**{**LEAST, "first_iterations": 3}, frames="1001")
    stylevideo.stylize(exr_sequence, [STYLE], tmp_path / "made.####.exr", settings)
    made, (linear, alpha) = read_exr(tmp_path / "made.1001.exr"), light(0)
    assert np.array_equal(made.linear[alpha == 0], linear[alpha == 0])
    painted = np.abs(made.linear - linear)[alpha == 1] / np.maximum(np.abs(linear[alpha == 1]), 0.05)
    assert np.median(painted) > 0.05


def test_alpha_is_multiplied_into_light_and_divided_out_of_it(tmp_path: Path) -> None:
    """From straight colours into EXR and back: what is seen comes back to within a few levels of 16 bits."""
    source = deep_video(tmp_path / "source.mkv", ramp(1), ["-c:v", "ffv1", "-pix_fmt", "gbrap16le"])
    identity(source, tmp_path / "light.####.exr", frames="1")
    lit = read_exr(tmp_path / "light.0001.exr")
    unpremultiplied = deep_planes(source)[0]
    assert lit.alpha is not None
    assert lit.linear[unpremultiplied[..., 3] == 0].max() == 0
    identity(tmp_path / "light.####.exr", tmp_path / "back.####.png", delivery="png16")
    (frame,) = read_frames(FrameSelection(open_clip(tmp_path / "back.####.png"), range(1)), DEEP)
    seen = unpremultiplied[..., 3] > 65535 // 4
    error = np.abs(frame.image.astype(int) - unpremultiplied[..., :3])[seen]
    assert error.max() < 0.002 * 65535, "half floats have eleven bits"


def test_bright_light_is_white_in_a_film(exr_sequence: Path, tmp_path: Path) -> None:
    result = identity(exr_sequence, tmp_path / "film.mp4", rate="30000/1001")
    film = probe(tmp_path / "film.mp4")
    assert (film.frame_count, film.rate) == (3, Fraction(30000, 1001))
    assert any("scene-linear light" in warning for warning in result.warnings)


CONFIG = "ocio://cg-config-v2.2.0_aces-v1.3_ocio-v2.4"
"""Its working space is ACEScct, its light ACEScg."""


def encoded(linear: float) -> float:
    """The curve of sRGB, but for black."""
    return 1.055 * linear ** (1 / 2.4) - 0.055


def test_pictures_for_screens_are_none_of_the_working_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PNG to EXR reads sRGB whatever `$OCIO` is, unless a view is named."""
    cv2.imwrite(str(tmp_path / "a.1.png"), numbered_frame(5)[..., ::-1])
    identity(tmp_path / "a.#.png", tmp_path / "plain.#.exr")
    monkeypatch.setenv("OCIO", CONFIG)
    identity(tmp_path / "a.#.png", tmp_path / "auto.#.exr")
    identity(tmp_path / "a.#.png", tmp_path / "named.#.exr", view="ACEScct")
    plain, auto, named = (read_exr(tmp_path / f"{name}.1.exr").linear for name in ("plain", "auto", "named"))
    assert np.array_equal(plain, auto)
    assert plain.max() == 1 < named.max()


def test_light_is_shown_on_screens_through_its_working_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ACEScg's primaries become those of bt709; with alpha, colours are straight in the result."""
    linear = np.zeros((64, 96, 3), np.float32)
    linear[:, :32], linear[:, 32:64], linear[:, 64:] = 0.18, (0.2, 0.1, 0.1), 5
    alpha = np.full((64, 96), 0.5, np.float32)
    write_exr(tmp_path / "opaque.1.exr", linear)
    write_exr(tmp_path / "half.1.exr", linear / 2, alpha)
    monkeypatch.setenv("OCIO", CONFIG)
    red = [encoded(0.1 + 0.1 * part) for part in (1.7051, -0.1303, -0.024)]
    expected = np.array([[encoded(0.18)] * 3, red, [1, 1, 1]])
    sheet = tmp_path / "sheet.png"
    for source, output, tolerance, values in (
        ("opaque.#.exr", "o.#.png", 2e-4, {"delivery": "png16", "sheet": str(sheet)}),
        ("half.#.exr", "h.#.png", 2e-3, {"delivery": "png16"}),
        ("opaque.#.exr", "film.mp4", 0.015, {"crf": 1}),
    ):
        result = identity(tmp_path / source, tmp_path / output, view="compositing_log", **values)
        (frame,) = read_frames(FrameSelection(open_clip(tmp_path / output), range(1)), Reading(16))
        shown = frame.image[32, 16::32] / np.iinfo(frame.image.dtype).max
        assert np.abs(shown - expected).max() < tolerance, output
        assert not any("scene-linear colours" in warning for warning in result.warnings)
    grays = [tuple(pixel) for pixel in cv2.imread(str(sheet)).reshape(-1, 3)]
    assert grays.count((118, 118, 118)) > 2000, "0.18 as sRGB has it, in both rows"


def test_a_view_is_checked_before_any_work_and_known_by_what_it_stands_for(
    exr_sequence: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cv2.imwrite(str(tmp_path / "a.1.png"), numbered_frame(5)[..., ::-1])
    monkeypatch.setenv("OCIO", CONFIG)
    for source, output in ((exr_sequence, "film.mp4"), (tmp_path / "a.#.png", "out.#.exr")):
        with pytest.raises(InputError, match=r'no colour space "ACEScctt"'):
            check_job(source, tmp_path / output, Settings().with_values(iterations=0, view="ACEScctt"))
    role, named, auto, plain = (
        manifest_of(
            check_job(exr_sequence, tmp_path / "film.mp4", Settings().with_values(iterations=0, view=v))
        ).resume_key
        for v in ("compositing_log", "ACEScct", "auto", "srgb")
    )
    assert named["bits"] == 16 and plain["bits"] == 8
    assert role == named and auto == plain
    assert {name for name in named if named[name] != plain[name]} == {"bits", "reading", "styles", "view"}


def test_a_review_of_a_plate_does_not_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Films, pictures and sheets are shown by the display; EXR files, and the frames that are kept, are as before."""
    monkeypatch.delenv("OCIO", raising=False)
    linear = np.zeros((64, 96, 3), np.float32)
    linear[:, :32], linear[:, 32:64], linear[:, 64:] = 0.18, 2, 8
    write_exr(tmp_path / "a.1.exr", linear)
    write_exr(tmp_path / "half.1.exr", linear / 2, np.full((64, 96), 0.5, np.float32))
    values = {"display": "sRGB - Display", "display_view": "ACES 2.0 - SDR 100 nits (Rec.709)"}
    wanted = shown_by(values["display"], values["display_view"], "auto")(linear)[32, 16::32]
    assert wanted[1, 0] + 0.05 < wanted[2, 0] <= 1
    for source, output, tolerance, more in (
        ("a.#.exr", "o.#.png", 0.01, {"sheet": str(tmp_path / "sheet.png")}),
        ("half.#.exr", "h.#.png", 0.02, {}),
        ("a.#.exr", "film.mp4", 0.02, {"crf": 1}),
    ):
        result = identity(tmp_path / source, tmp_path / output, **values, **more)
        (frame,) = read_frames(FrameSelection(open_clip(tmp_path / output), range(1)), Reading(16))
        assert np.abs(frame.image[32, 16::32] / np.iinfo(frame.image.dtype).max - wanted).max() < tolerance, output
        assert any('by OpenColorIO\'s "sRGB - Display"' in warning for warning in result.warnings)
    levels = set(cv2.imread(str(tmp_path / "sheet.png"))[..., 1].ravel())
    assert all(any(abs(int(level) - 255 * shown) < 3 for level in levels) for shown in wanted[:, 1])
    result = identity(tmp_path / "a.#.exr", tmp_path / "b.#.exr", **values)
    assert "--display has no effect: no scene-linear light is shown on a screen." in result.warnings
    prints = [
        manifest_of(check_job(tmp_path / "a.#.exr", tmp_path / "x.mp4", Settings().with_values(**given))).resume_key
        for given in ({}, values)
    ]
    assert prints[0] == prints[1]
    with pytest.raises(InputError, match="has no display"):
        check_job(tmp_path / "a.#.exr", tmp_path / "x.mp4", Settings().with_values(display="a screen"))


@pytest.mark.parametrize("view", ["auto", "ACEScct"])
def test_a_painted_plate_has_the_plates_range(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], view: str
) -> None:
    """Also with a config, and through its space for compositing; the first lines say what is painted."""
    monkeypatch.setenv("OCIO", CONFIG)
    plate = np.full((64, 64, 3), 0.18, np.float32)
    plate[20:40, 20:40] = (3, 2, 1)
    write_exr(tmp_path / "a.1.exr", plate)
    settings = Settings().with_values(**{**LEAST, "first_iterations": 8}, view=view)
    say = ClipProgress(quiet=False)
    stylevideo.stylize(tmp_path / "a.#.exr", [STYLE], tmp_path / "out.#.exr", settings, on_event=say)
    painted = read_exr(tmp_path / "out.1.exr").linear
    assert np.abs(painted - plate).max() > 0.01, "it is painted"
    assert painted.max() <= 3 * 1.001 and (painted[..., 0] > 1.001).sum() <= 400
    said = capsys.readouterr().err.splitlines()[0]
    assert f"painted as {'srgb' if view == 'auto' else view}" in said


def test_a_plates_primaries_are_converted_and_stay(tmp_path: Path) -> None:
    """Rec. 2020 as EXR; its red is out of bt709's gamut."""
    plate = np.random.default_rng(0).random((64, 64, 3)).astype(np.float32)
    write_exr(tmp_path / "plain.1.exr", plate)
    own = {"chromaticities": (0.708, 0.292, 0.17, 0.797, 0.131, 0.046, 0.3127, 0.329)}
    plain = read_exr(tmp_path / "plain.1.exr")
    float_types = dict.fromkeys("RGB", np.dtype(np.float32))
    write_exr(tmp_path / "a.1.exr", plate, like=replace(plain, attributes=plain.attributes | own, types=float_types))
    identity(tmp_path / "a.#.exr", tmp_path / "b.#.exr")
    back = read_exr(tmp_path / "b.1.exr")
    assert np.abs(back.linear - plate).max() < 1e-4
    np.testing.assert_allclose(back.attributes["chromaticities"], own["chromaticities"], atol=1e-6)
    identity(tmp_path / "a.#.exr", tmp_path / "b.#.png", delivery="png16")
    shown = cv2.imread(str(tmp_path / "b.1.png"), cv2.IMREAD_UNCHANGED)[..., ::-1] / 65535
    light = plate @ np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]).T
    light = light / np.maximum(light.max(axis=-1, keepdims=True), 1)
    inside = (light > 0.01).all(axis=-1)
    assert inside.mean() > 0.3
    assert np.abs(shown - encoded(light.clip(0.01, 1)))[inside].max() < 1e-3
