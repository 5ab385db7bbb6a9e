"""What a dry run foretells, and what fits a budget."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import hypothesis.strategies as st
import platformdirs
import pytest
import torch
from conftest import LIGHT, STYLE, flags_of
from hypothesis import given

from stylevideo.batch.outcomes import BatchChecked, BatchOptions
from stylevideo.cli.foresee import Budget, Look, best_within, command, looks, propose
from stylevideo.cli.main import main
from stylevideo.engine.pace import Pace
from stylevideo.models.vgg import VGG19
from stylevideo.planning.request import ClipRequest, Overrides
from stylevideo.render.estimate import estimate_clip, work_of
from stylevideo.render.memory import memory_needed, with_tile
from stylevideo.render.stylize import stylize
from stylevideo.reports.estimate import Estimate, Survey
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style
from stylevideo.store import calibration
from stylevideo.store.calibration import Calibrations, calibration_file
from stylevideo.text import bytes_in_words, seconds_of
from stylevideo.timeline.clip import Shot
from stylevideo.work import COSTS, NO_WORK, Work

CPU = Settings().with_values(device="cpu")
FAST = flags_of(LIGHT)


def run(clip: Path, film: Path, *more: str) -> list[str]:
    return ["run", str(clip), "--style", str(STYLE), "-o", str(film), "--device", "cpu", *more]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty one."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name, appauthor: folder / name)
    return folder / "stylevideo"


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """By which settings it was measured; each time the next pace is found."""
    asked: list[Settings] = []

    def measure(_: VGG19, settings: Settings, __: object) -> Pace:
        asked.append(settings)
        return Pace(dict.fromkeys(COSTS, (0.0, 1e-6 * len(asked))))

    monkeypatch.setattr(calibration, "measure_pace", measure)
    return asked


class TestKept:
    """What was measured is kept as long as it holds."""

    def test_it_is_measured_once_for_all_that_takes_as_long(self, cache: Path, measured: list[Settings]) -> None:
        first = Calibrations().of(CPU)
        for same in ({}, {"size": 64}, {"iterations": 12}, {"style_weight": 2.0}, {"threads": 0}):
            assert Calibrations().of(CPU.with_values(**same)) == first
        assert len(measured) == 1
        assert len(list(cache.iterdir())) == 1

    @pytest.mark.parametrize(
        "other", [{"painter": "gram"}, {"threads": 7}, {"carry": False}, {"precision": "bf16"}, {"tv_color": 0.0}]
    )
    def test_what_takes_another_time_is_measured_anew(
        self, cache: Path, measured: list[Settings], other: dict[str, object]
    ) -> None:
        Calibrations().of(CPU.with_values(precision="fp32"))
        assert Calibrations().kept(CPU.with_values(**{"precision": "fp32", **other})) is None
        Calibrations().of(CPU.with_values(**{"precision": "fp32", **other}))
        assert len(measured) == 2

    @pytest.mark.parametrize("name", ["stylevideo.store.calibration.__version__", "torch.__version__"])
    def test_another_version_is_measured_anew(
        self, cache: Path, measured: list[Settings], name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Calibrations().of(CPU)
        monkeypatch.setattr(name, "0.0.0")
        Calibrations().of(CPU)
        assert len(measured) == 2

    @pytest.mark.parametrize("damage", ["", "{", "[]", "null", "edited", "negative", "folder", "[" * 100_000])
    def test_a_file_that_is_not_to_be_believed_is_measured_anew(
        self, cache: Path, measured: list[Settings], damage: str
    ) -> None:
        Calibrations().of(CPU)
        (path,) = cache.iterdir()
        kept = json.loads(path.read_text())
        if damage == "edited":
            kept["value"]["lines"]["evaluation"] = [0.0, 1e-9]
            path.write_text(json.dumps(kept))
        elif damage == "negative":
            calibration.save_calibration(kept["key"], {**kept["value"], "lines": {name: [-1.0, 0.0] for name in COSTS}})
        elif damage == "folder":
            path.unlink()
            path.mkdir()
        else:
            path.write_text(damage)
        assert Calibrations().of(CPU).pace.lines["evaluation"] == (0.0, 2e-6)
        assert len(measured) == 2
        if damage != "folder":
            assert Calibrations().of(CPU).pace.lines["evaluation"] == (0.0, 2e-6), "it is kept again"

    def test_a_cache_that_cannot_be_written_is_no_failure(self, cache: Path, measured: list[Settings]) -> None:
        cache.parent.mkdir()
        cache.write_text("no folder")
        calibrations = Calibrations()
        assert calibrations.of(CPU) == calibrations.of(CPU)
        assert len(measured) == 1


class TestForecast:
    """Time, memory and disk before work starts."""

    def test_cuts_and_new_things_are_looked_for(self, two_shot_clip: Path, tmp_path: Path) -> None:
        request = ClipRequest(two_shot_clip, (Style(STYLE),), tmp_path / "film.mp4", CPU)
        roughly, closely = estimate_clip(request), estimate_clip(request, closely=True)
        assert closely.survey is not None
        assert [shot.start for shot in closely.survey.shots] == [0, 10]
        assert all(0 <= new < 0.5 for new in closely.survey.new)
        assert closely.pixels > 1.5 * roughly.pixels, "the second shot begins anew"
        assert closely.memory_bytes > 0 < closely.bytes_needed
        assert not any(path.name.startswith(".film") for path in tmp_path.iterdir())

    def test_evaluations_are_those_that_a_film_takes(self, two_shot_clip: Path, tmp_path: Path) -> None:
        settings = CPU.with_values(**LIGHT, frames="7-14").with_values(new_iterations=60, tolerance=0.0)
        request = ClipRequest(two_shot_clip, (Style(STYLE),), tmp_path / "film.mp4", settings)
        foreseen = estimate_clip(request, closely=True).work.counts
        count = sum(number for (cost, _), number in foreseen.items() if cost == "evaluation")
        found = stylize(two_shot_clip, [STYLE], tmp_path / "film.mp4", settings).evaluations
        assert count == pytest.approx(found, rel=0.2)

    def test_a_dry_run_says_it_and_writes_into_the_cache_alone(
        self, two_shot_clip: Path, tmp_path: Path, cache: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        assert main(run(two_shot_clip, tmp_path / "out" / "film.mp4", *FAST, "--dry-run")) == 0
        said = capfd.readouterr()
        assert "20 frames of 96x64, about " in said.out
        assert " of memory, " in said.out and " of disk" in said.out
        assert "Measuring how fast this machine paints" in said.err
        assert sorted(path.name for path in tmp_path.iterdir()) == ["cache"]
        assert len(list(cache.iterdir())) == 1
        known = Calibrations().kept(CPU.with_values(**LIGHT))
        assert known is not None
        small, large = (known.seconds(Work({("evaluation", pixels): 1})) for pixels in (10_000, 40_000))
        assert 0 < small < large < 60

    @pytest.mark.usefixtures("cache")
    def test_a_run_says_at_its_start_what_is_known(
        self, two_shot_clip: Path, tmp_path: Path, measured: list[Settings], capfd: pytest.CaptureFixture[str]
    ) -> None:
        short = [*FAST, "--frames", "1-2"]
        Calibrations().of(CPU.with_values(**LIGHT))
        assert main(run(two_shot_clip, tmp_path / "b.mp4", *short)) == 0
        assert "), about " in capfd.readouterr().err
        assert len(measured) == 1

    def test_a_loop_and_its_way_back_count(self) -> None:
        looped, survey_shots = CPU.with_values(loop=True, loop_frames=4), (Shot(0, 0, 20),)
        plain, turned = (
            work_of(settings, (64, 96), range(20), Survey(survey_shots, 0.0, (0.0,))) for settings in (CPU, looped)
        )
        pixels = (64 + 16) * (96 + 16)
        assert turned.counts["following", pixels] - plain.counts["following", pixels] == 4
        still = work_of(CPU, (64, 96), range(20), Survey(survey_shots, 0.5, (0.0,)))
        assert still.counts["following", pixels] == pytest.approx(19 / 2)


class TestBudget:
    """What fits."""

    @pytest.mark.parametrize(
        ("text", "seconds"),
        [("2h", 7200), ("90m", 5400), ("1h30m", 5400), ("3600s", 3600), ("1.5h", 5400), ("1m1s", 61)],
    )
    def test_times_are_read(self, text: str, seconds: float) -> None:
        assert seconds_of(text) == seconds

    @pytest.mark.parametrize("text", ["", "2", "h", "2 h", "-1h", "1m1h", "0s", "two hours", "1e3s", "nan", "2h!"])
    def test_what_is_no_time_is_refused(
        self, text: str, two_shot_clip: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as ended:
            main(run(two_shot_clip, tmp_path / "film.mp4", f"--budget={text}"))
        assert ended.value.code == 2
        assert "is no time. Write it like 2h, 90m, 1h30m or 3600s." in capfd.readouterr().err

    @given(st.integers(32, 5000), st.lists(st.floats(0, 1e6), min_size=2, max_size=5), st.data())
    def test_more_time_never_gives_a_worse_look(self, edge: int, budgets: list[float], data: st.DataObject) -> None:
        ordered = looks(edge)
        assert len(set(ordered)) == len(ordered)
        assert all(look.size < edge for look in ordered)
        seconds = {look: data.draw(st.floats(0, 1e6)) for look in ordered}
        found = [best_within(budget, ordered, seconds.__getitem__) for budget in sorted(budgets)]
        places = [len(ordered) if look is None else ordered.index(look) for look in found]
        assert places == sorted(places, reverse=True)

    def test_the_order_is_as_promised(self) -> None:
        assert looks(1000)[:4] == (Look("fine"), Look("standard"), Look("standard", 960), Look("standard", 854))
        assert looks(1000)[-3:] == (Look("draft", 384), Look("draft", 320), Look("draft", 256))
        assert looks(200) == (Look("fine"), Look("standard"), Look("draft"))

    def test_the_command_is_the_same_but_for_the_look(self) -> None:
        words = shlex.split("run a.mp4 --style s.jpg --preset=draft --budget 2h --size 99 --dry-run -o 'a film.mp4'")
        kept = ["run", "a.mp4", "--style", "s.jpg"]
        assert command(words, Look("standard", 640)) == [
            *kept, "-o", "a film.mp4", "--preset", "standard", "--size", "640"
        ]  # fmt: skip
        assert command(words, Look("fine")) == [*kept, "--size", "99", "-o", "a film.mp4", "--preset", "fine"]
        assert command(["run", "--budget=2h", "--", "-a"], Look("fine")) == ["run", "--preset", "fine", "--", "-a"]

    @pytest.mark.usefixtures("measured", "in_process")
    def test_the_best_that_fits_is_proposed_with_its_command(
        self, two_shot_clip: Path, tmp_path: Path, cache: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        film = tmp_path / "out" / "film.mp4"
        proposed = []
        for budget in ("1h", "3s"):
            assert main(run(two_shot_clip, film, "--budget", budget)) == 0
            told, line = capfd.readouterr().out.splitlines()
            words = shlex.split(line)
            assert words[:2] == ["stylevideo", "run"] and "--budget" not in words
            proposed.append(words[words.index("--preset") + 1])
            assert told.startswith(f"{proposed[-1]} at 96x64: about ")
            assert main([*words[1:], "--dry-run"]) == 0
            assert told.split("about ")[1].split(" for")[0] in capfd.readouterr().out
        assert proposed[0] == "fine"
        assert proposed[1] != "fine"
        assert not film.parent.exists()

    @pytest.mark.usefixtures("cache", "measured", "in_process")
    def test_a_budget_that_nothing_fits_ends_in_a_sentence(
        self, two_shot_clip: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        assert main(run(two_shot_clip, tmp_path / "film.mp4", "--budget", "0.001s")) == 2
        said = capfd.readouterr().err.splitlines()
        assert said[-1].startswith("stylevideo: --budget 1 s: even the preset draft takes about ")
        assert said[-1].endswith("Allow more time, or choose fewer --frames.")

    @pytest.mark.usefixtures("cache", "measured", "in_process")
    def test_a_job_file_is_weighed_as_a_whole(
        self, two_shot_clip: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        job = tmp_path / "job.toml"
        clip = two_shot_clip.as_posix()
        job.write_text(
            f'[defaults]\nstyles = ["{STYLE.as_posix()}"]\ndevice = "cpu"\nout_dir = "films"\n'
            f'[[clip]]\nsource = "{clip}"\nframes = "1-4"\noutput = "a.mp4"\n'
            f'[[clip]]\nsource = "{clip}"\nframes = "5-8"\noutput = "b.mp4"\n'
        )
        assert main(["run", str(job), "--budget", "1h"]) == 0
        said = capfd.readouterr().out
        assert " for 8 frames, " in said
        assert f"stylevideo run {job} --preset fine" in said

    @pytest.mark.usefixtures("cache", "measured", "in_process")
    def test_what_is_given_beside_the_preset_goes_on_to_count(
        self, two_shot_clip: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        times, job = [], tmp_path / "job.toml"
        for more, words in (("", []), ("iterations = 500", []), ("", ["--iterations", "500"])):
            job.write_text(f'[defaults]\npreset = "draft"\n{more}\n[[clip]]\nsource = "{two_shot_clip.as_posix()}"\n')
            given = ["--style", str(STYLE), "--out-dir", str(tmp_path / "films"), "--device", "cpu", *words]
            assert main(["run", str(job), *given, "--budget", "99h"]) == 0
            times.append(capfd.readouterr().out.splitlines()[0])
        assert times[0] != times[1] == times[2]

    @pytest.mark.usefixtures("cache", "measured")
    def test_memory_is_that_of_the_tiles_that_a_run_would_choose(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        size, settings = (2160, 3840), CPU.with_values(precision="fp32")
        survey = Survey((Shot(0, 0, 2),))
        estimate = Estimate(2, size[1], size[0], 0, NO_WORK, 1, "cpu", source_size=size, survey=survey)
        monkeypatch.setattr("stylevideo.render.memory.memory_bytes", lambda device: 24 << 30)
        monkeypatch.setattr("stylevideo.cli.foresee.check_batch", lambda *_: BatchChecked({0: estimate}, {}, ()))
        request = ClipRequest(tmp_path / "clip.mp4", (Style(STYLE),), tmp_path / "film.mp4", settings)
        assert propose([request], BatchOptions(), lambda: False, Budget(1e9, Overrides(), ("run",))) == 0
        tiled = memory_needed(with_tile(settings, size, torch.device("cpu")), size)
        assert tiled < memory_needed(settings, size) / 2
        assert f" {bytes_in_words(tiled)} of memory" in capfd.readouterr().out


def test_the_file_is_in_the_users_cache_folder(cache: Path) -> None:
    assert calibration_file({"a": 1}).parent == cache
