"""Flash and beep over the whole clip: rates that vary, pictures and sound that begin late, stretches of a clip.

And clips whose clocks begin otherwise: below zero, in the middle of a broadcast, by an edit list. Of those the beep is
compared with the source's own, which what primes a decoder may shift already.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from pathlib import Path

from scripts.formats.footage import FRAMES, Encoder, Source, Studio, Timing, constant, halved, handheld, run, target
from scripts.formats.inputs import H264
from scripts.formats.measures import decode, identity, nearest_beeps, shown_numbers, sync_errors, worst
from scripts.formats.report import Row
from stylevideo.errors import StyleVideoError
from stylevideo.media.decode.probe import probe

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


GROUPS = ("-x264-params", "keyint=12:min-keyint=12:scenecut=0")
PACKET_BYTES, HEAD_PACKETS = 188, 3


def _clocks(studio: Studio) -> Iterator[tuple[str, Path]]:
    """Clips that begin otherwise, in words and as files."""
    late = studio.shoot("late.mp4", Encoder((*H264, *GROUPS)), constant(late_sound=Fraction(1, 4))).path
    below = ("-output_ts_offset", "-0.25", "-avoid_negative_ts", "disabled")
    yield "picture 250 ms below zero", _copied(late, studio.folder / "below.mkv", *below)
    whole = studio.shoot("whole.ts", Encoder((*H264, *GROUPS)), constant()).path
    yield "clock that wraps", _copied(whole, studio.folder / "wrapped.ts", "-output_ts_offset", "95443")
    yield "edit list", _copied(whole, studio.folder / "edited.mp4", before=("-ss", "0.3"))
    for what, more in (("closed", ""), ("open", ":open-gop=1")):
        path = studio.shoot(f"{what}.ts", Encoder((*H264, GROUPS[0], GROUPS[1] + more)), constant()).path
        packets = path.read_bytes()
        begin = len(packets) // 4 // PACKET_BYTES * PACKET_BYTES
        path.write_bytes(packets[: HEAD_PACKETS * PACKET_BYTES] + packets[begin:])
        yield f"cut out of a broadcast, {what} groups", path


def _copied(source: Path, path: Path, *options: str, before: tuple[str, ...] = ()) -> Path:
    run([*before, "-i", target(source), "-map", "0", "-c", "copy", *options, target(path)])
    return path


def check_clock(what: str, source: Path, film: Path) -> Row:
    """Run a clip, and compare frames, start and beeps with the source's as ffmpeg decodes it."""
    identity(source, film, overwrite=True, restart=True)
    due, shown = shown_numbers(decode(source, "gray")), shown_numbers(decode(film, "gray"))
    made, own = nearest_beeps(film), nearest_beeps(source)
    off = max((abs(a - b) for a, b in zip(made, own, strict=False)), default=0.0)
    figures = {"frames shown": f"{len(shown)} of {len(due)}", "in order": shown == due, "rate": str(probe(film).rate)}
    figures |= {"flashes": len(made), "sync error, ms": worst(made), "the source's own": worst(own)}
    faults = [] if shown == due and len(made) == len(own) else [f"frames show {shown}"]
    return Row(what, figures, (*faults, *([f"sound moved by {off:.1f} ms"] if off > SYNC_MS else [])))


def check_times(studio: Studio) -> Iterator[Row]:
    """A row for each case and container."""
    for what, path in _clocks(studio):
        yield check_clock(f"{path.suffix}, {what}", path, studio.folder / "film.mp4")
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
