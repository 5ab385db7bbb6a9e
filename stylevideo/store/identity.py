"""By what files are known again: the content of source, styles and weights, and whether a film is what its record says.

Answers without decoding a frame and without PyTorch, so that a finished batch is known again at once. What follows
from it is the business of `stylevideo.store.manifest`.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from stylevideo.errors import InputError, SettingsError
from stylevideo.limits import WEIGHTS_BYTES
from stylevideo.media.hidden import Places
from stylevideo.media.pattern import parse_pattern
from stylevideo.store.sidecar import read_values
from stylevideo.system.files import read_file
from stylevideo.system.heartbeat import beat
from stylevideo.timeline.ranges import parse_numbers

WHOLE_BYTES = 1 << 26
"""Up to so much in all is compared byte by byte; of what has more, so much is looked at, or a little of every file."""
PARTS = 16
LEAST_PARTS = 3
LEAST_PART_BYTES = 1 << 12
CHUNK_BYTES = 1 << 22


@dataclass(frozen=True)
class SourceContent:
    """What a clip's files hold, by hashes.

    Attributes:
        identity: enough to tell clips, and versions of them, apart.
        sha256: of all that the files hold, one after another; "" where that is more than `WHOLE_BYTES`.
    """

    identity: str
    sha256: str


def is_made(places: Places, key: Callable[[], str]) -> bool:
    """Whether a film is there, as large as it was written, and made from what the key says.

    Args:
        places: of the film.
        key: tells the request key of what is asked for, see `stylevideo.store.manifest`; asked if there is a film.
    Raises:
        What `key` raises.
    """
    values = read_values(places.record)
    try:
        request, is_whole = values["request"], written_bytes(places.film, values["numbers"]) == values["bytes"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SettingsError):
        return False
    return bool(is_whole and request == key())


def made_files(places: Places) -> Iterator[Path]:
    """The files of a film that is made, as its record says."""
    return _files(places.film, read_values(places.record)["numbers"])


def written_bytes(output: Path, numbers: str | None) -> int:
    """How large a film is.

    Args:
        output: the film, or the pattern of an image sequence.
        numbers: of the sequence's files, as `--frames` takes them; None for a film.
    Raises:
        OSError: a file is not there.
        SettingsError: they are not written as they should be.
    """
    return sum(file.stat().st_size for file in _files(output, numbers))


def _files(output: Path, numbers: str | None) -> Iterator[Path]:
    parsed = parse_pattern(output)
    if numbers is None or parsed is None:
        yield output
        return
    for stretch in parse_numbers(numbers):
        yield from map(parsed[0].file, stretch)


def read_source(files: Sequence[Path | None]) -> SourceContent:
    """Read a clip's files once: enough to tell clips, and versions of them, apart, and quick for large ones.

    The identity is of the files' sizes and of all that they hold; where that is more than `WHOLE_BYTES`, of parts of
    each: up to sixteen, evenly from its beginning to its end. No times count: a clip that was touched, copied or
    restored is the same one.

    Args:
        files: a video, or the pictures of a sequence; one that is missing counts as missing.
    Raises:
        InputError: a file cannot be read.
    """
    found = [(file, _status(file)) for file in files]
    total = sum(status.st_size for _, status in found if status)
    is_whole = total <= WHOLE_BYTES
    looked_at = max(WHOLE_BYTES // max(1, len(files)), LEAST_PARTS * LEAST_PART_BYTES)
    digest = hashlib.sha256()
    for file, status in found:
        beat()
        if file and status:
            for part in _parts(file, status.st_size, status.st_size if is_whole else looked_at):
                digest.update(part)
    sizes = ";".join(str(status.st_size) if status else "missing" for _, status in found)
    identity = hashlib.sha256(f"{sizes};{digest.hexdigest()}".encode()).hexdigest()[:16]
    return SourceContent(f"{total} bytes, {identity}", digest.hexdigest() if is_whole else "")


def whole_hash(files: Iterable[Path]) -> str:
    """The SHA-256 of all that a clip's files hold, one after another, however large they are.

    Raises:
        InputError: a file can no longer be read.
    """
    digest = hashlib.sha256()
    for file in files:
        try:
            with file.open("rb") as stream:
                while chunk := stream.read(CHUNK_BYTES):
                    beat()
                    digest.update(chunk)
        except OSError as error:
            raise InputError(f"{file} can no longer be read ({error.strerror}). Put it back.") from error
    return digest.hexdigest()


def content_hash(file: Path) -> str:
    """The SHA-256 of what a small file holds, in hexadecimal digits.

    Raises:
        InputError: it cannot be read.
    """
    beat()
    try:
        return hashlib.sha256(read_file(file, WEIGHTS_BYTES)).hexdigest()
    except OSError as error:
        raise InputError(f"{file}: the picture cannot be read ({error.strerror}). Check the name.") from error


def weights_hash(file: Path | None) -> str:
    """The SHA-256 of weights' file, "" of installed weights; made once for a batch while the file stays as it is."""
    if file is None or (status := _status(file)) is None:
        return ""
    return _hash_once(file, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@lru_cache(maxsize=4)
def _hash_once(file: Path, *_: int) -> str:
    return content_hash(file)


def _status(file: Path | None) -> os.stat_result | None:
    """Of an ordinary file that is there."""
    with suppress(OSError):
        if file and stat.S_ISREG((status := file.stat()).st_mode):
            return status
    return None


def _parts(file: Path, size: int, looked_at: int) -> Iterator[bytes]:
    """Parts of a file from its beginning to its end, of so many bytes in all; all of it where it has no more.

    Raises:
        InputError: it cannot be read.
    """
    count = min(PARTS, looked_at // LEAST_PART_BYTES) if size > looked_at else 1
    part_bytes = looked_at // count
    try:
        with file.open("rb") as stream:
            for part in range(count):
                stream.seek((size - part_bytes) * part // (count - 1) if part else 0)
                yield stream.read(part_bytes)
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror}).") from error
