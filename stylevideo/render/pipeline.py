"""What goes on beside the painting: finished frames are saved, and the film is written from them.

Each in a thread of its own, with a bounded queue, so that the optimiser waits for neither. Knows nothing of how a
frame is made.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from queue import Empty, SimpleQueue
from typing import Any

from torch import Tensor

from stylevideo.media.images.pictures import to_picture
from stylevideo.render.assemble import FinishedFrames, deliver
from stylevideo.render.job import Job
from stylevideo.render.painter import Made
from stylevideo.reports.events import FrameFinished, Listener
from stylevideo.reports.results import FrameRecord, Waits
from stylevideo.store.checkpoint import state_to_dict
from stylevideo.store.frames import FrameStore
from stylevideo.system.background import POLL_S, Stopwatch, WriteBehind
from stylevideo.system.heartbeat import beat, broken_off_when, end_if_asked
from stylevideo.system.threads import start_thread
from stylevideo.timeline.clip import Shot


@dataclass(frozen=True)
class _FrameToSave:
    """A frame and the state that follows it, on the CPU, where nobody changes them any more.

    Attributes:
        shot: index of its shot.
        index: of the frame.
        image: (1, 3, H, W), 0..1.
        record: what is reported of it.
        state: as plain values; None where the shot is complete.
    """

    shot: int
    index: int
    image: Tensor
    record: FrameRecord
    state: dict[str, Any] | None


class Saver:
    """Saves frames while later ones are painted; a context.

    Where the context is left by an exception, the frames that were handed over are saved first.

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
        self._saved: SimpleQueue[FrameRecord] = SimpleQueue()

    def __enter__(self) -> Saver:
        self._behind = WriteBehind(self._save)
        return self

    def __exit__(self, *_: object) -> None:
        self._behind.close()

    def add(self, made: Made) -> None:
        """Hand over a frame; waits while two before it are not yet safe.

        Raises:
            StorageError: an earlier frame could not be saved.
        """
        with self.waiting:
            result = made.result
            record = FrameRecord.of(self._job.clip.selection, result)
            state = None if made.ends_shot else state_to_dict(made.state)
            self._behind.put(_FrameToSave(made.shot.index, result.index, result.image.cpu(), record, state))

    def require_saved(self) -> None:
        """Look whether all went well so far, and wait for nothing.

        Raises:
            StorageError: a frame could not be saved.
        """
        self._behind.raise_error()

    def tell_saved(self, on_event: Listener) -> None:
        """Tell of the frames that have become safe since this was called last."""
        with suppress(Empty):
            while True:
                on_event(FrameFinished(self._saved.get_nowait()))

    def finish(self) -> None:
        """Wait until all frames are safe.

        Raises:
            StorageError: one could not be saved.
        """
        self._behind.finish()

    def _save(self, frame: _FrameToSave) -> None:
        picture = to_picture(frame.image, self._job.bits)
        self._store.save(frame.shot, frame.record.number, picture, asdict(frame.record), frame.state)
        self._on_saved(frame.shot, frame.index)
        self._saved.put(frame.record)


class Pipeline:
    """Saves a film's frames and writes the film while later frames are painted; a context.

    Where the context is left by an exception, the frames that were handed over are saved first, and the encoder is
    ended.

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

    def __exit__(self, *_: object) -> None:
        self._finished.abandon()  # of no effect on a film that is complete
        self._begun.close()
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
