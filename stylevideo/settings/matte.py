"""A matte as it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stylevideo.errors import SettingsError

INVERTED, ALPHA = "inverted", "alpha"


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
    def parse(cls, text: str) -> MatteName:
        """Read `MATTE`, `MATTE:inverted`, `MATTE:alpha`, `MATTE:CHANNEL`, or `MATTE:CHANNEL:inverted`.

        A file whose whole name is given wins over what could stand behind it; a letter before a colon is a drive.

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
                raise SettingsError(f"--matte {text} names two channels, {word} and {channel}. Name one.")
            else:
                channel = word
            path = before
        if not path:
            raise SettingsError(f"--matte {text!r} names no file.")
        return cls(Path(path), channel, inverted)

    def __str__(self) -> str:
        """As it is written."""
        return ":".join([str(self.path), *filter(None, [self.channel, INVERTED if self.inverted else ""])])
