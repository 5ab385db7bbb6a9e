"""At which frames of a clip the keys of its settings lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stylevideo.errors import Problems, SettingsError
from stylevideo.planning.style_clips import Course, shares_over
from stylevideo.settings.curves import Curve, Key, Keys, read_keys, shown
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
    problems, curves, together = Problems(), dict[str, Curve](), dict[tuple[str, ...], list[Keys]]()
    for keys in map(read_keys, settings.direction.key):
        with problems.noted():
            _require_style(keys.name, len(style_weights))
            together.setdefault(tuple(key.place for key in keys.keys), []).append(keys)
    for places, group in together.items():
        with problems.noted():  # of keys of whole looks, what is wrong with one place is said once
            frames = _frames(places, shown(", ".join(keys.name for keys in group)), selection)
            curves |= {keys.name: _curve(dict(zip(frames, keys.keys, strict=True))) for keys in group}
    problems.raise_all()
    shares = [shares_over(course, selection) for course in courses] if any(len(c.mean) > 1 for c in courses) else []
    over_time = SettingsOverTime(settings, curves, tuple(style_weights), selection.number, tuple(shares))
    _require_weight(over_time, selection)
    return over_time


def _require_style(name: str, count: int) -> None:
    if (style_number(name) or 0) > count:
        raise SettingsError(f"{shown(name)}: there {'is' if count == 1 else 'are'} {counted(count, 'style')}.")


def _frames(places: Sequence[str], flag: str, selection: FrameSelection) -> tuple[int, ...]:
    """The numbers of the frames at places, which are no two at one."""
    problems, found = Problems(), dict[int, str]()
    for place in places:
        with problems.noted():
            frame = selection.info.number(frame_at(selection.info, place, flag))
            if frame in found:
                raise SettingsError(
                    f"{flag} has two keys for frame {frame}: {found[frame]} and {place}. Leave one out."
                )
            found[frame] = place
    problems.raise_all()
    return tuple(found)


def _curve(keys: Mapping[int, Key]) -> Curve:
    frames = sorted(keys)
    return Curve(tuple(frames), tuple(keys[frame] for frame in frames))


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
