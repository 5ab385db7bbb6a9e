"""Who paints which shot of a film: a claim is a file in the film's hidden folder that whoever holds it keeps touching.

Processes on several machines may paint shots of one film, with nothing in common but the disk. A claim ends with its
holder: where that was a process of this machine which has ended, at once; where it was another's, or is halted, once
its file was not touched for `LEASE_S` of the asker's own clock, so that clocks need not agree. Whoever takes over makes
a file with the next number, which only one can make, so that nothing is ever renamed or removed to get a claim; of
several the highest counts, and whoever held a lower one writes no more. That needs of a disk no locks, only that a file
is made by one and that folders are listed as they are, which network disks do, too. Knows no frames.
"""

from __future__ import annotations

import os
import re
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from stylevideo.errors import InputError, LockedError, ResumeError, StorageError
from stylevideo.media.hidden import CLAIMS, Places, throw_away
from stylevideo.store.notes import names_in
from stylevideo.system.files import READ_FLAGS, open_new, read_file
from stylevideo.system.folders import DISK_FULL
from stylevideo.system.process import PROCESS_MARK, is_gone, process_in_words, process_mark
from stylevideo.system.threads import start_thread

TOUCH_S = 15.0
LEASE_S = 120.0
"""A claim that was not touched for so long is free: several times what a disk may keep somebody waiting."""
FORGOTTEN_S = 1800.0
"""A claim that is so old by its file's time is nobody's, without watching it: no two clocks are so far apart."""
LOOK_AGAIN_S = 1.0
"""So long it is not looked again at a shot that somebody else has, however often it is asked for."""
_CLAIM = re.compile(r"([0-9]+)\.([0-9]+)")
_SAID = re.compile(rf"({PROCESS_MARK})\n([^\n]*)\n".encode())
_CLAIM_BYTES = 1024


@dataclass(frozen=True)
class _Claim:
    """A claim's file: the number of its shot, and which of the shot's claims it is, from 1."""

    shot: int
    number: int

    @property
    def name(self) -> str:
        return f"{self.shot:05d}.{self.number}"


class Watch:
    """Knows, by its own clock, which files have not been touched for `LEASE_S` since it looked first.

    Between two looks no more than half of that counts: whoever was halted together with those that it watches, by a
    terminal or as their machine was suspended, gives them time to go on, too.
    """

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[int, float, float]] = {}

    def is_left(self, path: Path) -> bool:
        """Whether nobody touches a file any more; not that of one that is gone."""
        touched, now = _touched(path), time.monotonic()
        if touched is None:
            return False
        before, looked, untouched_s = self._seen.get(path, (None, now, 0.0))
        untouched_s = untouched_s + min(now - looked, LEASE_S / 2) if before == touched else 0.0
        self._seen[path] = (touched, now, untouched_s)
        return untouched_s >= LEASE_S


WATCH = Watch()
"""Of all that this process has asked for in vain."""


class ShotClaims:
    """The shots of one film that this process paints; a context, at whose end it lets go of all.

    May be used by several threads. A thread touches the claims' files.

    Args:
        work: the film's hidden folder.
    """

    def __init__(self, work: Path) -> None:
        self._folder = work / CLAIMS
        self._held: dict[int, _Claim] = {}
        self._refused: dict[int, float] = {}
        self._change, self._end = threading.Lock(), threading.Event()

    def __enter__(self) -> ShotClaims:
        self._end.clear()
        start_thread(self._touch_held, name="claims")
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for shot in list(self._held):
            self.release(shot)

    def take(self, shot: int) -> bool:
        """Claim a shot, if nobody else has it; whether it is this process's now.

        What others have made of the shot is to be looked for after this.

        Args:
            shot: its index.
        Raises:
            ResumeError: the folder is gone.
            StorageError: the disk is full, or cannot be written.
        """
        with self._change:
            if time.monotonic() < self._refused.get(shot, 0.0):
                return False
            last = _last_claims(self._folder).get(shot)
            if last and last == self._held.get(shot):
                return True
            if last and not self._is_free(last):
                self._refused[shot] = time.monotonic() + LOOK_AGAIN_S
                return False
            claim = _Claim(shot, last.number + 1 if last else 1)
            if not _make(self._folder / claim.name):
                return False
            self._held[shot] = claim
            return True

    def require_kept(self) -> None:
        """Refuse to go on where somebody else has taken over a shot that this process has not let go of.

        Raises:
            LockedError: this process was halted for too long.
        """
        held = list(self._held.items())  # before the look, as another thread may claim more during it
        if not held:
            return
        last = _last_claims(self._folder)
        for shot, claim in held:
            if last.get(shot) != claim and self._held.get(shot) == claim:
                raise taken_over()

    def release(self, shot: int) -> None:
        """Let go of a shot, with the claims that were left of it by others, if this process has it still."""
        with self._change:
            claim = self._held.pop(shot, None)
            if claim is None or _last_claims(self._folder).get(shot) != claim:
                return
            for number in range(1, claim.number + 1):  # its own last: as long as it is there, nobody begins below it
                with suppress(OSError):
                    (self._folder / _Claim(shot, number).name).unlink()

    def holder(self, shot: int) -> str:
        """Who has a shot, in words; "" where that is not known."""
        last = _last_claims(self._folder).get(shot)
        return _read(self._folder / last.name)[1] if last else ""

    def _is_free(self, claim: _Claim) -> bool:
        """Whether somebody else's claim has ended."""
        path = self._folder / claim.name
        return _has_ended(path) or WATCH.is_left(path)

    def _touch_held(self) -> None:
        while not self._end.wait(TOUCH_S):
            for claim in list(self._held.values()):
                with suppress(OSError):  # the next time, or it is gone, which whoever saves a frame notices
                    os.utime(self._folder / claim.name)


def taken_over() -> LockedError:
    """What is said to a process whose work another one has taken over."""
    return LockedError(
        f"This process did nothing for {LEASE_S:g} s or more, and another one has taken over what it painted. Run the "
        "same command again to go on with what is left."
    )


def holder_of_any(places: Places) -> str | None:
    """Who paints a shot of a film now, in words; None where nobody does. Nothing is claimed to find out."""
    return next(iter(holders(places).values()), None)


def holders(places: Places) -> dict[int, str]:
    """Who paints which shots of a film now, in words, by the shots' indices. Nothing is claimed to find out."""
    folder, found = places.work / CLAIMS, dict[int, str]()
    for claim in _last_claims(folder).values():
        path = folder / claim.name
        if not _has_ended(path) and _touched(path) is not None:
            found[claim.shot] = _read(path)[1] or "another process"
    return found


def watch_claims(places: Places) -> None:
    """Look at who paints shots of a film that is waited for, so that they need not be watched once it is taken over."""
    folder = places.work / CLAIMS
    with suppress(StorageError):
        for claim in _last_claims(folder).values():
            WATCH.is_left(folder / claim.name)


def discard(places: Places) -> str:
    """Throw away what was made of a film, unless somebody paints a shot of it; see `throw_away`.

    Raises:
        LockedError: somebody does, here or on another machine.
        InputError, StorageError: as `throw_away`.
    """
    require_unclaimed(places)
    return throw_away(places)


def require_unclaimed(places: Places) -> None:
    """Refuse to change what somebody works on.

    Raises:
        LockedError: somebody paints a shot of the film, here or on another machine.
    """
    if holder := holder_of_any(places):
        raise LockedError(
            f"Frames of {places.film} are being painted by {holder}. Wait for it, end it, or choose another output."
        )


def _last_claims(folder: Path) -> dict[int, _Claim]:
    """Each shot's claim that counts, by one listing: network disks remember for a while that a file is not there."""
    found: dict[int, _Claim] = {}
    for parts in filter(None, map(_CLAIM.fullmatch, names_in(folder))):
        claim = _Claim(int(parts[1]), int(parts[2]))
        found[claim.shot] = max(claim, found.get(claim.shot, claim), key=lambda one: one.number)
    return found


def _make(path: Path) -> bool:
    """Make a claim's file; whether it was not there."""
    try:
        with os.fdopen(open_new(path), "wb") as file:
            file.write(f"{process_mark()}\n{process_in_words()}\n".encode())
    except FileExistsError:
        return False
    except FileNotFoundError as error:
        raise ResumeError(f"{path.parent.parent} is gone: the film is complete, or was given up.") from error
    except OSError as error:
        with suppress(OSError):
            path.unlink()
        advice = "Free some space." if error.errno in DISK_FULL else "Have the folder opened for you."
        raise StorageError(f"{path} cannot be written ({error.strerror}). {advice}") from error
    return True


def _has_ended(path: Path) -> bool:
    """Whether a claim's holder has surely ended."""
    touched, (mark, _) = _touched(path), _read(path)
    is_forgotten = touched is not None and time.time_ns() - touched > FORGOTTEN_S * 10**9
    return is_forgotten or (mark != "" and is_gone(mark))


def _read(path: Path) -> tuple[str, str]:
    """The mark of a claim's holder, and the holder in words; nothing where its file is gone, or being written."""
    try:
        said = _SAID.fullmatch(read_file(path, _CLAIM_BYTES))
    except (OSError, InputError):
        return "", ""
    return (said[1].decode(), said[2].decode(errors="replace")) if said else ("", "")


def _touched(path: Path) -> int | None:
    """When a file was last touched, by its disk's clock, in nanoseconds since 1970; None where it is gone.

    It is opened, so that network disks do not answer from memory.
    """
    try:
        descriptor = os.open(path, READ_FLAGS)
    except OSError:
        return None
    try:
        return os.fstat(descriptor).st_mtime_ns
    finally:
        os.close(descriptor)
