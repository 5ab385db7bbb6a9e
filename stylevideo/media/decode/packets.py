"""Which frames a video shows and when, from its packets; where they do not tell, from ffmpeg's decoder.

A stream may begin with packets that nothing can be made of: cut out of a broadcast, or by an edit list. The clip begins
with the first picture that ffmpeg's decoder gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from stylevideo.media.ffmpeg import reading_time_s, run_ffmpeg, source_input
from stylevideo.media.framecrc import Listing, Row, parse_framecrc
from stylevideo.timeline.rates import DEFAULT_RATE, constant_rate, stated_rate

LEAST_KNOWN = 4
"""So many times are needed to tell an even spacing."""
LEAST_UNITS = 4
"""So many units of its clock a frame has to last, that two at one time are known to stand still."""


@dataclass(frozen=True)
class ShownTimes:
    """When a video's frames are shown.

    Attributes:
        time_base: seconds per unit of `pts`.
        pts: each frame's time, ascending.
        timed: whether the container gives them; where not, they are inferred.
        orderly: whether the file begins with the first of these frames.
        last_lasts: seconds for which the last one is shown; 0 where that is not known.
    """

    time_base: Fraction
    pts: tuple[int, ...]
    timed: bool
    orderly: bool
    last_lasts: Fraction


def shown_times(
    path: Path, demuxer: str, packets: Listing, stated: Sequence[str], begin: Fraction, company: Sequence[str]
) -> ShownTimes:
    """Find out which packets are shown, and when.

    Args:
        path: the file.
        demuxer: ffmpeg's name of its format.
        packets: all of its picture, in the order of decoding, those included that no key frame comes before.
        stated: rates as ffmpeg prints them.
        begin: seconds on the file's own clock from which the packets' times count.
        company: ffmpeg's arguments for an output that keeps other streams in use; see `stylevideo.media.clock`.
    """
    orderly = _begins_in_order(packets.rows)
    rows = [row for row in packets.rows if not row.is_discarded]
    if not orderly:
        rows = _from_first_picture(path, rows, packets.time_base, company)
    pts = [row.pts for row in rows]
    if demuxer == "matroska" and (spread := _counted_back(pts, packets.time_base, begin)):
        return ShownTimes(packets.time_base, spread, False, orderly, Fraction(0))
    if None not in pts and _tell_frames_apart(pts):
        shown = sorted(time for time in pts if time is not None)
        last = max(row.duration for row in rows if row.pts == shown[-1])
        return ShownTimes(packets.time_base, tuple(shown), True, orderly, last * packets.time_base)
    time_base, inferred = _inferred_times(path, rows, packets.time_base, stated, company)
    return ShownTimes(time_base, inferred, False, orderly, Fraction(0))


def _begins_in_order(rows: Sequence[Row]) -> bool:
    """Whether the first packet is the first frame: one that needs no other, and is shown before all others."""
    first, timed = rows[0], [row.pts for row in rows if row.pts is not None]
    if first.is_discarded or not first.is_key:
        return False
    return not timed or first.pts == min(timed)


def _from_first_picture(path: Path, rows: list[Row], time_base: Fraction, company: Sequence[str]) -> list[Row]:
    """The packets from the first one on of which ffmpeg's decoder makes a picture."""
    first = _first_picture(path, company) if all(row.pts is not None for row in rows) else None
    if first is not None:
        return [row for row in rows if row.pts is not None and row.pts * time_base >= first - time_base / 2] or rows
    key = next((place for place, row in enumerate(rows) if row.is_key), 0)
    return rows[key:]


def _first_picture(path: Path, company: Sequence[str]) -> Fraction | None:
    """When the first picture that ffmpeg can decode is shown, in seconds; None if there is none."""
    decoded = ["-map", "0:V:0", "-frames:v", "1", "-fps_mode", "passthrough", "-enc_time_base", "demux"]
    arguments = ["-v", "error", *source_input(path), *decoded, "-f", "framecrc", "-", *company]
    listing = parse_framecrc(run_ffmpeg(arguments, reading_time_s(path)).output)
    time = listing.rows[0].pts if listing else None
    return None if listing is None or time is None else time * listing.time_base


def _counted_back(pts: Sequence[int | None], time_base: Fraction, begin: Fraction) -> tuple[int, ...] | None:
    """The times of evenly spaced frames that begin before zero, or None if these are no such frames.

    Matroska's negative times are unknown to ffmpeg. It gives none, or counts from the earliest stream's until the true
    ones overtake it, and stands still meanwhile: as many frames again are late as begin before zero. All are counted
    back from the last. Zero is the file's own, of which nothing that ffmpeg knows is earlier, but where it counts sound
    back.
    """
    missing = [place for place, time in enumerate(pts) if time is None]
    known = sorted(time for time in pts if time is not None)
    half = len(known) // 2
    if len(known) < LEAST_KNOWN or (missing and missing[-1] > len(pts) // 2):
        return None
    rate = constant_rate(known[half:], time_base)
    step = 1 / (rate * time_base) if rate else Fraction(0)
    stands_still = any(after - before <= 1 for before, after in pairwise(known[:half]))
    zero = -begin / time_base
    is_guess = missing or stands_still or known[0] < zero - 1
    if step < LEAST_UNITS or not is_guess:
        return None
    spread = tuple(known[-1] - round(back * step) for back in reversed(range(len(pts))))
    early = sum(time < zero - 1 for time in spread)
    guessed = sum(abs(time - due) > 1 for time, due in zip(known, spread[len(missing) :], strict=True))
    return spread if early and guessed <= 2 * early else None


def _tell_frames_apart(times: Sequence[int | None]) -> bool:
    return len(times) == 1 or len(set(times)) > 1


def _inferred_times(
    path: Path, rows: Sequence[Row], time_base: Fraction, stated: Sequence[str], company: Sequence[str]
) -> tuple[Fraction, tuple[int, ...]]:
    """The frames' times where packets lack them, and their unit in seconds.

    The decoding times (AVI, some MPEG-PS), which have the same spacing, stand in, from the first picture's time on;
    where those are missing too, or all the same, the stated rate does.
    """
    dts = sorted(row.dts for row in rows if row.dts is not None)
    if len(dts) == len(rows) and _tell_frames_apart(dts):
        first = _first_picture(path, company)
        shift = 0 if first is None else round(first / time_base) - dts[0]
        return time_base, tuple(time + shift for time in dts)
    rate = stated_rate(stated) or DEFAULT_RATE
    return 1 / rate, tuple(range(len(rows)))
