"""Finished frames and the state to go on from, on disk, safe as soon as they are made.

They lie in a hidden folder beside the film, named after it, and are gone once the film is complete. A
frame counts as finished once a state that follows it, or a later frame of its shot, is saved, or once the shot is
marked as complete; whatever a crash left beyond that is made again, from exactly the same start, and replaced. Several
processes may save frames, each of shots that it has claimed. What was spoilt or exchanged is noticed when it is read.
Knows nothing of what a state means.
"""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch

from stylevideo.errors import ResumeError, StorageError, StyleVideoError
from stylevideo.media.hidden import CLAIMS, Places, finished_frames, remove_parts, throw_away
from stylevideo.media.images.pictures import decode_exactly, float_tiff, png
from stylevideo.store.agreement import require_same
from stylevideo.store.claims import ShotClaims, discard, require_unclaimed
from stylevideo.store.notes import (
    FILE_NAMES_BYTES,
    WHOLE_FILE,
    WHOLE_NAME,
    begin_notes,
    find_notes,
    names_in,
    read_if_there,
    spoilt,
    write_job,
)
from stylevideo.store.shots import SHOTS_FOLDER, complete_shots, is_painted, kept_state_file, kept_states, shot_file
from stylevideo.system.files import make_private_folder, write_atomically
from stylevideo.system.heartbeat import beat

FORM = 16
"""Of the folder: another one is not resumed."""
NAMING_FILE = "naming.json"
RECORD_BYTES = 1 << 20
"""The most that the record of a frame may have."""
_STATE = re.compile(r"([0-9]+)\.pt")


def files_being_named(places: Places) -> frozenset[Path]:
    """The files that an interrupted run, which had all frames of a film, had begun to put in their places."""
    with suppress(ResumeError):  # whoever goes on from it says so
        if found := find_notes(places.work):
            return frozenset(map(Path, found[0].read(NAMING_FILE, FILE_NAMES_BYTES) or ()))
    return frozenset()


def read_note(places: Places, name: str) -> Any:
    """A value that an interrupted run of this film has remembered under a name, or None.

    Raises:
        ResumeError: what it left is spoilt.
    """
    found = find_notes(places.work)
    return found[0].read(f"{name}.json") if found else None


def write_note(places: Places, name: str, value: Any) -> None:
    """Remember a value for an interrupted run of this film, if there is one; see `read_note`."""
    if found := find_notes(places.work):
        found[0].write(f"{name}.json", value)


def completed_shots(places: Places) -> frozenset[int]:
    """Indices of the shots of an unfinished film that are complete; see `FrameStore.complete_shots`.

    Raises:
        ResumeError: what says so is spoilt.
    """
    found = find_notes(places.work)
    return frozenset(complete_shots(found[0])) if found else frozenset()


def accept_changes(places: Places, changes: Mapping[str, Any]) -> None:
    """Let an interrupted run's frames be gone on from although these parts of their resume key have changed."""
    if found := find_notes(places.work):
        write_job(found[0], {**found[1], **changes})


def painted_with(places: Places) -> dict[str, Any] | None:
    """The resume key of unfinished work of which all frames are painted, so that no more than the film is missing.

    Raises:
        ResumeError: it is spoilt.
    """
    found = find_notes(places.work)
    return found[1] if found and is_painted(found[0]) else None


def find_store(places: Places, resume_key: Mapping[str, Any]) -> FrameStore | None:
    """The unfinished work of a film, if an interrupted run has left any; nothing is begun.

    Raises:
        ResumeError: as `FrameStore`.
    """
    return FrameStore(places, resume_key, join=True) if find_notes(places.work) else None


class FrameStore:
    """The unfinished work of one film.

    Args:
        places: of the film that is to be made.
        resume_key: everything that decides how the frames look, by name; JSON values.
        restart: throw away what an earlier run left, unless somebody paints a shot of it.
        remembered: values to be kept from the beginning on, by name, see `write_note`.
        join: take part in what another process has begun, and begin nothing.
    Attributes:
        folder: where it is.
        claims: of the shots that this process paints.
    Raises:
        ResumeError: an earlier run left frames that were made from something else, or there are more to be painted and
            this process would paint them otherwise; the message names what differs. Or there is nothing to join.
        LockedError: it is not to be thrown away now.
        StorageError: the folder cannot be written or read.
    """

    def __init__(
        self,
        places: Places,
        resume_key: Mapping[str, Any],
        restart: bool = False,
        remembered: Mapping[str, Any] | None = None,
        join: bool = False,
    ) -> None:
        self._places, self.folder = places, places.work
        self.claims = ShotClaims(self.folder)
        self._complete: set[int] = set()
        if restart:
            discard(places)
        asked: dict[str, Any] = json.loads(json.dumps(resume_key))
        if found := find_notes(self.folder):
            self._notes, before = found
            finished = None if join else finished_frames(places)  # by others it is not begun anew
            require_same(self.folder, before, asked, finished)
            remove_parts(places)
        elif join:
            raise ResumeError(f"{self.folder} is gone: the film is complete, or was given up.")
        else:
            throw_away(self._places)
            self._notes = begin_notes(self.folder)
            self._begin(asked, remembered or {})

    @property
    def has_frames(self) -> bool:
        """Whether there is anything to go on from."""
        return any((self.folder / "shots").glob("*"))

    def save(self, number: int, picture: np.ndarray, record: Mapping[str, Any]) -> None:
        """Keep a frame, and what is reported of it; it counts with the next `save_state` or `complete` of its shot.

        Args:
            number: the frame's.
            picture: (H, W, 3) uint8, uint16 or float32, RGB.
            record: JSON values.
        Raises:
            ResumeError: somebody else has thrown the folder away, or begun it anew.
            LockedError: somebody else has taken over what this process painted, since it was halted.
            StorageError: the disk is full, or the folder cannot be written.
        """
        with self._own():
            self._save_picture("frames", number, picture, record)

    def save_state(self, shot: int, state: Mapping[str, Any], kept_at: int | None = None) -> None:
        """Keep the state to resume a shot from, after one of its frames; that and all before it are saved.

        Args:
            shot: its index.
            state: tensors, numbers, strings, and lists or tuples of them; replaces the shot's former state.
            kept_at: the frame's index where the state stays with the frames when the shot is complete.
        Raises:
            ResumeError, LockedError, StorageError: as `save`.
        """
        with self._own():
            content = _torch_bytes(state)
            if kept_at is not None:
                self._notes.write_content(kept_state_file(shot, kept_at), content)
            self._notes.write_content(shot_file(shot, "pt"), content)
            if self.is_complete(shot):  # since this state was begun, in another thread
                self._remove_state(shot)

    def complete(self, shot: int, number: int) -> None:
        """Mark a shot as complete, and let go of it; all of its frames are saved.

        Args:
            shot: its index.
            number: of its last frame.
        Raises:
            ResumeError, LockedError, StorageError: as `save`.
        """
        with self._own():
            self._notes.write(shot_file(shot, "complete"), number)
            self._remove_state(shot)
        self.claims.release(shot)

    def take(self, shot: int) -> bool:
        """Claim a shot that is not complete; whether it is now this process's to be painted.

        Raises:
            ResumeError: the work is gone, or what says that the shot is complete is spoilt.
            StorageError: the disk is full, or the folder cannot be written.
        """
        if not self.claims.take(shot):
            return False
        if self.is_complete(shot):  # by whoever had it before
            self.claims.release(shot)
            return False
        return True

    def is_complete(self, shot: int) -> bool:
        """Whether all frames of the shot with this index are finished; see `complete_shots`."""
        return shot in self._complete or shot in self.complete_shots()

    def complete_shots(self) -> frozenset[int]:
        """Indices of the shots whose frames are all finished, whoever painted them: one look for all.

        Raises:
            ResumeError: what says so is spoilt.
        """
        self._complete |= complete_shots(self._notes, self._complete)
        return frozenset(self._complete)

    def last_state(self, shot: int, most_bytes: int) -> dict[str, Any] | None:
        """The state that was saved last for a shot, on the CPU.

        Args:
            shot: its index.
            most_bytes: that it may have on disk.
        Returns:
            None where none of its frames is finished. Without the state none counts as finished, so one that was
            spoilt or exchanged is none.
        Raises:
            ResumeError: what lies in its place was never a state.
        """
        return self._read_state(shot_file(shot, "pt"), most_bytes)

    def _read_state(self, name: str, most_bytes: int) -> dict[str, Any] | None:
        content = self._notes.read_content(name, most_bytes)
        if content is None:
            return None
        try:
            state: dict[str, Any] = torch.load(content, map_location="cpu", weights_only=True)
        except (RuntimeError, EOFError, KeyError, pickle.UnpicklingError) as error:
            raise spoilt(self.folder / name) from error
        return state

    def kept_states(self) -> frozenset[int]:
        """Indices of the shots of which there is a state, whole or not: one look for all."""
        names = names_in(self.folder / "shots")
        return frozenset(int(found[1]) for found in filter(None, map(_STATE.fullmatch, names)))

    def state_file(self, shot: int) -> Path:
        """Where `last_state` is, if it is there."""
        return self.folder / shot_file(shot, "pt")

    def picture(self, number: int) -> np.ndarray:
        """A finished frame as it was saved: (H, W, 3), RGB.

        Raises:
            ResumeError: it is not there, spoilt, or another.
        """
        return self._read_picture("frames", number)

    def record(self, number: int) -> dict[str, Any]:
        """What was reported of a finished frame.

        Raises:
            ResumeError: it is not there, or spoilt.
        """
        record: dict[str, Any] = self._read_record("frames", number)["record"]
        return record

    def require_pictures(self, frames: Iterable[int], turned: Iterable[int], whole: bool) -> None:
        """Look at pictures that were kept earlier, at their records, and at what is noted of shots.

        Args:
            frames: numbers of finished frames.
            turned: numbers of those of `save_backwards`.
            whole: whether every byte is looked at; else only how many there are.
        Raises:
            ResumeError: one is not there, spoilt, or another.
        """
        for name in names_in(self.folder / SHOTS_FOLDER):
            if name.endswith(".json"):  # see `finish_backwards`
                self._notes.read(f"{SHOTS_FOLDER}/{name}")
        look = self._picture_data if whole else self._require_size
        for folder, numbers in (("frames", frames), ("backwards", turned)):
            for number in numbers:
                beat()
                look(folder, number)

    def save_backwards(
        self, number: int, picture: np.ndarray, record: Mapping[str, Any], share: np.ndarray | None = None
    ) -> None:
        """Keep a frame as it was made backwards.

        Args:
            number, picture, record: as of `save`.
            share: (H, W) uint8, how much of each pixel is of the frame that it was made from; None where nobody asks.
        Raises:
            ResumeError, LockedError, StorageError: as `save`.
        """
        with self._own():
            if share is not None:
                self._make_folder("shares")
                self._save_picture("shares", number, np.dstack([share] * 3), {})
            self._make_folder("backwards")
            self._save_picture("backwards", number, picture, record)

    def backwards(self, number: int) -> np.ndarray:
        """The picture that `save_backwards` kept.

        Raises:
            ResumeError: it is not there, spoilt, or another.
        """
        return self._read_picture("backwards", number)

    def backwards_share(self, number: int) -> np.ndarray:
        """The share that `save_backwards` kept, (H, W) uint8.

        Raises:
            ResumeError: it is not there, spoilt, or another.
        """
        return np.ascontiguousarray(self._read_picture("shares", number)[..., 0])

    def backwards_record(self, number: int) -> dict[str, Any]:
        """The record that `save_backwards` kept.

        Raises:
            ResumeError: it is not there, or spoilt.
        """
        record: dict[str, Any] = self._read_record("backwards", number)["record"]
        return record

    def backwards_numbers(self) -> tuple[int, ...]:
        """Numbers of the frames that `save_backwards` kept."""
        return tuple(sorted(int(name[:-5]) for name in names_in(self.folder / "backwards") if name.endswith(".json")))

    def save_back_state(self, shot: int, state: Mapping[str, Any]) -> None:
        """Keep the state to go on from where frames of a shot are made backwards; see `save_state`."""
        with self._own():
            self._notes.write_content(shot_file(shot, "back"), _torch_bytes(state))

    def last_back_state(self, shot: int, most_bytes: int) -> dict[str, Any] | None:
        """What `save_back_state` kept; as of `last_state`."""
        return self._read_state(shot_file(shot, "back"), most_bytes)

    def finish_backwards(self, shot: int, origin: int, told: Mapping[str, Any]) -> None:
        """Note that all frames of a shot that are made backwards from one are made.

        Args:
            shot: its index.
            origin: index of that frame.
            told: JSON values.
        """
        with self._own():
            self._notes.write(shot_file(shot, "json"), {**self._finished_backwards(shot), str(origin): told})
            with suppress(OSError):
                (self.folder / shot_file(shot, "back")).unlink(missing_ok=True)

    def finished_backwards(self, shot: int, origin: int) -> dict[str, Any] | None:
        """What `finish_backwards` was told; None where it was not called yet.

        Raises:
            ResumeError: it is spoilt.
        """
        return self._finished_backwards(shot).get(str(origin))

    def _finished_backwards(self, shot: int) -> dict[str, Any]:
        return self._notes.read(shot_file(shot, "json")) or {}

    def drop_shot(self, shot: int, numbers: Iterable[int]) -> None:
        """Throw away all that there is of a shot, so that it is made anew.

        Args:
            shot: its index.
            numbers: of its frames.
        Raises:
            LockedError: somebody paints a shot of the film.
            StorageError: something cannot be removed.
        """
        require_unclaimed(self._places)
        names = [shot_file(shot, kind) for kind in ("complete", "pt", "back", "json")]  # first what the rest counts by
        names += [WHOLE_FILE, *(kept_state_file(shot, index) for index in kept_states(self._notes, shot))]
        for folder, number in product(("frames", "backwards", "shares"), numbers):
            pictures = [self._picture_path(folder, number, is_float) for is_float in (False, True)]
            names += [_record_name(folder, number), *(f"{folder}/{path.name}" for path in pictures)]
        for name in names:
            self._remove(name)
        self._complete.discard(shot)

    def write_note(self, name: str, value: Any) -> None:
        """Keep a JSON value that took time to find, such as the cuts."""
        self._notes.write(f"{name}.json", value)

    def mark_naming(self, files: Iterable[Path]) -> None:
        """Remember that from now on what is under these names may be this job's own.

        Raises:
            ResumeError, LockedError, StorageError: as `save`.
        """
        with self._own():
            self._notes.write(NAMING_FILE, [str(file) for file in files])

    def read_note(self, name: str) -> Any:
        """The value kept under this name, or None.

        Raises:
            ResumeError: it is spoilt.
        """
        return self._notes.read(f"{name}.json")

    def keep(self) -> str:
        """Leave the work where it is although its film is complete, see `stylevideo.store.kept`; nothing to be said.

        Raises:
            ResumeError: it is no longer this work's.
            StorageError: that cannot be noted.
        """
        self.require_own()
        self._remove(NAMING_FILE)  # what is under these names from now on is the user's
        self.write_note(WHOLE_NAME, True)
        return ""

    def reopen(self) -> None:
        """Have kept work count as a film's that is still to be made.

        Raises:
            StorageError: the folder cannot be written.
        """
        self._remove(WHOLE_FILE)

    def remove(self) -> str:
        """Delete the work; see `stylevideo.media.hidden.throw_away`.

        Raises:
            ResumeError: what is there is no longer this work's.
            InputError, StorageError: as there.
        """
        self.require_own()
        return throw_away(self._places)

    def _begin(self, resume_key: Mapping[str, Any], remembered: Mapping[str, Any]) -> None:
        """Make the folder, or leave nothing; the resume key comes last, since it counts only with the rest."""
        try:
            self._make_folder("frames")
            self._make_folder("shots")
            self._make_folder(CLAIMS)
            for name, value in remembered.items():
                self.write_note(name, value)
            write_job(self._notes, resume_key)
        except StorageError:
            with suppress(StyleVideoError):
                throw_away(self._places)
            raise

    def _make_folder(self, name: str) -> None:
        try:
            for folder in (self.folder, self.folder / name):
                with suppress(FileExistsError):
                    make_private_folder(folder)
        except OSError as error:
            raise StorageError(
                f"{self.folder} cannot be made ({error.strerror}): the frames are kept beside the film until it is "
                "complete. Choose an output in a folder that can be written."
            ) from error

    def _save_picture(self, folder: str, number: int, picture: np.ndarray, record: Mapping[str, Any]) -> None:
        """Keep a picture, and then its record, without which it does not count; the record tells size and hash."""
        is_float = picture.dtype == np.float32
        data = float_tiff(picture) if is_float else png(picture)
        write_atomically(self._picture_path(folder, number, is_float), data)
        told = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "float": is_float, "record": record}
        self._notes.write(_record_name(folder, number), told)

    def _read_picture(self, folder: str, number: int) -> np.ndarray:
        return decode_exactly(*self._picture_data(folder, number))

    def _picture_data(self, folder: str, number: int) -> tuple[bytes, Path]:
        """What a picture's file holds, and the file; no more of it is read than was written."""
        told = self._read_record(folder, number)
        path = self._picture_path(folder, number, told["float"])
        data = read_if_there(path, told["bytes"])
        if data is None or hashlib.sha256(data).hexdigest() != told["sha256"]:
            raise spoilt(path)
        return data, path

    def _require_size(self, folder: str, number: int) -> None:
        told = self._read_record(folder, number)
        path = self._picture_path(folder, number, told["float"])
        try:
            is_whole = path.lstat().st_size == told["bytes"]
        except OSError as error:
            raise spoilt(path) from error
        if not is_whole:
            raise spoilt(path)

    def _read_record(self, folder: str, number: int) -> dict[str, Any]:
        told: dict[str, Any] | None = self._notes.read(_record_name(folder, number), RECORD_BYTES)
        if told is None:
            raise spoilt(self.folder / _record_name(folder, number))
        return told

    def _picture_path(self, folder: str, number: int, is_float: bool) -> Path:
        return self.folder / folder / f"{number:08d}.{'tif' if is_float else 'png'}"

    @contextmanager
    def _own(self) -> Iterator[None]:
        """Write only where the folder is still this work's, or others would go on from frames that are not there."""
        self.require_own()
        self.claims.require_kept()
        try:
            yield
        except StorageError:
            self.require_own()  # why a folder cannot be written that is gone
            raise

    def _remove(self, name: str) -> None:
        try:
            (self.folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(f"{self.folder / name} cannot be removed ({error.strerror}).") from error

    def _remove_state(self, shot: int) -> None:
        with suppress(OSError):  # nobody looks at it any more
            self.state_file(shot).unlink(missing_ok=True)

    def require_own(self) -> None:
        """Refuse to go on where the folder is no longer this work's.

        Raises:
            ResumeError: it was thrown away, or begun anew.
        """
        found = find_notes(self.folder)
        if found is None or found[0].mark != self._notes.mark:
            raise ResumeError(f"{self.folder} was thrown away, or begun anew, while frames were made for it.")


def _torch_bytes(state: Mapping[str, Any]) -> memoryview:
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    return buffer.getbuffer()


def _record_name(folder: str, number: int) -> str:
    return f"{folder}/{number:08d}.json"
