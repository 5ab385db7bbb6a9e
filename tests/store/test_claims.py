"""A shot is painted by one process at a time; from one that has ended, or is halted, another takes it over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from batch_fixtures import wait_until

from stylevideo.cli.main import main
from stylevideo.errors import LockedError, ResumeError, StorageError
from stylevideo.media.hidden import CLAIMS, Places
from stylevideo.store import claims
from stylevideo.store.claims import ShotClaims
from stylevideo.store.frames import FrameStore
from stylevideo.store.lock import is_locked, sole_run
from stylevideo.store.notes import names_in
from stylevideo.store.unfinished import find_unfinished, remove_unfinished
from stylevideo.system.process import process_in_words

PICTURE = np.zeros((8, 8, 3), np.uint8)
posix = pytest.mark.skipif(os.name == "nt", reason="whether a process has ended is not asked for there")
TAKE = """
import sys
from pathlib import Path
from stylevideo.store.claims import ShotClaims
with ShotClaims(Path(sys.argv[1])) as claims:
    print(claims.take(3), flush=True)
    sys.stdin.read()
"""


class Clock:
    """A time that passes when it is told to, for claims that are asked for; touching takes its own."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        patch.setattr("stylevideo.store.claims.time.monotonic", lambda: self.now)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return tmp_path / "film.mp4"


@pytest.fixture
def store(film: Path) -> FrameStore:
    return FrameStore(Places.of(film), {})


@pytest.fixture
def other(store: FrameStore) -> ShotClaims:
    """Of another painter."""
    return ShotClaims(store.folder)


@pytest.fixture
def elsewhere(store: FrameStore, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Lets what follows be claimed by processes of another machine, of which this one knows nothing."""

    def begin() -> None:
        monkeypatch.setattr(claims, "process_mark", lambda: "00000000-1-1")
        monkeypatch.setattr(claims, "process_in_words", lambda: "process 1 on elsewhere")

    return begin


def names(store: FrameStore) -> list[str]:
    return sorted(path.name for path in (store.folder / CLAIMS).iterdir())


def test_a_shot_that_is_claimed_while_it_is_looked_for_others_is_kept(
    store: FrameStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that saves looks at the claims while the one that paints goes on to the next shot."""
    assert store.claims.take(0)

    def claim_meanwhile(folder: Path) -> frozenset[str]:
        names = names_in(folder)
        monkeypatch.undo()
        assert store.claims.take(1)
        return names

    monkeypatch.setattr("stylevideo.store.claims.names_in", claim_meanwhile)
    store.claims.require_kept()


def test_a_shot_is_one_painters_until_it_lets_go(store: FrameStore, other: ShotClaims) -> None:
    assert store.take(3)
    assert store.take(3), "whoever has it may ask again"
    assert not other.take(3)
    assert other.take(4)
    store.complete(3, 30)
    assert not FrameStore(Places.of(store.folder.with_name("film.mp4")), {}).take(3), "it is complete"
    other.release(4)
    assert names(store) == []


def test_the_end_of_a_run_lets_go_of_all(store: FrameStore, other: ShotClaims) -> None:
    with store.claims:
        assert store.take(0)
        assert store.take(1)
    assert names(store) == []
    assert other.take(0)


def test_of_many_who_ask_at_once_one_gets_it(store: FrameStore) -> None:
    for shot in range(20):
        taken, begin = list[bool](), threading.Barrier(8)

        def take(shot: int = shot, begin: threading.Barrier = begin, taken: list[bool] = taken) -> None:
            painter = ShotClaims(store.folder)
            begin.wait()
            taken.append(painter.take(shot))

        painters = [threading.Thread(target=take) for _ in range(8)]
        for painter in painters:
            painter.start()
        for painter in painters:
            painter.join()
        assert sorted(taken) == [False] * 7 + [True]


@posix
def test_what_a_killed_process_had_is_free_at_once(store: FrameStore, other: ShotClaims) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", TAKE, str(store.folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as painter:
        assert painter.stdout and painter.stdout.readline() == "True\n"
        assert not other.take(3)
        assert f"process {painter.pid} on " in other.holder(3)
        painter.send_signal(signal.SIGKILL)
    assert ShotClaims(store.folder).take(3)


def test_another_machines_shot_is_taken_over_once_its_claim_is_not_touched(
    store: FrameStore, other: ShotClaims, elsewhere: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one was halted, and goes on: it writes no more, and takes nothing back."""
    clock = Clock(monkeypatch)
    store.save(1, PICTURE, {})
    with monkeypatch.context():
        elsewhere()
        assert store.take(3)
    claim = store.folder / CLAIMS / names(store)[0]
    for _ in range(5):
        clock.now += claims.LEASE_S * 0.9
        assert not other.take(3), "it is touched, however the clocks of both go"
        os.utime(claim, ns=(1, claim.stat().st_mtime_ns + 1))
    clock.now += claims.LEASE_S * 1.1
    assert not other.take(3), "nobody has watched it for so long"
    clock.now += claims.LEASE_S * 1.1
    assert not other.take(3), "who watches it may have been halted with it, and gives it time to go on"
    clock.now += claims.LEASE_S * 0.6
    assert other.take(3)
    other.require_kept()
    for write in (
        lambda: store.save(2, PICTURE, {}),
        lambda: store.save_state(3, {"index": 2}),
        lambda: store.complete(3, 9),
    ):
        with pytest.raises(LockedError, match="another one has taken over what it painted"):
            write()
    assert not store.is_complete(3)
    store.claims.release(3)
    assert len(names(store)) == 2, "nothing of who took over is removed"
    other.require_kept()
    other.release(3)
    assert names(store) == []


def test_who_paints_touches_its_claims(store: FrameStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "TOUCH_S", 0.02)
    with store.claims:
        assert store.take(3)
        claim = store.folder / CLAIMS / names(store)[0]
        before = claim.stat().st_mtime_ns
        wait_until(lambda: claim.stat().st_mtime_ns > before)


def test_work_that_is_painted_is_not_thrown_away(
    film: Path, store: FrameStore, elsewhere: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    store.save(1, PICTURE, {})
    assert not is_locked(Places.of(film))
    elsewhere()
    assert store.take(0)
    assert is_locked(Places.of(film))
    (work,) = find_unfinished([film.parent])
    assert work.in_use
    assert main(["cache", "clear", "-y", str(film.parent)]) == 0
    assert "a run is working on it (kept)" in capsys.readouterr().err
    for attempt in (lambda: remove_unfinished(work), lambda: FrameStore(Places.of(film), {}, restart=True)):
        with pytest.raises(LockedError, match="are being painted by process 1 on elsewhere"):
            attempt()
    assert np.array_equal(store.picture(1), PICTURE)
    store.claims.release(0)
    assert main(["cache", "clear", "-y", str(film.parent)]) == 0
    assert list(film.parent.iterdir()) == []


def test_a_claim_of_long_ago_hinders_nothing(film: Path, store: FrameStore, elsewhere: Callable[[], None]) -> None:
    """Of a machine that was switched off."""
    elsewhere()
    assert store.take(0)
    os.utime(store.folder / CLAIMS / names(store)[0], (1, 1))
    assert not is_locked(Places.of(film))
    assert ShotClaims(store.folder).take(0)
    FrameStore(Places.of(film), {}).remove()
    assert list(film.parent.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"\0" * 500, b"0" * 10_000, b"zz-1-1\nx\n"])
def test_a_damaged_claim_counts_as_somebody_elses(store: FrameStore, other: ShotClaims, content: bytes) -> None:
    (store.folder / CLAIMS / "00003.1").write_bytes(content)
    assert not other.take(3)
    assert other.holder(3) == ""


def test_where_the_work_is_gone_there_is_nothing_to_claim(store: FrameStore) -> None:
    store.remove()
    with pytest.raises(ResumeError, match="is gone"):
        store.take(0)


def test_a_claim_that_cannot_be_written_ends_in_a_sentence(store: FrameStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(claims, "open_new", full)
    with pytest.raises(StorageError, match=r"cannot be written \(No space left on device\)\. Free some space\."):
        store.take(0)


HALTED = """
import fcntl, os, sys, time
from pathlib import Path
if sys.argv[2]:
    def flock(file, operation):
        raise OSError(38, "Function not implemented")
    fcntl.flock = flock
from stylevideo.errors import Stopped
from stylevideo.media.hidden import Places
from stylevideo.store import lock
lock.TOUCH_S = 0.05
lock.process_in_words = lambda: sys.argv[3]
with lock.sole_run(Places.of(Path(sys.argv[1]))) as is_lost:
    print("begun", flush=True)
    while not is_lost():
        time.sleep(0.01)
    raise Stopped
"""


@posix
@pytest.mark.filterwarnings("ignore:flock not supported")
@pytest.mark.parametrize(("name", "has_locks"), [("film.mp4", True), ("f" * 230 + ".mp4", True), ("film.mp4", False)])
def test_the_film_of_a_run_that_is_halted_is_taken_over_once_its_lock_is_not_touched(
    tmp_path: Path, name: str, has_locks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By one of those that wait; the other one goes on, and ends with a sentence.

    Both may be in containers where their names and numbers are the same, and on a disk that knows no locks.
    """
    film = tmp_path / name
    clock, places = Clock(monkeypatch), Places.of(film)
    if not has_locks:

        def flock(file: int, operation: int) -> None:
            raise OSError(38, "Function not implemented")

        monkeypatch.setattr("fcntl.flock", flock)

    def refuse() -> None:
        with pytest.raises(LockedError, match="is being made by another run"), sole_run(places):
            pass

    no_locks = "" if has_locks else "no locks"
    command = [sys.executable, "-c", HALTED, str(film), no_locks, process_in_words()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as halted:
        try:
            assert halted.stdout and halted.stdout.readline() == "begun\n"
            for _ in range(3):
                refuse()
                clock.now += claims.LEASE_S * 1.1
                touched = places.lock.stat().st_mtime_ns
                wait_until(lambda touched=touched: places.lock.stat().st_mtime_ns != touched)
            halted.send_signal(signal.SIGSTOP)
            for _ in range(2):
                refuse()
                clock.now += claims.LEASE_S * 0.6
            with sole_run(places) as is_lost:
                refuse()
                halted.send_signal(signal.SIGCONT)
                assert (
                    halted.communicate(timeout=60)[1]
                    .splitlines()[-1]
                    .startswith(
                        "stylevideo.errors.LockedError: This process did nothing for 120 s or more, and another one has"
                    )
                )
                assert places.lock.exists(), "the one that has it now"
                assert not is_lost()
        finally:
            halted.kill()
    assert list(film.parent.iterdir()) == []


def test_who_was_taken_over_from_neither_removes_nor_keeps_what_another_has_begun(
    film: Path, store: FrameStore
) -> None:
    """It was halted when its film was complete, and goes on."""
    store.save(1, PICTURE, {})
    anew = FrameStore(Places.of(film), {"strength": 1}, restart=True)
    anew.save(2, PICTURE, {})
    for end in (store.keep, store.remove):
        with pytest.raises(ResumeError, match="was thrown away, or begun anew"):
            end()
    assert np.array_equal(anew.picture(2), PICTURE)
    assert not anew.read_note("whole")
    anew.remove()
    assert list(film.parent.iterdir()) == []


@posix
def test_a_run_whose_lock_is_gone_says_so(film: Path) -> None:
    """One that has ended took over, or somebody removed it; what the run fails of, such as damaged frames, misleads."""
    places = Places.of(film)
    gone = "is gone or cannot be read: it was removed, or .* another one has taken over"
    with pytest.raises(LockedError, match=gone), sole_run(places):
        places.lock.unlink()
        raise ResumeError("A frame is damaged.")
