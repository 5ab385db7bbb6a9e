"""A finished film measured beside its source: read, paired frame by frame, summed up, and told in a table or as JSON.

The pictures stream past two decoders; only small numbers are kept of each frame.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np

from stylevideo.errors import InputError
from stylevideo.media.decode.reader import check_decodable, open_clip, read_frames
from stylevideo.media.decode.shots import detect_shots
from stylevideo.media.images.pictures import Picture, Reading, to_image
from stylevideo.media.images.view import sequence_view
from stylevideo.models.weights import load_vgg19
from stylevideo.motion.flow import DISFlow, FarnebackFlow
from stylevideo.motion.frame import Frame
from stylevideo.ops.pyramid import LEAST_EDGE_PX
from stylevideo.quality.metrics import (
    FilmMeasures,
    FrameMeasures,
    MeasuredFrame,
    coarse_sharpness,
    measure_frames,
    motion_by,
    ratio,
    sharpness,
    summarize,
)
from stylevideo.render.assemble import displayed
from stylevideo.render.outputs import check_plot
from stylevideo.render.preflight import choose_reading, refuse_hdr
from stylevideo.render.styles import read_styles, seen_through, style_targets
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style
from stylevideo.system.device import choose_device
from stylevideo.system.files import refuse_onto
from stylevideo.text import counted
from stylevideo.timeline.clip import Shot, VideoInfo
from stylevideo.timeline.ranges import select_frames

ROUNDING_PX = 1.5
"""By how much an edge may differ from the exactly scaled one: it is rounded to a pixel, then made even."""

MOST_BITS = 16
"""A channel; a film is measured in its own depth up to that."""

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
        source_info: what is known of the source.
        width, height: of the film, pixels; the source was reduced to it.
        shots: the source's; indices in the source.
        frames: a record of each frame.
        summary: the same over the film.
        reference: a film to compare sharpness with, or None.
    """

    source: Path
    film: Path
    source_info: VideoInfo
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
        styles: the pictures it was repainted with, as for `stylize`.
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
    pair = _open_pair(Path(source).absolute(), Path(film).absolute(), settings)
    original, made, frames = pair.source, pair.film, pair.frames
    if original.is_linear:
        chosen = seen_through(chosen, sequence_view(pair.reading.view))
    other = None if reference is None else _checked_reference(Path(reference).absolute(), pair)
    if plot:
        clips = (original, made, *(other or ())[:1])
        read = [file for clip in clips for file in (clip.thinned_from or clip).source_files()]
        refuse_onto("one of the files to be measured", [*read, *(style.style.path for style in chosen)], [plot])
    check_decodable(original, pair.reading)
    check_decodable(made, pair.film_reading)
    vgg = load_vgg19(settings.weights.weights, device)
    shots = detect_shots(original, frames, settings.shots, replace(pair.reading, bits=8, alpha="drop"))
    motions = {"farneback": motion_by(FarnebackFlow()), "dis": motion_by(DISFlow())}
    targets, starts = style_targets(chosen, vgg, settings), {shot.start for shot in shots}
    measured: list[FrameMeasures] = []
    with closing(_pairs(pair)) as pairs:
        for measures in measure_frames(pairs, vgg, targets, settings, motions, starts):
            measured.append(measures)
            on_frame(len(measured), len(frames))
    summary = summarize(measured)
    evaluation = Evaluation(
        source=original.path,
        film=made.path,
        source_info=original,
        width=made.width,
        height=made.height,
        shots=shots,
        frames=tuple(measured),
        summary=summary,
        reference=None if other is None else _compared_sharpness(summary, *other, pair.film_reading),
    )
    if plot:
        from stylevideo.quality.plot import write_plot  # matplotlib takes a while to load

        write_plot(plot, original, evaluation.frames, f"{made.path.name} beside {original.path.name}")
    return evaluation


@dataclass(frozen=True)
class _Pair:
    """A source and its film, and how they are read.

    Attributes:
        source, film: what is known of them; thinned where not all of their frames count.
        film_frames, frames: the indices that count, in the film and in the source.
        repeats: how often each of the source's frames is shown in the film.
        reading: of the source, as a run reads it, in its own depth.
    """

    source: VideoInfo
    film: VideoInfo
    film_frames: range
    frames: range
    repeats: tuple[int, ...]
    reading: Reading

    @property
    def film_reading(self) -> Reading:
        """How the film, and a reference, are read."""
        multiplied = self.source.is_linear or self.reading.alpha == "premultiply"
        alpha = "premultiply" if self.film.has_alpha and multiplied else "drop"
        return Reading(bits=self.reading.bits, alpha=alpha, view=self.reading.view)


def _open_pair(source: Path, film: Path, settings: Settings) -> _Pair:
    """Find out about both, and which frames of one are which of the other."""
    footage = settings.footage
    made = open_clip(film)
    whole = open_clip(source, Fraction(footage.rate) if made.is_sequence else made.rate)
    selection = select_frames(whole, footage.frames, footage.start, footage.end, footage.handles)
    original, frames = selection.info, selection.frames
    refuse_hdr(original, footage)
    reading = choose_reading(footage, original, made.has_alpha, MOST_BITS)
    keep_timestamps = original.variable_rate and (made.variable_rate or settings.output.variable_rate == "keep")
    once = made.is_sequence or keep_timestamps
    repeats = (1,) * len(frames) if once else original.repeats(frames.start, frames.stop)
    pair = _Pair(original, *_film_of(made, original, frames), frames, repeats, reading)
    _check_pair(pair)
    return pair


def _film_of(film: VideoInfo, source: VideoInfo, frames: range) -> tuple[VideoInfo, range]:
    """All of a film; of an image sequence only what has the numbers of the source's frames, if it has them."""
    if not film.is_sequence:
        return film, range(film.frame_count)
    wanted = [source.number(index) - film.first_number for index in frames]
    if wanted[0] < 0 or wanted[-1] >= film.frame_count:
        return film, range(film.frame_count)
    if source.thinned_from is None:
        return film, range(wanted[0], wanted[-1] + 1)
    return film.every_nth(wanted), range(len(wanted))


def _checked_plot(path: Path) -> Path:
    if path.suffix.lower() != ".png":
        raise InputError(f"{path}: a plot must end in .png.")
    check_plot(path)
    return path


def _check_pair(pair: _Pair) -> None:
    """Refuse a film that cannot be of these frames of the source."""
    source, film, expected = pair.source, pair.film, sum(pair.repeats)
    found = sum(not film.is_sequence or film.files[index] is not None for index in pair.film_frames)
    if found != expected:
        kept = ", and add --variable-rate keep if it keeps the source's times" if source.variable_rate else ""
        raise InputError(
            f"{film.path.name} has {counted(found, 'frame')}, but --frames {source.numbers(pair.frames)} of "
            f"{source.path.name} makes {expected}. "
            f"Say with --frames which of the source's frames the film shows, as it was made{kept}."
        )
    skew = abs(film.width * source.height - film.height * source.width)
    if skew > ROUNDING_PX * (source.width + source.height):
        raise InputError(
            f"{film.path.name} is {film.width}x{film.height} and {source.path.name} {source.width}x{source.height}: "
            "the proportions differ. Compare a film with the clip it was made from, neither cropped nor padded."
        )
    if min(film.width, film.height) < LEAST_EDGE_PX:
        raise InputError(
            f"{film.path.name}: {film.width}x{film.height} pixels are too small for VGG-19. "
            f"The short edge must have at least {LEAST_EDGE_PX} pixels."
        )


def _checked_reference(path: Path, pair: _Pair) -> tuple[VideoInfo, range]:
    film, count = pair.film, len(pair.film_frames)
    reference, frames = _film_of(open_clip(path, film.rate), pair.source, pair.frames)
    if (len(frames), reference.width, reference.height) != (count, film.width, film.height):
        raise InputError(
            f"{path.name} has {counted(len(frames), 'frame')} of {reference.width}x{reference.height}, but "
            f"{film.path.name} has {count} of {film.width}x{film.height}. "
            "Make the reference from the same frames at the same size."
        )
    check_decodable(reference, pair.film_reading)
    return reference, frames


def _pairs(pair: _Pair) -> Generator[MeasuredFrame]:
    """Each of the source's frames at the film's size, with the first film frame that shows it.

    The film of a variable-rate source shows a frame several times, or leaves it out.
    """
    size = (pair.film.height, pair.film.width)
    pictures = read_frames(pair.film, pair.film_frames, pair.film_reading)
    sources = read_frames(pair.source, pair.frames, pair.reading)
    for original, count in zip(sources, pair.repeats, strict=True):
        shown = islice(pictures, count)
        first = next(shown, None)
        for _ in shown:
            pass
        if first is not None:
            image = to_image(_as_in_film(pair, original.picture.fitted(size)))
            yield Frame(original.index, image, original.repaired), to_image(first.image)


def _as_in_film(pair: _Pair, picture: Picture) -> np.ndarray:
    """A picture of the source as the film would show it: light that is no light in the film is shown as on screens."""
    if pair.film.is_linear:
        return picture.image
    return displayed(pair.source, pair.reading, picture.image, gain=picture.gain)


def _compared_sharpness(
    summary: FilmMeasures, reference: VideoInfo, frames: range, reading: Reading
) -> ReferenceSharpness:
    fine, coarse = [], []
    for picture in read_frames(reference, frames, reading):
        image = to_image(picture.image)
        fine.append(sharpness(image))
        coarse.append(coarse_sharpness(image))
    means = statistics.fmean(fine), statistics.fmean(coarse)
    return ReferenceSharpness(
        reference.path, *means, ratio(summary.sharpness, means[0]), ratio(summary.coarse_sharpness, means[1])
    )
