"""What a film gets from its source beside the painted picture, found out once, before any work.

Tracks, tags, chapters, covers, and the timecode: whatever cannot be read is refused here, and whatever a container
cannot hold is known here. Whoever writes the film follows the plan.
"""

from __future__ import annotations

from dataclasses import dataclass

from stylevideo.errors import SettingsError
from stylevideo.media.decode.tags import Chapter, read_tags, tag_lines
from stylevideo.media.encode.delivery import CONTAINERS
from stylevideo.media.encode.stretch import stretch_of_time
from stylevideo.media.encode.track_arguments import covers_data
from stylevideo.media.encode.tracks import Track, plan_tracks
from stylevideo.timeline.selection import Clip, FrameSelection
from stylevideo.timeline.timecode import timecode_after


@dataclass(frozen=True)
class FilmPlan:
    """What a film gets from its source.

    Attributes:
        tracks: in the film's order.
        covers: of the tracks that are attached as files, in their order, what is in the files.
        tags: the source's own tags as `film_tags` takes them.
        chapters: the source's.
        timecode: of the film's first frame; None for none.
        notes: what is left out, or is not as it was, as sentences.
    """

    tracks: tuple[Track, ...] = ()
    covers: tuple[bytes, ...] = ()
    tags: dict[str, bytes] | None = None
    chapters: tuple[Chapter, ...] = ()
    timecode: str | None = None
    notes: tuple[str, ...] = ()


def plan_film(clip: Clip) -> FilmPlan:
    """Find out what a film, or an image sequence, gets from its source.

    Args:
        clip: the source, and the film, whose suffix decides the container.
    Raises:
        InputError: something of the source cannot be read.
        StorageError: the disk for temporary files is full.
    """
    info, output = clip.info, clip.output
    container = CONTAINERS.get(output.suffix.lower())
    cut = stretch_of_time(clip.selection, container is None or container.timed)
    tracks, notes = plan_tracks(info, output, cut)
    timecode, timecode_notes = _film_timecode(clip.selection)
    notes += [] if container is None else timecode_notes
    if info.is_sequence:
        return FilmPlan(timecode=timecode, notes=tuple(notes))
    covers = covers_data(info, tracks)
    return FilmPlan(tuple(tracks), covers, tag_lines(info), read_tags(info).chapters, timecode, tuple(notes))


def _film_timecode(selection: FrameSelection) -> tuple[str | None, list[str]]:
    """The timecode of a film's first frame, and a note where the source's makes no sense or cannot stay as it is."""
    info = selection.info
    if info.timecode is None:
        return None, []
    passed = round((selection.time(selection.frames.start) - info.start_time) * info.rate)
    try:
        timecode = timecode_after(info.timecode, passed, info.rate)
    except SettingsError as error:
        return None, [f"The source's timecode was left out: {error}"]
    if ";" not in info.timecode or ";" in timecode:
        return timecode, []
    return timecode, [
        f"The source's timecode {info.timecode} drops frame numbers, which has no meaning at "
        f"{float(info.rate):g} frames a second: it was written with colons, and drops none."
    ]
