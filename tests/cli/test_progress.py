"""What a run shows: how far it is, whatever happens to clips on the way, and to the terminal."""

from __future__ import annotations

import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stylevideo.cli.progress import Bar, Tally
from stylevideo.reports.estimate import Estimate
from stylevideo.work import Work


def estimate(frames: int, finished: int = 0) -> Estimate:
    work = Work({("evaluation", 100): frames - finished})
    return Estimate(frames, 64, 48, finished, work, bytes_needed=0, device="cpu")


def test_a_clip_that_fails_is_no_longer_to_be_done() -> None:
    tally = Tally({0: estimate(10), 2: estimate(30, finished=20)})
    assert (tally.done, tally.total) == (0, 2000)
    tally.begin(0, finished=0)
    for _ in range(4):
        tally.add(0)
    assert (tally.done, tally.total) == (400, 2000)
    tally.end(0)
    assert (tally.done, tally.total) == (400, 1400)
    tally.end(1)  # one that could not be made from the start
    tally.begin(2, finished=20)
    for _ in range(10):
        tally.add(2)
    tally.end(2)
    assert (tally.done, tally.total) == (1400, 1400)


def test_a_clip_that_is_begun_anew_gives_back_what_it_had() -> None:
    tally = Tally({0: estimate(10)})
    tally.begin(0, finished=0)
    for _ in range(6):
        tally.add(0)
    tally.begin(0, finished=4)  # another precision: the frames that are safe stay
    assert tally.done == 400
    tally.begin(0, finished=0)  # another size
    assert tally.done == 0


def test_frames_that_are_thrown_away_are_to_be_made_again() -> None:
    """A smaller size begins anew what was foreseen to be gone on from."""
    tally = Tally({0: estimate(30, finished=20)})
    tally.begin(0, finished=0)
    for _ in range(25):
        tally.add(0)
    assert (tally.done, tally.total) == (500, 1000)
    for _ in range(7):  # two are made twice
        tally.add(0)
    assert tally.done == tally.total


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), min_size=1, max_size=5))
def test_a_batch_ends_at_its_end(clips: list[tuple[int, int]]) -> None:
    tally = Tally({index: estimate(frames) for index, (frames, _) in enumerate(clips)})
    for index, (_, made) in enumerate(clips):
        tally.begin(index, finished=0)
        for _ in range(made):
            tally.add(index)
        tally.end(index)
    assert tally.done == tally.total


class Dead(io.StringIO):
    """A terminal that is gone."""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        raise OSError(5, "Input/output error")


def test_a_dead_terminal_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Dead())
    bar = Bar(False, total=3)
    for done in range(4):
        bar.show(done, 3, "loss 0.1")
    bar.close()


def test_a_bar_shows_how_much_is_done_of_how_much(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stderr", terminal)
    bar = Bar(False, total=4, mininterval=0)
    assert bar.is_shown
    bar.show(1, 4)
    bar.show(3, 12, "loss 0.1")
    bar.show(2, 12)
    bar.close()
    shown = terminal.getvalue().split("\r")
    assert any("1/4" in line for line in shown)
    assert any("3/12" in line and "loss 0.1" in line for line in shown)
    assert "2/12" in shown[-1]
