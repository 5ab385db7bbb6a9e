"""The doctor finds what is there, says what is missing, and tells nothing of its user."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import pytest
import torch

from stylevideo.cli import doctor
from stylevideo.cli.main import main
from stylevideo.media import ffmpeg
from stylevideo.media.encode.delivery import DELIVERIES
from stylevideo.models import weights
from stylevideo.system import cards, device

FILMS = [delivery.name for delivery in DELIVERIES.values() if not delivery.is_sequence]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's home with a user file that may be read."""
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    (tmp_path / "mine.toml").write_text('size = 640\npreset = "fine"\nout_dir = "secret films"\n')
    monkeypatch.setenv("STYLEVIDEO_CONFIG", str(tmp_path / "mine.toml"))
    return tmp_path


def test_a_sound_installation_is_found_sound(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    said = {entry["what"]: entry["said"] for entry in found if entry["state"] == "ok"}
    assert {"stylevideo", "Python", "torch", "device", "OpenCV", "ffmpeg", "weights", "disk"} <= set(said)
    assert said["deliveries"].split(", ") == FILMS
    assert said["user file"] == "~/mine.toml sets size, preset, out_dir"
    assert str(home) not in json.dumps(found)


def test_what_is_missing_is_named_and_the_rest_is_looked_at(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "mine.toml").write_text("sice = 640\n")
    broken = home / "weights.bin"
    broken.write_bytes(b"no weights")
    monkeypatch.setattr(weights, "installed_weights_path", lambda: broken)
    monkeypatch.setattr(ffmpeg, "ffmpeg_path", lambda: str(home / "gone"))
    monkeypatch.setattr(doctor, "ffmpeg_version", ffmpeg.ffmpeg_version.__wrapped__)
    monkeypatch.setitem(sys.modules, "PyOpenColorIO", None)
    assert main(["doctor"]) == 1
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    for beginning in (
        "no   ffmpeg: ~/gone cannot be run: No such file",
        f"no   deliveries: this ffmpeg cannot write {FILMS[0]}, {FILMS[1]}",
        "no   weights: ~/weights.bin: the installed VGG-19 weights have the wrong checksum",
        "no   user file: mine.toml: There is no setting 'sice'. Did you mean size?",
        "note ocio: opencolorio is not installed, so no OpenColorIO views: pip install 'stylevideo[ocio]'",
        "ok   disk: ",
    ):
        assert any(line.startswith(beginning) for line in lines), beginning
    assert printed.err == (
        "stylevideo: Something that the program cannot work without is wrong: ffmpeg, deliveries, weights, user file.\n"
    )
    assert str(home) not in printed.out


def test_what_is_no_place_for_files_is_said(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The disk that a process stands on since its folder is gone is nobody's question."""
    gone = home / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", list)
    monkeypatch.setattr("stylevideo.cli.doctor._LOOKS", {"disk": doctor._disk})
    assert main(["doctor"]) == 1
    lines = capsys.readouterr().out.splitlines()[2:]
    assert lines[0] == "note disk: this folder is gone, or cannot be looked up. Change to one that is there"
    assert lines[1].startswith("no   disk: There is no place for temporary files. Free some space, or set the variable")


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An NVIDIA card with its driver, of which PyTorch knows nothing."""
    told = tmp_path / "gpus" / "0000:01:00.0" / "information"
    told.parent.mkdir(parents=True)
    told.write_text("Model: \t\t Some Card 9000\nIRQ:   \t\t 18\n")
    monkeypatch.setattr(cards, "TOLD_BY_LINUX", tmp_path / "gpus")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    device._warn_of_idle_card.cache_clear()
    return "Some Card 9000"


@pytest.mark.parametrize(
    ("system", "cuda", "advice"),
    [
        ("Linux", None, "built without CUDA. Run: pip install --force-reinstall torch torchvision"),
        ("Windows", None, "it shows with --force-reinstall in it: pip install --force-reinstall torch torchvision"),
        ("Linux", "12.8", "its driver is too old for CUDA 12.8. Install a newer one."),
    ],
)
def test_an_idle_card_is_told_by_the_doctor_and_before_a_run(
    card: str,
    system: str,
    cuda: str | None,
    advice: str,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("platform.system", lambda: system)
    monkeypatch.setattr(torch.version, "cuda", cuda)
    assert main(["doctor"]) == 0
    (said,) = [line for line in capsys.readouterr().out.splitlines() if card in line]
    assert said.startswith(f"note device: {card} lies idle, ")
    assert advice in said
    for name, told in (("cpu", 0), ("auto", 1), ("auto", 0)):
        assert device.choose_device(name).type == "cpu"
        assert capsys.readouterr().err.count(card) == told


@pytest.mark.parametrize("why", ["no card", "it is hidden", "it works"])
def test_no_card_that_could_be_used_lies_idle(card: str, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if why == "no card":
        monkeypatch.setattr(cards, "TOLD_BY_LINUX", Path("/nowhere"))
        monkeypatch.setattr(cards, "DRIVERS", {})
    if why == "it is hidden":
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    if why == "it works":
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device.idle_card() == ""
