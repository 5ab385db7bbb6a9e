"""Processes that are started: they take nothing from the working folder, and do not need one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from batch_fixtures import make_clip, run_command
from conftest import STYLE

from stylevideo.batch import Status, run_batch
from stylevideo.cli import main
from stylevideo.planning import plan_requests
from stylevideo.request import Given
from stylevideo.system.places import find_program

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
    code = "import sys; del sys.path[0]; from stylevideo.cli import main; sys.exit(main())"  # as the script does
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
    ["probe", "{clip}"],
    ["probe", "a.mp4"],
    ["shots", "{clip}"],
    ["verify", "{clip}", "a.mp4"],
    ["run", "{clip}", "--style", str(STYLE), "-o", "{clip}.mkv"],
    ["run", "*.mp4", "--style", str(STYLE), "--out-dir", "out"],
    ["evaluate", "{clip}", "{clip}", "--style", str(STYLE)],
    ["init", "job.toml"],
    ["cache", "list"],
    ["cache", "clear", "-y"],
    ["doctor"],
    ["presets"],
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


@posix
def test_a_batch_goes_on_when_its_working_folder_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some libraries end a process that has no working folder."""
    clips = tmp_path / "clips"
    clips.mkdir()
    make_clip(clips / "a.mp4", 1)
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    given = Given({"iterations": 0}, styles=(str(STYLE),), out_dir=tmp_path / "out")
    requests = plan_requests([str(clips)], given, "none")
    gone.rmdir()
    assert [outcome.status for outcome in run_batch(requests)] == [Status.MADE]
