"""Timecode of SMPTE 12M: to frames and back, dropped numbers included."""

from __future__ import annotations

import re
from fractions import Fraction

from stylevideo.errors import SettingsError

TIMECODE = re.compile(r"([01]\d|2[0-3]):([0-5]\d):([0-5]\d)([:;])(\d{1,3})")


_DROP_RATES = {Fraction(30000, 1001): "29.97", Fraction(60000, 1001): "59.94"}
"""Rates at which timecode may drop numbers, as the package names them."""


def timecode_frames(text: str, rate: Fraction) -> int:
    """Frames from 00:00:00:00 to a timecode; with a semicolon it drops frame numbers, as 29.97 and 59.94 may.

    Raises:
        SettingsError: it is no timecode, or the rate has not so many frames a second.
    """
    match = TIMECODE.fullmatch(text)
    if match is None or int(match[5]) >= _nominal(rate):
        raise SettingsError(
            f"{text!r} is no timecode at {float(rate):g} frames a second. Write HH:MM:SS:FF, "
            f"the frames below {_nominal(rate)}."
        )
    from timecode.timecode import Timecode

    drop = match[4] == ";"
    return int(Timecode(_timecode_rate(rate, drop), text, force_non_drop_frame=not drop).frame_number)


def timecode_after(text: str, frames: int, rate: Fraction) -> str:
    """The timecode so many frames after another, written as ffmpeg writes it.

    Drop-frame stays so at 29.97 and 59.94 frames a second; at another rate it has no meaning, and there are colons.

    Raises:
        SettingsError: as for `timecode_frames`.
    """
    from timecode.timecode import Timecode

    drop = ";" in text and rate in _DROP_RATES
    total = timecode_frames(text, rate) + frames
    later = Timecode(_timecode_rate(rate, drop), frames=total + 1, force_non_drop_frame=not drop)
    hours, minutes, seconds, frame = later.frames_to_tc(later.frames)[:4]
    digits = 1 if _nominal(rate) <= 10 else 2 if _nominal(rate) <= 100 else 3
    return f"{hours:02}:{minutes:02}:{seconds:02}{';' if drop else ':'}{frame:0{digits}}"


def _nominal(rate: Fraction) -> int:
    """Frame numbers a second: 30 at 29.97."""
    return -(-rate.numerator // rate.denominator)


def _timecode_rate(rate: Fraction, drop: bool) -> str:
    return _DROP_RATES.get(rate, str(_nominal(rate))) if drop else str(_nominal(rate))
