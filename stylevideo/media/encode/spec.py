"""All that is decided about a film before it is encoded, and what follows: size, format, how often frames show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from stylevideo.media.decode.tags import FilmTags
from stylevideo.media.encode.delivery import CONTAINERS, PIPE_FORMATS, Container, Encoding
from stylevideo.media.encode.plan import FilmPlan
from stylevideo.media.encode.stretch import Cut, stretch_of_time
from stylevideo.timeline.selection import Clip


@dataclass(frozen=True, eq=False)
class FilmSpec:
    """All that is decided about a film before it is encoded.

    Attributes:
        part: the hidden file that it is written to.
        clip: its source, and the name it gets in the end.
        encoding, plan: as of `write_film`.
        tags: that it says of itself.
        first: its first image, for size and kind.
    """

    part: Path
    clip: Clip
    encoding: Encoding
    plan: FilmPlan
    tags: FilmTags
    first: np.ndarray

    @property
    def container(self) -> Container:
        """By the output's suffix."""
        return CONTAINERS[self.clip.output.suffix.lower()]

    @property
    def cut(self) -> Cut:
        """The stretch of the source's time that the frames show."""
        return stretch_of_time(self.clip.selection, self.container.timed)

    @property
    def keep_timestamps(self) -> bool:
        """Whether each frame has the source's time instead of being repeated at a constant rate."""
        return self.encoding.variable_rate and self.clip.info.variable_rate

    @cached_property
    def repeats(self) -> tuple[int, ...]:
        """How often each frame is shown at the film's rate."""
        return (1,) * len(self.clip.frames) if self.keep_timestamps else self.clip.selection.repeats

    @property
    def frame_count(self) -> int:
        """Frames of the film, repeated ones too."""
        return sum(self.repeats)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.first.shape[1], self.first.shape[0]

    @property
    def pipe_format(self) -> str:
        """ffmpeg's name for pixels as they are fed."""
        return PIPE_FORMATS[8 * self.first.itemsize, self.first.shape[2] == 4]

    @property
    def pixel_format(self) -> str:
        """ffmpeg's name for pixels as they are delivered."""
        alpha = self.first.shape[2] == 4 and self.encoding.delivery.has_alpha
        odd = any(edge % 2 for edge in self.size)
        return self.encoding.delivery.pixel_format(8 * self.first.itemsize, alpha, odd)


def film_notes(film: FilmSpec) -> Iterator[str]:
    """What of the source the film cannot have, as sentences."""
    if film.pixel_format == film.encoding.delivery.odd_format:
        yield (
            f"The picture is {film.size[0]}x{film.size[1]}; to keep odd sides it was written as {film.pixel_format}, "
            "which VLC and mpv play but browsers and some hardware players do not."
        )
    if not film.container.says:
        yield f"{film.container.muxer} files hold no languages, chapters and tags; they are left out."
    if film.clip.info.variable_rate and not film.keep_timestamps and set(film.repeats) != {1}:
        varies = "rate varies" if set(film.repeats[:-1]) - {1} else "last frame is held"
        yield (
            f"The source's {varies}; the film has a constant {float(film.clip.info.rate):g} frames a second, "
            "in which frames are repeated to keep their time."
        )
