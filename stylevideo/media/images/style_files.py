"""Which files a style is: a picture, a clip, or an image sequence by its pattern. By names and first bytes alone."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from stylevideo.media.images.picture_size import has_signature
from stylevideo.media.pattern import CODECS, list_sequence, parse_pattern

PICTURE_SUFFIXES = frozenset((*CODECS, ".webp", ".bmp", ".avif"))


def is_style_clip(path: Path) -> bool:
    """Whether a style's name means a clip: the pattern of an image sequence, or a file that is not a picture's."""
    if path.is_file():
        try:
            return path.suffix.lower() not in PICTURE_SUFFIXES and not has_signature(path)
        except OSError:  # whoever reads it says so
            return False
    return not path.exists() and parse_pattern(path) is not None


def style_files(path: Path) -> tuple[Path | None, ...]:
    """The files of a style: a picture, a clip, or the pictures of a sequence; None for one that is missing in between.

    Raises:
        InputError: the sequence has none.
    """
    if path.is_file() or not is_style_clip(path):
        return (path,)
    return list_sequence(path, Fraction(1)).files
