"""A clip with everything that was checked and read for it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from stylevideo.media.decode.vectors import VectorSource
from stylevideo.media.encode.delivery import Delivery, Encoding
from stylevideo.media.encode.plan import FilmPlan
from stylevideo.media.ffmpeg import ffmpeg_version
from stylevideo.media.hidden import Places
from stylevideo.media.images.pictures import Reading
from stylevideo.media.images.view import sequence_view
from stylevideo.models.vgg import VGG19
from stylevideo.motion.flow import DISFlow, MotionSource
from stylevideo.motion.vectors import VectorMotion, Vectors
from stylevideo.ops.color import Palette
from stylevideo.ops.margin import MARGIN_PX
from stylevideo.ops.regions import Regions
from stylevideo.planning.shots import tables_of
from stylevideo.rectangle import Rectangle
from stylevideo.render.footage.painted import PaintedPicture
from stylevideo.render.styles import LookSource, ReadStyle, ShotLook
from stylevideo.settings.curves import LookTurn
from stylevideo.settings.encoder_arguments import read_encoder_arguments
from stylevideo.settings.over_time import AsksFrames, OverShots
from stylevideo.settings.settings import Settings
from stylevideo.store.frames import FORM, FrameStore
from stylevideo.store.manifest import OF_PAINTER, Asked, Manifest, SourceFile
from stylevideo.store.watch import SourceWatch
from stylevideo.timeline.clip import Shot
from stylevideo.timeline.selection import Clip


@dataclass(frozen=True)
class Comparison:
    """The film for comparison that a job writes beside its own.

    Attributes:
        kind: see `stylevideo.reports.comparison`.
        clip: the job's, with this film's name.
        encoding: how it is encoded, but for what it says of itself.
        plan: what it gets from the source.
        bits: a channel, of the pictures that are encoded: 8 or 16.
    """

    kind: str
    clip: Clip
    encoding: Encoding
    plan: FilmPlan
    bits: int


@dataclass(frozen=True)
class Job:
    """A clip with everything that was checked and read for it.

    Attributes:
        clip: source, film and frames.
        styles: with their pictures.
        settings: of the whole job.
        over_time: what each frame is asked for.
        size: height and width of the film.
        reading: how the source's frames are read.
        bits: a channel, that finished frames are kept with: 8, 16, or 32 for floating point.
        delivery: the film's form.
        places: of the film and all of it; of no use where nothing is written.
        written: every file that the job writes.
        device, vgg: what paints; no network where nothing is painted, or all is.
        watch: of the source, as it was before any of its frames was read.
        plan: what the film gets from its source; None where nothing is written.
        asked: what is asked for, by which the film is known again.
        notes: what could not be done as asked, or was asked for without effect, as sentences.
        comparison: the film for comparison beside it; None where none is asked for.
        store: the film's unfinished work, as far as it is there or begun.
        palette: that the styles' are fitted to in all shots; None where nothing is, or each shot's own is found.
        find_motion: makes the source of motion that looks at the pictures, one for each thread.
        vectors: what a renderer says of the motion; None where it says nothing.
        painted_with: the resume key by which all frames were painted before, so that only the film is missing; None
            while any is.
        looks: where each look is painted; None where all styles are one look everywhere.
        painted: frames that somebody has painted, by their indices, ascending.
        tables: looks that some shots have instead of the clip's, in the order in which they are asked for.
        by_shot: each shot's look, and its frames' indices; none as long as shots are not known, or where there are no
            such looks.
    """

    clip: Clip
    styles: tuple[ReadStyle, ...]
    settings: Settings
    over_time: AsksFrames
    size: tuple[int, int]
    reading: Reading
    bits: int
    delivery: Delivery
    places: Places
    written: tuple[Path, ...]
    device: torch.device
    vgg: VGG19 | None
    watch: SourceWatch
    plan: FilmPlan | None
    asked: Asked
    notes: tuple[str, ...]
    comparison: Comparison | None = None
    store: FrameStore | None = None
    palette: Palette | None = None
    find_motion: Callable[[], MotionSource] = DISFlow
    vectors: VectorSource | None = None
    painted_with: Mapping[str, Any] | None = None
    looks: LookSource | None = None
    painted: Mapping[int, PaintedPicture] = field(default_factory=dict)
    tables: tuple[ShotLook, ...] = ()
    by_shot: tuple[tuple[ShotLook, range], ...] = ()

    def in_shots(self, shots: Sequence[Shot]) -> Job:
        """The same, once the clip's shots are known; `over_time` says what each of their frames is asked for.

        Raises:
            InputError: a table means no shot, or two mean one.
        """
        if not self.tables or self.by_shot:
            return self
        chosen = tuple(look.table for look in self.tables if look.table)
        found = tables_of(chosen, shots, self.clip.selection)
        by_shot = tuple(
            (self._own_look if place is None else self.tables[place], range(shot.start, shot.stop))
            for shot, place in zip(shots, found, strict=True)
        )
        starts = tuple(shot.start for shot in shots)
        over_time = OverShots(starts, tuple(look.over_time for look, _ in by_shot))
        looks = replace(self.looks, over_time=over_time) if self.looks else None
        return replace(self, by_shot=by_shot, over_time=over_time, looks=looks)

    @property
    def stretches(self) -> tuple[tuple[ShotLook, range], ...]:
        """Looks, and the frames that are painted like each, by their indices, in order."""
        return self.by_shot or ((self._own_look, self.clip.frames),)

    def look_at(self, index: int) -> ShotLook:
        """What a frame is painted like."""
        place = bisect_right(self.stretches, index, key=lambda stretch: stretch[1].start)
        return self.stretches[max(0, place - 1)][0]

    @cached_property
    def _own_look(self) -> ShotLook:
        return ShotLook(self.styles, self.settings, self.over_time)

    @cached_property
    def look_turns(self) -> tuple[LookTurn, ...]:
        """Where one whole look turns into another, if anything is carried that it has to turn from."""
        return self.over_time.turns(self.clip.frames) if self.carries else ()

    @property
    def all_styles(self) -> tuple[ReadStyle, ...]:
        """Of the clip, and of each table of shots."""
        return (*self.styles, *(read for table in self.tables for read in table.styles))

    @property
    def all_settings(self) -> tuple[Settings, ...]:
        """Of the clip, and of each table of shots."""
        return (self.settings, *(table.settings for table in self.tables))

    @contextmanager
    def regions(self, asked: int | None = None) -> Iterator[Callable[[int], Regions | None]]:
        """Reads where each look is painted on a frame, by its index, in one thread; `asked` as of `LookSource`."""
        if self.looks is None:
            yield lambda index: None
        else:
            with self.looks.reader(asked) as read:
                yield read

    def motion(self, active: Rectangle | None = None) -> MotionSource:
        """The source of motion that frames follow each other by; one for each thread.

        Args:
            active: the part of them that is painted; None for the whole.
        """
        if self.vectors is None:
            return self.find_motion()
        vectors = partial(_vectors_of, self.vectors, active)
        return VectorMotion(self.find_motion(), vectors, self.clip.selection.counted)

    @property
    def encoding(self) -> Encoding:
        """How the film's picture is encoded, but for what it says of itself."""
        return encoding_of(self.delivery, self.settings)

    @property
    def analysis_options(self) -> Reading:
        """How the source's frames are read where they are only looked at."""
        return replace(self.reading, bits=8, alpha="drop")

    @property
    def view(self) -> str:
        """What the source's light is painted as; empty where it has none."""
        return sequence_view(self.reading.view).name if self.clip.info.is_linear else ""

    @property
    def film_bits(self) -> int:
        """Bits a channel that the film has."""
        return self.delivery.film_bits(self.bits, self.reading.alpha != "drop")

    @property
    def paints(self) -> bool:
        """Whether frames are changed at all."""
        return self.settings.optimizer.iterations > 0

    @property
    def carries(self) -> bool:
        """Whether one frame follows from another."""
        return self.paints and self.settings.temporal.carry


def _vectors_of(source: VectorSource, active: Rectangle | None, index: int) -> Vectors | None:
    """What a renderer says of a frame of the clip, or of its active part."""
    found = source.read(index)
    if found is None:
        return None
    part = (active.rows, active.columns) if active else ...
    back, forth, depth = (
        None if values is None else torch.from_numpy(np.atleast_3d(values[part])).permute(2, 0, 1)[None]
        for values in (found.to_previous, found.to_next, found.depth)
    )
    assert back is not None, "there are always vectors to the previous frame"
    return Vectors(back, forth, depth)


def encoding_of(delivery: Delivery, settings: Settings) -> Encoding:
    """How the film is encoded, with what the user adds for the encoder."""
    options = settings.output
    extra = read_encoder_arguments(options.ffmpeg_args)
    return Encoding(delivery, options.crf, options.variable_rate == "keep", extra)


def manifest_of(job: Job) -> Manifest:
    """From what a job's film is made. Of a large clip the SHA-256 is not known yet: see `SourceWatch.sha256`."""
    reading = job.reading
    manifest = Manifest(
        asked=job.asked,
        form_of_unfinished_work=FORM,
        margin_px=MARGIN_PX,
        torch=torch.__version__,
        opencv=cv2.__version__,
        ffmpeg=ffmpeg_version(),
        film=job.places.name,
        source=SourceFile(job.clip.source.name, ""),
        frames=job.clip.selection.text,
        first_index=job.clip.frames.start,
        delivery=job.delivery.name,
        size=(job.size[1], job.size[0]),
        device_kind=job.device.type,
        threads=torch.get_num_threads() if job.device.type == "cpu" else "of no effect",
        convolution_dtype=str(job.vgg.convolution_dtype) if job.vgg else "none",
        weights_sha256=job.vgg.identity if job.vgg else None,
        motion=job.motion().name if job.carries else "none",
        bits=job.bits,
        reading=f"{reading.bits} bits, alpha {reading.alpha}",
        view=sequence_view(reading.view).identity if job.clip.info.is_linear else "none",
        settings=job.settings,
    )
    if job.painted_with is None:
        return manifest
    return replace(manifest, **{name: job.painted_with[name] for name in OF_PAINTER})  # whoever that was
