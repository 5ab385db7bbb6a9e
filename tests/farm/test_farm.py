"""A film that is planned, painted by parts and put together is, byte for byte, what `run` makes of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from batch_fixtures import wait_until
from conftest import ROOT, STYLE
from farm_fixtures import TINY, contents, farm_words

from stylevideo.cli.main import main
from stylevideo.errors import DeviceMemoryError
from stylevideo.media.hidden import Places
from stylevideo.render import pipeline
from stylevideo.store import claims

Act = Callable[..., tuple[int, str, str]]


@pytest.fixture
def film(tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    folder.mkdir()
    return folder / "film.mp4"


@pytest.fixture
def act(tiny_clip: Path, film: Path, capfd: pytest.CaptureFixture[str]) -> Act:
    """Does a step of the farm's job; returns the exit code and what it said."""

    def step(action: str, *more: str) -> tuple[int, str, str]:
        wait = () if any(word.startswith("--wait") for word in more) else ("--wait=0",)
        code = main(["farm", action, *farm_words(tiny_clip, film, *wait, *more)])
        return code, *capfd.readouterr()

    return step


def test_in_any_order_and_twice_it_is_the_film_of_run(act: Act, film: Path, tiny_film: Path) -> None:
    code, said, _ = act("plan", "--parts=3", "--progress=openjd")
    assert code == 0
    assert said.endswith("openjd_progress: 100\n")
    code, _, complaint = act("assemble")
    assert code == 1
    assert f"stylevideo on {socket.gethostname()}: {film} lacks 3 of its 3 shots: 1, 2, 3 (--part 1/3, 2/3, 3/3)." in (
        complaint
    )
    assert act("paint", "--part=3/3")[0] == 0
    assert act("plan", "--parts=3")[0] == 0, "what is planned stays"
    code, said, _ = act("paint", "--part=1/3", "--progress=openjd")
    assert code == 0
    told = [float(line.partition(": ")[2]) for line in said.splitlines() if line.startswith("openjd_progress: ")]
    assert told == sorted(told) and told[0] == 33.3 and told[-1] == 100
    assert "lacks 1 of its 3 shots: 2 (--part 2/3)." in act("assemble")[2]
    assert act("paint", "--part=2/3")[0] == act("paint", "--part=1/3")[0] == 0
    code, said, _ = act("assemble")
    assert (code, said) == (0, f"{film}\n")
    assert contents(film.parent) == contents(tiny_film)
    assert [act("plan")[0], act("paint", "--part=2/3")[0], act("assemble")[0]] == [0, 0, 0]
    assert contents(film.parent) == contents(tiny_film)


def test_painting_is_as_it_was_planned_on_a_machine_with_other_cores(act: Act, film: Path, tiny_film: Path) -> None:
    before = torch.get_num_threads()
    assert act("plan")[0] == 0
    try:
        torch.set_num_threads(before + 1)
        assert act("paint", "--part=1/1")[0] == 0
        assert act("paint", "--part=1/1", f"--threads={before + 1}")[0] == 0, "nothing is left to be painted otherwise"
        assert act("assemble")[0] == 0
    finally:
        torch.set_num_threads(before)
    assert contents(film.parent) == contents(tiny_film)


@pytest.mark.parametrize(
    ("change", "code", "sentence"),
    [
        (["--part=1/3"], 2, "The film was planned in 2 parts, and --part 1/3 is of 3. Name one of 1/2 to 2/2."),
        (["--part=3/2"], 2, "--part '3/2' is no part."),
        (["--part=1/2", "--iterations=2"], 2, "made from something else: iterations was 1 and is 2."),
        (["--part=1/2", "--threads=64"], 1, "threads was {threads} and is 64. To paint here, too, add --threads"),
        (["--part=1/2", "-o", "/nowhere/film.mp4"], 1, "There is no plan of /nowhere/film.mp4 here."),
    ],
)
def test_what_does_not_fit_the_plan_is_refused_and_leaves_all_as_it_was(
    act: Act, film: Path, change: list[str], code: int, sentence: str
) -> None:
    assert act("plan", "--parts=2")[0] == 0
    before = {path: path.read_bytes() for path in film.parent.rglob("*") if path.is_file()}
    ended, _, complaint = act("paint", *change)
    assert f"stylevideo on {socket.gethostname()}: " in complaint
    assert sentence.format(threads=torch.get_num_threads()) in complaint
    assert "--restart" not in complaint
    assert ended == code
    assert {path: path.read_bytes() for path in film.parent.rglob("*") if path.is_file()} == before


def test_who_plans_something_else_is_told_how(act: Act, film: Path) -> None:
    assert act("plan")[0] == 0
    code, _, complaint = act("plan", "--iterations=2")
    assert code == 2 and "iterations was 1 and is 2." in complaint and complaint.count("--restart") == 1
    assert act("plan", "--iterations=2", "--restart")[0] == 0


def test_a_machine_that_is_not_like_the_plan_says_so(
    act: Act, tiny_clip: Path, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert act("plan")[0] == 0
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(torch, "__version__", "another")
        code, _, complaint = act("paint", "--part=1/1")
        assert code == 1
        assert "torch was " in complaint and "leave the rest to machines that paint alike" in complaint
        elsewhere.undo()
        elsewhere.setattr("stylevideo.store.manifest.__version__", "0.0")
        code, _, complaint = act("paint", "--part=1/1")
        assert (code, "stylevideo was " in complaint, "--restart" in complaint) == (1, True, False)
    kept = tiny_clip.read_bytes()
    with tiny_clip.open("ab") as stream:
        stream.write(b"more")
    try:
        code, _, complaint = act("paint", "--part=1/1")
        assert (code, "source was" in complaint, "--restart" in complaint) == (2, True, False)
        tiny_clip.rename(tiny_clip.with_name("away.mp4"))
        code, _, complaint = act("paint", "--part=1/1")
        assert code == 2 and str(tiny_clip) in complaint
    finally:
        tiny_clip.write_bytes(kept)


def test_too_little_memory_changes_nothing_of_the_others_work(
    act: Act, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert act("plan")[0] == 0
    job = Places.of(film).work / "job.json"
    before = job.read_bytes()

    def lack(*_: object) -> None:
        raise DeviceMemoryError("Choose a smaller --size with --restart.")

    with monkeypatch.context() as small:
        small.setattr("stylevideo.render.shots.Painter.paint", lack)
        code, _, complaint = act("paint", "--part=1/1")
    assert code == 1
    assert complaint.endswith("as it was planned. Leave it to machines that have more.\n")
    assert job.read_bytes() == before
    assert act("paint", "--part=1/1")[0] == 0
    with monkeypatch.context() as small:
        small.setattr(pipeline, "deliver", lack)
        assert act("assemble")[0] == 1
    assert job.read_bytes() == before


def test_what_was_spoilt_is_told_without_advice_that_costs_the_others_work(act: Act, film: Path) -> None:
    assert act("plan")[0] == act("paint", "--part=1/1")[0] == 0
    (Places.of(film).work / "frames" / "00000002.png").write_bytes(b"spoilt")
    code, _, complaint = act("assemble")
    assert code == 2
    assert "00000002.png is damaged, or not what this version of the program left there.\n" in complaint


def test_who_finds_a_shot_taken_waits_and_ends_well(
    act: Act, tiny_clip: Path, film: Path, tiny_film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other is a process of its own, as on another machine."""
    monkeypatch.setattr(claims, "LOOK_AGAIN_S", 0.05)
    assert act("plan")[0] == 0
    command = [sys.executable, "-m", "stylevideo", "farm", "paint", *farm_words(tiny_clip, film), "--part=1/1"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as other:
        wait_until(lambda: any((Places.of(film).work / "claims").iterdir()) or other.poll() is not None)
        assert act("paint", "--part=1/1")[0] == 0
        _, complaint = other.communicate()
    assert other.returncode == 0, complaint
    assert act("assemble")[0] == 0
    assert contents(film.parent) == contents(tiny_film)


def test_assembling_waits_for_what_comes_late(act: Act, tiny_clip: Path, film: Path, tiny_film: Path) -> None:
    """Also for the plan, which network disks may show late."""
    assert act("plan")[0] == act("paint", "--part=1/1")[0] == 0
    work = Places.of(film).work
    aside = film.parent.parent / "late"
    work.rename(aside)
    late = threading.Timer(1.0, lambda: aside.rename(work))
    late.start()
    assert act("assemble", "--wait=60")[0] == 0
    late.join()
    assert contents(film.parent) == contents(tiny_film)


def test_a_film_whose_frames_were_kept_is_planned_again(act: Act, tiny_clip: Path, film: Path, tiny_film: Path) -> None:
    """Nobody paints its shots a second time."""
    assert main(["run", *farm_words(tiny_clip, film, "--keep-frames", "-q")]) == 0
    film.unlink()
    assert act("plan", "--parts=2", "--keep-frames")[0] == 0
    assert act("paint", "--part=1/2", "--keep-frames")[0] == 0
    assert act("assemble", "--keep-frames")[:2] == (0, f"{film}\n")
    assert film.read_bytes() == (tiny_film / film.name).read_bytes()


def test_the_status_says_what_is_missing_and_whose_it_is(
    act: Act, film: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["farm", "status", str(film)]) == 0
    assert capfd.readouterr().out == f"{film}: not planned\n"
    assert act("plan", "--parts=2")[0] == act("paint", "--part=1/2")[0] == 0
    assert main(["farm", "status", str(film)]) == 0
    assert capfd.readouterr().out == (
        f"{film}: 1 of 3 shots complete, 3 of 9 frames kept\n"
        "  shot 2: 3 frames, part 2/2\n  shot 3: 3 frames, part 2/2\n"
    )
    assert main(["farm", "status", "--json", str(film)]) == 0
    (told,) = json.loads(capfd.readouterr().out)
    assert [shot["is_complete"] for shot in told["shots"]] == [True, False, False]
    assert act("paint", "--part=2/2")[0] == act("assemble")[0] == 0
    assert main(["farm", "status", str(film)]) == 0
    assert capfd.readouterr().out == f"{film}: made\n"


def test_a_job_of_several_films_is_dealt_out_as_one_length(
    tiny_clip: Path, tiny_film: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    clips = [tmp_path / name / tiny_clip.name for name in ("a", "b")]
    for copy in clips:
        copy.parent.mkdir()
        shutil.copy(tiny_clip, copy)
    shared = [
        *map(str, clips),
        "--out-dir",
        str(tmp_path / "out"),
        "--name={folder}.mp4",
        "--style",
        str(STYLE),
        *TINY,
    ]
    assert main(["farm", "plan", *shared, "--parts=2"]) == 0
    assert main(["farm", "paint", *shared, "--part=1/2"]) == 0
    capfd.readouterr()
    films = [str(tmp_path / "out" / f"{name}.mp4") for name in ("a", "b")]
    assert main(["farm", "status", *films]) == 0
    first, second = (line for line in capfd.readouterr().out.splitlines() if not line.startswith(" "))
    assert "3 of 3 shots complete" in first and "0 of 3 shots complete" in second
    assert main(["farm", "paint", *shared, "--part=2/2"]) == 0
    report = tmp_path / "report.json"
    assert main(["farm", "assemble", *shared, "--report", str(report)]) == 0
    assert [Path(film).read_bytes() for film in films] == [(tiny_film / "film.mp4").read_bytes()] * 2
    assert [clip["status"] for clip in json.loads(report.read_text())["clips"]] == ["made", "made"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_who_is_asked_to_end_keeps_what_is_painted_and_ends_with_130(tiny_clip: Path, film: Path, act: Act) -> None:
    assert act("plan")[0] == 0
    command = [sys.executable, "-m", "stylevideo", "farm", "paint", *farm_words(tiny_clip, film), "--part=1/1"]
    frames = Places.of(film).work / "frames"
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as painting:
        wait_until(lambda: any(frames.glob("*.json")) or painting.poll() is not None)
        painting.send_signal(signal.SIGTERM)
        _, complaint = painting.communicate()
    assert painting.returncode in (130, 0), complaint  # the last frame may have been begun
    if painting.returncode:
        assert "The finished frames are kept" in complaint
    assert act("paint", "--part=1/1")[0] == act("assemble")[0] == 0


def test_a_process_that_hangs_is_ended_with_a_traceback() -> None:
    code = "import time\nfrom stylevideo.system.heartbeat import *\nwith ended_when_stalled(0.5):\n"
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", f"{code}    time.sleep(60)"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Nothing was done for 0.5 s." in done.stderr and "time.sleep" not in done.stderr.partition("File")[0]
    assert 'File "<string>", line 4' in done.stderr
    assert time.monotonic() - began < 30
    busy = f"{code}    for _ in range(20): beat(); time.sleep(0.05)"
    assert subprocess.run([sys.executable, "-c", busy], cwd=ROOT, check=False).returncode == 0
