"""What an unfinished film leaves on disk beside its place: where it lies, and how it is thrown away.

It counts as ours only if it is a real folder, of the user who runs the program, without links in it: else it is
refused, and nothing is written or removed through it. Only what the program puts there is ever deleted; what others
put beside it stays. Loads nothing heavy, so that a finished batch is known again at once.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from stylevideo.errors import InputError, StorageError
from stylevideo.media.pattern import plain_name
from stylevideo.system.files import kind_of_file, make_private_folder
from stylevideo.system.process import PROCESS_MARK, is_gone

SUFFIX = ".stylevideo"
LOCK_SUFFIX = f"{SUFFIX}.lock"
REMOVALS, REMOVE_AGAIN_S = 5, 0.1
REQUEST_NAME = "request"
"""Under this name it is remembered what an unfinished film was asked for."""
JOB_NAME = "job"
"""Under this name there is everything that decides how its frames look; without it they are of no use."""
_HIDDEN = re.compile(rf"\..+({re.escape(SUFFIX)}|{re.escape(LOCK_SUFFIX)})", re.IGNORECASE)
_PART_FOLDER = re.compile(r"part-[0-9a-f]{8}")
CLAIMS = "claims"
"""The folder of files that say who paints which shot: `00003.1`, of a shot the first claim, or one after."""
_FOLDERS = ("frames", "shots", "loop", CLAIMS)
_WITHIN = f"({'|'.join(_FOLDERS)})/"
_PART_FILE = re.compile(rf"({_WITHIN})?\.((?P<writer>{PROCESS_MARK})-)?[0-9a-f]{{16}}\.part")
"""Parts of earlier versions do not say who writes them."""
_FILE = re.compile(
    rf"[a-z_]+\.json|{_WITHIN}[0-9]+\.(png|tif|json|complete)|{_WITHIN}[0-9]+(-[0-9]+)?\.pt|{CLAIMS}/[0-9]+\.[0-9]+|{_PART_FILE.pattern}"
)
"""The files that the program puts there, beside those in folders of parts."""


@dataclass(frozen=True)
class Places:
    """Where a film and everything of it lies; found out once, since a name can be written in several ways.

    Attributes:
        film: the video file, or the pattern of an image sequence, as it was named.
        name: its one plain name, see `stylevideo.media.pattern.plain_name`.
    """

    film: Path
    name: str

    @classmethod
    def of(cls, film: Path) -> Places:
        """The places of a film.

        Raises:
            InputError: see `stylevideo.media.pattern.parse_pattern`.
        """
        return cls(film, plain_name(film))

    @property
    def work(self) -> Path:
        """The folder in which frames are kept until the film is complete: `.film.mp4.stylevideo`."""
        return self.film.with_name(f".{self.name}{SUFFIX}")

    @property
    def lock(self) -> Path:
        """The lock `.film.mp4.stylevideo.lock`: there while a run works on the film, or after it died."""
        return self.film.with_name(f".{self.name}{LOCK_SUFFIX}")

    @property
    def record(self) -> Path:
        """The file that says from what the film was made: `film.mp4.json`, or `shot.####.png.json`."""
        return self.film.with_name(f"{self.name}.json")


def is_hidden_name(path: Path) -> bool:
    """Whether a path is that of unfinished work or of its lock, or within."""
    return any(_HIDDEN.fullmatch(part) for part in path.parts)


def finished_frames(places: Places) -> int:
    """How many frames of a film an interrupted run has left."""
    return len(list((places.work / "frames").glob("*.json")))


def require_own(places: Places) -> None:
    """Refuse what lies at the place of a film's unfinished work if it is not ours, or has links in it.

    Raises:
        InputError: with what to do about it.
        StorageError: whose it is cannot be found out.
    """
    folder = places.work
    try:
        status = folder.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(status.st_mode):
        raise _foreign(folder, f"is {kind_of_file(status.st_mode)}")
    if os.name != "nt" and status.st_uid != os.geteuid() and status.st_uid != _owner_of_new_files(folder.parent):
        raise _foreign(folder, "belongs to another user")
    try:
        for entry in _entries(folder):
            _require_its_kind(folder, entry)
    except FileNotFoundError:  # a run that has just ended removes it
        return
    except OSError as error:
        raise _foreign(folder, f"cannot be read ({error.strerror})") from error


def throw_away(places: Places) -> str:
    """Delete what an interrupted run has left of a film, and nothing else.

    Returns:
        A sentence on what others put into its folder, which stays there with it; empty where there is nothing.
    Raises:
        InputError: it is not ours.
        StorageError: it cannot be deleted.
    """
    folder, trials = places.work, 0
    while os.path.lexists(folder):
        require_own(places)
        foreign: list[str] = []
        try:
            foreign = _delete(folder)
            folder.rmdir()
        except OSError as error:
            trials += 1  # somebody else may be about to close, or to rename, a file in it
            if trials == REMOVALS and foreign:
                more = f" and {len(foreign) - 1} more" if foreign[1:] else ""
                return f"{folder} stays, since others put something into it: {foreign[0]}{more}. Remove it by hand."
            if trials == REMOVALS:
                raise StorageError(f"{folder} cannot be removed ({error.strerror}). Remove it by hand.") from error
            time.sleep(REMOVE_AGAIN_S)
    return ""


def remove_parts(places: Places) -> None:
    """Delete the files that processes of this machine were in the middle of writing when they were killed.

    What others write, perhaps on other machines, stays; where they were killed, until they begin again, or the film is
    complete.
    """
    with suppress(OSError):  # what cannot be deleted only takes room
        for entry in list(_entries(places.work)):
            part = _PART_FILE.fullmatch(_name(places.work, entry))
            if part and part["writer"] and is_gone(part["writer"]) and entry.is_file(follow_symlinks=False):
                Path(entry.path).unlink()


def _delete(folder: Path) -> list[str]:
    """Delete everything of ours in a folder.

    Returns:
        The names of the files, links and empty folders that are not.
    """
    for name in (REQUEST_NAME, JOB_NAME):  # first, so that what remains is known as a remnant
        (folder / f"{name}.json").unlink(missing_ok=True)
    for part in list(folder.iterdir()):
        if _PART_FOLDER.fullmatch(part.name) and part.is_dir():
            shutil.rmtree(part)
    found = list(_entries(folder))
    for entry in found:
        if _FILE.fullmatch(_name(folder, entry)):
            Path(entry.path).unlink()
    for name in _FOLDERS:
        with suppress(OSError):  # something of somebody else is in it
            (folder / name).rmdir()
    return [_name(folder, entry) for entry in found if os.path.lexists(entry) and _name(folder, entry) not in _FOLDERS]


@contextmanager
def part_folder(places: Places) -> Iterator[Path]:
    """A new folder for what is to become a film, within that of its unfinished work; gone at the end.

    Raises:
        StorageError: it cannot be made.
    """
    hidden, made = places.work, False
    try:
        with suppress(FileExistsError):
            make_private_folder(hidden)
            made = True
        for left in hidden.iterdir():
            if _PART_FOLDER.fullmatch(left.name):  # by a run that was killed; its ffmpeg may still write there
                shutil.rmtree(left, ignore_errors=True)
        folder = hidden / f"part-{secrets.token_hex(4)}"
        make_private_folder(folder)
    except OSError as error:
        raise StorageError(
            f"{places.film} cannot be written ({error.strerror}). Free some space or choose another place, and run "
            "again."
        ) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if made:
            with suppress(OSError):
                hidden.rmdir()


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Everything in a folder and the folders in it; a link is not followed."""
    with os.scandir(folder) as found:
        for entry in found:
            yield entry
            if entry.is_dir(follow_symlinks=False):
                yield from _entries(Path(entry.path))


def _require_its_kind(folder: Path, entry: os.DirEntry[str]) -> None:
    """Refuse a link, a pipe, a device; and a folder where there should be a file, or the other way round."""
    name, mode = _name(folder, entry), entry.stat(follow_symlinks=False).st_mode
    fits = not _FILE.fullmatch(name) if stat.S_ISDIR(mode) else stat.S_ISREG(mode) and name not in _FOLDERS
    if not fits:
        raise _foreign(folder, f"has {kind_of_file(mode)} in it, {name}")


def _name(folder: Path, entry: os.DirEntry[str]) -> str:
    return Path(entry.path).relative_to(folder).as_posix()


def _foreign(folder: Path, why: str) -> InputError:
    return InputError(
        f"{folder} {why}: it is not the unfinished work of this program alone. Move it away, or choose another name "
        "for the film."
    )


def _owner_of_new_files(folder: Path) -> int:
    """Whom files belong to that we make in a folder: on network disks not always to us."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            return os.fstat(file.fileno()).st_uid
    except OSError as error:
        raise StorageError(
            f"{folder} cannot be written ({error.strerror}): whose the unfinished work in it is cannot be found out. "
            "Free some space, or have the folder opened for you, and run again."
        ) from error
