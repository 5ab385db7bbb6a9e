"""Settings that change from frame to frame: what each frame is asked for.

Knows curves over frames' numbers, and how an index is a number; knows nothing of clips.
"""

from __future__ import annotations

import bisect
import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Any, Protocol

from stylevideo.errors import SettingsError
from stylevideo.settings.curves import KEY, Curve, LookTurn, as_texts, values_over
from stylevideo.settings.direction import style_number
from stylevideo.settings.places import read_place
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style
from stylevideo.text import quoted

Shares = Callable[[int], tuple[float, ...]]
"""By a frame's index: what part of its style's weight each of the pictures of a style has, 1 in all."""


class AsksFrames(Protocol):
    """Says what each frame is asked for."""

    def at(self, frame: int) -> Settings:
        """As `Settings.at`."""
        ...

    def changes_at(self, frame: int) -> bool:
        """As `Settings.changes_at`."""
        ...

    def turns(self, frames: range) -> tuple[LookTurn, ...]:
        """Where whole looks begin among frames, in order; the first frame is compared with none."""
        ...


SHOT_WAYS = ("number", "frame", "frames")
"""By what a table of shots says which it means."""


@dataclass(frozen=True)
class ShotTable:
    """What some shots of a clip are asked for instead; a `[[clip.shot]]` of a job file.

    Attributes:
        number: of the shot, from 1 among those that are made; None where it is chosen otherwise.
        frame: in the shot: a frame's number, a time or a timecode; "" where it is chosen otherwise.
        frames: from a place to another, `1001-1050`: all shots of which more than half lies there; "" likewise.
        styles: in place of the clip's; the clip's where there are none.
        values: of settings, by their names, in place of the clip's.
    Raises:
        SettingsError: shots are chosen in no way, in several, or not as they should be.
    """

    number: int | None = None
    frame: int | str = ""
    frames: str = ""
    styles: tuple[Style, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if KEY in self.values:
            object.__setattr__(self, "values", {**self.values, KEY: as_texts(self.values[KEY])})
        ways = [name for name in SHOT_WAYS if getattr(self, name) not in (None, "")]
        if len(ways) != 1:
            said = f"It says which shots it means by {' and '.join(ways)}" if ways else "It does not say what it means"
            raise SettingsError(f'{said}. Give one of number = 2, frame = 1030 or frames = "1001-1050".')
        if self.number is not None and (type(self.number) is not int or self.number < 1):
            raise SettingsError(f"number takes a shot's number from 1 on, not {quoted(self.number)}.")
        if type(self.frame) not in (int, str):
            raise SettingsError(f"frame takes a frame's number, a time or a timecode, not {quoted(self.frame)}.")
        for place in self.places:
            read_place(place, ways[0])

    @property
    def places(self) -> tuple[str, ...]:
        """The places that it names: one, or the first and the last of a range; none where it names a number."""
        if self.frames:
            first, dash, last = (part.strip() for part in str(self.frames).partition("-"))
            if not dash:
                raise SettingsError(f'frames takes a range such as "1001-1050", not {quoted(self.frames)}.')
            return first, last
        return (str(self.frame),) if self.number is None else ()

    @property
    def where(self) -> str:
        """Which shots it means, in words."""
        if self.number is not None:
            return f"shot {self.number}"
        return f"frames {self.frames}" if self.frames else f"frame {self.frame}"

    def settings(self, film: Settings) -> Settings:
        """What its shots are asked for, of a clip that is asked for this.

        Raises:
            SettingsError: something does not go together.
        """
        lower = {KEY: film.direction.key}
        return film.with_values(**values_over(self.values, lower, has_styles=bool(self.styles)))


@dataclass(frozen=True)
class OverShots:
    """What each frame is asked for, by the shot that it is in; nothing passes from one to the next.

    Attributes:
        starts: indices of the shots' first frames, ascending.
        shots: what the frames of each are asked for.
    """

    starts: tuple[int, ...]
    shots: tuple[AsksFrames, ...]

    def at(self, frame: int) -> Settings:
        """As `Settings.at`."""
        return self._of(frame).at(frame)

    def changes_at(self, frame: int) -> bool:
        """As `Settings.changes_at`; a shot's first frame is compared with none."""
        return frame not in self.starts and self._of(frame).changes_at(frame)

    def turns(self, frames: range) -> tuple[LookTurn, ...]:
        """As of `AsksFrames`; no look turns over a cut."""
        own = (
            range(max(start, frames.start), min(stop, frames.stop))
            for start, stop in pairwise((*self.starts, frames.stop))
        )
        return tuple(turn for asked, part in zip(self.shots, own, strict=True) for turn in asked.turns(part))

    def _of(self, frame: int) -> AsksFrames:
        return self.shots[max(0, bisect.bisect_right(self.starts, frame) - 1)]


def told(settings: AsksFrames, frames: Iterable[int], style_weights: Sequence[float]) -> Iterator[str]:
    """What each of some frames is asked for, in few letters: alike only where it is the same.

    Args:
        settings: that say it.
        frames: their indices.
        style_weights: of the styles' pictures on the whole.
    """
    known: dict[Settings, str] = {}
    for frame in frames:
        asked = settings.at(frame)
        if asked not in known:
            weights = [float(weight) for weight in asked.direction.style_weights or style_weights]
            text = json.dumps([asked.fingerprint(), weights], sort_keys=True)
            known[asked] = hashlib.sha256(text.encode()).hexdigest()[:16]
        yield known[asked]


@dataclass(frozen=True)
class SettingsOverTime:
    """Settings of which some have keys, or styles of which some change.

    Attributes:
        settings: of the film.
        curves: by the names of the settings, and of the styles' weights.
        style_weights: with which the styles are named.
        number: the number, by which the curves go, of the frame with an index.
        shares: of each style, of its pictures; none where each style is one picture.
    """

    settings: Settings
    curves: Mapping[str, Curve]
    style_weights: tuple[float, ...]
    number: Callable[[int], int]
    shares: tuple[Shares, ...] = ()

    def at(self, frame: int) -> Settings:
        """What a frame is asked for, by its index: plain values, without strength and without keys."""
        own = {name: value for name, value in self._values(frame).items() if not style_number(name)}
        plain = self.settings.with_values(**{**own, KEY: ()})
        of_pictures = self._weights(frame)
        if self.shares:
            each = zip(of_pictures, self._shares(frame), strict=True)
            of_pictures = tuple(weight * share for weight, shares in each for share in shares)
        direction = dataclasses.replace(plain.direction, style_weights=of_pictures)
        return dataclasses.replace(plain, direction=direction).at(frame)

    def changes_at(self, frame: int) -> bool:
        """Whether a frame is asked for something else than the one before it."""
        if frame == 0:
            return False
        return (self._values(frame), self._shares(frame)) != (self._values(frame - 1), self._shares(frame - 1))

    def turns(self, frames: range) -> tuple[LookTurn, ...]:
        """As of `AsksFrames`: a look begins where all styles have gone that counted before weights began to change."""
        if not any(map(style_number, self.curves)):
            return ()
        weights = {index: self._weights(index) for index in frames}

        def share(one: int, other: int) -> bool:
            return any(map(min, weights[one], weights[other]))

        def way(between: int, begin: int) -> float:
            other = sum(own for own, counts in zip(weights[between], weights[begin], strict=True) if counts)
            return other / sum(weights[between])

        found, since, gone = list[LookTurn](), frames.start, dict[int, int]()  # of each style the last frame without it
        for begin in frames[1:]:
            gone.update((style, begin - 1) for style, own in enumerate(weights[begin - 1]) if not own)
            if weights[begin - 1] == weights[begin]:
                since = begin
            if all(now for before, now in zip(weights[begin - 1], weights[begin], strict=True) if before):
                continue  # no style has gone
            last = min((gone.get(style, -1) for style, own in enumerate(weights[begin]) if own), default=-1)
            while last >= since and share(last, begin):
                last -= 1
            turning = range(last + 1, begin)
            if last >= since and all(share(last, between) for between in turning):
                ways = accumulate((way(between, begin) for between in turning), max)  # none goes back
                found.append(LookTurn(begin, tuple(ways)))
        return tuple(found)

    def _weights(self, frame: int) -> tuple[float, ...]:
        weights = dict(enumerate(self.style_weights, 1)) | {
            number: value for name, value in self._values(frame).items() if (number := style_number(name))
        }
        return tuple(weights.values())

    def _shares(self, frame: int) -> list[tuple[float, ...]]:
        return [shares(frame) for shares in self.shares]

    def _values(self, frame: int) -> dict[str, float]:
        number = self.number(frame)
        return {name: curve.at(number) for name, curve in self.curves.items()}
