"""What goes on beside the painting: frames and states to resume from are saved, and the film is written.

Each in a thread of its own, with a bounded queue, so that the optimiser waits for none of them. Knows nothing of how a
frame is made.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any

from torch import Tensor

from stylevideo.engine.sequence import SequenceState
from stylevideo.errors import StorageError
from stylevideo.media.images.pictures import to_picture
from stylevideo.render.assemble import FinishedFrames, deliver
from stylevideo.render.job import Job
from stylevideo.render.painter import Made
from stylevideo.reports.events import FrameFinished, Listener
from stylevideo.reports.results import FrameRecord, Waits
from stylevideo.store.checkpoint import state_to_dict
from stylevideo.store.frames import FrameStore
from stylevideo.store.kept import KEPT_STATE_FRAMES
from stylevideo.system.background import POLL_S, Stopwatch, WriteBehind
from stylevideo.system.device import model_of
from stylevideo.system.heartbeat import beat, broken_off_when, end_if_asked
from stylevideo.system.threads import start_thread
from stylevideo.timeline.clip import Shot

CHECKPOINT_S = 10.0
"""Seconds of work after which a state is saved.

A crash costs the frames of so much of it, the one that ends them, and what is being saved or painted then. A state has
32 bytes for each pixel, thirteen times what a frame has.
"""


@dataclass(frozen=True)
class _FrameToSave:
    """A frame, on the CPU, where nobody changes it any more.

    Attributes:
        shot: index of its shot.
        index: of the frame.
        image: (1, 3, H, W), 0..1.
        record: what is reported of it.
        state: after it, on its device; None where it ends its shot.
        due_state: the same as plain values on the CPU, where it is to be saved.
        stays: whether that is kept with the frames.
    """

    shot: int
    index: int
    image: Tensor
    record: FrameRecord
    state: SequenceState | None
    due_state: dict[str, Any] | None
    stays: bool


class Saver:
    """Saves frames while later ones are painted, and every `CHECKPOINT_S` the state to resume from; a context.

    A state is saved in a thread of its own, since that takes longer than some frames do; while it is, none is due. The
    first frame of a run is followed by one, so that a run that is killed again and again comes to an end.

    Where the context is left by an exception, the frames that were handed over are saved first, and the state after
    the last of them, so that none is painted again; not that state where the run is to end at once
    (`KeyboardInterrupt`).

    Args:
        job: of the film.
        store: where frames are kept.
        on_saved: told, in a thread, of the shot and the index of each frame that is safe.
    Attributes:
        waiting: the time that `add` took.
    """

    def __init__(
        self, job: Job, store: FrameStore, on_saved: Callable[[int, int], None] = lambda shot, index: None
    ) -> None:
        self.waiting = Stopwatch()
        self._job, self._store, self._on_saved = job, store, on_saved
        self._keeps = job.settings.output.keep_frames
        self._device = model_of(job.device) if job.paints else ""
        self._saved: SimpleQueue[FrameRecord] = SimpleQueue()
        self._due_at, self._is_saving_state = float("-inf"), False
        self._unsaved: tuple[int, SequenceState] | None = None  # shot and state after the last frame that is safe

    def __enter__(self) -> Saver:
        self._frames, self._states = WriteBehind(self._save), WriteBehind(self._save_state)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._close(with_state=kind is None or issubclass(kind, Exception))

    def add(self, made: Made) -> None:
        """Hand over a frame; waits while two before it are not yet safe.

        Raises:
            StorageError: an earlier frame, or a state, could not be saved.
        """
        with self.waiting:
            self._states.raise_error()
            result = made.result
            record = FrameRecord.of(self._job.clip.selection, result, self._device)
            stays = self._keeps and (result.index + 1 - made.shot.start) % KEPT_STATE_FRAMES == 0 and not made.ends_shot
            state, due_state = None if made.ends_shot else made.state, self._due_state(made, stays)
            image = result.image.cpu()
            self._frames.put(_FrameToSave(made.shot.index, result.index, image, record, state, due_state, stays))

    def require_saved(self) -> None:
        """Look whether all went well so far, and wait for nothing.

        Raises:
            StorageError: a frame or a state could not be saved.
        """
        self._frames.raise_error()
        self._states.raise_error()

    def tell_saved(self, on_event: Listener) -> None:
        """Tell of the frames that have become safe since this was called last."""
        with suppress(Empty):
            while True:
                on_event(FrameFinished(self._saved.get_nowait()))

    def finish(self) -> None:
        """Wait until all frames are safe, and the state after the last one where it does not end its shot.

        Raises:
            StorageError: one could not be saved.
        """
        self._close(with_state=True)
        self.require_saved()

    def _due_state(self, made: Made, stays: bool) -> dict[str, Any] | None:
        """The state after a frame, if it is to be saved; a shot that is complete needs none."""
        now = time.monotonic()
        if not (made.ends_shot or stays) and (now < self._due_at or self._is_saving_state):
            return None
        self._due_at = now + CHECKPOINT_S
        if made.ends_shot:
            return None
        self._is_saving_state = True
        return state_to_dict(made.state)

    def _close(self, with_state: bool) -> None:
        """Save what was handed over, as far as that is possible, and end the threads."""
        self._frames.close()
        unsaved, self._unsaved = self._unsaved, None
        if unsaved and with_state:
            with suppress(Exception):  # the run ends for a reason of its own
                self._states.put((unsaved[0], state_to_dict(unsaved[1]), None))
        self._states.close()

    def _save(self, frame: _FrameToSave) -> None:
        self._store.save(frame.record.number, to_picture(frame.image, self._job.bits), asdict(frame.record))
        if frame.state is None:
            self._store.complete(frame.shot, frame.record.number)
        self._unsaved = None if frame.state is None else (frame.shot, frame.state)
        if frame.due_state is not None:
            self._states.put((frame.shot, frame.due_state, frame.index if frame.stays else None))
            self._unsaved = None
        self._on_saved(frame.shot, frame.index)
        self._saved.put(frame.record)

    def _save_state(self, state: tuple[int, dict[str, Any], int | None]) -> None:
        """A shot's, with the frame after which it stays, if it does."""
        self._store.save_state(*state)
        self._is_saving_state = False


class Pipeline:
    """Saves a film's frames and writes the film while later frames are painted; a context.

    Where the context is left by an exception, what `Saver` says is saved first, and the encoder is ended; on a full
    disk the encoder is ended first.

    Args:
        job: of the film.
        store: where frames are kept.
        shots: all of the film's; other processes may make some of them.
    Attributes:
        waiting_for_frames: to be run while the painting waits for a frame of the source.
    """

    def __init__(self, job: Job, store: FrameStore, shots: Sequence[Shot]) -> None:
        self.waiting_for_frames = Stopwatch()
        self._waiting_for_others, self._waiting_for_film = Stopwatch(), Stopwatch()
        self._job = job
        self._finished = FinishedFrames(job, store, shots)
        self._saver = Saver(job, store, self._finished.add)
        self._notes: tuple[str, ...] = ()
        self._error: BaseException | None = None

    def __enter__(self) -> Pipeline:
        self._began = time.perf_counter()
        with ExitStack() as begun:
            begun.enter_context(self._saver)
            self._delivery = start_thread(self._deliver, name="delivery")
            self._begun = begun.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finished.abandon()  # of no effect on a film that is complete
        if isinstance(error, StorageError):
            self._join()  # what there is of the film leaves room for the state
        self._begun.__exit__(kind, error, trace)
        self._join()

    def add(self, made: Made) -> None:
        """Hand over a frame; waits while two before it are not yet safe.

        Raises:
            StorageError, EncodeError, InputError: an earlier frame could not be saved, or not be written.
        """
        self._require_encoder()
        self._saver.add(made)

    def wait_for_others(self) -> None:
        """Let a moment pass in which there is nothing to paint but what others paint.

        Raises:
            StorageError, EncodeError, InputError: an earlier frame could not be saved, or not be written.
        """
        self._require_encoder()
        self._saver.require_saved()
        with self._waiting_for_others:
            beat()
            time.sleep(POLL_S)

    def tell_saved(self, on_event: Listener) -> None:
        """Tell of the frames that have become safe since this was called last."""
        self._saver.tell_saved(on_event)

    def finish_frames(self) -> None:
        """Wait until all frames are safe.

        Raises:
            StorageError: one could not be saved.
        """
        with self._waiting_for_film:
            self._saver.finish()

    def finish_film(self) -> tuple[str, ...]:
        """Wait until the film is complete.

        Returns:
            What differs from the source in a way its owner may want to know, as sentences.
        Raises:
            EncodeError, InputError, StorageError: it could not be written.
            Stopped: it takes too long for a run that was asked to end.
        """
        with self._waiting_for_film:
            while self._delivery.is_alive():
                self._delivery.join(POLL_S)
                end_if_asked()
        self._require_encoder()
        return self._notes

    def waits(self) -> Waits:
        """How long the painting has waited since the context was entered."""
        return Waits(
            for_frames=self.waiting_for_frames.seconds,
            for_saving=self._saver.waiting.seconds,
            for_film=self._waiting_for_film.seconds,
            for_others=self._waiting_for_others.seconds,
            of=time.perf_counter() - self._began,
        )

    def _require_encoder(self) -> None:
        if self._error is not None:
            raise self._error

    def _deliver(self) -> None:
        try:
            with self._job.watch.explain(), broken_off_when(self._finished.abandoned.is_set):
                self._notes = deliver(self._job, self._finished)
        except BaseException as error:  # it belongs to the painting thread, whatever it is
            self._error = error

    def _join(self) -> None:
        while self._delivery.is_alive():  # in short turns, so that Ctrl-C is heard on every system
            self._delivery.join(POLL_S)
