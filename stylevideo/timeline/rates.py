"""The exact rate of a video from its frames' rounded times; and the rate at which a variable one is written.

Knows numbers alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

STANDARD_RATES = tuple(
    sorted(
        [Fraction(rate) for rate in (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 16, 18, 20, 24, 25, 30, 48, 50, 60, 72, 90)]
        + [Fraction(rate) for rate in (100, 120, 144, 200, 240)]
        + [Fraction(1000 * rate, 1001) for rate in (12, 15, 24, 30, 48, 60, 120, 240)]
        + [Fraction(25, 2), Fraction(15, 2)]
    )
)
HIGHEST_VARIABLE_RATE = 120
LARGEST_DENOMINATOR = 1001
# A frame may be this much of its duration off the regular grid before the video counts as variable-rate.
# One unit of a coarse time base (mkv: 1 ms) is allowed too, up to the second value.
GRID_TOLERANCE_FRAMES = Fraction(1, 20)
COARSE_TOLERANCE_FRAMES = Fraction(3, 10)
# Raw streams add their rounding up; this much is not held against a rate.
EXACT_TOLERANCE_FRAMES = Fraction(1, 500)
FILM_TOLERANCE_FRAMES = Fraction(1, 8)
DEFAULT_RATE = Fraction(25)
HELD_FRAMES = Fraction(3, 2)
"""A last frame that lasts so many frames is held; it is repeated, and not merely measured inexactly."""


def constant_rate(
    pts: Sequence[int], time_base: Fraction, stated: Sequence[str] = (), lasts: Fraction = Fraction(0)
) -> Fraction | None:
    """The exact rate of evenly spaced frames.

    Times are rounded to the time base, so several rates may explain a short clip. Preferred are, in this
    order: those right within one unit of the time base, those that print as the container states
    them, and those that fit best.

    Args:
        pts: ascending times in units of `time_base`; at least one.
        time_base: seconds.
        stated: rates as ffmpeg prints them, rounded to two decimals.
        lasts: seconds for which the last frame is shown; 0 where that is not known.
    Returns:
        Frames a second, or None where the frames are unevenly spaced.
    """
    if len(pts) == 1 or pts[0] == pts[-1]:
        return _rate_of_one(lasts, time_base, stated)
    span = Fraction(len(pts) - 1) / ((pts[-1] - pts[0]) * time_base)
    candidates = {
        *STANDARD_RATES,
        span,
        span.limit_denominator(LARGEST_DENOMINATOR),
        _simplest_rate(pts, time_base),
    }
    ranked = []
    for rate in candidates:
        tolerance = max(min(time_base * rate, COARSE_TOLERANCE_FRAMES), GRID_TOLERANCE_FRAMES)
        if abs((pts[-1] - pts[0]) * time_base * rate - (len(pts) - 1)) > tolerance:
            continue
        misfit = _misfit(pts, time_base, rate)
        if misfit <= tolerance:
            stands = any(prints_as(rate, text) for text in stated)
            ranked.append(
                (
                    misfit > max(time_base * rate, EXACT_TOLERANCE_FRAMES),
                    not stands,
                    rate not in STANDARD_RATES,
                    misfit,
                    rate,
                )
            )
    return min(ranked)[-1] if ranked else None


def _rate_of_one(lasts: Fraction, time_base: Fraction, stated: Sequence[str]) -> Fraction:
    """The rate of frames whose times say nothing: from how long the last one lasts, and what the file states.

    One that lasts longer than a second is held: it has a rate at which it is repeated.
    """
    if not lasts:
        return stated_rate(stated) or DEFAULT_RATE
    usual = [rate for rate in STANDARD_RATES if abs(1 / rate - lasts) < time_base]
    named = [rate for rate in usual if any(prints_as(rate, text) for text in stated)]
    if usual:
        return min(named or usual, key=lambda rate: abs(1 / rate - lasts))
    return 1 / lasts if lasts <= 1 else film_rate((0, round(lasts / time_base)), time_base)


def stated_rate(stated: Sequence[str]) -> Fraction | None:
    """The standard rate that ffmpeg prints so, or None."""
    return next((rate for text in stated for rate in STANDARD_RATES if prints_as(rate, text)), None)


def _misfit(pts: Sequence[int], time_base: Fraction, rate: Fraction) -> Fraction:
    """The farthest that a frame is from its place on a regular grid, in frames.

    Whole numbers throughout: fractions would take seconds on a long film.
    """
    step = time_base * rate  # frames per unit of the time base
    above, below = step.numerator, step.denominator
    first = pts[0]
    return Fraction(max(abs((time - first) * above - i * below) for i, time in enumerate(pts)), below)


def _simplest_rate(pts: Sequence[int], time_base: Fraction) -> Fraction:
    """The rate with the smallest denominator that meets the last frame's time within one unit."""
    count, units = len(pts) - 1, pts[-1] - pts[0]
    exact = Fraction(count) / (units * time_base)
    for denominator in range(1, LARGEST_DENOMINATOR + 1):
        rate = Fraction(round(exact * denominator), denominator)
        if rate and abs(count / (rate * time_base) - units) <= 1:
            return rate
    return exact


def film_rate(pts: Sequence[int], time_base: Fraction, stated: Sequence[str] = ()) -> Fraction:
    """The constant rate at which a variable-rate video is written.

    The lowest usual rate that loses no frame; better one on whose grid every frame lies. Where frames come
    too fast for any rate up to 120, the one that loses the fewest.

    Args:
        pts: ascending times in units of `time_base`; at least two.
        time_base: seconds.
        stated: rates as ffmpeg prints them, to tell 24 from 24000/1001 where both fit.
    """
    average = Fraction(len(pts) - 1) / ((pts[-1] - pts[0]) * time_base)
    highest = max(Fraction(HIGHEST_VARIABLE_RATE), average)
    usual = [rate for rate in STANDARD_RATES if average <= rate <= highest] or [Fraction(HIGHEST_VARIABLE_RATE)]
    return min(usual, key=lambda rate: _film_rank(pts, time_base, rate, stated))


def _film_rank(
    pts: Sequence[int], time_base: Fraction, rate: Fraction, stated: Sequence[str]
) -> tuple[int, bool, int, bool, Fraction]:
    step = time_base * rate
    above, below = step.numerator, step.denominator
    positions = [(time - pts[0]) * above for time in pts]  # in 1/below of a film frame
    ticks = [_round_to_even(position, below) for position in positions]
    lost = len(ticks) - len(set(ticks))
    misfit = Fraction(max(abs(position - tick * below) for position, tick in zip(positions, ticks, strict=True)), below)
    tolerance = max(min(step, FILM_TOLERANCE_FRAMES), GRID_TOLERANCE_FRAMES)
    stands = any(prints_as(rate, text) for text in stated)
    return lost, misfit > tolerance, round(rate), not stands, misfit


def _round_to_even(above: int, below: int) -> int:
    """Round above/below as `round` does a fraction, several times faster."""
    whole, rest = divmod(above, below)
    return whole + (2 * rest > below or (2 * rest == below and whole % 2 == 1))


def prints_as(rate: Fraction, text: str) -> bool:
    """Whether ffmpeg prints a rate so: with two decimals, or with none where they would be zeros."""
    return f"{float(rate):.2f}".removesuffix(".00") == text.removesuffix(".00")
