"""What goes into ffmpeg's pipe for a film: each image as often as it shows, or once with its time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from stylevideo.errors import EncodeError, ShapeError
from stylevideo.media.encode.matroska import picture_header, stream_header
from stylevideo.media.encode.spec import FilmSpec


def check_image(image: np.ndarray, first: np.ndarray) -> None:
    """Raise a `ShapeError` for an image that is unlike the first, or none that a film can have."""
    is_known = image.dtype in (np.uint8, np.uint16) and image.ndim == 3 and image.shape[2] in (3, 4)
    if image.shape != first.shape or image.dtype != first.dtype or not is_known:
        raise ShapeError(
            "A film needs (h, w, 3) or (h, w, 4) uint8 or uint16 images of one size; "
            f"got {image.shape} {image.dtype}, the first was {first.shape} {first.dtype}."
        )


def chunks(film: FilmSpec, images: Iterable[np.ndarray]) -> Iterator[memoryview | bytes]:
    """All that is written into ffmpeg's pipe; the images must be as many as the film's frames."""
    if film.keep_timestamps:
        yield stream_header(*film.size, film.pipe_format)
    wanted, fed = len(film.clip.frames), 0
    for image in images:
        check_image(image, film.first)
        if fed == wanted:
            raise EncodeError(f"{film.clip.output.name}: more than the {fed} frames asked for came to be written.")
        yield from _pieces(film, fed, np.ascontiguousarray(image))
        fed += 1
    if fed < wanted:
        raise EncodeError(f"{film.clip.output.name}: only {fed} of {wanted} frames came to be written.")


def _pieces(film: FilmSpec, place: int, image: np.ndarray) -> Iterator[memoryview | bytes]:
    """What is written for the image at a place: as often as it is repeated, or once with its time."""
    if film.keep_timestamps:
        selection, frames = film.clip.selection, film.clip.frames
        time = selection.time(frames[place]) - selection.time(frames.start) + film.cut.late
        yield picture_header(time, selection.length(frames[place]), image.nbytes)
    for _ in range(film.repeats[place]):
        yield image.data
