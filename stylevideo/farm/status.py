"""How far a film is, as its hidden folder says, without any server: what is planned, painted, and being painted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stylevideo.farm.parts import Part
from stylevideo.farm.plan import find_plan
from stylevideo.media.hidden import Places, finished_frames
from stylevideo.store.claims import holders
from stylevideo.store.frames import completed_shots
from stylevideo.store.sidecar import is_record_of
from stylevideo.text import counted


@dataclass(frozen=True)
class ShotStatus:
    """One shot of a film.

    Attributes:
        shot: its number, from 1.
        frames: how many it has.
        part: the part that it belongs to, such as "2/8"; "" where painters say how many there are.
        is_complete: whether all its frames are painted.
        painted_by: who paints it now; "" where nobody does.
    """

    shot: int
    frames: int
    part: str
    is_complete: bool
    painted_by: str


@dataclass(frozen=True)
class FilmStatus:
    """A film.

    Attributes:
        film: its name.
        state: "made", "planned", or "not planned".
        frames_kept: painted frames in its folder.
        shots: all of them, while it is planned.
    """

    film: str
    state: str
    frames_kept: int = 0
    shots: tuple[ShotStatus, ...] = ()

    def lines(self) -> Iterator[str]:
        """The same for people: a line for the film, and one for each shot that is not complete."""
        if not self.shots:
            yield f"{self.film}: {self.state}"
            return
        missing = [shot for shot in self.shots if not shot.is_complete]
        yield (
            f"{self.film}: {len(self.shots) - len(missing)} of {counted(len(self.shots), 'shot')} complete, "
            f"{self.frames_kept} of {counted(sum(shot.frames for shot in self.shots), 'frame')} kept"
        )
        for shot in missing:
            part = f", part {shot.part}" if shot.part else ""
            now = f", painted by {shot.painted_by}" if shot.painted_by else ""
            yield f"  shot {shot.shot}: {counted(shot.frames, 'frame')}{part}{now}"


def film_status(film: Path) -> FilmStatus:
    """How far a film is.

    Args:
        film: as it will be called when it is made; absolute.
    Raises:
        ResumeError: what is there of it is spoilt.
    """
    places = Places.of(film)
    plan, complete, painters = find_plan(places), completed_shots(places), holders(places)
    if plan is None:
        return FilmStatus(str(film), "made" if is_record_of(places) else "not planned", finished_frames(places))
    shots = tuple(
        ShotStatus(
            shot=shot.index + 1,
            frames=shot.stop - shot.start,
            part=str(Part.having(shot, plan.shots, plan.parts, plan.place)) if plan.parts else "",
            is_complete=shot.index in complete,
            painted_by=painters.get(shot.index, ""),
        )
        for shot in plan.shots
    )
    return FilmStatus(str(film), "planned", finished_frames(places), shots)
