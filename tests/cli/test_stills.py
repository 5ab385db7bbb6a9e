"""A still is a clip of one picture, and one picture is a result: by itself, in a folder of them, from a film."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from batch_fixtures import make_clip
from conftest import QUICK, STYLE
from media_fixtures import number_in, numbered_frame
from sequence_fixtures import save, save_numbered

import stylevideo
from stylevideo.cli.main import main
from stylevideo.errors import StorageError
from stylevideo.media.decode.reader import open_clip, read_frames
from stylevideo.media.hidden import Places, finished_frames
from stylevideo.media.images.pictures import Reading
from stylevideo.media.pattern import CODECS
from stylevideo.planning.inputs import find_sources
from stylevideo.planning.plan import plan_requests
from stylevideo.planning.request import Overrides
from stylevideo.reports.events import Event, FrameFinished
from stylevideo.settings.settings import Settings
from stylevideo.timeline.selection import FrameSelection

SMALL = {**QUICK, "first_iterations": 2, "coarsest_size": 0, "stroke_size": 0.5, "size": 64}
PAINTED = [f"--{name.replace('_', '-')}={value}" for name, value in SMALL.items()]
UNPAINTED = ["--iterations=0"]


def run(clip: Path | str, *flags: str | Path) -> int:
    return main(["run", str(clip), "--style", str(STYLE), "--config", "none", *map(str, flags)])


def picture(path: Path, bits: int = 8) -> np.ndarray:
    (frame,) = read_frames(FrameSelection(open_clip(path), range(1)), Reading(bits=bits))
    return frame.image


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return save(tmp_path / "photo.png", numbered_frame(5))


def test_a_still_is_painted_and_known_again(photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    painted = tmp_path / "new" / "painted.png"
    command = ["run", str(photo), "--style", str(STYLE), "-o", str(painted), *PAINTED]
    assert main(command) == 0
    printed = capsys.readouterr()
    assert printed.out.strip() == str(painted)
    assert "1 frame, 1 shot, on cpu" in printed.err
    assert sorted(path.name for path in painted.parent.iterdir()) == ["painted.png", "painted.png.json"]
    record = json.loads(painted.with_name("painted.png.json").read_text())
    assert (record["film"], record["source"]["name"], record["delivery"]) == ("painted.png", "photo.png", "png")
    assert picture(painted).shape == (48, 64, 3)
    assert main([*command, "--exit-code-if-nothing=3"]) == 3
    painted.write_bytes(b"spoilt")
    assert main([*command, "-q"]) == 2


def test_a_still_can_be_verified_measured_and_looked_at(
    photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    painted = tmp_path / "painted.tif"
    assert run(photo, "-o", painted, "-q", *UNPAINTED) == 0
    capsys.readouterr()
    assert main(["verify", str(photo), str(painted)]) == 0
    assert "same     frames: 1" in capsys.readouterr().out
    assert main(["evaluate", str(photo), str(painted), "--style", str(STYLE), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["frames"]) == 1
    assert main(["probe", str(photo)]) == 0
    assert "a second" not in capsys.readouterr().out, "a still has no rate"
    assert main(["shots", str(photo)]) == 0
    assert capsys.readouterr().out.startswith("shot 1: frames 1-1 (1)")


@pytest.mark.parametrize("suffix", CODECS)
@pytest.mark.parametrize("result", [".png", ".tif", ".exr", ".mkv"])
def test_every_kind_goes_into_every_kind(suffix: str, result: str, tmp_path: Path) -> None:
    if ".exr" in (suffix, result):
        pytest.importorskip("OpenEXR")
    still, made = tmp_path / f"a{suffix}", tmp_path / f"made{result}"
    if suffix == ".exr":
        assert run(save(tmp_path / "light.png", numbered_frame(9)), "-o", still, "-q", *UNPAINTED) == 0
    else:
        save(still, numbered_frame(9))
    assert run(still, "-o", made, "-q", *UNPAINTED, *(["--delivery=ffv1"] if result == ".mkv" else [])) == 0
    assert open_clip(made).frame_count == 1
    assert np.abs(picture(made).astype(int) - picture(still)).max() <= 1


@pytest.mark.parametrize("name", ["shot.0007.png", "take #2.png", "a%03d.png", "{odd}.png", "-a.png"])
def test_a_file_that_is_named_is_a_still_whatever_its_name_looks_like(name: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    save(tmp_path / "in" / name, numbered_frame(7))
    save_numbered(tmp_path / "in", "shot.{:04d}.png", [8])
    assert run(tmp_path / "in" / name, "-o", tmp_path / "a.png", "-q", *UNPAINTED) == 0
    assert number_in(picture(tmp_path / "a.png")) == 7


def test_a_folder_of_stills_is_a_batch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos, out = tmp_path / "photos", tmp_path / "painted"
    photos.mkdir()
    kinds = {"a.jpg": "a.jpg", "b.png": "b.png", "c_1.tif": "c_1.tif", "d.dpx": "d.png"}
    for name in kinds:
        save(photos / name, numbered_frame(3))
    (photos / "notes.txt").touch()
    (photos / ".hidden.png").touch()
    flags = ["--out-dir", out, "--name", "{name}.{ext}", *UNPAINTED]
    assert run(photos, *flags) == 0
    assert "4 clips to be made, 4 frames" in capsys.readouterr().err
    assert sorted(path.name for path in out.iterdir() if path.suffix != ".json") == sorted(kinds.values())
    assert run(photos, *flags, "--exit-code-if-nothing=3", "-q") == 3
    shutil.copy(photos / "b.png", out / "mine.png")
    assert [path.name for path in find_sources(str(out))] == ["mine.png"], "what this program made is no clip"


def test_what_a_folder_of_pictures_means(tmp_path: Path) -> None:
    def means(text: str) -> list[str]:
        return [path.name for path in find_sources(text, tmp_path)]

    for name in ("poster.jpg", "thumb_1.png"):
        save(tmp_path / name, numbered_frame(1))
    assert means(".") == ["poster.jpg", "thumb_1.png"]
    dates = save_numbered(tmp_path / "dates", "IMG_{}.jpg", [20240101, 20240102, 20240731])
    assert means("dates") == [path.name for path in dates], "they are no frames' numbers"
    save_numbered(tmp_path, "shot.{:04d}.png", [1, 2, 4])
    assert means(".") == ["shot.####.png"]
    assert means("*.jpg") == ["poster.jpg"]
    assert means("*.png") == ["shot.0001.png", "shot.0002.png", "shot.0004.png", "thumb_1.png"]
    make_clip(tmp_path / "a.mp4", 1)
    assert means(".") == ["a.mp4", "shot.####.png"]


def test_frames_of_a_sequence_that_are_painted_one_by_one_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody may have meant the sequence."""
    save_numbered(tmp_path, "shot.{:04d}.png", range(1, 13))
    given = Overrides(styles=(str(STYLE),), out_dir=tmp_path / "out")
    for text, count in (("shot.*.png", 12), ("shot.####.png", 1), ("shot.0003.png", 1)):
        caplog.clear()
        caplog.set_level("WARNING")
        assert len(plan_requests([str(tmp_path / text)], given, "none")) == count
        told = "12 pictures are painted each by itself. To paint them as one clip, name shot.####.png."
        assert [record.getMessage() for record in caplog.records] == ([told] if count > 1 else [])


def test_a_frame_of_a_film_becomes_a_picture(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4")
    assert run(clip, "-o", tmp_path / "look.png", "--frames=3", "-q", *UNPAINTED) == 0
    assert number_in(picture(tmp_path / "look.png")) == 2
    assert main(["verify", str(clip), str(tmp_path / "look.png"), "--frames=3"]) == 0
    assert main(["evaluate", str(clip), str(tmp_path / "look.png"), "--frames=3", "--style", str(STYLE)]) == 0


def test_several_frames_are_not_written_into_one_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = make_clip(tmp_path / "a.mp4")
    assert run(clip, "-o", tmp_path / "look.png", "--frames=2-3", *UNPAINTED) == 2
    assert "Write it like look.####.png, or choose one of them with --frames 2." in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_a_still_is_not_written_onto_itself(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = photo.read_bytes()
    assert run(photo, "-o", photo, "-y", *UNPAINTED) == 2
    assert "is the clip itself" in capsys.readouterr().err
    assert photo.read_bytes() == before


def test_a_still_that_could_not_be_written_is_gone_on_with(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(pictures: Iterator[object], *_: object) -> None:
        assert len(list(pictures)) == 1
        raise StorageError("The disk is full.")

    output, settings = tmp_path / "a.png", Settings().with_values(**SMALL)
    monkeypatch.setattr("stylevideo.render.assemble.write_sequence", fails)
    with pytest.raises(StorageError):
        stylevideo.stylize(photo, [STYLE], output, settings)
    monkeypatch.undo()
    assert finished_frames(Places.of(output)) == 1
    events: list[Event] = []
    stylevideo.stylize(photo, [STYLE], output, settings, events.append)
    assert not any(isinstance(event, FrameFinished) for event in events), "nothing is painted again"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "a.png.json", "photo.png"]
