"""Clips that are styles, made into pictures and what each of them counts over time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from stylevideo.media.decode.mattes import stamp
from stylevideo.media.decode.samples import open_style_clip, sample
from stylevideo.media.images.pictures import read_as_srgb
from stylevideo.media.images.style_files import style_files
from stylevideo.planning.style_clips import ONE_PICTURE, Course, Following
from stylevideo.text import counted

PICTURE_CODECS = ("png", "jpeg", "tiff", "gif")
"""Of which a single picture is read as a picture's file is."""


@dataclass(frozen=True, eq=False)
class StylePictures:
    """The pictures of a style.

    Attributes:
        pictures: (H, W, 3) uint8, RGB, of one size.
        course: what each counts.
        note: what was done about their colours, as a sentence, if anything.
        told: of a clip, how many of its pictures are used and how, as a sentence.
    """

    pictures: tuple[np.ndarray, ...]
    course: Course = ONE_PICTURE
    note: str = ""
    told: str = ""


def style_picture(path: Path) -> StylePictures:
    """A picture's file.

    Raises:
        InputError: there is no such file, or it is not a picture.
    """
    picture, note = read_as_srgb(path)
    return StylePictures((picture,), note=note)


def pictures_of_clip(path: Path, following: Following) -> StylePictures:
    """Those of a clip; a sequence of one picture is that picture.

    The last ones are kept, as long as the files stay as they are: the next clip of a batch most likely needs the same.

    Args:
        path: of the clip, or the pattern of an image sequence.
        following: how it counts.
    Raises:
        InputError: it cannot be read, is HDR, or shows nothing.
    """
    return _read_once(path, following, tuple(stamp(file) for file in style_files(path) if file))


@lru_cache(maxsize=2)
def _read_once(path: Path, following: Following, _: tuple[tuple[int, int] | None, ...]) -> StylePictures:
    info = open_style_clip(path, following.rate)
    if info.frame_count == 1 and info.codec in PICTURE_CODECS:
        return style_picture(info.source_files()[0])
    found = sample(info, following.wanted(info))
    course = following.course(info, found.indices, found.numbers)
    count = counted(len(found.pictures), "picture")
    told = f"The style {info.path.name} is {count} of the clip: {following.told(course)}."
    return StylePictures(found.pictures, course, told=told)
