"""Frames that somebody has painted over: read, fitted to the film, and found in the clip, with all that is wrong.

A painted frame is the film's, as it is; what frames around it make of it is the engine's business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from stylevideo.errors import DecodeError, InputError, Problems, SettingsError
from stylevideo.media.images.files import read_file
from stylevideo.media.images.pictures import WHITE, Picture, Reading, to_floats
from stylevideo.media.images.view import SRGB, sequence_view
from stylevideo.media.pattern import CODECS
from stylevideo.settings.places import PAINTED, PaintedPlace
from stylevideo.settings.settings import Settings
from stylevideo.store.identity import content_hash
from stylevideo.text import listed
from stylevideo.timeline.ranges import frame_at
from stylevideo.timeline.selection import FrameSelection

ASPECT_TOLERANCE_PX = 1.5
"""By so much of the film's edge another aspect may be off: sizes are rounded to whole, even pixels."""


@dataclass(frozen=True, eq=False)
class PaintedPicture:
    """A frame that somebody has painted.

    Attributes:
        picture: of the film's size, without alpha.
        sha256: of its file.
        note: what was done about it, as a sentence, if anything.
    """

    picture: Picture
    sha256: str
    note: str = ""


def read_painted(
    settings: Settings, selection: FrameSelection, size: tuple[int, int], reading: Reading
) -> Mapping[int, PaintedPicture]:
    """Read a clip's painted frames.

    Args:
        settings: which name them.
        selection: of the clip's frames.
        size: height and width of the film.
        reading: of the source, whose depth and view are theirs too.
    Returns:
        By the frames' indices, ascending.
    Raises:
        InputError, SettingsError: all that is wrong with them.
    """
    problems, found = Problems(), dict[int, tuple[PaintedPlace, PaintedPicture]]()
    for painted in settings.painted_places:
        with problems.noted():
            index = _index(painted, selection)
            if index in found:
                raise SettingsError(
                    f"--{PAINTED}: frame {selection.number(index)} has two pictures, by {found[index][0].place} and "
                    f"{painted.place}. Leave one out."
                )
            found[index] = painted, _read(painted.path, size, reading, selection.info.is_linear)
    problems.raise_all()
    return {index: found[index][1] for index in sorted(found)}


def _index(painted: PaintedPlace, selection: FrameSelection) -> int:
    info = selection.info
    flag = f"--{PAINTED} {painted.place}"
    there = frame_at(info, painted.place, flag)
    if there not in selection.chosen:
        raise InputError(
            f"{info.path.name}: {flag}: frame {info.number(there)} is not among those that are made "
            f"({selection.text}). Choose other --frames, or leave it out."
        )
    index = selection.frames.start + selection.chosen.index(there)
    if info.is_sequence and selection.file(index) is None:
        raise InputError(
            f"{info.path.name}: {flag}: frame {info.number(there)} is missing in the sequence, so nothing says how its "
            "strokes move. Paint a frame beside it."
        )
    return index


def _read(path: Path, size: tuple[int, int], reading: Reading, is_linear: bool) -> PaintedPicture:
    if path.suffix.lower() not in CODECS:
        raise InputError(
            f"{path} is no picture that can be a painted frame. Use {listed(sorted(CODECS), len(CODECS))}."
        )
    sha256 = content_hash(path)
    try:
        picture = read_file(path, replace(reading, alpha="keep"))
    except DecodeError as error:
        raise InputError(str(error)) from error
    if picture.alpha is not None and (picture.alpha < WHITE[picture.alpha.dtype]).any():
        raise InputError(
            f"{path} has transparent places. Flatten it onto the frame: a painted frame is the whole frame."
        )
    notes = list(picture.notes)
    if is_linear and picture.exr is None and (view := sequence_view(reading.view)) is not SRGB:
        picture = Picture(view.of_screen(to_floats(picture.image)))
    if picture.image.shape[:2] != size:
        notes.append(_scaled_note(path, picture.image.shape[:2], size))
        picture = _fitted(picture, size)
    return PaintedPicture(Picture(picture.image, gain=picture.gain), sha256, " ".join(notes))


def _scaled_note(path: Path, own: Sequence[int], size: tuple[int, int]) -> str:
    """What is said of a picture that is scaled.

    Raises:
        InputError: it has another aspect.
    """
    sizes = f"{own[1]}x{own[0]} pixels, and the film has {size[1]}x{size[0]}"
    if abs(own[0] * size[1] / own[1] - size[0]) > ASPECT_TOLERANCE_PX:
        raise InputError(f"{path} has {sizes}, which is another aspect. Paint over a frame of the film or the source.")
    return f"The painted frame {path.name} has {sizes}: it is scaled."


def _fitted(picture: Picture, size: tuple[int, int]) -> Picture:
    if picture.image.shape[0] >= size[0]:
        return picture.fitted(size)
    image = cv2.resize(picture.image, (size[1], size[0]), interpolation=cv2.INTER_CUBIC)
    return Picture(np.clip(image, 0, 1) if image.dtype == np.float32 else image)
