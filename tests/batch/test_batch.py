"""A batch: one clip takes no other along, nothing is done twice, and an interruption costs nothing that was done."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from batch_fixtures import make_clip, run_command, wait_until, workers
from conftest import LEAST, ROOT, STYLE, flags_of
from hypothesis import given
from hypothesis import strategies as st
from sequence_fixtures import save_numbered

from scripts.trials.batch import contents, marked, processes, wait_for_none, with_killer
from stylevideo.batch.outcomes import BatchChecked, BatchOptions, ClipEvent, Waiting
from stylevideo.batch.run import run_batch
from stylevideo.batch.up_to_date import already_made
from stylevideo.cli.main import main
from stylevideo.errors import LockedError, SettingsError, Stopped, StorageError
from stylevideo.media.hidden import Places, finished_frames
from stylevideo.planning.plan import plan_requests
from stylevideo.planning.request import ClipRequest, Overrides, clip_names
from stylevideo.render.stylize import stylize
from stylevideo.reports.events import FrameFinished, Planned
from stylevideo.reports.results import Status
from stylevideo.settings.settings import Settings
from stylevideo.store import identity, manifest
from stylevideo.store.identity import SourceContent
from stylevideo.store.lock import sole_run
from stylevideo.system.heartbeat import broken_off_when

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
PAINTED = {**LEAST, "device": "cpu", "threads": 1, "size": 64}


@pytest.fixture(scope="module")
def two_clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips that are as they should be."""
    folder = tmp_path_factory.mktemp("two clips")
    for name in ("a.mp4", "b.mp4"):
        make_clip(folder / name)
    return folder


@pytest.fixture
def clips(two_clips: Path, tmp_path: Path) -> Path:
    """The same in a folder of their own."""
    return Path(shutil.copytree(two_clips, tmp_path / "clips"))


@pytest.fixture(scope="module")
def uninterrupted(two_clips: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What this process makes of them in one go."""
    out = tmp_path_factory.mktemp("uninterrupted")
    make(requests_for(two_clips, out))
    return contents(out)


def requests_for(folder: Path, out: Path, **settings: Any) -> tuple[ClipRequest, ...]:
    given = Overrides({**PAINTED, **settings}, styles=(str(STYLE),), out_dir=out, name="{name}.{ext}")
    return plan_requests([str(folder)], given, "none")


def make(requests: tuple[ClipRequest, ...]) -> None:
    """The films of a batch, in this process."""
    for request in requests:
        stylize(request.source, request.styles, request.output, request.settings)


def flags(out: Path, **settings: Any) -> list[str]:
    named = ["--style", str(STYLE), "--out-dir", str(out), "--name", "{name}.{ext}", "--config", "none"]
    return [*named, *flags_of({**PAINTED, **settings})]


def films(out: Path) -> list[str]:
    return sorted(path.name for path in out.iterdir() if path.suffix != ".json")


@pytest.fixture
def bad_clips(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The clips, with one that is none and one that crashes whoever reads it."""
    (clips / "no video.mp4").write_text("no video")
    make_clip(clips / "killer.mp4")
    monkeypatch.setenv("PYTHONPATH", with_killer(tmp_path))
    return clips


def assert_table_of_bad_clips(said: list[str]) -> None:
    """At the end there is a row for each clip, and on the way three lines of one that is made."""
    head = next(place for place, line in enumerate(said) if line.startswith("clip "))
    rows = [re.split(r"  +", line) for line in said[head : head + 5]]
    assert rows[0] == ["clip", "outcome", "attempts", "frames", "time", "loss", "warnings", "film"]
    assert [row[:2] for row in rows[1:]] == [
        *(["a.mp4", "made"], ["b.mp4", "made"]),
        *(["killer.mp4", "failed"], ["no video.mp4", "failed"]),
    ]
    assert all(row[2:4] == ["1", "4"] and row[-1] == row[0] for row in rows[1:3])
    assert said[head + 5].startswith("4 clips in ")
    of_a = [line for line in said[:head] if " a.mp4: " in line]
    assert len(of_a) == 3
    assert all(line.startswith("[1/4] ") for line in of_a)


class TestIsolation:
    """What is wrong with one clip is its own affair."""

    def test_the_good_are_made_and_the_bad_have_reasons(
        self, bad_clips: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        out, report = tmp_path / "out", tmp_path / "report.json"
        arguments = ["run", str(bad_clips), *flags(out), "--report", str(report)]
        assert main([*arguments, "--log-file", str(tmp_path / "log.txt")]) == 1
        printed = capfd.readouterr()
        assert_table_of_bad_clips(printed.err.splitlines())
        assert films(out) == ["a.mp4", "b.mp4"]
        assert printed.out.split() == [str(out / "a.mp4"), str(out / "b.mp4")]
        before, _, after = printed.err.partition("2 clips to be made, 8 frames; 2 cannot be made:")
        assert after and "a.mp4" not in before, "all that is wrong is said before anything is made"
        assert "no video.mp4 is not a video" in printed.err
        assert "killer.mp4: The process that worked on it crashed (SIGSEGV)." in printed.err
        assert "4 clips in" in printed.err
        assert "2 made, 2 failed." in printed.err
        assert "Traceback" not in printed.err
        assert "Finished frames are kept" not in printed.err, "there are none"
        told = json.loads(report.read_text())
        assert told["schema"] == 1
        by_name = {Path(clip["source"]).name: clip for clip in told["clips"]}
        assert {name: clip["status"] for name, clip in by_name.items()} == {
            "a.mp4": "made",
            "b.mp4": "made",
            "killer.mp4": "failed",
            "no video.mp4": "failed",
        }
        assert [len(by_name["a.mp4"]["frames"]), by_name["a.mp4"]["sha256"]["film"] != ""] == [4, True]
        assert "SIGSEGV" in by_name["killer.mp4"]["reason"]
        log = (tmp_path / "log.txt").read_text()
        assert "a.mp4: made in" in log
        assert "INFO" in log

    def test_fail_fast_begins_nothing_if_a_clip_cannot_be_made(self, clips: Path, tmp_path: Path) -> None:
        (clips / "no video.mp4").write_text("no video")
        requests, events = requests_for(clips, tmp_path / "out", iterations=0), list[object]()
        outcomes = run_batch(requests, BatchOptions(fail_fast=True), events.append)
        assert isinstance(events[0], BatchChecked)
        assert sorted(events[0].problems) == [2]
        assert sorted(events[0].estimates) == [0, 1]
        assert [outcome.status for outcome in outcomes] == [Status.NOT_BEGUN, Status.NOT_BEGUN, Status.FAILED]
        assert not (tmp_path / "out").exists()

    def test_a_clip_that_failed_on_the_way_is_tried_again(self, clips: Path, tmp_path: Path) -> None:
        """Its worker is killed once, after a frame; the second one goes on from that frame."""
        requests, killed, seen = requests_for(clips, tmp_path / "out"), list[int](), list[object]()

        def kill_once(event: object) -> None:
            if isinstance(event, ClipEvent) and event.index == 0:
                seen.append(event.event)
                if isinstance(event.event, FrameFinished) and not killed:
                    killed.append(True)
                    (worker,) = workers()
                    os.kill(worker, signal.SIGKILL)

        outcomes = run_batch(requests, BatchOptions(retries=1), kill_once)
        assert [outcome.status for outcome in outcomes] == [Status.MADE, Status.MADE]
        assert [outcome.attempts for outcome in outcomes] == [2, 1]
        assert outcomes[0].result is not None
        assert len(outcomes[0].result.frames) == 4

    @pytest.mark.parametrize(
        ("times", "status"), [(1, Status.MADE), (3, Status.FAILED)], ids=["for a moment", "too long"]
    )
    def test_where_no_worker_can_be_started_it_is_tried_again(
        self, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int, status: Status
    ) -> None:
        """The system has no process left when the first clip is checked."""
        real, refused = subprocess.Popen, list[object]()

        def refuse(command: list[str], *rest: Any, **options: Any) -> Any:
            if any("stylevideo.batch.worker" in word for word in command) and len(refused) < times:
                refused.append(command)
                raise BlockingIOError(11, "Resource temporarily unavailable")
            return real(command, *rest, **options)

        monkeypatch.setattr("stylevideo.batch.pool.STARTS", 3)
        monkeypatch.setattr("stylevideo.batch.process.subprocess.Popen", refuse)
        outcomes = run_batch(requests_for(clips, tmp_path / "out", iterations=0))
        assert [outcome.status for outcome in outcomes] == [status, Status.MADE]
        assert [outcome.attempts for outcome in outcomes] == [status is Status.MADE, 1]
        if status is Status.FAILED:
            assert outcomes[0].reason == "No process could be started for it (Resource temporarily unavailable)."

    def test_a_worker_that_dies_before_it_begins_costs_no_attempt(
        self, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The first process that is started for the batch ends before it takes anything in."""
        (tmp_path / "sitecustomize.py").write_text(
            "import os, pathlib\nmark = pathlib.Path(__file__).with_name('once')\n"
            "if not mark.exists():\n    mark.touch()\n    os._exit(7)"
        )
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        outcomes = run_batch(requests_for(clips, tmp_path / "out", iterations=0))
        assert (tmp_path / "once").exists()
        assert [(outcome.status, outcome.attempts) for outcome in outcomes] == [(Status.MADE, 1)] * 2

    def test_a_check_is_tried_again_and_a_worker_that_died_with_nothing_to_do_is_replaced(
        self, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The process that looks at a clip crashes once; the next one is killed when all clips are checked."""
        clips.joinpath("b.mp4").rename(clips / "killer.mp4")
        monkeypatch.setenv("PYTHONPATH", with_killer(tmp_path, times=1))
        killed: list[int] = []

        def kill(event: object) -> None:
            if isinstance(event, BatchChecked):
                assert not event.problems
                killed.extend(workers())
                for worker in killed:
                    os.kill(worker, signal.SIGKILL)

        outcomes = run_batch(requests_for(clips, tmp_path / "out", iterations=0), BatchOptions(retries=1), kill)
        assert (tmp_path / "crashes").read_text() == "x"
        assert len(killed) == 1
        assert [(outcome.status, outcome.attempts) for outcome in outcomes] == [(Status.MADE, 1)] * 2

    @posix
    def test_a_worker_that_others_ask_to_end_takes_no_other_clip_along(self, clips: Path, tmp_path: Path) -> None:
        """It is asked at both attempts; the other clip is made between them."""
        asked: list[int] = []

        def ask(event: object) -> None:
            if isinstance(event, ClipEvent) and isinstance(event.event, Planned) and event.index == 0:
                (worker,) = workers()
                asked.append(worker)
                os.kill(worker, signal.SIGTERM)

        first, second = run_batch(requests_for(clips, tmp_path / "out"), BatchOptions(retries=1), ask)
        assert len(set(asked)) == 2
        assert (second.status, second.attempts) == (Status.MADE, 1)
        assert (first.status, first.attempts) == (Status.FAILED, 2)
        assert first.reason == "The process that worked on it was asked to end by another program."

    def test_what_was_to_be_thrown_away_is_so_by_the_next_attempt_too(
        self, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The process that looks at a clip crashes when it makes the film, before it has thrown anything away."""
        (clips / "a.mp4").rename(clips / "killer.mp4")
        (clips / "b.mp4").unlink()
        asked: list[object] = []
        (begun,) = requests_for(clips, tmp_path / "out", iterations=2)
        with pytest.raises(Stopped):
            stylize(
                *(begun.source, begun.styles, begun.output, begun.settings, asked.append),
                stop=lambda: any(isinstance(event, Planned) for event in asked),
            )
        requests = requests_for(clips, tmp_path / "out", restart=True)
        assert finished_frames(Places.of(requests[0].output))
        monkeypatch.setenv("PYTHONPATH", with_killer(tmp_path, times=1))
        crashes = tmp_path / "crashes"
        crashes.write_text("x")  # as if it had crashed already

        def arm(event: object) -> None:
            if isinstance(event, BatchChecked):
                crashes.write_text("")

        (outcome,) = run_batch(requests, BatchOptions(retries=1), arm)
        assert crashes.read_text() == "x"
        assert (outcome.status, outcome.attempts) == (Status.MADE, 2)

    def test_a_clip_that_waits_for_another_attempt_was_stopped(self, clips: Path, tmp_path: Path) -> None:
        events: list[object] = []

        def kill(event: object) -> None:
            events.append(event)
            if isinstance(event, ClipEvent) and isinstance(event.event, FrameFinished):
                for worker in workers():
                    os.kill(worker, signal.SIGKILL)

        requests = requests_for(clips, tmp_path / "out")
        outcomes = run_batch(requests, BatchOptions(retries=5), kill, lambda: any(map(is_waiting, events)))
        assert [outcome.status for outcome in outcomes] == [Status.STOPPED, Status.NOT_BEGUN]
        assert "was killed" in outcomes[0].reason


def is_waiting(event: object) -> bool:
    return isinstance(event, Waiting)


class TestAgain:
    """What is made is known again."""

    def test_a_finished_batch_has_nothing_to_do(self, clips: Path, tmp_path: Path) -> None:
        out = tmp_path / "out"
        arguments = ["run", str(clips), *flags(out, iterations=0)]
        make(requests_for(clips, out, iterations=0))
        before = contents(out)
        assert main(arguments) == 0
        assert main([*arguments, "--dry-run"]) == 0
        for more in ([], ["--dry-run"]):
            assert main([*arguments, "--exit-code-if-nothing", "3", *more]) == 3
        assert contents(out) == before
        make_clip(clips / "c.mp4")
        (out / "b.mp4").write_bytes(b"damaged")
        assert main([*arguments, "-q"]) == 1, "b is there, and not what was made"
        assert films(out) == ["a.mp4", "b.mp4", "c.mp4"]
        assert (out / "b.mp4").read_bytes() == b"damaged"
        assert main([*arguments, "-q", "-y"]) == 0
        assert contents(out).items() >= before.items()

    @pytest.mark.parametrize("name", ["a.mp4", "a.####.png"])
    def test_a_film_that_is_up_to_date_is_newer_than_its_clip(self, clips: Path, tmp_path: Path, name: str) -> None:
        """As `make` wants it; nothing else of it changes."""
        out, clip = tmp_path / "out", clips / "a.mp4"
        command = ["run", str(clip), "-o", str(out / name), "--style", str(STYLE), "--iterations=0", "-q"]
        assert main(command) == 0
        before = contents(out)
        made = [path for path in out.iterdir() if path.suffix != ".json"]
        for path in made:
            os.utime(path, (0, 0))
        assert main([*command, "--dry-run"]) == 0
        assert {path.stat().st_mtime for path in made} == {0}, "a dry run changes nothing"
        assert main(command) == 0
        assert all(path.stat().st_mtime >= clip.stat().st_mtime for path in made)
        assert contents(out) == before

    @pytest.mark.parametrize("name", ["a.mp4", "a.####.png"])
    def test_folders_that_are_missing_are_made(self, clips: Path, tmp_path: Path, name: str) -> None:
        output = tmp_path / "new" / "deeper" / name
        command = ["run", str(clips / "a.mp4"), "-o", str(output), "--style", str(STYLE), "--iterations=0", "-q"]
        assert main([*command, "--dry-run"]) == 0
        assert not (tmp_path / "new").exists()
        assert main([*command, "--report", str(tmp_path / "new" / "report.json")]) == 0
        assert list(output.parent.glob("a*.json")) == [output.with_name(f"{name}.json")]
        assert (tmp_path / "new" / "report.json").exists()

    def test_what_a_run_left_that_was_killed_at_the_very_end_is_removed(self, clips: Path, tmp_path: Path) -> None:
        film, given = tmp_path / "a.mp4", ["--style", str(STYLE), "--iterations=0", "-q"]
        assert main(["run", str(clips / "a.mp4"), "-o", str(film), *given]) == 0
        before = contents(tmp_path)
        (Places.of(film).work / "frames").mkdir(parents=True)
        Places.of(film).lock.touch()
        assert main(["run", str(clips / "a.mp4"), "-o", str(film), *given]) == 0
        assert contents(tmp_path) == before

    def test_a_stop_is_heard_while_clips_are_looked_over(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """In the middle of a sequence; what is stopped is no problem of a clip."""
        for folder in ("a", "b"):
            save_numbered(tmp_path / folder, "x.{:04d}.png", range(1, 4))
        given = Overrides({"iterations": 0}, (str(STYLE),), out_dir=tmp_path, name="{folder}.####.png")
        requests = plan_requests([str(tmp_path / "a"), str(tmp_path / "b")], given, "none")
        make(requests)
        monkeypatch.setattr("stylevideo.system.heartbeat.GRACE_S", 0.0)
        read, real = [], identity._parts

        def parts(file: Path, *arguments: int) -> Iterator[bytes]:
            read.append(file)
            return real(file, *arguments)

        monkeypatch.setattr(identity, "_parts", parts)
        checked: list[object] = []
        outcomes = run_batch(requests, on_event=checked.append, stop=lambda: bool(read))
        assert [path.name for path in read] == ["x.0001.png"]
        assert checked == [BatchChecked({}, {}, ())]
        assert [outcome.status for outcome in outcomes] == [Status.NOT_BEGUN] * 2
        read.clear()
        with pytest.raises(Stopped), broken_off_when(lambda: bool(read)):
            already_made(requests[0])

    def test_what_is_up_to_date_is_hashed_once(
        self, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """And nothing is hashed where there is no film; weights are, for all clips of a batch, once."""
        hashed: list[str] = []
        real_source, real_content = identity.read_source, identity.content_hash
        weights = tmp_path / "vgg.pth"
        weights.write_bytes(b"weights")
        requests = requests_for(clips, tmp_path / "out", iterations=0, weights=str(weights))
        assert {outcome.status for outcome in run_batch(requests)} == {Status.MADE}

        def source(files: list[Path]) -> SourceContent:
            hashed.extend(file.name for file in files)
            return real_source(files)

        def content(file: Path) -> str:
            hashed.append(file.name)
            return real_content(file)

        monkeypatch.setattr(manifest, "read_source", source)
        for module in (manifest, identity):
            monkeypatch.setattr(module, "content_hash", content)
        assert {outcome.status for outcome in run_batch(requests)} == {Status.ALREADY_MADE}
        assert sorted(hashed) == sorted(["a.mp4", "b.mp4", STYLE.name, STYLE.name, "vgg.pth"])
        hashed.clear()
        (tmp_path / "out" / "a.mp4").unlink()
        assert not already_made(requests[0])
        assert not hashed

    def test_what_was_left_of_a_film_of_another_user_is_removed(
        self, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whose date cannot be changed."""
        film, given = tmp_path / "a.mp4", ["--style", str(STYLE), "--iterations=0", "-q"]
        assert main(["run", str(clips / "a.mp4"), "-o", str(film), *given]) == 0
        (Places.of(film).work / "frames").mkdir(parents=True)

        def refuses(*_: object) -> None:
            raise PermissionError

        monkeypatch.setattr(os, "utime", refuses)
        assert main(["run", str(clips / "a.mp4"), "-o", str(film), *given]) == 0
        assert not Places.of(film).work.exists()

    def test_what_another_job_left_stays(self, clips: Path, tmp_path: Path) -> None:
        """The film is there, and frames of the one that is to replace it."""
        film, given = tmp_path / "a.mp4", ["--style", str(STYLE), "--iterations=0", "-q"]
        assert main(["run", str(clips / "a.mp4"), "-o", str(film), *given]) == 0
        other = Settings().with_values(iterations=0, overwrite=True, handles=2)
        with pytest.raises(Stopped):
            stylize(clips / "a.mp4", [STYLE], film, other, stop=lambda: True)
        begun = contents(Places.of(film).work)
        assert main(["run", str(clips / "a.mp4"), "-o", str(film), *given]) == 0
        assert main(["run", str(clips / "a.mp4"), "-o", str(film), *given, "--dry-run"]) == 0
        assert contents(Places.of(film).work) == begun

    def test_a_sheet_that_failed_is_made_up_for(
        self, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fails(*_: object) -> None:
            raise StorageError("The disk is full.")

        film, sheet = tmp_path / "a.mp4", tmp_path / "a.png"
        command = ["run", str(clips / "a.mp4"), "-o", str(film), "--sheet", str(sheet), "--style", str(STYLE)]
        monkeypatch.setattr("stylevideo.render.stylize.write_sheet", fails)
        assert main([*command, "--iterations=0", "-q"]) == 1
        monkeypatch.undo()
        assert main([*command, "--iterations=0", "-q"]) == 0
        assert sheet.exists()
        assert not Places.of(film).work.exists()

    def test_a_dry_run_makes_nothing(self, clips: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        (clips / "no video.mp4").write_text("no video")
        assert main(["run", str(clips), *flags(tmp_path / "out"), "--dry-run"]) == 1
        shown = capfd.readouterr().out
        assert "a.mp4         4 frames of 64x48, about " in shown
        assert "no video.mp4  cannot be made: " in shown
        assert "of disk space" in shown
        assert not (tmp_path / "out").exists()


class TestNames:
    """A line says which clip it is about."""

    def test_clips_are_named_by_what_tells_them_apart(self, tmp_path: Path) -> None:
        def names(*pairs: tuple[str, str]) -> list[str]:
            made = [ClipRequest(tmp_path / clip, (), tmp_path / film, Settings()) for clip, film in pairs]
            return list(clip_names(made))

        assert names(("a.mov", "a.mp4"), ("b.mov", "b.mp4")) == ["a.mov", "b.mov"]
        assert names(("x/a.mov", "a.mp4"), ("y/a.mov", "b.mp4"), ("y/b.mov", "c.mp4")) == [
            "x/a.mov",
            "y/a.mov",
            "b.mov",
        ]
        looks = [("t.mov", "out/t_ink.mp4"), ("t.mov", "out/t_oil.mp4"), ("u.mov", "u.mp4")]
        assert names(*looks) == ["t.mov -> t_ink.mp4", "t.mov -> t_oil.mp4", "u.mov"]
        assert names(("t.mov", "ink/t.mp4"), ("t.mov", "oil/t.mp4")) == ["t.mov -> ink/t.mp4", "t.mov -> oil/t.mp4"]

    @given(st.sets(st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map("/".join), min_size=1))
    def test_no_two_clips_have_one_name(self, paths: set[str]) -> None:
        made = [
            ClipRequest(Path("/", path), (), Path(f"/{number}.mp4"), Settings()) for number, path in enumerate(paths)
        ]
        names = clip_names(made)
        assert len(set(names)) == len(paths)
        assert all(f"/{path}".endswith(name.removeprefix("/")) for path, name in zip(paths, names, strict=True))

    def test_every_line_of_a_batch_names_its_clip(self, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        clips = [
            make_clip(tmp_path / folder / "sh010.mp4", 1)
            for folder in ("one", "two")
            if not (tmp_path / folder).mkdir()
        ]
        (tmp_path / "two" / "sh010.mp4").write_text("no video")
        name = ["--name", "{folder}_{name}.{ext}", "--iterations=0"]
        flags_ = ["--style", str(STYLE), "--out-dir", str(tmp_path / "out"), "--config", "none", *name]
        assert main(["run", *map(str, clips), *flags_]) == 1
        lines = [line for line in capfd.readouterr().err.splitlines() if "sh010" in line]
        assert lines and all("one/sh010.mp4" in line or "two/sh010.mp4" in line for line in lines), lines


class TestWorkers:
    """Side by side or one after another: the same films."""

    def test_any_number_of_workers_makes_the_same(
        self, clips: Path, tmp_path: Path, uninterrupted: dict[str, bytes]
    ) -> None:
        outcomes = run_batch(requests_for(clips, tmp_path / "out"), BatchOptions(workers=2))
        assert [outcome.status for outcome in outcomes] == [Status.MADE] * 2
        assert contents(tmp_path / "out") == uninterrupted

    def test_devices_of_several_kinds_are_refused(self) -> None:
        """A film would depend on which worker made it, and could not be gone on with by the other."""
        with pytest.raises(SettingsError, match="--devices cuda:0,cpu are of several kinds"):
            BatchOptions(devices=("cuda:0", "cpu"))
        BatchOptions(devices=("cuda:0", "cuda:1"))

    def test_devices_are_shared_out(self, clips: Path, tmp_path: Path) -> None:
        outcomes = run_batch(requests_for(clips, tmp_path / "out", iterations=0), BatchOptions(devices=("cuda:7",)))
        assert all("--device cuda:7" in outcome.reason for outcome in outcomes)


@pytest.fixture
def begun(clips: Path, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a batch that paints, and wait for its first frame."""
    started: list[subprocess.Popen[str]] = []

    def begin(out: Path, *more: str) -> subprocess.Popen[str]:
        command = run_command(clips, *flags(out), *more)
        pipes = {"stderr": subprocess.PIPE, "stdout": subprocess.PIPE}
        run = subprocess.Popen(command, text=True, env=marked(str(tmp_path)), **pipes)  # type: ignore[call-overload]
        started.append(run)
        wait_until(lambda: (Places.of(out / "a.mp4").work / "shots" / "00000.pt").exists() or run.poll() is not None)
        return run

    yield begin
    for run in started:
        run.kill()
        run.communicate()


@posix
class TestInterrupts:
    """The first ends after the frame, the second at once; killing loses some frames; nothing is left behind."""

    def test_the_first_signal_keeps_what_is_done(
        self,
        clips: Path,
        tmp_path: Path,
        begun: Callable[..., subprocess.Popen[str]],
        uninterrupted: dict[str, bytes],
    ) -> None:
        out = tmp_path / "out"
        run = begun(out)
        run.send_signal(signal.SIGTERM)
        _, said = run.communicate(timeout=60)
        assert run.returncode == 130, said
        assert "Stopping after the frame that is being painted" in said
        assert "1 stopped, 1 not begun" in said
        assert "run the same command again to go on" in said
        assert films(out) == [".a.mp4.stylevideo"]
        assert main(["run", str(clips), *flags(out), "-q"]) == 0
        assert contents(out) == uninterrupted

    def test_killed_outright_it_leaves_no_process_and_loses_no_film(
        self,
        clips: Path,
        tmp_path: Path,
        begun: Callable[..., subprocess.Popen[str]],
        uninterrupted: dict[str, bytes],
    ) -> None:
        out = tmp_path / "out"
        run = begun(out)
        if sys.platform.startswith("linux"):
            assert any("stylevideo.batch.worker" in line for line in processes(str(tmp_path)).values()), (
                "workers would be seen"
            )
        run.kill()
        run.wait()
        assert wait_for_none(str(tmp_path)) == []
        assert main(["run", str(clips), *flags(out), "-q"]) == 0
        assert contents(out) == uninterrupted

    def test_the_second_signal_ends_it_at_once(
        self, tmp_path: Path, begun: Callable[..., subprocess.Popen[str]]
    ) -> None:
        run = begun(tmp_path / "out", "--iterations", "2000", "--tolerance", "0")
        run.send_signal(signal.SIGINT)
        assert run.stderr is not None
        while "Once more to stop at once" not in run.stderr.readline():
            pass
        run.send_signal(signal.SIGINT)
        _, said = run.communicate(timeout=20)
        assert run.returncode == 130
        assert "Traceback" not in said
        assert Places.of(tmp_path / "out" / "a.mp4").work.exists()


def test_an_ffmpeg_ends_with_who_started_it(tmp_path: Path) -> None:
    """It reads at the pace of a film of a minute, tells nothing meanwhile, and nobody is there to end it."""
    if not (sys.platform.startswith("linux") and shutil.which("setpriv")):
        pytest.skip("only on Linux, with setpriv, does the system end it")
    arguments = ["-re", "-f", "lavfi", "-i", "testsrc2=duration=60", "-f", "null", "-"]
    script = f"from stylevideo.media.ffmpeg import run_ffmpeg; run_ffmpeg({arguments})"
    run = subprocess.Popen([sys.executable, "-c", script], env=marked(str(tmp_path)))
    wait_until(
        lambda: any("testsrc2" in line and "-c" not in line.split() for line in processes(str(tmp_path)).values())
    )
    run.kill()
    run.wait()
    assert wait_for_none(str(tmp_path), 5) == []


class TestTwoRuns:
    """Two runs at once share the work."""

    def test_on_one_folder(self, clips: Path, tmp_path: Path, begun: Callable[..., subprocess.Popen[str]]) -> None:
        out, reports = tmp_path / "out", [tmp_path / "1.json", tmp_path / "2.json"]
        runs = [begun(out, "--report", str(report)) for report in reports]
        said = [run.communicate(timeout=120)[1] for run in runs]
        assert {run.returncode for run in runs} <= {0, 3}, said
        assert films(out) == ["a.mp4", "b.mp4"]
        statuses = [[clip["status"] for clip in json.loads(report.read_text())["clips"]] for report in reports]
        for both in zip(*statuses, strict=True):
            assert sorted(both) == ["already made", "made"]

    def test_a_film_that_another_run_makes_is_refused(
        self, clips: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        film = tmp_path / "a.mp4"
        with sole_run(Places.of(film)):
            assert main(["run", str(clips / "a.mp4"), "--style", str(STYLE), "-o", str(film), "--iterations=0"]) == 1
            assert f"a.mp4 is being made by another run (process {os.getpid()} on " in capfd.readouterr().err
            with pytest.raises(LockedError), sole_run(Places.of(film)):
                pass
        Places.of(film).lock.touch()  # as a run leaves it that was killed
        assert main(["run", str(clips / "a.mp4"), "--style", str(STYLE), "-o", str(film), "--iterations=0"]) == 0
        assert not Places.of(film).lock.exists()


def test_off_a_terminal_plain_lines_say_how_far_it_is(
    clips: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stylevideo.cli.progress.PLAIN_EVERY_S", 0)
    assert main(["run", str(clips), *flags(tmp_path / "out")]) == 0
    said = capfd.readouterr().err
    assert "[1/2] a.mp4: 2 of 4 frames, loss " in said
    assert "The batch: 50%, about " in said
    assert "it/s" not in said
    assert "\r" not in said


class TestReportOfOneClip:
    """It is written whether there is a film or not."""

    @pytest.fixture
    def ran(self, clips: Path, tmp_path: Path) -> Callable[..., dict[str, Any]]:
        """Run the command, which ends with a code, and return what its report says of the clip."""

        def run(code: int, clip: str = "a.mp4", report: str = "report.json", *more: str) -> dict[str, Any]:
            place = ["-o", str(tmp_path / "film.mp4"), "--report", str(tmp_path / report), "--iterations=0", *more]
            assert main(["run", str(clips / clip), "--style", str(STYLE), *place]) == code
            (told,) = json.loads((tmp_path / report).read_text())["clips"]
            return told

        return run

    def test_of_a_film(self, ran: Callable[..., dict[str, Any]]) -> None:
        assert ran(0)["status"] == "made"

    def test_of_a_clip_that_cannot_be_made(self, ran: Callable[..., dict[str, Any]], clips: Path) -> None:
        (clips / "text.mp4").write_text("no video")
        told = ran(2, "text.mp4")
        assert (told["status"], told["attempts"]) == ("failed", 1)
        assert told["reason"].startswith("text.mp4 is not a video")
        assert ran(0)["status"] == "made", "a report is replaced by the next one"

    def test_of_a_run_that_was_stopped(
        self, ran: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("stylevideo.system.interrupts.Interrupts.requested", lambda self: True)
        assert ran(130)["status"] == "stopped"

    def test_never_in_the_place_of_something_else(
        self, ran: Callable[..., dict[str, Any]], clips: Path, tmp_path: Path
    ) -> None:
        """-y would let the report of a film replace it, but not of one that was refused."""
        source = (clips / "a.mp4").read_bytes()
        place = ["-o", str(tmp_path / "film.mp4"), "--report", str(clips / "a.mp4"), "-y"]
        assert main(["run", str(clips / "a.mp4"), "--style", str(STYLE), *place]) == 2
        assert (clips / "a.mp4").read_bytes() == source


def test_the_python_example_runs(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = (ROOT / "docs" / "batch.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", document, re.DOTALL)
    (tmp_path / "samples" / "styles").mkdir(parents=True)
    shutil.copy(STYLE, tmp_path / "samples" / "styles")
    shutil.copy(clips / "a.mp4", tmp_path / "samples")
    monkeypatch.chdir(tmp_path)
    exec(example.replace("Settings()", "Settings().with_values(iterations=0)"), {})
    assert (tmp_path / "films" / "a.mp4").exists()
