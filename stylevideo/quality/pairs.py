"""A film and its source read side by side: which frame of one is which of the other, at one size."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np

from stylevideo.errors import InputError
from stylevideo.media.decode.reader import open_clip, read_frames
from stylevideo.media.images.pictures import Picture, Reading, to_image
from stylevideo.motion.frame import Frame
from stylevideo.ops.pyramid import LEAST_EDGE_PX
from stylevideo.quality.measures import MeasuredFrame
from stylevideo.render.assemble import displayed
from stylevideo.render.opening import choose_reading, refuse_hdr
from stylevideo.settings.settings import Settings
from stylevideo.text import counted
from stylevideo.timeline.clip import VideoInfo
from stylevideo.timeline.ranges import select_frames
from stylevideo.timeline.selection import FrameSelection

ROUNDING_PX = 1.5
"""By how much an edge may differ from the exactly scaled one: it is rounded to a pixel, then made even."""

MOST_BITS = 16
"""A channel; a film is measured in its own depth up to that."""


@dataclass(frozen=True)
class FilmPair:
    """A source and its film, and how they are read.

    Attributes:
        source, film: the frames of them that count.
        repeats: how often each of the source's frames is shown in the film.
        reading: of the source, as a run reads it, in its own depth.
    """

    source: FrameSelection
    film: FrameSelection
    repeats: tuple[int, ...]
    reading: Reading

    @property
    def film_reading(self) -> Reading:
        """How the film, and a reference, are read."""
        multiplied = self.source.info.is_linear or self.reading.alpha == "premultiply"
        alpha = "premultiply" if self.film.info.has_alpha and multiplied else "drop"
        return Reading(bits=self.reading.bits, alpha=alpha, view=self.reading.view)


def open_pair(source: Path, film: Path, settings: Settings) -> FilmPair:
    """Find out about both, and which frames of one are which of the other."""
    footage = settings.footage
    made = open_clip(film)
    whole = open_clip(source, Fraction(footage.rate) if made.is_sequence else made.rate)
    selection = select_frames(whole, footage.frames, footage.start, footage.end, footage.handles)
    refuse_hdr(whole, footage)
    reading = choose_reading(footage, whole, made.has_alpha, MOST_BITS)
    keep_timestamps = whole.variable_rate and (made.variable_rate or settings.output.variable_rate == "keep")
    once = made.is_sequence or keep_timestamps
    repeats = (1,) * len(selection.frames) if once else selection.repeats
    pair = FilmPair(selection, film_of(made, selection), repeats, reading)
    _check_pair(pair)
    return pair


def film_of(film: VideoInfo, source: FrameSelection) -> FrameSelection:
    """All of a film; of an image sequence only what has the numbers of the source's frames, if it has them."""
    wanted = tuple(number - film.first_number for number in source.numbers)
    if not film.is_sequence or wanted[0] < 0 or wanted[-1] >= film.frame_count:
        return FrameSelection.whole(film)
    return FrameSelection(film, wanted if source.leaves_out else range(wanted[0], wanted[-1] + 1))


def _check_pair(pair: FilmPair) -> None:
    """Refuse a film that cannot be of these frames of the source."""
    source, film, expected = pair.source.info, pair.film.info, sum(pair.repeats)
    found = sum(pair.film.file(index) is not None for index in pair.film.frames)
    if found != expected:
        kept = ", and add --variable-rate keep if it keeps the source's times" if source.variable_rate else ""
        raise InputError(
            f"{film.path.name} has {counted(found, 'frame')}, but --frames {pair.source.text} of "
            f"{source.path.name} makes {expected}. "
            f"Say with --frames which of the source's frames the film shows, as it was made{kept}."
        )
    skew = abs(film.width * source.height - film.height * source.width)
    if skew > ROUNDING_PX * (source.width + source.height):
        raise InputError(
            f"{film.path.name} is {film.width}x{film.height} and {source.path.name} {source.width}x{source.height}: "
            "the proportions differ. Compare a film with the clip it was made from, neither cropped nor padded."
        )
    if min(film.width, film.height) < LEAST_EDGE_PX:
        raise InputError(
            f"{film.path.name}: {film.width}x{film.height} pixels are too small for VGG-19. "
            f"The short edge must have at least {LEAST_EDGE_PX} pixels."
        )


def pair_frames(pair: FilmPair) -> Generator[MeasuredFrame]:
    """Each of the source's frames at the film's size, with the first film frame that shows it.

    The film of a variable-rate source shows a frame several times, or leaves it out.
    """
    size = (pair.film.info.height, pair.film.info.width)
    pictures, sources = read_frames(pair.film, pair.film_reading), read_frames(pair.source, pair.reading)
    for original, count in zip(sources, pair.repeats, strict=True):
        shown = islice(pictures, count)
        first = next(shown, None)
        for _ in shown:
            pass
        if first is not None:
            image = to_image(_as_in_film(pair, original.picture.fitted(size)))
            yield Frame(original.index, image, original.repaired), to_image(first.image)


def _as_in_film(pair: FilmPair, picture: Picture) -> np.ndarray:
    """A picture of the source as the film would show it: light that is no light in the film is shown as on screens."""
    if pair.film.info.is_linear:
        return picture.image
    return displayed(pair.source.info, pair.reading, picture.image, gain=picture.gain)
