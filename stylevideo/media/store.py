"""Finished frames and the state to go on from, on disk, safe as soon as they are made.

They lie in a hidden folder beside the film, named after it, and are gone once the film is complete. A
frame counts as finished once the state that follows it is saved, or a shot's last frame once the shot is marked as
complete; whatever a crash left beyond that is made again, from exactly the same start. Several processes may save
frames, each of other shots. Knows nothing of what a state means.
"""

from __future__ import annotations

import io
import json
import os
import pickle
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

from stylevideo.errors import InputError, ResumeError, StorageError
from stylevideo.media.leftovers import JOB_NAME, store_folder, throw_away
from stylevideo.media.pictures import read_exactly, write_float_tiff, write_png
from stylevideo.system.files import make_private_folder, write_atomically

JOB_FILE = f"{JOB_NAME}.json"
FORM = 2
"""Of the folder: another one is not gone on from."""
NAMING_FILE = "naming.json"


def files_being_named(output: Path) -> frozenset[Path]:
    """The files that an interrupted run, which had all frames of a film, had begun to put in their places."""
    try:
        return frozenset(map(Path, json.loads((store_folder(output) / NAMING_FILE).read_bytes())))
    except (OSError, ValueError, TypeError):
        return frozenset()


def recall(output: Path, name: str) -> Any:
    """A value that an interrupted run of this film has remembered under a name, or None."""
    path = store_folder(output) / f"{name}.json"
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StorageError(f"{path} cannot be read. Add --restart to begin the film anew.") from error


def note(output: Path, name: str, value: Any) -> None:
    """Remember a value for an interrupted run of this film, if there is one; see `recall`."""
    if store_folder(output).exists():
        write_atomically(store_folder(output) / f"{name}.json", json.dumps(value).encode())


def forgive(output: Path, changes: Mapping[str, Any]) -> None:
    """Let an interrupted run's frames be gone on from although these parts of their fingerprint have changed."""
    before = recall(output, JOB_NAME)
    if before is not None:
        note(output, JOB_NAME, {**before, **changes})


def check_resumable(output: Path, fingerprint: Mapping[str, Any]) -> None:
    """Refuse to go on from frames that were made from something else.

    Raises:
        ResumeError: naming what differs.
        StorageError: what an earlier run left cannot be read.
    """
    before = recall(output, JOB_NAME)
    if before is not None:
        _require_same(store_folder(output), before, json.loads(json.dumps(fingerprint)))


class FrameStore:
    """The unfinished work of one film.

    Args:
        output: the film that is to be made.
        fingerprint: everything that decides how the frames look, by name; JSON values.
        restart: throw away what an earlier run left.
        remembered: values to be kept from the beginning on, by name, see `remember`.
        join: take part in what another process has begun, and begin nothing.
    Raises:
        ResumeError: an earlier run left frames that were made from something else; the message names what
            differs. Or there is nothing to join.
        StorageError: the folder cannot be written or read.
    """

    def __init__(
        self,
        output: Path,
        fingerprint: Mapping[str, Any],
        restart: bool = False,
        remembered: Mapping[str, Any] | None = None,
        join: bool = False,
    ) -> None:
        self._output, self.folder = output, store_folder(output)
        if restart:
            self.remove()
        fingerprint = json.loads(json.dumps(fingerprint))
        if (self.folder / JOB_FILE).exists():
            _require_same(self.folder, self._read_json(JOB_FILE), fingerprint)
        elif join:
            raise ResumeError(f"{self.folder} is gone: the film is complete, or was given up.")
        else:
            self.remove()
            self._begin(fingerprint, remembered or {})
        self._begun = self._begun_at()

    @property
    def has_frames(self) -> bool:
        """Whether there is anything to go on from."""
        return any((self.folder / "shots").glob("*"))

    def save(
        self, shot: int, number: int, picture: np.ndarray, record: Mapping[str, Any], state: Mapping[str, Any] | None
    ) -> None:
        """Keep a finished frame, what is reported of it, and the state to go on from.

        Args:
            shot: index of the shot that the frame belongs to.
            number: the frame's.
            picture: (H, W, 3) uint8, uint16 or float32, RGB.
            record: JSON values.
            state: tensors, numbers, strings, and lists or tuples of them; replaces the shot's former state. None: the
                shot is complete.
        Raises:
            ResumeError: somebody else has thrown the folder away, or begun it anew.
            StorageError: the disk is full, or the folder cannot be written.
        """
        self._require_own()
        try:
            self._save(shot, number, picture, record, state)
        except StorageError:
            self._require_own()  # why a folder cannot be written that is gone
            raise

    def _save(
        self, shot: int, number: int, picture: np.ndarray, record: Mapping[str, Any], state: Mapping[str, Any] | None
    ) -> None:
        path = self._picture_path(number, "frames")
        if picture.dtype == np.float32:
            write_float_tiff(path.with_suffix(".tif"), picture)
        else:
            write_png(path, picture)
        self._write_json(self._record_name(number), record)
        self._require_own()  # what follows would let others go on from frames that are not there
        if state is None:
            self._write_json(self._shot_name(shot, "complete"), number)
            with suppress(OSError):  # nobody looks at it any more
                self._state_path(shot).unlink(missing_ok=True)
            return
        buffer = io.BytesIO()
        torch.save(dict(state), buffer)
        write_atomically(self._state_path(shot), buffer.getvalue())

    def is_complete(self, shot: int) -> bool:
        """Whether all frames of the shot with this index are finished."""
        return (self.folder / self._shot_name(shot, "complete")).exists()

    def last_state(self, shot: int) -> dict[str, Any] | None:
        """The state that was saved last for a shot, on the CPU, or None if none of its frames is finished.

        Raises:
            StorageError: it cannot be read.
        """
        path = self._state_path(shot)
        if not path.exists():
            return None
        try:
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, EOFError, KeyError, pickle.UnpicklingError) as error:
            raise StorageError(f"{path} cannot be read. Add --restart to begin the film anew.") from error
        return state

    def picture(self, number: int) -> np.ndarray:
        """A finished frame as it was saved: (H, W, 3), RGB.

        Raises:
            StorageError: it is not there, or damaged.
        """
        return self._read_picture(number, "frames")

    def record(self, number: int) -> dict[str, Any]:
        """What was reported of a finished frame."""
        record: dict[str, Any] = self._read_json(self._record_name(number))
        return record

    def save_turned(self, number: int, picture: np.ndarray) -> None:
        """Keep what a frame near the end of a looped film shall turn into: (H, W, 3) uint8, RGB.

        Raises:
            StorageError: the disk is full, or the folder cannot be written.
        """
        self._make_folder("loop")
        write_png(self._picture_path(number, "loop"), picture)

    def turned(self, number: int) -> np.ndarray:
        """What `save_turned` kept.

        Raises:
            StorageError: it is not there, or damaged.
        """
        return self._read_picture(number, "loop")

    def remember(self, name: str, value: Any) -> None:
        """Keep a JSON value that took time to find, such as the cuts."""
        self._write_json(f"{name}.json", value)

    def mark_naming(self, files: Iterable[Path]) -> None:
        """Remember that from now on what is under these names may be this job's own."""
        self._write_json(NAMING_FILE, [str(file) for file in files])

    def recall(self, name: str) -> Any:
        """The value kept under this name, or None."""
        return recall(self._output, name)

    def remove(self) -> None:
        """Delete the folder and everything in it."""
        throw_away(self._output)

    def _begin(self, fingerprint: Mapping[str, Any], remembered: Mapping[str, Any]) -> None:
        """Make the folder, or leave nothing; the fingerprint comes last, since it counts only with the rest."""
        try:
            self._make_folder("frames")
            self._make_folder("shots")
            for name, value in remembered.items():
                self.remember(name, value)
            self._write_json(JOB_FILE, fingerprint)
        except StorageError:
            with suppress(StorageError):
                self.remove()
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

    def _read_picture(self, number: int, folder: str) -> np.ndarray:
        path = self._picture_path(number, folder)
        try:
            return read_exactly(path if path.exists() else path.with_suffix(".tif"))
        except InputError as error:
            raise StorageError(f"A finished frame is lost: {error} Add --restart to begin the film anew.") from error

    def _picture_path(self, number: int, folder: str) -> Path:
        return self.folder / folder / f"{number:08d}.png"

    def _state_path(self, shot: int) -> Path:
        return self.folder / self._shot_name(shot, "pt")

    def _shot_name(self, shot: int, kind: str) -> str:
        return f"shots{os.sep}{shot:05d}.{kind}"

    def _require_own(self) -> None:
        if self._begun_at() != self._begun:
            raise ResumeError(f"{self.folder} was thrown away, or begun anew, while frames were made for it.")

    def _begun_at(self) -> int | None:
        """By what it is noticed that another process has begun anew: not all disks have lasting inodes."""
        try:
            return (self.folder / JOB_FILE).stat().st_mtime_ns
        except OSError:
            return None

    def _record_name(self, number: int) -> str:
        return f"frames{os.sep}{number:08d}.json"

    def _write_json(self, name: str, value: Any) -> None:
        write_atomically(self.folder / name, json.dumps(value, indent=1).encode())

    def _read_json(self, name: str) -> Any:
        path = self.folder / name
        try:
            return json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise StorageError(f"{path} cannot be read. Add --restart to begin the film anew.") from error


def _require_same(folder: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    changed = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    if changed:
        differences = ", ".join(f"{name} was {before.get(name)!r} and is {now.get(name)!r}" for name in changed)
        raise ResumeError(
            f"An interrupted run left frames in {folder}, but they were made from something else: "
            f"{differences}. Go on with the former values, or add --restart to begin anew."
        )
