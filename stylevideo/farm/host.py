"""The far end of a cluster: what a Dask worker does for us, in its own process and in one of ours that it supervises.

Called by name, with bytes and text alone (`stylevideo.farm.roster`), so that a scheduler needs nothing of ours, and a
worker of another version can still say which. PyTorch and decoders are loaded by processes of ours only, as in any
batch: whatever ends them, the Dask worker stays.
"""

from __future__ import annotations

import json
import os
import pickle
import platform
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from runpy import run_path
from typing import Any
from weakref import WeakKeyDictionary

from distributed import Status, Worker, get_worker

from stylevideo.batch.executor import NotBegun
from stylevideo.batch.messages import Answer, Begun, Failed, Task, Told
from stylevideo.batch.pool import POLL_S, Pool
from stylevideo.errors import InstallationError, Stopped, StyleVideoError
from stylevideo.media.ffmpeg import ffmpeg_version
from stylevideo.reports.events import Event
from stylevideo.system.cards import nvidia_card
from stylevideo.version import __version__

TOPIC = "stylevideo"
"""Under this topic of the scheduler workers tell what happens."""
LOOK_FOR_S = 5.0
"""So long a network disk may take to show a file that was made just now."""
REST_S = 20.0
"""A process without a task is kept for so long: it has loaded all that is large."""
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
FromHost = Begun | Told | Answer | NotBegun
"""What is told of a task."""


@dataclass(frozen=True)
class Work:
    """A task with how it is supervised.

    Attributes:
        task: to be done.
        log_level: of what its process passes on to the worker's own log.
        patience_s: a process that makes no step for so long is ended; 0 waits for ever.
    """

    task: Task
    log_level: int
    patience_s: float


def unseen(paths: str) -> str:
    """Which of these files and folders are not seen on this machine: a list in JSON, as what is asked."""
    until = time.monotonic() + LOOK_FOR_S
    while (missing := [path for path in json.loads(paths) if not os.path.lexists(path)]) and time.monotonic() < until:
        time.sleep(LOOK_FOR_S / 10)
    return json.dumps(missing)


def describe(asked: str) -> str:
    """What decides how this worker paints, by name: a table in JSON. Loads nothing for it.

    Args:
        asked: a table in JSON: `devices` that settings name, and whether the number of `threads` is left open.
    Raises:
        StyleVideoError: something is not installed.
    """
    wishes, torch = json.loads(asked), _version_file("torch")
    kinds = {_kind(device, torch) for device in wishes["devices"]}
    told = {
        "stylevideo": __version__,
        "torch": version("torch"),
        "PyTorch's build": torch["__version__"],
        "OpenCV": _version_file("cv2")["opencv_version"],
        "ffmpeg": ffmpeg_version(),
        "device": " and ".join(sorted(kinds)),
    }
    threads = {"threads": str(get_worker().state.nthreads)} if "cpu" in kinds and wishes["threads"] else {}
    return json.dumps(told | threads)


def _version_file(package: str) -> dict[str, Any]:
    """What a package's `version.py` says, which is quick to read while the package takes seconds to load."""
    found = find_spec(package)
    if found is None or found.origin is None:
        raise InstallationError(f"{package} is not installed there.")
    return run_path(str(Path(found.origin).with_name("version.py")))


def _kind(device: str, torch: Mapping[str, Any]) -> str:
    """The kind of device that a setting comes to here, as far as that can be told without loading PyTorch."""
    there = {"cpu"}
    if torch.get("cuda") and nvidia_card() and os.environ.get("CUDA_VISIBLE_DEVICES") not in ("", "-1"):
        there.add("cuda")
    if (sys.platform, platform.machine()) == ("darwin", "arm64"):
        there.add("mps")
    if device != "auto":
        kind = device.partition(":")[0]
        return kind if kind in there else f"no {kind}"
    return next(kind for kind in ("cuda", "mps", "cpu") if kind in there)


def perform(data: bytes) -> None:
    """Do a task; what happens, and its answer, are told under `TOPIC`, with the task's key.

    It is asked to end within seconds as soon as nobody wants it any more: its client has cancelled it, or is gone.

    Args:
        data: pickled `Work`.
    """
    worker, work = get_worker(), pickle.loads(data)
    key = str(worker.get_current_task())

    def tell(message: FromHost) -> None:
        worker.log_event(TOPIC, [key, pickle.dumps(message)])

    client = _OneTask(work.task, tell, lambda: not _is_wanted(worker, key))
    with _turn(worker, client.is_stopping) as is_ours:
        if not is_ours:
            return
        tell(Begun())
        try:
            with _pool(worker, work) as pool:
                pool.prepare()
                for ended in pool.work(client):
                    client.take(ended.answer)
        except (StyleVideoError, Stopped) as error:
            tell(Failed(error))


@contextmanager
def _turn(worker: object, is_stopping: Callable[[], bool]) -> Iterator[bool]:
    """Wait until a worker has ended what was taken back from it, as Dask begins as many tasks as it has threads.

    Yields:
        Whether that came before the task's end was asked for.
    """
    with _change:
        turn = _turns.setdefault(worker, threading.Lock())
    is_ours = False
    while not is_ours and not is_stopping():
        is_ours = turn.acquire(timeout=POLL_S)
    try:
        yield is_ours
    finally:
        if is_ours:
            turn.release()


def _is_wanted(worker: Worker, key: str) -> bool:
    """Whether somebody waits for a task that this worker is at; the scheduler lets go of those of clients that died."""
    found = worker.state.tasks.get(key)
    return found is not None and found.state == "executing" and worker.status in (Status.running, Status.paused)


class _OneTask:
    """The client of a pool that has one task."""

    def __init__(self, task: Task, tell: Callable[[FromHost], None], is_stopping: Callable[[], bool]) -> None:
        self.is_stopping = is_stopping
        self._task, self._open, self._tell = task, True, tell

    def next_task(self, worker: int) -> Task | None:
        task, self._open = self._task if self._open else None, False
        return task

    def tell(self, worker: int, task: Task, event: Event) -> None:
        self._tell(Told(event))

    def take(self, answer: Answer | NotBegun) -> None:
        """The task's end, unless no process could begin it: then it is the next task once more."""
        self._open = isinstance(answer, NotBegun) and not self.is_stopping()
        if not self._open:
            self._tell(answer)


_change = threading.Lock()
_turns: WeakKeyDictionary[object, threading.Lock] = WeakKeyDictionary()
_resting: dict[tuple[int, float], tuple[Pool, object]] = {}
"""Pools without a task, each with what stands for this one of its rests."""


@contextmanager
def _pool(worker: Worker, work: Work) -> Iterator[Pool]:
    """A pool of one process; where it is whole in the end, it rests for a while for the next task."""
    for name in THREAD_VARIABLES:  # Dask says 1 there, for tasks side by side in one process; ours has it all
        os.environ[name] = str(worker.state.nthreads)
    key = (work.log_level, work.patience_s)
    with _change:
        rested = _resting.pop(key, None)
    pool = rested[0] if rested else Pool(1, (), *key)
    try:
        yield pool
    except BaseException:
        pool.__exit__()
        raise
    rest = object()
    with _change:
        former, _resting[key] = _resting.get(key), (pool, rest)
    if former:
        former[0].__exit__()
    timer = threading.Timer(REST_S, _close, (key, rest))
    timer.daemon = True
    timer.start()


def _close(key: tuple[int, float], rest: object) -> None:
    """End a pool, unless it had work since this rest."""
    with _change:
        if key not in _resting or _resting[key][1] is not rest:
            return
        pool, _ = _resting.pop(key)
    pool.__exit__()
