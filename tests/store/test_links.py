"""Whatever lies at a hidden name or at an output's, nothing is written, replaced or deleted through it."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import STYLE
from media_fixtures import numbered_video

import stylevideo
from stylevideo.cli.main import main
from stylevideo.errors import InputError, StorageError, StyleVideoError
from stylevideo.media.hidden import Places, is_hidden_name, require_own, throw_away
from stylevideo.reports.events import Event, FrameFinished
from stylevideo.settings.settings import Settings
from stylevideo.store.frames import FrameStore
from stylevideo.store.lock import sole_run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes of POSIX")
PLAIN = Settings().with_values(iterations=0, detect_cuts=False, frames="1-2")


def _folder(place: Path, victims: Path) -> None:
    place.mkdir()
    (place / "mine.txt").write_text("precious")


PLACED: dict[str, Callable[[Path, Path], object]] = {
    "link": lambda place, victims: place.symlink_to(victims / "file"),
    "hard link": lambda place, victims: place.hardlink_to(victims / "file"),
    "dangling link": lambda place, victims: place.symlink_to(victims / "nothing"),
    "link to a folder": lambda place, victims: place.symlink_to(victims / "folder"),
    "pipe": lambda place, victims: os.mkfifo(place),
    "folder": _folder,
    "file": lambda place, victims: place.write_text("precious"),
}
IN_WORK = (*PLACED, "link", "file", "link")
HIDDEN = {
    "lock": ".{name}.stylevideo.lock",
    "unfinished work": ".{name}.stylevideo",
    "its job": ".{name}.stylevideo/job.json",
    "its request": ".{name}.stylevideo/request.json",
    "its frames": ".{name}.stylevideo/frames",
    "its shots": ".{name}.stylevideo/shots",
    "its loop": ".{name}.stylevideo/loop",
    "a frame": ".{name}.stylevideo/frames/00000001.png",
    "a record": ".{name}.stylevideo/frames/00000001.json",
    "a part": ".{name}.stylevideo/part-0123abcd",
    "its claims": ".{name}.stylevideo/claims",
    "a claim": ".{name}.stylevideo/claims/00000.1",
}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return numbered_video(tmp_path_factory.mktemp("clip") / "clip.mp4", 2)


@pytest.fixture
def victims(tmp_path: Path) -> Path:
    """A folder beside that of the films, of which nothing may change."""
    folder = tmp_path / "victims"
    (folder / "folder" / "deep").mkdir(parents=True)
    for file in ("file", "folder/file", "folder/deep/file"):
        (folder / file).write_text("precious")
    return folder


def contents(folder: Path) -> dict[str, str | None]:
    return {
        str(path.relative_to(folder)): path.read_text() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if not path.is_fifo()
    }


def make(clip: Path, output: Path, **values: Any) -> str:
    """Make a film; what was said where there is none."""
    try:
        stylevideo.stylize(clip, [STYLE], output, PLAIN.with_values(**values))
    except StyleVideoError as error:
        assert not output.exists()
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("hidden", "kind", "name"),
    [
        *(("unfinished work", kind, "film.mp4") for kind in PLACED),
        *(("lock", kind, "film.##.png") for kind in PLACED),
        *((hidden, "link to a folder", "film.mp4") for hidden in list(HIDDEN)[2:]),
        *((hidden, kind, "film.##.png") for hidden, kind in zip(list(HIDDEN)[2:], IN_WORK, strict=True)),
    ],
)
def test_nothing_is_touched_through_a_hidden_name(
    clip: Path, tmp_path: Path, victims: Path, hidden: str, kind: str, name: str
) -> None:
    """Neither by a run, nor by one that begins anew, nor by a call that throws unfinished work away."""
    out = tmp_path / "out"
    place = out / HIDDEN[hidden].format(name=name)
    place.parent.mkdir(parents=True)
    PLACED[kind](place, victims)
    before, there = contents(victims), contents(out)
    for restart in (False, True):
        said = make(clip, out / name, restart=restart)
        assert contents(victims) == before
        if not said:
            break
        advice = "Move it away, or choose another name for the film."
        assert advice in said or (not restart and "--restart" in said), said
        assert contents(out) == there, "nothing is written, nothing removed"
    main(["cache", "clear", "-y", str(out)])
    assert contents(victims) == before


def test_an_ordinary_remnant_is_made_way_for(clip: Path, tmp_path: Path) -> None:
    """A lock of a run that died, of which there is a backup by a hard link, and a folder that it had begun."""
    film = tmp_path / "film.mp4"
    Places.of(film).lock.write_text("process 1 on elsewhere")
    (tmp_path / "backup").hardlink_to(Places.of(film).lock)
    for name in ("frames", "shots", "part-0123abcd"):
        (Places.of(film).work / name).mkdir(parents=True)
    (Places.of(film).work / "frames" / f".{'0' * 16}.part").touch()
    assert make(clip, film) == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup", "film.mp4", "film.mp4.json"]
    assert (tmp_path / "backup").read_text() == "process 1 on elsewhere"


def test_what_others_put_into_the_hidden_folder_stays_and_hinders_nothing(clip: Path, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    theirs = [Places.of(film).work / name for name in ("@eaDir/a", ".fuse_hidden01", "desktop.ini", "frames/~a.tmp")]

    def put(event: Event) -> None:
        if isinstance(event, FrameFinished):
            for file in theirs:
                file.parent.mkdir(exist_ok=True)
                file.write_text("precious")

    for restart in (False, True):
        result = stylevideo.stylize(
            clip, [STYLE], film, PLAIN.with_values(restart=restart, overwrite=restart), on_event=put
        )
        assert "stays, since others put something into it" in " ".join(result.warnings)
        assert sorted(path for path in Places.of(film).work.rglob("*") if path.is_file()) == sorted(theirs)


def test_folders_of_the_users_own_are_not_hidden_work() -> None:
    paths = {"/h/.stylevideo/a.mp4": False, "/h/.stylevideo.lock/a.log": False, "/h/.A.mp4.StyleVideo/b": True}
    paths["/h/.a.mp4.stylevideo.lock"] = True
    assert {path: is_hidden_name(Path(path)) for path in paths} == paths


def test_whose_work_it_is_is_found_out_without_a_file_if_it_is_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    film = tmp_path / "film.mp4"
    FrameStore(Places.of(film), {})
    monkeypatch.setattr("stylevideo.media.hidden.tempfile.TemporaryFile", fail)
    require_own(Places.of(film))
    monkeypatch.setattr("stylevideo.media.hidden.os.geteuid", lambda: os.getuid() + 1)
    with pytest.raises(StorageError, match=r"cannot be written .No space left on device.*Free some space"):
        require_own(Places.of(film))


def test_work_of_somebody_else_is_refused(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = tmp_path / "film.mp4"
    FrameStore(Places.of(film), {})
    monkeypatch.setattr("stylevideo.media.hidden.os.geteuid", lambda: os.getuid() + 1)
    assert make(clip, film) != "", "its job is another"
    monkeypatch.setattr("stylevideo.media.hidden._owner_of_new_files", lambda folder: os.getuid() + 1)
    for attempt in (lambda: throw_away(Places.of(film)), lambda: stylevideo.stylize(clip, [STYLE], film, PLAIN)):
        with pytest.raises(InputError, match="belongs to another user"):
            attempt()
    assert Places.of(film).work.is_dir()


def test_unfinished_work_is_for_its_owner_alone(tmp_path: Path) -> None:
    folder = FrameStore(Places.of(tmp_path / "film.mp4"), {}).folder
    assert folder.stat().st_mode & 0o077 == 0


def test_a_lock_that_becomes_a_link_while_it_is_held_is_not_followed(tmp_path: Path, victims: Path) -> None:
    film, before = tmp_path / "film.mp4", contents(victims)
    with sole_run(Places.of(film)):
        Places.of(film).lock.unlink()
        Places.of(film).lock.symlink_to(victims / "file")
    assert contents(victims) == before


# -- at an output's name ---------------------------------------------------------------------------


OUTPUTS: dict[str, tuple[str, ...]] = {
    "film.mp4": (),
    "film.mp4.json": (),
    "sheet.png": ("--sheet", "sheet.png"),
    "report.json": ("--report", "report.json"),
    "run.log": ("--log-file", "run.log"),
}


@pytest.mark.parametrize(
    ("name", "kind", "replace"),
    [
        *(("film.mp4", kind, ("-y",)) for kind in (*PLACED, "device")),
        *((name, kind, ("-y",)) for name in list(OUTPUTS)[1:] for kind in ("link", "link to a folder", "pipe")),
        *((name, kind, ()) for name, kind in zip(OUTPUTS, PLACED, strict=False)),
        ("run.log", "device", ()),
    ],
)
def test_nothing_is_touched_through_an_output(
    clip: Path,
    tmp_path: Path,
    victims: Path,
    name: str,
    kind: str,
    replace: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With -y a link or a file gives way to the film; what a link leads to stays as it is."""
    out = tmp_path / "out"
    out.mkdir()
    monkeypatch.chdir(out)
    if kind == "device":
        (out / name).symlink_to("/dev/null")
    else:
        PLACED[kind](out / name, victims)
    before = contents(victims)
    words = ["--style", str(STYLE), "-o", "film.mp4", "--iterations", "0", "-q", *OUTPUTS[name], *replace]
    code = main(["run", str(clip), *words])
    assert contents(victims) == before
    gives_way = bool(replace) and kind not in ("pipe", "folder") and name != "run.log"
    if kind == "link to a folder" and name != "film.mp4.json":
        gives_way = False
    assert code == (0 if gives_way else 2)
    assert (out / name).is_file() or not gives_way
    assert not gives_way or not (out / name).is_symlink()
    assert gives_way or {path.name for path in out.iterdir()} <= {name, "run.log"}, "nothing is written"


def test_a_log_is_appended_to_and_nothing_else_is(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "run.log"
    logged = ["run", str(clip), "--style", str(STYLE), "-o", str(tmp_path / "a.mp4"), "--iterations", "0", "-q"]
    assert main([*logged, "--log-file", str(log)]) == 0
    once = log.read_bytes()
    assert main([*logged, "--restart", "-y", "--log-file", str(log)]) == 0
    assert log.read_bytes().startswith(once) and len(log.read_bytes()) > len(once)
    for name in ("a.mp4", "a.mp4.json", "job.toml", "frame.png", ".a.mp4.stylevideo.lock", "notes.txt"):
        file = tmp_path / name
        if not file.exists():
            file.write_text("precious")
        before = file.read_bytes()
        assert main([*logged, "--log-file", str(file)]) == 2
        assert "log" in capsys.readouterr().err
        assert file.read_bytes() == before


@pytest.mark.parametrize("kind", PLACED)
def test_a_plot_and_a_job_file_replace_nothing_of_others(clip: Path, tmp_path: Path, victims: Path, kind: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name in ("plot.png", "job.toml"):
        PLACED[kind](out / name, victims)
    before, there = contents(victims), contents(out)
    assert main(["init", str(out / "job.toml")]) == 2
    assert main(["evaluate", str(clip), str(clip), "--style", str(STYLE), "--plot", str(out / "plot.png")]) == 2
    assert (contents(victims), contents(out)) == (before, there)


ROUND: dict[str, list[str]] = {
    "the clip": ["{self}", "--style={style}", "-o", "o.mp4"],
    "a clip up and down again": ["x/../{name}", "--style={style}", "-o", "o.mp4"],
    "a clip behind it": ["{self}/a.mp4", "--style={style}", "-o", "o.mp4"],
    "its folder": [".", "--style={style}", "--out-dir", "out"],
    "a glob": ["**/*.mp4", "--style={style}", "--out-dir", "out"],
    "a sequence": ["{self}/a.####.png", "--style={style}", "-o", "o.mp4"],
    "a style": ["{clip}", "--style={self}", "-o", "o.mp4"],
    "weights": ["{clip}", "--style={style}", "-o", "o.mp4", "--weights={self}", "--iterations=1"],
    "the film": ["{clip}", "--style={style}", "-o", "{self}"],
    "the film's folder": ["{clip}", "--style={style}", "-o", "{self}/o.mp4"],
    "a folder for films": ["{clip}", "--style={style}", "--out-dir", "{self}"],
    "a sequence of films": ["{clip}", "--style={style}", "-o", "{self}/o.####.png"],
    "a sheet": ["{clip}", "--style={style}", "-o", "o.mp4", "--sheet={self}/s.png"],
    "a report": ["{clip}", "--style={style}", "-o", "o.mp4", "--report={self}"],
    "a log": ["{clip}", "--style={style}", "-o", "o.mp4", "--log-file={self}/a.log"],
    "the user file": ["{clip}", "--style={style}", "-o", "o.mp4", "--config={self}"],
    "a job file": ["{self}.toml"],
}


@pytest.mark.parametrize("place", ROUND)
def test_a_link_that_leads_to_itself_is_refused(
    place: str, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("self.mp4", "self.mp4.toml"):
        Path(name).symlink_to(name)
    words = {"self": tmp_path / "self.mp4", "name": "self.mp4", "clip": clip, "style": STYLE}
    before = sorted(tmp_path.iterdir())
    assert main(["run", *(word.format(**words) for word in ROUND[place]), "--frames=1-1"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("stylevideo: ")
    assert "unexpected" not in said
    assert sorted(tmp_path.iterdir()) == before


def test_weights_are_no_output(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = tmp_path / "weights.png"
    weights.write_text("precious")
    words = ["--style", str(STYLE), "-o", str(tmp_path / "film.mp4"), "-y", "--sheet", str(weights), "-q"]
    assert main(["run", str(clip), *words, "--weights", str(weights)]) == 2
    assert "is the weights file" in capsys.readouterr().err
    assert weights.read_text() == "precious"
