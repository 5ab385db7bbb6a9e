"""What a call may open, make, change and say, and what it did beyond that.

The rules of the hostile suite. Knows no case: it is told what was named, and which ends are right.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts import ROOT
from scripts.trials.hostile.trace import Event
from scripts.trials.hostile.watch import Seen

SYSTEM = (
    *("/usr", "/lib", "/lib64", "/bin", "/sbin", "/proc", "/sys", "/etc/ld.so", "/etc/localtime", "/etc/fonts"),
    *("/etc/nsswitch.conf", "/etc/mime.types", "/etc/os-release", "/etc/ssl", "/etc/magic", "/etc/alternatives"),
    *("/dev/null", "/dev/urandom", "/dev/random", "/dev/shm", "/dev/nvidia", "/opt", "/run/systemd", "/root/.pyenv"),
)
"""What the interpreter and its libraries read of a system; nothing of it is anybody's own."""
DEVICES = ("/dev/null", "/dev/shm", "/dev/nvidia", "/proc/self", "/dev/tty")
"""What may be opened for writing."""
PROGRAMS = re.compile(r"(?:.*/)?(?:python[\d.]*|ffmpeg[\w.-]*|setpriv|nvidia-smi|uname|ldconfig|lscpu|sh)$")
LINES = frozenset("\n\t")
LONGEST_WORDS = 5000
ENDS = {0: "done", 1: "failed", 2: "refused", 3: "nothing", 130: "stopped"}
MOST_HASHED = 1 << 26
TRIED = re.compile(r"/tmp\w{8}$")
"""A file that only shows whether a folder can be written, where there are none without a name."""
HIDDEN_KEPT = re.compile(r"\.[^/]+\.stylevideo(?:/.*)?$")
"""Unfinished work, which stays where a run fails on its way."""


@dataclass(frozen=True)
class Allowed:
    """What a call may touch.

    Attributes:
        named: files and folders that it was told to read; a folder's content is named with it.
        outputs: that it was told to make, in full; a `#` stands for a digit.
        folders: in which it may have hidden files, since outputs are there.
        made_in: folders given for outputs, where all names are its own.
        own: folders for temporary files and caches.
        clean: of these, the ones that must be empty behind it.
        ends: the right ones, of `ENDS`.
    """

    named: Sequence[Path]
    outputs: Sequence[Path]
    folders: Sequence[Path]
    made_in: Sequence[Path]
    own: Sequence[Path]
    clean: Sequence[Path]
    ends: Sequence[str]

    def is_output(self, path: str) -> bool:
        """Whether a name is that of an output, or hidden beside one."""
        if any(_below(path, folder) for folder in self.made_in):
            return True
        if path in map(str, self.outputs):
            return True
        if any(re.fullmatch(re.escape(str(output)).replace(r"\#", r"\d*"), path) for output in self.outputs):
            return True
        return any(_below(path, folder) and path[len(str(folder)) + 1 :].startswith(".") for folder in self.folders)

    def may_read(self, path: str) -> bool:
        """Whether a file was named, is an output or is the system's."""
        known = (*self.named, *self.own, ROOT, Path(sys.prefix), Path(sys.base_prefix))
        return any(_below(path, place) for place in known) or path.startswith(SYSTEM) or self.is_output(path)

    def may_change(self, path: str) -> bool:
        """Whether a name may be made, replaced or removed."""
        return any(_below(path, place) for place in self.own) or path.startswith(DEVICES) or self.is_output(path)


def complaints(seen: Seen, allowed: Allowed, before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Everything that was wrong with a call; nothing for a good one."""
    found = [*_end(seen, allowed), *_words(seen)]
    found += [f"{seen.over}, and was ended"] if seen.over else []
    found += [f"leaves a process: {name}" for name in seen.left]
    found += _beyond(seen.events, allowed)
    found += _changes(seen, allowed, before, after)
    return list(dict.fromkeys(found))


def snapshot(root: Path) -> dict[str, str]:
    """What every name below a folder is, in words that change with its content; links are not followed."""
    return {str(path): _content(path) for path in _names(root)}


def _names(folder: Path) -> Iterator[Path]:
    for entry in os.scandir(folder):
        yield Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            yield from _names(Path(entry.path))


def _content(path: Path) -> str:
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return f"link to {path.readlink()}"
    if not stat.S_ISREG(status.st_mode):
        return f"kind {stat.S_IFMT(status.st_mode):o}"
    if status.st_size > MOST_HASHED:
        return f"file of {status.st_size} bytes, {status.st_mtime_ns}"
    return f"file {hashlib.sha256(path.read_bytes()).hexdigest()}"


def _end(seen: Seen, allowed: Allowed) -> Iterator[str]:
    if seen.over:
        return
    end = ENDS.get(seen.code, f"dead ({seen.code})")
    if end not in allowed.ends:
        yield f"ends {end} instead of {' or '.join(allowed.ends)}"


def _words(seen: Seen) -> Iterator[str]:
    said = seen.out + seen.err
    if "Traceback (most recent call last)" in said:
        yield "a traceback"
    if "unexpected" in said:
        yield "the word unexpected"
    if any((ord(sign) < 32 and sign not in LINES) or 127 <= ord(sign) < 160 for sign in said):
        yield "control characters reach the terminal"
    if len(seen.err) > LONGEST_WORDS:
        yield f"{len(seen.err)} characters of words"
    if seen.code in (1, 2) and not seen.over and not re.search(r"stylevideo(?: \w+)?: .", seen.err):
        yield "no sentence says why"


def _beyond(events: Iterable[Event], allowed: Allowed) -> Iterator[str]:
    """Files, names, programs and sockets that are none of its business."""
    for event in events:
        if event.kind == "net":
            if "AF_UNIX" not in event.path or event.call == "connect":
                yield f"a socket: {event.call}({event.path[:80]})"
        elif event.kind == "run":
            if event.worked and not PROGRAMS.match(event.path):
                yield f"starts {event.path}"
        elif event.kind == "change":
            if event.worked and not allowed.may_change(event.path) and not TRIED.search(event.path):
                yield f"{event.call} of {event.path}"
        elif event.writes:
            nameless = "/#" in event.real and event.path in map(str, allowed.folders)  # it is gone when it is closed
            if (
                event.worked
                and not nameless
                and not TRIED.search(event.path)
                and not all(map(allowed.may_change, (event.path, event.real)))
            ):
                yield f"opens {_both(event)} for writing"
        elif not event.is_folder and not allowed.may_read(event.path) and (event.worked or Path(event.path).exists()):
            yield f"opens {_both(event)}, which was not named"


def _both(event: Event) -> str:
    return event.path if event.path == event.real else f"{event.path} ({event.real})"


def _changes(seen: Seen, allowed: Allowed, before: dict[str, str], after: dict[str, str]) -> Iterator[str]:
    for path, content in before.items():
        if path not in after:
            if not allowed.is_output(path):
                yield f"{path} is gone"
        elif content != after[path] and not allowed.is_output(path):
            yield f"{path} has changed"
    for path in after.keys() - before.keys():
        if any(_below(path, place) for place in allowed.own):
            if any(_below(path, place) for place in allowed.clean):
                yield f"leaves {path}"
        elif not allowed.is_output(path):
            yield f"makes {path}"
        elif seen.code == 2 and not path.endswith((".log", "report.json")):
            yield f"refuses, and makes {path}"
        elif _is_hidden(path, allowed) and not (seen.code in (1, 130) and HIDDEN_KEPT.search(path)):
            yield f"leaves {path}"


def _is_hidden(path: str, allowed: Allowed) -> bool:
    return any(
        part.startswith(".")
        for folder in allowed.folders
        if _below(path, folder)
        for part in Path(path).relative_to(folder).parts
    )


def _below(path: str, place: Path) -> bool:
    return path == str(place) or path.startswith(f"{place}{os.sep}")
