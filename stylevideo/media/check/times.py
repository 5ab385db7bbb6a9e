"""Whether a film's frames come when the source's did, by what ffmpeg's decoder gives of both.

Knows nothing of how the film was made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import accumulate

from stylevideo.media.check.findings import Check, Verdict, agree, same
from stylevideo.media.check.pair import Pair
from stylevideo.media.decode.account import Account
from stylevideo.timeline.clip import VideoInfo
from stylevideo.timeline.rates import GRID_TOLERANCE_FRAMES, STANDARD_RATES
from stylevideo.timeline.selection import FrameSelection

# mkv counts in milliseconds.
TIME_TOLERANCE = Fraction(2, 1000)


def check_times(pair: Pair, source: Account | None, film: Account) -> Iterator[Check]:
    """Frames, their times, the rate and the duration.

    Args:
        pair: the film and its source.
        source: the whole source as it decodes; None of an image sequence.
        film: likewise.
    """
    info, made, shown = pair.info, pair.made, pair.shown.frames
    due, end, notes = _due(pair.shown, source)
    yield from notes
    if not film.times:
        yield same("frames", str(len(shown)), "0")
        return
    repeats = pair.shown.repeats
    tolerance = max(TIME_TOLERANCE, film.unit)
    in_time = len(film.times) == len(shown) and _farthest(film.times, due) <= tolerance
    kept = info.variable_rate and (made.variable_rate or in_time)  # a stretch of it may be even
    yield same("frames", str(len(shown) if kept else sum(repeats)), str(len(film.times)))
    if kept:
        yield _frame_times(film.times, due, tolerance)
    else:
        ticks = [tick for tick in accumulate(repeats[:-1], initial=0) if tick < len(film.times)]
        if 0 not in repeats:
            rounded = info.variable_rate or pair.shown.leaves_out
            half = 1 / (2 * info.rate) if rounded else _grid_tolerance(info)
            yield _frame_times([film.times[tick] for tick in ticks], due, tolerance + half)
        yield _rate(info, made, film)
        if info.variable_rate:
            yield Check("rate", "variable", "constant, with repeated frames", Verdict.CHANGED)
    lasts = film.times[-1] - film.times[0] + (film.lasts or 1 / made.rate)
    close = abs(lasts - end) <= max(1 / (2 * info.rate), TIME_TOLERANCE)
    yield agree("duration", f"{float(end):.3f} s", f"{float(lasts):.3f} s", close)


def _frame_times(times: Sequence[Fraction], due: Sequence[Fraction], limit: Fraction) -> Check:
    worst = _farthest(times, due)
    return agree("frame times", "as they are", f"at most {float(worst) * 1000:.1f} ms off", worst <= limit)


def _grid_tolerance(info: VideoInfo) -> Fraction:
    """How far an evenly spaced source's own times may be off their grid."""
    return GRID_TOLERANCE_FRAMES / info.rate + info.time_base


def _due(selection: FrameSelection, told: Account | None) -> tuple[list[Fraction], Fraction, list[Check]]:
    """When the shown frames are due from the first one on, and when the last one ends, in seconds.

    Of a source that is damaged, or does not say its times, the probe's hold.
    """
    info = selection.info
    notes: list[Check] = []
    times, end = [time * info.time_base for time in info.pts], info.end_time
    if info.timed and told is not None:
        if len(told.times) == len(times):
            notes += _agreeing(told, times, info)
            end = max(told.times[-1] + told.lasts, end if info.last_lasts is None else Fraction(0))
            times = list(told.times)
        else:
            notes.append(_undecodable(told, times))
    after, first = selection.successor(selection.frames[-1]), times[selection.chosen[0]]
    due = [times[index] - first for index in selection.chosen]
    return due, (end if after is None else times[after]) - first, notes


def _agreeing(told: Account, expected: Sequence[Fraction], info: VideoInfo) -> list[Check]:
    """A probe that is mistaken would mislead writer and judge alike."""
    off = max(abs(a - b) for a, b in zip(told.times, expected, strict=True))
    held = told.lasts * info.rate >= 2 and info.last_lasts is None
    if off <= TIME_TOLERANCE and not held:
        return []
    what = "its last frame is held" if held else f"{float(off) * 1000:.1f} ms off"
    return [Check("source's frame times", "as ffmpeg decodes them", what, Verdict.WRONG)]


def _undecodable(told: Account, expected: Sequence[Fraction]) -> Check:
    count = f"{len(told.times)} of {len(expected)}"
    known = {round(time * 1000) for time in expected}
    strange = [time for time in told.times if not known & {round(time * 1000) + off for off in (-1, 0, 1)}]
    damaged = len(told.times) < len(expected) and len(strange) <= len(expected) // 20
    verdict = Verdict.CHANGED if damaged else Verdict.WRONG
    return Check("source's frames that decode", count, "the last good one stands in" if damaged else "", verdict)


def _farthest(times: Sequence[Fraction], due: Sequence[Fraction]) -> Fraction:
    return max(abs(time - times[0] - wanted) for time, wanted in zip(times, due, strict=False))


def _rate(info: VideoInfo, made: VideoInfo, film: Account) -> Check:
    """Whether each frame lies where the rate puts it, as nearly as the container's clock can say."""
    if made.rate == info.rate:
        return same("frames a second", str(info.rate), str(made.rate))
    usual = info.rate in STANDARD_RATES and made.rate in STANDARD_RATES
    wanted = [place / info.rate for place in range(len(film.times))]
    length = film.lasts or 1 / made.rate
    held = not usual and _farthest(film.times, wanted) <= film.unit and abs(length - 1 / info.rate) <= 2 * film.unit
    found = f"{made.rate}, the nearest that its clock can tell" if held else str(made.rate)
    return Check("frames a second", str(info.rate), found, Verdict.CHANGED if held else Verdict.WRONG)
