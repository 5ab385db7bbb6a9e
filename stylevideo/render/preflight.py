"""A clip and everything that is checked, decided and read before work on it begins."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import torch

from stylevideo.errors import InputError
from stylevideo.media.decode.reader import check_decodable, check_whole, open_clip
from stylevideo.media.encode.delivery import DELIVERIES, Delivery, choose_delivery
from stylevideo.media.encode.plan import plan_film
from stylevideo.media.encode.stretch import stretch_of_time
from stylevideo.media.encode.trial import check_film
from stylevideo.media.images.pictures import Reading
from stylevideo.media.images.view import SRGB, sequence_view, shown_by
from stylevideo.models.vgg import VGG19
from stylevideo.models.weights import load_vgg19
from stylevideo.ops.pyramid import LEAST_EDGE_PX, fit_long_edge
from stylevideo.render.job import Job, encoding_of
from stylevideo.render.outputs import check_replaced, refuse_into
from stylevideo.render.styles import read_styles, seen_through
from stylevideo.settings.presets import without_effect
from stylevideo.settings.schema import ClipFacts
from stylevideo.settings.sections import FootageSettings
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style
from stylevideo.store.identity import request_key
from stylevideo.store.watch import SourceWatch
from stylevideo.system.device import choose_device, convolution_dtype
from stylevideo.text import counted
from stylevideo.timeline.clip import Clip, VideoInfo
from stylevideo.timeline.ranges import select_frames

MOST_FRAMES = 100_000
MOST_REPEATS = 100
"""A film of constant rate may have so many frames, or so many for each of the source's."""
UNWRITTEN = DELIVERIES["png"]
"""Frames that are not written are kept as for this: 8 bits, or 16 where the source has more."""


def prepare(source: Path, styles: Sequence[str | Path | Style], output: Path | None, settings: Settings) -> Job:
    """Check all that can be checked before any work.

    Args:
        source: a video file, a pattern of an image sequence, or a folder with one.
        styles: at least one picture.
        output: the film, whose suffix decides its form; None where nothing is written.
        settings: of the job.
    Raises:
        InputError, SettingsError, DeviceError: something cannot be done as asked.
    """
    device = choose_device(settings.optimizer.device)
    chosen = read_styles(styles)
    footage = settings.footage
    delivery = choose_delivery(settings.output.delivery, output) if output else UNWRITTEN
    whole = open_clip(source, Fraction(footage.rate))
    selection = select_frames(whole, footage.frames, footage.start, footage.end, footage.handles)
    info, watch, request = selection.info, SourceWatch(selection.info, selection.frames), ""
    if source.is_dir():
        refuse_into(source, output, delivery)
        source = info.path
    if output:
        request = request_key(source, [read.style for read in chosen], settings, watch.identity)
        check_replaced(output, info, selection.frames, [read.style.path for read in chosen], settings)
    size = _film_size(info, settings.scales.size)
    bits = _bits(footage, info, delivery)
    reading = choose_reading(footage, info, delivery.has_alpha, bits)
    if info.is_linear or 32 in delivery.depths:
        chosen = seen_through(chosen, sequence_view(reading.view))
    if reading.is_displayed and _is_shown(settings, info, delivery):
        shown_by(reading.display, reading.display_view, reading.view)
    refuse_hdr(info, footage)
    check_decodable(info, reading)
    if footage.strict:
        check_whole(info, selection.frames, reading)
    if output and not delivery.is_sequence:
        _check_length(info, selection.frames, settings.output.variable_rate == "keep")
    plan = plan_film(info, output, selection.frames) if output else None
    if output and plan and not delivery.is_sequence:
        alpha = reading.alpha != "drop" and delivery.has_alpha
        kind = ((*size, 4 if alpha else 3), bits)
        check_film(plan, output, info, selection.frames, encoding_of(delivery, settings), kind)
    vgg = None
    if settings.optimizer.iterations:
        dtype = convolution_dtype(settings.optimizer.precision, device)
        vgg = _network(settings.weights.weights, device, dtype)
    clip = Clip(source, output or source, info, selection.frames)
    colors = tuple(read.note for read in chosen if read.note)
    notes = (*colors, *selection.notes, *info.notes, *without_effect(settings, _facts(info, delivery)))
    return Job(clip, chosen, settings, size, reading, bits, delivery, device, vgg, watch, plan, request, notes)


@lru_cache(maxsize=1)
def _network(weights: str, device: torch.device, dtype: torch.dtype) -> VGG19:
    """The last one is kept: the next clip of a batch most likely needs the same."""
    return load_vgg19(weights, device, dtype)


def _bits(footage: FootageSettings, info: VideoInfo, delivery: Delivery) -> int:
    """Bits a channel that finished frames are kept with."""
    depth = footage.depth
    if depth != "auto" and 32 not in delivery.depths:
        return int(depth) if _takes(delivery, depth) else delivery.depths[0]
    bits = delivery.depths[-1] if info.bits > 8 else delivery.depths[0]
    # From a logarithmic view to screens a step of 8 bits would become several.
    return max(bits, 16) if info.is_linear and sequence_view(footage.view) is not SRGB else bits


def _takes(delivery: Delivery, depth: str) -> bool:
    """Whether frames kept with this depth go into it; a film's encoder takes any, the files of a sequence their own."""
    return not delivery.is_sequence or int(depth) in delivery.depths


def _facts(info: VideoInfo, delivery: Delivery) -> ClipFacts:
    return ClipFacts(
        is_sequence=info.is_sequence,
        is_still=info.is_still,
        has_alpha=info.has_alpha,
        is_hdr=info.is_hdr,
        is_linear=info.is_linear,
        variable_rate=info.variable_rate,
        long_edge_px=max(info.width, info.height),
        delivery=delivery.name,
        is_film=not delivery.is_sequence,
        writes_light=32 in delivery.depths,
        depths=delivery.depths,
        has_crf=delivery.crf is not None,
    )


def _is_shown(settings: Settings, info: VideoInfo, delivery: Delivery) -> bool:
    """Whether light is shown as on screens: in the film, or in the sheet beside it."""
    return info.is_linear and (32 not in delivery.depths or bool(settings.output.sheet))


def choose_reading(footage: FootageSettings, info: VideoInfo, alpha: bool, bits: int) -> Reading:
    """How a source is read.

    Args:
        footage: what the user asked for.
        info: of the source.
        alpha: whether the film can hold an alpha channel.
        bits: a channel, at most.
    """
    dropped = not info.has_alpha or (footage.alpha == "keep" and not alpha)
    return Reading(
        bits=bits,
        alpha="drop" if dropped else footage.alpha,
        deinterlace=footage.deinterlace,
        tonemap=footage.tonemap and info.is_hdr,
        view=footage.view,
        display=footage.display,
        display_view=footage.display_view,
    )


def _check_length(info: VideoInfo, frames: range, keep_timestamps: bool) -> None:
    """Damaged times would make a film of days, in which a frame is repeated for hours; or one without any."""
    if stretch_of_time(info, frames).length == 0:
        raise InputError(
            f"{info.path.name}: by the times in the file {counted(len(frames), 'frame')} would last no time at all. "
            "Convert the clip first, or choose other --frames."
        )
    count = sum(info.repeats(frames.start, frames.stop))
    if keep_timestamps or 0 < count <= max(MOST_FRAMES, MOST_REPEATS * len(frames)):
        return
    raise InputError(
        f"{info.path.name}: by the times in the file {counted(len(frames), 'frame')} would be "
        f"{counted(count, 'frame')} of a film of {float(info.rate):g} a second. If the times are right, "
        "add --variable-rate keep; if not, convert the clip first, or choose other --frames."
    )


def refuse_hdr(info: VideoInfo, footage: FootageSettings) -> None:
    """Refuse HDR footage that is not to be brought down.

    Raises:
        InputError: with what to do about it.
    """
    if info.is_hdr and not footage.tonemap:
        raise InputError(
            f"{info.path.name} is HDR ({info.transfer}), which would look flat and grey. "
            "Add --tonemap to bring it down to bt709, or grade it to SDR first."
        )


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
