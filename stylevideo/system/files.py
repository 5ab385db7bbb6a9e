"""Small files read with a bound, and files written so that they are whole or not there.

Opens ordinary files only: no pipe is waited for, no device is read. Writes through no link.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stylevideo.errors import InputError, StorageError
from stylevideo.system.process import process_mark

JSON_BYTES = 16 * 2**20
"""The most that a record beside a film may have."""
READ_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_NEW_FLAGS = (
    os.O_RDWR
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_UNSIZED_BYTES = 1 << 16
"""What the system makes up has no size before it is read."""
_OTHER_PLACE = "Free some space, or set the variable TMPDIR to a folder that can be written."
_ADDRESS = re.compile(r"(?:^|/)([A-Za-z][A-Za-z0-9+.-]+):/+([^/].*)")


def real_path(path: Path) -> Path:
    """A path without links and `..`, as far as it leads; behind links that go round it stays as it is."""
    return Path(os.path.realpath(path))


def read_file(path: Path, most_bytes: int) -> bytes:
    """Read a file whole.

    Args:
        path: its name; a link to an ordinary file will do.
        most_bytes: that it may have.
    Raises:
        InputError: it is not an ordinary file, or has more.
        OSError: it cannot be opened or read.
    """
    try:
        descriptor = os.open(path, READ_FLAGS)
    except OSError as error:
        require_ordinary(path)  # a socket cannot be opened, nor a folder in Windows
        refuse_address(path)
        raise error
    try:
        status = os.fstat(descriptor)
        _refuse_unordinary(path, status.st_mode)
        size = status.st_size
        data: bytes | None = b""
        if size <= most_bytes:
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                data = file.read(max(size, min(most_bytes, _UNSIZED_BYTES)) + 1)  # room is made for all of it at once
    finally:
        os.close(descriptor)
    if data is None:  # what the system makes up may have to be waited for
        raise InputError(f"{path} is not an ordinary file. Name a file.")
    if max(size, len(data)) > most_bytes:
        raise InputError(f"{path} has more than {most_bytes:,} bytes, which is the most that such a file may have.")
    return data


def read_begin(path: Path, most_bytes: int) -> bytes:
    """The first bytes of an ordinary file.

    Raises:
        OSError: it cannot be opened or read.
    """
    descriptor = os.open(path, READ_FLAGS)
    try:
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(most_bytes)
    finally:
        os.close(descriptor)


def require_ordinary(path: Path) -> None:
    """Refuse what is there under a name but is no ordinary file, nor a link to one.

    Raises:
        InputError: it is a folder, a pipe, a socket or a device.
    """
    with suppress(OSError):
        _refuse_unordinary(path, path.stat().st_mode)


def refuse_address(path: Path) -> None:
    """Refuse an address on a network, such as https://host/clip.mp4, by which no file is there.

    Raises:
        InputError: it is one.
    """
    found = _ADDRESS.search(path.as_posix())
    if found and not os.path.lexists(path):
        slashes = "///" if found[1] == "file" else "//"
        address = f"{found[1]}:{slashes}{found[2]}"
        raise InputError(f"{address} is an address, and only files are read. Download it first, and name the file.")


def _refuse_unordinary(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise InputError(f"{path} is {kind_of_file(mode)}, not an ordinary file. Name a file.")


def refuse_onto(what: str, precious: Iterable[Path], written: Iterable[Path]) -> None:
    """Refuse to write onto files that are read.

    Args:
        what: they are, in words.
        precious: the files; those that are not there do not count.
        written: the files that shall be written.
    Raises:
        InputError: one of them is the same file, under whatever name.
    """
    known = {found for file in precious if (found := _identity(file))}
    for path in written:
        if _identity(path) in known:
            raise InputError(f"{path} is {what}. Choose another output.")


def _identity(path: Path) -> tuple[int, int] | None:
    """By which a file is known under all its names; None where there is none, or it cannot be looked at."""
    with suppress(OSError):
        status = path.stat()
        return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None
    return None


def kind_of_file(mode: int) -> str:
    """What a file is, with its article."""
    kinds = {stat.S_IFREG: "a file", stat.S_IFDIR: "a folder", stat.S_IFLNK: "a link"}
    kinds |= {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def open_new(path: Path) -> int:
    """Make a file that was not there and open it for reading and writing, through no link.

    Returns:
        Its descriptor.
    Raises:
        OSError: among others FileExistsError, whatever is there under this name.
    """
    return os.open(path, _NEW_FLAGS, 0o666)


def make_private_folder(folder: Path) -> None:
    """Make a folder that was not there, in which other users of this machine can put nothing.

    Raises:
        OSError: among others FileExistsError, whatever is there under this name.
    """
    # On Windows a file that is moved out would keep the rights of such a folder.
    folder.mkdir(mode=0o777 if os.name == "nt" else 0o700)


def temporary_place() -> Path:
    """The folder in which temporary files are made.

    Raises:
        StorageError: none that there could be can be written.
    """
    try:
        return Path(tempfile.gettempdir())
    except OSError as error:
        raise StorageError(f"There is no place for temporary files. {_OTHER_PLACE}") from error


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder for temporary files that is there as long as this context.

    Raises:
        StorageError: it cannot be made.
    """
    place = temporary_place()
    try:
        folder = tempfile.TemporaryDirectory(prefix="stylevideo-")
    except OSError as error:
        raise StorageError(
            f"No folder for temporary files can be made in {place} ({error.strerror}). {_OTHER_PLACE}"
        ) from error
    with folder as name:
        yield Path(name)


def write_atomically(path: Path, data: bytes | memoryview, parts: Path | None = None, head: bytes = b"") -> None:
    """Write a file under a hidden name that nobody can foresee, flush it to the disk, then give it its own name.

    The hidden name says which process writes it. Whatever is there under its own name is replaced; of a link the link
    itself, not what it leads to.

    Args:
        path: the file.
        data: all of it, after the head.
        parts: a folder of ours, in which it has the hidden name if that is on the same disk, so that it is found
            and removed after a crash; else it is in the file's own folder, for milliseconds.
        head: how it begins.
    Raises:
        StorageError: the disk is full, or the folder cannot be written.
    """
    try:
        try:
            _write_by_way_of(parts or path.parent, path, head, data)
        except OSError as error:
            if parts is None or error.errno not in (errno.EXDEV, errno.ENOENT):
                raise
            _write_by_way_of(path.parent, path, head, data)
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written ({error.strerror}). Free some space or choose another place."
        ) from error


def _write_by_way_of(folder: Path, path: Path, head: bytes, data: bytes | memoryview) -> None:
    part = folder / f".{process_mark()}-{secrets.token_hex(8)}.part"
    try:
        with os.fdopen(open_new(part), "wb") as file:
            file.write(head)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink()
        raise
