"""Finished frames survive, equal jobs go on, other jobs are refused by name."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import threading
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from stylevideo.errors import InputError, ResumeError, StorageError
from stylevideo.media.hidden import Places, throw_away
from stylevideo.media.images.pictures import read_picture, write_png
from stylevideo.store.frames import FrameStore, files_being_named, read_note
from stylevideo.system.background import WriteBehind, read_ahead
from stylevideo.system.files import read_file
from stylevideo.system.process import process_mark

STATE_BYTES = 1 << 26
PICTURE = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
JOB = {"style_weight": 1.0, "source": "clip", "layers": ("a", "b")}


def test_frames_records_and_state_come_back_exactly(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    store = FrameStore(Places.of(film), JOB)
    assert store.last_state(2, STATE_BYTES) is None
    state: dict[str, Any] = {"index": 6, "carried": {"image": torch.rand(1, 3, 4, 5)}, "recent_losses": [0.1, 1 / 3]}
    store.save(7, PICTURE, {"loss": 0.25})
    store.save_state(2, state)
    again = FrameStore(Places.of(film), JOB)
    saved = again.last_state(2, STATE_BYTES)
    assert saved is not None
    assert saved["index"] == 6
    assert saved["recent_losses"] == [0.1, 1 / 3]
    assert torch.equal(saved["carried"]["image"], state["carried"]["image"])
    assert np.array_equal(again.picture(7), PICTURE)
    assert again.record(7) == {"loss": 0.25}


def test_the_store_lies_hidden_beside_the_film_and_goes_away(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    store = FrameStore(Places.of(film), JOB)
    assert Places.of(film).work == tmp_path / ".film.mp4.stylevideo"
    assert Places.of(film).work.is_dir()
    store.remove()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_was_writing_is_not_left(tmp_path: Path) -> None:
    """A state is large, and a run may be killed again and again; but what others are writing is left alone."""
    film = tmp_path / "film.mp4"
    store, ended = FrameStore(Places.of(film), JOB), subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    ours = process_mark().partition("-")[0]
    # The other one's number is ours now, as of the first process of a container that is started again.
    left = [f"shots/.{ours}-{ended.pid}-1-{'0' * 16}.part", f".{ours}-{os.getpid()}-1-{'1' * 16}.part"]
    others = [f"shots/.{process_mark()}-{'0' * 16}.part", f"frames/.00000000-{ended.pid}-1-{'0' * 16}.part"]
    foreign = "shots/notes.part"
    for name in (*left, *others, foreign):
        (store.folder / name).write_bytes(b"begun")
    FrameStore(Places.of(film), JOB, join=True)
    there = {path.relative_to(store.folder).as_posix() for path in store.folder.rglob("*.part")}
    assert there == {*others, foreign} if os.name != "nt" else {*left, *others, foreign}
    (store.folder / foreign).unlink()
    store.remove()
    assert list(tmp_path.iterdir()) == []


def test_who_opens_the_work_disturbs_nobody_who_writes_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another machine resumes the film while a frame of one of its shots is being written."""
    film, real = tmp_path / "film.mp4", os.fsync
    store = FrameStore(Places.of(film), JOB)

    def open_meanwhile(descriptor: int) -> None:
        real(descriptor)
        monkeypatch.setattr(os, "fsync", real)
        FrameStore(Places.of(film), JOB)

    monkeypatch.setattr(os, "fsync", open_meanwhile)
    store.save(1, PICTURE, {})
    assert np.array_equal(store.picture(1), PICTURE)


class Forgetful:
    """A network disk that remembers which names were missing, until their folder is listed."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._missing, self._read, self._list = set[Path](), read_file, Path.iterdir
        patch.setattr("stylevideo.store.notes.read_file", self.read)
        patch.setattr(Path, "iterdir", lambda folder: self.list(folder))

    def read(self, path: Path, most_bytes: int) -> bytes:
        if path in self._missing:
            raise FileNotFoundError(2, "No such file or directory")
        try:
            return self._read(path, most_bytes)
        except FileNotFoundError:
            self._missing.add(path)
            raise

    def list(self, folder: Path) -> Iterator[Path]:
        self._missing = {path for path in self._missing if path.parent != folder}
        return self._list(folder)


def test_what_another_machine_made_just_now_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = tmp_path / "film.mp4"
    theirs = FrameStore(Places.of(film), JOB)
    ours = FrameStore(Places.of(film), JOB, join=True)
    Forgetful(monkeypatch)
    assert ours.read_note("shots") is None
    assert ours.last_state(0, STATE_BYTES) is None
    assert not ours.is_complete(0)
    theirs.write_note("shots", [])
    theirs.save_state(0, {"index": 3})
    state = ours.last_state(0, STATE_BYTES)
    assert state is not None and state["index"] == 3
    theirs.complete(0, 9)
    assert ours.is_complete(0)
    assert ours.read_note("shots") == []


def test_another_job_is_refused_with_what_differs(tmp_path: Path) -> None:
    FrameStore(Places.of(tmp_path / "film.mp4"), JOB)
    with pytest.raises(ResumeError, match=r"style_weight was 1\.0 and is 2\.0.*--restart"):
        FrameStore(Places.of(tmp_path / "film.mp4"), {**JOB, "style_weight": 2.0})


def test_restart_throws_away(tmp_path: Path) -> None:
    store = FrameStore(Places.of(tmp_path / "film.mp4"), JOB)
    store.save_state(0, {"index": 0})
    again = FrameStore(Places.of(tmp_path / "film.mp4"), {**JOB, "style_weight": 2.0}, restart=True)
    assert again.last_state(0, STATE_BYTES) is None


def test_what_was_half_thrown_away_is_not_gone_on_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed in the middle; systems remove files in any order."""
    film = tmp_path / "film.mp4"
    store = FrameStore(Places.of(film), JOB)
    store.save(1, PICTURE, {})
    store.complete(0, 1)

    def remove_frames(folder: Path) -> None:
        for file in (folder / "frames").iterdir():
            file.unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("stylevideo.media.hidden._entries", remove_frames)
        patched.setattr("stylevideo.media.hidden.require_own", lambda output: None)
        with pytest.raises(KeyboardInterrupt):
            store.remove()
    assert (Places.of(film).work / "shots" / "00000.complete").exists()
    assert not FrameStore(Places.of(film), JOB).is_complete(0)


def test_work_that_ends_while_it_is_looked_at_is_no_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = tmp_path / "film.mp4"
    FrameStore(Places.of(film), JOB)

    def read_and_end(path: Path, most_bytes: int) -> bytes:
        data = read_file(path, most_bytes)
        throw_away(Places.of(film))
        return data

    monkeypatch.setattr("stylevideo.store.notes.read_file", read_and_end)
    assert read_note(Places.of(film), "anything") is None


def test_a_state_is_saved_and_read_without_copies_of_it(tmp_path: Path) -> None:
    store, size = FrameStore(Places.of(tmp_path / "film.mp4"), JOB), 16 << 20
    tracemalloc.start()  # sees bytes, not tensors
    try:
        store.save_state(0, {"image": torch.zeros(size // 4)})
        assert tracemalloc.get_traced_memory()[1] < 1.5 * size
        tracemalloc.reset_peak()
        assert store.last_state(0, STATE_BYTES) is not None
        assert tracemalloc.get_traced_memory()[1] < 1.5 * size
    finally:
        tracemalloc.stop()


def test_a_sequence_of_any_number_of_files_is_known_while_it_is_named(tmp_path: Path) -> None:
    film = tmp_path / "a.########.png"
    names = [f"/{number:0100000}" for number in range(700)]  # of 70 MB
    FrameStore(Places.of(film), JOB).mark_naming(map(Path, names))
    assert len(files_being_named(Places.of(film))) == len(names)


def test_a_damaged_or_exchanged_state_is_none(tmp_path: Path) -> None:
    """Also that of another shot or film."""
    stores = [FrameStore(Places.of(tmp_path / name), JOB) for name in ("a.mp4", "b.mp4")]
    for store in stores:
        for shot in (0, 1):
            store.save_state(shot, {"index": shot})
    store, other = stores
    own, *foreign = [kept.state_file(shot) for kept in stores for shot in (0, 1)]
    assert store.last_state(0, STATE_BYTES) == {"index": 0}
    for file in foreign:
        own.write_bytes(file.read_bytes())
        assert store.last_state(0, STATE_BYTES) is None
    torch.save({"index": 0}, own)
    assert store.last_state(0, STATE_BYTES) is None
    assert other.last_state(0, STATE_BYTES) == {"index": 0}


def test_what_was_never_a_state_is_refused(tmp_path: Path) -> None:
    store = FrameStore(Places.of(tmp_path / "film.mp4"), JOB)
    store.state_file(0).mkdir()
    with pytest.raises(ResumeError, match=r"00000\.pt is damaged.*--restart"):
        store.last_state(0, STATE_BYTES)


def test_what_was_exchanged_is_noticed(tmp_path: Path) -> None:
    """By a file of the same kind: of another frame, or of the same one of another film."""
    films = [FrameStore(Places.of(tmp_path / name), JOB) for name in ("a.mp4", "b.mp4")]
    for store in films:
        for shot in (0, 1):
            store.save(shot + 1, PICTURE + shot, {"frame": shot})
            store.save_backwards(shot + 1, PICTURE + 2 + shot, {})
    reads = (
        ("frames/0000000{}.png", lambda: films[0].picture(2)),
        ("frames/0000000{}.json", lambda: films[0].record(2)),
        ("backwards/0000000{}.png", lambda: films[0].backwards(2)),
    )
    for name, read in reads:
        file = films[0].folder / name.format(2)
        before = file.read_bytes()
        read()
        mixed_up = [films[0].folder / name.format(1)]
        if not name.endswith("png"):  # pictures that are alike to the last bit may be taken for each other
            mixed_up.append(films[1].folder / name.format(2))
        for exchanged in mixed_up:
            file.write_bytes(exchanged.read_bytes())
            with pytest.raises(ResumeError, match=rf"{file.name} is damaged, or not what.*--restart"):
                read()
        file.write_bytes(before)


def test_values_are_remembered(tmp_path: Path) -> None:
    store = FrameStore(Places.of(tmp_path / "film.mp4"), JOB)
    assert store.read_note("shots") is None
    store.write_note("shots", [{"start": 0}])
    assert FrameStore(Places.of(tmp_path / "film.mp4"), JOB).read_note("shots") == [{"start": 0}]


def test_a_store_that_cannot_be_begun_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr("stylevideo.store.notes.write_atomically", full)
    with pytest.raises(StorageError, match="full"):
        FrameStore(Places.of(tmp_path / "film.mp4"), JOB)
    assert not list(tmp_path.iterdir())


def test_a_picture_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    taken = tmp_path / "taken.png"
    taken.mkdir()
    with pytest.raises(StorageError, match=r"taken\.png cannot be written"):
        write_png(taken, PICTURE)
    assert list(tmp_path.iterdir()) == [taken]


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    huge = bytearray(cv2.imencode(".png", PICTURE)[1].tobytes())
    huge[16:24] = struct.pack(">II", 40_000, 40_000)
    huge[29:33] = struct.pack(">I", zlib.crc32(huge[12:29]))
    for name, data in {"empty.png": b"", "text.jpg": b"hello", "huge.png": huge}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=r"is not a picture|has 40000x40000 pixels"):
            read_picture(tmp_path / name)
    with pytest.raises(InputError, match="cannot be read"):
        read_picture(tmp_path / "missing.png")


def test_reading_ahead_keeps_order_and_bounds() -> None:
    made: list[int] = []

    def numbers():
        for number in range(50):
            made.append(number)
            yield number

    ahead = read_ahead(numbers(), depth=2)
    assert [next(ahead) for _ in range(10)] == list(range(10))
    assert len(made) <= 10 + 2 + 2  # waiting, one in hand, one being made
    assert list(ahead) == list(range(10, 50))


def test_an_error_while_reading_ahead_arrives_in_its_place() -> None:
    def numbers():
        yield 1
        raise ValueError("broken")

    ahead = read_ahead(numbers())
    assert next(ahead) == 1
    with pytest.raises(ValueError, match="broken"):
        next(ahead)


def test_closing_ends_the_reading() -> None:
    closed = False

    def numbers():
        nonlocal closed
        try:
            while True:
                yield 1
        finally:
            closed = True

    ahead = read_ahead(numbers())
    next(ahead)
    ahead.close()
    assert closed


def test_writing_behind_keeps_order_and_bounds_and_stops_at_an_error() -> None:
    written: list[int] = []
    allowed = threading.Semaphore(0)

    def write(number: int) -> None:
        allowed.acquire()
        if number == 5:
            raise StorageError("full")
        written.append(number)

    behind = WriteBehind(write)
    behind.put(1)
    behind.put(2)  # one is being written, one waits
    third = threading.Thread(target=behind.put, args=(3,), daemon=True)
    third.start()
    third.join(0.05)
    assert third.is_alive() and not written
    allowed.release(9)
    third.join()
    behind.put(4)
    behind.put(5)
    with pytest.raises(StorageError, match="full"):
        for number in range(6, 9):
            behind.put(number)
        behind.finish()
    behind.close()
    with pytest.raises(StorageError, match="full"):
        behind.finish()
    assert written == [1, 2, 3, 4]
