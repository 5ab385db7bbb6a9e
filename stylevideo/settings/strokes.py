"""The settings of strokes: which way they run, and how they change from frame to frame."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from stylevideo.errors import SettingsError
from stylevideo.settings.schema import Affects, ClipFacts, setting, the_number
from stylevideo.settings.sections import OF_TARGETS, nothing_is_painted
from stylevideo.settings.style import MATTE_FORM, check_matte
from stylevideo.text import quoted

ANGLE_WORDS = ("gradient", "motion")
"""For `--stroke-angle`, beside degrees and files."""
MOST_DEGREES = 360.0
MOST_SIZE_STEP = 1.6
"""From one width of strokes to the next where a matte says them: a place between two has some of both."""
SAME_STEP = 1e-9


def _nothing_is_carried(settings: Any, _: ClipFacts) -> str:
    return "" if settings.temporal.carry and settings.optimizer.iterations else "nothing is carried from frame to frame"


def _check_angle(text: str) -> None:
    degrees = the_number(text)
    if degrees is not None and not -MOST_DEGREES <= degrees <= MOST_DEGREES:
        raise SettingsError(f"--stroke-angle {quoted(text)} is no angle. Choose degrees from -360 to 360.")


@dataclass(frozen=True)
class StrokeSettings:
    """What strokes are like, beside what the style says of them."""

    stroke_size: float = setting(
        1.0,
        "how wide strokes are: the painter sees the styles so many times as large, but never larger than they are; at "
        "1 their long edge is 1.25 times the film's",
        minimum=0.5,
        maximum=4,
        commands=("evaluate",),
        constant=OF_TARGETS,
        by_shot=True,
    )
    stroke_size_matte: str = setting(
        "",
        "a matte of the width of strokes: white has the --stroke-size that is asked for, black 1, grey what lies "
        "between; named and read like those of --matte",
        metavar=MATTE_FORM,
        affects=Affects.FILM,
        no_files=(),
        check=partial(check_matte, "--stroke-size-matte"),
        idle=nothing_is_painted,
    )
    stroke_angle: str = setting(
        "",
        "which way strokes run: degrees (0 lies, 90 stands, 45 rises to the right), gradient (along the source's "
        "edges), motion (along what moves), or a picture that holds a direction for each place, see docs/direction.md; "
        "without it as in the style",
        metavar="ANGLE",
        no_files=ANGLE_WORDS,
        check=_check_angle,
        idle=nothing_is_painted,
        by_shot=True,
    )

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
        by_shot=True,
    )

    @property
    def sizes(self) -> tuple[float, ...]:
        """The widths that places have: one, or with a matte of them several, evenly apart as factors, from 1 on."""
        if not self.stroke_size_matte:
            return (self.stroke_size,)
        steps = max(1, math.ceil(abs(math.log(self.stroke_size, MOST_SIZE_STEP)) - SAME_STEP))
        return tuple(self.stroke_size ** (step / steps) for step in range(steps + 1))

    @property
    def degrees(self) -> float | None:
        """The angle, where it is the same everywhere."""
        return the_number(self.stroke_angle)

    @property
    def field_path(self) -> Path | None:
        """The picture of directions, if one is named."""
        text = self.stroke_angle
        return Path(text) if text and text not in ANGLE_WORDS and self.degrees is None else None
