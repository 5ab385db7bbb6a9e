"""The frames of a clip: decoded, given their motion, and painted, shot by shot, each from where it was left.

Knows where frames come from and where unfinished ones are kept; knows nothing of films and events.
"""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, tee

from torch import Tensor

from stylevideo.engine.carry import BlendTarget, Reference
from stylevideo.engine.given.legs import Backwards, Blends, Leg, legs_of
from stylevideo.engine.given.loop import MEETING, state_before_turn, turns_of
from stylevideo.engine.sequence import (
    PaintedFrame,
    SequenceState,
    as_reference,
    leave_as_they_are,
    nothing_carried,
    stylize_sequence,
)
from stylevideo.engine.targets import StyleTargets
from stylevideo.errors import Stopped, frame_context
from stylevideo.media.images.pictures import to_image, to_picture
from stylevideo.motion.estimate import Following, Motion, earliest_reference, following
from stylevideo.motion.frame import Frame
from stylevideo.motion.vectors import VectorMotion
from stylevideo.ops.color import Palette
from stylevideo.rectangle import Rectangle
from stylevideo.render.footage.backwards import CHECKPOINT_S, BackwardFrames, Turned
from stylevideo.render.footage.source import (
    ClipFootage,
    Footage,
    as_frame,
    backwards_with_motion,
    read_frame,
    shown,
)
from stylevideo.render.job import Job
from stylevideo.render.styles import PaintedLook, ShotLook, painted_targets, style_targets
from stylevideo.settings.over_time import AsksFrames
from stylevideo.store.checkpoint import as_tensor, load_state
from stylevideo.store.frames import FrameStore
from stylevideo.system.background import Stopwatch, read_ahead, worked_ahead
from stylevideo.system.device import describe, memory_context, motion_threads
from stylevideo.system.memory import freed_memory_stays
from stylevideo.text import counted
from stylevideo.timeline.clip import Shot

logger = logging.getLogger(__name__)

READ_AHEAD_FRAMES = 2


_Painted = tuple[Frame, PaintedFrame, SequenceState]
"""A frame, its active part as it was painted in full, and the state after it."""


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
        stop: asked while a frame is waited for, and after each that is made backwards, whether to end early.
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
        self._stop, self._palettes, self._footage = stop, palettes, footage or partial(ClipFootage, job)
        self._stretches: queue.SimpleQueue[_Stretch | None] = queue.SimpleQueue()
        self._prepared = read_ahead(self._prepare(), READ_AHEAD_FRAMES, waiting_time, stop)
        self._backwards = BackwardFrames(job, store)
        # What is painted in tiles is so for want of memory, and gains next to nothing.
        self._memory = nullcontext() if job.settings.optimizer.tile_px else freed_memory_stays()
        self._first: Reference | None = None
        self._opened: _Painted | None = None
        self._targets: StyleTargets | None = None
        self._painted_like: tuple[ShotLook, Palette | None] | None = None
        self._looks: AsksFrames = job.over_time

    def __enter__(self) -> Painter:
        self._memory.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._stretches.put(None)
            self._prepared.close()
            self._backwards.close()
        finally:
            self._memory.__exit__(None, None, None)

    def paint(self, shot: Shot) -> Generator[Made, None, None]:
        """Every frame of a shot that is not yet made, with the state that follows it.

        What dissolves turns into the next shot, a look into the next one, and the end of a looped film back; painted
        frames spread both ways.

        Args:
            shot: one of the clip's. What lies between it and the one before is decoded and discarded, and all that lies
                before it, if it is an earlier one.
        Raises:
            Stopped: because of `stop`.
        """
        state = self._last_state(shot)
        begin = shot.start if state is None else state.index + 1
        for leg in self._legs(shot):
            if begin >= leg.frames.stop:
                continue
            self._set_look(shot, leg)
            from_here = range(max(begin, leg.frames.start), leg.frames.stop)
            for made in self._take(shot, leg, from_here) if leg.is_taken else self._follow(shot, leg, from_here, state):
                state = made.state
                yield made

    def _follow(self, shot: Shot, leg: Leg, frames: range, state: SequenceState | None) -> Generator[Made, None, None]:
        """The frames of a leg from where it was left; its end turns into what is made backwards."""
        begins = frames.start == leg.frames.start
        state = None if begins else state
        opened, self._opened = self._opened if state is None else None, None
        last_moved = None if state is None else state.last_moved
        self._stretches.put(_Stretch(shot, frames, leg.frames.start, leg.origin or 0, last_moved))
        given = {leg.origin: self._given(shot, leg.origin)} if begins and leg.origin is not None else {}
        split = leg.backwards.frames.start if leg.backwards else frames.stop
        made = self._made(range(frames.start, split), state, given=given)
        if opened is not None and opened[1].index == frames.start:
            next(self._prepared)
            made = chain([opened], self._made(range(frames.start + 1, split), opened[2]))
        for frame, result, after in made:
            shown = self._shown(frame, result, shot)
            if shown.index == self._job.clip.frames.start:
                first = as_reference(shown)
                self._first = replace(first, picture=shot.active.of(first.picture)) if shot.active else first
            state = after
            yield Made(shot, shown, after)
        if leg.backwards is None:
            return
        assert state is not None, "frames were painted before those that turn"
        turn = self._make_backwards(shot, leg, leg.backwards, state)
        blends = Blends(leg, self._backwards.target) if turn.indices else None
        for frame, result, after in self._made(range(max(frames.start, split), frames.stop), state, blends=blends):
            blended = _with_cost(turn.iterations, turn.seconds, result) if result.index == split else result
            yield Made(shot, self._shown(frame, blended, shot), after)

    def _legs(self, shot: Shot) -> tuple[Leg, ...]:
        job, spreading = self._job, self._spreading(shot)
        if not job.carries:
            return legs_of(shot, spreading)
        every = zip(self._shots, turns_of(self._shots, job.settings.temporal, job.look_turns, spreading), strict=True)
        turn = next(turn for other, turn in every if other == shot)
        return legs_of(shot, spreading, turn, job.look_turns)

    def _take(self, shot: Shot, leg: Leg, frames: range) -> Generator[Made, None, None]:
        """The frames before a shot's first given one, as they are made backwards from it."""
        assert leg.backwards is not None, "they are made so"
        self._make_backwards(shot, leg, leg.backwards, None)
        for index in frames:
            result = self._backwards.result(index)
            yield Made(shot, result, nothing_carried(result))

    def _spreading(self, shot: Shot) -> tuple[int, ...]:
        """Indices of a shot's painted frames that spread: those that are a picture in full, of no fade."""
        painted = (index for index in self._job.painted if shot.start <= index < shot.stop)
        if self._job.settings.shots.fades == "paint":
            return tuple(painted)
        return tuple(index for index in painted if read_frame(self._job, shot, index).strength == 1)

    def _given(self, shot: Shot, index: int) -> Tensor:
        """A painted frame, as far as it is painted between bars: (1, 3, H, W), 0..1."""
        image = to_image(self._job.painted[index].picture.image).to(self._job.device)
        return shot.active.of(image) if shot.active else image

    def _last_state(self, shot: Shot) -> SequenceState | None:
        store, job = self._store, self._job
        if store is None:
            return None
        number = job.clip.selection.number
        return load_state(
            *(store, shot, job.size, job.device),
            reference=lambda index: as_tensor(store.picture(number(index)), shot.active),
            given=partial(self._given, shot),
        )

    def _set_look(self, shot: Shot, leg: Leg) -> None:
        """Aim for what a leg's frames should look like: as painted, or one thing for the clip or for each shot."""
        job, look = self._job, self._job.look_at(shot.start)
        self._looks = PaintedLook(look.over_time, leg) if leg.given else look.over_time
        if job.vgg is None:
            return
        if leg.given:
            self._targets = painted_targets([self._given(shot, index) for index in leg.given], job.vgg, look.settings)
            self._painted_like = None
            return
        is_fitted = self._palettes and look.settings.colors.color == "match"
        palette = self._palettes[shot.index] if is_fitted else None
        before, fitted_to = self._painted_like or (None, None)
        if look is not before or palette is not fitted_to:
            self._targets = style_targets(look.styles, job.vgg, look.over_time.at(shot.start), palette)
            self._painted_like = look, palette

    def _made(
        self,
        indices: Iterable[int],
        state: SequenceState | None,
        prepared: Iterator[tuple[Frame, Motion | None]] | None = None,
        blends: Mapping[int, BlendTarget] | None = None,
        given: Mapping[int, Tensor] | None = None,
    ) -> Iterator[_Painted]:
        """The frames with these indices, which come next in `prepared`, and no more of it; errors name the frame.

        Yields:
            A frame, its active part as it was painted in full, and the state after it.
        """
        job = self._job
        prepared, sources = tee(prepared or self._prepared)
        if job.vgg and self._targets:
            results = stylize_sequence(prepared, state, job.vgg, self._targets, self._looks, blends, given)
        else:
            assert not job.paints, "what is to be painted has a network"
            results = leave_as_they_are(prepared)
        for index in indices:
            with frame_context(job.clip.source, job.clip.selection.number(index)), memory_context(too_large(job)):
                result, state = next(results)
            frame, _ = next(sources)
            yield frame, result, state

    def _make_backwards(self, shot: Shot, leg: Leg, turn: Backwards, state: SequenceState | None) -> Turned:
        """The frames that a leg ends with, made backwards: as an earlier run left them, or made now, and kept.

        Args:
            shot: of the frames.
            leg: theirs.
            turn: those that are made backwards.
            state: after the frame before them, where they lead out of the leg.
        """
        kept = self._backwards
        if (done := kept.find(shot, turn.origin)) is not None:
            return done
        begins = self._beginning(turn, state) if turn.into is not None and state is not None else None
        given = {} if begins else {turn.origin: self._given(shot, turn.origin)}

        def reference(index: int) -> Tensor:
            if index in turn.frames:
                return kept.reference(index, shot, leg.is_taken)
            return begins.references[0].picture if begins else as_tensor(to_picture(given[index]))

        left = kept.state(shot, turn.origin, reference, partial(self._given, shot))
        told = counted(len(turn.frames), "frame")
        logger.info("%s: %s are first made backwards", self._job.clip.source.name, told)
        frames = backwards_with_motion(self._job, shot, turn, left)
        with closing(read_ahead(frames, READ_AHEAD_FRAMES, self._waiting_time, self._stop)) as prepared:
            made = range((left.index if left else turn.origin) - 1, turn.frames.start - 1, -1)
            if begins is None:
                indices = made if left else (turn.origin, *made)
                self._keep_backwards(shot, leg, self._made(indices, left, prepared, given=given))
                return kept.finish(shot, turn.origin, 1.0, turn.frames)
            visible, begun = self._meeting(made[0], prepared) if not left and made else (1.0, prepared)
            leads = visible >= MEETING
            if leads:
                self._keep_backwards(shot, leg, self._made(made, left or begins, begun))
        if turn.into == turn.origin:
            self._set_look(shot, leg)
        if turn.look_turn and not leads:
            where = self._job.clip.source.name, self._job.clip.selection.number(turn.origin)
            logger.info("%s: frame %d shows too little of the one before; its look comes at once", *where)
        return kept.finish(shot, turn.origin, visible, turn.frames if leads else range(0))

    def _beginning(self, turn: Backwards, state: SequenceState) -> SequenceState:
        """The state from which frames are made backwards that lead out of their leg; their look is what is aimed for.

        Its only reference is the frame that they lead into, which is painted for it if it is not the film's first.

        Args:
            turn: the frames.
            state: after the frame before them.
        """
        if turn.into != turn.origin:
            return state_before_turn(self._first_reference(turn.origin), turn.origin, state)
        job, index = self._job, turn.origin
        shot = next(shot for shot in self._shots if shot.start <= index < shot.stop)
        leg = next(leg for leg in self._legs(shot) if leg.frames.start == index)
        self._set_look(shot, leg)
        with job.regions() as regions:
            frame = read_frame(job, shot, index, regions)
        given = {index: self._given(shot, index)} if leg.origin == index else {}
        (self._opened,) = self._made([index], None, iter([(frame, None)]), given=given)
        self._looks = self._looks.at(index)  # what leads into the frame knows of that shot no more than it
        _, result, after = self._opened
        return replace(after, references=(as_reference(result),), origin=index)

    def _meeting(
        self, index: int, prepared: Iterator[tuple[Frame, Motion | None]]
    ) -> tuple[float, Iterator[tuple[Frame, Motion | None]]]:
        """How much of the last frame that turns, of this index, what it turns into shows; and the frames, backwards."""
        with frame_context(self._job.clip.source, self._job.clip.selection.number(index)):
            last, motion = next(prepared)
        if motion is None:  # from or to a blank frame: a film that ends in black or white may cut to its beginning
            return 0.0, prepared
        return float(motion.visible.mean()), chain([(last, motion)], prepared)

    def _keep_backwards(
        self, shot: Shot, leg: Leg, results: Iterator[tuple[Frame, PaintedFrame, SequenceState]]
    ) -> None:
        """Keep frames as they are made, and every few seconds the state to go on from.

        Raises:
            Stopped: because of `stop`.
        """
        due, looked_at = time.monotonic() + CHECKPOINT_S, None
        for frame, result, after in results:
            if result.index not in leg.frames or result.index == leg.origin:
                looked_at = result  # the given one
                continue
            if looked_at:
                result, looked_at = _with_cost(looked_at.iterations, looked_at.seconds, result), None
            self._backwards.save(self._shown(frame, result, shot) if leg.is_taken else result, after)
            if time.monotonic() >= due or self._stop():
                self._backwards.save_state(shot, after)
                due = time.monotonic() + CHECKPOINT_S
            if self._stop():
                raise Stopped

    def _first_reference(self, origin: int) -> Reference:
        """The film's first frame, as what lies behind its last one."""
        if self._first is None:
            assert self._store is not None, "what this run has not made is in the store"
            start, shot = self._job.clip.frames.start, self._shots[0]
            picture = self._store.picture(self._job.clip.selection.number(start))
            self._first = Reference(start, as_tensor(picture, shot.active))
        return self._first

    def _shown(self, frame: Frame, result: PaintedFrame, shot: Shot) -> PaintedFrame:
        """What the film shows of a frame: what somebody painted, or as much of a result as the frame is a picture."""
        painted = self._job.painted.get(result.index)
        if painted is not None:
            return replace(result, image=to_image(painted.picture.image))
        return shown(frame, result, shot)

    def _prepare(self) -> Iterator[tuple[Frame, Motion | None]]:
        """The frames of one stretch after another, with their motion; in the thread that reads ahead."""
        job = self._job
        with closing(self._footage()) as footage, job.regions() as regions:
            while (stretch := self._stretches.get()) is not None:
                shot, begin, first = stretch.shot, stretch.frames.start, stretch.frames.start
                if stretch.last_moved is not None and job.carries:  # what is looked back at is read too
                    earliest = stretch.origin + earliest_reference(begin - stretch.origin)
                    first = min(stretch.last_moved, max(stretch.start, earliest))
                sources = footage.read(range(first, stretch.frames.stop))
                frames = (as_frame(job, source, shot, regions(source.index)) for source in sources)
                pairs = following(frames, job.carries, (stretch.start,), begin, stretch.last_moved, stretch.origin)
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
        shot: theirs.
        frames: their indices.
        start: index of the frame into which nothing is carried.
        origin: from which references are counted.
        last_moved: index of the frame that the first is compared with; None where it is `start`.
    """

    shot: Shot
    frames: range
    start: int
    origin: int
    last_moved: int | None


def _with_cost(iterations: int, seconds: float, result: PaintedFrame) -> PaintedFrame:
    """A frame that bears what something else cost too."""
    return replace(result, iterations=result.iterations + iterations, seconds=result.seconds + seconds)


def too_large(job: Job) -> str:
    """What to say when the memory is too small for a frame."""
    tiles = "leave out --tile off, " if job.asked.settings.optimizer.tile == "off" else ""
    elsewhere = "find a larger machine" if job.device.type == "cpu" else "use --device cpu"
    return (
        f"{describe(job.device)} has too little memory for {job.size[1]}x{job.size[0]} pixels. "
        f"{tiles.capitalize()}{'choose' if tiles else 'Choose'} a smaller --size with --restart, or {elsewhere}."
    )
