"""The one answer to the question whether a film is right.

What should be there, such as which track is copied, is planned as the writer plans it; what the film's container
cannot hold is told, not held against it. How closely a film is looked at is the caller's choice: its writer, who has
just fed it, reads what the file says of itself; `verify` decodes film and source.
"""

from __future__ import annotations

from collections.abc import Iterator

from stylevideo.media.check.findings import Check, Finding, Verdict, same
from stylevideo.media.check.motion import check_motion
from stylevideo.media.check.pair import Pair
from stylevideo.media.check.picture import check_colors, check_picture, check_size
from stylevideo.media.check.sequence import check_numbers
from stylevideo.media.check.tags import check_chapters, check_tags
from stylevideo.media.check.times import check_times
from stylevideo.media.check.tracks import check_tracks
from stylevideo.media.decode.account import decode_picture
from stylevideo.text import counted


def compare(pair: Pair, *, decode: bool) -> Iterator[Finding]:
    """Compare a film, or an image sequence, with its source; each finding comes as soon as it is known.

    Args:
        pair: the film and its source.
        decode: whether to decode pictures, sound and subtitles of both. Else what the film says of itself is compared,
            and the packets of sound that was copied whole.
    Raises:
        InputError: one of them cannot be read.
        DecodeError: ffmpeg cannot decode one of them.
    """
    if pair.made.is_sequence:
        yield Finding((*check_numbers(pair), check_size(pair)))
        yield from check_tracks(pair, decode)
        return
    yield Finding(tuple(_check_frames(pair))) if decode else _count_frames(pair)
    yield _check_timecode(pair)
    yield check_picture(pair)
    if decode:
        yield Finding(tuple(check_colors(pair.made)))
    yield from check_tracks(pair, decode)
    yield check_tags(pair)
    if not pair.info.is_sequence:
        yield check_chapters(pair)


def _check_frames(pair: Pair) -> Iterator[Check]:
    """Frames, their times and their order, by decoding them."""
    film = decode_picture(pair.made)
    if pair.info.is_sequence:
        yield from check_times(pair, None, film)
        return
    source = decode_picture(pair.info)
    yield from check_times(pair, source, film)
    yield from check_motion(pair, source.pictures, film.pictures)


def _count_frames(pair: Pair) -> Finding:
    """An interrupted ffmpeg leaves a film that plays but is short."""
    wanted, found = pair.frame_count, pair.made.frame_count
    if wanted is None:
        return Finding()
    said = f"{pair.name} came out with {counted(found, 'frame')} instead of {wanted}. Run it again."
    return Finding((same("frames", str(wanted), str(found)),), error="" if found == wanted else said)


def _check_timecode(pair: Pair) -> Finding:
    wanted, found = pair.plan.timecode, pair.made.timecode or "none"
    if wanted is None:
        return Finding()
    check = same("timecode", wanted, found)
    said = f"The film should begin at the timecode {wanted}, but says {found}."
    return Finding((check,), () if check.verdict is Verdict.SAME else (said,))
