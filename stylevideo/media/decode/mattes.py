"""Mattes: which of their pictures belongs to which frame of a clip, read as shares at the film's size.

A picture is held for all frames. A sequence's picture belongs to the frame of its number; one whose pattern states its
numbers begins with the clip's first frame, and so does a clip, whose frames have no numbers of their own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from stylevideo.errors import DecodeError, InputError
from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.reader import SourceFrame, check_decodable, read_frames
from stylevideo.media.images.exr import read_channels, read_layout
from stylevideo.media.images.files import file_facts, read_file
from stylevideo.media.images.pictures import Picture, Reading, fit_picture, to_floats
from stylevideo.media.pattern import is_sequence, list_sequence, parse_pattern
from stylevideo.settings.style import ALPHA, MatteName
from stylevideo.system.files import refuse_address
from stylevideo.system.heartbeat import beat
from stylevideo.text import counted, did_you_mean, listed
from stylevideo.timeline.clip import VideoInfo
from stylevideo.timeline.selection import FrameSelection

NAMES_SHOWN = 12
ASPECT_TOLERANCE_PX = 1.0
"""A matte may be higher or lower than the clip's aspect wants by so many pixels, of its own or of the clip."""
READING = Reading(bits=16, alpha="keep")
COLORS = ("R", "G", "B")
_HELD = 3
"""Pictures in memory."""


@dataclass(frozen=True)
class Matte:
    """A matte that was found.

    Attributes:
        name: as it was asked for.
        info: of its clip or sequence.
        first: index of the picture that belongs to the frame with index 0 of the clip; perhaps below 0.
        shown: height and width of the clip.
    """

    name: MatteName
    info: VideoInfo
    first: int
    shown: tuple[int, int]

    def place(self, index: int) -> int:
        """Index of the picture of a frame of the clip."""
        return 0 if self.info.is_still else self.first + index

    def has(self, index: int) -> bool:
        """Whether there is one."""
        place = self.place(index)
        return 0 <= place < self.info.frame_count and (not self.info.files or self.info.files[place] is not None)

    def files(self, indices: Sequence[int]) -> tuple[Path | None, ...]:
        """Those that these frames of the clip need."""
        if not self.info.is_sequence:
            return (self.info.path,)
        return tuple(dict.fromkeys(self.info.files[self.place(index)] for index in indices if self.has(index)))

    def values_of(self, file: Path) -> np.ndarray:
        """A picture's: (H, W) float32, 0..1, before it is inverted."""
        if file.suffix.lower() != ".exr":
            return _values(read_file(file, READING), self.name.channel)
        channels = read_channels(file, self.shown)
        own = [channels[name] for name in _channels_of_light(file, self.name.channel, channels)]
        values: np.ndarray = np.nan_to_num(np.mean(own, axis=0), nan=0.0).clip(0, 1).astype(np.float32)
        return values


def find_matte(name: MatteName, selection: FrameSelection) -> tuple[Matte, tuple[str, ...]]:
    """Find a matte of a clip, and look into its first picture.

    Args:
        name: as it is asked for.
        selection: the clip's frames that are meant; its width and height are the source's.
    Returns:
        The matte; and sentences on what is not as it should be.
    Raises:
        InputError: there is none, or not for all of these frames; it cannot be read, has no such channel, or has
            another aspect.
    """
    refuse_address(name.path)
    clip = selection.info
    is_pictures = is_sequence(name.path)
    info = list_sequence(name.path, Fraction(1)) if is_pictures else probe(name.path)
    parsed = parse_pattern(name.path) if is_pictures and not info.is_still else None
    is_numbered = is_pictures and not (parsed and parsed[1])
    matte = Matte(name, info, clip.number(0) - info.first_number if is_numbered else 0, (clip.height, clip.width))
    missing = [clip.number(index) for index in selection.chosen if not matte.has(index)]
    if missing:
        raise InputError(_too_short(matte, clip, missing))
    sizes = _sizes(matte, selection.chosen)
    for file, size in sizes.items():
        _check_aspect(file, size, matte.shown)
    others = sorted(set(sizes.values()) - {matte.shown})
    return matte, tuple(
        f"The matte {info.path.name} is of {width}x{height} pixels; it was scaled to the film's size."
        for height, width in others
    )


def _too_short(matte: Matte, clip: VideoInfo, missing: Sequence[int]) -> str:
    info = matte.info
    there = f"has the numbers {info.number(0)}-{info.number(info.frame_count - 1)}"
    if not info.is_sequence:
        there = f"has {counted(info.frame_count, 'frame')}"
    return (
        f"The matte {info.path.name} {there}, and none for {counted(len(missing), 'frame')} of {clip.path.name}: "
        f"{_stretches(missing)}. Render the rest, or choose --frames that have one."
    )


def _stretches(numbers: Sequence[int]) -> str:
    """Numbers, those that follow each other as one: `1001-1010, 1020`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return listed([f"{first}-{last}" if last > first else str(first) for first, last in runs], NAMES_SHOWN)


def _sizes(matte: Matte, indices: Sequence[int]) -> dict[Path, tuple[int, int]]:
    """Height and width of a clip, or of a sequence's first picture and of all EXR files, whose headers are short."""
    info, channel = matte.info, matte.name.channel
    if not info.is_sequence:
        _color(info.path, channel, has_alpha=info.has_alpha)
        check_decodable(FrameSelection.whole(info), READING)
        return {info.path: (info.height, info.width)}
    files = [file for file in matte.files(indices) if file]
    sizes = {}
    for file in files if info.codec == "exr" else files[:1]:
        beat()
        if info.codec == "exr":
            layout = read_layout(file, matte.shown)
            _channels_of_light(file, channel, layout.names)
            sizes[file] = layout.size
            continue
        try:
            facts = file_facts(file)
        except DecodeError as error:
            raise InputError(str(error)) from error
        _color(file, channel, has_alpha="a" in facts.pixel_format.removeprefix("gray"))
        sizes[file] = (facts.height, facts.width)
    return sizes


def _check_aspect(file: Path, size: tuple[int, int], shown: tuple[int, int]) -> None:
    """Refuse a matte of this height and width for a clip of that."""
    scale = shown[1] / size[1]
    if abs(size[0] * scale - shown[0]) > ASPECT_TOLERANCE_PX * max(1, scale):
        raise InputError(
            f"The matte {file} has {size[1]}x{size[0]} pixels, another aspect than the clip, which has "
            f"{shown[1]}x{shown[0]}. Make it for the same picture."
        )


def _channels_of_light(file: Path, channel: str, there: Iterable[str]) -> tuple[str, ...]:
    """The channels of an EXR file whose mean is the matte."""
    names = sorted(there)
    if channel == ALPHA and "A" in names:
        return ("A",)
    if channel in names:
        return (channel,)
    shown = listed(names, NAMES_SHOWN) or "none of numbers"
    if channel:
        raise InputError(f"The matte {file} has no channel {channel}.{did_you_mean(channel, names)} It has: {shown}.")
    if set(COLORS).issubset(names):
        return COLORS
    if "Y" in names or len(names) == 1:
        return ("Y",) if "Y" in names else (names[0],)
    raise InputError(f"The matte {file} has several channels ({shown}). Name one, such as {file.name}:{names[0]}.")


def _color(file: Path, channel: str, has_alpha: bool) -> tuple[int, ...]:
    """Which of R, G, B and A the matte is the mean of."""
    known = {"": (0, 1, 2), "R": (0,), "G": (1,), "B": (2,)} | ({ALPHA: (3,), "A": (3,)} if has_alpha else {})
    if channel not in known:
        names = list(filter(None, known))
        near = did_you_mean(channel, [*names, "inverted"])
        raise InputError(
            f"The matte {file} has no channel {channel}.{near} It has: {', '.join(names)}; black is painted with "
            "inverted."
        )
    return known[channel]


def _values(picture: Picture, channel: str) -> np.ndarray:
    (first, *more) = _color(Path(), channel, has_alpha=picture.alpha is not None)
    if first == 3:
        assert picture.alpha is not None, "it was asked for"
        return to_floats(picture.alpha)
    if not more:
        return to_floats(np.ascontiguousarray(picture.image[..., first]))
    values: np.ndarray = to_floats(picture.image).mean(axis=2, dtype=np.float64).astype(np.float32)
    return values


class MatteReader:
    """Reads a matte at a size, in one thread; as its files were when the work began. To be closed.

    Args:
        matte: that is read.
        size: height and width of the film.
        stamps: of its files at that time, by `stamp`.
    """

    def __init__(self, matte: Matte, size: tuple[int, int], stamps: dict[Path, tuple[int, int] | None]) -> None:
        self._matte, self._size, self._stamps = matte, size, stamps
        self._decoded: Iterator[SourceFrame] = iter(())
        self._next = matte.info.frame_count
        self._at = lru_cache(_HELD)(self._read)

    def read(self, index: int) -> np.ndarray:
        """Of a frame of the clip, by its index there: (H, W) float32, 0..1.

        Raises:
            InputError: it has changed, or has another aspect than the clip.
            DecodeError: it cannot be decoded.
        """
        return self._at(self._matte.place(index))

    def close(self) -> None:
        """End the decoder, if there is one."""
        if isinstance(self._decoded, Generator):
            self._decoded.close()

    def _read(self, place: int) -> np.ndarray:
        info = self._matte.info
        file = info.files[place] if info.is_sequence else info.path
        assert file is not None, "it was looked for"
        if stamp(file) != self._stamps[file]:
            raise InputError(
                f"{file} has changed since the run began. Put back what it was, or begin anew with --restart."
            )
        values = self._matte.values_of(file) if info.is_sequence else self._decode(place)
        _check_aspect(file, (values.shape[0], values.shape[1]), self._matte.shown)
        values = _fitted(values, self._size)
        return 1 - values if self._matte.name.inverted else values

    def _decode(self, place: int) -> np.ndarray:
        """A clip's, forwards as long as nobody asks for an earlier one."""
        info = self._matte.info
        if place < self._next:
            self.close()
            self._decoded = read_frames(FrameSelection.whole(info), READING, range(place, info.frame_count))
            self._next = place
        for frame in self._decoded:
            self._next = frame.index + 1
            if frame.index == place:
                return _values(frame.picture, self._matte.name.channel)
        raise DecodeError(f"{info.path}: frame {info.number(place)} of the matte cannot be decoded. Make it again.")


def is_black(matte: Matte, selection: FrameSelection) -> bool:
    """Whether a matte has nothing white in any frame that is meant; looks no further than to the first that has."""
    stamps = {file: stamp(file) for file in matte.files(selection.chosen) if file}
    with closing(MatteReader(matte, matte.shown, stamps)) as reader:
        places = dict.fromkeys(matte.place(index) for index in selection.chosen)
        indices = {matte.place(index): index for index in reversed(selection.chosen)}
        return not any(reader.read(indices[place]).any() for place in places)


def identity_of(mattes: Sequence[np.ndarray]) -> str:
    """By which a frame's mattes are known again: equal for equal values, whatever files they are from."""
    digest = hashlib.sha256()
    for values in mattes:
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()[:16]


def stamp(file: Path) -> tuple[int, int] | None:
    """A file's size and the time of its last change; None where there is none."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _fitted(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if values.shape[0] >= size[0]:
        return fit_picture(values, size)
    return cv2.resize(values, (size[1], size[0]), interpolation=cv2.INTER_LINEAR)
