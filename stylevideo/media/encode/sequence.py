"""Image sequences and stills as results: a file for each frame, none of them in place before all are made.

They are written into a hidden folder beside their place and moved from there, so that an earlier run's files stay
until they can all be replaced. What is written under a final name is whole.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from stylevideo.errors import EncodeError, InputError, ShapeError, StorageError
from stylevideo.media.hidden import Places, part_folder
from stylevideo.media.images.exr import check_openexr, write_exr
from stylevideo.media.images.pictures import Picture, check_writable, to_8_bits, to_16_bits, to_floats
from stylevideo.media.images.tiff import with_straight_alpha
from stylevideo.media.images.view import sequence_view
from stylevideo.media.pattern import Pattern, as_still, parse_pattern
from stylevideo.system.files import write_atomically
from stylevideo.text import counted

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Kind:
    """What a kind of file can hold, and how OpenCV is to write it."""

    bits: tuple[int, ...]
    alpha: bool
    options: tuple[int, ...] = ()


_TIFF = _Kind(bits=(8, 16, 32), alpha=True)
_JPEG = _Kind(
    bits=(8,),
    alpha=False,
    # At half the size, as is usual, saturated strokes would bleed.
    options=(
        *(cv2.IMWRITE_JPEG_QUALITY, 95),
        *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
    ),
)
WRITABLE_KINDS = {
    ".png": _Kind(bits=(8, 16), alpha=True, options=(cv2.IMWRITE_PNG_COMPRESSION, 1)),
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".exr": _Kind(bits=(32,), alpha=True),
}


@dataclass(frozen=True)
class SequenceReport:
    """A sequence that was written whole.

    Attributes:
        paths: the files, in order.
        notes: what of the pictures is not in the files, as sentences.
    """

    paths: tuple[Path, ...]
    notes: tuple[str, ...]


def check_sequence_output(output: Path, to_be_made: Collection[Path] = ()) -> None:
    """Refuse a sequence's name before any work is done for it.

    Args:
        output: the pattern, or the name of one picture.
        to_be_made: folders that need not be there yet, see `check_writable`.
    Raises:
        InputError: it states numbers; the kind of file is not supported, or its package is not installed; the folder
            is missing, or cannot be written to.
    """
    pattern = _output_pattern(output)
    check_writable(pattern.folder / pattern.name, to_be_made)


def sequence_files(output: Path, numbers: Iterable[int]) -> list[Path]:
    """The files of these numbers.

    Raises:
        InputError: see `check_sequence_output`; or they are several, and the output is one picture.
    """
    pattern, wanted = _output_pattern(output), list(numbers)
    if not pattern.digits and len(wanted) > 1:
        raise InputError(
            f"{output} is one picture, and {counted(len(wanted), 'frame')} are to be written. Write it like "
            f"{output.stem}.####{output.suffix}, or choose one of them with --frames {wanted[0]}."
        )
    return [pattern.file(number) for number in wanted]


def write_sequence(
    pictures: Iterable[Picture],
    output: Path,
    numbers: Sequence[int],
    bits: int,
    view: str = "auto",
    before_naming: Callable[[], None] = lambda: None,
) -> SequenceReport:
    """Write a file for each picture.

    Alpha and colours are written as they are; a TIFF says that its alpha is not multiplied into them. An EXR passes
    on what came with the EXR that its picture was read from.

    Args:
        pictures: all of one size; one for each of `numbers`, in order.
        output: a pattern such as `out/shot.####.png`, or the name of one picture; its suffix decides the kind of file.
            Numbers with more digits become longer. Existing files are replaced.
        numbers: of the frames.
        bits: 8, 16, or 32 for floating point; the nearest that the kind of file can hold is written.
        view: how the pictures are made into scene-linear light, for EXR; that by which they were read.
        before_naming: called when all are made, before the first gets its name; what it raises comes through.
    Raises:
        InputError: see `check_sequence_output`; or the view is not there.
        ShapeError: a picture has another size than the first, or its alpha than itself.
        EncodeError: the pictures are not as many as `numbers`, or too large for the kind of file.
        StorageError: the disk is full, or the folder cannot be written.
    """
    check_sequence_output(output)
    files = sequence_files(output, numbers)
    notes: dict[str, None] = {}
    with part_folder(Places.of(output)) as folder:
        made = []
        for file, picture in _counted(pictures, files, output):
            made.append(folder / file.name)
            try:
                notes |= dict.fromkeys(_write_file(made[-1], picture, bits, view))
            except StorageError as error:
                raise StorageError(_not_stored(output, error.__cause__)) from error
        before_naming()
        paths = tuple(_put_in_place(file, files[0].parent, output) for file in made)
    for note in notes:
        logger.info("%s: %s", output.name, note)
    return SequenceReport(paths, tuple(notes))


def _output_pattern(output: Path) -> Pattern:
    if output.is_dir():
        raise InputError(f"{output} is a folder. Write it like {output / 'frame.####.png'}.")
    pattern, stated = parse_pattern(output) or (as_still(output), None)
    if stated:
        raise InputError(f"{output}: the numbers are those of the frames. Write {pattern.name}, and choose --frames.")
    if pattern.suffix not in WRITABLE_KINDS:
        raise InputError(
            f"{output}: {pattern.suffix or 'this'} cannot be written. Choose one of {', '.join(WRITABLE_KINDS)}."
        )
    if pattern.suffix == ".exr":
        check_openexr()
    return pattern


def _not_stored(output: Path, error: BaseException | None) -> str:
    reason = error.strerror if isinstance(error, OSError) else error
    return f"{output} cannot be written ({reason}). Free some space or choose another place, and run again."


def _counted(pictures: Iterable[Picture], files: Sequence[Path], output: Path) -> Iterator[tuple[Path, Picture]]:
    """Files with their pictures, which must be as many, and of one size."""
    count, size = 0, None
    for count, picture in enumerate(pictures, start=1):
        if count > len(files):
            raise EncodeError(
                f"{output.name}: more than the {counted(len(files), 'frame')} asked for came to be written."
            )
        size = size or picture.image.shape[:2]
        _check_shapes(picture, size, output)
        yield files[count - 1], picture
    if count < len(files):
        raise EncodeError(f"{output.name}: only {count} of {counted(len(files), 'frame')} came to be written.")


def _check_shapes(picture: Picture, size: tuple[int, ...], output: Path) -> None:
    layers = [layer for layer in (picture.alpha, picture.gain) if layer is not None]
    if picture.image.shape != (*size, 3) or any(layer.shape != size for layer in layers):
        shapes = ", ".join(str(layer.shape) for layer in (picture.image, *layers))
        raise ShapeError(f"{output.name}: every picture must be {size[1]}x{size[0]} pixels of three channels: {shapes}")


def _write_file(path: Path, picture: Picture, bits: int, view: str) -> tuple[str, ...]:
    """Write one file; tell what of the picture is not in it."""
    if path.suffix.lower() == ".exr":
        return _write_light(path, picture, view)
    kind = WRITABLE_KINDS[path.suffix.lower()]
    write_atomically(path, _encode(path, picture, kind, max(b for b in kind.bits if b <= bits)))
    return () if picture.alpha is None or kind.alpha else ("JPEG cannot hold alpha: it is left out.",)


def _write_light(path: Path, picture: Picture, view: str) -> tuple[str, ...]:
    image = to_floats(picture.image)
    alpha = None if picture.alpha is None else to_floats(picture.alpha)
    chosen, source = sequence_view(view), picture.exr
    light = chosen.stored(chosen.decode(image, picture.gain), source and source.attributes.get("chromaticities"))
    lost = write_exr(path, light, alpha, source)
    return (f"Channels of another size than the pictures are left out: {', '.join(lost)}.",) if lost else ()


def _encode(path: Path, picture: Picture, kind: _Kind, bits: int) -> bytes:
    image = cv2.cvtColor(_with_bits(picture.image, bits), cv2.COLOR_RGB2BGR)
    alpha = picture.alpha if kind.alpha else None
    pixels = image if alpha is None else np.dstack([image, _with_bits(alpha, bits)])
    try:
        coded, data = cv2.imencode(path.suffix, pixels, kind.options)
    except cv2.error as error:
        raise EncodeError(_not_encoded(path, pixels)) from error
    if not coded:
        raise EncodeError(_not_encoded(path, pixels))
    return with_straight_alpha(data.tobytes()) if kind is _TIFF and alpha is not None else data.tobytes()


def _not_encoded(path: Path, pixels: np.ndarray) -> str:
    height, width = pixels.shape[:2]
    return f"{path.name}: {width}x{height} pixels cannot be written as {path.suffix}. Choose another kind of file."


def _with_bits(picture: np.ndarray, bits: int) -> np.ndarray:
    if bits == 8:
        return to_8_bits(picture)
    return to_16_bits(picture) if bits == 16 else to_floats(picture)


def _put_in_place(file: Path, folder: Path, output: Path) -> Path:
    try:
        return file.replace(folder / file.name)
    except OSError as error:
        raise StorageError(
            f"{output}: {file.name} could not be put in place ({error.strerror}). Close what uses it and run again."
        ) from error
