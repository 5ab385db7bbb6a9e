"""The end of a shot that leads into another: of a film that is played in a loop, or of one that dissolves.

First the last frames are made backwards, from the picture of the other shot's first frame on: so they would look if
they led into it. Then they are made forwards as ever, and more and more of the backward picture is blended into each.
Knows frames and states; nothing of files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

import torch

from stylevideo.engine.carry import Reference
from stylevideo.engine.given.legs import Backwards, look_turns_in
from stylevideo.engine.optimizer import CarriedState
from stylevideo.engine.sequence import SequenceState
from stylevideo.ops.margin import with_margin
from stylevideo.rectangle import Rectangle
from stylevideo.settings.curves import LookTurn
from stylevideo.settings.sections import TemporalSettings
from stylevideo.timeline.clip import Shot

MEETING = 0.5
"""Part of the last frame that the first must show too; below it there is a cut where they meet."""


def turns_of(
    shots: Sequence[Shot], settings: TemporalSettings, look_turns: Sequence[LookTurn] = (), given: Sequence[int] = ()
) -> tuple[Backwards | None, ...]:
    """The last frames of each of a film's shots that lead into another one; None where nothing does.

    Args:
        shots: of the film.
        settings: whether anything is carried, and the film is looped.
        look_turns: where one whole look turns into another; what leads out of a shot lies behind it.
        given: indices of the frames whose results are given: in a shot that has any no look turns.
    """
    if not settings.carry:
        return (None,) * len(shots)
    dissolving = [(shot, range(shot.stop - shot.dissolving, shot.stop), shot.stop) for shot in shots[:-1]]
    turning = turning_frames(range(shots[0].start, shots[-1].stop), shots[-1], settings)
    turns = []
    for shot, frames, into in (*dissolving, (shots[-1], turning, shots[0].start)):
        own = () if any(shot.start <= index < shot.stop for index in given) else look_turns_in(shot, look_turns)
        begun = max((look.begin for look in own), default=shot.start - 1)
        frames = range(max(frames.start, begun + 1), frames.stop)
        turns.append(Backwards(frames, into) if frames else None)
    return tuple(turns)


def turning_frames(frames: range, last_shot: Shot, settings: TemporalSettings) -> range:
    """The frames over which a film turns back: the last ones, but at most half of the last shot.

    Args:
        frames: indices of the whole film.
        last_shot: the shot that they end with.
        settings: whether the film is looped at all, and over how many frames it should turn.
    Returns:
        Indices; empty, at the end of `frames`, where nothing turns.
    """
    if not settings.loop or len(frames) < 2:
        return range(frames.stop, frames.stop)
    half = (last_shot.stop - last_shot.start) // 2
    return range(frames.stop - max(1, min(settings.loop_frames, half)), frames.stop)


def with_one_picture(shots: tuple[Shot, ...], settings: TemporalSettings) -> tuple[Shot, ...]:
    """A film's shots: those that lead into each other have one active part."""
    groups = list(range(len(shots)))
    for place, shot in enumerate(shots):
        other = place + 1 if shot.dissolving else 0 if settings.loop and shot is shots[-1] else place
        groups = [groups[place] if group == groups[other] else group for group in groups]
    active = {group: [shot.active for shot, own in zip(shots, groups, strict=True) if own == group] for group in groups}
    return tuple(replace(shot, active=_joined(active[group])) for shot, group in zip(shots, groups, strict=True))


def _joined(parts: Sequence[Rectangle | None]) -> Rectangle | None:
    some = [part for part in parts if part is not None]
    return reduce(Rectangle.joined, some) if len(some) == len(parts) else None


def state_before_turn(first: Reference, origin: int, state: SequenceState) -> SequenceState:
    """The state from which a looped film's last frames are made backwards.

    Args:
        first: the first frame as the film has it.
        origin: the index behind the last frame, at which it counts.
        state: after the last frame before those that turn: its second moment says how large gradients are,
            its losses what is usual.
    """
    carried = state.carried
    image = with_margin(first.picture.to(carried.image.device)) / 255
    return SequenceState(
        index=first.index,
        last_moved=origin,
        carried=CarriedState(image, torch.zeros_like(image), carried.second_moment, carried.step),
        convergence=torch.ones_like(image[:, :1]),
        losses=state.losses,
        recent_losses=state.recent_losses,
        references=(replace(first, index=origin),),
        origin=origin,
    )
