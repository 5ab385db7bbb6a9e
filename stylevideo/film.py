"""From finished frames to what is delivered: a film or an image sequence, and what is said of it beside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from stylevideo.media.pictures import Picture, like, straight
from stylevideo.media.reader import read_frames
from stylevideo.media.sequence_writer import write_sequence
from stylevideo.media.store import FrameStore
from stylevideo.media.tracks import plan_tracks
from stylevideo.media.writer import write_film
from stylevideo.preparation import Job
from stylevideo.provenance import comment, provenance, write_provenance


def deliver(job: Job, store: FrameStore) -> tuple[str, ...]:
    """Write the film or the sequence, and beside it what it was made from.

    Args:
        job: all of whose frames are finished.
        store: where they are.
    Returns:
        What differs from the source in a way its owner may want to know, as sentences.
    Raises:
        InputError, EncodeError, StorageError: it could not be written; the frames are still in the store.
    """
    clip, made_from = job.clip, provenance(job) if job.settings.output.provenance else None
    if job.delivery.is_sequence:
        numbers = [clip.info.number(index) for index in clip.frames]
        sequence = write_sequence(_pictures(job, store), clip.output, numbers, job.bits, job.reading.view)
        notes = (*plan_tracks(clip.info, clip.output)[1], *sequence.notes)
    else:
        encoding = replace(job.encoding, comment=comment(made_from) if made_from else "")
        images = map(_with_alpha, _pictures(job, store))
        notes = write_film(images, clip.output, clip.info, clip.frames, encoding).notes
    if made_from:
        write_provenance(made_from, clip.output)
    return notes


def _with_alpha(picture: Picture) -> np.ndarray:
    return picture.image if picture.alpha is None else np.dstack((picture.image, picture.alpha))


def _pictures(job: Job, store: FrameStore) -> Iterator[Picture]:
    """The finished frames, with what of the source's goes along unpainted."""
    finished = (store.picture(job.clip.info.number(index)) for index in job.clip.frames)
    lit = job.clip.info.is_linear and 32 in job.delivery.depths
    if job.reading.alpha == "drop" and not lit:
        yield from map(Picture, finished)
        return
    for image, source in zip(finished, read_frames(job.clip.info, job.clip.frames, job.reading), strict=True):
        aside = source.picture.fitted(job.size)
        alpha = None if aside.alpha is None else like(image, aside.alpha)
        colors = straight(image, alpha) if alpha is not None and job.reading.alpha == "premultiply" else image
        yield replace(aside, image=colors, alpha=alpha)
