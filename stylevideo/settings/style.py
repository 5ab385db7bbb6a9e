"""A style picture as it is asked for, and its matte."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stylevideo.errors import SettingsError

INVERTED, ALPHA = "inverted", "alpha"
MATTE_FORM = "MATTE[:CHANNEL][:inverted]"
"""How a matte is written."""
FIELD_MATTES = ("strength_matte", "stroke_size_matte")
"""Settings that name a matte of how something is painted, beside those of where styles are."""


@dataclass(frozen=True)
class Style:
    """A style, picture or clip, its weight among the others (above 0; they are normalised), and where it is painted.

    `matte` is as `MatteName.parse` reads it; "" is everywhere, or where the others' mattes leave something.
    """

    path: Path
    weight: float = 1.0
    matte: str = ""

    @property
    def text(self) -> str:
        """As `parse` reads it, `PICTURE` or `PICTURE:WEIGHT`; without the matte."""
        return f"{self.path}" if self.weight == 1 else f"{self.path}:{self.weight!r}"

    @classmethod
    def of(cls, named: str | Path | Style) -> Style:
        """A style, however it is named: `PICTURE:WEIGHT`, a path, or a style already.

        Raises:
            SettingsError: the weight is not above zero.
        """
        return named if isinstance(named, Style) else cls.parse(str(named))

    @classmethod
    def parse(cls, text: str) -> Style:
        """Read `PICTURE` or `PICTURE:WEIGHT`, such as `waves.jpg:0.5`.

        A file whose whole name is given wins over a weight.

        Raises:
            SettingsError: the weight is not above zero.
        """
        name, colon, number = text.rpartition(":")
        if not colon or Path(text).exists():
            return cls(Path(text))
        try:
            weight = float(number)
        except ValueError:
            return cls(Path(text))
        if not 0 < weight < math.inf:
            raise SettingsError(f"--style {text}: the weight must be above 0.")
        return cls(Path(name), weight)


def look_numbers(styles: Sequence[Style]) -> tuple[int, ...]:
    """Of each style the number of its look, those without a matte being the last one; none where no style has one."""
    names = list(dict.fromkeys(style.matte for style in styles if style.matte))
    return tuple(names.index(style.matte) if style.matte else len(names) for style in styles) if names else ()


@dataclass(frozen=True)
class MatteName:
    """Where a matte is.

    Attributes:
        path: a picture, the pattern or folder of an image sequence, or a clip.
        channel: of its pictures; their brightness, or an EXR's only channel, where it is "".
        inverted: whether black is painted, instead of white.
    """

    path: Path
    channel: str = ""
    inverted: bool = False

    @classmethod
    def parse(cls, text: str, flag: str = "--matte") -> MatteName:
        """Read `MATTE`, `MATTE:inverted`, `MATTE:alpha`, `MATTE:CHANNEL`, or `MATTE:CHANNEL:inverted`.

        A file whose whole name is given wins over what could stand behind it; a letter before a colon is a drive. The
        flag is for errors.

        Raises:
            SettingsError: it names two channels, or nothing.
        """
        path, channel, inverted = text, "", False
        while (parts := path.rpartition(":"))[1] and not Path(path).exists():
            before, _, word = parts
            if len(before) < 2 or "/" in word or "\\" in word:
                break
            if word == INVERTED:
                inverted = True
            elif channel:
                raise SettingsError(f"{flag} {text} names two channels, {word} and {channel}. Name one.")
            else:
                channel = word
            path = before
        if not path:
            raise SettingsError(f"{flag} {text!r} names no file.")
        return cls(Path(path), channel, inverted)

    def __str__(self) -> str:
        """As it is written."""
        return ":".join([str(self.path), *filter(None, [self.channel, INVERTED if self.inverted else ""])])


def check_matte(flag: str, text: str) -> None:
    """Refuse what is no matte's name; "" is none.

    Raises:
        SettingsError: see `MatteName.parse`.
    """
    if text:
        MatteName.parse(text, flag)
