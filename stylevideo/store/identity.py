"""By what work is known again: the source's identity, what was asked for, and whether a film is already made from it.

Answers without decoding a frame and without PyTorch, so that a finished batch is known again at once.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from stylevideo.errors import InputError, SettingsError
from stylevideo.limits import WEIGHTS_BYTES
from stylevideo.media.decode.probe import require_file
from stylevideo.media.hidden import Places
from stylevideo.media.pattern import is_sequence, list_sequence, parse_pattern
from stylevideo.settings.schema import Affects
from stylevideo.settings.settings import Settings, leaves
from stylevideo.settings.style import Style
from stylevideo.store.sidecar import read_values
from stylevideo.system.files import read_file
from stylevideo.system.heartbeat import beat
from stylevideo.timeline.clip import VideoInfo
from stylevideo.timeline.ranges import parse_numbers, select_frames
from stylevideo.version import __version__

WHOLE_BYTES = 1 << 26
"""Up to so much in all is compared byte by byte; of what has more, so much is looked at, or a little of every file."""
PARTS = 16
LEAST_PARTS = 3
LEAST_PART_BYTES = 1 << 12


def request_key(source: Path, styles: Sequence[Style], settings: Settings) -> str:
    """The SHA-256 of all that is asked for: the content of source and styles, the settings, the versions.

    Args:
        source: a video file, or the pattern or folder of an image sequence, of which the frames asked for count.
        styles: with their weights.
        settings: of the job; where it runs and what else it writes does not count.
    Raises:
        InputError: the source or a style cannot be read, or the sequence does not have these frames.
        SettingsError: the frames are not written as they should be.
    """
    footage = settings.footage
    if is_sequence(source):
        listed = list_sequence(source, Fraction(footage.rate))
        selection = select_frames(listed, footage.frames, footage.start, footage.end, footage.handles)
        files = source_files(selection.info, selection.frames)
    else:
        require_file(source)
        files = [source]
    hashes = [(content_hash(style.path), style.weight) for style in styles]
    return request_key_of(source_identity(files), hashes, settings)


def request_key_of(identity: str, styles: Sequence[tuple[str, float]], settings: Settings) -> str:
    """What `request_key` says of a source and of styles that were read already.

    Args:
        identity: of the source's files, as from `source_identity`.
        styles: the SHA-256 of each one's file, and its weight.
        settings: of the job.
    """
    asked = {
        "stylevideo": __version__,
        "torch": version("torch"),
        "source": identity,
        "view": _view_identity(settings.footage.view),
        "styles": [list(style) for style in styles],
        "settings": {leaf.name: settings.value(leaf.name) for leaf in leaves() if leaf.affects is not Affects.RUN},
        "weights": _weights_hash(settings.weights.file),
    }
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def is_made(places: Places, key: Callable[[], str]) -> bool:
    """Whether a film is there, as large as it was written, and made from what the key says.

    Args:
        places: of the film.
        key: tells what `request_key` does; asked if there is a film.
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


def source_files(info: VideoInfo, frames: range) -> list[Path | None]:
    """The video; or the file of each of these frames of a sequence, None where there is none."""
    return list(info.files[frames.start : frames.stop]) or [info.path]


def source_identity(files: Sequence[Path | None]) -> str:
    """Enough to tell clips, and versions of them, apart, and quick for large ones.

    The SHA-256 of all that the files hold; where that is more than `WHOLE_BYTES`, of their sizes and of parts of each:
    up to sixteen, evenly from its beginning to its end. No times count: a clip that was touched, copied or restored is
    the same one.

    Args:
        files: a video, or the pictures of a sequence; one that is missing counts as missing.
    Raises:
        InputError: a file cannot be read.
    """
    digest = hashlib.sha256()
    found = [(file, _status(file)) for file in files]
    total = sum(status.st_size for _, status in found if status)
    looked_at = max(WHOLE_BYTES // max(1, len(files)), LEAST_PARTS * LEAST_PART_BYTES)
    for file, status in found:
        beat()
        if file is None or status is None:
            digest.update(b"missing;")
            continue
        digest.update(f"{status.st_size};".encode())
        try:
            for part in _parts(file, status.st_size, looked_at if total > WHOLE_BYTES else status.st_size):
                digest.update(part)
        except OSError as error:
            raise InputError(f"{file} cannot be read ({error.strerror}).") from error
    return f"{total} bytes, {digest.hexdigest()[:16]}"


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


def _weights_hash(file: Path | None) -> str:
    """Of weights' file, made once for all clips of a batch while the file stays as it is; "" of installed weights."""
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
    """Parts of a file from its beginning to its end, of so many bytes in all; all of it where it has no more."""
    count = min(PARTS, looked_at // LEAST_PART_BYTES) if size > looked_at else 1
    part_bytes = looked_at // count
    with file.open("rb") as stream:
        for part in range(count):
            stream.seek((size - part_bytes) * part // (count - 1) if part else 0)
            yield stream.read(part_bytes)


def _view_identity(view: str) -> str:
    """What of OpenColorIO decides how light looks; it is asked where it is named only."""
    if view in ("auto", "srgb"):
        return "none"
    from stylevideo.media.images.view import sequence_view

    try:
        return sequence_view(view).identity
    except InputError:  # a run says so, if it needs the view
        return "none"
