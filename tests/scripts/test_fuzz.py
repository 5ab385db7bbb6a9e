"""Damaged footage ends in a film or a sentence; `python -m scripts.fuzz` tries far more of it than this."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.fuzz.damage import CHANGES, Original, damage
from scripts.fuzz.run import fuzz
from scripts.fuzz.worker import CrashError, HangError, Worker

FEW = 10
ORIGINALS = [Original("clip.mp4", {"clip.mp4": bytes(range(256)) * 20}), Original("shots", {"a": b"a" * 99, "b": b"b"})]


def nothing() -> None:
    """Stands for what is loaded."""


def serve(word: str) -> str:
    """Does what it is told."""
    if word == "die":
        os.abort()
    if word == "sleep":
        time.sleep(60)
    return word.upper()


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    worker = Worker(nothing, serve, tmp_path / "log.txt", 4 << 30)
    yield worker
    worker.stop()


def test_damaged_clips_become_films_or_are_refused(tmp_path: Path) -> None:
    tally = fuzz(range(FEW), 7, tmp_path / "faults", timeout_s=300)
    assert not tally.faults
    assert sum(tally.probes.values()) == sum(tally.runs.values()) == FEW
    assert tally.runs["film"] > 0


def test_damage_follows_from_the_seed_alone(tmp_path: Path) -> None:
    contents = []
    for name in ("once", "again"):
        (tmp_path / name).mkdir()
        damaged = damage(ORIGINALS, 3, 8, tmp_path / name)
        contents.append([file.read_bytes() for file in sorted(damaged.folder.iterdir())])
    assert contents[0] == contents[1] != [ORIGINALS[0].files["clip.mp4"]]


def test_every_kind_of_damage_occurs(tmp_path: Path) -> None:
    done = set()
    for number in range(200):
        (tmp_path / f"{number}").mkdir()
        damaged = damage(ORIGINALS, 0, number, tmp_path / f"{number}")
        assert damaged.clip.exists() and damaged.clip.is_dir() == bool(number % 2)
        done |= {name for name in CHANGES if name in damaged.story}
    assert done == set(CHANGES)


@pytest.mark.skipif(os.name == "nt", reason="an abort opens a window there")
def test_a_worker_that_dies_or_hangs_is_noticed_and_replaced(worker: Worker) -> None:
    assert worker.ask("a", 60).value == "A"
    with pytest.raises(CrashError, match="SIGABRT"):
        worker.ask("die", 60)
    with pytest.raises(HangError, match=r"within 0\.5 s"):
        worker.ask("sleep", 0.5)
    answer = worker.ask("b", 60)
    assert answer.value == "B"
    assert 0 <= answer.cpu_seconds < 5
