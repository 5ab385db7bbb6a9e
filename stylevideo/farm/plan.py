"""The plan of a film: what is settled once, in the film's own store, before machines that share a folder paint it.

How a machine paints stands in the store's resume key, by which it was begun; which shots there are, in a note of the
store's. The plan adds how they are dealt out, and says by being there that all of this is settled.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TypeVar

from stylevideo.batch.up_to_date import already_made
from stylevideo.errors import (
    DeviceError,
    LockedError,
    PlanError,
    Problems,
    ResumeError,
    SettingsError,
    UnlikeError,
    UnpaintedError,
)
from stylevideo.farm.parts import Part, Place
from stylevideo.media.hidden import Places
from stylevideo.planning.request import ClipRequest, clip_names
from stylevideo.render.estimate import estimate_clip
from stylevideo.render.hooks import Hooks
from stylevideo.render.opening import Mode, open_job
from stylevideo.render.outputs import check_names
from stylevideo.render.shots import remembered_shots
from stylevideo.reports.events import Checked
from stylevideo.store.agreement import painted_by
from stylevideo.store.checkpoint import read_shots
from stylevideo.store.frames import read_note
from stylevideo.store.lock import sole_run
from stylevideo.store.notes import WHOLE_NAME, find_notes
from stylevideo.system.background import POLL_S
from stylevideo.system.device import choose_device, cpu_threads
from stylevideo.system.folders import folder_for, folders_to_be_made
from stylevideo.system.heartbeat import beat, broken_off_when
from stylevideo.timeline.clip import Shot

PLAN_NAME = "plan"
"""Under this name a store remembers how its film is dealt out."""
LOOK_AGAIN_S = 1.0
LEFT_TO_THE_MACHINE = {"device": "auto", "threads": 0, "precision": "auto", "tile": "auto"}
"""What settings say where each machine would choose for itself."""
Done = TypeVar("Done")


@dataclass(frozen=True)
class Plan:
    """How a film is dealt out.

    Attributes:
        parts: how many parts there are; 0 where that was not said, so that painters may.
        place: of the film among those that were planned together.
        shots: all of the film's, in order.
    """

    parts: int
    place: Place
    shots: tuple[Shot, ...]

    def require(self, part: Part) -> None:
        """Refuse a part of another number of parts.

        Raises:
            SettingsError: it is.
        """
        if self.parts and part.of != self.parts:
            raise SettingsError(
                f"The film was planned in {self.parts} parts, and --part {part.number}/{part.of} is of {part.of}. "
                f"Name one of 1/{self.parts} to {self.parts}/{self.parts}."
            )

    def dealt(self, part: Part) -> tuple[Shot, ...]:
        """The shots that a part has of this film."""
        return part.shots(self.shots, self.place)


@dataclass(frozen=True)
class PlannedFilm:
    """What is known of a film that was planned.

    Attributes:
        request: the film.
        shots: all of them; none where the film is already made.
    """

    request: ClipRequest
    shots: tuple[Shot, ...] = ()


def plan_films(requests: Sequence[ClipRequest], parts: int, hooks: Hooks, wait_s: float) -> tuple[PlannedFilm, ...]:
    """Check all films, and begin them: find their shots, and settle how they are painted and dealt out.

    Films that are made, and what was planned before, stay as they are.

    Args:
        requests: the films.
        parts: how many parts there shall be; 0 where painters say it.
        hooks: told of each film that was checked.
        wait_s: how long another process that works on a film is waited for.
    Raises:
        StyleVideoError: a film cannot be made as asked; none is begun then.
        LockedError: one is being made by a run.
        Stopped: because of `hooks.stop`.
    """
    with broken_off_when(hooks.stop):
        to_do = {request: painted_as_begun(request) for request in requests if not already_made(request)}
        to_be_made = folders_to_be_made(request.output for request in to_do)
        problems, lengths = Problems(), list[int]()
        for request, name in zip(to_do, clip_names(tuple(to_do)), strict=True):
            with problems.noted(name if len(to_do) > 1 else ""), _anew_is_advised():
                lengths.append(estimate_clip(to_do[request], to_be_made).frames)
        problems.raise_all()
        planned = {request: PlannedFilm(request) for request in requests}
        for index, request in enumerate(to_do):
            place = Place(sum(lengths[:index]), sum(lengths), request.settings.temporal.loop)
            begin = partial(_begin, request, parts, place, hooks)
            with _anew_is_advised():
                planned[request] = PlannedFilm(request, patiently(begin, wait_s))
        return tuple(planned.values())


def _begin(request: ClipRequest, parts: int, place: Place, hooks: Hooks) -> tuple[Shot, ...]:
    """Begin a film, or look at what was begun; returns its shots."""
    with folder_for(request.output):
        check_names(request)
        with sole_run(request.places):
            asked, former = painted_as_begun(request), _former_plan(request)
            if former and parts:
                former.require(Part(1, parts))
            with cpu_threads(asked.settings.optimizer.threads):
                job = open_job(asked, Mode.JOIN if former else Mode.RENDER)
                store = job.store
                assert store is not None, "it was begun"
                hooks.on_event(Checked(job.clip, job.view))
                shots = remembered_shots(store, job, hooks.stop)
                if former is None:
                    store.write_note(PLAN_NAME, {"parts": parts, "place": asdict(place)})
                    store.reopen()
                return shots


@contextmanager
def _anew_is_advised() -> Iterator[None]:
    """What was planned from other things may be given up here, and nowhere else."""
    try:
        yield
    except ResumeError as error:
        advice = "To plan the film anew, and throw away what is painted of it, add --restart."
        raise type(error)(f"{error} {advice}" if "--restart" not in str(error) else str(error)) from error


def find_plan(places: Places) -> Plan | None:
    """The plan of a film; None where there is none, or its film is complete and its frames are kept for another.

    Raises:
        ResumeError: it is spoilt.
    """
    told, shots = read_note(places, PLAN_NAME), read_shots(places)
    if not told or not shots or read_note(places, WHOLE_NAME):
        return None
    return Plan(told["parts"], Place(**told["place"]), shots)


def require_plan(request: ClipRequest) -> Plan:
    """The plan of a film.

    Raises:
        PlanError: there is none here.
        ResumeError: it is spoilt.
    """
    plan = find_plan(request.places)
    if plan is None:
        raise PlanError(
            f"There is no plan of {request.output} here. Run `stylevideo farm plan` first; where that was done on "
            f"another machine, share {request.output.parent} with this one."
        )
    return plan


def painted_as_begun(request: ClipRequest) -> ClipRequest:
    """A film that is asked for, with what its settings leave to the machine as it is where the film was planned.

    Raises:
        ResumeError: what was begun is spoilt.
        UnlikeError: this machine has no such device.
    """
    found = find_notes(request.places.work)
    if found is None or _former_plan(request) is None:
        return request
    begun = {name: value for name, value in painted_by(found[1]).items() if _is_open(request, name)}
    if "device" in begun:
        try:
            choose_device(begun["device"])
        except DeviceError as error:
            raise UnlikeError(
                f"{request.output} is painted on {begun['device']}, which PyTorch does not find here. Leave it to "
                "machines that have it."
            ) from error
    return replace(request, settings=request.settings.with_values(**begun))


def _is_open(request: ClipRequest, name: str) -> bool:
    return bool(request.settings.value(name) == LEFT_TO_THE_MACHINE[name])


def _former_plan(request: ClipRequest) -> Plan | None:
    """The plan by which a film is gone on with."""
    return None if request.settings.output.restart else find_plan(request.places)


def patiently(work: Callable[[], Done], wait_s: float) -> Done:
    """Do something that may have to wait for another process or another machine's files.

    Args:
        work: tried again and again.
        wait_s: how long.
    Raises:
        LockedError, PlanError, UnpaintedError: nothing has changed in that time.
        What else `work` raises, at once.
    """
    until = time.monotonic() + wait_s
    while True:
        try:
            return work()
        except (LockedError, PlanError, UnpaintedError):
            if time.monotonic() >= until:
                raise
        again = time.monotonic() + LOOK_AGAIN_S
        while time.monotonic() < again:
            beat()
            time.sleep(POLL_S)
