"""The surface keeps its promises: exports, flags, layers, documents."""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from conftest import CHEAP_PAINTER, ROOT, flags_of
from media_fixtures import make_video
from vector_fixtures import save_shift

import stylevideo
from scripts.setup_venv import STAMP
from stylevideo.cli.main import build_parser, main
from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.reader import read_frames
from stylevideo.media.film import write_film
from stylevideo.media.images.pictures import fit_picture, write_png
from stylevideo.settings import encoder_options, filter_chain
from stylevideo.settings.presets import PRESETS
from stylevideo.settings.settings import leaves
from stylevideo.timeline.selection import Clip, FrameSelection

README = (ROOT / "README.md").read_text(encoding="utf-8")
BATCH, ENCODER, MOTION, DIRECTION = (
    (ROOT / "docs" / name).read_text(encoding="utf-8")
    for name in ("batch.md", "encoder.md", "motion.md", "direction.md")
)
SHELL = re.findall(r"```sh\n(.*?)```", README + BATCH + ENCODER + MOTION + DIRECTION, re.DOTALL)
COMMANDS = [line for block in SHELL for line in block.splitlines() if line and not line.startswith("#")]
FARM = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "farm.md").read_text(encoding="utf-8"), re.DOTALL)
HARDLY = {"first_iterations": 1, "coarsest_size": 0, "iterations": 1, "new_iterations": 0}
"""That a command runs is what is asked here, not what it paints."""
LOAD_TORCH = ("run", "preview", "evaluate", "doctor", "cache")
"""Commands that take seconds to start; `test_cli` and `scripts/demo.py` start `run` as a shell does."""


def test_exports_are_what_is_promised() -> None:
    assert sorted(stylevideo.__all__) == list(stylevideo.__all__)
    assert set(stylevideo.__all__) == set(stylevideo._HOMES)
    for name in stylevideo.__all__:
        exported = getattr(stylevideo, name)
        assert exported.__doc__
        assert exported.__module__ == stylevideo._HOMES[name]
    with pytest.raises(AttributeError):
        stylevideo.no_such_name  # noqa: B018


def test_flags_are_the_fields_of_settings() -> None:
    commands = next(a for a in build_parser()._actions if isinstance(a, argparse._SubParsersAction))
    flags = {flag for action in commands.choices["run"]._actions for flag in action.option_strings}
    expected = {leaf.flag for leaf in leaves()} | {
        leaf.flag.replace("--", "--no-", 1) for leaf in leaves() if leaf.default is True
    }
    own = {
        "-h",
        "--help",
        "--style",
        "--matte",
        "-o",
        "--output",
        "--preset",
        "-q",
        "--quiet",
        "-v",
        "--verbose",
        "--debug",
        "-y",
    }
    own |= {"--out-dir", "--name", "--look", "--config", "--log-file", "--exit-code-if-nothing"}
    own |= {
        "--dry-run",
        "--budget",
        "--exit-code-if-nothing",
        "--workers",
        "--cluster",
        "--devices",
        "--retry",
        "--fail-fast",
        "--stall-minutes",
    }
    assert flags == expected | own


def test_the_version_is_in_the_changelog() -> None:
    assert f"## {stylevideo.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def run_script(script: str, quick: list[str], folder: Path) -> None:
    """Run a set-up script; its set-up itself is what has brought us here."""
    if not STAMP.exists():
        pytest.skip("the project's .venv is not there: it is made by python3 scripts/test.py")
    arguments = {
        "scripts/demo.py": ["--folder", str(folder), "--frames=39-42", *quick],
        "scripts/test.py": ["--version"],
    }[script]
    done = subprocess.run([sys.executable, ROOT / script, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    if script == "scripts/demo.py":
        assert (folder / "lake-impasto.mp4").exists()


def write_small_film(clip: Path, frames: range, film: Path) -> None:
    """What `run` would have left, but for the style."""
    info = probe(clip)
    write_film(
        (fit_picture(frame.image, (36, 64)) for frame in read_frames(FrameSelection(info, frames))),
        Clip(info.path, film, FrameSelection(info, frames)),
    )


def write_small_job(path: Path) -> None:
    """What a user would have written."""
    style, clip = ((ROOT / "samples" / name).as_posix() for name in ("styles/impasto.jpg", "lake.mp4"))
    path.write_text(f'[defaults]\nstyles = ["{style}"]\nout_dir = "films"\n[[clip]]\nsource = "{clip}"\n')


def striped(wide: int) -> np.ndarray:
    """A picture of stripes, (48, 64, 3) uint8."""
    return np.where(np.indices((48, 64)).sum(axis=0) // wide % 2, 200, 50).astype(np.uint8)[..., None].repeat(3, 2)


def write_pictures_for(arguments: Sequence[str], folder: Path) -> None:
    """What a command reads beside its clip."""
    for number in range(39, 43):
        if "--vectors" in arguments:
            save_shift(folder / f"lake.vec.{number:04d}.exr", (36, 64), 0, 0)
        if any("roto.####.png" in word for word in arguments):
            write_png(folder / f"roto.{number:04d}.png", np.tri(36, 64, dtype=np.uint8)[..., None].repeat(3, 2) * 255)
    if "ink.mp4" in " ".join(arguments):
        make_video(folder / "ink.mp4", [striped(wide) for wide in (3, 9)])
    if "--painted" in arguments:
        _, _, painted = arguments[arguments.index("--painted") + 1].partition("=")
        write_png(folder / painted, np.full((36, 64, 3), 128, np.uint8))


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_in_the_documents_runs(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each really runs, at a small size and with few iterations; what loads torch does so in this process."""
    quick = [*flags_of(HARDLY), "--size=64"]
    words = shlex.split(command)
    if words[0] == "python3":
        run_script(words[1], quick, tmp_path)
        return
    assert words[0] == "stylevideo" and "--painter" not in command, "a painter that is asked for would be lost"
    quick += flags_of(CHEAP_PAINTER)
    arguments = [str(ROOT / word) if word.startswith("samples/") else word for word in words[1:]]
    if arguments[0] in ("evaluate", "verify"):
        arguments += ["--frames", "39-42"]
        write_small_film(Path(arguments[1]), range(38, 42), tmp_path / arguments[2])
    if arguments[0] == "run":
        arguments += quick
        if "1-24" in arguments:
            arguments[arguments.index("1-24")] = "1-4"
        elif "--start" not in arguments:
            arguments += ["--frames", "39-42"]
    if arguments[0] == "preview":
        arguments += [*quick, "--stills=1", "--budget=1h"]
        arguments += [] if "-o" in arguments else ["-o", "sheet.png"]
    if "job.toml" in arguments:
        write_small_job(tmp_path / "job.toml")
    write_pictures_for(arguments, tmp_path)
    monkeypatch.chdir(tmp_path)
    if arguments[0] in LOAD_TORCH:
        assert main(arguments) == 0, capfd.readouterr().err
    else:
        done = subprocess.run([sys.executable, "-m", "stylevideo", *arguments], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_the_page_on_farms_runs_from_top_to_bottom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each step needs the one before it."""
    quick = [*flags_of({**HARDLY, **CHEAP_PAINTER}), "--size=64"]
    write_small_job(tmp_path / "job.toml")
    monkeypatch.chdir(tmp_path)
    commands = [shlex.split(line) for block in FARM for line in block.splitlines()]
    for program, *words in commands:
        assert program == "stylevideo"
        arguments = [str(ROOT / word) if word.startswith("samples/") else word for word in words]
        if arguments[1] in ("plan", "paint", "assemble"):
            arguments += [*quick, "--frames", "39-42", "--wait=0"]
        assert main(arguments) == 0, capfd.readouterr().err
    assert {words[2] for words in commands} == {"plan", "paint", "status", "assemble", "export"}
    assert [path.name for path in (tmp_path / "films").iterdir() if path.suffix == ".mp4"] == ["lake.mp4"]


def test_the_python_example_in_the_readme_runs(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(import stylevideo.*?)```", README, re.DOTALL)
    example = example.replace("samples/", f"{ROOT.as_posix()}/samples/")
    small = f'size=64, frames="1-2", {", ".join(f"{name}={value}" for name, value in HARDLY.items())}'
    assert "size=640" in example
    example = example.replace("size=640", small)
    example += "\nimport sys; assert 'sympy' not in sys.modules, 'it takes a third of a second, and nothing needs it'\n"
    done = subprocess.run([sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "film.mp4").exists()


def test_the_page_on_the_encoder_lists_all_that_it_may_be_told() -> None:
    tables = [encoder_options.PLAIN, encoder_options.ENCODERS, encoder_options.DISPOSITIONS, filter_chain.FILTERS]
    for table in (encoder_options.FLAGS, encoder_options.PARAMETERS, encoder_options.BITSTREAM_FILTERS):
        tables += [frozenset(table), *table.values()]
    named = set(re.findall(r"`-?([\w-]+)(?::v)?`", ENCODER))
    assert {name for table in tables for name in table} <= named


def test_the_readme_tree_lists_every_package() -> None:
    for path in (ROOT / "stylevideo").rglob("__init__.py"):
        if path.parent.name != "stylevideo":
            assert f"{path.parent.name}/" in README, f"{path.parent.name} is missing in the README's file tree"
    for name in PRESETS:
        assert f"`{name}`" in README
