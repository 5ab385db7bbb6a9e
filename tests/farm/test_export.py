"""A job that is written down for others to start makes, as they start it, the film that `run` makes."""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from farm_fixtures import STYLE, TINY, contents

from stylevideo.cli.main import main

needs_shell = pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
needs_openjd = pytest.mark.skipif(
    importlib.util.find_spec("openjd") is None, reason="openjd-cli is not installed: scripts/setup_venv.py does it"
)
STUB = """#!/bin/sh
printf '%s\\0' "$@" >> "{log}"
printf '\\n' >> "{log}"
echo "17;cluster"
"""


def export(engine: str, clip: Path, folder: Path, *more: str) -> int:
    """Write down the film `folder/films/film.mp4`, in parts of three frames unless more says otherwise."""
    places = ["--out-dir", str(folder / "films"), "--name=film.mp4", "-o", str(folder / "jobs")]
    return main(["farm", "export", engine, str(clip), *places, "--style", str(STYLE), *TINY, "--chunk-frames=3", *more])


def openjd(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run OpenJD's own program, which finds ours beside this Python."""
    paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = [sys.executable, "-m", "openjd", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PATH": paths})


@needs_openjd
def test_openjd_takes_it_and_runs_it_with_its_paths_mapped(tiny_clip: Path, tiny_film: Path, tmp_path: Path) -> None:
    """Where it was written down, the folders have other names."""
    assert export("openjd", tiny_clip, tmp_path, "--chunk-frames=9") == 0
    template, parameters = tmp_path / "jobs" / "film.mp4.openjd.json", tmp_path / "jobs" / "film.mp4.parameters.json"
    checked = openjd("check", template)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    there = parameters.read_text().replace(tiny_clip.parent.as_posix(), "/elsewhere/plates")
    parameters.write_text(there.replace(tmp_path.as_posix(), "/elsewhere/show"))
    mapped = [("/elsewhere/plates", tiny_clip.parent), ("/elsewhere/show", tmp_path)]
    rules = [
        {"source_path_format": "POSIX", "source_path": source, "destination_path": str(here)} for source, here in mapped
    ]
    (tmp_path / "rules.json").write_text(json.dumps({"version": "pathmapping-1.0", "path_mapping_rules": rules}))
    ran = openjd(
        *("run", template, "-p", f"file://{parameters}", "--step", "Assemble", "--run-dependencies"),
        *("--path-mapping-rules", f"file://{tmp_path / 'rules.json'}"),
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.count("openjd_progress: 100\n") == 3, "a plan, a part, a film"
    assert contents(tmp_path / "films") == contents(tiny_film)


@needs_openjd
def test_openjd_is_told_of_gpus(tiny_clip: Path, tmp_path: Path) -> None:
    assert export("openjd", tiny_clip, tmp_path, "--gpu=2", "--loop", "--key", "strength", "1=0.2,3=0.9") == 0
    path = tmp_path / "jobs" / "film.mp4.openjd.json"
    assert openjd("check", path).returncode == 0
    plan, paint, assemble = json.loads(path.read_text())["steps"]
    needs = {"amounts": [{"name": "amount.worker.gpu", "min": 2}]}
    assert plan["hostRequirements"] == paint["hostRequirements"] == needs
    assert "hostRequirements" not in assemble
    assert paint["parameterSpace"]["taskParameterDefinitions"][0]["range"] == "1-1", "a loop has one part"


@needs_shell
def test_the_slurm_script_is_an_array_between_two_jobs(tiny_clip: Path, tiny_film: Path, tmp_path: Path) -> None:
    """Its commands are caught where a shell would start them, and carried out here."""
    assert export("slurm", tiny_clip, tmp_path) == 0
    script, log = tmp_path / "jobs" / "film.mp4.slurm.sh", tmp_path / "log"
    for name in ("stylevideo", "sbatch"):
        stub = tmp_path / "bin" / name
        stub.parent.mkdir(exist_ok=True)
        stub.write_text(STUB.format(log=log))
        stub.chmod(0o755)

    def told(*words: str, task: int = 0) -> list[list[str]]:
        log.write_text("")
        paths = os.pathsep.join([str(stub.parent), os.environ["PATH"]])
        environment = {**os.environ, "PATH": paths, "SLURM_ARRAY_TASK_ID": str(task)}
        subprocess.run(["sh", str(script), *words], check=True, env=environment, stdout=subprocess.DEVNULL)
        return [line.split("\0")[:-1] for line in log.read_text().splitlines()]

    plan, paint, assemble = told()
    assert plan[-2:] == [str(script), "plan"]
    assert paint[-6:] == ["--array", "1-3", "--dependency", "afterok:17", str(script), "paint"]
    assert assemble[-4:] == ["--dependency", "afterok:17", str(script), "assemble"]
    commands = [*told("plan"), *(told("paint", task=task)[0] for task in (3, 1, 2)), *told("assemble")]
    assert [main(command) for command in commands] == [0] * 5
    assert contents(tmp_path / "films") == contents(tiny_film)


def test_the_commands_may_be_run_in_any_order_list_by_list(tiny_clip: Path, tiny_film: Path, tmp_path: Path) -> None:
    assert export("commands", tiny_clip, tmp_path) == 0
    for name in ("1-plan.txt", "2-paint.txt", "3-assemble.txt"):
        for line in reversed((tmp_path / "jobs" / name).read_text().splitlines()):
            program, *words = shlex.split(line)
            assert program == "stylevideo"
            assert main(words) == 0
    assert contents(tmp_path / "films") == contents(tiny_film)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--restart"], "--restart would throw away what is painted whenever the plan's command is run again."),
        (["--ffmpeg-args", "-metadata title={{x}}"], "OpenJD would take two braces in the settings"),
        (["--chunk-frames=0"], "a part has one frame at least"),
        (["--frames=100-200"], "100"),
    ],
)
def test_what_cannot_be_exported_is_refused_in_a_sentence(
    more: list[str], sentence: str, tiny_clip: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    try:
        assert export("openjd", tiny_clip, tmp_path, *more) == 2
    except SystemExit as ended:
        assert ended.code == 2
    assert sentence in capfd.readouterr().err
    assert not (tmp_path / "jobs").exists()


@pytest.mark.parametrize("engine", ["commands", "openjd"])
def test_files_that_settings_name_are_found_from_any_folder(
    engine: str, tiny_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And OpenJD maps them like all others."""
    monkeypatch.chdir(tmp_path)
    files = ["--painted", "3=own/three.png", "--painted", "7=own/seven.png", "--palette", "own/colours.png"]
    assert export(engine, tiny_clip, tmp_path, *files) == 0
    said = "".join(path.read_text() for path in (tmp_path / "jobs").iterdir())
    for name in ("three", "seven", "colours"):
        assert str(tmp_path / "own" / name) in said
    assert '"own/' not in said and "=own/" not in said and " own/" not in said
    if engine == "openjd":
        assert "3={{Param.Painted1}}" in said and "7={{Param.Painted2}}" in said


def test_nothing_that_is_there_is_replaced(tiny_clip: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert [export("slurm", tiny_clip, tmp_path), export("slurm", tiny_clip, tmp_path)] == [0, 2]
    assert "film.mp4.slurm.sh is already there. Remove it, or choose another folder with -o." in capfd.readouterr().err
