"""A film is known again by what it was made from; nothing else is taken for it, and nothing of others is replaced."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import STYLE
from media_fixtures import numbered_video

import stylevideo
from stylevideo.beside import is_record, is_record_of, is_report, provenance_path
from stylevideo.errors import InputError, LockedError, StorageError
from stylevideo.media.lock import is_locked, lock_path, sole_run
from stylevideo.outputs import check_names, check_report
from stylevideo.results import ClipResult, Event, FrameFinished
from stylevideo.settings import Settings

PLAIN = Settings().with_values(iterations=0, detect_cuts=False)
TOO_DEEP = "[" * 100_000


def make(
    source: Path, output: Path, on_event: Callable[[Event], None] = lambda event: None, **values: Any
) -> ClipResult:
    """A film in which nothing is painted."""
    return stylevideo.stylize(source, [STYLE], output, PLAIN.with_values(**values), on_event)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return numbered_video(tmp_path_factory.mktemp("clip") / "clip.mp4", 4)


def failing(*_: object) -> None:
    raise StorageError("The disk is full.")


# -- what is replaced ------------------------------------------------------------------------------


def test_only_what_an_interrupted_run_was_naming_is_replaced(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film, precious = tmp_path / "film.mp4", tmp_path / "precious.png"
    monkeypatch.setattr("stylevideo.film.write_provenance", failing)
    with pytest.raises(StorageError):
        make(clip, film, sheet=str(tmp_path / "own.png"))
    assert film.exists()
    monkeypatch.undo()
    (tmp_path / "own.png").write_text("as an earlier attempt left it")
    precious.write_text("precious")
    for flag, path in (("sheet", precious), ("report", tmp_path / "a.json")):
        path.write_text("precious")
        with pytest.raises(InputError, match="is already there"):
            make(clip, film, **{flag: str(path)})
        assert path.read_text() == "precious"
    make(clip, film, sheet=str(tmp_path / "own.png"))
    assert is_record_of(film)


def test_a_file_is_not_written_twice(clip: Path, tmp_path: Path) -> None:
    frame = tmp_path / "a.0002.png"
    for flags in ({"sheet": str(frame)}, {"report": str(tmp_path / "a.####.png.json")}):
        with pytest.raises(InputError, match="would be written twice"):
            make(clip, tmp_path / "a.%04d.png", **flags)
    assert not list(tmp_path.iterdir())


def test_reports_and_records_replace_their_like_alone(clip: Path, tmp_path: Path) -> None:
    film, report = tmp_path / "film.mp4", tmp_path / "report.json"
    make(clip, film, report=str(report))
    record = provenance_path(film)
    assert (is_record(record), is_report(record), is_record(report), is_report(report)) == (True, False, False, True)
    make(clip, tmp_path / "b.mp4", report=str(report))
    with pytest.raises(InputError, match=r"film\.mp4\.json is already there"):
        make(clip, tmp_path / "c.mp4", report=str(record))
    with pytest.raises(InputError, match=r"film\.mp4\.json is already there"):
        check_report(record, overwrite=False)
    provenance_path(tmp_path / "c.mp4").write_bytes(record.read_bytes())
    with pytest.raises(InputError, match=r"c\.mp4\.json is already there"):
        make(clip, tmp_path / "c.mp4")
    report.write_text(TOO_DEEP)
    with pytest.raises(InputError, match="is already there"):
        make(clip, tmp_path / "d.mp4", report=str(report))
    film.unlink()
    make(clip, film)


def test_no_record_of_an_earlier_film_stays(clip: Path, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    make(clip, film)
    make(clip, film, overwrite=True, provenance=False, frames="1-2")
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]
    provenance_path(film).write_text("{}")
    make(clip, film, overwrite=True, provenance=False)
    assert provenance_path(film).read_text() == "{}", "not ours"


# -- one run at a time -----------------------------------------------------------------------------


def test_a_film_is_made_by_one_run_at_a_time_whatever_it_is_called(clip: Path, tmp_path: Path) -> None:
    said: list[str] = []

    def again(event: Event) -> None:
        if isinstance(event, FrameFinished) and not said:
            for name in ("a.####.png", "a.%04d.png", "a.@@@@.png"):
                with pytest.raises(LockedError) as refusal:
                    make(clip, tmp_path / name)
                said.append(str(refusal.value))

    make(clip, tmp_path / "a.####.png", again)
    assert len(said) == 3
    assert "a.####.png is being made by another run (process " in said[0]
    assert "Wait for it, or choose another output." in said[0]
    assert not lock_path(tmp_path / "a.####.png").exists()
    assert lock_path(tmp_path / "a%03d.mp4").name == ".a%03d.mp4.stylevideo.lock", "a film's own name"


def test_the_lock_of_a_dead_run_holds_nobody(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    script = (
        "import os, sys; from pathlib import Path; from stylevideo.media.lock import sole_run\n"
        "with sole_run(Path(sys.argv[1])): os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", script, str(film)], check=True)
    assert lock_path(film).exists() and not is_locked(film)
    with sole_run(film):
        assert is_locked(film)
    assert not is_locked(film)


def test_the_longest_name_is_the_locks(tmp_path: Path) -> None:
    longest = "n" * (255 - len(".stylevideo.lock") - 1 - len(".mp4")) + ".mp4"
    check_names(tmp_path / longest, PLAIN.output)
    with pytest.raises(InputError, match="this name is too long"):
        check_names(tmp_path / f"n{longest}", PLAIN.output)
    with sole_run(tmp_path / longest):
        pass
