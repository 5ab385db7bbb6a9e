"""At which frames of a clip the keys of its settings lie."""

from __future__ import annotations

from collections.abc import Sequence

from stylevideo.errors import Problems, SettingsError
from stylevideo.planning.style_clips import Course, shares_over
from stylevideo.settings.curves import Curve, Key, read_keys, shown
from stylevideo.settings.direction import style_number
from stylevideo.settings.over_time import AsksFrames, SettingsOverTime
from stylevideo.settings.settings import Settings
from stylevideo.text import counted
from stylevideo.timeline.ranges import frame_at
from stylevideo.timeline.selection import FrameSelection


def settings_over(
    settings: Settings, style_weights: Sequence[float], selection: FrameSelection, courses: Sequence[Course] = ()
) -> AsksFrames:
    """What each frame of a clip is asked for.

    Args:
        settings: of the film.
        style_weights: with which its styles are named.
        selection: of the clip's frames; keys may lie outside of it, but not outside of the clip.
        courses: of each style, what its pictures count; none where each has one alone.
    Raises:
        InputError, SettingsError: all that is wrong with the keys.
    """
    if not settings.direction.key and not any(course.is_followed for course in courses):
        return settings
    problems, curves = Problems(), dict[str, Curve]()
    for keys in map(read_keys, settings.direction.key):
        with problems.noted():
            _require_style(keys.name, len(style_weights))
            curves[keys.name] = _curve(keys.name, keys.keys, selection)
    problems.raise_all()
    shares = [shares_over(course, selection) for course in courses] if any(len(c.mean) > 1 for c in courses) else []
    over_time = SettingsOverTime(settings, curves, tuple(style_weights), selection.number, tuple(shares))
    _require_weight(over_time, selection)
    return over_time


def _require_style(name: str, count: int) -> None:
    if (style_number(name) or 0) > count:
        raise SettingsError(f"{shown(name)}: there {'is' if count == 1 else 'are'} {counted(count, 'style')}.")


def _curve(name: str, keys: Sequence[Key], selection: FrameSelection) -> Curve:
    problems, found = Problems(), dict[int, Key]()
    for key in keys:
        with problems.noted():
            frame = selection.info.number(frame_at(selection.info, key.place, shown(name)))
            if frame in found:
                raise SettingsError(
                    f"{shown(name)} has two keys for frame {frame}: {found[frame].place} and {key.place}. "
                    "Leave one out."
                )
            found[frame] = key
    problems.raise_all()
    frames = sorted(found)
    return Curve(tuple(frames), tuple(found[frame] for frame in frames))


def _require_weight(over_time: SettingsOverTime, selection: FrameSelection) -> None:
    """Refuse a frame for which no style counts."""
    if not any(map(style_number, over_time.curves)):
        return
    for frame in selection.frames:
        if not any(over_time.at(frame).direction.style_weights):
            raise SettingsError(
                f"{selection.info.path.name}, frame {selection.number(frame)}: by the keys no style has a weight above "
                "0. Give one a key there."
            )
