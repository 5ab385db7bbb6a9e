"""What ffmpeg's `framecrc` muxer prints: each packet's or decoded frame's times, length and checksum.

Reads text alone; what the times mean is its callers' business.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

NO_TIME = -(2**63)
KEY_FLAG = 1
DISCARD_FLAG = 4


class Row(NamedTuple):
    """One packet or decoded frame; times and duration in units of the listing's time base.

    Attributes:
        dts, pts: None where it has none.
        duration: 0 where it is not known.
        crc: of its bytes.
        is_key: whether it can be decoded without earlier ones.
        is_discarded: whether it is only there to prime the decoder.
    """

    dts: int | None
    pts: int | None
    duration: int
    crc: str
    is_key: bool
    is_discarded: bool


@dataclass(frozen=True)
class Listing:
    """One stream's rows in the order of decoding, with the pictures' size, shape and seconds per unit of time."""

    width: int
    height: int
    sample_aspect: Fraction
    time_base: Fraction
    rows: tuple[Row, ...]


def parse_framecrc(output: str) -> Listing | None:
    """Read the listing of one stream; None where there is nothing of it."""
    header = dict(re.findall(r"^#(\w+) 0: (\S+)$", output, re.MULTILINE))
    rows = tuple(_row(line.split(",")) for line in output.splitlines() if line and not line.startswith("#"))
    if not rows or "tb" not in header:
        return None
    width, _, height = header.get("dimensions", "0x0").partition("x")
    above, _, below = header.get("sar", "0/1").partition("/")
    aspect = Fraction(int(above), int(below)) if int(below) else Fraction(1)
    return Listing(int(width), int(height), aspect or Fraction(1), Fraction(header["tb"]), rows)


def _row(fields: Sequence[str]) -> Row:
    # Flags are printed where they are not those of a plain key frame.
    flags = next((int(field.strip()[4:], 16) for field in fields[6:] if field.strip().startswith("F=0x")), KEY_FLAG)
    return Row(
        dts=_time(fields[1]),
        pts=_time(fields[2]),
        duration=int(fields[3]),
        crc=fields[5].strip(),
        is_key=bool(flags & KEY_FLAG),
        is_discarded=bool(flags & DISCARD_FLAG),
    )


def _time(text: str) -> int | None:
    value = int(text)
    return None if value == NO_TIME else value
