"""The frames of a clip: decoded, given their motion, and painted, shot by shot, each from where it was left.

Knows where frames come from and where unfinished ones are kept; knows nothing of films and events.
"""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, tee
from typing import Protocol

import numpy as np
import torch

from stylevideo.engine.carry import BlendTarget, Reference
from stylevideo.engine.loop import MEETING, LoopClosure, state_before_turn, turning_frames
from stylevideo.engine.sequence import PaintedFrame, SequenceState, as_reference, leave_as_they_are, stylize_sequence
from stylevideo.engine.targets import StyleTargets
from stylevideo.errors import Stopped, frame_context
from stylevideo.media.decode.reader import SourceFrame, read_frames
from stylevideo.media.images.exposure import exposure_of
from stylevideo.media.images.pictures import to_8_bits, to_image, to_picture
from stylevideo.motion.estimate import Following, Motion, earliest_reference, following, with_motion
from stylevideo.motion.frame import Frame
from stylevideo.motion.vectors import VectorMotion
from stylevideo.ops.color import Palette
from stylevideo.ops.regions import Regions
from stylevideo.rectangle import Rectangle
from stylevideo.render.job import Job
from stylevideo.render.styles import style_targets
from stylevideo.store.checkpoint import TURN_NAME, as_tensor, load_state
from stylevideo.store.frames import FrameStore
from stylevideo.system.background import Stopwatch, read_ahead, worked_ahead
from stylevideo.system.device import describe, memory_context, motion_threads
from stylevideo.timeline.clip import Shot

logger = logging.getLogger(__name__)

READ_AHEAD_FRAMES = 2


@dataclass(frozen=True)
class Made:
    """A painted frame.

    Attributes:
        shot: that it belongs to.
        result: the frame.
        state: to go on from, after it.
    """

    shot: Shot
    result: PaintedFrame
    state: SequenceState

    @property
    def ends_shot(self) -> bool:
        """Whether the shot is complete with it."""
        return self.result.index + 1 == self.shot.stop


class Painter:
    """Paints shots of one clip, one after another; a context, since a thread reads ahead.

    Args:
        job: of the clip.
        shots: all of them.
        store: where unfinished shots are gone on from; None keeps nothing on disk.
        waiting_time: runs while a frame is waited for.
        stop: asked while a frame is waited for, and after each that a loop turns back to, whether to end early.
        palettes: of each shot, that the styles' are fitted to; none leave the styles as they are.
        footage: makes what the source's frames are read from; the clip itself if not given.
    """

    def __init__(
        self,
        job: Job,
        shots: Sequence[Shot],
        store: FrameStore | None,
        waiting_time: Stopwatch | None = None,
        stop: Callable[[], bool] = lambda: False,
        palettes: Sequence[Palette | None] = (),
        footage: Callable[[], Footage] | None = None,
    ) -> None:
        self._job, self._shots, self._store, self._waiting_time = job, shots, store, waiting_time
        self._stop, self._palettes, self._footage = stop, palettes, footage or partial(_ClipFootage, job)
        self._stretches: queue.SimpleQueue[_Stretch | None] = queue.SimpleQueue()
        self._prepared = read_ahead(self._prepare(), READ_AHEAD_FRAMES, waiting_time, stop)
        self._first: Reference | None = None
        self._targets: StyleTargets | None = None

    def __enter__(self) -> Painter:
        return self

    def __exit__(self, *_: object) -> None:
        self._stretches.put(None)
        self._prepared.close()

    def paint(self, shot: Shot) -> Generator[Made, None, None]:
        """Every frame of a shot that is not yet made, with the state that follows it.

        The end of a looped film turns back.

        Args:
            shot: one of the clip's. What lies between it and the one before is decoded and discarded, and all that lies
                before it, if it is an earlier one.
        Raises:
            Stopped: because of `stop`.
        """
        job = self._job
        self._set_targets(shot)
        state = load_state(self._store, shot, job.clip.selection, job.size, job.device) if self._store else None
        begin = shot.start if state is None else state.index + 1
        turning = turning_frames(job.clip.frames, self._shots[-1], job.settings.temporal)
        own_turning = range(max(turning.start, shot.start), min(turning.stop, shot.stop))
        self._stretches.put(_Stretch(shot, begin, None if state is None else state.last_moved))
        for frame, result, after in self._made(range(begin, own_turning.start if own_turning else shot.stop), state):
            shown = _shown(frame, result, shot)
            if shown.index == job.clip.frames.start:
                first = as_reference(shown)
                self._first = replace(first, picture=shot.active.of(first.picture)) if shot.active else first
            state = after
            yield Made(shot, shown, after)
        if not own_turning:
            return
        assert state is not None, "frames were painted before those that turn"
        turn = self._turn(own_turning, shot, state)
        for frame, result, after in self._made(range(state.index + 1, shot.stop), state, blends=turn.blends()):
            blended = _with_cost_of(turn, result) if result.index == own_turning.start else result
            yield Made(shot, _shown(frame, blended, shot), after)

    def _set_targets(self, shot: Shot) -> None:
        """Aim for what the shot's frames should look like: one thing for the whole clip, or each shot's own."""
        job = self._job
        if job.vgg and (self._palettes or self._targets is None):
            palette = self._palettes[shot.index] if self._palettes else None
            self._targets = style_targets(job.styles, job.vgg, job.over_time.at(shot.start), palette)

    def _made(
        self,
        indices: Iterable[int],
        state: SequenceState | None,
        prepared: Iterator[tuple[Frame, Motion | None]] | None = None,
        blends: Mapping[int, BlendTarget] | None = None,
    ) -> Iterator[tuple[Frame, PaintedFrame, SequenceState]]:
        """The frames with these indices, which come next in `prepared`, and no more of it; errors name the frame.

        Yields:
            A frame, its active part as it was painted in full, and the state after it.
        """
        job = self._job
        prepared, sources = tee(prepared or self._prepared)
        if job.vgg and self._targets:
            results = stylize_sequence(prepared, state, job.vgg, self._targets, job.over_time, blends)
        else:
            results = leave_as_they_are(prepared)
        for index in indices:
            with frame_context(job.clip.source, job.clip.selection.number(index)), memory_context(too_large(job)):
                result, state = next(results)
            frame, _ = next(sources)
            yield frame, result, state

    def _turn(self, turning: range, shot: Shot, state: SequenceState) -> LoopClosure:
        """What the last frames shall turn into: as an earlier run left it in the store, or made now, and kept there.

        Args:
            turning: the last frames.
            shot: theirs.
            state: after the frame before `turning`, unless the store has the whole turn.
        """
        store, selection = self._store, self._job.clip.selection
        kept = store.read_note(TURN_NAME) if store else None
        if store and kept is not None:
            pictures = {index: as_tensor(store.turned(selection.number(index))) for index in kept.pop("indices")}
            return LoopClosure(pictures=pictures, **kept)
        first = self._first
        if first is None:
            assert store is not None, "what this run has not made is in the store"
            start = selection.frames.start
            first = Reference(start, as_tensor(store.picture(selection.number(start)), shot.active))
        name = self._job.clip.source.name
        logger.info("%s: the last %d frames are first made backwards from the first", name, len(turning))
        turn = self._make_turn(turning, shot, state_before_turn(first, state))
        if store:
            costs = {"visible": turn.visible, "iterations": turn.iterations, "seconds": turn.seconds}
            store.write_note(TURN_NAME, {**costs, "indices": sorted(turn.pictures)})
        return turn

    def _make_turn(self, turning: range, shot: Shot, state: SequenceState) -> LoopClosure:
        """Make the last frames backwards, if the source's last frame shows enough of its first."""
        began, iterations, pictures, selection = time.perf_counter(), 0, {}, self._job.clip.selection
        backwards = _with_motion_backwards(self._job, turning, shot)
        with closing(read_ahead(backwards, READ_AHEAD_FRAMES, self._waiting_time, self._stop)) as prepared:
            with frame_context(self._job.clip.source, selection.number(turning[-1])):
                last, motion = next(prepared)
            # Nothing leads from or to a blank frame: a film that ends in black or white may cut to its beginning.
            visible = float(motion.visible.mean()) if motion else float(last.is_blank)
            indices = reversed(turning) if motion and visible >= MEETING else ()
            for _, result, _ in self._made(indices, state, chain([(last, motion)], prepared)):
                iterations += result.iterations
                pictures[result.index] = as_reference(result).picture.cpu()
                if self._store:
                    self._store.save_turned(selection.number(result.index), to_picture(result.image))
                if self._stop():
                    raise Stopped
        return LoopClosure(visible, pictures, iterations, time.perf_counter() - began)

    def _prepare(self) -> Iterator[tuple[Frame, Motion | None]]:
        """The frames of one stretch after another, with their motion; in the thread that reads ahead."""
        job = self._job
        with closing(self._footage()) as footage, job.regions() as regions:
            while (stretch := self._stretches.get()) is not None:
                shot, begin, first = stretch.shot, stretch.begin, stretch.begin
                if stretch.last_moved is not None and job.carries:  # what is looked back at is read too
                    first = min(stretch.last_moved, max(shot.start, earliest_reference(begin)))
                frames = (_as_frame(job, source, shot, regions) for source in footage.read(range(first, shot.stop)))
                pairs = following(frames, job.carries, (shot.start,), begin, stretch.last_moved)
                yield from worked_ahead(pairs, partial(_estimator, job, shot.active), _motion_threads(job))


def _estimator(job: Job, active: Rectangle | None) -> Callable[[Following], tuple[Frame, Motion | None]]:
    """Finds motion, in one thread."""
    source = job.motion(active) if job.carries else None

    def find(pair: Following) -> tuple[Frame, Motion | None]:
        motion = pair.motion(source) if source else None
        notes = source.take_notes() if isinstance(source, VectorMotion) else ()
        return replace(pair.frame, notes=(*pair.frame.notes, *notes)), motion

    return find


def _motion_threads(job: Job) -> int:
    """How many find motion: one where vectors are joined from frame to frame.

    One for RAFT too: it runs on the card, which works on one thing at a time, and each thread would hold memory there.
    """
    is_one = job.vectors is not None or job.settings.motion.motion == "raft"
    return 1 if is_one else motion_threads(job.device)


@dataclass(frozen=True)
class _Stretch:
    """Frames that are to be decoded and given their motion.

    Attributes:
        shot: to its end.
        begin: index of the first.
        last_moved: of the frame that it is compared with; None where it begins the shot.
    """

    shot: Shot
    begin: int
    last_moved: int | None


class Footage(Protocol):
    """Where a painter's frames come from."""

    def read(self, frames: range) -> Iterator[SourceFrame]:
        """The frames with these indices, in order."""
        ...

    def close(self) -> None:
        """Read no more."""
        ...


class _ClipFootage:
    """The clip's frames, decoded forwards once, as long as nobody asks for earlier ones."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._decoded: Iterator[SourceFrame] = iter(())
        self._next = job.clip.frames.stop

    def read(self, frames: range) -> Iterator[SourceFrame]:
        """A stretch of the clip; skips what lies between it and the last one by decoding and discarding it."""
        if frames.start < self._next:
            self.close()
            rest = range(frames.start, self._job.clip.frames.stop)
            decoded = read_frames(self._job.clip.selection, self._job.reading, rest)
            self._decoded, self._next = self._job.watch.over(decoded), frames.start
        while self._next < frames.stop:
            frame = next(self._decoded)
            self._next += 1
            if frame.index >= frames.start:
                yield frame

    def close(self) -> None:
        """End the decoder."""
        if isinstance(self._decoded, Generator):
            self._decoded.close()


def _as_frame(job: Job, source: SourceFrame, shot: Shot, regions: Callable[[int], Regions | None]) -> Frame:
    picture = source.picture.fitted(job.size)
    counted = job.clip.selection.counted
    follows = source.index > job.clip.frames.start  # the first frame's lead out of the film
    of_vectors = job.vectors.notes(counted[source.index]) if job.vectors and follows else ()
    frame = _of_shot(job, shot, source.index, picture.image, source.repaired, regions(source.index))
    return replace(frame, notes=(*picture.notes, *of_vectors))


def _of_shot(job: Job, shot: Shot, index: int, image: np.ndarray, repaired: bool, regions: Regions | None) -> Frame:
    """A frame (H, W, 3) with what of it is a picture, and is painted."""
    active = shot.active
    part = image[active.rows, active.columns] if active else image
    strength = exposure_of(part).strength(shot) if job.settings.shots.fades == "keep" else 1.0
    whole = to_image(image) if active else None
    regions = regions.of(active) if regions and active else regions
    return Frame(index, to_image(part), repaired, strength=strength, whole=whole, regions=regions)


def _shown(frame: Frame, painted: PaintedFrame, shot: Shot) -> PaintedFrame:
    """What the film shows of a painted frame: as much of it as the frame is a picture, between the source's bars."""
    if frame.strength == 1 and frame.whole is None:
        return painted
    device = painted.image.device
    image = torch.lerp(frame.image.to(device), painted.image, frame.strength) if frame.strength < 1 else painted.image
    if frame.whole is not None and shot.active:
        image, active = frame.whole.to(device, copy=True), image
        shot.active.of(image).copy_(active)
    return replace(painted, image=image)


def _with_cost_of(turn: LoopClosure, result: PaintedFrame) -> PaintedFrame:
    """The first frame that something is blended into bears what that cost."""
    return replace(result, iterations=result.iterations + turn.iterations, seconds=result.seconds + turn.seconds)


def _with_motion_backwards(job: Job, turning: range, shot: Shot) -> Iterator[tuple[Frame, Motion | None]]:
    """The last frames, last first: its motion from the film's first frame, the others' each from the one after it.

    Found in the pictures: no vectors lead from a film's end to its beginning.
    """
    start = job.clip.frames.start
    decoded = job.watch.over(read_frames(job.clip.selection, job.reading, range(start, start + 1)))
    with job.regions() as regions:
        first = (_as_frame(job, source, shot, regions) for source in decoded)
        frames = chain(first, _backwards(job, turning, shot, regions))
        yield from with_motion(frames, job.find_motion(), begin=turning.start)


def _backwards(job: Job, frames: range, shot: Shot, regions: Callable[[int], Regions | None]) -> Iterator[Frame]:
    """Decoded forwards, since videos cannot be read backwards, and held with 8 bits until they are used up."""
    sources = job.watch.over(read_frames(job.clip.selection, job.reading, frames))
    held = [(source.index, to_8_bits(source.picture.fitted(job.size).image), source.repaired) for source in sources]
    while held:
        index, image, repaired = held.pop()
        yield _of_shot(job, shot, index, image, repaired, regions(index))


def too_large(job: Job) -> str:
    """What to say when the memory is too small for a frame."""
    tiles = "leave out --tile off, " if job.asked.settings.optimizer.tile == "off" else ""
    elsewhere = "find a larger machine" if job.device.type == "cpu" else "use --device cpu"
    return (
        f"{describe(job.device)} has too little memory for {job.size[1]}x{job.size[0]} pixels. "
        f"{tiles.capitalize()}{'choose' if tiles else 'Choose'} a smaller --size with --restart, or {elsewhere}."
    )
