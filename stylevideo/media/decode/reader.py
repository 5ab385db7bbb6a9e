"""The frames of a clip, one at a time in constant memory, whatever is wrong with it.

A decoder gives the pictures that it can, with the index of each. A frame that cannot be decoded does not end the
film: it shows the last good one, and says so. Reads forward only: seeking fails in some formats.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from stylevideo.errors import DecodeError, InputError
from stylevideo.media.colors import require_conversion
from stylevideo.media.decode.ffmpeg import decode_with_ffmpeg, needs_ffmpeg
from stylevideo.media.decode.opencv import decode_with_opencv, opencv_decodes
from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.sequence import decode_sequence, probe_sequence
from stylevideo.media.images.pictures import Picture, Reading
from stylevideo.media.pattern import is_sequence
from stylevideo.system.heartbeat import beat
from stylevideo.system.memory import memory_is_limited, rule_out_lack_of_memory
from stylevideo.text import counted, listed
from stylevideo.timeline.clip import VideoInfo
from stylevideo.timeline.selection import FrameSelection

SHOWN_NUMBERS = 10
SEQUENCE_RATE = Fraction(24)


@dataclass(frozen=True, eq=False)
class SourceFrame:
    """One frame of the source.

    Attributes:
        index: in the selection that is read.
        picture: with what belongs to it. Frames may share it; do not write into it.
        repaired: whether it is a copy of the last good frame, because this one could not be decoded.
    """

    index: int
    picture: Picture
    repaired: bool

    @property
    def image(self) -> np.ndarray:
        """(H, W, 3), RGB, sRGB-encoded."""
        return self.picture.image


def open_clip(path: Path, rate: Fraction = SEQUENCE_RATE) -> VideoInfo:
    """Find out everything about a clip that can be known without decoding it.

    Args:
        path: a video file; or an image sequence: its pattern or its folder.
        rate: frames a second of a sequence, which does not say.
    Raises:
        InputError: there is no such clip, or it cannot be read.
    """
    try:
        return probe_sequence(path, rate) if is_sequence(path) else probe(path)
    except OSError as error:  # such as a name that is too long
        raise InputError(f"{path} cannot be opened ({error.strerror}). Check the name.") from error


def read_frames(
    selection: FrameSelection, reading: Reading | None = None, frames: range | None = None
) -> Generator[SourceFrame]:
    """Decode frames of a clip, forward, one at a time.

    A hole is filled with the last good frame, or with the next one where none came before. The decoder's time
    stamps tell exactly which frames are missing; in a format without them (AVI, raw streams) a hole is placed
    where the decoder reported its errors. A damaged frame that the decoder conceals counts as good.

    Args:
        selection: of the clip's frames.
        reading: how; 8 bits without alpha if not given.
        frames: the indices in the selection that are wanted; all if not given.
    Yields:
        Exactly one frame per index, in order; the same pictures whichever index the range starts at.
    Raises:
        DecodeError: no frame at all can be decoded.
        InputError: the clip is gone.
    """
    reading, frames = reading or Reading(), selection.frames if frames is None else frames
    if selection.info.is_sequence:
        return _read(selection, frames, reading)
    return _read_video(selection, frames, reading)


def _read_video(selection: FrameSelection, frames: range, reading: Reading) -> Generator[SourceFrame]:
    """What lies between the wanted frames has to be decoded too."""
    indices = {selection.counted[index]: index for index in frames}
    if not indices:
        return
    between = range(min(indices), max(indices) + 1)
    with closing(_read(FrameSelection.whole(selection.info), between, reading)) as decoded:
        for frame in decoded:
            if frame.index in indices:
                yield replace(frame, index=indices[frame.index])


def _read(selection: FrameSelection, frames: range, reading: Reading) -> Generator[SourceFrame]:
    """Decode frames whose indices follow each other as a sequence's files do, or a video's frames."""
    position, last = frames.start, None
    with closing(_decode(selection, reading, frames.start)) as decoded:
        for index, picture in decoded:
            beat()
            if index > position and last is None:
                last = _last_good_before(selection, reading, frames.start)
            for missing in range(position, min(index, frames.stop)):
                yield SourceFrame(missing, picture if last is None else last, repaired=True)
            if index < frames.stop:
                yield SourceFrame(index, picture, repaired=False)
            position, last = index + 1, picture
            if position >= frames.stop:
                return
    if position < frames.stop:
        _require_still_there(selection.info)
        if last is None:
            last = _last_good_before(selection, reading, frames.start)
    for missing in range(position, frames.stop):
        if last is None:
            rule_out_lack_of_memory()
            raise DecodeError(_nothing_decodes(selection.info))
        yield SourceFrame(missing, last, repaired=True)


def _require_still_there(info: VideoInfo) -> None:
    """A disk or a network that is gone is no damage: what it held can be read later."""
    if not any(file.is_file() for file in info.source_files()):
        raise InputError(f"{info.path} can no longer be read: it is gone. Put it back.")


def check_decodable(selection: FrameSelection, reading: Reading | None = None) -> None:
    """Decode one frame, so that a file without a decoder is refused before any work.

    Raises:
        InputError: no frame can be decoded, or its colours cannot be converted.
    """
    info = selection.info
    if not info.is_sequence:
        require_conversion(info, reading is not None and reading.tonemap)
    with closing(_decode(selection, reading or Reading(), 0)) as decoded:
        if next(decoded, None) is None:
            rule_out_lack_of_memory()
            raise InputError(_nothing_decodes(info))


def check_whole(selection: FrameSelection, reading: Reading) -> None:
    """Decode all frames, so that damaged footage is refused before any work.

    Raises:
        InputError: a frame is missing or cannot be decoded.
    """
    broken = [selection.number(frame.index) for frame in read_frames(selection, reading) if frame.repaired]
    if broken:
        name, shown = selection.info.path.name, listed(broken, SHOWN_NUMBERS)
        raise InputError(
            f"{name}: {counted(len(broken), 'frame')} cannot be read ({shown}), and --strict asks for all. "
            "Repair the clip, choose other --frames, or leave --strict out: then the last good frame stands in."
        )


def _nothing_decodes(info: VideoInfo) -> str:
    return (
        f"No frame of {info.path.name} can be decoded (codec {info.codec}, {info.pixel_format}). "
        "Convert it first, for example to H.264 or ProRes."
    )


def _last_good_before(selection: FrameSelection, reading: Reading, stop: int) -> Picture | None:
    """The last frame before index `stop` that decodes, or None."""
    last = None
    with closing(_decode(selection, reading, 0)) as decoded:
        for index, picture in decoded:
            if index >= stop:
                break
            last = picture
    return last


def _decode(selection: FrameSelection, reading: Reading, first: int) -> Generator[tuple[int, Picture]]:
    """The index, ascending, and the picture of each frame from index `first` on that can be decoded.

    Of a sequence the frames that are counted, by their index in the selection; of a video all, by that in the clip.
    """
    info = selection.info
    if info.is_sequence:
        return decode_sequence(selection, reading, first)
    if not info.orderly or info.jumps or needs_ffmpeg(info, reading) or memory_is_limited() or not opencv_decodes(info):
        return decode_with_ffmpeg(info, reading, first)
    return decode_with_opencv(info, first)
