"""All that this project would like to know of a CUDA card, in one run that a borrowed machine has time for.

Each part stands for itself: where one fails, its error is told and the next begins. `--dry` goes the same way on the
CPU, at small sizes and with few iterations, so that on the card nothing but figures can surprise.
"""

from __future__ import annotations

import hashlib
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from scripts import ROOT, STYLE
from scripts.benchmark.choices import read_method
from scripts.benchmark.clips import load_clip
from scripts.benchmark.iteration import MORE_ITERATIONS, check_iteration, painting, pebbles
from scripts.benchmark.report import number, table
from stylevideo.engine.sequence import stylize_sequence
from stylevideo.media.ffmpeg import run_ffmpeg
from stylevideo.models.weights import load_vgg19
from stylevideo.motion.estimate import with_motion
from stylevideo.motion.flow import DISFlow
from stylevideo.render.styles import read_styles, style_targets
from stylevideo.render.stylize import stylize
from stylevideo.reports.results import ClipResult
from stylevideo.settings.presets import preset
from stylevideo.system.device import choose_device, convolution_dtype, describe, wait_for
from stylevideo.text import counted

CLIP = ROOT / "samples" / "lake.mp4"
CPU = torch.device("cpu")
QUICK: dict[str, Any] = {"first_iterations": 2, "iterations": 2, "new_iterations": 0, "coarsest_size": 0}
KILLED_AFTER = 3
"""Files of frames that an interrupted run has kept."""
FFMPEG_S = 600
WARM_UP = 3


@dataclass(frozen=True)
class Trial:
    """How large, and on what.

    Attributes:
        settings: of the films, beside their size and frames.
        iterations: sizes (width, height) at which an iteration is timed.
        runs: long edges of whole films, and how many frames each has.
        tiles: size of a frame that is painted whole and in tiles, their edge, and iterations.
        matrix: edge of the matrices whose product is timed.
        rounds: of the timed iterations.
        device: of the work.
        media: where `load_clip` may look.
        folder: for films.
    """

    settings: Mapping[str, Any]
    iterations: tuple[tuple[int, int], ...]
    runs: tuple[tuple[int, int], ...]
    tiles: tuple[tuple[tuple[int, int], int, int], ...]
    matrix: int
    rounds: int
    device: torch.device = CPU
    media: Path = Path()
    folder: Path = Path()


DRY = Trial(
    settings={**QUICK, "device": "cpu"},
    iterations=((64, 48),),
    runs=((96, 10), (128, 3)),
    tiles=(((128, 96), 96, 2),),
    matrix=64,
    rounds=1,
)
FULL = Trial(
    settings={"device": "cuda"},
    iterations=((512, 288), (1024, 576), (1920, 1080), (3840, 2160)),
    runs=((1280, 32), (1920, 48), (3840, 16)),
    tiles=(((512, 288), 128, 20), ((3840, 2160), 1024, 1), ((7680, 4320), 2048, 1)),
    matrix=8192,
    rounds=3,
)


def check_gpu(media: Path, dry: bool, chosen: Sequence[str]) -> Iterator[str]:
    """What the card is, and what its parts say.

    Args:
        media: where `load_clip` may look.
        dry: whether on the CPU, small and with few iterations.
        chosen: of `PARTS`.
    Raises:
        DeviceError: there is no CUDA GPU, and it is not `dry`.
    """
    device = choose_device("cpu" if dry else "cuda")
    yield f"device: {describe(device)}{_card(device)}"
    with tempfile.TemporaryDirectory() as folder:
        trial = replace(DRY if dry else FULL, device=device, media=media, folder=Path(folder))
        for name in chosen:
            began = time.perf_counter()
            try:
                yield from PARTS[name](trial)
            except Exception:
                yield f"{name} FAILED: {traceback.format_exc()}"
            yield f"({name}: {time.perf_counter() - began:.0f} s)"


def _card(device: torch.device) -> str:
    if device.type != "cuda":
        return ""
    asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    driver = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.split()
    gib = torch.cuda.get_device_properties(device).total_memory / 2**30
    return f", {gib:.0f} GiB, driver {driver[0] if driver else 'unknown'}, CUDA {torch.version.cuda}"


def _iterations(trial: Trial) -> Iterator[str]:
    """The time of an iteration by precision, against the bare network, and that against a product of matrices."""
    methods = [read_method("standard=standard")]
    styles = read_styles([STYLE])
    for precision, tensor_cores in (("fp32", False), ("fp32", True), ("bf16", True)):
        if trial.device.type == "cpu" and (tensor_cores or precision == "bf16"):
            continue
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = tensor_cores
        dtype = convolution_dtype(precision, trial.device)
        try:
            name = "tf32" if precision == "fp32" and tensor_cores else precision
            yield f"{name}: {_product_tflops(trial, dtype):.3g} TFLOP/s in a product of matrices of {trial.matrix}"
            vgg = load_vgg19(device=trial.device, dtype=dtype)
            for width, height in trial.iterations:
                yield from check_iteration(vgg, styles, (height, width), methods, trial.rounds)
        finally:
            torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = True, False  # as PyTorch has them


def _product_tflops(trial: Trial, dtype: torch.dtype) -> float:
    left, right = (torch.randn(trial.matrix, trial.matrix, device=trial.device, dtype=dtype) for _ in range(2))
    times = []
    for _ in range(WARM_UP + 5):
        wait_for(trial.device)
        began = time.perf_counter()
        torch.mm(left, right)
        wait_for(trial.device)
        times.append(time.perf_counter() - began)
    return 2 * trial.matrix**3 / statistics.median(times[WARM_UP:]) / 1e12


def _films(trial: Trial) -> Iterator[str]:
    """Whole films, of a clip brought to each size: frames a second, what was waited for, and memory."""
    rows = []
    for edge, count in trial.runs:
        clip = _clip(trial.folder, edge, count)
        if trial.device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(trial.device)
        made = _film(clip, trial.folder / f"film-{edge}.mp4", trial)
        first, *others = (record.seconds for record in made.frames)
        waits = made.waits
        shares = (waits.for_frames, waits.for_saving, waits.for_film)
        gib = torch.cuda.max_memory_allocated(trial.device) / 2**30 if trial.device.type == "cuda" else 0.0
        rows.append(
            [
                f"{made.width}x{made.height}, {count} frames",
                *map(number, (count / made.seconds, first, statistics.median(others))),
                *(f"{100 * share / waits.of:.1f} %" for share in shares),
                number(gib),
            ]
        )
    waited = ("waits for frames and motion", "for saving", "for the film's end")
    yield table(["film", "frames a second", "first frame, s", "following, s", *waited, "peak GiB"], rows)


def _clip(folder: Path, edge: int, count: int) -> Path:
    """The sample's first frames, enlarged: its motion is what a camera saw."""
    clip = folder / f"clip-{edge}.mp4"
    if not clip.exists():
        size = ["-vf", f"scale={edge}:{edge * 9 // 16 // 2 * 2}:flags=lanczos", "-frames:v", str(count), "-an"]
        made = run_ffmpeg(
            ["-v", "error", "-i", str(CLIP), *size, "-c:v", "libx264", "-preset", "veryfast", str(clip)], FFMPEG_S
        )
        assert made.status == 0, made.messages
    return clip


def _film(clip: Path, film: Path, trial: Trial) -> ClipResult:
    return stylize(clip, [STYLE], film, preset("standard").with_values(**trial.settings))


def _resumed(trial: Trial) -> Iterator[str]:
    """A film that is asked to end, then killed, then finished: the same bytes as in one go, and those again?"""
    edge, count = trial.runs[0]
    clip = _clip(trial.folder, edge, count)
    again = trial.folder / "again.mp4"
    once = trial.folder / "once.mp4"
    for film in (once, again):
        _film(clip, film, trial)
    yield f"two runs of one film are alike: {_digest(again) == _digest(once)}"
    film = trial.folder / "resumed.mp4"
    options = [f"--{name.replace('_', '-')}={value}" for name, value in trial.settings.items()]
    command = [sys.executable, "-m", "stylevideo", "run", str(clip), "--style", str(STYLE), "-o", str(film), *options]
    ended = [_interrupted(command, trial.folder, sign) for sign in (signal.SIGINT, signal.SIGKILL)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        yield f"resumption FAILED: {done.stderr[-500:]}"
        return
    same = _digest(film) == _digest(again)
    yield f"asked to end ({ended[0]}), killed ({ended[1]}), finished: the same bytes as in one go: {same}"


def _interrupted(command: list[str], folder: Path, sign: signal.Signals) -> int:
    """A run's exit status that gets a signal once it has kept some more frames; 0 where it was done before."""
    kept = _kept(folder)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        while running.poll() is None and _kept(folder) < kept + KILLED_AFTER:
            time.sleep(0.02)
        if running.poll() is None:
            os.kill(running.pid, sign)
    return running.returncode


def _kept(folder: Path) -> int:
    return sum(1 for path in folder.glob(".resumed*/**/*") if path.suffix == ".png")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _likeness(trial: Trial) -> Iterator[str]:
    """Whether one gradient is the same twice, and what it costs to make sure of that."""
    styles = read_styles([STYLE])
    vgg = load_vgg19(device=trial.device, dtype=convolution_dtype("auto", trial.device))
    width, height = trial.iterations[min(2, len(trial.iterations) - 1)]
    frame = pebbles((height, width)).to(trial.device)
    paint = painting(vgg, styles, frame, read_method("standard=standard"), 1 + MORE_ITERATIONS)
    for name, chosen in (
        ("as it is", {}),
        ("deterministic", {"deterministic": True}),
        ("benchmark", {"benchmark": True}),
    ):
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=True, **{"deterministic": False, **chosen}):
            paint()
            times, pictures = [], []
            for _ in range(trial.rounds + 1):
                wait_for(trial.device)
                began = time.perf_counter()
                pictures.append(paint())
                wait_for(trial.device)
                times.append(time.perf_counter() - began)
        apart = max(float((picture - pictures[0]).abs().max()) for picture in pictures)
        frame_is = f"a frame of {1 + MORE_ITERATIONS} iterations at {width}x{height}"
        yield f"cuDNN {name}: {frame_is} takes {min(times):.4f} s; apart by {apart:.2g}"


def _tiles(trial: Trial) -> Iterator[str]:
    """A frame in tiles beside the same as one: how far apart, the memory of each, and its time."""
    styles, rows = read_styles([STYLE]), []
    for (width, height), tile, count in trial.tiles:
        frame = pebbles((height, width)).to(trial.device)
        whole: torch.Tensor | None = None
        for name in ("off", str(tile)):
            dtype = convolution_dtype("fp32" if count > 1 else "auto", trial.device)
            vgg = load_vgg19(device=trial.device, dtype=dtype)
            if trial.device.type == "cuda":
                torch.cuda.empty_cache()
                torch.cuda.reset_peak_memory_stats(trial.device)
            paint = painting(vgg, styles, frame, read_method(f"standard=standard,tile={name}"), count)
            paint()
            wait_for(trial.device)
            began = time.perf_counter()
            picture = paint()
            wait_for(trial.device)
            seconds = time.perf_counter() - began
            whole = picture if whole is None else whole
            gib = torch.cuda.max_memory_allocated(trial.device) / 2**30 if trial.device.type == "cuda" else 0.0
            apart = 255 * (picture - whole).abs()
            figures = (seconds, gib, float(apart.max()), float(apart.mean()))
            rows.append([f"{width}x{height}, {counted(count, 'iteration')}, tiles {name}", *map(number, figures)])
    yield table(["frame", "seconds", "peak GiB", "largest difference, 1/255", "mean"], rows)


def _waits(trial: Trial) -> Iterator[str]:
    """How often, and where, a following frame makes the host wait for the device."""
    settings = preset("standard").with_values(**QUICK)
    vgg = load_vgg19(device=trial.device, dtype=convolution_dtype("auto", trial.device))
    clip = load_clip("flight", trial.runs[0][0] // 2, 3, trial.media)
    targets = style_targets(read_styles([STYLE]), vgg, settings)
    frames = list(with_motion(clip.frames, DISFlow(), clip.shot_starts))
    painted = stylize_sequence(iter(frames), None, vgg, targets, settings)
    next(painted)
    next(painted)
    if trial.device.type == "cuda":
        torch.cuda.set_sync_debug_mode("warn")
    with HostReads() as reads, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        next(painted)
    if trial.device.type == "cuda":
        torch.cuda.set_sync_debug_mode("default")
    places = Counter(f"{Path(each.filename).name}:{each.lineno}" for each in caught)
    yield f"reads from the device: {reads.count} in a following frame; waits that PyTorch knows of: {dict(places)}"


def _tests(_: Trial) -> Iterator[str]:
    """The suite's tests that need a card."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "cuda", "-p", "no:cacheprovider", str(ROOT / "tests")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    yield f"tests for a card: {done.stdout.strip().splitlines()[-1]}"
    if done.returncode not in (0, 5):
        yield done.stdout[-2000:]


PARTS: dict[str, Callable[[Trial], Iterator[str]]] = {
    "iterations": _iterations,
    "films": _films,
    "resumed": _resumed,
    "likeness": _likeness,
    "tiles": _tiles,
    "waits": _waits,
    "tests": _tests,
}


WAITED_FOR = ("_local_scalar_dense", "nonzero")
"""Operations whose result is a number for the host, or has a size that only the device knows."""


class HostReads(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts, as a context, how often numbers are read from the device, for each of which the host waits."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        source = args[1] if name == "copy_" else args[0] if name == "_to_copy" else None
        moved = isinstance(source, torch.Tensor) and source.device.type != "cpu" and result.device.type == "cpu"
        self.count += moved or name in WAITED_FOR
        return result
