"""A film beside its source: paired rightly, told in a table, as JSON and in a plot, refused in one sentence."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import CHEAP_PAINTER, STYLE
from media_fixtures import ffmpeg, make_video, numbered_frame, numbered_video
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from sequence_fixtures import save, save_numbered

import stylevideo
from stylevideo.errors import InputError
from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.reader import read_frames
from stylevideo.media.encode.delivery import Encoding
from stylevideo.media.film import write_film
from stylevideo.media.images.exr import write_exr
from stylevideo.quality.evaluate import Evaluation
from stylevideo.quality.measures import LONG_STEP_FRAMES
from stylevideo.quality.pairs import open_pair, pair_frames
from stylevideo.quality.plot import draw_measures, write_plot
from stylevideo.quality.tables import as_json, as_table
from stylevideo.settings.settings import Settings
from stylevideo.store.sidecar import PLOT_MARK
from stylevideo.timeline.selection import Clip, FrameSelection

SHALLOW = Settings().with_values(**CHEAP_PAINTER)
"""Losses are taken by layers that are soon reached."""
LOSSLESS = ("-c:v", "libx264rgb", "-preset", "ultrafast", "-qp", "0")


def pictures(path: Path) -> list[np.ndarray]:
    info = probe(path)
    return [frame.image for frame in read_frames(FrameSelection.whole(info))]


@pytest.fixture(scope="module")
def grainy_film(two_shot_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clip at half its size, with grain that changes from frame to frame."""
    generator = np.random.default_rng(0)
    small = [cv2.resize(image, (48, 32), interpolation=cv2.INTER_AREA) for image in pictures(two_shot_clip)]
    grainy = [np.clip(image + generator.normal(0, 12, image.shape), 0, 255).astype(np.uint8) for image in small]
    return make_video(tmp_path_factory.mktemp("films") / "grainy.mkv", grainy, "24", LOSSLESS)


@pytest.fixture(scope="module")
def calm_film(two_shot_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clip at half its size, as it is."""
    small = [cv2.resize(image, (48, 32), interpolation=cv2.INTER_AREA) for image in pictures(two_shot_clip)]
    return make_video(tmp_path_factory.mktemp("films") / "calm.mkv", small, "24", LOSSLESS)


@pytest.fixture(scope="module")
def evaluation(
    two_shot_clip: Path, grainy_film: Path, calm_film: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Evaluation, Path]:
    """The grainy film beside its source, the calm one being its reference, with a plot."""
    plot = tmp_path_factory.mktemp("plots") / "plot.png"
    told: list[tuple[int, int]] = []
    result = stylevideo.evaluate(
        *(two_shot_clip, grainy_film, [STYLE], SHALLOW),
        reference=calm_film,
        plot=plot,
        on_frame=lambda *at: told.append(at),
    )
    assert told == [(done, 20) for done in range(1, 21)]
    return result, plot


def test_every_frame_is_measured_and_none_across_the_cut(evaluation: tuple[Evaluation, Path]) -> None:
    result, _ = evaluation
    assert (result.width, result.height, result.summary.frames) == (48, 32, 20)
    assert [(shot.start, shot.stop) for shot in result.shots] == [(0, 10), (10, 20)]
    assert [frame.index for frame in result.frames if math.isnan(frame.warping_short["dis"])] == [0, 10]
    assert all(math.isnan(frame.warping_long["dis"]) for frame in result.frames), (
        f"no shot is longer than {LONG_STEP_FRAMES}"
    )


def test_grain_shows_beside_the_source_and_the_reference(evaluation: tuple[Evaluation, Path]) -> None:
    result, _ = evaluation
    for name in ("dis", "farneback"):
        assert result.summary.warping_short_ratio[name] > 3
    assert result.reference is not None
    assert result.reference.sharpness == pytest.approx(result.summary.source_sharpness, rel=0.01)
    assert result.reference.relative_sharpness > 1.2
    assert 0.9 < result.reference.relative_coarse_sharpness < result.reference.relative_sharpness


def test_a_film_that_is_its_source_is_as_steady_as_its_source(calm_film: Path, tmp_path: Path) -> None:
    film = make_video(tmp_path / "copy.mkv", pictures(calm_film)[8:14], "24", LOSSLESS)
    result = stylevideo.evaluate(calm_film, film, [STYLE], SHALLOW.with_values(frames="9-14"))
    assert [frame.index for frame in result.frames] == list(range(8, 14))
    assert result.summary.content == 0, "each frame is beside its own source"
    assert set(result.summary.warping_short_ratio.values()) == {1}
    assert result.summary.sharpness == result.summary.source_sharpness
    assert result.reference is None


def test_a_variable_rate_clips_film_is_paired_frame_by_frame(tmp_path: Path) -> None:
    steady, clip, film, late = (tmp_path / f"{name}.mp4" for name in ("steady", "variable", "film", "late"))
    numbered_video(steady, 9)
    gaps = ["-vf", "select='not(between(n,3,4))',scale=64:48", "-fps_mode", "vfr", "-c:v", "libx264", "-qp", "10"]
    ffmpeg("-i", steady, *gaps, clip)
    info = probe(clip)
    assert info.variable_rate and info.frame_count == 7
    write_film(pictures(clip), Clip(info.path, film, FrameSelection(info, range(7))), Encoding(crf=10))
    assert probe(film).frame_count == 9
    result = stylevideo.evaluate(clip, film, [STYLE], SHALLOW)
    assert [frame.index for frame in result.frames] == list(range(7))
    make_video(late, [*pictures(film)[:1], *pictures(film)[:-1]])
    behind = stylevideo.evaluate(clip, late, [STYLE], SHALLOW)
    assert max(frame.content for frame in result.frames) < 0.1 < max(frame.content for frame in behind.frames) / 2


def made_and_paired(source: Path, film: Path, as_made: dict[str, object], *others: dict[str, object]) -> list[float]:
    """How far pictures of a film that is its source are from those beside them, by how it was made and otherwise."""
    settings = Settings().with_values(detect_cuts=False)
    stylevideo.stylize(source, [STYLE], film, settings.with_values(iterations=0, **as_made))
    pairs = [pair_frames(open_pair(source, film, settings.with_values(**values))) for values in (as_made, *others)]
    return [max(float((frame.image - shown).abs().max()) for frame, shown in each) for each in pairs]


def test_the_source_is_read_as_the_film_was_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A film of every second file, of a clip with its own times, of woven fields, of alpha and of light."""
    plates = tmp_path / "plates"
    save_numbered(plates, "a.{}.png", range(1, 11))
    thin = {"frames": "1-9x2", "rate": "30"}
    assert made_and_paired(plates, tmp_path / "thin.#.png", thin, {"frames": "5-9x4"}) == [0, 0]
    assert made_and_paired(plates, tmp_path / "thin.mkv", {**thin, "delivery": "ffv1"}) == [0]
    with pytest.raises(InputError, match=r"thin\.#\.png has 2 frames, but --frames 3-5 of a\.#\.png makes 3"):
        stylevideo.evaluate(plates, tmp_path / "thin.#.png", [STYLE], Settings().with_values(frames="3-5"))
    numbered_video(tmp_path / "steady.mp4", 9)
    gaps = ["-vf", "select='not(between(n,3,4))'", "-fps_mode", "vfr", "-c:v", "ffv1", "-pix_fmt", "bgr0"]
    ffmpeg("-i", tmp_path / "steady.mp4", *gaps, tmp_path / "variable.mkv")
    keep = {"variable_rate": "keep", "delivery": "ffv1"}
    assert made_and_paired(tmp_path / "variable.mkv", tmp_path / "kept.mkv", keep, {}) == [0, 0]
    woven = ("-vf", "setfield=tff,noise=alls=60", "-c:v", "ffv1", "-pix_fmt", "yuv444p")
    numbered_video(tmp_path / "woven.mkv", 2, encoder=woven)
    right, wrong = made_and_paired(
        tmp_path / "woven.mkv", tmp_path / "whole.mkv", {"deinterlace": True, "delivery": "ffv1"}, {}
    )
    assert right < 0.01 < wrong
    for number in (1, 2):
        image = numbered_frame(number)
        save(tmp_path / f"glass.{number}.png", np.dstack([image, np.roll(image[..., 0], 40, axis=0)]))
    right, wrong = made_and_paired(tmp_path / "glass.#.png", tmp_path / "g.#.png", {"alpha": "premultiply"}, {})
    assert right < 0.01 < wrong
    write_exr(tmp_path / "light.1.exr", (numbered_frame(3) / np.float32(255)) ** 2)
    monkeypatch.setenv("OCIO", "ocio://cg-config-v2.2.0_aces-v1.3_ocio-v2.4")
    right, wrong = made_and_paired(
        tmp_path / "light.#.exr", tmp_path / "shown.#.png", {"delivery": "png16", "view": "ACEScct"}, {"view": "srgb"}
    )
    assert right < 1e-4 < wrong
    assert made_and_paired(tmp_path / "light.#.exr", tmp_path / "lit.#.exr", {})[0] < 1e-4


def test_the_json_is_plain_and_numbered_as_users_count(evaluation: tuple[Evaluation, Path]) -> None:
    result, _ = evaluation
    values = json.loads(json.dumps(as_json(result), allow_nan=False))
    assert values["shots"] == [[1, 10], [11, 20]]
    assert [frame["number"] for frame in values["frames"]] == list(range(1, 21))
    assert [frame["shot"] for frame in values["frames"]] == [1] * 10 + [2] * 10
    assert values["frames"][10]["flicker"] is None
    assert values["frames"][10]["warping_short"] == {"farneback": None, "dis": None}
    assert values["summary"]["warping_long"] == {"farneback": None, "dis": None}
    assert values["summary"]["warping_short_ratio"] == pytest.approx(result.summary.warping_short_ratio)
    assert values["summary"]["mean_loss"] == pytest.approx(np.mean([frame["loss"] for frame in values["frames"]]))
    assert values["reference"]["relative_sharpness"] == pytest.approx(result.reference.relative_sharpness)


def test_the_table_is_aligned_and_names_its_units(evaluation: tuple[Evaluation, Path]) -> None:
    title, heading, *rows, relative = as_table(evaluation[0])
    assert title == "grainy.mkv beside two shots.mp4: 48x32, 20 frames, 2 shots"
    assert heading.split() == ["film", "source", "ratio"]
    film, source = heading.index("film") + len("film"), heading.index("source") + len("source")
    for row in rows:
        assert row[film - 1] != " " and row[film : film + 1] in ("", " ")
        assert len(row) == film or row[source - 1] != " "
    units = {row[: film - 10].strip() for row in rows}
    assert {"brightness drift (1/255)", "warping error, 1 frame, farneback (squared, of 0..1)"} <= units
    short, long = (next(row for row in rows if row.startswith(f"warping error, {n}")) for n in ("1 frame,", "10"))
    assert float(short.split()[-1]) == pytest.approx(evaluation[0].summary.warping_short_ratio["farneback"], abs=0.01)
    assert long.split()[-3:] == ["-", "-", "-"]
    assert relative.startswith("sharpness relative to the frame-by-frame result: ")


def test_the_plot_is_a_picture_with_the_cut_marked(evaluation: tuple[Evaluation, Path]) -> None:
    result, plot = evaluation
    picture = cv2.imread(str(plot))
    assert picture is not None
    assert 800 <= picture.shape[1] <= 2000 and 1000 <= picture.shape[0] <= 2500
    assert picture.std(axis=(0, 1)).min() > 10, "it is not blank"
    assert [path.name for path in plot.parent.iterdir()] == ["plot.png"]
    for axes in draw_measures(result.selection, result.frames, "both shots").axes:
        dashed = [line for line in axes.lines if line.get_linestyle() == "--"]
        assert [list(line.get_xdata()) for line in dashed] == [[10.5, 10.5]]
        assert len(axes.lines) > 1 and axes.get_ylabel()
    first_shot = draw_measures(result.selection, result.frames[:10], "one shot")
    assert not any(line.get_linestyle() == "--" for axes in first_shot.axes for line in axes.lines)
    short = first_shot.axes[1]
    drawn = {line.get_label(): line.get_ydata() for line in short.lines}
    assert short.get_yscale() == "log"
    expected = [frame.warping_short["farneback"] for frame in result.frames[:10]]
    np.testing.assert_allclose(drawn["film, farneback"], expected)


def test_what_was_not_measured_or_is_zero_is_a_gap(evaluation: tuple[Evaluation, Path], tmp_path: Path) -> None:
    first, second = (replace(frame, flicker=0.0) for frame in evaluation[0].frames[:2])
    selection = evaluation[0].selection
    write_plot(tmp_path / "one.png", selection, [first], "one frame")
    assert cv2.imread(str(tmp_path / "one.png")) is not None
    (flicker,) = draw_measures(selection, [first, second], "two frames").axes[-1].lines
    assert np.isnan(flicker.get_ydata()).all()


def test_what_does_not_fit_is_refused_in_one_sentence(
    two_shot_clip: Path, grainy_film: Path, calm_film: Path, tmp_path: Path
) -> None:
    tall = make_video(tmp_path / "tall.mkv", [np.zeros((96, 64, 3), np.uint8)] * 20, "24", LOSSLESS)
    tiny = make_video(tmp_path / "tiny.mkv", [np.zeros((16, 24, 3), np.uint8)] * 20, "24", LOSSLESS)
    text = tmp_path / "film.txt"
    text.write_text("no film")
    some = Settings().with_values(frames="3-9")
    for arguments, options, message in (
        ((two_shot_clip, grainy_film, [STYLE], some), {}, r"grainy\.mkv has 20 frames, but --frames 3-9 .* --frames"),
        ((two_shot_clip, tall, [STYLE]), {}, r"tall\.mkv is 64x96 and two shots\.mp4 96x64: the proportions differ"),
        ((two_shot_clip, tiny, [STYLE]), {}, r"tiny\.mkv: 24x16 pixels are too small"),
        ((two_shot_clip, tmp_path / "no.mp4", [STYLE]), {}, r"no\.mp4: there is no such file"),
        ((two_shot_clip, text, [STYLE]), {}, r"film\.txt"),
        ((two_shot_clip, grainy_film, []), {}, "No style picture"),
        ((two_shot_clip, grainy_film, [STYLE]), {"plot": tmp_path / "plot.jpg"}, r"must end in \.png"),
        ((two_shot_clip, grainy_film, [STYLE]), {"plot": tmp_path / "no" / "plot.png"}, "does not exist"),
        ((two_shot_clip, grainy_film, [STYLE]), {"reference": two_shot_clip}, r"two shots\.mp4 has 20 frames of 96x64"),
    ):
        with pytest.raises(InputError, match=message) as refusal:
            stylevideo.evaluate(*arguments, **options)
        assert "\n" not in str(refusal.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.txt", "tall.mkv", "tiny.mkv"]


def test_the_plot_replaces_nothing_that_is_measured(tmp_path: Path) -> None:
    source, film = (save_numbered(tmp_path / name, "a.{:04d}.png", range(1, 4)) for name in ("source", "film"))
    style = tmp_path / "style.png"
    with Image.open(source[0]) as picture:  # a plot may replace a plot, but not one that is measured
        mark = PngInfo()
        mark.add_text("Software", PLOT_MARK)
        picture.save(style, pnginfo=mark)
    (tmp_path / "link.png").symlink_to(film[1])
    before = [path.read_bytes() for path in (*source, *film, style)]
    no_plot, measured = "is already there and is no plot", "is one of the files to be measured"
    for plot, says in ((source[1], no_plot), (tmp_path / "link.png", no_plot), (style, measured)):
        with pytest.raises(InputError, match=says):
            stylevideo.evaluate(
                source[0].parent / "a.####.png",
                film[0].parent / "a.####.png",
                [style],
                Settings().with_values(frames="1-3x2"),
                plot=plot,
            )
    assert [path.read_bytes() for path in (*source, *film, style)] == before


def test_an_even_stretch_of_kept_times_needs_to_be_told(tmp_path: Path) -> None:
    times = (
        "-vf",
        "settb=1/1000,setpts=50*N-25*gt(N\\,8)*(N-8)",
        "-fps_mode",
        "passthrough",
        "-enc_time_base",
        "1:1000",
    )
    source = make_video(tmp_path / "source.mkv", [numbered_frame(k) for k in range(12)], "24", (*times, "-c:v", "ffv1"))
    info, settings = probe(source), Settings().with_values(frames="1-8")
    write_film(
        pictures(source)[:8],
        Clip(info.path, tmp_path / "film.mp4", FrameSelection(info, range(8))),
        Encoding(variable_rate=True),
    )
    with pytest.raises(InputError, match="--variable-rate keep"):
        open_pair(source, tmp_path / "film.mp4", settings)
    assert len(open_pair(source, tmp_path / "film.mp4", settings.with_values(variable_rate="keep")).repeats) == 8
