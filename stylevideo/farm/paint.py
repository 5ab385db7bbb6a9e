"""Painting a part of films that were planned, perhaps on another machine: whole shots, each claimed first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from stylevideo.batch.up_to_date import made_meanwhile
from stylevideo.errors import DeviceMemoryError, Problems, StyleVideoError
from stylevideo.farm.parts import Part
from stylevideo.farm.plan import painted_as_begun, patiently, require_plan
from stylevideo.planning.request import ClipRequest, clip_names
from stylevideo.render.hooks import Hooks
from stylevideo.render.shots import paint_shots
from stylevideo.store.frames import completed_shots
from stylevideo.system.heartbeat import broken_off_when


def shared(request: ClipRequest) -> ClipRequest:
    """A film in which others have a part: nothing of it is thrown away, whatever its settings say of the first run."""
    return replace(request, settings=request.settings.with_values(restart=False))


def paint_part(requests: Sequence[ClipRequest], part: Part, hooks: Hooks, wait_s: float) -> None:
    """See that all shots of a part are complete: paint those that nobody has, and wait for the others.

    A film that cannot be worked on does not keep the others from it.

    Args:
        requests: the films, as they were planned.
        part: which of their shots.
        hooks: told of the shots, and of each frame that is safe.
        wait_s: how long a plan is waited for.
    Raises:
        PlanError: there is no plan here.
        SettingsError: there is no such part.
        UnlikeError: this machine would paint otherwise than the others.
        Stopped: because of `hooks.stop`; what was made stays.
        StyleVideoError: as of `stylevideo.stylize`; likewise.
    """
    problems = Problems()
    for request, name in zip(requests, clip_names(requests), strict=True):
        with problems.noted(name if len(requests) > 1 else ""), broken_off_when(hooks.stop):
            _paint(shared(request), part, hooks, wait_s)
    problems.raise_all()


def _paint(request: ClipRequest, part: Part, hooks: Hooks, wait_s: float) -> None:
    if made_meanwhile(request):
        return
    try:
        plan = patiently(partial(require_plan, request), wait_s)
        plan.require(part)
        if completed_shots(request.places).issuperset(shot.index for shot in plan.dealt(part)):
            return
        paint_shots(painted_as_begun(request), lambda shots: plan.dealt(part), hooks)
    except StyleVideoError as error:
        if made_meanwhile(request):  # whoever put it together has found all that was missing
            return
        if isinstance(error, DeviceMemoryError):  # what helps one who is alone would be another film
            raise DeviceMemoryError(
                f"There is too little memory here to paint {request.output} as it was planned. Leave it to machines "
                "that have more."
            ) from error
        raise
