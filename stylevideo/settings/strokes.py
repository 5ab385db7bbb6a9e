"""The settings of strokes: how they change from frame to frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stylevideo.settings.schema import ClipFacts, setting


def _nothing_is_carried(settings: Any, _: ClipFacts) -> str:
    return "" if settings.temporal.carry and settings.optimizer.iterations else "nothing is carried from frame to frame"


@dataclass(frozen=True)
class StrokeSettings:
    """What strokes are like, beside what the style says of them."""

    boil: float = setting(
        0.0,
        "how much strokes live, evenly over picture and time, as if each frame were painted by hand: 0 holds them as "
        "still as can be",
        minimum=0,
        maximum=1,
        idle=_nothing_is_carried,
    )
    hold_strokes: int = setting(
        1,
        "paint on Ns: strokes change every so many frames, and between are carried along the motion alone; what is "
        "new is painted at once",
        unit="frames",
        minimum=1,
        maximum=100,
        idle=_nothing_is_carried,
        constant="it counts frames",
    )
