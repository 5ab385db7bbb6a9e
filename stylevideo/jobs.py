"""One clip, from source to film: everything is checked first, then frames are made, kept and written.

The path of a frame stands in `stylize` and `_stylize_frames`. Tells what happens through events; prints nothing.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from stylevideo.errors import DeviceMemoryError, EncodeError, InputError, StorageError, frame_context
from stylevideo.loop import MEETING, Turn, state_before_turn, turning_frames
from stylevideo.media.pictures import check_writable, fit_picture, to_image, to_picture, write_atomically
from stylevideo.media.probe import probe
from stylevideo.media.read_ahead import read_ahead
from stylevideo.media.reader import check_decodable, read_frames
from stylevideo.media.sheet import COLUMNS, write_sheet
from stylevideo.media.store import FrameStore
from stylevideo.media.writer import check_output, write_film
from stylevideo.models.device import choose_device, convolution_dtype, describe
from stylevideo.models.vgg import VGG19, load_vgg19
from stylevideo.motion import Frame, Motion, earliest_reference, with_motion
from stylevideo.ops.margin import MARGIN_PX, painted_size
from stylevideo.ops.pyramid import LEAST_EDGE_PX, fit_long_edge, scale_ladder
from stylevideo.optimize import CarriedState, FrameLosses
from stylevideo.ranges import select_frames
from stylevideo.results import (
    Checked,
    ClipResult,
    Forecast,
    FrameFinished,
    FrameRecord,
    Listener,
    Planned,
    frame_warnings,
    loop_warnings,
    report,
    source_warnings,
)
from stylevideo.settings import Settings, Style
from stylevideo.shots import detect_shots
from stylevideo.styles import ReadStyle, read_styles, style_targets
from stylevideo.targets import StyleTargets
from stylevideo.temporal import FrameResult, Pull, Reference, SequenceState, as_reference, stylize_sequence
from stylevideo.timeline import Clip, Shot, VideoInfo
from stylevideo.version import __version__

logger = logging.getLogger(__name__)

READ_AHEAD_FRAMES = 2
IDENTITY_BYTES = 1 << 20
TURN_NAME = "turn"
"""Under this name a store remembers a turn that is complete."""

Made = tuple[FrameResult, SequenceState]
"""A frame, and the state to go on from."""


def stylize(
    source: str | Path,
    styles: Sequence[str | Path | Style],
    output: str | Path,
    settings: Settings | None = None,
    on_event: Listener = lambda event: None,
) -> ClipResult:
    """Stylise a clip and write it as a film with its original sound.

    An interrupted run is gone on with when it is started again with the same arguments; the film is then
    the same, byte for byte on the same CPU, as that of an uninterrupted one.

    Args:
        source: a video file.
        styles: at least one picture, or `Style(path, weight)`.
        output: the film, .mp4, .mov, .m4v or .mkv.
        settings: `Settings()`, which is the preset "standard", if not given.
        on_event: told of the plan, of each frame and of the forecast.
    Raises:
        InputError, SettingsError, DeviceError: something cannot be done as asked; nothing was begun.
        ResumeError: an interrupted run's frames were made from something else.
        DecodeError, EncodeError, StorageError, DeviceMemoryError: it went wrong on the way; the finished frames
            are kept.
    """
    began = time.perf_counter()
    settings = settings or Settings()
    output = Path(output).absolute()
    _check_outputs(Path(source), output, settings)
    job = _prepare(Path(source).absolute(), styles, output, settings)
    store = FrameStore(output, _fingerprint(job), settings.output.restart)
    on_event(Checked(job.clip))
    try:
        shots = _remembered_shots(store, job)
        state = _load_state(store, job)
        _announce(job, len(shots), state, on_event)
        forecast = None
        with closing(_stylize_frames(job, shots, state, store)) as results:
            for result, after in results:
                record = FrameRecord.of(job.clip.info, result)
                store.save(record.number, to_picture(result.image), asdict(record), _state_to_dict(after))
                on_event(FrameFinished(record))
                if forecast is None and result.iterations:
                    forecast = Forecast(_forecast_seconds(job, shots, result))
                    on_event(forecast)
        result_of_clip = _finish(job, store, shots, began)
    except (EncodeError, StorageError, InputError) as error:
        kind = EncodeError if isinstance(error, InputError) else type(error)  # the input vanished on the way
        raise kind(
            f"{error} The finished frames are kept in {store.folder}: run the same command again to go on from there."
        ) from error
    store.remove()
    return result_of_clip


def stylize_frames(
    source: str | Path, styles: Sequence[str | Path | Style], settings: Settings | None = None
) -> Iterator[FrameResult]:
    """Stylise a clip frame by frame, without writing anything.

    Args:
        source, styles, settings: as for `stylize`.
    Yields:
        One result per frame, in order.
    Raises:
        InputError, SettingsError, DeviceError: something cannot be done as asked.
        DecodeError: the source cannot be decoded.
    """
    path = Path(source).absolute()
    job = _prepare(path, styles, path, settings or Settings())
    with closing(_stylize_frames(job, _detect(job), None, None)) as results:
        for result, _ in results:
            yield result


@dataclass(frozen=True)
class _Job:
    """A clip with everything that was checked and read for it."""

    clip: Clip
    styles: tuple[ReadStyle, ...]
    settings: Settings
    size: tuple[int, int]
    device: torch.device
    vgg: VGG19


def _prepare(source: Path, styles: Sequence[str | Path | Style], output: Path, settings: Settings) -> _Job:
    """Check all that can be checked before any work."""
    device = choose_device(settings.optimizer.device)
    chosen = read_styles(styles)
    info = probe(source)
    selection = select_frames(info, settings.output.frames)
    info, frames = selection.info, selection.frames
    size = _film_size(info, settings.scales.size)
    check_decodable(info)
    vgg = load_vgg19(settings.weights.weights, device, convolution_dtype(settings.optimizer.precision, device))
    return _Job(Clip(source, output, info, frames), chosen, settings, size, device, vgg)


def _check_outputs(source: Path, output: Path, settings: Settings) -> None:
    check_output(output)
    if output.exists() and source.exists() and output.samefile(source):
        raise InputError(f"{output} is the clip itself. Choose another output with -o.")
    if output.exists() and not settings.output.overwrite:
        raise InputError(f"{output} is already there. Replace it with -y, or choose another output with -o.")
    for path, suffix in ((settings.output.sheet, ".png"), (settings.output.report, ".json")):
        if path and Path(path).suffix.lower() != suffix:
            raise InputError(f"{path}: this file must end in {suffix}.")
        if path:
            check_writable(Path(path).absolute())


def _film_size(info: VideoInfo, long_edge: int) -> tuple[int, int]:
    """Height and width of the film: the source's, or reduced to a long edge and then even."""
    height, width = info.height, info.width
    if 0 < long_edge < max(height, width):
        height, width = (max(2, round(edge / 2) * 2) for edge in fit_long_edge(height, width, long_edge))
    if min(height, width) < LEAST_EDGE_PX:
        raise InputError(
            f"{info.path.name}: {width}x{height} pixels are too small for VGG-19. "
            f"The short edge must have at least {LEAST_EDGE_PX} pixels: use a larger clip or a larger --size."
        )
    return height, width


def _stylize_frames(
    job: _Job, shots: Sequence[Shot], state: SequenceState | None, store: FrameStore | None
) -> Generator[Made, None, None]:
    """Every frame that is not yet made, with the state that follows it; the end of a looped film turns back."""
    frames = job.clip.frames
    begin = frames.start if state is None else state.index + 1
    if begin == frames.stop:
        return
    turning = turning_frames(frames, shots[-1], job.settings.temporal)
    last_moved = None if state is None else state.last_moved
    with closing(read_ahead(_with_motion(job, shots, begin, last_moved), READ_AHEAD_FRAMES)) as prepared:
        targets = style_targets(job.styles, job.vgg, job.settings)
        first = None
        for result, after in _made(job, targets, range(begin, turning.start), prepared, state):
            first = as_reference(result) if result.index == frames.start else first
            state = after
            yield result, after
        if not turning:
            return
        assert state is not None, "frames come before those that turn"
        turn = _turn(job, targets, turning, first, state, store)
        for result, after in _made(job, targets, range(state.index + 1, frames.stop), prepared, state, turn.pulls()):
            yield _with_cost_of(turn, result) if result.index == turning.start else result, after


def _made(
    job: _Job,
    targets: StyleTargets,
    indices: Iterable[int],
    prepared: Iterator[tuple[Frame, Motion | None]],
    state: SequenceState | None,
    pulls: Mapping[int, Pull] | None = None,
) -> Iterator[Made]:
    """The frames with these indices, which come next in `prepared`, and no more of it; errors name the frame."""
    results = stylize_sequence(prepared, state, job.vgg, targets, job.settings, pulls)
    for index in indices:
        with frame_context(job.clip.source, job.clip.info.number(index)), _memory_context(job):
            made = next(results)
        yield made


def _turn(
    job: _Job,
    targets: StyleTargets,
    turning: range,
    first: Reference | None,
    state: SequenceState,
    store: FrameStore | None,
) -> Turn:
    """What the last frames shall turn into: as an earlier run left it in the store, or made now, and kept there.

    Args:
        job, targets: of the film.
        turning: the last frames.
        first: the film's first frame; None if an earlier run made it, then it is taken from the store.
        state: after the frame before `turning`, unless the store has the whole turn.
        store: None keeps nothing on disk.
    """
    kept = store.recall(TURN_NAME) if store else None
    if store and kept is not None:
        pictures = {index: _as_tensor(store.turned(job.clip.info.number(index))) for index in kept.pop("indices")}
        return Turn(pictures=pictures, **kept)
    if first is None:
        assert store is not None, "what this run has not made is in the store"
        first = Reference(job.clip.frames.start, _as_tensor(store.picture(job.clip.info.number(job.clip.frames.start))))
    logger.info("%s: the last %d frames are first made backwards from the first", job.clip.source.name, len(turning))
    turn = _make_turn(job, targets, turning, state_before_turn(first, state), store)
    if store:
        costs = {"visible": turn.visible, "iterations": turn.iterations, "seconds": turn.seconds}
        store.remember(TURN_NAME, {**costs, "indices": sorted(turn.pictures)})
    return turn


def _make_turn(
    job: _Job, targets: StyleTargets, turning: range, state: SequenceState, store: FrameStore | None
) -> Turn:
    """Make the last frames backwards, if the source's last frame shows enough of its first."""
    began, iterations, pictures = time.perf_counter(), 0, {}
    with closing(read_ahead(_with_motion_backwards(job, turning), READ_AHEAD_FRAMES)) as prepared:
        with frame_context(job.clip.source, job.clip.info.number(turning[-1])):
            last, motion = next(prepared)
        assert motion is not None, "the last frame follows the first"
        visible = float(motion.visible.mean())
        indices = reversed(turning) if visible >= MEETING else ()
        for result, _ in _made(job, targets, indices, chain([(last, motion)], prepared), state):
            iterations += result.iterations
            pictures[result.index] = as_reference(result).picture.cpu()
            if store:
                store.save_turned(job.clip.info.number(result.index), to_picture(result.image))
    return Turn(visible, pictures, iterations, time.perf_counter() - began)


def _with_cost_of(turn: Turn, result: FrameResult) -> FrameResult:
    """The first frame that is pulled bears the cost of what it is pulled to."""
    return replace(result, iterations=result.iterations + turn.iterations, seconds=result.seconds + turn.seconds)


def _with_motion(
    job: _Job, shots: Sequence[Shot], begin: int, last_moved: int | None
) -> Iterator[tuple[Frame, Motion | None]]:
    """The frames from `begin` on, with their motion; those of the shot that they look back at are read too."""
    starts = {shot.start for shot in shots}
    first = begin
    if begin not in starts and last_moved is not None and job.settings.temporal.carry:
        shot_start = max(start for start in starts if start <= begin)
        first = min(last_moved, max(shot_start, earliest_reference(begin)))
    frames = _source_frames(job, range(first, job.clip.frames.stop))
    yield from with_motion(frames, job.settings.temporal.carry, starts, begin, last_moved)


def _with_motion_backwards(job: _Job, turning: range) -> Iterator[tuple[Frame, Motion | None]]:
    """The last frames, last first: its motion from the film's first frame, the others' each from the one after it."""
    first = job.clip.frames.start
    frames = chain(_source_frames(job, range(first, first + 1)), _source_frames_backwards(job, turning))
    yield from with_motion(frames, True, begin=turning.start)


def _source_frames(job: _Job, frames: range) -> Iterator[Frame]:
    for source in read_frames(job.clip.info, frames):
        yield Frame(source.index, to_image(fit_picture(source.image, job.size)), source.repaired)


def _source_frames_backwards(job: _Job, frames: range) -> Iterator[Frame]:
    """Decoded forwards, since videos cannot be read backwards, and held with 8 bits until they are used up."""
    sources = read_frames(job.clip.info, frames, job.reading)
    held = [replace(source, picture=source.picture.fitted(job.size)) for source in sources]
    while held:
        source = held.pop()
        yield Frame(source.index, to_image(source.image), source.repaired)


@contextmanager
def _memory_context(job: _Job) -> Iterator[None]:
    """Say what to do when the device's memory is too small."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise DeviceMemoryError(
            f"{describe(job.device)} has too little memory for {job.size[1]}x{job.size[0]} pixels. "
            "The finished frames are kept; begin again with a smaller --size and --restart, or use --device cpu."
        ) from error


def _detect(job: _Job) -> tuple[Shot, ...]:
    return detect_shots(job.clip.info, job.clip.frames, job.settings.shots)


def _remembered_shots(store: FrameStore, job: _Job) -> tuple[Shot, ...]:
    remembered = store.recall("shots")
    if remembered is not None:
        return tuple(Shot(**shot) for shot in remembered)
    shots = _detect(job)
    store.remember("shots", [asdict(shot) for shot in shots])
    return shots


def _announce(job: _Job, shots: int, state: SequenceState | None, on_event: Listener) -> None:
    finished = 0 if state is None else state.index + 1 - job.clip.frames.start
    on_event(Planned(job.clip, job.size[1], job.size[0], shots, describe(job.device), finished))


def _forecast_seconds(job: _Job, shots: Sequence[Shot], first: FrameResult) -> float:
    """Seconds for the frames after `first`, which was painted, at its pace; coarse evaluations count less."""
    options = job.settings.optimizer
    *coarse_sizes, full = scale_ladder(*painted_size(*job.size), job.settings.scales.coarse_scales)
    coarse = sum(math.prod(size) / math.prod(full) for size in coarse_sizes) * job.settings.scales.coarse_iterations
    cold = coarse + (options.first_iterations or options.iterations)
    warm = options.iterations if job.settings.temporal.carry else cold
    firsts = {shot.start for shot in shots} | {job.clip.frames.start}
    turning = turning_frames(job.clip.frames, shots[-1], job.settings.temporal)

    def cost(index: int) -> float:
        turn = len(turning) * warm if index == turning.start else 0
        return turn + (cold if index in firsts else warm)

    later = range(first.index + 1, job.clip.frames.stop)
    spent = cost(first.index) if first.index in firsts else first.iterations
    return first.seconds / spent * sum(cost(index) for index in later)


def _finish(job: _Job, store: FrameStore, shots: tuple[Shot, ...], began: float) -> ClipResult:
    """Write the film, the sheet and the report from the finished frames."""
    clip, options = job.clip, job.settings.output
    numbers = [clip.info.number(index) for index in clip.frames]
    records = tuple(FrameRecord.from_dict(store.record(number)) for number in numbers)
    if options.sheet:
        _write_sheet(job, store)
    film = write_film((store.picture(number) for number in numbers), clip.output, clip.info, clip.frames, options.crf)
    turn = store.recall(TURN_NAME)
    visible = 1.0 if turn is None else turn["visible"]
    warnings = (*source_warnings(clip.info), *frame_warnings(records), *loop_warnings(visible), *film.notes)
    result = ClipResult(
        output=clip.output,
        width=job.size[1],
        height=job.size[0],
        shots=shots,
        frames=records,
        seconds=time.perf_counter() - began,
        device=describe(job.device),
        warnings=warnings,
    )
    if options.report:
        text = json.dumps(report(clip, [read.style for read in job.styles], job.settings, result), indent=1)
        write_atomically(Path(options.report).absolute(), text.encode())
    return result


def _write_sheet(job: _Job, store: FrameStore) -> None:
    frames = job.clip.frames
    columns = min(COLUMNS, len(frames))
    wanted = sorted({frames[round(place)] for place in np.linspace(0, len(frames) - 1, columns)})
    sources = [frame for frame in read_frames(job.clip.info, frames) if frame.index in wanted]
    pairs = [
        (fit_picture(frame.image, job.size), store.picture(job.clip.info.number(frame.index))) for frame in sources
    ]
    labels = [str(job.clip.info.number(frame.index)) for frame in sources]
    write_sheet(Path(job.settings.output.sheet).absolute(), pairs, labels)


def _fingerprint(job: _Job) -> dict[str, Any]:
    return {
        "stylevideo": __version__,
        "margin_px": MARGIN_PX,
        "torch": torch.__version__,
        "source": _identity(job.clip.source),
        "styles": [[hashlib.sha256(read.picture.tobytes()).hexdigest(), read.style.weight] for read in job.styles],
        "opencv": cv2.__version__,
        "device_kind": job.device.type,
        "convolution_dtype": str(job.vgg.convolution_dtype),
        "weights_sha256": job.vgg.identity,
        **job.settings.fingerprint(),
    }


def _identity(path: Path) -> str:
    """A video's size and the SHA-256 of its first and last MiB: enough to tell clips apart, quick for large ones."""
    size = path.stat().st_size
    with path.open("rb") as file:
        digest = hashlib.sha256(file.read(IDENTITY_BYTES))
        file.seek(max(0, size - IDENTITY_BYTES))
        digest.update(file.read(IDENTITY_BYTES))
    return f"{size} bytes, {digest.hexdigest()[:16]}"


def _state_to_dict(state: SequenceState) -> dict[str, Any]:
    carried = vars(state.carried.to("cpu"))
    references = [reference.index for reference in state.references]  # their pictures are finished frames
    return {
        "index": state.index,
        "last_moved": state.last_moved,
        "losses": asdict(state.losses),
        "recent_losses": list(state.recent_losses),
        "carried": carried,
        "finished": state.finished.to("cpu"),
        "references": references,
    }


def _load_state(store: FrameStore, job: _Job) -> SequenceState | None:
    saved = store.last_state()
    if saved is None:
        return None
    device = job.device
    carried = CarriedState(**saved["carried"]).to(device)
    references = tuple(
        Reference(index, _as_tensor(store.picture(job.clip.info.number(index))).to(device))
        for index in saved["references"]
    )
    return SequenceState(
        index=saved["index"],
        last_moved=saved["last_moved"],
        carried=carried,
        finished=saved["finished"].to(device),
        losses=FrameLosses(**saved["losses"]),
        recent_losses=tuple(saved["recent_losses"]),
        references=references,
    )


def _as_tensor(picture: np.ndarray) -> torch.Tensor:
    """(H, W, 3) uint8 to (1, 3, H, W) uint8."""
    return torch.from_numpy(picture).permute(2, 0, 1)[None].contiguous()
