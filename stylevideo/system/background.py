"""Reading ahead and writing behind while a frame is worked on, by threads and bounded queues."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from typing import Generic, TypeVar

from stylevideo.errors import Stopped
from stylevideo.system.threads import start_thread

S = TypeVar("S")
T = TypeVar("T")
POLL_S = 0.1
LONGEST_WAIT_S = 2.0
"""For a thread that is in the middle of making an item; it ends by itself after that."""


@dataclass(frozen=True)
class _Item(Generic[T]):
    value: T


@dataclass(frozen=True)
class _End:
    error: BaseException | None


class Stopwatch:
    """Adds up the time that is spent inside it, as a context.

    Attributes:
        seconds: so far.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._began = 0.0

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._began


def read_ahead(
    items: Iterable[T],
    depth: int = 2,
    waiting_time: Stopwatch | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Generator[T, None, None]:
    """Yield the same items, made by a thread that stays at most `depth` of them ahead.

    An exception raised while making an item is raised here, in its place. Closing this generator ends
    the thread and closes `items`.

    Args:
        items: made one after another in the thread.
        depth: how many finished items may wait.
        waiting_time: counts how long the reader had to wait for them.
        stop: asked while an item is waited for whether to end early.
    Raises:
        Stopped: because of `stop`; the thread ends when it has made its item.
    """
    waiting_time = waiting_time or Stopwatch()
    waiting: queue.Queue[_Item[T] | _End] = queue.Queue(depth)
    left = threading.Event()
    thread = start_thread(_fill, items, waiting, left, name="read-ahead")
    try:
        while isinstance(entry := _get(waiting, waiting_time, stop), _Item):
            yield entry.value
        if entry.error is not None:
            raise entry.error
    finally:
        left.set()
        thread.join(LONGEST_WAIT_S)


def _fill(items: Iterable[T], waiting: queue.Queue[_Item[T] | _End], left: threading.Event) -> None:
    error: BaseException | None = None
    try:
        with closing(_as_generator(items)) as made:
            for item in made:
                if not _put(waiting, _Item(item), left):
                    return
    except BaseException as raised:  # it belongs to the reader's thread, whatever it is
        error = raised
    _put(waiting, _End(error), left)


def _as_generator(items: Iterable[T]) -> Generator[T, None, None]:
    yield from items


def _get(waiting: queue.Queue[_Item[T] | _End], waiting_time: Stopwatch, stop: Callable[[], bool]) -> _Item[T] | _End:
    """Wait for an entry in short turns, so that Ctrl-C is heard on every system."""
    with waiting_time:
        while True:
            try:
                return waiting.get(timeout=POLL_S)
            except queue.Empty:
                if stop():
                    raise Stopped from None


def _put(waiting: queue.Queue[_Item[T] | _End], entry: _Item[T] | _End, left: threading.Event) -> bool:
    """Wait for a free place; False if the reader has gone."""
    while not left.is_set():
        try:
            waiting.put(entry, timeout=POLL_S)
            return True
        except queue.Full:
            continue
    return False


def worked_ahead(
    items: Iterable[S], work: Callable[[], Callable[[S], T]], threads: int, depth: int = 1
) -> Generator[T, None, None]:
    """Yield what is made of each item, in their order, made by several threads.

    An exception raised while an item is fetched, or worked on, is raised here, in its place. Closing this generator
    ends the threads, once each has done what it is at, and closes `items`.

    Args:
        items: fetched in the reader's thread, at most `threads` + `depth` of them before the first is yielded.
        work: called in each thread: makes what works on items there.
        threads: how many; 1 leaves the work to the reader's own thread.
        depth: how many items may wait for a thread, or their result for the reader.
    """
    if threads == 1:
        with closing(_as_generator(items)) as fetched:
            yield from map(work(), fetched)
        return
    asked: queue.SimpleQueue[tuple[S, Future[T]] | None] = queue.SimpleQueue()
    pending: deque[Future[T]] = deque()
    for _ in range(threads):
        start_thread(_work_off, asked, work, name="work-ahead")
    try:
        with closing(_caught(items)) as fetched:
            for item in fetched:
                pending.append(Future())
                if isinstance(item, _End):
                    pending[-1].set_exception(item.error)
                else:
                    asked.put((item.value, pending[-1]))
                if len(pending) >= threads + depth:
                    yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()
        for _ in range(threads):
            asked.put(None)


def _caught(items: Iterable[S]) -> Generator[_Item[S] | _End, None, None]:
    """The items, and in the end what was raised while one was fetched."""
    try:
        with closing(_as_generator(items)) as fetched:
            for item in fetched:
                yield _Item(item)
    except Exception as error:
        yield _End(error)


def _work_off(asked: queue.SimpleQueue[tuple[S, Future[T]] | None], work: Callable[[], Callable[[S], T]]) -> None:
    make: Callable[[S], T] | None = None
    while (entry := asked.get()) is not None:
        item, future = entry
        if not future.set_running_or_notify_cancel():
            continue
        try:
            make = make or work()
            future.set_result(make(item))
        except BaseException as error:  # it belongs to the reader, whatever it is
            future.set_exception(error)
        del entry, item, future  # which may be large, and the next one may take long to come


class WriteBehind(Generic[T]):
    """A thread that writes items one after another; one at most waits for it.

    After an item that could not be written no later one is: they would leave a hole.

    Args:
        write: called in the thread with each item, in order.
    """

    def __init__(self, write: Callable[[T], None]) -> None:
        self._write = write
        self._waiting: queue.Queue[T | None] = queue.Queue(1)
        self._error: BaseException | None = None
        self._thread = start_thread(self._run, name="write-behind")

    def put(self, item: T) -> None:
        """Hand over an item, which nobody may change any more; waits while one is waiting already.

        Raises:
            What writing an earlier one raised.
        """
        while True:
            self.raise_error()
            try:
                return self._waiting.put(item, timeout=POLL_S)
            except queue.Full:
                continue

    def finish(self) -> None:
        """Wait until everything is written.

        Raises:
            What writing raised.
        """
        self.close()
        self.raise_error()

    def close(self) -> None:
        """Write what was handed over, as far as that is possible, and end the thread."""
        while self._thread.is_alive():
            try:
                self._waiting.put(None, timeout=POLL_S)
                break
            except queue.Full:
                continue
        while self._thread.is_alive():  # in short turns, so that Ctrl-C is heard on every system
            self._thread.join(POLL_S)

    def raise_error(self) -> None:
        """Raise what writing has raised so far."""
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        while (item := self._waiting.get()) is not None:
            if self._error is None:
                try:
                    self._write(item)
                except BaseException as error:  # it belongs to the thread that hands over, whatever it is
                    self._error = error
            del item  # which may be large, and the next one may take long to come
