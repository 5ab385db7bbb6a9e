"""Whether sound begins, and subtitles come, when they should, counted from the first picture."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from stylevideo.media.check.findings import Check, agree, same
from stylevideo.media.check.pair import Pair
from stylevideo.media.check.times import TIME_TOLERANCE
from stylevideo.media.clock import one_clock
from stylevideo.media.decode.account import cues
from stylevideo.media.decode.tags import ask
from stylevideo.media.encode.tracks import Track
from stylevideo.timeline.clip import StreamInfo, VideoInfo

# A stretch's sound begins with a whole packet in containers that cannot cut one.
PACKET_TOLERANCE = Fraction(60, 1000)
FIRST_SECONDS = "10"
CUE_SECONDS = Fraction(1, 20)


def check_begin(pair: Pair, what: str, track: Track, stream: StreamInfo) -> Check:
    """When a sound begins, counted from the first picture."""
    info, made, cut = pair.info, pair.made, pair.cut
    whole = cut.is_whole
    as_it_is = whole and track.codec == "copy"
    start, made_start = _start(info, track.stream, as_it_is), _start(made, stream, as_it_is)
    if start is None or made_start is None:
        return same(what, _time(start), _time(made_start))
    expected = start - info.start_time if whole else max(start - cut.start, Fraction(0))
    found = made_start - made.start_time
    tolerance = TIME_TOLERANCE if whole else PACKET_TOLERANCE
    return agree(what, _time(expected), _time(found), abs(found - expected) <= tolerance)


def check_cues(pair: Pair, what: str, source: StreamInfo, film: StreamInfo) -> Iterator[Check]:
    """Whether each subtitle that begins in the stretch comes when it should, counted from the first picture."""
    there, found, cut = cues(pair.info, source), cues(pair.made, film), pair.cut
    if there is None or found is None:
        return
    begin = pair.info.start_time if cut.is_whole else cut.start
    due = [come - begin for come, _ in there]
    times = [come - pair.made.start_time for come, _ in found]
    if not cut.is_whole:  # one that began before it may be left over
        due = [come for come in due if come >= 0 and (cut.length is None or come < cut.length)]
        times = times[max(0, len(times) - len(due)) :]
    yield same(f"{what}: subtitles", str(len(due)), str(len(times)))
    if len(due) == len(times) and due:
        off = max(abs(time - wanted) for time, wanted in zip(times, due, strict=True))
        yield agree(f"{what}: times", "as they are", f"at most {float(off) * 1000:.0f} ms off", off <= CUE_SECONDS)


def _start(info: VideoInfo, stream: StreamInfo, packets: bool) -> Fraction | None:
    """When a track's first packet, or its first decoded sound, comes: seconds on the container's clock, None if never.

    Decoded sound hides a shift that is shorter than what primes the decoder.
    """
    first = ["-c", "copy", "-t", FIRST_SECONDS] if packets else ["-frames:a", "1"]
    printed = ask(info, "-map", f"0:{stream.index}", *first, "-f", "framecrc", "-", *one_clock(info))
    unit = re.search(r"^#tb 0: (\S+)$", printed, re.MULTILINE)
    found = re.search(r"^0, +-?\d+, +(-?\d+),", printed, re.MULTILINE)
    return int(found[1]) * Fraction(unit[1]) + info.zero_of([stream]) if unit and found else None


def _time(seconds: Fraction | None) -> str:
    return "silent" if seconds is None else f"{float(seconds) * 1000:+.1f} ms"
