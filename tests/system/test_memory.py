"""Want of memory is recognised whichever library meets it, and is no damage; and no damage is want of memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from batch_fixtures import make_clip, run_command
from conftest import STYLE

from stylevideo import Settings, stylize
from stylevideo.cli.main import main
from stylevideo.errors import DeviceMemoryError, InputError, Stopped, StyleVideoError
from stylevideo.media.decode import ffmpeg, reader
from stylevideo.media.decode.probe import probe
from stylevideo.media.images.pictures import Reading
from stylevideo.system import loading, memory
from stylevideo.system.device import memory_context
from stylevideo.system.heartbeat import broken_off_when
from stylevideo.system.memory import lacks_memory
from stylevideo.system.process import collect
from stylevideo.system.threads import start_thread
from stylevideo.timeline.selection import FrameSelection

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits a process's memory as Linux does")
PROVOKED = """
import json, pathlib, resource, sys, threading
import cv2, numpy as np, torch
from stylevideo.media.images.files import read_file as read_frame_file
from stylevideo.media.images.pictures import Reading, read_picture
from stylevideo.system.memory import lacks_memory

large = pathlib.Path(sys.argv[1])
torch.set_num_threads(1)
convolved = torch.ones(1, 64, 512, 512), torch.ones(64, 64, 3, 3)
torch.nn.functional.conv2d(convolved[0][..., :8, :8], convolved[1])
pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 50_000_000,) * 2)

def thread():
    threading.stack_size(500_000_000)
    try:
        threading.Thread(target=print).start()
    finally:
        threading.stack_size(0)

told = {}
for name, act in {
    "PyTorch": lambda: torch.empty(10**9),
    "oneDNN": lambda: torch.nn.functional.conv2d(*convolved),
    "numpy": lambda: np.empty(10**9),
    "OpenCV": lambda: cv2.resize(np.zeros((8, 8, 3), np.uint8), (20_000, 20_000)),
    "a picture": lambda: read_picture(large),
    "a frame": lambda: read_frame_file(large, Reading()),
    "Python": lambda: bytearray(10**9),
    "a thread": thread,
}.items():
    try:
        act()
        told[name] = "nothing was raised"
    except Exception as error:
        told[name] = lacks_memory(error) or f"{type(error).__name__}: {error}"
print(json.dumps(told))
"""
MESSAGES = [
    "CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 7.79 GiB",
    "CUDA error: out of memory",
    "MPS backend out of memory (MPS allocated: 8.00 GB, other allocations: 1 GB, max allowed: 9 GB).",
    "Invalid buffer size: 64.00 GB: not enough memory",
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    "[enforce fail at alloc_cpu.cpp:119] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 4",
    "could not create a primitive",
    "could not create a primitive descriptor for a convolution forward propagation primitive",
    "std::bad_alloc",
    "bad allocation",
    "can't start new thread",
    "Unable to allocate 7.45 GiB for an array with shape (1000000000,) and data type float64",
    "[WinError 1455] The paging file is too small for this operation to complete",
    "libtorch_cpu.so: failed to map segment from shared object",
    "OpenCV(5.0.0) alloc.cpp:73: error: (-4:Insufficient memory) Failed to allocate 1200000000 bytes",
]
OTHERS = [
    "The size of tensor a (3) must match the size of tensor b (4)",
    "CUDA error: device-side assert triggered",
    "Expected all tensors to be on the same device",
    "No space left on device",
    "could not convert string to float: 'x'",
    "Invalid data found when processing input",
]


@linux
def test_each_library_is_understood_when_it_gets_no_memory(tmp_path: Path) -> None:
    """In a process that has 50 MB left."""
    large = tmp_path / "large.png"
    cv2.imwrite(str(large), np.zeros((6000, 6000, 3), np.uint8))
    said = subprocess.run([sys.executable, "-c", PROVOKED, large], check=True, capture_output=True, timeout=100).stdout
    assert {name: told for name, told in json.loads(said).items() if told is not True} == {}


@pytest.mark.parametrize("message", MESSAGES)
def test_messages_of_libraries_that_are_not_tried_here(message: str) -> None:
    with pytest.raises(DeviceMemoryError, match="too small"), memory_context("too small"):
        raise RuntimeError(message)


@pytest.mark.parametrize("message", OTHERS)
def test_other_errors_are_not_of_memory(message: str) -> None:
    assert not lacks_memory(RuntimeError(message))
    assert not lacks_memory(OSError(28, message))


def test_what_came_from_want_of_memory_is_that() -> None:
    error = RuntimeError("a worker's thread failed")
    error.__cause__ = OSError(12, "Cannot allocate memory")
    assert lacks_memory(error)
    error.__cause__ = None
    assert not lacks_memory(error)


def test_what_goes_wrong_in_tidying_up_after_want_of_memory_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that cannot be started cannot be waited for either; and the process is ended."""
    process = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        collect(process, 10, 100, 100, lambda: None)
    assert process.returncode is not None
    with pytest.raises(RuntimeError) as caught:
        _fail_in_tidying_up()
    assert lacks_memory(caught.value)


def _fail_in_tidying_up() -> None:
    try:
        raise MemoryError
    finally:
        raise RuntimeError("cannot join thread before it is started")


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the system refused memory."""
    for module in (memory, reader):
        monkeypatch.setattr(module, "memory_is_limited", lambda: True)


@pytest.fixture
def short_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder to which the system gives no more than a few kilobytes at once."""
    real = ffmpeg._command

    def short(*arguments: object) -> list[str]:
        command = real(*arguments)
        return [command[0], "-max_alloc", "20000", *command[1:]]

    monkeypatch.setattr(ffmpeg, "_command", short)


def _read(clip: Path) -> Iterator[reader.SourceFrame]:
    info = probe(clip)
    return reader.read_frames(FrameSelection.whole(info), Reading())


@pytest.mark.usefixtures("limited", "short_ffmpeg")
def test_frames_that_ffmpeg_has_no_memory_for_are_not_called_damaged(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", 2)
    with pytest.raises(MemoryError, match="Cannot allocate memory"):
        list(_read(clip))
    with pytest.raises(MemoryError):
        reader.check_decodable(FrameSelection.whole(probe(clip)))


@pytest.mark.usefixtures("short_ffmpeg")
def test_a_file_that_makes_ffmpeg_ask_for_too_much_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "needs_ffmpeg", lambda *_: True)
    with pytest.raises(InputError, match="can be decoded"):
        reader.check_decodable(FrameSelection.whole(probe(make_clip(tmp_path / "a.mp4", 2))))


@pytest.mark.usefixtures("limited")
def test_a_decoder_in_the_process_does_not_have_to_do_without_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenCV's gives no reason when it fails, or crashes; ffmpeg's process does neither."""
    clip = make_clip(tmp_path / "a.mp4", 2)
    monkeypatch.setattr(reader, "decode_with_opencv", None)
    assert [frame.repaired for frame in _read(clip)] == [False, False]


def run_within(mega_bytes: int, command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command in a process that gets no more memory than that."""
    import resource

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (mega_bytes * 10**6,) * 2)

    return subprocess.run(command, preexec_fn=limit, capture_output=True, text=True, check=False, timeout=100)


@linux
@pytest.mark.parametrize("mega_bytes", [700, 2500])
def test_what_cannot_even_be_loaded_ends_in_a_sentence(mega_bytes: int, tmp_path: Path) -> None:
    """Libraries crash, or hide the reason, when there is too little memory for them."""
    clip = make_clip(tmp_path / "a.mp4", 1)
    done = run_within(mega_bytes, run_command(clip, "--style", STYLE, "-o", tmp_path / "o.mp4", "--iterations", "0"))
    assert (done.returncode, done.stdout) == (1, "")
    assert "There is too little memory" in done.stderr
    assert "Traceback" not in done.stderr
    assert os.listdir(tmp_path) == ["a.mp4"]  # noqa: PTH208


FULL = """
import pathlib, resource
import cv2, numpy as np
from stylevideo.system.loading import PAINTING, load_at_once

resource.setrlimit(resource.RLIMIT_AS, (2**40,) * 2)
load_at_once(PAINTING)
pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 4_000_000,) * 2)
points = np.random.default_rng(0).random((200, 2)) * 100
cv2.estimateAffinePartial2D(points, points + 1)
np.linalg.inv(np.eye(100))
"""


@linux
def test_what_libraries_cannot_do_without_they_have_before_memory_is_short() -> None:
    """OpenCV's OpenBLAS calls a null pointer where it gets no buffer."""
    done = subprocess.run([sys.executable, "-c", FULL], capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr


LITTLE_BY_LITTLE = """
import os, pathlib, resource, signal
from stylevideo.system.threads import start_thread
from stylevideo.timeline.selection import FrameSelection

def try_it(room):
    signal.alarm(3)
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + room,) * 2)
    try:
        start_thread(print)
    except (MemoryError, RuntimeError):
        pass
    os._exit(0)

for room in [2**23 + 2**12 * n for n in range(0, 40, 2)]:
    child = os.fork() or try_it(room)
    status = os.waitpid(child, 0)[1]
    assert status == 0, (room, status)
"""


@linux
def test_a_thread_that_gets_its_stack_and_nothing_more_is_not_waited_for() -> None:
    command = [sys.executable, "-c", LITTLE_BY_LITTLE]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("failing", ["write-behind", "delivery"])
def test_a_thread_that_cannot_start_leaves_no_other_behind(
    failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def start(target: Any, *arguments: Any, name: str = "") -> threading.Thread:
        if name == failing:
            tried.append(name)
            raise RuntimeError("can't start new thread")
        return start_thread(target, *arguments, name=name)

    for module in ("render.pipeline", "system.background"):
        monkeypatch.setattr(f"stylevideo.{module}.start_thread", start)
    with pytest.raises(StyleVideoError, match="memory"):
        stylize(make_clip(tmp_path / "a.mp4", 1), [STYLE], tmp_path / "o.mp4", Settings().with_values(iterations=0))
    assert tried
    assert not {"delivery", "write-behind", "read-ahead"} & {thread.name for thread in threading.enumerate()}


@linux
def test_what_needs_little_is_not_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A film that is up to date is known again where nothing can be loaded, with or without workers."""
    command = run_command(
        make_clip(tmp_path / "a.mp4", 1), "--style", STYLE, "-o", tmp_path / "o.mp4", "--iterations", "0"
    )
    assert main(command[3:]) == 0
    for more in ([], ["--workers", "2"], ["--dry-run"]):
        done = run_within(300, [*command, *more])
        assert (done.returncode, "already made" in done.stdout + done.stderr) == (0, True), done.stderr


def test_what_only_looks_at_clips_does_not_load_pytorch() -> None:
    modules = ("media.decode.shots", "media.decode.reader", "quality.verify")
    script = "import sys, " + ", ".join(f"stylevideo.{name}" for name in modules)
    subprocess.run([sys.executable, "-c", f"{script}; assert 'torch' not in sys.modules"], check=True)


def test_what_is_loaded_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that makes one film after another within a limit starts no other that loads PyTorch for each."""
    tried: list[str] = []
    monkeypatch.setattr(loading, "_can_be_loaded", lambda module: not tried.append(module))
    monkeypatch.setattr(loading, "memory_is_limited", lambda: True)
    monkeypatch.setattr(loading, "_loaded_at_once", set())
    for module in (loading.PAINTING, "stylevideo.text", loading.PAINTING):
        loading.require_memory_to_load(module)
        loading.load_at_once(loading.PAINTING)
    assert tried == [loading.PAINTING, "stylevideo.text"]


def test_a_trial_that_hangs_hears_a_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    hangs = [sys.executable, "-c", "import time; time.sleep(60)"]
    monkeypatch.setattr(loading, "module_command", lambda *_: hangs)
    monkeypatch.setattr(loading, "memory_is_limited", lambda: True)
    monkeypatch.setattr("stylevideo.system.heartbeat.QUESTION_GRACE_S", 0.0)
    with broken_off_when(lambda: True), pytest.raises(Stopped):
        loading.require_memory_to_load(loading.PAINTING)
