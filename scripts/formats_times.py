"""Flash and beep over the whole clip: rates that vary, pictures and sound that begin late, stretches of a clip."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from pathlib import Path

from formats_footage import FRAMES, Encoder, Source, Studio, Timing, constant, halved, handheld
from formats_in import H264
from formats_measures import decode, identity, shown_numbers, sync_errors, worst
from formats_report import Row

from stylevideo.errors import StyleVideoError
from stylevideo.media.probe import probe

SUFFIXES = (".mp4", ".mkv", ".mov")
SYNC_MS = 5.0
BAR = "every frame that was asked for, in order, and the beep within 5 ms of its flash, each time, over the whole clip."


@dataclass(frozen=True)
class Case:
    """A clip and what is made of it.

    Attributes:
        what: in words.
        clip: the name of its timing in `_timings`.
        shown: indices of the frames that the film has to show.
        values: settings of the run.
    """

    what: str
    clip: str
    shown: range = range(FRAMES)
    values: tuple[tuple[str, str], ...] = ()


KEEP = (("variable_rate", "keep"),)
CASES = (
    Case("24, then 12 a second: constant", "halved"),
    Case("24, then 12 a second: kept", "halved", values=KEEP),
    Case("uneven, about 28 a second: constant", "handheld"),
    Case("uneven, about 28 a second: kept", "handheld", values=KEEP),
    Case("picture 250 ms late", "late picture"),
    Case("sound 300 ms late", "late sound"),
    Case("as it is", "plain"),
    Case("--frames 11-40", "plain", range(10, 40), (("frames", "11-40"),)),
    Case("--start 0.3 --end 1.8", "plain", range(8, 44), (("start", "0.3"), ("end", "1.8"))),
    Case("--frames 1-48x2", "plain", range(0, 48, 2), (("frames", "1-48x2"),)),
    Case("uneven: --frames 11-40", "handheld", range(10, 40), (("frames", "11-40"),)),
    Case("uneven, kept: --frames 11-40", "handheld", range(10, 40), (("frames", "11-40"), *KEEP)),
    Case("picture 250 ms late: --frames 11-40", "late picture", range(10, 40), (("frames", "11-40"),)),
)


def _timings() -> dict[str, Timing]:
    return {
        "plain": constant(),
        "halved": halved(),
        "handheld": handheld(),
        "late picture": constant(late_picture=Fraction(1, 4)),
        "late sound": constant(late_sound=Fraction(3, 10)),
    }


def check_times(studio: Studio) -> Iterator[Row]:
    """A row for each case and container."""
    for suffix in SUFFIXES:
        clips = {name: studio.shoot(f"{name}{suffix}", Encoder(H264), timing) for name, timing in _timings().items()}
        for case in CASES:
            yield check_time(case, clips[case.clip], studio.folder / f"film{suffix}")
    for case in CASES:
        if not case.values:
            yield check_time(case, clips[case.clip], studio.folder / "film.mxf")


def check_time(case: Case, source: Source, film: Path) -> Row:
    """Run a clip, and find each flash and each beep in the film."""
    what = f"{film.suffix}, {case.what}"
    try:
        identity(source.path, film, overwrite=True, restart=True, **dict(case.values))
        errors = sync_errors(film)
    except (StyleVideoError, AssertionError) as error:
        return Row(what, {}, (str(error),))
    shown = [number for number, _ in groupby(shown_numbers(decode(film, "gray")))]
    right, off = shown == list(case.shown), max(map(abs, errors))
    made = probe(film)
    figures = {"frames shown": f"{len(shown)} of {len(case.shown)}", "in order": right}
    figures |= {"rate": "varies" if made.variable_rate else str(made.rate), "flashes": len(errors)}
    figures |= {"sync error, ms": worst(errors), "the source's own": worst(sync_errors(source.path))}
    faults = [] if right else [f"frames show {shown}"]
    return Row(what, figures, (*faults, *([f"sound {off:.1f} ms off"] if off > SYNC_MS else [])))
