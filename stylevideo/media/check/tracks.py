"""Whether each track of a source is in its film: how many, what is said of them, their packets, place and sound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stylevideo.media.check.findings import Check, Finding, Verdict, agree, same
from stylevideo.media.check.pair import Pair
from stylevideo.media.check.sound import check_sound
from stylevideo.media.check.sync import check_begin, check_cues
from stylevideo.media.check.words import check_words
from stylevideo.media.decode.account import packet_hashes, packet_sums
from stylevideo.media.encode.tracks import TRACK_KINDS, Track, tracks_of
from stylevideo.timeline.clip import StreamInfo

Match = tuple[Track, StreamInfo]
"""A track as it was planned, and the film's stream that it became."""


def check_tracks(pair: Pair, decode: bool) -> Iterator[Finding]:
    """Compare every track of every kind.

    Args:
        pair: the film and its source.
        decode: whether to decode sound and subtitles, too, and to look at packets of covers and of stretches.
    Raises:
        InputError: ffmpeg cannot read one of the files.
        DecodeError: it cannot decode one of them.
    """
    yield Finding(tuple(Check("note", note, "", Verdict.CHANGED) for note in pair.plan.notes))
    for kind in TRACK_KINDS:
        planned = [track for track in pair.plan.tracks if track.stream.kind == kind]
        found = tracks_of(pair.made.streams, kind)
        yield _check_count(pair, kind, len(planned), len(found))
        matches = _pair_tracks(planned, found)
        hashes = _hashes(pair, [match for match in matches if _is_hashed(pair, match[0], decode)])
        for match in matches:
            what = f"{kind} track {planned.index(match[0]) + 1}"
            yield check_words(pair, what, match[0].stream, match[1], decode)
            content = _check_content(pair, what, match, hashes.get(match[1].index), decode)
            yield content
            if decode:
                yield Finding(tuple(_check_decoded(pair, what, match, content.checks[-1].verdict is Verdict.SAME)))
    if pair.info.picture and pair.made.picture:
        yield check_words(pair, "picture's track", pair.info.picture, pair.made.picture, decode)


def _check_count(pair: Pair, kind: str, wanted: int, found: int) -> Finding:
    check = same(f"{kind} tracks", str(wanted), str(found))
    if wanted == found:
        return Finding((check,))
    said = f"{pair.name} came out with {found} {kind} tracks instead of {wanted}."
    if kind in ("cover", "data"):
        return Finding((check,), (said,))
    if pair.cut.is_whole:
        return Finding((check,), error=said)
    return Finding((check,), (f"{said} The others have nothing in this stretch.",))


def _pair_tracks(planned: Sequence[Track], found: Sequence[StreamInfo]) -> list[tuple[Track, StreamInfo]]:
    """Which stream of a film is which planned track; where some are missing, by codec and language, in order."""
    if len(planned) == len(found):
        return list(zip(planned, found, strict=True))
    pairs: list[tuple[Track, StreamInfo]] = []
    left = list(planned)
    for stream in found:
        place = next((place for place, track in enumerate(left) if _may_be(track, stream)), None)
        if place is not None:
            pairs.append((left[place], stream))
            left = left[place + 1 :]
    return pairs


def _may_be(track: Track, stream: StreamInfo) -> bool:
    same_codec = not track.is_copied or track.stream.codec == stream.codec
    return same_codec and track.stream.language == stream.language


def _is_hashed(pair: Pair, track: Track, decode: bool) -> bool:
    """Whether all packets have to be the source's; of covers their writer need not ask."""
    kind = track.stream.kind
    return track.is_copied and ((kind == "audio" and pair.cut.is_whole) or (kind == "cover" and decode))


def _hashes(pair: Pair, matches: Sequence[Match]) -> dict[int, tuple[str, str]]:
    """Of the source's packets and of the film's, by the index of the film's stream."""
    if not matches:
        return {}
    sides = ((pair.info, track.stream) for track, _ in matches), ((pair.made, stream) for _, stream in matches)
    hashes = packet_hashes([side for both in zip(*sides, strict=True) for side in both])
    indices = [stream.index for _, stream in matches]
    return dict(zip(indices, zip(hashes[::2], hashes[1::2], strict=True), strict=True))


def _check_content(pair: Pair, what: str, match: Match, hashes: tuple[str, str] | None, decode: bool) -> Finding:
    track, stream = match
    if not track.is_copied:
        return Finding((Check(what, track.stream.codec, stream.codec, Verdict.CHANGED),))
    if hashes:
        said = f"{what.capitalize()} was copied, but its packets are not the source's. Listen to it."
        tells = hashes[0] != hashes[1] and track.stream.kind == "audio"
        return Finding((same(f"{what}: packets", *hashes),), (said,) if tells else ())
    checks = [same(f"{what}: codec", track.stream.codec, stream.codec)]
    if decode and track.stream.kind == "audio" and track.stream.codec == stream.codec:
        checks += _check_packets(pair, what, match)
    return Finding(tuple(checks))


def _check_packets(pair: Pair, what: str, match: Match) -> Iterator[Check]:
    """Whether every packet of a stretch that was copied is one of the source's; of PCM they are cut anew."""
    track, stream = match
    if track.stream.codec.startswith("pcm"):
        return
    known, found = set(packet_sums(pair.info, track.stream)), packet_sums(pair.made, stream)
    strange = sum(crc not in known for crc in found)
    yield agree(f"{what}: packets", "the source's", f"{strange} of {len(found)} are not", strange == 0)


def _check_decoded(pair: Pair, what: str, match: Match, is_same: bool) -> Iterator[Check]:
    """Where it is, and how it sounds unless it was copied whole and `is_same`."""
    track, stream = match
    kind = track.stream.kind
    if kind == "audio" and pair.is_timed:
        yield check_begin(pair, f"{what} begins", track, stream)
    if kind == "subtitle":
        yield from check_cues(pair, what, track.stream, stream)
    elif kind == "audio" and not (pair.cut.is_whole and track.is_copied and is_same):
        yield from check_sound(pair, what, track.stream, stream)
