"""Notes on unfinished work: values on disk under a seal, by which one that was spoilt or exchanged is noticed.

The seal is the SHA-256 of a mark that the work got at random when it was begun, of the note's name, and of what it
says. It shows accidents and mix-ups, not the work of somebody who may write into the folder and knows how it is made.
Loads nothing heavy.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stylevideo.errors import ANEW, InputError, ResumeError, StorageError
from stylevideo.limits import FRAMES
from stylevideo.media.hidden import JOB_NAME, REQUEST_NAME, Places
from stylevideo.system.files import JSON_BYTES, read_file, write_atomically

JOB_FILE = f"{JOB_NAME}.json"
WHOLE_NAME = "whole"
"""Under this name work remembers that its film is complete."""
WHOLE_FILE = f"{WHOLE_NAME}.json"
_SEAL_LENGTH = 64
_SEALED = re.compile(rb'\{"seal": "([0-9a-f]{64})",\n"value": ')
_JOB = re.compile(_SEALED.pattern + rb'\{"mark": "([0-9a-f]{32})", ')
"""How it begins: its mark has to be known before its seal can be checked."""
FILE_NAMES_BYTES = 512 * FRAMES
"""Of a note with the path of every frame."""


@dataclass(frozen=True)
class Notes:
    """The notes of one folder.

    Attributes:
        folder: where they are.
        mark: of the work; equal for all who take part in it.
    """

    folder: Path
    mark: str

    def seal(self, name: str, data: bytes | memoryview) -> str:
        """64 hexadecimal digits for what a file holds."""
        digest = hashlib.sha256(f"{self.mark}\n{name}\n".encode())
        digest.update(data)  # which may be large: no copy is made
        return digest.hexdigest()

    def write(self, name: str, value: Any) -> None:
        """Write a note.

        Args:
            name: of its file, within the folder, with forward slashes.
            value: of JSON.
        Raises:
            StorageError: the disk is full, or the folder cannot be written.
        """
        text = json.dumps(value)
        seal = self.seal(name, text.encode())
        write_atomically(self.folder / name, f'{{"seal": "{seal}",\n"value": {text}}}'.encode())

    def read(self, name: str, most_bytes: int = JSON_BYTES) -> Any:
        """What a note says; None where there is none.

        Args:
            name: as for `write`.
            most_bytes: that it may have.
        Raises:
            ResumeError: it is spoilt, or another's.
        """
        data = read_if_there(self.folder / name, most_bytes)
        return None if data is None else self.unsealed(name, data)

    def unsealed(self, name: str, data: bytes) -> Any:
        """What a note says that was read already; see `read`. Nothing is parsed that has not its seal."""
        begin = _SEALED.match(data)
        text = memoryview(data)[begin.end() : -1] if begin else memoryview(b"")
        if begin is None or begin[1].decode() != self.seal(name, text) or data[-1:] != b"}":
            raise spoilt(self.folder / name)
        return json.loads(bytes(text))

    def write_content(self, name: str, content: memoryview) -> None:
        """Write what is no JSON, with its seal before it; see `write`."""
        write_atomically(self.folder / name, content, head=self.seal(name, content).encode())

    def read_content(self, name: str, most_bytes: int) -> io.BytesIO | None:
        """What `write_content` was given, to be read from where the stream stands.

        Returns:
            None where there is none that bears its seal: nothing, or what was damaged or is another's.
        Raises:
            ResumeError: no such file can have been written: it is a link, a pipe, a folder, or too large.
        """
        data = read_if_there(self.folder / name, most_bytes)
        if data is None or data[:_SEAL_LENGTH] != self.seal(name, memoryview(data)[_SEAL_LENGTH:]).encode():
            return None
        stream = io.BytesIO(data)  # which shares the data
        stream.seek(_SEAL_LENGTH)
        return stream


def begin_notes(folder: Path) -> Notes:
    """The notes of new work; it is found by them once its job is written."""
    return Notes(folder, secrets.token_hex(16))


def write_job(notes: Notes, resume_key: Mapping[str, Any]) -> None:
    """Write down by what the work is known: everything that decides how its frames look, by name; JSON values.

    Raises:
        StorageError: the disk is full, or the folder cannot be written.
    """
    notes.write(JOB_FILE, {"mark": notes.mark, "fingerprint": dict(resume_key)})


def find_notes(folder: Path) -> tuple[Notes, dict[str, Any]] | None:
    """The notes of work that was begun, and its resume key; None where there is none.

    Raises:
        ResumeError: its job is spoilt, or was left by another version of the program.
    """
    data = read_if_there(folder / JOB_FILE, JSON_BYTES)
    if data is None:
        return None
    begin = _JOB.match(data)
    if begin is None:
        raise spoilt(folder / JOB_FILE)
    notes = Notes(folder, begin[2].decode())
    return notes, notes.unsealed(JOB_FILE, data)["fingerprint"]


def asked_for(places: Places) -> str | None:
    """What an unfinished film was asked for, as a request key; None where nothing says so."""
    with suppress(ResumeError):
        if found := find_notes(places.work):
            asked = found[0].read(f"{REQUEST_NAME}.json")
            return asked if isinstance(asked, str) else None
    return None


def read_if_there(path: Path, most_bytes: int) -> bytes | None:
    """What a file of unfinished work holds; None where there is none.

    Raises:
        ResumeError: it cannot be read.
    """
    try:
        return _read_listed(path, most_bytes)
    except FileNotFoundError:
        return None
    except (OSError, InputError) as error:
        raise spoilt(path) from error


def _read_listed(path: Path, most_bytes: int) -> bytes:
    """Read a file that may have been made by another machine just now; see `names_in`."""
    try:
        return read_file(path, most_bytes)
    except FileNotFoundError:
        if path.name not in names_in(path.parent):
            raise
        return read_file(path, most_bytes)


def names_in(folder: Path) -> frozenset[str]:
    """The names in a folder of unfinished work; none where it is gone.

    A listing asks the disk. A single name that was looked for before it was there may be remembered as missing by
    network disks, for a minute.

    Raises:
        StorageError: it cannot be read.
    """
    try:
        return frozenset(path.name for path in folder.iterdir())
    except FileNotFoundError:
        return frozenset()
    except OSError as error:
        raise StorageError(f"{folder} cannot be read ({error.strerror}). Have it opened for you.") from error


def spoilt(path: Path) -> ResumeError:
    """What is said of a file of unfinished work that cannot be gone on from."""
    return ResumeError(f"{path} is damaged, or not what this version of the program left there. {ANEW}")
