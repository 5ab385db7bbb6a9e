"""Advice in errors is tried: each sentence that says what to do is provoked, what it says is done, and it works."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from batch_fixtures import make_clip
from conftest import STYLE
from media_fixtures import make_video, numbered_frame
from sequence_fixtures import save, save_numbered

import stylevideo
from stylevideo.cli.main import main
from stylevideo.errors import Stopped
from stylevideo.reports.events import FrameFinished
from stylevideo.settings.settings import Settings

RUN = "run {clip} --style {style} --iterations 0 --config none -q "
HDR = ("-vf", "format=yuv420p10le,setparams=range=tv:colorspace=bt2020nc:color_primaries=bt2020:color_trc=smpte2084")
SMALL = (96, 64)

ADVICE = {
    "a film that is there": (
        "-o taken.mp4",
        "Replace it with -y, or choose another output",
        "-o taken.mp4 -y",
        "-o b.mp4",
    ),
    "frames beyond the end": (
        "-o b.mp4 --frames 1-99",
        "has frames 1-6. Choose --frames within",
        "-o b.mp4 --frames 1-6",
    ),
    "frames backwards": ("-o b.mp4 --frames 4-2", "smaller number first: 2-4", "-o b.mp4 --frames 2-4"),
    "no frames": ("-o b.mp4 --frames a", "like 1-48, 1-48x2", "-o b.mp4 --frames 1-5x2", "-o c.mp4 --frames 1,3-4"),
    "two ways to say when": (
        "-o b.mp4 --frames 1 --start 0",
        "Use one of them",
        "-o b.mp4 --frames 1",
        "-o c.mp4 --start 0",
    ),
    "no time": ("-o b.mp4 --start x", "Write seconds (12.5)", "-o b.mp4 --start 0.1", "-o c.mp4 --start 0:00.1"),
    "handles of a list": ("-o b.mp4 --frames 1,4 --handles 2", "Leave --handles out", "-o b.mp4 --frames 1,4"),
    "frames into one picture": (
        "-o b.png",
        "like b.####.png, or choose one of them with --frames 1",
        "-o b.####.png",
        "-o b.png --frames 1",
    ),
    "numbers in the output": (
        "-o b.1-4####.png",
        "Write b.####.png, and choose --frames",
        "-o b.####.png --frames 1-4",
    ),
    "a folder as a sequence": ("-o folder --delivery png", ".png", "-o folder/frame.####.png"),
    "a kind that is not written": ("-o b.xyz", "Use one of .mp4", "-o b.mp4"),
    "a delivery in another file": (
        "-o b.mp4 --delivery prores-hq",
        "goes into .mov or",
        "-o b.mov --delivery prores-hq",
        "-o b.mp4 --delivery h264",
    ),
    "two places": ("-o b.mp4 --out-dir out", "Leave one out", "-o b.mp4", "--out-dir out"),
    "no place": ("", "Name it with -o, or a folder with --out-dir", "-o b.mp4", "--out-dir out"),
    "a field": ("--out-dir out --name {{nam}}.mp4", "Did you mean name?", "--out-dir out --name {{name}}.mp4"),
    "a preset": ("-o b.mp4 --preset fien", "Did you mean fine?", "-o b.mp4 --preset fine"),
    "a choice": ("-o b.mp4 --depth 9", "Choose from: auto, 8, 16", "-o b.mp4 --depth 16"),
    "a number too low": ("-o b.mp4 --stroke-size 0", "at least 0.5", "-o b.mp4 --stroke-size 0.5"),
    "a rate": ("-o b.mp4 --rate x", "like 24 or 30000/1001", "-o b.mp4 --rate 30000/1001"),
    "an optimiser": ("-o b.mp4 --optimizer lbfgs", "--no-carry", "-o b.mp4 --optimizer lbfgs --no-carry"),
    "a size": ("-o b.mp4 --size 8", "larger --size", "-o b.mp4 --size 48"),
    "devices": ("-o b.mp4 --devices cpu,mps", "Name devices of one kind", "-o b.mp4 --devices cpu"),
    "a report": ("-o b.mp4 --report r.txt", "must end in .json", "-o b.mp4 --report r.json"),
    "a sheet in no folder": ("-o b.mp4 --sheet no/s.png", "Make it first", "-o b.mp4 --sheet folder/s.png"),
    "two clips for a film": (
        "-o b.mp4 @a.mp4 other.mp4",
        "--out-dir with a --name",
        "--out-dir out --name {{name}}.{{ext}} @a.mp4 other.mp4",
    ),
    "HDR": ("-o b.mp4 @hdr.mp4", "Add --tonemap", "-o b.mp4 --tonemap @hdr.mp4"),
    "a gap, strictly": (
        "-o b.mp4 --strict @gap.####.png",
        "choose other --frames, or leave --strict out",
        "-o b.mp4 --strict --frames 1-2 @gap.####.png",
        "-o c.mp4 @gap.####.png",
    ),
    "a timecode that has no place": (
        "-o b.mp4 @fast.mkv",
        "Choose another kind of output, such as .mkv",
        "-o b.mkv @fast.mkv",
    ),
    "two sizes": ("-o b.mp4 @size.####.png", "choose --frames of one size", "-o b.mp4 --frames 1-2 @size.####.png"),
    "a name that is nearly right": ("-o b.mp4 @gpa.####.png", "Did you mean gap.####.png?", "-o b.mp4 @gap.####.png"),
    "numbers that are not there": ("-o b.mp4 @gap.1-9####.png", "only the frames 1-4", "-o b.mp4 @gap.1-4####.png"),
    "a folder without clips": ("-o b.mp4 @folder", "Name a folder with clips, or the clips", "-o b.mp4 @a.mp4"),
    "frames of another job": ("-o begun.mp4 --start 0.1", "--restart", "-o begun.mp4 --start 0.1 --restart"),
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip, and others with which something is the matter."""
    folder = tmp_path_factory.mktemp("inputs")
    make_clip(folder / "a.mp4", 6)
    shutil.copy(folder / "a.mp4", folder / "other.mp4")
    (folder / "taken.mp4").write_bytes(b"precious")
    (folder / "folder").mkdir()
    make_video(folder / "hdr.mp4", [numbered_frame(0)] * 2, "24", (*HDR, "-c:v", "libx264"))
    coded = ("-c:v", "libx264", "-timecode", "01:00:00:00")
    make_video(folder / "fast.mkv", [numbered_frame(0)] * 2, "1000", coded)
    save_numbered(folder, "gap.{:04d}.png", [1, 2, 4])
    for number, size in enumerate((SMALL, SMALL, SMALL[::-1]), start=1):
        save(folder / f"size.{number:04d}.png", numbered_frame(0, size))
    with pytest.raises(Stopped):
        settings, seen = Settings().with_values(iterations=0), list[object]()
        words = (folder / "a.mp4", [STYLE], folder / "begun.mp4", settings)
        stylevideo.stylize(*words, on_event=seen.append, stop=lambda: any(isinstance(e, FrameFinished) for e in seen))
    return folder


@pytest.mark.parametrize("name", ADVICE)
def test_what_an_error_advises_works(
    name: str, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(text: str) -> int:
        clip = text.partition("@")[2] or "a.mp4"
        return main(shlex.split(RUN.format(clip=clip, style=STYLE) + text.partition("@")[0].format()))

    refused, says, *mended = ADVICE[name]
    monkeypatch.chdir(shutil.copytree(inputs, tmp_path / "here"))
    assert run(refused) == 2
    said = capsys.readouterr().err
    assert says in said
    for text in mended:
        assert run(text) == 0, (said, text, capsys.readouterr().err)


def test_what_evaluate_advises_works(inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip, film = inputs / "a.mp4", tmp_path / "film.mp4"
    assert main(shlex.split(RUN.format(clip=clip, style=STYLE) + f"--frames 2-3 -o {film}")) == 0
    measure = ["evaluate", str(clip), str(film), "--style", str(STYLE), "-q"]
    assert main(measure) == 2
    assert "Say with --frames which of the source's frames the film shows" in capsys.readouterr().err
    assert main([*measure, "--frames", "2-3"]) == 0


def test_what_is_said_of_a_film_that_is_up_to_date_works(
    inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = tmp_path / "film.mp4"
    words = shlex.split(RUN.format(clip=inputs / "a.mp4", style=STYLE) + f"-o {film}")
    assert main(words) == 0
    made = film.stat().st_ino
    assert main(words) == 0
    (flags,) = re.findall(r"(--restart.*) makes it anew", capsys.readouterr().err)
    assert film.stat().st_ino == made
    assert main([*words, *flags.split()]) == 0
    assert film.stat().st_ino != made
