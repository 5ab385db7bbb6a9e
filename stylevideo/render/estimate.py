"""What a clip will cost before it is made: time, memory and disk space; and whether there is room for it.

Time is the work, counted, at this machine's pace: `store/calibration.py`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import torch

from stylevideo.engine.carry import Reference, carry, extended_motion
from stylevideo.engine.given.legs import begun_anew, made_twice
from stylevideo.engine.given.loop import turns_of
from stylevideo.engine.optimizer import CarriedState
from stylevideo.engine.pace import cold_frame, following_frame, targets_of
from stylevideo.engine.sequence import RESTART_ABOVE_NEW
from stylevideo.media.decode.reader import read_frames
from stylevideo.media.decode.shots import detect_shots
from stylevideo.media.hidden import finished_frames
from stylevideo.media.images.pictures import to_image
from stylevideo.motion.estimate import Following, following
from stylevideo.motion.flow import DISFlow
from stylevideo.motion.frame import Frame
from stylevideo.ops.margin import with_margin, without_margin
from stylevideo.ops.pyramid import fit_long_edge
from stylevideo.planning.request import ClipRequest
from stylevideo.render.disk import bytes_needed
from stylevideo.render.job import Job
from stylevideo.render.memory import memory_needed
from stylevideo.render.opening import Mode, open_job
from stylevideo.reports.estimate import TYPICAL_NEW, Estimate, Survey
from stylevideo.settings.curves import KEY
from stylevideo.settings.settings import Settings
from stylevideo.store.checkpoint import load_shots, require_whole
from stylevideo.system.device import cpu_threads, describe
from stylevideo.timeline.clip import Shot
from stylevideo.work import NO_WORK, Work

SURVEYED_FRAMES = 12
"""In about so many frames of a clip is looked for what is new."""
SURVEYED_EDGE_PX = 256


def estimate_clip(request: ClipRequest, to_be_made: Collection[Path] = (), closely: bool = False) -> Estimate:
    """Check all of a clip that can be checked, and tell what it will cost; nothing is written.

    Args:
        request: the clip.
        to_be_made: folders beside the film's own that will be there when it is made.
        closely: decode the clip for that, and see where its cuts are and how much in its frames is new; else it is
            taken for one shot in which little is new.
    Raises:
        InputError, SettingsError, DeviceError: something cannot be done as asked.
        StorageError: the disk is too full.
    """
    with cpu_threads(request.settings.optimizer.threads):
        job = open_job(request, Mode.CHECK, to_be_made=to_be_made)
    frames, finished = job.clip.frames, 0
    shots = load_shots(job.store) if job.store else None
    if job.store:
        require_whole(job.store, shots or (), job.clip.selection, job.size, pictures=False)
        finished = finished_frames(request.places)
    survey = _surveyed(job, shots) if closely and job.paints else Survey(shots or (Shot(0, frames.start, frames.stop),))
    if shots or (closely and job.paints):
        job = job.in_shots(survey.shots)
    survey = replace(survey, look_turns=job.look_turns)
    return Estimate(
        frames=len(frames),
        width=job.size[1],
        height=job.size[0],
        finished=finished,
        work=work_of(job.settings, job.size, range(frames.start + finished, frames.stop), survey, tuple(job.painted)),
        bytes_needed=bytes_needed(job, finished),
        device=describe(job.device),
        memory_bytes=memory_needed(job.settings, job.size),
        source_size=(job.clip.info.height, job.clip.info.width),
        survey=survey,
        shots=tuple(told_shots(job)),
        style_clips=tuple(dict.fromkeys(read.told for read in job.all_styles if read.told)),
    )


def told_shots(job: Job) -> Iterator[str]:
    """What each shot is given, where shots are known and some have looks of their own."""
    usual = job.settings.to_dict()
    for place, (look, frames) in enumerate(job.by_shot, 1):
        numbers = f"{job.clip.selection.number(frames.start)}-{job.clip.selection.number(frames[-1])}"
        own = {name: value for name, value in look.settings.to_dict().items() if value != usual[name]}
        keys = own.pop(KEY, None)
        parts = [" + ".join(f"{read.style.path.stem}{_weight(read.style.weight)}" for read in look.styles)]
        parts += [f"{name} {value}" for name, value in own.items()]
        parts += ["no keys" if not keys else f"keys {'; '.join(keys)}"] if keys is not None else []
        yield f"shot {place}, frames {numbers}: {', '.join(parts)}{'' if look.table else ', as the clip'}"


def _weight(weight: float) -> str:
    return "" if weight == 1 else f":{weight:g}"


def work_of(
    settings: Settings, size: tuple[int, int], frames: Sequence[int], survey: Survey, painted: Sequence[int] = ()
) -> Work:
    """What painting takes.

    Frames that follow no other are counted with as many iterations as they may have.

    Args:
        settings: of the film.
        size: height and width of the film.
        frames: indices of those that are to be painted.
        survey: of the clip.
        painted: indices of the frames that somebody has painted.
    """
    if not settings.optimizer.iterations or not frames:
        return NO_WORK
    shots = survey.shots
    begun = len(begun_anew(shots, painted, survey.look_turns) & set(frames))
    of_shots = len(begun_anew(shots, painted) & set(frames))
    targets = targets_of(settings, size).times(max(1, of_shots) if settings.colors.color == "match" else 1)
    if not settings.temporal.carry:
        return targets + cold_frame(settings, size).times(survey.painted * len(frames))
    twice = made_twice(
        shots, painted, turns_of(shots, settings.temporal, survey.look_turns, painted), survey.look_turns
    )
    each = survey.painted * (1 - survey.still) * (len(frames) - begun + twice) / len(survey.new)
    cold = cold_frame(settings, size)
    work = targets + cold.times(survey.painted * begun)
    for new in survey.new:
        one = cold if new > RESTART_ABOVE_NEW else following_frame(settings, size, new)
        work += one.times(each)
    return work


def pixels_of(job: Job, frames: Iterable[int], firsts: Collection[int]) -> float:
    """VGG evaluations of these frames, each times the pixels it sees, where nothing is new in those that follow others.

    Args:
        job: of the clip.
        frames: indices.
        firsts: those that begin from nothing.
    """
    if not job.paints:
        return 0.0
    cold = cold_frame(job.settings, job.size).evaluated_pixels
    warm = following_frame(job.settings, job.size, 0.0).evaluated_pixels if job.carries else cold
    return sum(cold if index in firsts else warm for index in frames)


def _surveyed(job: Job, shots: tuple[Shot, ...] | None) -> Survey:
    """Look at a clip's cuts, unless they are known, at what stands still, and at what is new in some of its frames."""
    with job.watch.guard():
        found = shots or detect_shots(job.clip.selection, job.settings.shots, job.analysis_options, size=job.size)
        if not job.carries:
            return Survey(found, painted=painted_part(found, job.size))
        count = still = 0
        new = []
        every = max(1, len(job.clip.frames) // SURVEYED_FRAMES)
        for pair in following(_small_frames(job, found), True, [shot.start for shot in found]):
            if pair.previous is not None:
                count, still = count + 1, still + pair.still
                if count % every == 0 and not pair.still:
                    new.append(_new_part(pair, pair.previous, job.settings.temporal.anchor))
    return Survey(found, still / max(1, count), tuple(new) or (TYPICAL_NEW,), painted_part(found, job.size))


def painted_part(shots: Sequence[Shot], size: tuple[int, int]) -> float:
    """Part of a film's area that lies between no bars, 0..1.

    Args:
        shots: all of them.
        size: height and width of the film.
    """
    areas = [math.prod(shot.active.size if shot.active else size) * (shot.stop - shot.start) for shot in shots]
    return sum(areas) / (math.prod(size) * (shots[-1].stop - shots[0].start))


def _small_frames(job: Job, shots: Sequence[Shot]) -> Iterator[Frame]:
    size = fit_long_edge(*job.size, min(SURVEYED_EDGE_PX, max(job.size)))
    active = {index: shot.active for shot in shots if shot.active for index in range(shot.start, shot.stop)}
    with closing(read_frames(job.clip.selection, job.analysis_options)) as decoded:
        for source in decoded:
            image, index = source.picture.fitted(size).image, source.index
            part = active[index].fitted(job.size, size) if index in active else None
            yield Frame(index, to_image(image[part.rows, part.columns] if part else image))


def _new_part(pair: Following, previous: Frame, anchor: float) -> float:
    """Which part of a frame is new, 0..1, as `follow` in `engine/sequence.py` finds it."""
    motion, image = pair.motion(DISFlow()), with_margin(pair.frame.image)
    assert motion is not None, "there is a previous frame"
    before, everywhere = CarriedState.fresh(with_margin(previous.image)), torch.ones_like(image[:, :1])
    older = tuple(Reference(frame.index, (255 * frame.image).round().byte()) for frame in pair.references)
    carried = carry(before, everywhere, extended_motion(motion, image), image, older, anchor)
    return 1 - float(without_margin(carried.coverage).mean())
