"""A finished film measured beside its source: read, paired frame by frame, summed up, and told in a table or as JSON.

The pictures stream past two decoders; only small numbers are kept of each frame.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from stylevideo.errors import InputError
from stylevideo.media.decode.reader import check_decodable, open_clip, read_frames
from stylevideo.media.decode.shots import detect_shots
from stylevideo.media.images.pictures import Reading, to_image
from stylevideo.media.images.style_files import style_files
from stylevideo.media.images.view import sequence_view
from stylevideo.models.weights import load_vgg19
from stylevideo.motion.flow import DISFlow, FarnebackFlow
from stylevideo.quality.measures import (
    FilmMeasures,
    FrameMeasures,
    measure_frames,
    motion_by,
    summarize,
)
from stylevideo.quality.metrics import coarse_sharpness, ratio, sharpness
from stylevideo.quality.pairs import FilmPair, film_of, open_pair, pair_frames
from stylevideo.render.outputs import check_plot
from stylevideo.render.styles import read_styles, seen_through, style_targets
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style
from stylevideo.system.device import choose_device
from stylevideo.system.files import refuse_onto
from stylevideo.text import counted
from stylevideo.timeline.clip import Shot
from stylevideo.timeline.selection import FrameSelection

ProgressListener = Callable[[int, int], None]
"""Told how many frames are measured, and of how many."""


@dataclass(frozen=True)
class ReferenceSharpness:
    """How sharp another film of the same frames is, such as one made frame by frame.

    Attributes:
        film: the file.
        sharpness, coarse_sharpness: means over its frames.
        relative_sharpness, relative_coarse_sharpness: those of the evaluated film in parts of these.
    """

    film: Path
    sharpness: float
    coarse_sharpness: float
    relative_sharpness: float
    relative_coarse_sharpness: float


@dataclass(frozen=True)
class Evaluation:
    """A film's measures.

    Attributes:
        source, film: the files.
        selection: of the source; numbers the frames.
        width, height: of the film, pixels; the source was reduced to it.
        shots: the source's; indices in the selection.
        frames: a record of each frame.
        summary: the same over the film.
        reference: a film to compare sharpness with, or None.
    """

    source: Path
    film: Path
    selection: FrameSelection
    width: int
    height: int
    shots: tuple[Shot, ...]
    frames: tuple[FrameMeasures, ...]
    summary: FilmMeasures
    reference: ReferenceSharpness | None


def evaluate(
    source: str | Path,
    film: str | Path,
    styles: Sequence[str | Path | Style],
    settings: Settings | None = None,
    *,
    reference: str | Path | None = None,
    plot: str | Path | None = None,
    on_frame: ProgressListener = lambda done, total: None,
) -> Evaluation:
    """Measure a finished film beside its source; see `stylevideo.quality.metrics` for what each measure means.

    The film is judged as it is on disk, its compression included, by fp32 convolutions on any device. Cuts are looked
    for in the source; nothing is compared across them.

    Args:
        source: the video that was repainted.
        film: what became of it, in the same proportions.
        styles: what it was repainted with, as for `stylize`; of a clip its mean.
        settings: the loss, the style scale, how the source was read and which of its frames the film shows, whether
            it keeps a varying rate, where cuts are looked for, weights and device; `Settings()` if not given.
        reference: another film of the same frames and size, to compare sharpness with.
        plot: where to draw the measures over time, .png.
        on_frame: told of the progress.
    Raises:
        InputError, SettingsError, DeviceError: something cannot be done as asked; nothing was begun.
        DecodeError: no frame of a file can be decoded.
        StorageError: the plot cannot be written.
    """
    settings = settings or Settings()
    plot = None if plot is None else _checked_plot(Path(plot).absolute())
    device = choose_device(settings.optimizer.device)
    chosen = read_styles(styles)
    pair = open_pair(Path(source).absolute(), Path(film).absolute(), settings)
    original, made = pair.source.info, pair.film.info
    if original.is_linear:
        chosen = seen_through(chosen, sequence_view(pair.reading.view))
    other = None if reference is None else _checked_reference(Path(reference).absolute(), pair)
    if plot:
        clips = (original, made, *([other.info] if other else []))
        read = [file for clip in clips for file in clip.source_files()]
        read += (file for style in chosen for file in style_files(style.style.path) if file)
        refuse_onto("one of the files to be measured", read, [plot])
    check_decodable(pair.source, pair.reading)
    check_decodable(pair.film, pair.film_reading)
    vgg = load_vgg19(settings.weights.weights, device)
    shots = detect_shots(pair.source, settings.shots, replace(pair.reading, bits=8, alpha="drop"))
    motions = {"farneback": motion_by(FarnebackFlow()), "dis": motion_by(DISFlow())}
    targets, starts = style_targets(chosen, vgg, settings), {shot.start for shot in shots}
    measured: list[FrameMeasures] = []
    with closing(pair_frames(pair)) as pairs:
        for measures in measure_frames(pairs, vgg, targets, settings, motions, starts):
            measured.append(measures)
            on_frame(len(measured), len(pair.source.frames))
    summary = summarize(measured)
    evaluation = Evaluation(
        source=original.path,
        film=made.path,
        selection=pair.source,
        width=made.width,
        height=made.height,
        shots=shots,
        frames=tuple(measured),
        summary=summary,
        reference=None if other is None else _compared_sharpness(summary, other, pair.film_reading),
    )
    if plot:
        from stylevideo.quality.plot import write_plot  # matplotlib takes a while to load

        write_plot(plot, pair.source, evaluation.frames, f"{made.path.name} beside {original.path.name}")
    return evaluation


def _checked_plot(path: Path) -> Path:
    if path.suffix.lower() != ".png":
        raise InputError(f"{path}: a plot must end in .png.")
    check_plot(path)
    return path


def _checked_reference(path: Path, pair: FilmPair) -> FrameSelection:
    film, count = pair.film.info, len(pair.film.frames)
    selection = film_of(open_clip(path, film.rate), pair.source)
    reference, found = selection.info, len(selection.frames)
    if (found, reference.width, reference.height) != (count, film.width, film.height):
        raise InputError(
            f"{path.name} has {counted(found, 'frame')} of {reference.width}x{reference.height}, but "
            f"{film.path.name} has {count} of {film.width}x{film.height}. "
            "Make the reference from the same frames at the same size."
        )
    check_decodable(selection, pair.film_reading)
    return selection


def _compared_sharpness(summary: FilmMeasures, reference: FrameSelection, reading: Reading) -> ReferenceSharpness:
    fine, coarse = [], []
    for picture in read_frames(reference, reading):
        image = to_image(picture.image)
        fine.append(sharpness(image))
        coarse.append(coarse_sharpness(image))
    means = statistics.fmean(fine), statistics.fmean(coarse)
    return ReferenceSharpness(
        reference.info.path, *means, ratio(summary.sharpness, means[0]), ratio(summary.coarse_sharpness, means[1])
    )
