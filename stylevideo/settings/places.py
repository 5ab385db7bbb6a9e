"""Places of a clip as they are written (a frame's number, a time or a timecode), and painted frames that stand at them.

Knows what is written; knows nothing of clips, so not which frame is meant, and reads no picture.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stylevideo.errors import Problems, SettingsError
from stylevideo.text import quoted

PAINTED = "painted"
"""The name of the setting that holds painted frames."""
_PLACE = re.compile(r"[0-9][0-9:;.]{0,30}s?")


def read_place(text: str, flag: str) -> str:
    """A place, in one way of writing it.

    Args:
        text: `1001`, `1.5s`, `0:12` or `01:00:00:12`.
        flag: to be shown.
    Raises:
        SettingsError: it is none.

    >>> read_place("0012", "--key strength")
    '12'
    """
    if not _PLACE.fullmatch(text):
        raise SettingsError(
            f"{flag}: {quoted(text)} is no place of a clip. Write a frame's number (1001), a time (1.5s, 0:12) "
            "or a timecode (01:00:00:12)."
        )
    return str(int(text)) if text.isdecimal() else text


@dataclass(frozen=True)
class PaintedPlace:
    """A painted frame; as text `PLACE=PICTURE`.

    Attributes:
        place: a frame's number, a time or a timecode, as written.
        path: of the picture.
    """

    place: str
    path: Path

    @classmethod
    def parse(cls, text: Any) -> PaintedPlace:
        """Read `1001=frame.png`; anything may stand in a job file.

        Raises:
            SettingsError: it is written otherwise.

        >>> PaintedPlace.parse("0:02.5=sky=blue.png").place
        '0:02.5'
        """
        place, sign, path = (part.strip() for part in (text.partition("=") if isinstance(text, str) else ("", "", "")))
        if not sign or not path:
            raise SettingsError(
                f"--{PAINTED}: {quoted(text)} is no painted frame. Write FRAME=PICTURE, such as 1001=frame1001.png."
            )
        return cls(read_place(place, f"--{PAINTED}"), Path(path))

    def __str__(self) -> str:
        return f"{self.place}={self.path}"


def painted_texts(value: Any) -> Any:
    """Painted frames as they stand in the settings, from a table of pictures by place; anything else as it is.

    Args:
        value: such as `{1001: "frame1001.png"}`, or the settings' own texts.
    Raises:
        SettingsError: there is no picture where one should be.
    """
    if not isinstance(value, Mapping):
        return tuple(value) if isinstance(value, list) else value
    for place, path in value.items():
        if not isinstance(path, str | Path) or not str(path):
            raise SettingsError(
                f"--{PAINTED} {quoted(place)}: {quoted(path)} is no picture. Write its file's name between quotation "
                "marks."
            )
    return tuple(f"{place}={path}" for place, path in value.items())


def check_painted(texts: Sequence[str]) -> None:
    """Refuse all that is wrong with painted frames, whatever the clip is.

    Raises:
        SettingsError: see `PaintedPlace.parse`; or two are given for one place.
    """
    problems, places = Problems(), Counter[str]()
    for text in texts:
        with problems.noted():
            place = PaintedPlace.parse(text).place
            places[place] += 1
            if places[place] == 2:
                raise SettingsError(f"--{PAINTED}: there are two pictures for {place}. Leave one out.")
    problems.raise_all()
