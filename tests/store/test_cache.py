"""Unfinished work is found, described and thrown away; nothing else is, and nothing that a run is working on."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from stylevideo.cli.main import main
from stylevideo.errors import LockedError
from stylevideo.media.hidden import Places
from stylevideo.store.frames import FrameStore
from stylevideo.store.lock import sole_run
from stylevideo.store.unfinished import find_unfinished, remove_unfinished
from stylevideo.text import bytes_in_words


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """A folder with two unfinished films, one of them deeper, and things that look like it."""
    (tmp_path / "night").mkdir()
    for output, frames in ((tmp_path / "a.mp4", 2), (tmp_path / "night" / "b.####.png", 1)):
        work = FrameStore(Places.of(output), {"version": "1"})
        for number in range(1, frames + 1):
            work.save(number, np.zeros((8, 8, 3), np.uint8), {"frame": number})
            work.save_state(0, {"number": number})
    (tmp_path / ".c.mp4.stylevideo").mkdir()
    (tmp_path / ".c.mp4.stylevideo" / "mine.txt").touch()
    (tmp_path / "d.stylevideo").mkdir()
    (tmp_path / "d.stylevideo" / "job.json").touch()
    return tmp_path


def test_unfinished_work_is_listed(films: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deeper, here = sorted(find_unfinished([films, films / "night"]), key=lambda work: work.frames)
    assert (here.film, here.frames) == (films / "a.mp4", 2)
    assert (deeper.film, deeper.frames) == (films / "night" / "b.####.png", 1)
    assert here.folder == Places.of(here.film).work
    assert here.bytes == sum(path.stat().st_size for path in here.folder.rglob("*") if path.is_file())
    assert here.touched == pytest.approx((here.folder / "shots" / "00000.pt").stat().st_mtime)
    assert main(["cache", "list", str(films)]) == 0
    printed = capsys.readouterr()
    assert f"{films / 'a.mp4'}: 2 frames finished, {bytes_in_words(here.bytes)}, last touched 20" in printed.out
    assert printed.err == f"2 unfinished, {bytes_in_words(here.bytes + deeper.bytes)}\n"
    assert main(["cache", "list", "--json", str(films / "night")]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert (entry["film"], entry["frames"]) == (str(deeper.film), 1)
    assert main(["cache", "list", str(here.folder)]) == 0
    assert "a.mp4" in capsys.readouterr().out
    assert main(["cache", "list", str(films / "gone")]) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="users of POSIX")
def test_work_of_other_users_is_passed_by(films: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = films / ".other.mp4.stylevideo"
    other.mkdir(mode=0)
    with a_user_who_may_not_look_into_it(films):
        assert main(["cache", "list", str(films)]) == 0
    other.rmdir()
    assert "2 unfinished" in capsys.readouterr().err


@contextmanager
def a_user_who_may_not_look_into_it(films: Path) -> Iterator[None]:
    """Root may everything."""
    if os.geteuid():
        yield
        return
    for folder in (films, *films.parents, *films.rglob("*")):
        if folder.stat().st_uid == 0 and folder.name != ".other.mp4.stylevideo":
            folder.chmod(folder.stat().st_mode | 0o055)
    os.seteuid(12345)
    try:
        yield
    finally:
        os.seteuid(0)


def test_what_others_put_there_stays(films: Path, capsys: pytest.CaptureFixture[str]) -> None:
    theirs = Places.of(films / "a.mp4").work / "frames" / "mine.txt"
    theirs.write_text("precious")
    assert main(["cache", "clear", "-y", str(films)]) == 0
    printed = capsys.readouterr()
    assert "stays, since others put something into it: frames/mine.txt. Remove it by hand." in printed.err
    assert str(Places.of(films / "a.mp4").work) not in printed.out
    assert [path for path in Places.of(films / "a.mp4").work.rglob("*") if path.is_file()] == [theirs]


def test_clearing_asks_and_spares_what_is_worked_on(
    films: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = set(films.rglob("*"))
    monkeypatch.chdir(films)
    assert main(["cache", "clear"]) == 2
    assert "add -y" in capsys.readouterr().err
    for answer in ("\n", "n\n"):
        monkeypatch.setattr("sys.stdin", Answers(answer))
        assert main(["cache", "clear"]) == 2
        asked = capsys.readouterr().err
        assert "Throw away what was made of 2 films? [y/N]" in asked
        assert "Nothing was thrown away." in asked
    assert set(films.rglob("*")) == before
    with sole_run(Places.of(films / "a.mp4")):
        assert main(["cache", "clear", "-y"]) == 0
        printed = capsys.readouterr()
        assert printed.out == f"{Places.of(films / 'night' / 'b.####.png').work}\n"
        assert "a.mp4: 2 frames finished" in printed.err
        assert "a run is working on it (kept)" in printed.err
        (work,) = find_unfinished([films])
        with pytest.raises(LockedError, match="being made by another run"):
            remove_unfinished(work)
    monkeypatch.setattr("sys.stdin", Answers("y\n"))
    assert main(["cache", "clear"]) == 0
    assert set(films.iterdir()) == {films / name for name in ("night", ".c.mp4.stylevideo", "d.stylevideo")}
    assert find_unfinished([films]) == []


class Answers:
    """A terminal at which one line is typed."""

    def __init__(self, line: str) -> None:
        self._line = line

    def isatty(self) -> bool:
        return True

    def readline(self) -> str:
        return self._line
