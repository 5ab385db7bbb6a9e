"""What strace saw, as events: files opened, names made and removed, programs started, sockets.

Knows the text that strace writes; what is allowed is the business of `judge`.
"""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

CHANGING = (
    *("rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "unlink", "unlinkat", "rmdir"),
    *("mkdir", "mkdirat", "mknod", "mknodat", "truncate", "chmod", "fchmodat", "chown", "fchownat", "utimensat"),
)
SYSCALLS = ("open", "openat", "openat2", "creat", "execve", "socket", "connect", "bind", *CHANGING)
LONGEST_TEXT = 8192
STRING = r'"((?:[^"\\]|\\.)*)"'
LINE = re.compile(r"^(\d+) +(\w+)\((.*)\) += (-?\d+)(.*)$")
UNFINISHED = re.compile(r"^(\d+) +(.*) <unfinished \.\.\.>$")
RESUMED = re.compile(r"^(\d+) +<\.\.\. \w+ resumed>(.*)$")
NAMED = re.compile(rf"(?:AT_FDCWD|\d+)(?:<((?:[^>\\]|\\.)*)>)?, {STRING}|{STRING}")
"""A name after the folder that it is relative to, or alone."""


@dataclass(frozen=True)
class Event:
    """A call that concerns a file, a program or a socket.

    Attributes:
        pid: the thread's.
        kind: "open", "change" (a name is made, moved or removed), "run" or "net".
        path: what was asked for, absolute where strace knows the folder; for "net" what strace wrote.
        real: for what was opened, the file that it became, behind all links; else as `path`.
        writes: whether it can change something.
        is_folder: opened as a folder.
        worked: whether the call had success.
        call: its name.
    """

    pid: int
    kind: str
    path: str
    real: str
    writes: bool
    is_folder: bool
    worked: bool
    call: str


def events(lines: Iterable[str]) -> Iterator[Event]:
    """The events in a trace."""
    for line in _whole(lines):
        match = LINE.match(line)
        if match:
            pid, call, arguments, result, rest = match.groups()
            yield from _understood(int(pid), call, arguments, int(result), rest)


def _whole(lines: Iterable[str]) -> Iterator[str]:
    """The lines, put together where strace divided them since another thread came between."""
    begun: dict[str, str] = {}
    for line in lines:
        line = line.rstrip("\n")
        if match := UNFINISHED.match(line):
            begun[match[1]] = match[2]
        elif (match := RESUMED.match(line)) and match[1] in begun:
            yield f"{match[1]} {begun.pop(match[1])}{match[2]}"
        else:
            yield line


def _understood(pid: int, call: str, arguments: str, result: int, rest: str) -> Iterator[Event]:
    worked = result >= 0
    if call in ("socket", "connect", "bind"):
        yield Event(pid, "net", arguments, arguments, True, False, worked, call)
        return
    names = [_path(match[1], match[2] or match[3]) for match in NAMED.finditer(arguments)]
    if call == "symlink":
        names = names[1:]  # what it says is only a text
    elif call == "symlinkat":
        names = names[-1:]
    if call == "execve":
        yield Event(pid, "run", names[0] if names else "", "", False, False, worked, call)
    elif call in CHANGING:
        for name in names:
            yield Event(pid, "change", name, name, True, False, worked, call)
    elif names:
        flags = "O_WRONLY|O_CREAT|O_TRUNC" if call == "creat" else arguments[arguments.rindex('"') :]
        writes = any(flag in flags for flag in ("O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"))
        opened = re.match(r"<((?:[^>\\]|\\.)*)>", rest)
        real = _decoded(opened[1]).removesuffix(" (deleted)") if opened else names[0]
        yield Event(pid, "open", names[0], real, writes, "O_DIRECTORY" in flags, worked, call)


def _path(folder: str | None, name: str) -> str:
    return str(Path(_decoded(folder)) / _decoded(name)) if folder else _decoded(name)


def _decoded(text: str) -> str:
    """Without the escapes that strace writes."""
    return os.fsdecode(codecs.escape_decode(text.encode())[0])
