"""What goes on beside the painting: finished frames are saved, and the film is written from them.

Each in a thread of its own, with a bounded queue, so that the optimiser waits for neither. Knows nothing of how a
frame is made.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from queue import Empty, SimpleQueue
from typing import Any

from torch import Tensor

from stylevideo.checkpoint import state_to_dict
from stylevideo.film import FinishedFrames, deliver
from stylevideo.media.pictures import to_picture
from stylevideo.media.read_ahead import POLL_S, Stopwatch
from stylevideo.media.store import FrameStore
from stylevideo.media.write_behind import WriteBehind
from stylevideo.preparation import Job
from stylevideo.results import FrameRecord, Waits
from stylevideo.temporal import FrameResult, SequenceState


@dataclass(frozen=True)
class _Made:
    """A frame and the state that follows it, on the CPU, where nobody changes them any more."""

    index: int
    image: Tensor
    record: FrameRecord
    state: dict[str, Any]


class Line:
    """Saves a film's frames and writes the film while later frames are painted; a context.

    Where the context is left by an exception, the frames that were handed over are saved first, and the encoder is
    ended.

    Args:
        job: of the film.
        store: where frames are kept.
        begin: index of the first frame that is not in the store.
    Attributes:
        waiting_for_frames: to be run while the painting waits for a frame of the source.
    """

    def __init__(self, job: Job, store: FrameStore, begin: int) -> None:
        self.waiting_for_frames = Stopwatch()
        self._waiting_for_saving, self._waiting_for_film = Stopwatch(), Stopwatch()
        self._job, self._store = job, store
        self._saved: SimpleQueue[FrameRecord] = SimpleQueue()
        self._finished = FinishedFrames(job, store, begin)
        self._notes: tuple[str, ...] = ()
        self._error: BaseException | None = None

    def __enter__(self) -> Line:
        self._began = time.perf_counter()
        self._saver = WriteBehind(self._save)
        self._delivery = threading.Thread(target=self._deliver, name="delivery", daemon=True)
        self._delivery.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._finished.abandon()  # of no effect on a film that is complete
        self._saver.close()
        self._join()

    def add(self, result: FrameResult, after: SequenceState) -> None:
        """Hand over a frame; waits while two before it are not yet safe.

        Args:
            result: the next frame.
            after: the state that follows it.
        Raises:
            StorageError, EncodeError, InputError: an earlier frame could not be saved, or not be written.
        """
        self._raise_error()
        with self._waiting_for_saving:
            record = FrameRecord.of(self._job.clip.info, result)
            self._saver.put(_Made(result.index, result.image.cpu(), record, state_to_dict(after)))

    def saved(self) -> Iterator[FrameRecord]:
        """The records of frames that have become safe since this was asked last."""
        with suppress(Empty):
            while True:
                yield self._saved.get_nowait()

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
        """
        with self._waiting_for_film:
            self._join()
        self._raise_error()
        return self._notes

    def waits(self) -> Waits:
        """How long the painting has waited since the context was entered."""
        return Waits(
            for_frames=self.waiting_for_frames.seconds,
            for_saving=self._waiting_for_saving.seconds,
            for_film=self._waiting_for_film.seconds,
            of=time.perf_counter() - self._began,
        )

    def _save(self, made: _Made) -> None:
        picture = to_picture(made.image, self._job.bits)
        self._store.save(made.record.number, picture, asdict(made.record), made.state)
        self._finished.add(made.index)
        self._saved.put(made.record)

    def _deliver(self) -> None:
        try:
            self._notes = deliver(self._job, self._finished)
        except BaseException as error:  # it belongs to the painting thread, whatever it is
            self._error = error

    def _join(self) -> None:
        while self._delivery.is_alive():  # in short turns, so that Ctrl-C is heard on every system
            self._delivery.join(POLL_S)

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error
