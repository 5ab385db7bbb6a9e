"""Putting a film together whose shots were painted by parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from stylevideo.batch.outcomes import Outcome
from stylevideo.batch.up_to_date import already_made, confirm
from stylevideo.errors import Problems, UnpaintedError
from stylevideo.farm.paint import shared
from stylevideo.farm.parts import Part
from stylevideo.farm.plan import Plan, patiently, require_plan
from stylevideo.planning.request import ClipRequest, clip_names
from stylevideo.render.hooks import Hooks
from stylevideo.render.stylize import make_film
from stylevideo.reports.results import ClipResult, Status
from stylevideo.store.claims import holder_of_any
from stylevideo.store.frames import completed_shots
from stylevideo.system.heartbeat import broken_off_when
from stylevideo.text import counted, listed

MOST_NAMED = 12


def assemble_films(requests: Sequence[ClipRequest], hooks: Hooks, wait_s: float) -> Iterator[Outcome]:
    """Write films of shots that are painted, wherever that was.

    A film that cannot be put together does not keep the others from it.

    Args:
        requests: the films, as they were planned.
        hooks: see `Hooks`.
        wait_s: how long shots, the plan, and another process that puts a film together are waited for.
    Yields:
        What became of each film that is made.
    Raises:
        PlanError: there is no plan here.
        UnpaintedError: shots are missing; says which, and whose part they are.
        LockedError: another process puts it together.
        StyleVideoError: as of `stylevideo.stylize`.
    """
    problems = Problems()
    for request, name in zip(requests, clip_names(requests), strict=True):
        with problems.noted(name if len(requests) > 1 else ""), broken_off_when(hooks.stop):
            result = patiently(partial(_assemble, shared(request), hooks), wait_s)
            yield Outcome(request, Status.MADE if result else Status.ALREADY_MADE, 1, result=result)
    problems.raise_all()


def _assemble(request: ClipRequest, hooks: Hooks) -> ClipResult | None:
    if already_made(request):
        confirm(request)
        return None
    require_painted(request, require_plan(request))
    return make_film(request, hooks)


def require_painted(request: ClipRequest, plan: Plan) -> None:
    """Refuse to put a film together of which shots are missing.

    Raises:
        UnpaintedError: they are.
    """
    complete = completed_shots(request.places)
    missing = [shot for shot in plan.shots if shot.index not in complete]
    if not missing:
        return
    parts = ""
    if plan.parts:
        lacking = dict.fromkeys(Part.having(shot, plan.shots, plan.parts, plan.place) for shot in missing)
        parts = f" (--part {listed(list(lacking), MOST_NAMED)})"
    holder = holder_of_any(request.places)
    now = f", of which {holder} paints one now" if holder else ""
    raise UnpaintedError(
        f"{request.output} lacks {len(missing)} of its {counted(len(plan.shots), 'shot')}: "
        f"{listed([shot.index + 1 for shot in missing], MOST_NAMED)}{parts}{now}. "
        "Paint what is missing, then run the same command again."
    )
