"""Sound, subtitles, attachments and covers on their way from a source into a film: what is copied, what rewritten."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from stylevideo.media.clock import one_clock
from stylevideo.media.decode.tags import read_tags
from stylevideo.media.encode.delivery import CONTAINERS, Container
from stylevideo.media.encode.extras import picture_notes
from stylevideo.media.encode.stretch import Cut, cut_arguments
from stylevideo.media.ffmpeg import (
    file_url,
    last_lines,
    reading_time_s,
    require_space,
    run_ffmpeg,
    source_input,
)
from stylevideo.system.files import temporary_folder
from stylevideo.text import counted
from stylevideo.timeline.clip import StreamInfo, VideoInfo

logger = logging.getLogger(__name__)

TRACK_KINDS = ("audio", "subtitle", "attachment", "cover", "data")
_OF_THE_MUXER = ("(tmcd / ", "(text / ", "(rtp  / ")
"""Data streams that QuickTime makes for a timecode, for the titles of chapters, and for servers."""
COVER_FILES = {"png": ("png", "image/png"), "mjpeg": ("jpg", "image/jpeg")}
"""Of a cover that is attached as a file, by its codec: the suffix, and the type by which players know it."""
AUDIO_BIT_RATE = "256k"
# Of a track, this much is muxed to learn whether the container can hold it.
TRIAL_SECONDS = "1"


@dataclass(frozen=True)
class Track:
    """A stream of the source as it goes into the film: by "copy", of a cover by "attach", or rewritten with `codec`."""

    stream: StreamInfo
    codec: str

    @property
    def is_copied(self) -> bool:
        """Whether its packets stay as they are."""
        return self.codec in ("copy", "attach")


def tracks_of(streams: Sequence[StreamInfo], kind: str) -> list[StreamInfo]:
    """The streams of a kind, without those that a muxer makes by itself."""
    return [stream for stream in streams if stream.kind == kind and not _is_of_the_muxer(stream)]


def _is_of_the_muxer(stream: StreamInfo) -> bool:
    return stream.kind == "data" and stream.detail.startswith(_OF_THE_MUXER)


def plan_tracks(info: VideoInfo, output: Path, cut: Cut) -> tuple[list[Track], list[str]]:
    """Choose for each stream whether it is copied, rewritten or left out, with notes on the last two.

    Args:
        info: of the source.
        output: the film; its suffix decides the container. An image sequence holds no track.
        cut: the stretch that the film shows.
    """
    container = CONTAINERS.get(output.suffix.lower())
    if container is None:
        return [], list(_notes_without_container(info))
    streams = [stream for stream in info.streams if not _is_of_the_muxer(stream)]  # timecode and chapters go otherwise
    present = _in_stretch(info, streams, cut) if not container.empty_tracks else {stream.index for stream in streams}
    usual = [
        Track(stream, codec)
        for stream in streams
        if stream.index in present
        for codec in _choices(container, stream)[:1]
    ]
    all_fit = len(usual) > 1 and _can_hold(info, container, usual)
    tracks: list[Track] = []
    notes: list[str] = []
    numbers: dict[str, int] = {}
    for stream in streams:
        numbers[stream.kind] = numbers.get(stream.kind, 0) + 1
        name = f"{stream.kind.capitalize()} track {numbers[stream.kind]} ({stream.codec})"
        possible = (Track(stream, codec) for codec in _choices(container, stream) if stream.index in present)
        track = next((track for track in possible if all_fit or _can_hold(info, container, [track])), None)
        tracks += [track] if track else []
        note = _note(container, stream, track, stream.index in present)
        notes += [f"{name} was {note}"] if note else []
    return tracks, [*notes, *picture_notes(info)]


def _choices(container: Container, stream: StreamInfo) -> tuple[str, ...]:
    """How a stream may go into a film, the best way first."""
    return {
        "audio": (*(("copy",) if container.timed else ()), *container.audio),
        "subtitle": ("copy", *container.subtitle),
        "attachment": container.attachment,
        "cover": container.cover,
        "data": container.data,
        "video": (),
    }[stream.kind]


def _note(container: Container, stream: StreamInfo, track: Track | None, is_present: bool) -> str:
    """The end of a sentence on a stream that does not go into a film as it is."""
    if stream.kind == "video":
        return "left out: a film carries one picture."
    if not is_present:
        return f"left out: nothing of it lies in these frames, and {container.muxer} has no empty tracks."
    if track is None:
        return f"left out, because {container.muxer} cannot hold it in any form."
    how = f"re-encoded as {track.codec}, because {container.muxer} cannot hold it as it is."
    return "" if track.is_copied else how


def _in_stretch(info: VideoInfo, streams: Sequence[StreamInfo], cut: Cut) -> set[int]:
    """The indices of the streams of which anything lies in a stretch; of pictures and files everything does."""
    asked = [stream for stream in streams if stream.kind in ("audio", "subtitle", "data")]
    others = {stream.index for stream in streams if stream not in asked}
    if not asked:
        return others
    before, after = cut_arguments(cut, jumps=info.jumps)
    with temporary_folder() as folder:
        lists = {stream.index: folder / f"{stream.index}" for stream in asked}
        command = ["-v", "error", *before, *source_input(info.path, info.demuxer)]
        for index, path in lists.items():  # in files of their own, or one that is over would end the others
            command += ["-map", f"0:{index}", "-c", "copy", "-frames:0", "1", *after, "-f", "framecrc", file_url(path)]
        run = run_ffmpeg([*command, *one_clock(info)], reading_time_s(info.path))
        require_space(run)
        failed = run.status != 0
        return others | {i for i, path in lists.items() if failed or re.search(r"^\d", path.read_text(), re.MULTILINE)}


def _notes_without_container(info: VideoInfo) -> Iterator[str]:
    kinds = [kind for kind in TRACK_KINDS for _ in tracks_of(info.streams, kind)]
    left = [counted(kinds.count(kind), f"{kind} track") for kind in dict.fromkeys(kinds)]
    if not info.is_sequence:
        tags = read_tags(info)
        left += [counted(len(tags.chapters), "chapter")] if tags.chapters else []
        left += [counted(len(tags.own), "tag")] if tags.own else []
        left += ["timecode"] if info.timecode else []
    if left:
        yield f"The source's {' and '.join(left)} stayed behind: pictures have none."
    yield from picture_notes(info)


def _can_hold(info: VideoInfo, container: Container, tracks: Sequence[Track]) -> bool:
    """Find out by trying, because what a muxer accepts differs between versions of ffmpeg.

    Raises:
        StorageError: the disk for temporary files is full, which is no answer.
    """
    if any(track.codec == "attach" and track.stream.codec not in COVER_FILES for track in tracks):
        return False
    tried = [track for track in tracks if track.codec != "attach"]
    if not tried:
        return True
    picture, maps, own = [], [], 0
    if container.muxer == "mxf":  # which holds nothing without a picture
        picture = ["-f", "lavfi", "-i", "color=size=256x144:rate=25:duration=1"]
        maps, own = ["-map", "0:v", "-c:0", "mpeg2video", "-shortest"], 1
    for place, track in enumerate(tried, own):
        maps += ["-map", f"{own}:{track.stream.index}", f"-c:{place}", track.codec]
        maps += sound_arguments(track.codec, f":{place}") if track.stream.kind == "audio" else []
    with temporary_folder() as folder:
        source = ["-t", TRIAL_SECONDS, *source_input(info.path, info.demuxer)]
        into = ["-f", container.muxer, file_url(folder / "trial")]
        run = run_ffmpeg(["-v", "error", *picture, *source, *maps, *into], reading_time_s(info.path))
    require_space(run)
    if run.status != 0:
        codecs = ", ".join(f"{track.stream.index} as {track.codec}" for track in tried)
        logger.debug("%s: streams %s: %s", info.path.name, codecs, last_lines(run.messages))
    return run.status == 0


def sound_arguments(codec: str, place: str, seconds: Fraction = Fraction(0)) -> list[str]:
    """How rewritten sound is encoded; MXF, for which it is made PCM, holds 48 kHz alone, as long as the picture."""
    if codec.startswith("pcm"):
        silence = f"aresample=async=1:first_pts=0,apad=whole_dur={float(seconds):.6f}"
        return [f"-ar{place}", "48000", f"-filter{place or ':a'}", silence]
    return [] if codec == "copy" else [f"-b{place or ':a'}", AUDIO_BIT_RATE]
