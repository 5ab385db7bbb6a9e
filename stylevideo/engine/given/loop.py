"""The end of a film that is played in a loop: over its last frames it turns back to how it began.

First the last frames are made backwards, from the first frame's picture on: so they would look if they led
into it. Then they are made forwards as ever, and more and more of the backward picture is blended into each. Knows
frames and states; nothing of files.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from stylevideo.engine.carry import Reference
from stylevideo.engine.optimizer import CarriedState
from stylevideo.engine.sequence import SequenceState
from stylevideo.ops.margin import with_margin
from stylevideo.settings.sections import TemporalSettings
from stylevideo.timeline.clip import Shot

MEETING = 0.5
"""Part of the last frame that the first must show too; below it there is a cut where the loop closes."""


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


def with_one_picture(shots: tuple[Shot, ...]) -> tuple[Shot, ...]:
    """A looped film's shots: the last one turns back to the first, so both have one active part."""
    parts = [shots[0].active, shots[-1].active]
    active = parts[0].joined(parts[1]) if parts[0] and parts[1] else None
    ends = (0, len(shots) - 1)
    return tuple(replace(shot, active=active) if place in ends else shot for place, shot in enumerate(shots))


def state_before_turn(first: Reference, origin: int, state: SequenceState) -> SequenceState:
    """The state from which the last frames are made backwards.

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
