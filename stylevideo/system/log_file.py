"""A log that is appended to: a file of its own, or one that was a log before; never something else."""

from __future__ import annotations

import os
import re
import stat
from io import TextIOWrapper
from pathlib import Path

from stylevideo.errors import InputError
from stylevideo.system.files import kind_of_file, read_begin

_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_LINE = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ ")
_LOOKED_AT_BYTES = 64


def open_log(path: Path) -> TextIOWrapper:
    """Open a log to append to it; it is made if it is not there. Terminals, `/dev/stderr` and the like will do.

    Raises:
        InputError: what is there is no log of ours: a link, a pipe, a folder, or a file of other content.
        OSError: it cannot be opened.
    """
    if (descriptor := _of_this_process(path)) is not None:
        return os.fdopen(os.dup(descriptor), "a", encoding="utf-8", errors="backslashreplace")
    if os.path.lexists(path):
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode):
            begin = read_begin(path, _LOOKED_AT_BYTES)
            if begin and not _LINE.match(begin):
                raise InputError(f"{path} is already there and is no log. Choose another place for the log.")
        elif not stat.S_ISCHR(mode):
            raise InputError(f"{path} is {kind_of_file(mode)}. Choose another place for the log.")
    return os.fdopen(os.open(path, _FLAGS, 0o666), "a", encoding="utf-8", errors="backslashreplace")


def _of_this_process(path: Path) -> int | None:
    """The descriptor of standard output or error, where the system's name for one of them is given."""
    names = {"/dev/stdout": 1, "/dev/fd/1": 1, "/dev/stderr": 2, "/dev/fd/2": 2}
    return names.get(path.as_posix()) if os.path.lexists(path) else None
