"""Places of a clip as they are written: a frame's number, a time or a timecode."""

from __future__ import annotations

import re

from stylevideo.errors import SettingsError
from stylevideo.text import quoted

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
