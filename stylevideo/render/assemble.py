"""From finished frames to what is delivered: a film or an image sequence, and what is said of it beside."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from stylevideo.engine.sequence import PaintedFrame
from stylevideo.media.decode.reader import read_frames
from stylevideo.media.encode.sequence import write_sequence
from stylevideo.media.film import write_film
from stylevideo.media.images.pictures import (
    Picture,
    Reading,
    like,
    to_8_bits,
    to_16_bits,
    to_floats,
    to_image,
    to_picture,
    unpremultiplied,
)
from stylevideo.media.images.view import SRGB, View, sequence_view, shown_by
from stylevideo.ops.color import with_colors_of
from stylevideo.ops.regions import Regions
from stylevideo.render.job import Comparison, Job
from stylevideo.render.provenance import comment, provenance, remove_record, write_provenance
from stylevideo.reports.comparison import compared
from stylevideo.store.frames import FrameStore
from stylevideo.system.background import POLL_S
from stylevideo.system.heartbeat import beat
from stylevideo.timeline.clip import Shot, VideoInfo

SMALLEST_OPACITY = 1e-4
"""Colours that hardly show are divided by no less."""


class AbandonedError(Exception):
    """The film will not be completed by this run; tells the thread that writes it to end."""


class FinishedFrames:
    """A film's frames in the store, of which the others come while the film is being written.

    Args:
        job: of the film.
        store: where they are.
        shots: all of the film's; other processes may make some of them.
    Attributes:
        abandoned: set when no more will come although some are missing.
        devices: models of those that painted what was read, in order.
    """

    def __init__(self, job: Job, store: FrameStore, shots: Sequence[Shot]) -> None:
        self.abandoned = threading.Event()
        self.devices: dict[str, None] = {}
        self._job, self._store, self._shots = job, store, shots
        self._stops: dict[int, int] = {}
        self._changed = threading.Condition()

    def add(self, shot: int, index: int) -> None:
        """This frame of a shot, and all before it in the shot, are in the store."""
        with self._changed:
            self._stops[shot] = index + 1
            self._changed.notify_all()

    def abandon(self) -> None:
        """Let nobody wait any longer."""
        with self._changed:
            self.abandoned.set()
            self._changed.notify_all()

    def picture(self, index: int) -> np.ndarray:
        """A frame as it was saved, (H, W, 3), as soon as it is there.

        Raises:
            AbandonedError: it will not come.
            StorageError: it is damaged.
        """
        beat()
        shot = self._shots[bisect_right(self._shots, index, key=lambda shot: shot.start) - 1]
        with self._changed:
            while not self._changed.wait_for(lambda: self.abandoned.is_set() or self._has(shot, index), POLL_S):
                pass
        self._require_wanted()
        number = self._job.clip.selection.number(index)
        if device := self._store.record(number)["device"]:
            self.devices[device] = None
        return self._store.picture(number)

    def begin_naming(self) -> None:
        """Note that from now on the film may be in its place.

        Raises:
            AbandonedError: it shall not.
            InputError, TouchedError: the source has changed, or was touched.
        """
        self._require_wanted()
        self._job.watch.require_unchanged()
        self._store.mark_naming(self._job.written)
        remove_record(self._job.places)  # of a film that is now replaced

    def require_own(self) -> None:
        """Look, before anything is put beside the film, whether that is still this run's.

        Raises:
            ResumeError: another run has taken over, and is done, or made something else.
        """
        self._store.require_own()

    def _has(self, shot: Shot, index: int) -> bool:
        """Of shots that other processes make it is looked for on disk, once they are complete."""
        if index < self._stops.get(shot.index, shot.start):
            return True
        if self._store.is_complete(shot.index):
            self._stops[shot.index] = shot.stop
        return index < self._stops.get(shot.index, shot.start)

    def _require_wanted(self) -> None:
        if self.abandoned.is_set():
            raise AbandonedError


def deliver(job: Job, finished: FinishedFrames) -> tuple[str, ...]:
    """Write the film or the sequence while its frames come, and beside it what it was made from.

    Args:
        job: what is made.
        finished: its frames.
    Returns:
        What differs from the source in a way its owner may want to know, as sentences.
    Raises:
        InputError, EncodeError, StorageError: it could not be written; the frames are still in the store.
        ResumeError: another run has taken over, and is done, or made something else.
        AbandonedError: not all frames came.
    """
    clip, made_from = job.clip, provenance(job) if job.settings.output.provenance else None
    said = comment(made_from) if made_from else ""
    pictures = _pictures(job, finished)
    if job.delivery.is_sequence:
        numbers = clip.selection.numbers
        sequence = write_sequence(pictures, clip.output, numbers, job.bits, job.reading.view, finished.begin_naming)
        notes = (*(job.plan.notes if job.plan else ()), *sequence.notes)
    else:
        encoding = replace(job.encoding, comment=said)
        images = map(_with_alpha, pictures)
        hooks = (finished.begin_naming, finished.abandoned)
        notes = write_film(images, clip, encoding, job.plan, *hooks).notes
    if job.comparison:
        notes = tuple(dict.fromkeys((*notes, *_write_comparison(job, job.comparison, finished, said))))
    finished.require_own()
    if made_from:
        write_provenance({**made_from, "devices": list(finished.devices)}, job)
    else:
        remove_record(job.places)
    if clip.info.is_linear and 32 not in job.delivery.depths and not job.reading.is_displayed:
        notes = (*notes, *sequence_view(job.reading.view).display_notes)
    return notes


def _write_comparison(job: Job, comparison: Comparison, finished: FinishedFrames, said: str) -> tuple[str, ...]:
    """Write source and film in one, frame by frame, from the frames that are in the store; returns notes."""
    encoding = replace(comparison.encoding, comment=said)
    images = _compared(job, comparison, finished)

    def begin_naming() -> None:
        job.watch.require_unchanged()
        finished.require_own()

    hooks = (begin_naming, finished.abandoned, job.places)
    return write_film(images, comparison.clip, encoding, comparison.plan, *hooks).notes


def _compared(job: Job, comparison: Comparison, finished: FinishedFrames) -> Iterator[np.ndarray]:
    frames, rounded = job.clip.frames, to_16_bits if comparison.bits > 8 else to_8_bits
    sources = job.watch.over(read_frames(job.clip.selection, job.reading))
    with job.regions() as regions:
        for place, (index, source) in enumerate(zip(frames, sources, strict=True)):
            seen = as_seen(job, index, finished.picture(index), source.picture.fitted(job.size), regions(index))
            before, after = map(rounded, seen)
            yield compared(comparison.kind, before, after, place / max(1, len(frames) - 1))


def _with_alpha(picture: Picture) -> np.ndarray:
    return picture.image if picture.alpha is None else np.dstack((picture.image, picture.alpha))


def _pictures(job: Job, finished: FinishedFrames) -> Iterator[Picture]:
    """The finished frames, with what of the source's goes along unpainted."""
    painted = map(finished.picture, job.clip.frames)
    lit = job.clip.info.is_linear and 32 in job.delivery.depths
    shown = job.clip.info.is_linear and job.reading.is_displayed and not lit
    if (
        not shown
        and not takes_source(job)
        and (not job.delivery.has_alpha or (job.reading.alpha == "drop" and not lit))
    ):
        yield from (Picture(displayed(job.clip.info, job.reading, image)) for image in painted)
        return
    sources = job.watch.over(read_frames(job.clip.selection, job.reading))
    with job.regions() as regions:
        for image, source in zip(painted, sources, strict=True):
            aside = source.picture.fitted(job.size)
            image = over_source(job, source.index, image, aside, regions(source.index))
            if (own := job.painted.get(source.index)) is not None:
                aside = replace(aside, gain=own.picture.gain)
            if aside.alpha is not None and job.delivery.has_alpha:
                aside = replace(aside, alpha=like(image, aside.alpha))
                image = _colors(job, image, aside)
            elif not lit:
                aside = replace(aside, alpha=None)
                image = displayed(job.clip.info, job.reading, image, gain=aside.gain)
            yield replace(aside, image=image)


def takes_source(job: Job) -> bool:
    """Whether frames are shown with anything of their source's: its colours, or what no matte covers."""
    return _takes_colors(job) or _has_holes(job)


def _has_holes(job: Job) -> bool:
    """Whether the source may show where no style is painted."""
    return job.looks is not None and bool(job.looks.mattes)


def _takes_colors(job: Job) -> bool:
    return job.paints and any(settings.colors.color == "source" for settings in job.all_settings)


def over_source(job: Job, index: int, image: np.ndarray, source: Picture, regions: Regions | None) -> np.ndarray:
    """A frame as it is painted, of any kind, as it is shown: with its source's colours, over its source.

    That comes last, and into what is shown alone: strokes go on from the painter's own colours, and below a matte's
    holes. What no matte covers is the source to the last bit.
    """
    if _takes_colors(job) and job.look_at(index).settings.colors.color == "source":
        amount = job.over_time.at(index).colors.color_amount
        image = to_picture(with_colors_of(to_image(source.image), to_image(image), amount), 8 * image.itemsize)
    if regions is None or not _has_holes(job):
        return image
    own, painted = like(image, source.image).astype(np.float32), image.astype(np.float32)
    mixed: np.ndarray = own + regions.cover[0, 0].numpy()[..., None] * (painted - own)
    rounded: np.ndarray = (mixed if image.dtype == np.float32 else np.rint(mixed)).astype(image.dtype)
    return rounded


def all_over_source(job: Job, results: Iterable[PaintedFrame]) -> Iterator[PaintedFrame]:
    """All of a clip's frames, likewise."""
    if not takes_source(job):
        yield from results
        return
    sources = job.watch.over(read_frames(job.clip.selection, job.reading))
    with job.regions() as regions:
        for result, source in zip(results, sources, strict=True):
            own, painted = source.picture.fitted(job.size), to_picture(result.image, 32)
            image = to_image(over_source(job, result.index, painted, own, regions(result.index)))
            yield replace(result, image=image.to(result.image.device))


def _colors(job: Job, image: np.ndarray, source: Picture) -> np.ndarray:
    """Painted colours as the delivery has them beside an alpha channel: multiplied with it in EXR, else straight."""
    alpha = source.alpha
    assert alpha is not None, "the caller has looked"
    view, lit = sequence_view(job.reading.view), 32 in job.delivery.depths
    if job.clip.info.is_linear:
        # Strokes beyond the edge would be light that is added to whatever the picture is laid over.
        opacity = to_floats(alpha).clip(0, 1)[..., None]
        mixed = like(image, to_floats(source.image) + opacity * (to_floats(image) - to_floats(source.image)))
        if lit:
            return mixed
        factor = 1 / np.maximum(opacity[..., 0], SMALLEST_OPACITY)
        return displayed(job.clip.info, job.reading, mixed, factor, source.gain)
    colors = unpremultiplied(image, alpha) if job.reading.alpha == "premultiply" else image
    return _lit(view, colors, to_floats(alpha)[..., None]) if lit else colors


def as_seen(
    job: Job, index: int, image: np.ndarray, source: Picture, regions: Regions | None
) -> tuple[np.ndarray, np.ndarray]:
    """A frame's source and what was painted of it as a screen shows them, without alpha: (H, W, 3) each.

    Args:
        job: of the film.
        index: of the frame.
        image: as it was painted, of any kind.
        source: of the film's size.
        regions: of the frame, where looks have mattes.
    """
    shown = over_source(job, index, image, source, regions)
    show = partial(displayed, job.clip.info, job.reading, gain=source.gain)
    return show(source.image), show(shown)


def displayed(
    source: VideoInfo,
    reading: Reading,
    image: np.ndarray,
    factor: np.ndarray | None = None,
    gain: np.ndarray | None = None,
) -> np.ndarray:
    """A picture of a source, as it was read or painted, as screens show it.

    Args:
        source, reading: of what, and how it was read.
        image: of any kind, (H, W, 3).
        factor: (H, W), by which its light is multiplied; 1 if not given.
        gain: (H, W), by how much the plate's light is brighter than white, which only OpenColorIO's displays show.
    """
    view = sequence_view(reading.view) if source.is_linear else SRGB
    ones = np.ones(image.shape[:2], np.float32)
    if source.is_linear and reading.is_displayed:
        light = view.decode(to_floats(image), ones if gain is None else gain)
        light = (light if factor is None else light * factor[..., None]).astype(np.float32)
        return like(image, shown_by(reading.display, reading.display_view, reading.view)(light))
    if view is SRGB and factor is None:
        return image
    return like(image, view.displayed(to_floats(image), ones if factor is None else factor))


def _lit(view: View, image: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """A picture of any kind with its light multiplied; what comes out brighter than white is clipped."""
    light = view.decode(to_floats(image), np.ones(image.shape[:2], np.float32))
    return like(image, view.encode(np.clip(light * factor, 0, 1).astype(np.float32))[0])
