"""Which shots of a clip the tables of a job file mean, by the user's numbers, times and timecodes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from stylevideo.errors import InputError, Problems
from stylevideo.planning.request import shot_place
from stylevideo.settings.over_time import ShotTable
from stylevideo.text import counted
from stylevideo.timeline.clip import Shot
from stylevideo.timeline.ranges import frame_at
from stylevideo.timeline.selection import FrameSelection


def check_places(tables: Sequence[ShotTable], selection: FrameSelection) -> None:
    """Refuse tables that name frames which are not made, before the clip's shots are known.

    Raises:
        InputError, SettingsError: all that is wrong with their places.
    """
    problems = Problems()
    for place, table in enumerate(tables, 1):
        with problems.noted(shot_place(place)):
            _frames(table, selection)
    problems.raise_all()


def tables_of(tables: Sequence[ShotTable], shots: Sequence[Shot], selection: FrameSelection) -> tuple[int | None, ...]:
    """Which table each shot has, counted from 0; None for one that is asked for what its clip is.

    Args:
        tables: of the clip.
        shots: all of them.
        selection: the frames that they are of.
    Raises:
        InputError, SettingsError: a table means no shot, or two mean the same.
    """
    problems, found = Problems(), dict[int, int]()
    for place, table in enumerate(tables):
        with problems.noted(shot_place(place + 1)):
            for shot in _meant(table, shots, selection):
                if shot.index in found:
                    raise InputError(
                        f"It means {_named(shot, selection)}, as table {found[shot.index] + 1} does. Leave one out."
                    )
                found[shot.index] = place
    problems.raise_all()
    return tuple(found.get(shot.index) for shot in shots)


def _named(shot: Shot, selection: FrameSelection) -> str:
    return f"shot {shot.index + 1} (frames {selection.number(shot.start)}-{selection.number(shot.stop - 1)})"


def _meant(table: ShotTable, shots: Sequence[Shot], selection: FrameSelection) -> list[Shot]:
    if table.number is not None:
        if table.number > len(shots):
            raise InputError(
                f"There is no shot {table.number}: the frames that are made have {counted(len(shots), 'shot')}. "
                "`stylevideo shots` lists a clip's."
            )
        return [shots[table.number - 1]]
    frames = _frames(table, selection)
    if table.frame != "":
        return [shot for shot in shots if shot.start <= frames.start < shot.stop]
    meant = [shot for shot in shots if 2 * _overlap(shot, frames) > shot.stop - shot.start]
    if not meant:
        near = max(shots, key=lambda shot: _overlap(shot, frames))
        raise InputError(
            f"No shot lies in frames {table.frames} by more than half, not even {_named(near, selection)}."
        )
    return meant


def _overlap(shot: Shot, frames: range) -> int:
    return min(shot.stop, frames.stop) - max(shot.start, frames.start)


def _frames(table: ShotTable, selection: FrameSelection) -> range:
    """The indices of the frames that a table names by their places."""
    indices = [frame_at(selection.info, place, "frames" if table.frames else "frame") for place in table.places]
    if not indices:
        return range(0)
    if indices[-1] < indices[0]:
        raise InputError(f"frames {table.frames} runs backwards. Write the earlier place first.")
    chosen = selection.chosen
    first, stop = bisect_left(chosen, indices[0]), bisect_left(chosen, indices[-1] + 1)
    if first == stop:
        raise InputError(f"It means {table.where}, and the frames that are made are {selection.text}. Choose of those.")
    return range(selection.frames.start + first, selection.frames.start + stop)
