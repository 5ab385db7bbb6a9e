"""By what work is known again: the source's identity, what was asked for, and whether a film is already made from it.

Answers without decoding a frame and without PyTorch, so that a finished batch is known again at once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

from stylevideo.beside import provenance_path
from stylevideo.errors import InputError
from stylevideo.settings import OF_RUNS, Settings, Style, leaves
from stylevideo.version import __version__

VIDEO_END_BYTES = 1 << 20
PICTURE_END_BYTES = 1 << 12


def request_key(source: Path, styles: Sequence[Style], settings: Settings) -> str:
    """The SHA-256 of all that is asked for: the content of source and styles, the settings, the versions.

    Args:
        source: a video file, or the pattern or folder of an image sequence.
        styles: with their weights.
        settings: of the job; where it runs and what else it writes does not count.
    Raises:
        InputError: the source or a style cannot be read.
    """
    asked = {
        "stylevideo": __version__,
        "torch": version("torch"),
        "source": source_identity(_files_of(source)),
        "styles": [[_content_hash(style.path), style.weight] for style in styles],
        "settings": {leaf.name: settings.value(leaf.name) for leaf in leaves() if leaf.name not in OF_RUNS},
    }
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def is_made(output: Path, key: str) -> bool:
    """Whether a film is there, as large as it was written, and made from what the key says.

    Args:
        output: the film, or the pattern of an image sequence.
        key: from `request_key`.
    """
    try:
        values = json.loads(provenance_path(output).read_bytes())
        return bool(values["request"] == key and written_bytes(output, values["numbers"]) == values["bytes"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def written_bytes(output: Path, numbers: Sequence[int] | None) -> int:
    """How large a film is.

    Args:
        output: the film, or the pattern of an image sequence.
        numbers: the first number of the sequence, the last, and the step; None for a film.
    Raises:
        OSError: a file is not there.
    """
    if numbers is None:
        return output.stat().st_size
    from stylevideo.media.sequence_writer import sequence_files

    first, last, step = numbers
    return sum(file.stat().st_size for file in sequence_files(output, range(first, last + 1, step)))


def source_identity(files: list[Path]) -> str:
    """Enough to tell clips apart, quick for large ones: sizes, and the SHA-256 of how each file begins and ends.

    Args:
        files: a video, or the pictures of a sequence; a missing one counts as missing.
    Raises:
        InputError: a file cannot be read.
    """
    digest, total = hashlib.sha256(), 0
    end_bytes = VIDEO_END_BYTES if len(files) == 1 else PICTURE_END_BYTES
    for file in files:
        try:
            size = file.stat().st_size if file.exists() else -1
            digest.update(f"{size};".encode())
            for part in _ends(file, size, end_bytes):
                digest.update(part)
        except OSError as error:
            raise InputError(f"{file} cannot be read ({error.strerror}).") from error
        total += max(0, size)
    return f"{total} bytes, {digest.hexdigest()[:16]}"


def _ends(file: Path, size: int, end_bytes: int) -> Iterator[bytes]:
    if size < 0:
        return
    with file.open("rb") as stream:
        yield stream.read(end_bytes)
        stream.seek(max(0, size - end_bytes))
        yield stream.read(end_bytes)


def _files_of(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    from stylevideo.media.sequence import is_sequence, named_files

    return named_files(source) if is_sequence(source) else [source]


def _content_hash(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"{file}: the picture cannot be read ({error.strerror}). Check the name.") from error
