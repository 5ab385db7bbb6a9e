"""The hostile suite: its rules find what they are for, and a few cases are played; see `scripts.trials.hostile`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from scripts.trials.hostile import trial as hostile
from scripts.trials.hostile.judge import Allowed, complaints, snapshot
from scripts.trials.hostile.stage import Case, Stage
from scripts.trials.hostile.trace import Event, events
from scripts.trials.hostile.watch import Seen, can_watch

QUICK = (
    *("names: mpd as clip", "names: sibling.ffconcat named .mp4", "names: pipe.ffconcat as style"),
    *("links: symbolic at .film.part.mp4", "links: hard at .film.mp4.stylevideo.lock", "outputs: clip.mp4 as -o"),
    *("pipes: pipe as style", "bombs: png of 60000 pixels as style", "arguments: --ffmpeg-args '{victim}'"),
)
"""A few, of every group that is quick and is right now."""
needs_watcher = pytest.mark.skipif(bool(can_watch()), reason=f"nothing can be watched here: {can_watch()}")


def test_there_are_many_cases_with_names_of_their_own() -> None:
    names = Counter(case.name for case in hostile.all_cases())
    assert len(names) >= 150 and set(names.values()) == {1}
    assert set(QUICK) <= set(names)


@needs_watcher
def test_quick_cases_are_right_and_the_watcher_finds_what_it_is_for() -> None:
    def unnamed(stage: Stage) -> None:
        stage.call("probe", stage.put("private/clip.mp4"), ends="done")

    def full(stage: Stage) -> None:
        stage.run(stage.clip(), environment={"HOSTILE_STDOUT": "/dev/full"})

    cases = [case for case in hostile.all_cases() if case.name in QUICK] + [Case("a full standard output", full)]
    *verdicts, caught = hostile.play([*cases, Case("unnamed", unnamed)], 1)
    assert {verdict.case.name: verdict.wrong for verdict in verdicts if verdict.wrong} == {}
    assert len(verdicts) == len(cases)
    assert any("private/clip.mp4, which was not named" in text for text in caught.wrong)


def _allowed(root: Path, ends: str = "done") -> Allowed:
    out = root / "out"
    return Allowed(
        [root / "in"], [out / "film.mp4", out / "s.####.png"], [out], [], [root / "tmp"], [root / "tmp"], [ends]
    )


def _seen(*found: Event, code: int = 0, err: str = "") -> Seen:
    return Seen(code, "", err, 0.1, 0.1, "", (), found)


def _opened(path: str, writes: bool = False, real: str = "") -> Event:
    return Event(1, "open", path, real or path, writes, False, True, "openat")


@pytest.mark.parametrize(
    ("event", "complaint"),
    [
        (_opened("ROOT/in/clip.mp4"), ""),
        (_opened("ROOT/private/secret"), "which was not named"),
        (_opened("ROOT/out/film.mp4", writes=True), ""),
        (_opened("ROOT/out/s.0012.png", writes=True), ""),
        (_opened("ROOT/out/.film.part.mp4", writes=True, real="ROOT/private/secret"), "for writing"),
        (_opened("ROOT/out/other.mp4", writes=True), "for writing"),
        (_opened("/dev/null", writes=True), ""),
        (Event(1, "net", "AF_INET, SOCK_STREAM", "", True, False, False, "socket"), "a socket"),
        (Event(1, "run", "/usr/bin/curl", "", False, False, True, "execve"), "starts /usr/bin/curl"),
        (Event(1, "change", "ROOT/in/clip.mp4", "", True, False, True, "unlink"), "unlink of"),
    ],
)
def test_what_is_none_of_a_calls_business_is_found(tmp_path: Path, event: Event, complaint: str) -> None:
    def placed(text: str) -> str:
        return text.replace("ROOT", str(tmp_path))

    moved = Event(**{**vars(event), "path": placed(event.path), "real": placed(event.real)})
    found = complaints(_seen(moved), _allowed(tmp_path), {}, {})
    assert (complaint in found[0] and len(found) == 1) if complaint else found == []


@pytest.mark.parametrize(
    ("code", "err", "complaint"),
    [
        (2, "stylevideo: There is no such clip.", ""),
        (2, "stylevideo run: --size: -1 is below 0.", ""),
        (2, "", "no sentence says why"),
        (0, "", "ends done instead of refused"),
        (-9, "", "ends dead"),
        (2, "Traceback (most recent call last):\nstylevideo: x", "a traceback"),
        (2, "stylevideo: unexpected KeyError", "the word unexpected"),
        (2, "stylevideo: \x1b[31mred", "control characters"),
    ],
)
def test_what_is_said_is_judged(tmp_path: Path, code: int, err: str, complaint: str) -> None:
    found = complaints(_seen(code=code, err=err), _allowed(tmp_path, "refused"), {}, {})
    assert (complaint in " ".join(found)) if complaint else found == []


def test_what_has_changed_is_found(tmp_path: Path) -> None:
    for folder in ("in", "out", "tmp", "private"):
        (tmp_path / folder).mkdir()
    clip, film, left = (tmp_path / name for name in ("in/clip.mp4", "out/film.mp4", "tmp/left"))
    clip.write_text("clip")
    before = snapshot(tmp_path)
    film.write_text("film")
    assert complaints(_seen(), _allowed(tmp_path), before, snapshot(tmp_path)) == []
    clip.write_text("another")
    left.write_text("left")
    (tmp_path / "private" / "new").symlink_to(clip)
    found = complaints(_seen(), _allowed(tmp_path), before, snapshot(tmp_path))
    assert sorted(found) == sorted([f"{clip} has changed", f"leaves {left}", f"makes {tmp_path / 'private' / 'new'}"])


def test_a_trace_is_read_with_divided_lines_and_escapes() -> None:
    lines = (
        '7 openat(AT_FDCWD</a>, "b\\n\\303\\244", O_RDONLY <unfinished ...>',
        '8 rename("/x", "/y") = 0',
        "7 <... openat resumed>) = 3</a/b\\n\\303\\244>",
        '7 openat(AT_FDCWD</a>, "c", O_WRONLY|O_CREAT, 0666) = -1 ENOENT (No such file)',
        "9 socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 4",
        '9 symlink("text", "/z") = 0',
    )
    found = [(event.pid, event.kind, event.path, event.writes, event.worked) for event in events(lines)]
    assert found == [
        (8, "change", "/x", True, True),
        (8, "change", "/y", True, True),
        (7, "open", "/a/b\nä", False, True),
        (7, "open", "/a/c", True, False),
        (9, "net", "AF_INET, SOCK_STREAM, IPPROTO_IP", True, True),
        (9, "change", "/z", True, True),
    ]
