"""Settings that change from frame to frame: what each frame is asked for.

Knows curves over frames' numbers, and how an index is a number; knows nothing of clips.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from stylevideo.settings.curves import KEY, Curve
from stylevideo.settings.direction import style_number
from stylevideo.settings.settings import Settings

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
        values = self._values(frame)
        weights = dict(enumerate(self.style_weights, 1)) | {
            number: value for name, value in values.items() if (number := style_number(name))
        }
        own = {name: value for name, value in values.items() if not style_number(name)}
        plain = self.settings.with_values(**{**own, KEY: ()})
        of_pictures = tuple(weights.values())
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

    def _shares(self, frame: int) -> list[tuple[float, ...]]:
        return [shares(frame) for shares in self.shares]

    def _values(self, frame: int) -> dict[str, float]:
        number = self.number(frame)
        return {name: curve.at(number) for name, curve in self.curves.items()}
