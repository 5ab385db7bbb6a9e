"""Whether a film has everything its source had: frames, times, sound, subtitles, chapters, tags.

Compares files by what ffmpeg's decoders make of them; what should be there, such as which track is copied, is planned
as the writer plans it. What the film's container cannot hold is told, not held against it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from fileseq.frameset import FrameSet

from stylevideo.errors import DecodeError
from stylevideo.media.clock import one_clock
from stylevideo.media.decode.account import packet_hashes, shown_colors
from stylevideo.media.decode.reader import open_clip
from stylevideo.media.decode.tags import Chapter, ask, comparable, read_tags, says
from stylevideo.media.encode.delivery import CONTAINERS
from stylevideo.media.encode.plan import film_timecode
from stylevideo.media.encode.stretch import stretch_of_time
from stylevideo.media.encode.tracks import TRACK_KINDS, Track, pair_tracks, plan_tracks, tracks_of
from stylevideo.media.images.files import file_facts
from stylevideo.quality.check_times import TIME_TOLERANCE, check_motion, check_times
from stylevideo.quality.check_tracks import check_cues, check_language, check_packets, check_sound
from stylevideo.quality.checks import Check, Verdict, agree, same
from stylevideo.store.sidecar import told_size
from stylevideo.timeline.clip import StreamInfo, VideoInfo
from stylevideo.timeline.ranges import select_frames

# WebM says in whole pixels how wide a picture is shown.
SHAPE_TOLERANCE_PX = Fraction(1, 2)
SIZE_TOLERANCE_PX = 2
CHAPTER_TOLERANCE = Fraction(1, 20)
# A stretch's sound begins with a whole packet in containers that cannot cut one.
PACKET_TOLERANCE = Fraction(60, 1000)
FIRST_SECONDS = "10"
HELD_EVERYWHERE = frozenset({"title", "artist", "album", "comment", "copyright", "date", "genre"})
"""Tags that every container can hold."""


@dataclass(frozen=True)
class Verification:
    """A film beside its source.

    Attributes:
        source, film: the files.
        checks: every respect in which they were compared.
    """

    source: Path
    film: Path
    checks: tuple[Check, ...]

    @property
    def wrong(self) -> tuple[Check, ...]:
        """What differs that should not."""
        return tuple(check for check in self.checks if check.verdict is Verdict.WRONG)


def verify(
    source: str | Path,
    film: str | Path,
    frames: str = "",
    start: str = "",
    end: str = "",
    handles: int = 0,
    rate: str = "24",
) -> Verification:
    """Compare a film with its source, without looking at the pictures.

    Args:
        source, film: video files.
        frames, start, end, handles: which of the source's frames the film shows, as in `FootageSettings`; all of them
            if not given.
        rate: frames a second of a source that is an image sequence, where the film is one too and does not say.
    Raises:
        InputError: one of them cannot be read, or the frames are not in the source.
        SettingsError: the frames are not written as they should be.
    """
    made = open_clip(Path(film).absolute())
    info = open_clip(Path(source).absolute(), Fraction(rate) if made.is_sequence else made.rate)
    selection = select_frames(info, frames, start, end, handles)
    info, shown = selection.info, selection.frames
    if made.is_sequence:
        checks: tuple[Check, ...] = (*_check_numbers(info, made, shown), *_check_tracks(info, made, shown))
        return Verification(info.path, made.path, checks)
    checks = (
        *check_times(info, made, shown),
        *([] if info.is_sequence else check_motion(info, made, shown)),
        *_check_timecode(info, made, shown),
        *_check_picture(info, made),
        *_check_tracks(info, made, shown),
        *_check_tags(info, made, shown),
    )
    return Verification(info.path, made.path, checks)


def _check_numbers(info: VideoInfo, made: VideoInfo, shown: range) -> Iterator[Check]:
    """Whether an image sequence has a file for each frame, by its number."""
    wanted = {info.number(index) for index in shown}
    found = {made.number(index) for index, file in enumerate(made.files) if file}
    if made.is_still:  # whose name has no number
        yield same("frames", str(len(wanted)), str(len(found)))
    else:
        yield agree("frames", _ranges(wanted), _ranges(found), wanted <= found)
    unlike = [made.number(index) for index, file in enumerate(made.files) if file and not _is_like(file, made)]
    told = f"not {_ranges(set(unlike))}" if unlike else ""
    yield agree("files", f"can be read, {made.width}x{made.height}", told, not unlike)
    yield _check_size(info, made)


def _is_like(file: Path, made: VideoInfo) -> bool:
    """Whether a picture decodes, and has the size of the first one."""
    try:
        facts = file_facts(file)
    except DecodeError:
        return False
    return (facts.width, facts.height) == (made.width, made.height)


def _check_size(info: VideoInfo, made: VideoInfo) -> Check:
    """A film may be smaller, but has the same proportions to a pixel or two; and the size that is said of it."""
    size, made_size = f"{info.width}x{info.height}", f"{made.width}x{made.height}"
    own = _comment(made).removeprefix(_comment(info))  # the source may be such a film itself
    if (told := told_size(made.path, own)) and told != made_size:
        return Check("size", f"{told}, by its record or comment", made_size, Verdict.WRONG)
    skewed = abs(made.width - Fraction(info.width * made.height, info.height))
    if skewed > SIZE_TOLERANCE_PX * max(Fraction(1), Fraction(made.width, made.height)):
        return Check("size", size, made_size, Verdict.WRONG)
    return Check("size", size, made_size, Verdict.SAME if size == made_size else Verdict.CHANGED)


def _comment(info: VideoInfo) -> str:
    return "" if info.is_sequence else read_tags(info).values.get("comment", "")


def _ranges(numbers: set[int]) -> str:
    return str(FrameSet(numbers))


def _check_timecode(info: VideoInfo, made: VideoInfo, shown: range) -> Iterator[Check]:
    timecode, notes = film_timecode(info, shown)
    for note in notes:
        yield Check("note", note, "", Verdict.CHANGED)
    if timecode is not None:
        yield same("timecode", timecode, made.timecode or "none")


def _check_picture(info: VideoInfo, made: VideoInfo) -> Iterator[Check]:
    yield _check_size(info, made)
    wider = abs(info.sample_aspect - made.sample_aspect) * made.width
    yield agree("sample aspect", str(info.sample_aspect), str(made.sample_aspect), wider <= SHAPE_TOLERANCE_PX)
    wanted = "gbr" if made.pixel_format.startswith(("gbr", "bgr")) else "bt709"
    yield same("colour matrix", wanted, made.color_matrix or "not said")
    said, as_written = shown_colors(made), ("pc" if wanted == "gbr" else "tv", wanted, "bt709", "bt709")
    for what, word, right in zip(("range", "matrix", "primaries", "transfer"), said, as_written, strict=True):
        if word != "unknown":
            yield same(f"colour {what} of its frames", right, word)


def _check_tracks(info: VideoInfo, made: VideoInfo, shown: range) -> Iterator[Check]:
    cut = stretch_of_time(info, shown, _is_timed(made))
    tracks, notes = plan_tracks(info, made.path, cut)
    for note in notes:
        yield Check("note", note, "", Verdict.CHANGED)
    whole = cut.is_whole
    for kind in TRACK_KINDS:
        planned = [track for track in tracks if track.stream.kind == kind]
        found = tracks_of(made.streams, kind)
        yield same(f"{kind} tracks", str(len(planned)), str(len(found)))
        for track, stream in pair_tracks(planned, found):
            number = planned.index(track) + 1
            what = f"{kind} track {number}"
            packets = [*_check_track(what, info, made, track, stream, whole)]
            yield from packets
            if kind == "audio" and _is_timed(made):
                yield _check_offset(f"{what} begins", info, made, track, stream, shown)
            if kind == "subtitle":
                yield from check_cues(what, (info, track.stream), (made, stream), cut)
            elif kind == "audio" and not (whole and track.is_copied and packets[-1].verdict is Verdict.SAME):
                yield from check_sound(what, (info, track.stream), (made, stream), cut)


def _is_timed(made: VideoInfo) -> bool:
    """Whether sound has times of its own in such a file."""
    container = CONTAINERS.get(made.path.suffix.lower())
    return container is None or container.timed


def _check_track(
    what: str, info: VideoInfo, made: VideoInfo, track: Track, stream: StreamInfo, whole: bool
) -> Iterator[Check]:
    if _says(made):
        yield from check_language(what, track.stream.language, stream.language, made.path)
    if not track.is_copied:
        yield Check(what, track.stream.codec, stream.codec, Verdict.CHANGED)
    elif (whole and track.stream.kind == "audio") or track.stream.kind == "cover":
        yield same(f"{what}: packets", *packet_hashes([(info, track.stream), (made, stream)]))
    else:
        yield same(f"{what}: codec", track.stream.codec, stream.codec)
        if track.stream.kind == "audio" and track.stream.codec == stream.codec:
            yield from check_packets(what, (info, track.stream), (made, stream))


def _check_offset(what: str, info: VideoInfo, made: VideoInfo, track: Track, stream: StreamInfo, shown: range) -> Check:
    """When a sound begins, counted from the first picture."""
    cut = stretch_of_time(info, shown)
    whole = cut.is_whole
    as_it_is = whole and track.codec == "copy"
    start, made_start = _start(info, track.stream, as_it_is), _start(made, stream, as_it_is)
    if start is None or made_start is None:
        return same(what, _time(start), _time(made_start))
    expected = start - info.start_time if whole else max(start - cut.start, Fraction(0))
    found = made_start - made.start_time
    tolerance = TIME_TOLERANCE if whole else PACKET_TOLERANCE
    return agree(what, _time(expected), _time(found), abs(found - expected) <= tolerance)


def _check_tags(info: VideoInfo, made: VideoInfo, shown: range) -> Iterator[Check]:
    if info.is_sequence or not _says(made):
        return
    tags, made_tags = read_tags(info), read_tags(made)
    there = {comparable(name): value for name, value in made_tags.values.items()}
    for name, value in tags.own.items():
        found = there.get(comparable(name), "none")
        missing = Verdict.WRONG if name in HELD_EVERYWHERE else Verdict.CHANGED
        kept = says(name, value, found) or (name == "comment" and found.startswith(f"{value}\n"))  # we add to it
        yield Check(f"tag {name}", value, found, Verdict.SAME if kept else missing)
    cut = stretch_of_time(info, shown)
    stop = None if cut.length is None else cut.start + cut.length
    inside = [c for c in tags.chapters if c.stop > cut.start and (stop is None or c.start < stop)]
    yield same("chapters", _titles(inside), _titles(made_tags.chapters))
    if inside and len(inside) == len(made_tags.chapters):
        due = [max(c.start - cut.start, Fraction(0)) for c in inside]
        off = max(abs(c.start - time) for c, time in zip(made_tags.chapters, due, strict=True))
        yield agree("chapters begin", "as they do", f"at most {float(off) * 1000:.0f} ms off", off <= CHAPTER_TOLERANCE)


def _says(made: VideoInfo) -> bool:
    """Whether a film's container holds languages, chapters and tags."""
    container = CONTAINERS.get(made.path.suffix.lower())
    return container is None or container.says


def _titles(chapters: Sequence[Chapter]) -> str:
    return "; ".join(chapter.title or "untitled" for chapter in chapters) or "none"


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
