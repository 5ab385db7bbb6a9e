"""A film beside the stretch of a source that it shows, and what it should have of it."""

from __future__ import annotations

from dataclasses import dataclass

from stylevideo.media.decode.tags import FilmTags
from stylevideo.media.encode.delivery import CONTAINERS, Container
from stylevideo.media.encode.plan import FilmPlan
from stylevideo.media.encode.stretch import Cut, stretch_of_time
from stylevideo.timeline.clip import VideoInfo
from stylevideo.timeline.selection import FrameSelection


@dataclass(frozen=True)
class Pair:
    """A film and its source.

    Attributes:
        shown: the source's frames that the film shows.
        made: of the film.
        plan: what the film gets from its source.
        tags: what the film shall say of itself.
        name: the film's, which its file may not have yet.
        frame_count: that the film shall have; None where only decoding both can tell.
        size: width and height that are said of the film, such as "640x360"; "" if nobody says them.
    """

    shown: FrameSelection
    made: VideoInfo
    plan: FilmPlan
    tags: FilmTags
    name: str
    frame_count: int | None = None
    size: str = ""

    @property
    def info(self) -> VideoInfo:
        """What is known of the source."""
        return self.shown.info

    @property
    def container(self) -> Container | None:
        """The kind of file; None of an image sequence, and of one that films are not written into."""
        return CONTAINERS.get(self.made.path.suffix.lower())

    @property
    def muxer(self) -> str:
        """What the kind of file is called."""
        return self.container.muxer if self.container else self.made.path.suffix

    @property
    def says(self) -> bool:
        """Whether it holds languages, chapters and tags."""
        return self.container is None or self.container.says

    @property
    def is_timed(self) -> bool:
        """Whether sound has times of its own in it."""
        return self.container is None or self.container.timed

    @property
    def cut(self) -> Cut:
        """The stretch of the source's time that the film shows."""
        return stretch_of_time(self.shown, self.is_timed)
