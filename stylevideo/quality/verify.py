"""Whether a film has everything its source had: frames, times, sound, subtitles, chapters, tags."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from stylevideo.media.check.compare import compare
from stylevideo.media.check.findings import Check, Verdict
from stylevideo.media.check.pair import Pair
from stylevideo.media.decode.reader import open_clip
from stylevideo.media.decode.tags import film_tags, read_tags
from stylevideo.media.encode.plan import plan_film
from stylevideo.store.sidecar import told_size
from stylevideo.timeline.clip import VideoInfo
from stylevideo.timeline.ranges import select_frames
from stylevideo.timeline.selection import Clip


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
    """Compare a film with its source, without looking at how the pictures are painted.

    Args:
        source, film: video files or image sequences.
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
    plan = plan_film(Clip(info.path, made.path, selection))
    pair = Pair(selection, made, plan, film_tags(plan.tags, ""), made.path.name, size=_told_size(info, made))
    checks = tuple(check for finding in compare(pair, decode=True) for check in finding.checks)
    return Verification(info.path, made.path, checks)


def _told_size(info: VideoInfo, made: VideoInfo) -> str:
    """By the film's record or comment, without the source's own: that may be such a film itself."""
    return told_size(made.path, _comment(made).removeprefix(_comment(info)))


def _comment(info: VideoInfo) -> str:
    return "" if info.is_sequence else read_tags(info).values.get("comment", "")
